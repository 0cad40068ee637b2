/*
 * The red flags of one watched process from verdict to notification: judging, telling once
 * of each change, asking for captures, and the baseline; see watched_flags.h.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/array.h"
#include "common/clock.h"
#include "sidecar/capture/capture.h"
#include "sidecar/redflag/next_steps.h"
#include "sidecar/watched_flags.h"
#include "sidecar/watched_internal.h"

enum { TEXT_MAX = 64 * 1024 };

/* ---- what is known ---- */

static struct evidence_facts facts_of(const struct watched *watched,
                                      struct watch_services *services, uint64_t now_ms) {
  const struct watched_flags *flags = watched->flags;
  struct evidence_facts facts = {
      .instance = watched->instance,
      .pid = process_pid(watched->process),
      .pprof_port = watched->endpoint.client != NULL ? watched->endpoint.port : 0,
      .now_ms = now_ms,
      .now = &flags->now,
      .baseline = &flags->baseline,
      .findings = &flags->findings,
      .goroutine_sites = watched->profiles.goroutine_sites,
      .heap_sites = watched->profiles.heap_sites,
      .memory_pressure_percent = NAN,
      .inotify_watches_limit = VALUE_UNKNOWN,
  };
  if (host_memory_pressure(services->host, &facts.memory_pressure_percent) != 0)
    facts.memory_pressure_percent = NAN;
  if (host_inotify_watches_limit(services->host, &facts.inotify_watches_limit) != 0)
    facts.inotify_watches_limit = VALUE_UNKNOWN;
  return facts;
}

static void write_metrics(const struct watched *watched, struct watch_services *services,
                          struct buffer *text) {
  const struct held_samples *const held[] = {
      &watched->detail_gauges,
      &watched->detail_counters,
      &watched->memstats_gauges,
      &watched->memstats_counters,
      &watched->profiles.goroutine_gauges,
      &watched->profiles.heap_gauges,
  };
  services->samples.len = 0;
  compose_pulse(&services->samples, &watched->pulse, host_ticks_per_second(services->host));
  samples_write(text, services->samples.items, services->samples.len);
  if (watched->goroutines != VALUE_UNKNOWN)
    buffer_printf(text, "%s %llu\n", metrics[METRIC_GOROUTINES].type,
                  (unsigned long long)watched->goroutines);
  for (size_t i = 0; i < ARRAY_LENGTH(held); i++)
    samples_write(text, held[i]->items, held[i]->len);
}

/* ---- captures ---- */

/* Returns as capture_request(). */
static int ask_for_capture(struct watched *watched, struct watch_services *services,
                           const char *reason, const char *headline,
                           const struct evidence_facts *facts, int64_t wall_ms,
                           char path[CAPTURE_PATH_MAX]) {
  const struct watched_flags *flags = watched->flags;
  const struct config *config = services->config;
  const struct pprof_endpoint *client = watched->endpoint.client;
  autobuffer(values, TEXT_MAX);
  autobuffer(summary, TEXT_MAX);
  write_metrics(watched, services, &values);
  struct overnight overnight = {
      .facts = facts,
      .verdicts = flags->verdicts,
      .changes = &flags->changes,
      .trend = &flags->trend,
      .start_time_seconds = watched->start_time_seconds,
      .baseline_wall_ms = flags->baseline_wall_ms,
      .now_wall_ms = wall_ms,
  };
  overnight_write(&summary, &overnight);
  struct capture_request request = {
      .instance = watched->instance,
      .pid = facts->pid,
      .start_ticks = process_start_ticks(watched->process),
      .reason = reason,
      .headline = headline,
      .next_steps = next_steps(reason),
      .pprof_url = client != NULL ? pprof_endpoint_url(client) : NULL,
      .want_goroutine_dump = watched->goroutines <= config->goroutine_dump_max,
      .want_cpu_profile = strcmp(reason, red_flags[RED_FLAG_CPU].name) == 0,
      .metrics = buffer_string(&values),
      .summary = buffer_string(&summary),
      .wall_time_ms = wall_ms,
      .monotonic_ms = facts->now_ms,
  };
  return capture_request(services->capture, &request, path);
}

static bool is_worth_a_capture(const struct watch_services *services,
                               const struct verdict *verdict) {
  return services->capture != NULL && verdict->flag != RED_FLAG_PPROF_MISSING &&
         (verdict->state == RED_FLAG_FAILURE ||
          (verdict->state == RED_FLAG_WARNING && services->config->capture_on_warning));
}

/* A process that has settled is what it is compared with later; one with a Go runtime only
 * when that has told of its heap. */
