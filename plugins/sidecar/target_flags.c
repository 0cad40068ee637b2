/* Judging, notifications, captures and the baseline of a target; see target_flags.h. */
#include "sidecar/target_flags.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/clock.h"
#include "sidecar/capture/capture.h"
#include "sidecar/capture/name.h"
#include "sidecar/os/host.h"

enum { TEXT_MAX = 64 * 1024 };

static int64_t wall_ms(void) {
  return clock_wall_ns() / 1000000;
}

/* ---- sources of evidence ---- */

static struct evidence_facts facts_of(const struct target *target,
                                      const struct target_services *services, uint64_t now_ms) {
  const struct target_go *go = &target->go;
  bool is_grouped = go->goroutine_groups != NULL;
  struct evidence_facts facts = {
      .instance = target->instance,
      .pid = process_pid(target->process),
      .pprof_port = target->go.endpoint.client != NULL ? target->go.endpoint.port : 0,
      .pprof_path = target->block->pprof_path,
      .now_ms = now_ms,
      .now = &target->flags->now,
      .baseline = &target->flags->baseline,
      .findings = &target->flags->findings,
      .goroutine_sites = is_grouped ? go->goroutine_groups : go->goroutine_sites,
      .older_dump = is_grouped ? go->goroutine_sites : NULL,
      .leaks = go->leaked != VALUE_UNKNOWN ? go->leaks : NULL,
      .heap_sites = target->go.heap_sites,
      .allocations = target->go.allocations,
      .stuck = &target->flags->stuck,
      .cpu = target->cpu != NULL ? &target->cpu->profile : NULL,
      .rules = &services->config->red_flags,
      .goroutine_patterns = &services->config->goroutine_patterns,
      .memory_pressure_percent = NAN,
      .inotify_watches_limit = VALUE_UNKNOWN,
  };
  if (!go->has_new_sites)
    facts.sites_of = is_grouped ? go->groups : go->dump;
  if (is_grouped)
    facts.dump_of = go->dump;
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
  samples_add_gauge(&samples, METRIC_GOROUTINES_LEAKED, NULL, go->leaked);
  samples_write(text, samples.items, samples.len);
  for (size_t i = 0; i < ARRAY_LENGTH(held); i++)
    samples_write(text, held[i]->items, held[i]->len);
}

/* ---- captures ---- */

/* What a capture is for. */
struct cause {
  const char *reason;
  const char *headline, *next_steps; /* as in struct capture_request */
  uint64_t round;
  bool is_failure, wants_cpu_profile;
};

static const struct cause baseline_cause = {.reason = CAPTURE_BASELINE, .headline = ""};

#define NIGHT_STEPS                                                                            \
  "What grew: compare the heap with the baseline or the capture before (below), then\n"        \
  "`top20` and `list FUNCTION`. ../summary.txt has all numbers since the baseline.\n"          \
  "Look for goroutines that have been waiting for hours.\n"

static struct cause cause_of_round(const struct target *target, enum round_kind kind) {
  static const struct cause causes[ROUND_KINDS] = {
      [ROUND_REQUESTED] = {.reason = CAPTURE_REQUESTED,
                           .headline = "A capture that " CAPTURE_DEMAND_FILE " asked for",
                           .next_steps = NIGHT_STEPS},
      [ROUND_SCHEDULED] = {.reason = CAPTURE_SCHEDULED,
                           .headline = "A capture at a time of CaptureSchedule",
                           .next_steps = NIGHT_STEPS},
  };
  struct cause cause = causes[kind];
  cause.round = target->rounds[kind].wanted;
  return cause;
}

static struct cause cause_of_flag(const struct flag_status *status, const char *headline) {
  const struct red_flag_info *flag = &red_flags[status->flag];
  return (struct cause){
      .reason = flag->name,
      .headline = headline,
      .next_steps = flag->next_steps,
      .is_failure = status->state == RED_FLAG_FAILURE,
      .wants_cpu_profile = flag->wants_cpu_profile,
  };
}

