/* Queries of the Go runtime and their results; see target_go.h. */
#include "sidecar/target_go.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/clock.h"
#include "sidecar/os/host.h"

/* Held values are sent for this many intervals without a newer reading. */
enum { HELD_INTERVALS = 3 };

static uint64_t held_for_ns(uint64_t interval_ms) {
  return interval_ms * 1000000 * HELD_INTERVALS;
}

/* The interval in use: longer than the configured one where that does not keep the budget. */
static uint64_t in_use_ms(const struct target *target, uint64_t interval_ms) {
  bool is_longer = interval_ms > 0 && target->go.stretched_ms > interval_ms;
  return is_longer ? target->go.stretched_ms : interval_ms;
}

static void observe(struct target *target, struct reading reading) {
  reading.now_ms = clock_monotonic_ns() / 1000000;
  flags_observe(target->flags, &reading);
}

static void observe_goroutines(struct target *target, const struct goroutine_profile *profile) {
  observe(target, (struct reading){.parts = READING_GOROUTINES, .goroutine_profile = profile});
}

static void observe_memstats(struct target *target, const struct memstats *stats) {
  observe(target, (struct reading){.parts = READING_MEMSTATS,
                                   .memstats = stats,
                                   .wall_ms = clock_wall_ns() / 1000000});
}

static void observe_leaks(struct target *target) {
  observe(target,
          (struct reading){.parts = READING_LEAKS, .goroutines_leaked = target->go.leaked});
}

static void drop_goroutines(struct target *target) {
  samples_drop(&target->go.goroutine_gauges);
  observe_goroutines(target, NULL);
}

/* ---- the budget ---- */

static double budget_share(const struct target_services *services) {
  return (double)services->config->pprof_budget_ppm / 1e6;
}

static void settle_budget(struct target *target, const struct target_services *services,
                          uint64_t now_ns) {
  const struct process_pulse *pulse = &target->pulse;
  uint64_t tick_ns = 1000000000 / host_ticks_per_second(services->host);
  bool is_known = pulse->user_ticks != VALUE_UNKNOWN && pulse->system_ticks != VALUE_UNKNOWN;
  if (target->go.awaited != 0)
    return;
  pprof_budget_settle(
      &target->go.budget, budget_share(services), now_ns,
      is_known ? (pulse->user_ticks + pulse->system_ticks) * tick_ns : VALUE_UNKNOWN, tick_ns);
}

static void charge_budget(struct target *target, const struct target_services *services,
                          struct pprof_round *round) {
  struct target_go *go = &target->go;
  uint64_t total = round->goroutine_count_answer.error == 0 ? round->goroutines : VALUE_UNKNOWN;
  go->awaited = round->queried & ~round->answered;
  for (size_t i = 0; i < pprof_queries_len; i++) {
    const struct pprof_query *query = &pprof_queries[i];
    const struct pprof_answer *answer = pprof_query_answer(query, round);
    if ((round->answered & query->bit) == 0)
      continue;
    if (query->bit == PPROF_GOROUTINE_COUNT || query->bit == PPROF_GOROUTINE_TOTAL) {
      pprof_budget_add_index(&go->budget, answer->duration_ns,
                             query->bit == PPROF_GOROUTINE_TOTAL ? total : 0);
      continue;
    }
    bool is_leaks = query->bit == PPROF_GOROUTINE_LEAKS;
    bool has_stacks = is_leaks || query->bit == PPROF_GOROUTINE_GROUPS;
    pprof_budget_add_page(&go->budget, answer->duration_ns, answer->bytes,
                          has_stacks ? go->goroutines : 0, is_leaks ? go->heap_inuse_bytes : 0);
    go->stretched_ms = pprof_budget_wait_ms(&go->budget, budget_share(services));
  }
}

/* Not before it is known how much garbage collection has to look through. */
static bool may_detect_leaks(const struct target *target, const struct config *config) {
  const struct target_go *go = &target->go;
  return config->goroutine_leak_interval_ms > 0 && !go->has_no_leaks_page &&
         go->heap_inuse_bytes != VALUE_UNKNOWN &&
         go->heap_inuse_bytes <= config->goroutine_leak_max_heap_bytes;
}

