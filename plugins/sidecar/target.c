/* A target's lifetime, its pulse and detail from the operating system, its collectors; see
 * target.h. */
#include "sidecar/target.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/array.h"
#include "common/clock.h"
#include "sidecar/os/host.h"
#include "sidecar/os/memory_map.h"

/* Readings: one or two may be short of time because the daemon had to wait, or was stopped. */
enum { SEVERAL = 3 };

static uint64_t monotonic_ms(void) {
  return clock_monotonic_ns() / 1000000;
}

/* ---- log lines ---- */

void target_log(const struct target_services *services, int severity, const char *format, ...) {
  char line[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof(line), format, arguments);
  va_end(arguments);
  services->sink.log(services->sink.context, severity, line);
}

/* ---- lifetime ---- */

static int start_flags(struct target *target, const struct target_services *services) {
  const struct config *config = services->config;
  struct flags_options options = {.rules = &config->red_flags,
                                  .fd_patterns = &config->fd_patterns,
                                  .goroutine_patterns = &config->goroutine_patterns};
  uint64_t age_ms = 0;
  process_age_ms(target->process, &age_ms);
  return flags_new(&options, age_ms, monotonic_ms(), &target->flags);
}

/* Bit i: FdMatch i matches databases. */
static uint32_t database_patterns(const struct config *config) {
  const struct red_flag_rule *rule = &config->red_flags.rules[RED_FLAG_SQLITE_CONTENTION];
  uint32_t bits = 0;
  for (size_t i = 0; i < config->fd_patterns.len; i++)
    if (red_flag_has_pattern(rule->patterns, config->fd_patterns.items[i].name))
      bits |= UINT32_C(1) << i;
  return bits;
}

/* Since the epoch; NaN when the time of the boot cannot be read. */
static double start_time_seconds(const struct process *process, struct host *host) {
  uint64_t boot_seconds;
  if (host_boot_time_seconds(host, &boot_seconds) != 0)
    return NAN;
  return (double)boot_seconds +
         (double)process_start_ticks(process) / (double)host_ticks_per_second(host);
}

int target_new(struct target_services *services, struct process *process, struct user *user,
               const struct process_block *block, const char *instance, struct target **ret) {
  struct target *target = calloc(1, sizeof(*target));
  if (target == NULL) {
    process_close(process);
    return -ENOMEM;
  }
  target->process = process;
  target->user = user;
  target->block = block;
  snprintf(target->instance, sizeof(target->instance), "%s", instance);
  endpoint_init(&target->go.endpoint, user->uid, block->pprof_path);
  target->go.goroutines = target->go.leaked = target->go.heap_inuse_bytes = VALUE_UNKNOWN;
  target->regular = target->pipes = target->directories = VALUE_UNKNOWN;
  for (size_t i = 0; i < COLLECTORS; i++) {
    target->collectors[i].status = STATUS_OFF;
    target->collectors[i].duration_ns = VALUE_UNKNOWN;
  }
  target->start_time_seconds = start_time_seconds(process, services->host);

  const struct pattern_list *patterns = &services->config->fd_patterns;
  if (descriptors_new(patterns->items, patterns->len, database_patterns(services->config),
                      &target->descriptors) != 0 ||
      start_flags(target, services) != 0) {
    target_free(target);
    return -ENOMEM;
  }
  *ret = target;
  return 0;
}

static void free_go(struct target_go *go) {
  endpoint_close(&go->endpoint);
  samples_drop(&go->memstats_gauges);
  samples_drop(&go->memstats_counters);
  samples_drop(&go->goroutine_gauges);
  samples_drop(&go->heap_gauges);
  free(go->goroutine_sites);
  free(go->goroutine_groups);
  free(go->leaks);
  free(go->heap_sites);
  free(go->allocations);
}

void target_free(struct target *target) {
  if (target == NULL)
    return;
  free_go(&target->go);
  descriptors_free(target->descriptors);
  samples_drop(&target->detail_gauges);
  samples_drop(&target->detail_counters);
  flags_free(target->flags);
  free(target->cpu);
  process_close(target->process);
  free(target);
}

/* ---- status of the collectors ---- */

