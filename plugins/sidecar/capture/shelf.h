/*
 * The bundles on the disk: which there are, of which processes and how large. Looked at anew
 * for each capture, so that restarts of the daemon and somebody who tidies up by hand are
 * nothing special.
 */
#ifndef SIDECAR_CAPTURE_SHELF_H
#define SIDECAR_CAPTURE_SHELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sidecar/capture/name.h"

enum { SHELF_MAX = 20000 }; /* bundles; past that the oldest are deleted, as past a cap */

struct shelf_bundle {
  char instance[CAPTURE_FILE_NAME_MAX]; /* names of folders */
  char name[CAPTURE_BUNDLE_NAME_MAX];   /* sorts by time */
  bool is_baseline;
  struct identity identity; /* pid 0: not known */
  uint64_t bytes;           /* on the disk */
};

struct shelf {
  struct shelf_bundle *bundles; /* oldest first */
  size_t len, capacity;
  uint64_t bytes;
};

/*
 * Looks at every bundle below the capture folder, and sweeps away what an earlier daemon left
 * half-written. What is not ours is left alone and not counted. is_canceled is asked between
 * bundles. Returns 0, -ENOMEM, -ECANCELED, or -errno of the folder itself. *ret is the
 * caller's, also after an error.
 */
int shelf_scan(int folder, bool (*is_canceled)(void *), void *context, struct shelf *ret);
void shelf_free(struct shelf *shelf);

/* The newest baseline of this very process, NULL when there is none. */
const struct shelf_bundle *shelf_find_baseline(const struct shelf *shelf,
                                               const struct identity *identity);

/* Deletes a bundle: from one moment to the next it is not there any more. The instance's
 * folder goes with its last bundle. Returns 0 or -errno; off the shelf it is in any case. */
int shelf_remove(struct shelf *shelf, int folder, const struct shelf_bundle *bundle);

#endif
