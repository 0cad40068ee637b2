/* Judging, notifications, captures and the baseline of a target; see target_flags.h. */
#include "sidecar/target_flags.h"

#include <errno.h>
#include <math.h>

#include "common/array.h"
#include "common/clock.h"
#include "sidecar/capture/capture.h"
#include "sidecar/os/host.h"

enum { TEXT_MAX = 64 * 1024 };

static int64_t wall_ms(void) {
  return clock_wall_ns() / 1000000;
}

/* ---- sources of evidence ---- */

static struct evidence_facts facts_of(const struct target *target,
                                      const struct target_services *services, uint64_t now_ms) {
  struct evidence_facts facts = {
      .instance = target->instance,
      .pid = process_pid(target->process),
      .pprof_port = target->go.endpoint.client != NULL ? target->go.endpoint.port : 0,
      .now_ms = now_ms,
      .now = &target->flags->now,
      .baseline = &target->flags->baseline,
      .findings = &target->flags->findings,
      .goroutine_sites = target->go.goroutine_sites,
      .heap_sites = target->go.heap_sites,
      .rules = &services->config->red_flags,
      .goroutine_patterns = &services->config->goroutine_patterns,
      .memory_pressure_percent = NAN,
      .inotify_watches_limit = VALUE_UNKNOWN,
  };
  if (host_memory_pressure(services->host, &facts.memory_pressure_percent) != 0)
    facts.memory_pressure_percent = NAN;
  if (host_inotify_watches_limit(services->host, &facts.inotify_watches_limit) != 0)
    facts.inotify_watches_limit = VALUE_UNKNOWN;
  return facts;
}

static void write_metrics(const struct target *target, const struct target_services *services,
                          struct buffer *text) {
  const struct target_go *go = &target->go;
  const struct held_samples *const held[] = {
      &target->detail_gauges, &target->detail_counters, &go->memstats_gauges,
      &go->memstats_counters, &go->goroutine_gauges,    &go->heap_gauges,
  };
  struct samples samples;
  samples.len = 0;
  samples_add_pulse(&samples, &target->pulse, host_ticks_per_second(services->host));
  samples_add_gauge(&samples, METRIC_GOROUTINES, NULL, go->goroutines);
  samples_write(text, samples.items, samples.len);
  for (size_t i = 0; i < ARRAY_LENGTH(held); i++)
    samples_write(text, held[i]->items, held[i]->len);
}

/* ---- captures ---- */

/* flag is NULL for a baseline. Return values as of capture_request(). */
static int request_capture(const struct target *target, const struct target_services *services,
                           const struct red_flag_info *flag, const char *headline,
                           const struct evidence_facts *facts, char path[CAPTURE_PATH_MAX]) {
  const struct flags *flags = target->flags;
  const struct pprof_endpoint *client = target->go.endpoint.client;
  int64_t now_wall_ms = wall_ms();
  autobuffer(values, TEXT_MAX);
  autobuffer(summary, TEXT_MAX);
  write_metrics(target, services, &values);
  struct report report = {
      .facts = facts,
      .evaluator = flags->evaluator,
      .changes = &flags->changes,
      .trend = &flags->trend,
      .start_time_seconds = target->start_time_seconds,
      .baseline_wall_ms = flags->baseline_wall_ms,
      .now_wall_ms = now_wall_ms,
  };
  report_write(&summary, &report);
  struct capture_request request = {
      .instance = target->instance,
      .pid = facts->pid,
      .start_ticks = process_start_ticks(target->process),
      .reason = flag != NULL ? flag->name : "baseline",
      .headline = headline,
      .next_steps = flag != NULL ? flag->next_steps : NULL,
      .pprof_url = client != NULL ? pprof_endpoint_url(client) : NULL,
      .want_goroutine_dump = target->go.goroutines <= services->config->goroutine_dump_max,
      .want_cpu_profile = flag != NULL && flag->wants_cpu_profile,
      .metrics = buffer_string(&values),
      .summary = buffer_string(&summary),
      .wall_time_ms = now_wall_ms,
      .monotonic_ms = facts->now_ms,
  };
  return capture_request(services->capture, &request, path);
}

static bool is_worth_a_capture(const struct target_services *services,
                               const struct flag_status *status) {
  return services->capture != NULL && !red_flags[status->flag].is_information &&
         (status->state == RED_FLAG_FAILURE ||
          (status->state == RED_FLAG_WARNING && services->config->capture_on_warning));
}