void target_add_collectors(const struct target *target, struct samples *samples) {
  for (size_t i = 0; i < COLLECTORS; i++) {
    const char *name = collector_name(i);
    enum collector_status status = target->collectors[i].status;
    uint64_t duration_ns = target->collectors[i].duration_ns;
    samples_add_gauge(samples, METRIC_COLLECTOR_STATUS, name, status);
    if (status != STATUS_OFF)
      samples_add_gauge(samples, METRIC_COLLECTOR_SUCCESS, name, status == STATUS_OK);
    if (duration_ns != VALUE_UNKNOWN)
      samples_add_gauge_double(samples, METRIC_COLLECTOR_DURATION_SECONDS, name,
                               (double)duration_ns / 1e9);
  }
}

/* If one file below /proc/PID is not readable, or blocks its readers, others are not either:
 * only the first collector logs it. */
static bool is_logged_for_another(const struct target *target, enum collector collector,
                                  enum collector_status status) {
  bool is_about_all = status == STATUS_DENIED || target_is_blocked(target);
  for (size_t i = 0; is_about_all && i < collector; i++)
    if (target->collectors[i].status == status)
      return true;
  return false;
}

/* Returns true if a failure of any kind had been logged since the last success. */
static bool all_succeed(struct backoff complaints[COLLECTOR_STATUSES]) {
  bool was_logged = false;
  for (size_t i = 0; i < COLLECTOR_STATUSES; i++)
    was_logged = backoff_success(&complaints[i]) || was_logged;
  return was_logged;
}

void target_collector_ended(struct target *target, const struct target_services *services,
                            enum collector collector, enum collector_status status,
                            const char *reason, uint64_t duration_ns) {
  target->collectors[collector].status = status;
  target->collectors[collector].duration_ns = duration_ns;
  struct backoff *complaints = target->collectors[collector].complaints;
  int pid = (int)process_pid(target->process);

  if (status == STATUS_OK || status == STATUS_OFF) {
    if (all_succeed(complaints) && status == STATUS_OK) {
      target_log(services, LOG_INFO, "%s (pid %d): %s: works again", target->instance, pid,
                 collector_name(collector));
    }
    return;
  }
  uint32_t suppressed;
  uint64_t now_ns = clock_monotonic_ns();
  if (status == STATUS_LATE || is_logged_for_another(target, collector, status) ||
      !backoff_due(&complaints[status], now_ns, &suppressed) ||
      !user_may_log(target->user, now_ns))
    return;
  const char *hint = collector_hint(collector, status);
  char again[64] = "";
  if (suppressed > 0)
    snprintf(again, sizeof(again), " (and %u times more since this was last logged)",
             suppressed);
  target_log(services, LOG_WARNING, "%s (pid %d): %s: %s%s%s%s", target->instance, pid,
             collector_name(collector), reason, hint[0] != '\0' ? "; " : "", hint, again);
}

/* The same for collectors that read files below /proc/PID: what is the file's name, error is 0
 * or -errno. */
static void collector_read(struct target *target, const struct target_services *services,
                           enum collector collector, const char *what, int error,
                           uint64_t duration_ns) {
  char reason[256] = "";
  if (error != 0)
    snprintf(reason, sizeof(reason), "%s/%d/%s cannot be read: %s", services->config->proc_root,
             (int)process_pid(target->process), what, strerror(-error));
  /* the process is alive, otherwise it would be -ESRCH: the kernel does not have the file */
  enum collector_status status =
      error == -ENOENT ? STATUS_UNSUPPORTED : collector_status_of(error);
  target_collector_ended(target, services, collector, status, reason, duration_ns);
}

/* ---- the pulse ---- */

/* The first of the pulse's files that could not be read. Returns 0 or -errno. */
static int pulse_error(const struct process_pulse *pulse, const char **ret_what) {
  const struct {
    const char *what;
    int error;
  } files[] = {
      {"status", pulse->status_error},
      {"io", pulse->io_error},
      {"fd", pulse->fds_error},
      /* unlimited */
      {"limits", pulse->limits_error == -ENODATA ? 0 : pulse->limits_error},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
    *ret_what = files[i].what;
    if (files[i].error != 0)
      return files[i].error;
  }
  return 0;
}

static void add_pulse(const struct target *target, const struct target_services *services,
                      struct samples *samples) {
  samples_add_pulse(samples, &target->pulse, host_ticks_per_second(services->host));
  samples_add_gauge_double(samples, METRIC_START_TIME_SECONDS, NULL,
                           target->start_time_seconds);
  samples_add_gauge(samples, METRIC_PID, NULL, (uint64_t)process_pid(target->process));
  if (target->go.endpoint.client != NULL)
    samples_add_gauge(samples, METRIC_PPROF_PORT, NULL, target->go.endpoint.port);
}

