/*
 * Names in the capture directory, and the identity of a bundle's process. An instance is named
 * after a working directory that some user chose, so it may be "..", contain "/" or be empty:
 * here it is converted to a safe file name. A bundle's file identity.txt contains pid, start
 * time and boot, to identify its process after a restart of the daemon, and the user whose
 * process it was: all files belong to the daemon's user, so none but that user and root can
 * change it. Pure.
 */
#ifndef SIDECAR_CAPTURE_NAME_H
#define SIDECAR_CAPTURE_NAME_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/scan.h"
#include "sidecar/capture/request.h"

enum {
  CAPTURE_FILE_NAME_MAX = 128,   /* of an instance, with its NUL */
  CAPTURE_BUNDLE_NAME_MAX = 128, /* of a bundle, with its NUL */
  CAPTURE_TIME_MAX = 32,
};

/* The files of a bundle. */
#define CAPTURE_README_FILE "README.txt"
#define CAPTURE_IDENTITY_FILE "identity.txt"
#define CAPTURE_METRICS_FILE "metrics.txt"
#define CAPTURE_DESCRIPTORS_FILE "fds.txt"
#define CAPTURE_MEMORY_MAP_FILE "memory-map.txt"
#define CAPTURE_HEAP_FILE "heap.pb.gz"
#define CAPTURE_GOROUTINES_FILE "goroutines.txt"
#define CAPTURE_LEAKS_FILE "goroutineleak.txt"
#define CAPTURE_CPU_FILE "cpu.pb.gz"
/* and the one next to the bundles of an instance */
#define CAPTURE_SUMMARY_FILE "summary.txt"
/* and next to the instances: see demand.h. Also with a "." and a name. */
#define CAPTURE_DEMAND_FILE "capture-now"

/*
 * The instance as a file name: letters, digits, "_", "-", "+", "@", "=", "," and ".", and
 * printable characters beyond ASCII are kept, every other byte becomes %XX, as does a "." or
 * "-" at the beginning, and the first byte of a name that begins with CAPTURE_DEMAND_FILE: no
 * user may have a directory in the place of that. A name that would be too long is truncated
 * and ends in a hash of 64 bits; except for a hash collision, two instances never have the same
 * name.
 */
void capture_name_instance(const char *instance, char ret[CAPTURE_FILE_NAME_MAX]);

/* What a bundle was taken for: a red flag; the baseline; a time, or because it was asked for.
 */
enum bundle_kind { BUNDLE_OF_FLAG, BUNDLE_BASELINE, BUNDLE_OF_TIME, BUNDLE_KINDS };

enum bundle_kind capture_bundle_kind(const char *reason);

/* A reason has 1 to CAPTURE_REASON_MAX bytes of a-z, 0-9 and _. */
bool capture_reason_is_valid(const char *reason);

/* "20260731T235959.123Z-pid4711-fds_growing", in UTC: names sort by time. Times before 1970 and
 * after the year 9999 are clamped. The reason must be valid. */
void capture_name_bundle(int64_t wall_time_ms, pid_t pid, const char *reason,
                         char ret[CAPTURE_BUNDLE_NAME_MAX]);

/* "FOLDER/INSTANCE/BUNDLE"; folder has at most CAPTURE_FOLDER_MAX bytes. */
void capture_name_path(const char *folder, const struct capture_request *request,
                       char ret[CAPTURE_PATH_MAX]);

/* Returns whether it has the format of capture_name_bundle(). The time is not checked. */
bool capture_name_parse_bundle(const char *name, pid_t *ret_pid,
                               char ret_reason[CAPTURE_REASON_MAX + 1]);

/* "2026-07-31 23:59:59 UTC", for people. */
void capture_time_readable(int64_t wall_time_ms, char ret[CAPTURE_TIME_MAX]);

enum {
  IDENTITY_BOOT_MAX = 40,  /* with its NUL */
  IDENTITY_TEXT_MAX = 128, /* of identity.txt, with its NUL */
};

/* Of bundles that were written before the owner was recorded. */
#define IDENTITY_OWNER_UNKNOWN ((uid_t)-1)

struct identity {
  pid_t pid; /* 0: not known */
  uid_t owner;
  uint64_t start_ticks;
  char boot[IDENTITY_BOOT_MAX]; /* as host_boot_id(); "" where the system has none */
};

/* "pid 4711, start 123456, boot 0f5c...\nowner 1000\n" */
void identity_print(const struct identity *identity, char ret[IDENTITY_TEXT_MAX]);

/* The line of the owner may be missing. Returns 0, or -EBADMSG with nothing written. */
int identity_parse(struct span text, struct identity *ret);

/* Whether it is the same process, whosever it is by now. */
bool identity_equals(const struct identity *a, const struct identity *b);

#endif
