/* One watched process: its Go runtime, asked through pprof; see watched.h. */
#include <errno.h>
#include <stdio.h>

#include "common/array.h"
#include "sidecar/watched_internal.h"

/* Held values are believed for this many detail intervals without a newer reading. */
enum { HELD_INTERVALS = 3 };

static uint64_t held_for_ns(const struct watch_services *services) {
  return services->config->detail_interval_ms * 1000000 * HELD_INTERVALS;
}

void watched_ask_runtime(struct watched *watched, const struct watch_services *services,
                         bool with_detail, uint64_t now_ns) {
  if (watched->endpoint.client == NULL)
    return;
  unsigned what = PPROF_GOROUTINE_COUNT | watched_profiles_due(watched, services, now_ns);
  /* a heap profile brings MemStats along, if it can be read */
  bool has_memstats =
      what & PPROF_HEAP_PROFILE && (watched->runtime_failing & PPROF_HEAP_PROFILE) == 0;
  if (with_detail && !has_memstats)
    what |= PPROF_MEMSTATS;
  pprof_endpoint_ask(watched->endpoint.client, what);
}

static void take_memstats(struct watched *watched, struct watch_services *services,
                          const struct memstats *stats, uint64_t now_ns) {
  uint64_t lost;
  watched->pauses_ns += memstats_new_pauses_ns(stats, watched->num_gc, &lost);
  if (stats->num_gc != VALUE_UNKNOWN)
    watched->num_gc = stats->num_gc;
  watched->heap_inuse_bytes = stats->heap_inuse_bytes;
  watched->memstats_ns = now_ns;
  watched_flags_take_memstats(watched, stats);

  services->samples.len = 0;
  compose_memstats_gauges(&services->samples, stats);
  samples_hold(&watched->memstats_gauges, &services->samples);
  services->samples.len = 0;
  compose_memstats_counters(&services->samples, stats, watched->pauses_ns);
  samples_hold(&watched->memstats_counters, &services->samples);
  watched_emit_held(watched, services, &watched->memstats_counters,
                    services->config->detail_interval_ms);
}

static void drop_memstats(struct watched *watched) {
  samples_drop(&watched->memstats_gauges);
  watched->heap_inuse_bytes = VALUE_UNKNOWN;
  watched_flags_take_memstats(watched, NULL);
}

/* The counters are kept for watched_emit_last() as long as collectd keeps their series, or
 * those of a process whose runtime fails before it ends would outlive it by minutes. */
static void age_counters(struct watched *watched, uint64_t held_ns, uint64_t now_ns) {
  if (watched->memstats_counters.len > 0 && now_ns - watched->memstats_ns > held_ns)
    samples_drop(&watched->memstats_counters);
}

/* What a round says of the collector: a failure at once; a success when no question's last
 * answer was a failure. */
static void pprof_answered(struct watched *watched, const struct watch_services *services,
                           const struct pprof_round *round) {
  const struct {
    unsigned bit;
    const struct pprof_answer *answer;
  } kinds[] = {
      {PPROF_HEAP_PROFILE, &round->heap_profile_answer},
      {PPROF_MEMSTATS, &round->memstats_answer},
      {PPROF_GOROUTINE_COUNT, &round->goroutine_count_answer},
  };
  const struct pprof_answer *said = NULL;
  bool was_down = watched->runtime_failing & PPROF_GOROUTINE_COUNT;
  for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
    if ((round->answered & kinds[i].bit) == 0)
      continue;
    bool failed = kinds[i].answer->error != 0;
    watched->runtime_failing &= ~kinds[i].bit;
    if (failed)
      watched->runtime_failing |= kinds[i].bit;
    if (said == NULL || failed)
      said = kinds[i].answer;
  }
  if (round->heap_profile != NULL) /* the same page */
    watched->runtime_failing &= ~(unsigned)PPROF_MEMSTATS;
  if (was_down && (watched->runtime_failing & PPROF_GOROUTINE_COUNT) == 0) {
    /* the port answers again: what failed meanwhile failed with it */
    watched->runtime_failing &= round->answered;
    watched_profiles_retry(watched);
  }
  if (said == NULL || (said->error == 0 && watched->runtime_failing != 0))
    return;
  char reason[400];
  snprintf(reason, sizeof(reason), "port %u: %s", watched->endpoint.port, said->reason);
  watched_collector_ended(watched, services, COLLECTOR_PPROF, collector_status_of(said->error),
                          reason, said->duration_ns);
}

static bool has_memstats(const struct pprof_round *round) {
  return round->heap_profile != NULL ||
         (round->answered & PPROF_MEMSTATS && round->memstats_answer.error == 0);
}

static void take_round(struct watched *watched, struct watch_services *services,
                       const struct pprof_round *round, uint64_t now_ns) {
  pprof_answered(watched, services, round);

  services->samples.len = 0;
  if (round->answered & PPROF_GOROUTINE_COUNT && round->goroutine_count_answer.error == 0) {
    watched->goroutines = round->goroutines;
    samples_add_gauge(&services->samples, METRIC_GOROUTINES, NULL, round->goroutines);
    watched_emit_scratch(watched, services);
    watched_flags_take_goroutine_count(watched);
  }
  if (has_memstats(round))
    take_memstats(watched, services, &round->memstats, now_ns);
  else if (round->answered & PPROF_MEMSTATS)
    drop_memstats(watched);
  uint64_t held_ns = held_for_ns(services);
  if (watched->memstats_gauges.len > 0 && now_ns - watched->memstats_ns > held_ns)
    drop_memstats(watched);
  watched_emit_held(watched, services, &watched->memstats_gauges, 0);
  watched_take_profiles(watched, services, round, now_ns);
}

int watched_take_runtime(struct watched *watched, struct watch_services *services,
                         uint64_t now_ns) {
  watched->goroutines = VALUE_UNKNOWN;
  age_counters(watched, held_for_ns(services), now_ns);
  if (watched->endpoint.client == NULL) {
    drop_memstats(watched);
    watched_drop_profiles(watched, services);
    watched->runtime_failing = 0;
    watched_collector_ended(watched, services, COLLECTOR_PPROF, watched->endpoint.status,
                            watched->endpoint.reason, VALUE_UNKNOWN);
    return 0;
  }

  struct pprof_round round;
  pprof_endpoint_take(watched->endpoint.client, &round);
  /* only while the process lives is the port still its own */
  int status = process_verify(watched->process);
  if (status != -ESRCH) {
    status = 0;
    take_round(watched, services, &round, now_ns);
  }
  pprof_round_free(&round);
  return status;
}