static void observe_pulse(struct target *target, const struct target_services *services) {
  struct reading reading = {.parts = READING_PULSE,
                            .now_ms = monotonic_ms(),
                            .pulse = &target->pulse,
                            .ticks_per_second = host_ticks_per_second(services->host)};
  flags_observe(target->flags, &reading);
}

static void forget_pulse(struct target *target) {
  memset(&target->pulse, 0xFF, sizeof(target->pulse)); /* all of it VALUE_UNKNOWN */
}

int target_take_pulse(struct target *target, struct target_services *services,
                      const struct pulse_item *item, struct samples *samples) {
  const char *what = "stat";
  int error = item->error;
  /* a status without memory: it has freed its memory and is about to become a zombie */
  if (error == -ESRCH || (error == 0 && item->pulse.status_error == -ENODATA))
    return -ESRCH;

  if (error != 0) {
    forget_pulse(target);
  } else {
    target->pulse = item->pulse;
    add_pulse(target, services, samples);
    error = pulse_error(&item->pulse, &what);
  }
  observe_pulse(target, services);
  collector_read(target, services, COLLECTOR_PROCESS, what, error,
                 item->ended_ns - item->started_ns);
  return 0;
}

/* ---- the detail ---- */

static bool moved_a_lot(uint64_t before, uint64_t now, uint64_t floor) {
  if (before == VALUE_UNKNOWN || now == VALUE_UNKNOWN)
    return false;
  uint64_t by = before > now ? before - now : now - before;
  return by >= floor && by >= before / 4;
}

bool target_detail_due(const struct target *target, const struct target_services *services,
                       uint64_t now_ns) {
  uint64_t interval_ns = services->config->detail_interval_ms * 1000000;
  /* readings come slightly early or late: due within 1 % is due */
  uint64_t age_ns = now_ns - target->detail_ns + interval_ns / 100;
  if (target->detail_ns == 0 || descriptors_in_progress(target->descriptors) ||
      age_ns >= interval_ns || flags_want_descriptors(target->flags, age_ns / 1000000))
    return true;
  const struct process_pulse *before = &target->detail_pulse, *now = &target->pulse;
  return age_ns >= interval_ns / 6 &&
         (moved_a_lot(before->open_fds, now->open_fds, 20) ||
          moved_a_lot(before->threads, now->threads, 10) ||
          moved_a_lot(before->memory.resident_bytes, now->memory.resident_bytes, 32 << 20));
}

static uint64_t watches_limit_of(struct host *host) {
  uint64_t limit;
  return host_inotify_watches_limit(host, &limit) == 0 ? limit : VALUE_UNKNOWN;
}

/* descriptors is NULL when they could not be read. */
static void observe_descriptors(struct target *target, const struct target_services *services,
                                const struct descriptors_reading *descriptors,
                                uint64_t watches_limit) {
  char owner[16] = "";
  struct reading reading = {.parts = READING_DESCRIPTORS,
                            .now_ms = monotonic_ms(),
                            .descriptors = descriptors,
                            .lock_owner = owner,
                            .inotify_watches_limit = watches_limit};
  if (descriptors != NULL && descriptors_are_contended(descriptors) &&
      descriptors->foreign_lock_pid > 0 &&
      host_process_name(services->host, descriptors->foreign_lock_pid, owner, sizeof(owner)) !=
          0)
    owner[0] = '\0';
  flags_observe(target->flags, &reading);
}

static void take_descriptors(struct target *target, struct target_services *services,
                             const struct detail_errand *detail, struct samples *samples) {
  const struct descriptors_reading *reading = &detail->reading;
  int error = detail->descriptors_error;
  endpoint_prove(&target->go.endpoint, detail->owned, error, services->pprof);
  target->regular = target->pipes = target->directories = VALUE_UNKNOWN;
  uint64_t watches_limit = VALUE_UNKNOWN;
  if (error == 0) {
    if (reading->inotify_watches != VALUE_UNKNOWN)
      watches_limit = watches_limit_of(services->host);
    samples_add_descriptors(samples, reading, &services->config->fd_patterns, watches_limit);
    target->regular = reading->by_class[DESCRIPTOR_REGULAR];
    target->pipes = reading->by_class[DESCRIPTOR_PIPE];
    target->directories = reading->by_class[DESCRIPTOR_DIRECTORY];
  }
  observe_descriptors(target, services, error == 0 ? reading : NULL, watches_limit);
  bool was_long = target->detail_parts >= SEVERAL;
  target->detail_parts = 0;
  if (error == 0 && was_long) /* the values are complete, but not at DetailInterval */
    error = -EINPROGRESS;
  if (error != -ESRCH)
    collector_read(target, services, COLLECTOR_DESCRIPTORS, "fd", error,
                   detail->map_ns - detail->started_ns);
}

