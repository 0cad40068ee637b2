/*
 * The state file: the alerts that outlive collectd, so that an alert that fired before a
 * restart can be resolved after it. Replaced as a whole and atomically, readable only by its
 * owner; a damaged line loses one alert. The format of a line is left to state_record.h.
 */
#ifndef NOTIFY_ALERTMANAGER_STATE_FILE_H
#define NOTIFY_ALERTMANAGER_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "notify_alertmanager/state_record.h"

/* A file that is being written; the file it replaces stays until state_file_commit. */
struct state_file {
  char *path, *new_path;
  int fd;
  struct buffer pending;
  struct json_writer writer;
};

/* Creates a new file beside path. Returns 0 or a negative errno. */
int state_file_begin(struct state_file *f, const char *path);

/* Adds a record. Returns 0 or a negative errno; then call state_file_abort. */
int state_file_add(struct state_file *f, const struct state_record *record);

/* Syncs the new file and renames it to path. On an error the old file stays. Always frees f. */
int state_file_commit(struct state_file *f);

/* Removes the new file and frees f. */
void state_file_abort(struct state_file *f);

struct state_file_report {
  size_t records;
  size_t damaged;       /* lines that were skipped */
  bool foreign;         /* not a state file, or one of another version: nothing was read */
  char kept_aside[512]; /* path of a copy of the damaged file, "" if there is none */
};

/* Called with each record; takes over the reference of the alert. */
typedef void (*state_file_fn)(void *context, const struct state_record *record);

/*
 * Reads a file. If it is damaged or foreign, it is kept as path + ".damaged". Returns 0, also
 * for a damaged file; -ENOENT if there is no such file; -EINVAL if it is not a regular file;
 * another negative errno if it cannot be read.
 */
int state_file_load(const char *path, state_file_fn on_record, void *context,
                    struct state_file_report *ret);

#endif
