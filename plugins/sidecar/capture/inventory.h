/*
 * The bundles on the disk: which there are, of which processes and how large, and which of them
 * is deleted first to make room. The capture folder is scanned for each capture, so that a
 * restart of the daemon and an administrator who removes bundles need no special case.
 */
#ifndef SIDECAR_CAPTURE_INVENTORY_H
#define SIDECAR_CAPTURE_INVENTORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sidecar/capture/name.h"

enum { INVENTORY_MAX = 20000 }; /* bundles; past that the oldest are deleted, as past a limit */

struct inventory_bundle {
  char instance[CAPTURE_FILE_NAME_MAX]; /* names of directories */
  char name[CAPTURE_BUNDLE_NAME_MAX];   /* sorts by time */
  bool is_baseline;
  struct identity identity; /* pid 0: not known */
  uint64_t bytes;           /* on the disk */
};

struct inventory {
  struct inventory_bundle *bundles; /* oldest first */
  size_t len, capacity;
  uint64_t bytes;
};

/*
 * Scans every bundle below the capture folder, and removes what an earlier run of the daemon
 * left half-written. Files of other origin are left alone and not counted. Returns 0, -ENOMEM,
 * -ECANCELED once *stopping, or -errno of the folder itself. *ret is the caller's, also after
 * an error.
 */
int inventory_scan(int folder, const atomic_bool *stopping, struct inventory *ret);
void inventory_free(struct inventory *inventory);

/* The newest baseline of exactly this process; NULL when there is none. */
const struct inventory_bundle *inventory_find_baseline(const struct inventory *inventory,
                                                       const struct identity *identity);

struct inventory_limits {
  uint64_t process_max_bytes, process_max_bundles; /* of an instance */
  uint64_t total_max_bytes;
};

/* The bundle that is about to be added. */
struct inventory_newcomer {
  const char *instance;
  bool is_baseline;
  uint64_t bytes;
};

/*
 * The next bundle to delete: the oldest; but of each instance the newest baseline and the
 * newest bundle of a flag stay, unless their process has ended and there is nothing else to
 * delete. NULL when the newcomer fits, or else when nothing more may be deleted: *ret_fits says
 * which. The two of an instance that stay may exceed its own limits, never the total. is_alive
 * returns whether a bundle's process is running. No I/O but what is_alive does.
 */
const struct inventory_bundle *
inventory_next_victim(const struct inventory *inventory, const struct inventory_limits *limits,
                      const struct inventory_newcomer *newcomer,
                      bool (*is_alive)(void *, const struct identity *), void *context,
                      bool *ret_fits);

/* Deletes a bundle, which disappears in one step, and the instance's directory with its last
 * bundle. Returns 0 or -errno; the bundle leaves the inventory in any case. */
int inventory_remove(struct inventory *inventory, int folder,
                     const struct inventory_bundle *bundle);

#endif