static void log_held_back(struct target *target, const struct target_services *services,
                          uint64_t duration_ns) {
  char reason[120];
  snprintf(reason, sizeof(reason), "RSS is above SmapsMaxRSS (%llu MB): smaps_rollup",
           (unsigned long long)(services->config->smaps_max_rss_bytes >> 20));
  target_collector_ended(target, services, COLLECTOR_SMAPS, STATUS_CEILING, reason,
                         duration_ns);
}

static bool is_held_back(const struct target *target, const struct target_services *services) {
  uint64_t ceiling = services->config->smaps_max_rss_bytes;
  return ceiling > 0 && target->pulse.memory.resident_bytes > ceiling;
}

static void observe_memory_map(struct target *target, const struct target_services *services,
                               uint64_t regions, uint64_t lazyfree_bytes) {
  struct reading reading = {.parts = READING_MEMORY_MAP,
                            .now_ms = monotonic_ms(),
                            .memory_regions = regions,
                            .lazyfree_bytes = lazyfree_bytes};
  bool is_swapped = target->pulse.memory.swap_bytes > 0; /* or it is not known */
  if (!is_swapped ||
      host_memory_pressure(services->host, &reading.memory_pressure_percent) != 0)
    reading.memory_pressure_percent = NAN;
  flags_observe(target->flags, &reading);
}

static void take_memory_map(struct target *target, struct target_services *services,
                            const struct detail_errand *detail, struct samples *samples) {
  bool has_regions = detail->regions_error == 0;
  bool has_rollup = has_regions && detail->wants_rollup && detail->rollup_error == 0;
  uint64_t duration_ns = detail->ended_ns - detail->map_ns;
  if (has_regions)
    samples_add_gauge(samples, METRIC_MEMORY_REGIONS, NULL, detail->regions);
  if (has_rollup)
    samples_add_rollup(samples, &detail->rollup);
  observe_memory_map(target, services, has_regions ? detail->regions : VALUE_UNKNOWN,
                     has_rollup ? detail->rollup.lazyfree : VALUE_UNKNOWN);

  int error =
      has_regions && detail->wants_rollup ? detail->rollup_error : detail->regions_error;
  if (error == 0 && is_held_back(target, services))
    log_held_back(target, services, duration_ns);
  else if (error != -ESRCH)
    collector_read(target, services, COLLECTOR_SMAPS, has_regions ? "smaps_rollup" : "maps",
                   error, duration_ns);
}

static struct endpoint_options endpoint_options(const struct target *target) {
  return (struct endpoint_options){.enabled = target->block->pprof,
                                   .port = target->block->pprof_port,
                                   .variable = target->block->pprof_variable};
}

static void prepare_detail(const struct target *target, const struct target_services *services,
                           struct detail_errand *detail) {
  const struct endpoint *endpoint = &target->go.endpoint;
  struct endpoint_options options = endpoint_options(target);
  detail->errand.host = services->host;
  detail->errand.locks = services->locks;
  detail->errand.pid = process_pid(target->process);
  detail->errand.uid = target->user->uid;
  detail->process = target->process;
  detail->descriptors = target->descriptors;
  detail->wants_search = !descriptors_in_progress(target->descriptors);
  detail->wants_rollup =
      services->config->smaps_max_rss_bytes > 0 && !is_held_back(target, services);
  detail->inodes_len = endpoint->listeners_len;
  for (size_t i = 0; i < endpoint->listeners_len; i++)
    detail->inodes[i] = endpoint->listeners[i].inode;
  memset(detail->owned, 0, sizeof(detail->owned));
  if (detail->wants_search)
    endpoint_begin(endpoint, &options, &detail->search);
}

