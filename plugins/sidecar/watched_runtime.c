/* One watched process: its Go runtime, asked through pprof; see watched.h. */
#include <errno.h>
#include <stdio.h>

#include "sidecar/watched_internal.h"

/* Held values are believed for this many detail intervals without a newer reading. */
enum { HELD_INTERVALS = 3 };

void watched_ask_runtime(struct watched *watched, bool with_detail) {
  if (watched->endpoint.client != NULL)
    pprof_endpoint_ask(watched->endpoint.client,
                       PPROF_GOROUTINE_COUNT | (with_detail ? PPROF_MEMSTATS : 0));
}

static void take_memstats(struct watched *watched, struct watch_services *services,
                          const struct memstats *stats, uint64_t now_ns) {
  uint64_t lost;
  watched->pauses_ns += memstats_new_pauses_ns(stats, watched->num_gc, &lost);
  watched->num_gc = stats->num_gc;
  watched->heap_inuse_bytes = stats->heap_inuse_bytes;
  watched->memstats_ns = now_ns;

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
  samples_drop(&watched->memstats_counters);
  watched->heap_inuse_bytes = VALUE_UNKNOWN;
}

/* One answer's part of the collector's status: a failure wins over a success. */
static void pprof_answered(struct watched *watched, const struct watch_services *services,
                           const struct pprof_round *round) {
  const struct pprof_answer *answer = NULL;
  if (round->answered & PPROF_MEMSTATS)
    answer = &round->memstats_answer;
  if (round->answered & PPROF_GOROUTINE_COUNT &&
      (answer == NULL || round->goroutine_count_answer.error != 0))
    answer = &round->goroutine_count_answer;
  if (answer == NULL)
    return;
  char reason[400];
  snprintf(reason, sizeof(reason), "port %u: %s", watched->endpoint.port, answer->reason);
  watched_collector_ended(watched, services, COLLECTOR_PPROF,
                          collector_status_of(answer->error), reason, answer->duration_ns);
}

int watched_take_runtime(struct watched *watched, struct watch_services *services,
                         uint64_t now_ns) {
  watched->goroutines = VALUE_UNKNOWN;
  if (watched->endpoint.client == NULL) {
    drop_memstats(watched);
    watched_collector_ended(watched, services, COLLECTOR_PPROF, watched->endpoint.status,
                            watched->endpoint.reason, VALUE_UNKNOWN);
    return 0;
  }

  struct pprof_round round;
  pprof_endpoint_take(watched->endpoint.client, &round);
  /* only while the process lives is the port still its own */
  if (process_verify(watched->process) == -ESRCH)
    return -ESRCH;
  pprof_answered(watched, services, &round);

  services->samples.len = 0;
  if (round.answered & PPROF_GOROUTINE_COUNT && round.goroutine_count_answer.error == 0) {
    watched->goroutines = round.goroutines;
    samples_add_gauge(&services->samples, METRIC_GOROUTINES, NULL, round.goroutines);
    watched_emit_scratch(watched, services);
  }
  if (round.answered & PPROF_MEMSTATS) {
    if (round.memstats_answer.error == 0)
      take_memstats(watched, services, &round.memstats, now_ns);
    else
      drop_memstats(watched);
  }
  uint64_t held_ns = services->config->detail_interval_ms * 1000000 * HELD_INTERVALS;
  if (watched->memstats_gauges.len > 0 && now_ns - watched->memstats_ns > held_ns)
    drop_memstats(watched);
  watched_emit_held(watched, services, &watched->memstats_gauges, 0);
  return 0;
}