/* Without the texts. */
static struct capture_request request_for(const struct target *target,
                                          const struct target_services *services,
                                          const struct cause *cause, uint64_t now_ms) {
  const struct pprof_endpoint *client = target->go.endpoint.client;
  return (struct capture_request){
      .instance = target->instance,
      .pid = process_pid(target->process),
      .owner = target->user->uid,
      .start_ticks = process_start_ticks(target->process),
      .reason = cause->reason,
      .round = cause->round,
      .headline = cause->headline,
      .next_steps = cause->next_steps,
      .pprof_url = client != NULL ? pprof_endpoint_url(client) : NULL,
      .pprof_server = client != NULL ? pprof_endpoint_server(client) : NULL,
      .want_goroutine_dump = target->go.goroutines <= services->config->goroutine_dump_max,
      .want_goroutine_leaks = target->go.leaked != VALUE_UNKNOWN,
      .want_cpu_profile = cause->wants_cpu_profile,
      .is_failure = cause->is_failure,
      .wall_time_ms = wall_ms(),
      .monotonic_ms = now_ms,
  };
}

/* Return values as of capture_request(). */
static int request_capture(const struct target *target, const struct target_services *services,
                           const struct cause *cause, const struct evidence_facts *facts,
                           char path[CAPTURE_PATH_MAX]) {
  const struct flags *flags = target->flags;
  struct capture_request request = request_for(target, services, cause, facts->now_ms);
  int status = capture_check(services->capture, &request);
  if (status != 0)
    return status; /* for most of the baselines */
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
      .now_wall_ms = request.wall_time_ms,
      .suspends = &services->suspends,
  };
  report_write(&summary, &report);
  request.metrics = buffer_string(&values);
  request.summary = buffer_string(&summary);
  return capture_request(services->capture, &request, path);
}

int target_flags_capture_round(const struct target *target,
                               const struct target_services *services, enum round_kind kind,
                               char ret_path[CAPTURE_PATH_MAX]) {
  struct cause cause = cause_of_round(target, kind);
  struct evidence_facts facts = facts_of(target, services, clock_monotonic_ns() / 1000000);
  return request_capture(target, services, &cause, &facts, ret_path);
}

int target_flags_check_round(const struct target *target,
                             const struct target_services *services, enum round_kind kind) {
  struct cause cause = cause_of_round(target, kind);
  struct capture_request request =
      request_for(target, services, &cause, clock_monotonic_ns() / 1000000);
  return capture_check(services->capture, &request);
}

static uint64_t flag_bit(enum red_flag flag) {
  return UINT64_C(1) << flag;
}

static bool is_worth_a_capture(const struct target *target,
                               const struct target_services *services,
                               const struct flag_status *status) {
  bool is_first = (target->warnings_captured & flag_bit(status->flag)) == 0;
  return services->capture != NULL && !target_is_blocked(target) &&
         red_flag_is_worth_a_capture(status, services->config->capture_on_warning, is_first);
}

/* Adds the path of the capture, if there is going to be one. */
static void capture_change(struct target *target, const struct target_services *services,
                           const struct flag_status *status, const struct evidence_facts *facts,
                           struct evidence *evidence) {
  char path[CAPTURE_PATH_MAX];
  struct cause cause = cause_of_flag(status, evidence->line);
  if (!is_worth_a_capture(target, services, status) ||
      request_capture(target, services, &cause, facts, path) != 0)
    return;
  if (status->state == RED_FLAG_WARNING)
    target->warnings_captured |= flag_bit(status->flag);
  target->awaits_cpu = target->awaits_cpu || cause.wants_cpu_profile;
  evidence_add(evidence, "capture", "%s", path);
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
  if (target->go.goroutine_groups != NULL)
    site_history_mark_baseline(target->go.goroutine_groups);
  if (target->go.heap_sites != NULL)
    site_history_mark_baseline(target->go.heap_sites);
}

/* If the disk is full or the runtime does not respond, it is tried again at the next
 * reading. */
