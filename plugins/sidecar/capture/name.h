/*
 * Names of files that come from names of others': an instance is called after somebody's
 * working directory, and may be "..", hold "/" or be empty. Pure.
 */
#ifndef SIDECAR_CAPTURE_NAME_H
#define SIDECAR_CAPTURE_NAME_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sidecar/capture/request.h"

enum {
  CAPTURE_FILE_NAME_MAX = 128,   /* of an instance, with its NUL */
  CAPTURE_BUNDLE_NAME_MAX = 128, /* of a bundle, with its NUL */
};

/*
 * The instance as a file name: letters, digits, "_", "-", "+", "@", "=", "," and ".", and
 * harmless characters beyond ASCII stand for themselves, every other byte is %XX, as a "."
 * or "-" in front is. Two instances never get the same name, unless a hash of 64 bits, which
 * ends what would be too long, is the same.
 */
void capture_name_instance(const char *instance, char ret[CAPTURE_FILE_NAME_MAX]);

/* What a reason may be: 1 to 48 bytes of a-z, 0-9 and _. */
bool capture_reason_is_valid(const char *reason);

/* What the name of a bundle says. Names sort by their time. */
struct capture_bundle_name {
  int64_t wall_time_ms; /* UTC, since the epoch */
  pid_t pid;
  char reason[CAPTURE_REASON_MAX + 1];
};

/* "20260731T235959.123Z-pid4711-fds_growing" */
void capture_name_bundle(const struct capture_bundle_name *bundle,
                         char ret[CAPTURE_BUNDLE_NAME_MAX]);

/* Is it a name that capture_name_bundle() makes? The time is not read back. */
bool capture_name_parse_bundle(const char *name, pid_t *ret_pid,
                               char ret_reason[CAPTURE_REASON_MAX + 1]);

/* A time as a bundle's name has it, such as "20260731T235959.123Z"; and for people, such as
 * "2026-07-31 23:59:59 UTC". */
enum { CAPTURE_TIME_MAX = 32 };
void capture_time_compact(int64_t wall_time_ms, char ret[CAPTURE_TIME_MAX]);
void capture_time_readable(int64_t wall_time_ms, char ret[CAPTURE_TIME_MAX]);

#endif
