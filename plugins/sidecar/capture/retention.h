/*
 * Which bundle goes when there are too many. The oldest does; but of each process the newest
 * baseline and the newest bundle of a flag stay, unless the process has ended and there is
 * nothing else to delete. Pure.
 */
#ifndef SIDECAR_CAPTURE_RETENTION_H
#define SIDECAR_CAPTURE_RETENTION_H

#include "sidecar/capture/shelf.h"

struct retention_limits {
  uint64_t process_max_bytes, process_max_bundles; /* of an instance */
  uint64_t total_max_bytes;
};

/* The bundle that is about to be added. */
struct retention_newcomer {
  const char *instance;
  bool is_baseline;
  uint64_t bytes;
};

/*
 * The next bundle to delete. NULL when the newcomer fits, or else when nothing more may be
 * deleted: *ret_fits says which. Those two of one process that always stay may pass its own
 * limits, never the total. is_alive tells whether a bundle's process is.
 */
const struct shelf_bundle *retention_next(const struct shelf *shelf,
                                          const struct retention_limits *limits,
                                          const struct retention_newcomer *newcomer,
                                          bool (*is_alive)(void *, const struct identity *),
                                          void *context, bool *ret_fits);

#endif
