/*
 * The state file: the alerts that have to outlive collectd, so that what fired before a
 * restart can be resolved after it. Replaced as a whole and atomically, for the owner's eyes
 * only; a line that got damaged costs that one alert.
 */
#ifndef NOTIFY_ALERTMANAGER_STATE_FILE_H
#define NOTIFY_ALERTMANAGER_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "notify_alertmanager/state_record.h"

/* A file being written; the one it is to replace stays until state_file_commit. */
struct state_file {
  char *path, *new_path;
  int fd;
  struct buffer pending;
  struct json_writer writer;
};

/* Begins path's successor beside it. Returns 0 or a negative errno. */
int state_file_begin(struct state_file *f, const char *path);

/* Adds a record. Returns 0 or a negative errno; then only abort remains. */
int state_file_add(struct state_file *f, const struct state_record *record);

/* Puts it on the disk and in place. On an error the old file stays. Frees f either way. */
int state_file_commit(struct state_file *f);

/* Drops it. */
void state_file_abort(struct state_file *f);

struct state_file_report {
  size_t records;
  size_t damaged;       /* lines passed over */
  bool foreign;         /* not a state file, or one of another version: nothing was read */
  char kept_aside[512]; /* a copy of what was not understood, "" when there is none */
};

/* Gets each record; takes over the alert's reference. */
typedef void (*state_file_fn)(void *context, const struct state_record *record);

/*
 * Reads a file. Where something was not understood, what is there now stays reachable as
 * path + ".damaged". Returns 0, also with damage; -ENOENT when there is no such file,
 * another negative errno when it cannot be read; -EINVAL when it is no regular file.
 */
int state_file_load(const char *path, state_file_fn on_record, void *context,
                    struct state_file_report *ret);

#endif