static void add_intervals(const struct target *target, const struct target_services *services,
                          struct samples *samples) {
  const struct config *config = services->config;
  uint64_t intervals_ms[PPROF_INTERVALS] = {
      [PPROF_INTERVAL_MEMSTATS] = in_use_ms(target, config->detail_interval_ms),
      [PPROF_INTERVAL_HEAP] = in_use_ms(target, config->heap_profile_interval_ms),
      [PPROF_INTERVAL_GOROUTINES] = in_use_ms(target, config->goroutine_dump_interval_ms),
      [PPROF_INTERVAL_LEAKS] = may_detect_leaks(target, config)
                                   ? in_use_ms(target, config->goroutine_leak_interval_ms)
                                   : 0,
  };
  samples_add_pprof_intervals(samples, intervals_ms);
}

/* ---- what to query ---- */

/* Readings come slightly early or late; the nearest one keeps the cadence. */
static bool is_due(uint64_t interval_ms, uint64_t queried_ns, uint64_t now_ns) {
  uint64_t interval_ns = interval_ms * 1000000;
  return interval_ms > 0 && (queried_ns == 0 || now_ns - queried_ns >= interval_ns / 20 * 19);
}

/* Bits of pprof.h; they count as queried. */
static unsigned pages_due(struct target *target, const struct target_services *services,
                          uint64_t now_ns) {
  struct target_go *go = &target->go;
  unsigned due = 0;
  bool is_paid = pprof_budget_has_pages(&go->budget);
  if (is_paid &&
      is_due(services->config->heap_profile_interval_ms, go->heap_queried_ns, now_ns)) {
    go->heap_queried_ns = now_ns;
    due |= PPROF_HEAP_PROFILE;
  }
  /* Their number is known from the index page of the previous reading, when the first heap
   * profile is not paid off yet. The first dump does not wait for that. */
  if ((is_paid || !go->has_dumped) && go->goroutines != VALUE_UNKNOWN &&
      is_due(services->config->goroutine_dump_interval_ms, go->dump_queried_ns, now_ns)) {
    go->dump_queried_ns = now_ns;
    go->has_dumped = true;
    bool may_dump = go->goroutines <= services->config->goroutine_dump_max;
    due |= may_dump ? PPROF_GOROUTINE_DUMP : PPROF_GOROUTINE_GROUPS;
  }
  if (!is_paid)
    return due;
  if (may_detect_leaks(target, services->config) &&
      (go->wants_leaks ||
       is_due(services->config->goroutine_leak_interval_ms, go->leaks_queried_ns, now_ns))) {
    go->leaks_queried_ns = now_ns;
    go->wants_leaks = false;
    due |= PPROF_GOROUTINE_LEAKS;
  }
  /* a heap profile includes MemStats, if it can be read */
  bool has_memstats = due & PPROF_HEAP_PROFILE && (go->failing & PPROF_HEAP_PROFILE) == 0;
  if (go->wants_memstats && !has_memstats)
    due |= PPROF_MEMSTATS;
  go->wants_memstats = false;
  return due;
}

void target_go_query(struct target *target, const struct target_services *services,
                     bool with_detail, uint64_t now_ns) {
  struct target_go *go = &target->go;
  go->is_count_skipped = false;
  go->wants_memstats |= with_detail;
  if (go->endpoint.client == NULL)
    return;
  settle_budget(target, services, now_ns);
  unsigned what = pages_due(target, services, now_ns);
  go->is_count_skipped = !pprof_budget_has_index(&go->budget);
  if (!go->is_count_skipped)
    what |= go->has_no_index ? PPROF_GOROUTINE_TOTAL : PPROF_GOROUTINE_COUNT;
  pprof_endpoint_query(go->endpoint.client, what);
}

/* ---- MemStats ---- */

