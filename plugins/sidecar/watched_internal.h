/* What the files that make up a watched process share: sending, and keeping the books. */
#ifndef SIDECAR_WATCHED_INTERNAL_H
#define SIDECAR_WATCHED_INTERNAL_H

#include "sidecar/watched.h"

/* Sends services->samples. */
void watched_emit_scratch(const struct watched *watched, const struct watch_services *services);

/* Sends what is held; interval_ms as in struct watch_sink. */
void watched_emit_held(const struct watched *watched, const struct watch_services *services,
                       const struct held_samples *held, uint64_t interval_ms);

/*
 * Keeps how a collector's reading ended. reason is what went wrong, in words, and is said
 * at once, then ever less often, until the collector works again.
 */
void watched_collector_ended(struct watched *watched, const struct watch_services *services,
                             enum collector collector, enum collector_status status,
                             const char *reason, uint64_t duration_ns);

/* The same for collectors that read files below /proc/PID: what says which, error is 0 or
 * -errno, started_ns when the reading began. */
void watched_collector_read(struct watched *watched, const struct watch_services *services,
                            enum collector collector, const char *what, int error,
                            uint64_t started_ns);

#endif
