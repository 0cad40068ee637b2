/*
 * One watched process's red flags: what its readings mean to them, what is told when one
 * turns, and the evidence that is asked for then. Judging itself is redflag/verdicts.h's.
 */
#ifndef SIDECAR_WATCHED_FLAGS_H
#define SIDECAR_WATCHED_FLAGS_H

#include "sidecar/parse/goroutine_profile.h"
#include "sidecar/parse/memstats.h"
#include "sidecar/reading.h"
#include "sidecar/redflag/evidence.h"
#include "sidecar/redflag/overnight.h"

struct watched;
struct watch_services;

struct watched_flags {
  struct verdicts *verdicts;
  struct moment now, baseline;
  struct findings findings;
  struct flag_changes changes;
  struct trend trend; /* since the baseline */
  enum red_flag_state told[RED_FLAGS];
  uint64_t heap_unreleased_bytes, lazyfree_bytes; /* what makes up now.retained_bytes */
  bool is_contended;        /* somebody else had a lock to write on a database of its */
  uint64_t started_ms;      /* of the process, on our clock; may be 0 */
  int64_t baseline_wall_ms; /* 0: none yet */
  bool has_baseline_capture;
};

/* A flag that turned, on its way to a notification. */
struct flag_notice {
  const struct verdict *verdict;
  pid_t pid;
  int64_t since_seconds; /* since the epoch */
  const struct evidence *evidence;
};

/* Returns 0 or -ENOMEM. */
int watched_flags_begin(struct watched *watched, struct watch_services *services);

/* NULL is fine; tells nobody. */
void watched_flags_free(struct watched_flags *flags);

/* Each takes what was just read; NULL or VALUE_UNKNOWN: it could not be. */
void watched_flags_take_pulse(struct watched *watched, const struct watch_services *services);
void watched_flags_take_descriptors(struct watched *watched,
                                    const struct watch_services *services,
                                    const struct descriptors_reading *reading);
void watched_flags_take_memory_map(struct watched *watched, uint64_t regions,
                                   uint64_t lazyfree_bytes);
void watched_flags_take_goroutine_count(struct watched *watched);
void watched_flags_take_memstats(struct watched *watched, const struct memstats *stats);
void watched_flags_take_goroutines(struct watched *watched,
                                   const struct watch_services *services,
                                   const struct goroutine_profile *profile);
void watched_flags_take_pprof(struct watched *watched);

/* Is a lock of somebody else's on a database being watched: should the detail be read again
 * sooner than its interval says? */
bool watched_flags_want_detail(const struct watched *watched,
                               const struct watch_services *services, uint64_t age_ns);

/* The process is not watched any more: what is up ends with it, and that is told. */
void watched_flags_end(struct watched *watched, struct watch_services *services);

#endif