static void take_memstats(struct target *target, const struct target_services *services,
                          const struct memstats *stats, uint64_t now_ns,
                          struct samples *samples) {
  struct target_go *go = &target->go;
  struct samples gauges, counters;
  uint64_t lost;
  gauges.len = counters.len = 0;
  go->pauses_ns += memstats_new_pauses_ns(stats, go->num_gc, &lost);
  if (stats->num_gc != VALUE_UNKNOWN)
    go->num_gc = stats->num_gc;
  go->heap_inuse_bytes = stats->heap_inuse_bytes;
  go->memstats_ns = now_ns;
  observe_memstats(target, stats);
  samples_add_memstats_gauges(&gauges, stats);
  samples_hold(&go->memstats_gauges, &gauges);
  samples_add_memstats_counters(&counters, stats, go->pauses_ns);
  samples_hold(&go->memstats_counters, &counters);
  samples_add_held(samples, &go->memstats_counters,
                   in_use_ms(target, services->config->detail_interval_ms));
}

static void drop_memstats(struct target *target) {
  samples_drop(&target->go.memstats_gauges);
  target->go.heap_inuse_bytes = VALUE_UNKNOWN;
  observe_memstats(target, NULL);
}

/* The counters are kept for target_add_last() as long as collectd keeps their series; otherwise
 * the series of a process whose runtime fails before it ends would outlive it by minutes. */
static void age_counters(struct target_go *go, uint64_t held_ns, uint64_t now_ns) {
  if (go->memstats_counters.len > 0 && now_ns - go->memstats_ns > held_ns)
    samples_drop(&go->memstats_counters);
}

/* ---- profiles ---- */

static void keep_sites(struct site_history **history, const struct site_top *sites) {
  if (*history == NULL) {
    *history = malloc(sizeof(**history));
    if (*history == NULL)
      return;
    site_history_init(*history);
  }
  site_history_update(*history, sites);
}

/* From the last dump on, if there was one. */
static void keep_groups(struct target_go *go, const struct site_top *sites) {
  if (go->goroutine_groups == NULL && go->goroutine_sites != NULL) {
    go->goroutine_groups = malloc(sizeof(*go->goroutine_groups));
    if (go->goroutine_groups == NULL)
      return;
    site_history_begin_grouped(go->goroutine_groups, go->goroutine_sites);
  }
  keep_sites(&go->goroutine_groups, sites);
}

static void free_groups(struct target_go *go) {
  free(go->goroutine_groups);
  go->goroutine_groups = NULL;
}

static void keep_allocations(struct target_go *go, const struct heap_profile *profile,
                             uint64_t now_ns) {
  if (go->allocations == NULL)
    go->allocations = calloc(1, sizeof(*go->allocations));
  if (go->allocations == NULL)
    return;
  allocations_update(go->allocations, profile, now_ns / 1000000);
}

/* A dump, or counts by stack in its place. */
static void take_goroutines(struct target *target, const struct target_services *services,
                            const struct goroutine_profile *profile, uint64_t now_ns) {
  struct target_go *go = &target->go;
  struct samples gauges;
  gauges.len = 0;
  if (profile->is_grouped) {
    keep_groups(go, &profile->sites);
  } else {
    keep_sites(&go->goroutine_sites, &profile->sites);
    free_groups(go);
  }
  *(profile->is_grouped ? &go->groups : &go->dump) = (struct evidence_moment){
      .wall_ms = clock_wall_ns() / 1000000, .goroutines = profile->goroutines};
  go->has_new_sites = true;
  /* the counts of a truncated dump are not those of the process */
  if (!profile->is_cut_short)
    samples_add_goroutine_profile(&gauges, profile, &services->config->goroutine_patterns);
  observe_goroutines(target, profile->is_cut_short ? NULL : profile);
  samples_hold(&go->goroutine_gauges, &gauges);
  go->goroutines_ns = now_ns;
}

static void take_heap(struct target *target, const struct target_services *services,
                      const struct heap_profile *profile, uint64_t now_ns) {
  struct samples gauges;
  gauges.len = 0;
  if (profile->inuse_bytes != VALUE_UNKNOWN)
    keep_sites(&target->go.heap_sites, &profile->sites);
  keep_allocations(&target->go, profile, now_ns);
  samples_add_heap_profile(&gauges, profile, &services->config->heap_patterns);
  samples_hold(&target->go.heap_gauges, &gauges);
  target->go.heap_ns = now_ns;
}

enum { REASON_SIZE = 512 };

