/*
 * The bundles on disk, with their processes and sizes, and which of them is deleted first to
 * make room. The capture directory is scanned for each capture, so that a restart of the daemon
 * and bundles deleted by an administrator are not special cases.
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
 * Scans every bundle below the capture directory, and removes incomplete ones of an earlier run
 * of the daemon. Other files are left alone and not counted. Returns 0, -ENOMEM, -ECANCELED
 * once *stopping, or -errno of the directory itself. The caller owns *ret, also after an error.
 */
int inventory_scan(int folder, const atomic_bool *stopping, struct inventory *ret);
void inventory_free(struct inventory *inventory);

/* The newest baseline of this very process; NULL when there is none. */
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
 * The next bundle to delete: the oldest, except that the newest baseline and the newest bundle
 * of a flag of each instance are kept, unless their process has ended and there is nothing else
 * to delete. NULL when the new bundle fits (*ret_fits) or nothing more may be deleted. The two
 * kept ones may exceed the limits of their instance, but never the total. is_alive returns
 * whether a bundle's process is running. No I/O except in is_alive.
 */
const struct inventory_bundle *
inventory_next_victim(const struct inventory *inventory, const struct inventory_limits *limits,
                      const struct inventory_newcomer *newcomer,
                      bool (*is_alive)(void *, const struct identity *), void *context,
                      bool *ret_fits);

/* Deletes a bundle atomically, and with the last one the instance's directory. Returns 0 or
 * -errno; the bundle is removed from the inventory in any case. */
int inventory_remove(struct inventory *inventory, int folder,
                     const struct inventory_bundle *bundle);

#endif
