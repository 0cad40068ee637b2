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
 * at once, then ever less often, until the collector works again; once a process when
 * several collectors are denied.
 */
void watched_collector_ended(struct watched *watched, const struct watch_services *services,
                             enum collector collector, enum collector_status status,
                             const char *reason, uint64_t duration_ns);

/* The same for collectors that read files below /proc/PID: what says which, error is 0 or
 * -errno, started_ns when the reading began. */
void watched_collector_read(struct watched *watched, const struct watch_services *services,
                            enum collector collector, const char *what, int error,
                            uint64_t started_ns);

/* Which profiles (bits of pprof.h) to ask for now; they count as asked. */
unsigned watched_profiles_due(struct watched *watched, const struct watch_services *services,
                              uint64_t now_ns);

/* The port answers again: profiles are due at once. */
void watched_profiles_retry(struct watched *watched);

/* Keeps and sends what a round brought of them, and sends what is held. */
void watched_take_profiles(struct watched *watched, struct watch_services *services,
                           const struct pprof_round *round, uint64_t now_ns);

/* There is nobody to ask: nothing is held any more. What is known of stacks stays. */
void watched_drop_profiles(struct watched *watched, const struct watch_services *services);

void watched_free_profiles(struct watched *watched);

#endif