/* The reason of a failure, with what can be done about it. */
static void explain(const struct target_go *go, const char *what, int error,
                    char reason[REASON_SIZE]) {
  const char *hint = pprof_error_hint(error);
  snprintf(reason, REASON_SIZE, "port %u: %s%s%s", go->endpoint.port, what,
           hint[0] != '\0' ? "; " : "", hint);
}

/* The status of the collector after a request of its own; what says why. */
static void goroutines_ended(struct target *target, const struct target_services *services,
                             const struct pprof_answer *answer, enum collector_status status,
                             const char *what) {
  if (status != STATUS_OK && target->collectors[COLLECTOR_PPROF].status != STATUS_OK) {
    /* the same failure: one log line is enough */
    target->collectors[COLLECTOR_GOROUTINES].status = status;
    return;
  }
  char reason[REASON_SIZE];
  explain(&target->go, what, answer->error, reason);
  target_collector_ended(target, services, COLLECTOR_GOROUTINES, status, reason,
                         answer->duration_ns);
}

static void dump_answered(struct target *target, const struct target_services *services,
                          const struct pprof_round *round, uint64_t now_ns) {
  const struct pprof_answer *answer = &round->goroutine_dump_answer;
  const struct goroutine_profile *profile = round->goroutine_profile;
  if (profile != NULL && profile->is_cut_short)
    goroutines_ended(target, services, answer, STATUS_MALFORMED,
                     "the goroutine dump is truncated");
  else
    goroutines_ended(target, services, answer, collector_status_of(answer->error),
                     answer->reason);
  if (profile != NULL)
    take_goroutines(target, services, profile, now_ns);
  else
    drop_goroutines(target);
}

static void groups_answered(struct target *target, const struct target_services *services,
                            const struct pprof_round *round, uint64_t now_ns) {
  const struct pprof_answer *answer = &round->goroutine_groups_answer;
  const struct goroutine_profile *profile = round->goroutine_groups;
  char reason[200];
  if (profile == NULL) {
    goroutines_ended(target, services, answer, collector_status_of(answer->error),
                     answer->reason);
    drop_goroutines(target);
    return;
  }
  snprintf(reason, sizeof(reason),
           "%llu goroutines are more than %llu: no dump, which would stop the process for "
           "long; they are counted by stack, without states and wait times",
           (unsigned long long)profile->goroutines,
           (unsigned long long)services->config->goroutine_dump_max);
  goroutines_ended(target, services, answer, STATUS_CEILING, reason);
  take_goroutines(target, services, profile, now_ns);
}

static void take_leaks(struct target *target, const struct goroutine_profile *profile,
                       uint64_t now_ns) {
  struct target_go *go = &target->go;
  go->leaked = profile->goroutines;
  go->leaks_ns = now_ns;
  if (go->leaks == NULL)
    go->leaks = malloc(sizeof(*go->leaks));
  if (go->leaks != NULL)
    *go->leaks = profile->sites;
}

static void drop_leaks(struct target *target) {
  target->go.leaked = VALUE_UNKNOWN;
  observe_leaks(target);
}

/* Only Go 1.27 and later has that page. A program is asked once; its collector is that of the
 * dumps. */
static void leaks_answered(struct target *target, const struct target_services *services,
                           const struct pprof_round *round, uint64_t now_ns) {
  const struct pprof_answer *answer = &round->goroutine_leaks_answer;
  struct target_go *go = &target->go;
  bool had_failed = go->leaks_failed;
  go->has_no_leaks_page = answer->error == -ENOENT;
  go->leaks_failed = answer->error != 0 && !go->has_no_leaks_page;
  if (round->goroutine_leaks != NULL)
    take_leaks(target, round->goroutine_leaks, now_ns);
  if (go->leaks_failed || had_failed)
    goroutines_ended(target, services, answer,
                     go->leaks_failed ? collector_status_of(answer->error) : STATUS_OK,
                     answer->reason);
}

/* How long values are held: longer while a newer response is arriving, which may take that. Of
 * a program that does not answer at all none is arriving. */
static uint64_t held_until_answered_ns(const struct target_go *go,
                                       const struct pprof_round *round, unsigned queries,
                                       uint64_t interval_ms) {
  bool is_awaited = (round->queried & ~round->answered & queries) != 0 &&
                    (go->failing & PPROF_GOROUTINE_COUNT) == 0;
  return held_for_ns(interval_ms) + (is_awaited ? PPROF_REQUEST_MAX_MS * UINT64_C(1000000) : 0);
}

