/*
 * A bundle while it is written: a hidden folder that gets its name when everything is in it
 * and on the disk, or disappears.
 */
#ifndef SIDECAR_CAPTURE_BUNDLE_H
#define SIDECAR_CAPTURE_BUNDLE_H

#include <stdint.h>

#include "common/buffer.h"
#include "sidecar/capture/directory.h"
#include "sidecar/capture/name.h"

struct bundle {
  int instance; /* the instance's folder */
  int folder;   /* the hidden one; -1: none */
  char name[CAPTURE_BUNDLE_NAME_MAX];
  char hidden[sizeof(DIRECTORY_TEMPORARY) + CAPTURE_BUNDLE_NAME_MAX];
  uint64_t bytes;          /* of its files that are closed */
  struct buffer not_taken; /* lines of the README: what is not there, and why */
};

/* instance is borrowed. Returns 0; -EEXIST when there is a bundle of this name; -errno. */
int bundle_begin(struct bundle *bundle, int instance, const char *name);

/* A new file in it; NAME is one of ours. Returns its descriptor or -errno. */
int bundle_create_file(struct bundle *bundle, const char *name);

/* Brings the file to the disk and closes it. Returns 0 or -errno, and it is closed. */
int bundle_close_file(struct bundle *bundle, int fd);

/* Closes it, and takes it out again. */
void bundle_drop_file(struct bundle *bundle, int fd, const char *name);

/* A whole file at once. Returns 0 or -errno. */
int bundle_write_file(struct bundle *bundle, const char *name, struct span text);

/* Notes that a file is not there, for the README. */
void bundle_note(struct bundle *bundle, const char *name, const char *why);

/* Gives it its name. Returns 0, or -errno with nothing left of it. */
int bundle_commit(struct bundle *bundle);

/* Leaves nothing behind; after bundle_commit() it does nothing. */
void bundle_abort(struct bundle *bundle);

/* Replaces the summary beside the bundles; never through a link. Returns 0 or -errno. */
int bundle_replace_summary(int instance, struct span text);

#endif