/* ---- the baseline ---- */

/* The baseline is taken when the process has settled; with a Go runtime, only once its heap is
 * known. */
static bool has_settled(const struct target *target, const struct target_services *services,
                        uint64_t now_ms) {
  return now_ms - target->flags->started_ms >= services->config->baseline_delay_ms &&
         target->detail_ns != 0 &&
         (target->go.endpoint.client == NULL ||
          services->config->heap_profile_interval_ms == 0 || target->go.heap_sites != NULL);
}

static void mark_baseline(struct target *target) {
  flags_mark_baseline(target->flags, wall_ms());
  if (target->go.goroutine_sites != NULL)
    site_history_mark_baseline(target->go.goroutine_sites);
  if (target->go.heap_sites != NULL)
    site_history_mark_baseline(target->go.heap_sites);
}

/* If the disk is full or the runtime does not respond, it is tried again at the next
 * reading. */
static void keep_baseline(struct target *target, const struct target_services *services,
                          uint64_t now_ms) {
  char path[CAPTURE_PATH_MAX];
  if (!has_settled(target, services, now_ms))
    return;
  if (target->flags->baseline_wall_ms == 0)
    mark_baseline(target);
  if (services->capture == NULL || target->has_baseline_capture)
    return;
  struct evidence_facts facts = facts_of(target, services, now_ms);
  target->has_baseline_capture =
      request_capture(target, services, NULL, "", &facts, path) == -EALREADY;
}

/* ---- notifications ---- */

static void notify(const struct target *target, const struct target_services *services,
                   const struct flag_status *status, int64_t since_ms,
                   const struct evidence *evidence) {
  struct flag_notice notice = {
      .status = status,
      .pid = process_pid(target->process),
      .since_seconds = since_ms / 1000,
      .evidence = evidence,
  };
  services->sink.notify(services->sink.context, target->instance, &notice);
}

static void notify_change(const struct target *target, const struct target_services *services,
                          const struct flag_status *status, uint64_t now_ms) {
  struct evidence_facts facts = facts_of(target, services, now_ms);
  char path[CAPTURE_PATH_MAX];
  autoevidence(evidence);
  evidence_compose(&evidence, status, &facts);
  if (is_worth_a_capture(services, status) &&
      request_capture(target, services, &red_flags[status->flag], evidence.line, &facts,
                      path) == 0)
    evidence_add(&evidence, "capture", "%s", path);
  int64_t for_ms = now_ms > status->since_ms ? (int64_t)(now_ms - status->since_ms) : 0;
  notify(target, services, status, wall_ms() - for_ms, &evidence);
}

static void observe_pprof(struct target *target, uint64_t now_ms) {
  struct reading reading = {.parts = READING_PPROF, .now_ms = now_ms};
  reading.has_pprof = NAN; /* no permission, or not configured */
  if (target->go.endpoint.client != NULL)
    reading.has_pprof = 1;
  else if (target->block->pprof && target->go.endpoint.status != STATUS_DENIED)
    reading.has_pprof = 0;
  flags_observe(target->flags, &reading);
}

static void add_states(const struct target *target, struct samples *samples) {
  for (size_t i = 0; i < RED_FLAGS; i++) {
    struct flag_status status;
    if (evaluator_get(target->flags->evaluator, i, &status))
      samples_add_gauge(samples, METRIC_RED_FLAG, red_flag_name(i), status.state);
  }
}

void target_flags_judge(struct target *target, struct target_services *services,
                        struct samples *samples) {
  uint64_t now_ms = clock_monotonic_ns() / 1000000;
  struct flag_status changed[RED_FLAGS];
  observe_pprof(target, now_ms);
  size_t len = flags_judge(target->flags, now_ms, wall_ms(), changed);
  keep_baseline(target, services, now_ms);
  for (size_t i = 0; i < len; i++)
    notify_change(target, services, &changed[i], now_ms);
  add_states(target, samples);
}

void target_flags_end(struct target *target, struct target_services *services) {
  struct flag_status ended[RED_FLAGS];
  size_t len = flags_end(target->flags, ended);
  if (len == 0)
    return;
  struct evidence_facts facts = facts_of(target, services, clock_monotonic_ns() / 1000000);
  for (size_t i = 0; i < len; i++) {
    autoevidence(evidence);
    evidence_compose_end(&evidence, ended[i].flag, &facts);
    notify(target, services, &ended[i], wall_ms(), &evidence);
  }
}