/* The last number is held for long. It is one that cannot fall. */
static void add_leaks(struct target *target, const struct target_services *services,
                      const struct pprof_round *round, uint64_t now_ns,
                      struct samples *samples) {
  uint64_t interval_ms = in_use_ms(target, services->config->goroutine_leak_interval_ms);
  struct target_go *go = &target->go;
  if (go->leaked == VALUE_UNKNOWN)
    return;
  if (now_ns - go->leaks_ns >
      held_until_answered_ns(go, round, PPROF_GOROUTINE_LEAKS, interval_ms)) {
    drop_leaks(target);
    return;
  }
  observe_leaks(target);
  samples_add_gauge(samples, METRIC_GOROUTINES_LEAKED, NULL, go->leaked);
}

static void take_profiles(struct target *target, const struct target_services *services,
                          const struct pprof_round *round, uint64_t now_ns,
                          struct samples *samples) {
  struct target_go *go = &target->go;
  const struct config *config = services->config;
  if (round->answered & PPROF_GOROUTINE_DUMP)
    dump_answered(target, services, round, now_ns);
  if (round->answered & PPROF_GOROUTINE_GROUPS)
    groups_answered(target, services, round, now_ns);
  if (round->answered & PPROF_GOROUTINE_LEAKS)
    leaks_answered(target, services, round, now_ns);
  if (round->answered & PPROF_HEAP_PROFILE) {
    if (round->heap_profile != NULL)
      take_heap(target, services, round->heap_profile, now_ns);
    else
      samples_drop(&go->heap_gauges);
  }
  if (now_ns - go->goroutines_ns >
      held_until_answered_ns(go, round, PPROF_GOROUTINE_DUMP | PPROF_GOROUTINE_GROUPS,
                             in_use_ms(target, config->goroutine_dump_interval_ms)))
    drop_goroutines(target);
  if (now_ns - go->heap_ns >
      held_until_answered_ns(go, round, PPROF_HEAP_PROFILE,
                             in_use_ms(target, config->heap_profile_interval_ms)))
    samples_drop(&go->heap_gauges);
  samples_add_held(samples, &go->goroutine_gauges, 0);
  samples_add_held(samples, &go->heap_gauges, 0);
  add_leaks(target, services, round, now_ns, samples);
}

/* ---- results ---- */

/* The collector's status after a round: a failure immediately; a success once no query's last
 * result is a failure. */
static void pprof_answered(struct target *target, const struct target_services *services,
                           const struct pprof_round *round) {
  const struct {
    unsigned bit;
    const struct pprof_answer *answer;
  } kinds[] = {
      {PPROF_HEAP_PROFILE, &round->heap_profile_answer},
      {PPROF_MEMSTATS, &round->memstats_answer},
      {PPROF_GOROUTINE_COUNT, &round->goroutine_count_answer},
  };
  struct target_go *go = &target->go;
  const struct pprof_answer *decisive = NULL;
  bool was_down = go->failing & PPROF_GOROUTINE_COUNT;
  for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
    if ((round->answered & kinds[i].bit) == 0)
      continue;
    bool failed = kinds[i].answer->error != 0;
    go->failing &= ~kinds[i].bit;
    if (failed)
      go->failing |= kinds[i].bit;
    if (decisive == NULL || failed)
      decisive = kinds[i].answer;
  }
  if (round->heap_profile != NULL) /* the same page */
    go->failing &= ~(unsigned)PPROF_MEMSTATS;
  if (was_down && (go->failing & PPROF_GOROUTINE_COUNT) == 0) {
    /* the port responds again: profiles did not fail on their own account, and are due
     * immediately */
    go->failing &= round->answered;
    go->heap_queried_ns = go->dump_queried_ns = 0;
  }
  if (decisive == NULL || (decisive->error == 0 && go->failing != 0))
    return;
  char reason[REASON_SIZE];
  explain(go, decisive->reason, decisive->error, reason);
  target_collector_ended(target, services, COLLECTOR_PPROF,
                         collector_status_of(decisive->error), reason, decisive->duration_ns);
}