/* Returns as target_read_detail(). */
static int take_detail(struct target *target, struct target_services *services,
                       const struct detail_errand *detail, struct samples *samples) {
  struct samples gauges, counters;
  struct endpoint_options options = endpoint_options(target);
  gauges.len = counters.len = 0;
  if (detail->wants_search)
    endpoint_find(&target->go.endpoint, &options, &detail->search);
  if (detail->descriptors_error == -EINPROGRESS) {
    if (++target->detail_parts >= SEVERAL)
      collector_read(target, services, COLLECTOR_DESCRIPTORS, "fd", -EINPROGRESS,
                     detail->map_ns - detail->started_ns);
    return 0;
  }
  take_descriptors(target, services, detail, &gauges);
  take_memory_map(target, services, detail, &gauges);
  samples_hold(&target->detail_gauges, &gauges);
  if (detail->switches_error == 0)
    samples_add_counter(&counters, METRIC_CONTEXT_SWITCHES,
                        detail->voluntary + detail->involuntary);
  if (detail->has_ended)
    return -ESRCH; /* the counters held before are the last ones */

  target->has_new_detail = true;
  samples_hold(&target->detail_counters, &counters);
  samples_add_held(samples, &target->detail_counters, services->config->detail_interval_ms);
  return 0;
}

int target_read_detail(struct target *target, struct target_services *services, uint64_t now_ns,
                       struct samples *samples, struct errand **ret_left) {
  if (services->detail == NULL)
    services->detail = detail_errand_new();
  if (services->detail == NULL)
    return 0;
  target->turn_ns = now_ns;
  target->postponed = 0;
  if (isnan(target->start_time_seconds))
    target->start_time_seconds = start_time_seconds(target->process, services->host);
  if (!descriptors_in_progress(target->descriptors)) {
    target->detail_ns = now_ns;
    target->detail_pulse = target->pulse;
  }
  struct detail_errand *detail = services->detail;
  detail->target = target;
  prepare_detail(target, services, detail);
  int status = watchdog_run(services->watchdog, &detail->errand);
  if (status == 0)
    return take_detail(target, services, detail, samples);
  services->detail = NULL;
  *ret_left = &detail->errand;
  return status;
}

/* ---- a process that blocks its readers ---- */

static void forget_detail(struct target *target, const struct target_services *services) {
  samples_drop(&target->detail_gauges);
  samples_drop(&target->detail_counters);
  target->regular = target->pipes = target->directories = VALUE_UNKNOWN;
  target->detail_ns = 0; /* due as soon as it can be read */
  observe_descriptors(target, services, NULL, VALUE_UNKNOWN);
  observe_memory_map(target, services, VALUE_UNKNOWN, VALUE_UNKNOWN);
  for (size_t i = COLLECTOR_DESCRIPTORS; i <= COLLECTOR_SMAPS; i++) {
    target->collectors[i].status = STATUS_TIMEOUT;
    target->collectors[i].duration_ns = VALUE_UNKNOWN;
  }
}

void target_miss_pulse(struct target *target, const struct target_services *services) {
  char reason[200];
  pid_t pid = process_pid(target->process);
  if (watchdog_has_pid(services->watchdog, pid))
    snprintf(reason, sizeof(reason),
             "a read of %s/%d does not return: the process blocks its readers, and is not read "
             "until it lets this one go",
             services->config->proc_root, (int)pid);
  else
    snprintf(reason, sizeof(reason), "not read: %zu processes of user %u block their readers",
             watchdog_left_of(services->watchdog, target->user->uid),
             (unsigned)target->user->uid);
  forget_pulse(target);
  observe_pulse(target, services);
  forget_detail(target, services);
  if (target->block->pprof)
    endpoint_fail(&target->go.endpoint, STATUS_TIMEOUT, "the process cannot be read");
  target_collector_ended(target, services, COLLECTOR_PROCESS, STATUS_TIMEOUT, reason,
                         VALUE_UNKNOWN);
}

void target_postpone_detail(struct target *target, const struct target_services *services,
                            uint64_t now_ns) {
  bool is_old = now_ns - target->detail_ns > 2 * services->config->detail_interval_ms * 1000000;
  if (++target->postponed >= SEVERAL && is_old)
    target->collectors[COLLECTOR_DESCRIPTORS].status = STATUS_LATE;
}

void target_add_detail(const struct target *target, struct samples *samples) {
  samples_add_held(samples, &target->detail_gauges, 0);
}

void target_add_last(const struct target *target, struct samples *samples) {
  samples_add_held(samples, &target->detail_counters, 0);
  samples_add_held(samples, &target->go.memstats_counters, 0);
}