static bool has_settled(const struct watched *watched, const struct watch_services *services,
                        uint64_t now_ms) {
  return now_ms - watched->flags->started_ms >= services->config->baseline_delay_ms &&
         watched->detail_ns != 0 &&
         (watched->endpoint.client == NULL || services->config->heap_profile_interval_ms == 0 ||
          watched->profiles.heap_sites != NULL);
}

static void mark_baseline(struct watched *watched, int64_t wall_ms) {
  watched->flags->baseline = watched->flags->now;
  watched->flags->baseline_wall_ms = wall_ms;
  trend_begin(&watched->flags->trend);
  if (watched->profiles.goroutine_sites != NULL)
    site_history_mark_baseline(watched->profiles.goroutine_sites);
  if (watched->profiles.heap_sites != NULL)
    site_history_mark_baseline(watched->profiles.heap_sites);
}

/* A disk that was full, or a runtime that was silent, may be better at the next reading. */
static void keep_baseline(struct watched *watched, struct watch_services *services,
                          uint64_t now_ms) {
  char path[CAPTURE_PATH_MAX];
  if (!has_settled(watched, services, now_ms))
    return;
  int64_t wall_ms = clock_wall_ns() / 1000000;
  if (watched->flags->baseline_wall_ms == 0)
    mark_baseline(watched, wall_ms);
  if (services->capture == NULL || watched->flags->has_baseline_capture)
    return;
  struct evidence_facts facts = facts_of(watched, services, now_ms);
  int status = ask_for_capture(watched, services, "baseline", "", &facts, wall_ms, path);
  watched->flags->has_baseline_capture = status == -EALREADY;
}

/* ---- telling ---- */

static void notify(const struct watched *watched, const struct watch_services *services,
                   const struct verdict *verdict, int64_t since_ms,
                   const struct evidence *evidence) {
  struct flag_notice notice = {
      .verdict = verdict,
      .pid = process_pid(watched->process),
      .since_seconds = since_ms / 1000,
      .evidence = evidence,
  };
  services->sink.notify(services->sink.context, watched->instance, &notice);
}

static void tell(struct watched *watched, struct watch_services *services,
                 const struct verdict *verdict, uint64_t now_ms) {
  int64_t wall_ms = clock_wall_ns() / 1000000;
  struct evidence_facts facts = facts_of(watched, services, now_ms);
  struct flag_change change = {wall_ms, verdict->flag, verdict->state};
  char path[CAPTURE_PATH_MAX];
  autoevidence(evidence);
  evidence_compose(&evidence, verdict, &facts);
  flag_changes_add(&watched->flags->changes, &change);
  watched->flags->told[verdict->flag] = verdict->state;
  if (is_worth_a_capture(services, verdict) &&
      ask_for_capture(watched, services, red_flags[verdict->flag].name, evidence.line, &facts,
                      wall_ms, path) == 0)
    evidence_add(&evidence, "capture", "%s", path);
  int64_t for_ms = now_ms > verdict->since_ms ? (int64_t)(now_ms - verdict->since_ms) : 0;
  notify(watched, services, verdict, wall_ms - for_ms, &evidence);
}

static void emit_states(const struct watched *watched, struct watch_services *services) {
  services->samples.len = 0;
  for (size_t i = 0; i < RED_FLAGS; i++) {
    struct verdict verdict;
    if (verdicts_get(watched->flags->verdicts, i, &verdict))
      samples_add_gauge(&services->samples, METRIC_RED_FLAG, red_flags[i].name, verdict.state);
  }
  watched_emit_scratch(watched, services);
}

void watched_judge(struct watched *watched, struct watch_services *services) {
  uint64_t now_ms = clock_monotonic_ns() / 1000000;
  struct verdict changed[RED_FLAGS];
  watched_flags_take_pprof(watched);
  size_t len = verdicts_judge(watched->flags->verdicts, now_ms, changed);
  keep_baseline(watched, services, now_ms);
  for (size_t i = 0; i < len; i++)
    tell(watched, services, &changed[i], now_ms);
  emit_states(watched, services);
}

void watched_flags_end(struct watched *watched, struct watch_services *services) {
  uint64_t now_ms = clock_monotonic_ns() / 1000000;
  struct evidence_facts facts = facts_of(watched, services, now_ms);
  for (size_t i = 0; i < RED_FLAGS; i++) {
    if (watched->flags->told[i] == RED_FLAG_OK)
      continue;
    autoevidence(evidence);
    evidence_compose_end(&evidence, i, &facts);
    struct verdict verdict = {.flag = (enum red_flag)i, .state = RED_FLAG_OK};
    verdict.before = watched->flags->told[i];
    verdict.value = verdict.threshold = verdict.rise = NAN;
    notify(watched, services, &verdict, clock_wall_ns() / 1000000, &evidence);
  }
}