static void keep_baseline(struct target *target, const struct target_services *services,
                          uint64_t now_ms) {
  char path[CAPTURE_PATH_MAX];
  if (target_is_blocked(target) || !has_settled(target, services, now_ms))
    return;
  if (target->flags->baseline_wall_ms == 0)
    mark_baseline(target);
  if (services->capture == NULL || target->has_baseline_capture)
    return;
  struct evidence_facts facts = facts_of(target, services, now_ms);
  target->has_baseline_capture =
      request_capture(target, services, &baseline_cause, &facts, path) == -EALREADY;
}

/* ---- the CPU profile, which ends after the notification that it was taken for ---- */

/* Returns whether there is a new one. */
static bool take_cpu(struct target *target, const struct target_services *services) {
  struct captured_cpu found;
  if (!target->awaits_cpu || !capture_take_cpu(services->capture, process_pid(target->process),
                                               process_start_ticks(target->process), &found))
    return false;
  target->awaits_cpu = false;
  if (target->cpu == NULL)
    target->cpu = malloc(sizeof(*target->cpu));
  if (target->cpu == NULL)
    return false;
  *target->cpu = found;
  return true;
}

static void forget_cpu(struct target *target) {
  free(target->cpu);
  target->cpu = NULL;
  target->awaits_cpu = false;
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

static int64_t since_wall_ms(const struct target_services *services,
                             const struct flag_status *status, uint64_t now_ms) {
  return suspends_wall_ms(&services->suspends, status->since_ms, now_ms, wall_ms());
}

/* Is a flag up that wants a CPU profile? */
static bool wants_cpu(const struct target *target) {
  for (size_t i = 0; i < RED_FLAGS; i++)
    if (red_flags[i].wants_cpu_profile && target->flags->notified[i] != RED_FLAG_OK)
      return true;
  return false;
}

static void notify_change(struct target *target, const struct target_services *services,
                          const struct flag_status *status, uint64_t now_ms) {
  struct evidence_facts facts = facts_of(target, services, now_ms);
  autoevidence(evidence);
  evidence_compose(&evidence, status, &facts);
  capture_change(target, services, status, &facts, &evidence);
  if (status->state > status->before && red_flags[status->flag].wants_leaks)
    target->go.wants_leaks = true;
  if (!wants_cpu(target))
    forget_cpu(target);
  notify(target, services, status, since_wall_ms(services, status, now_ms), &evidence);
}

/* The same state once more, now with the stacks that use the CPU. */
static void notify_cpu(const struct target *target, const struct target_services *services,
                       uint64_t now_ms) {
  for (size_t i = 0; i < RED_FLAGS; i++) {
    struct flag_status status;
    if (!red_flags[i].wants_cpu_profile ||
        !evaluator_get(target->flags->evaluator, i, &status) || status.state == RED_FLAG_OK)
      continue;
    struct evidence_facts facts = facts_of(target, services, now_ms);
    autoevidence(evidence);
    evidence_compose(&evidence, &status, &facts);
    evidence_add(&evidence, "capture", "%s", target->cpu->path);
    notify(target, services, &status, since_wall_ms(services, &status, now_ms), &evidence);
  }
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
    enum red_flag_state state;
    if (evaluator_get_state(target->flags->evaluator, i, &state))
      samples_add_gauge(samples, METRIC_RED_FLAG, red_flag_name(i), state);
  }
}

void target_flags_judge(struct target *target, struct target_services *services,
                        struct samples *samples) {
  uint64_t now_ms = clock_monotonic_ns() / 1000000;
  struct flag_status changed[RED_FLAGS];
  observe_pprof(target, now_ms);
  size_t len = flags_judge(target->flags, now_ms, wall_ms(), changed);
  keep_baseline(target, services, now_ms);
  bool has_cpu = take_cpu(target, services);
  for (size_t i = 0; i < len; i++) {
    notify_change(target, services, &changed[i], now_ms);
    has_cpu = has_cpu && !red_flags[changed[i].flag].wants_cpu_profile; /* it was told */
  }
  if (has_cpu)
    notify_cpu(target, services, now_ms);
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
