/*
 * One watched process: its goroutine dumps and heap profiles, at their own cadence, and
 * the stacks that are kept from one to the next; see watched.h.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sidecar/watched_internal.h"

/* Held values are believed for this many intervals without a newer reading. */
enum { HELD_INTERVALS = 3 };

/* A reading comes a little early or late; the cadence is met by the nearer one. */
static bool is_due(uint64_t interval_ms, uint64_t asked_ns, uint64_t now_ns) {
  uint64_t interval_ns = interval_ms * 1000000;
  return interval_ms > 0 && (asked_ns == 0 || now_ns - asked_ns >= interval_ns / 20 * 19);
}

static bool is_stale(uint64_t interval_ms, uint64_t taken_ns, uint64_t now_ns) {
  return now_ns - taken_ns > interval_ms * 1000000 * HELD_INTERVALS;
}

static void drop_goroutines(struct watched *watched, const struct watch_services *services) {
  samples_drop(&watched->profiles.goroutine_gauges);
  watched_flags_take_goroutines(watched, services, NULL);
}

/* ---- what to ask ---- */

static bool is_below_ceiling(struct watched *watched, const struct watch_services *services) {
  uint64_t max = services->config->goroutine_dump_max;
  if (watched->goroutines <= max)
    return true;
  char reason[160];
  snprintf(reason, sizeof(reason),
           "%llu goroutines are more than %llu: no dump, which would stop the process "
           "for long",
           (unsigned long long)watched->goroutines, (unsigned long long)max);
  drop_goroutines(watched, services);
  watched_collector_ended(watched, services, COLLECTOR_GOROUTINES, STATUS_CEILING, reason,
                          VALUE_UNKNOWN);
  return false;
}

unsigned watched_profiles_due(struct watched *watched, const struct watch_services *services,
                              uint64_t now_ns) {
  struct watched_profiles *profiles = &watched->profiles;
  unsigned due = 0;
  if (is_due(services->config->heap_profile_interval_ms, profiles->heap_asked_ns, now_ns)) {
    profiles->heap_asked_ns = now_ns;
    due |= PPROF_HEAP_PROFILE;
  }
  /* how many there are is known from the index page of the reading before */
  if (watched->goroutines != VALUE_UNKNOWN &&
      is_due(services->config->goroutine_dump_interval_ms, profiles->dump_asked_ns, now_ns)) {
    profiles->dump_asked_ns = now_ns;
    if (is_below_ceiling(watched, services))
      due |= PPROF_GOROUTINE_DUMP;
  }
  return due;
}

void watched_profiles_retry(struct watched *watched) {
  watched->profiles.heap_asked_ns = watched->profiles.dump_asked_ns = 0;
}

/* ---- what came ---- */

static void remember_sites(struct site_history **history, const struct site_top *sites) {
  if (*history == NULL) {
    *history = malloc(sizeof(**history));
    if (*history == NULL)
      return;
    site_history_init(*history);
  }
  site_history_update(*history, sites);
}

static void take_goroutines(struct watched *watched, struct watch_services *services,
                            const struct goroutine_profile *profile, uint64_t now_ns) {
  struct watched_profiles *profiles = &watched->profiles;
  remember_sites(&profiles->goroutine_sites, &profile->sites);
  services->samples.len = 0;
  /* of a dump cut short the counts are not those of the process */
  if (!profile->is_cut_short)
    compose_goroutine_profile(&services->samples, profile,
                              &services->config->goroutine_patterns);
  watched_flags_take_goroutines(watched, services, profile->is_cut_short ? NULL : profile);
  samples_hold(&profiles->goroutine_gauges, &services->samples);
  profiles->goroutines_ns = now_ns;
}

static void take_heap(struct watched *watched, struct watch_services *services,
                      const struct heap_profile *profile, uint64_t now_ns) {
  struct watched_profiles *profiles = &watched->profiles;
  if (profile->inuse_bytes != VALUE_UNKNOWN)
    remember_sites(&profiles->heap_sites, &profile->sites);
  services->samples.len = 0;
  compose_heap_profile(&services->samples, profile, &services->config->heap_patterns);
  samples_hold(&profiles->heap_gauges, &services->samples);
  profiles->heap_ns = now_ns;
}

static void dump_answered(struct watched *watched, const struct watch_services *services,
                          const struct pprof_round *round) {
  const struct pprof_answer *answer = &round->goroutine_dump_answer;
  enum collector_status status = collector_status_of(answer->error);
  const char *what = answer->reason;
  if (answer->error == 0 && round->goroutine_profile->is_cut_short) {
    status = STATUS_MALFORMED;
    what = "the goroutine dump is cut short";
  }
  if (status != STATUS_OK && watched->collectors[COLLECTOR_PPROF].status != STATUS_OK) {
    /* the same trouble: one line in the log will do */
    watched->collectors[COLLECTOR_GOROUTINES].status = status;
    return;
  }
  char reason[400];
  snprintf(reason, sizeof(reason), "port %u: %s", watched->endpoint.port, what);
  watched_collector_ended(watched, services, COLLECTOR_GOROUTINES, status, reason,
                          answer->duration_ns);
}

void watched_take_profiles(struct watched *watched, struct watch_services *services,
                           const struct pprof_round *round, uint64_t now_ns) {
  struct watched_profiles *profiles = &watched->profiles;
  if (round->answered & PPROF_GOROUTINE_DUMP) {
    dump_answered(watched, services, round);
    if (round->goroutine_profile != NULL)
      take_goroutines(watched, services, round->goroutine_profile, now_ns);
    else
      drop_goroutines(watched, services);
  }
  if (round->answered & PPROF_HEAP_PROFILE) {
    if (round->heap_profile != NULL)
      take_heap(watched, services, round->heap_profile, now_ns);
    else
      samples_drop(&profiles->heap_gauges);
  }
  const struct config *config = services->config;
  if (is_stale(config->goroutine_dump_interval_ms, profiles->goroutines_ns, now_ns))
    drop_goroutines(watched, services);
  if (is_stale(config->heap_profile_interval_ms, profiles->heap_ns, now_ns))
    samples_drop(&profiles->heap_gauges);
  watched_emit_held(watched, services, &profiles->goroutine_gauges, 0);
  watched_emit_held(watched, services, &profiles->heap_gauges, 0);
}

void watched_drop_profiles(struct watched *watched, const struct watch_services *services) {
  drop_goroutines(watched, services);
  samples_drop(&watched->profiles.heap_gauges);
  watched->collectors[COLLECTOR_GOROUTINES].status = STATUS_OFF;
  watched->collectors[COLLECTOR_GOROUTINES].duration_ns = VALUE_UNKNOWN;
}

void watched_free_profiles(struct watched *watched) {
  samples_drop(&watched->profiles.goroutine_gauges);
  samples_drop(&watched->profiles.heap_gauges);
  free(watched->profiles.goroutine_sites);
  free(watched->profiles.heap_sites);
}