/* A response, but not of that page: another page may have the number. */
static bool is_without_count(int error) {
  return error == -ENOENT || error == -EREMOTEIO || error == -EBADMSG;
}

/*
 * Which page has the number of goroutines is remembered: a program without an index page is not
 * asked for it in each reading. When the index page fails the other is queried before that is
 * reported; when that fails, too, it is, and the next reading begins with the index page. From
 * here on either counts as PPROF_GOROUTINE_COUNT.
 */
static void choose_count(struct target_go *go, struct pprof_round *round) {
  unsigned answered = round->answered & (PPROF_GOROUTINE_COUNT | PPROF_GOROUTINE_TOTAL);
  if (answered == 0)
    return;
  bool is_index = answered == PPROF_GOROUTINE_COUNT;
  bool failed = is_without_count(round->goroutine_count_answer.error);
  round->answered &= ~answered;
  if (!failed || !is_index)
    round->answered |= PPROF_GOROUTINE_COUNT;
  if (failed)
    go->has_no_index = is_index;
}

static bool has_memstats(const struct pprof_round *round) {
  return round->heap_profile != NULL ||
         (round->answered & PPROF_MEMSTATS && round->memstats_answer.error == 0);
}

static void take_round(struct target *target, const struct target_services *services,
                       const struct pprof_round *round, uint64_t now_ns,
                       struct samples *samples) {
  struct target_go *go = &target->go;
  pprof_answered(target, services, round);
  bool has_count =
      round->answered & PPROF_GOROUTINE_COUNT && round->goroutine_count_answer.error == 0;
  if (has_count) {
    go->goroutines = round->goroutines;
    observe(target, (struct reading){.parts = READING_GOROUTINE_COUNT,
                                     .goroutines = round->goroutines});
  }
  if (has_count || go->is_count_skipped)
    samples_add_gauge(samples, METRIC_GOROUTINES, NULL, go->goroutines);
  if (has_memstats(round))
    take_memstats(target, services, &round->memstats, now_ns, samples);
  else if (round->answered & PPROF_MEMSTATS)
    drop_memstats(target);
  uint64_t held_ns =
      held_until_answered_ns(go, round, PPROF_MEMSTATS | PPROF_HEAP_PROFILE,
                             in_use_ms(target, services->config->detail_interval_ms));
  if (go->memstats_gauges.len > 0 && now_ns - go->memstats_ns > held_ns)
    drop_memstats(target);
  samples_add_held(samples, &go->memstats_gauges, 0);
  take_profiles(target, services, round, now_ns, samples);
  add_intervals(target, services, samples);
}

/* There is no server to query: held values are dropped. What is known about stacks is kept. */
static void take_nothing(struct target *target, const struct target_services *services) {
  const struct endpoint *endpoint = &target->go.endpoint;
  drop_memstats(target);
  drop_goroutines(target);
  drop_leaks(target);
  samples_drop(&target->go.heap_gauges);
  target->go.failing = target->go.awaited = 0;
  target->collectors[COLLECTOR_GOROUTINES].status = STATUS_OFF;
  target->collectors[COLLECTOR_GOROUTINES].duration_ns = VALUE_UNKNOWN;
  target_collector_ended(target, services, COLLECTOR_PPROF, endpoint->status, endpoint->reason,
                         VALUE_UNKNOWN);
}

int target_go_take(struct target *target, struct target_services *services, uint64_t now_ns,
                   struct samples *samples) {
  if (!target->go.is_count_skipped)
    target->go.goroutines = VALUE_UNKNOWN;
  target->go.has_new_sites = false;
  age_counters(&target->go,
               held_for_ns(in_use_ms(target, services->config->detail_interval_ms)), now_ns);
  if (target->go.endpoint.client == NULL) {
    take_nothing(target, services);
    return 0;
  }
  struct pprof_round round;
  pprof_endpoint_take(target->go.endpoint.client, &round);
  /* the port is known to be its own only while the process is alive */
  int status = process_is_running(target->process) ? 0 : -ESRCH;
  if (status == 0) {
    charge_budget(target, services, &round);
    choose_count(&target->go, &round);
    take_round(target, services, &round, now_ns, samples);
  }
  pprof_round_free(&round);
  return status;
}
