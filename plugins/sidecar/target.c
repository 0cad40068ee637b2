/* A target's lifetime, its pulse and detail from the operating system, its collectors; see
 * target.h. */
#include "sidecar/target.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/array.h"
#include "common/clock.h"
#include "sidecar/os/host.h"
#include "sidecar/os/memory_map.h"

static uint64_t monotonic_ms(void) {
  return clock_monotonic_ns() / 1000000;
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

int target_new(struct target_services *services, struct process *process,
               const struct process_block *block, const char *instance, struct target **ret) {
  struct target *target = calloc(1, sizeof(*target));
  if (target == NULL) {
    process_close(process);
    return -ENOMEM;
  }
  target->process = process;
  target->block = block;
  snprintf(target->instance, sizeof(target->instance), "%s", instance);
  endpoint_init(&target->go.endpoint);
  target->go.goroutines = target->go.heap_inuse_bytes = VALUE_UNKNOWN;
  target->regular = target->pipes = target->directories = VALUE_UNKNOWN;
  for (size_t i = 0; i < COLLECTORS; i++) {
    target->collectors[i].status = STATUS_OFF;
    target->collectors[i].duration_ns = VALUE_UNKNOWN;
  }

  uint64_t boot_seconds;
  target->start_time_seconds = NAN;
  if (host_boot_time_seconds(services->host, &boot_seconds) == 0)
    target->start_time_seconds =
        (double)boot_seconds +
        (double)process_start_ticks(process) / (double)host_ticks_per_second(services->host);

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
  free(go->heap_sites);
}

void target_free(struct target *target) {
  if (target == NULL)
    return;
  free_go(&target->go);
  descriptors_free(target->descriptors);
  samples_drop(&target->detail_gauges);
  samples_drop(&target->detail_counters);
  flags_free(target->flags);
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

/* If one file below /proc/PID is not readable, others are not either: only the first collector
 * that is denied logs it. */
static bool is_logged_for_another(const struct target *target, enum collector collector,
                                  enum collector_status status) {
  for (size_t i = 0; status == STATUS_DENIED && i < collector; i++)
    if (target->collectors[i].status == STATUS_DENIED)
      return true;
  return false;
}

void target_collector_ended(struct target *target, const struct target_services *services,
                            enum collector collector, enum collector_status status,
                            const char *reason, uint64_t duration_ns) {
  target->collectors[collector].status = status;
  target->collectors[collector].duration_ns = duration_ns;
  struct backoff *complaint = &target->collectors[collector].complaint;
  char line[900];
  int pid = (int)process_pid(target->process);

  if (status == STATUS_OK || status == STATUS_OFF) {
    if (backoff_reset(complaint) && status == STATUS_OK) {
      snprintf(line, sizeof(line), "%s (pid %d): %s: works again", target->instance, pid,
               collector_name(collector));
      services->sink.log(services->sink.context, LOG_INFO, line);
    }
    return;
  }
  uint32_t suppressed;
  if (is_logged_for_another(target, collector, status) ||
      !backoff_due(complaint, clock_monotonic_ns(), &suppressed))
    return;
  const char *hint = collector_hint(collector, status);
  char again[64] = "";
  if (suppressed > 0)
    snprintf(again, sizeof(again), " (and %u times more since this was last logged)",
             suppressed);
  snprintf(line, sizeof(line), "%s (pid %d): %s: %s%s%s%s", target->instance, pid,
           collector_name(collector), reason, hint[0] != '\0' ? "; " : "", hint, again);
  services->sink.log(services->sink.context, LOG_WARNING, line);
}

/* The same for collectors that read files below /proc/PID: what is the file's name, error is 0
 * or -errno, started_ns is when the reading began. */
static void collector_read(struct target *target, const struct target_services *services,
                           enum collector collector, const char *what, int error,
                           uint64_t started_ns) {
  char reason[256] = "";
  if (error != 0)
    snprintf(reason, sizeof(reason), "%s/%d/%s cannot be read: %s", services->config->proc_root,
             (int)process_pid(target->process), what, strerror(-error));
  /* the process is alive, otherwise it would be -ESRCH: the kernel does not have the file */
  enum collector_status status =
      error == -ENOENT ? STATUS_UNSUPPORTED : collector_status_of(error);
  target_collector_ended(target, services, collector, status, reason,
                         clock_monotonic_ns() - started_ns);
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

int target_read_pulse(struct target *target, struct target_services *services,
                      struct samples *samples) {
  uint64_t started_ns = clock_monotonic_ns();
  struct process_pulse pulse;
  int error = process_read_pulse(target->process, &pulse);
  /* a status without memory: it has freed its memory and is about to become a zombie */
  if (error == -ESRCH || (error == 0 && pulse.status_error == -ENODATA))
    return -ESRCH;

  const char *what = "stat";
  if (error != 0) {
    memset(&target->pulse, 0xFF, sizeof(target->pulse)); /* all of it VALUE_UNKNOWN */
  } else {
    target->pulse = pulse;
    add_pulse(target, services, samples);
    error = pulse_error(&pulse, &what);
  }
  struct reading reading = {.parts = READING_PULSE,
                            .now_ms = monotonic_ms(),
                            .pulse = &target->pulse,
                            .ticks_per_second = host_ticks_per_second(services->host)};
  flags_observe(target->flags, &reading);
  collector_read(target, services, COLLECTOR_PROCESS, what, error, started_ns);
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
  if (target->detail_ns == 0 || age_ns >= interval_ns ||
      flags_want_descriptors(target->flags, age_ns / 1000000))
    return true;
  const struct process_pulse *before = &target->detail_pulse, *now = &target->pulse;
  return age_ns >= interval_ns / 6 &&
         (moved_a_lot(before->open_fds, now->open_fds, 20) ||
          moved_a_lot(before->threads, now->threads, 10) ||
          moved_a_lot(before->memory.resident_bytes, now->memory.resident_bytes, 32 << 20));
}

/* descriptors is NULL when they could not be read. */
static void observe_descriptors(struct target *target, const struct target_services *services,
                                const struct descriptors_reading *descriptors) {
  char owner[16] = "";
  struct reading reading = {.parts = READING_DESCRIPTORS,
                            .now_ms = monotonic_ms(),
                            .descriptors = descriptors,
                            .lock_owner = owner,
                            .inotify_watches_limit = VALUE_UNKNOWN};
  if (descriptors != NULL && descriptors->inotify_watches != VALUE_UNKNOWN &&
      host_inotify_watches_limit(services->host, &reading.inotify_watches_limit) != 0)
    reading.inotify_watches_limit = VALUE_UNKNOWN;
  if (descriptors != NULL && descriptors_are_contended(descriptors) &&
      descriptors->foreign_lock_pid > 0 &&
      host_process_name(services->host, descriptors->foreign_lock_pid, owner, sizeof(owner)) !=
          0)
    owner[0] = '\0';
  flags_observe(target->flags, &reading);
}

/* Returns 0 or -errno. */
static int read_descriptors(struct target *target, struct target_services *services,
                            struct samples *samples) {
  uint64_t started_ns = clock_monotonic_ns();
  struct endpoint *endpoint = &target->go.endpoint;
  uint64_t inodes[LISTENERS_MAX];
  bool owned[LISTENERS_MAX] = {false};
  struct endpoint_options options = {.enabled = target->block->pprof,
                                     .port = target->block->pprof_port,
                                     .variable = target->block->pprof_variable};
  endpoint_find(endpoint, &options, target->process);
  for (size_t i = 0; i < endpoint->listeners_len; i++)
    inodes[i] = endpoint->listeners[i].inode;

  struct descriptors_reading *reading = &services->descriptors;
  int error = descriptors_read(target->descriptors, target->process, services->locks, inodes,
                               endpoint->listeners_len, owned, reading);
  endpoint_prove(endpoint, owned, error, services->pprof);
  target->regular = target->pipes = target->directories = VALUE_UNKNOWN;
  if (error == 0) {
    samples_add_descriptors(samples, reading, &services->config->fd_patterns);
    target->regular = reading->by_class[DESCRIPTOR_REGULAR];
    target->pipes = reading->by_class[DESCRIPTOR_PIPE];
    target->directories = reading->by_class[DESCRIPTOR_DIRECTORY];
  }
  observe_descriptors(target, services, error == 0 ? reading : NULL);
  if (error != -ESRCH)
    collector_read(target, services, COLLECTOR_DESCRIPTORS, "fd", error, started_ns);
  return error;
}

static void log_held_back(struct target *target, const struct target_services *services,
                          uint64_t started_ns) {
  char reason[120];
  snprintf(reason, sizeof(reason), "RSS is above SmapsMaxRSS (%llu MB): smaps_rollup",
           (unsigned long long)(services->config->smaps_max_rss_bytes >> 20));
  target_collector_ended(target, services, COLLECTOR_SMAPS, STATUS_CEILING, reason,
                         clock_monotonic_ns() - started_ns);
}

static int read_memory_map(struct target *target, struct target_services *services,
                           struct samples *samples) {
  uint64_t started_ns = clock_monotonic_ns();
  uint64_t regions = VALUE_UNKNOWN, ceiling = services->config->smaps_max_rss_bytes;
  struct memory_map_rollup rollup = {.lazyfree = VALUE_UNKNOWN};
  bool is_held_back = ceiling > 0 && target->pulse.memory.resident_bytes > ceiling;
  const char *what = "maps";
  int error = memory_map_count_regions(target->process, &regions);
  if (error == 0) {
    samples_add_gauge(samples, METRIC_MEMORY_REGIONS, NULL, regions);
    what = "smaps_rollup";
    if (ceiling > 0 && !is_held_back) {
      error = memory_map_read_rollup(target->process, &rollup);
      if (error == 0)
        samples_add_rollup(samples, &rollup);
    }
  }
  struct reading reading = {.parts = READING_MEMORY_MAP,
                            .now_ms = monotonic_ms(),
                            .memory_regions = regions,
                            .lazyfree_bytes = rollup.lazyfree};
  flags_observe(target->flags, &reading);
  if (error == 0 && is_held_back)
    log_held_back(target, services, started_ns);
  else if (error != -ESRCH)
    collector_read(target, services, COLLECTOR_SMAPS, what, error, started_ns);
  return error;
}

static void read_context_switches(struct target *target, struct samples *samples) {
  uint64_t voluntary, involuntary;
  if (process_read_context_switches(target->process, &voluntary, &involuntary) == 0)
    samples_add_counter(samples, METRIC_CONTEXT_SWITCHES, voluntary + involuntary);
}

int target_read_detail(struct target *target, struct target_services *services, uint64_t now_ns,
                       struct samples *samples) {
  struct samples gauges, counters;
  gauges.len = counters.len = 0;
  target->detail_ns = now_ns;
  target->detail_pulse = target->pulse;
  read_descriptors(target, services, &gauges);
  read_memory_map(target, services, &gauges);
  samples_hold(&target->detail_gauges, &gauges);
  read_context_switches(target, &counters);
  if (process_verify(target->process) == -ESRCH)
    return -ESRCH; /* the counters held before are the last ones */

  samples_hold(&target->detail_counters, &counters);
  samples_add_held(samples, &target->detail_counters, services->config->detail_interval_ms);
  return 0;
}

void target_add_detail(const struct target *target, struct samples *samples) {
  samples_add_held(samples, &target->detail_gauges, 0);
}

void target_add_last(const struct target *target, struct samples *samples) {
  samples_add_held(samples, &target->detail_counters, 0);
  samples_add_held(samples, &target->go.memstats_counters, 0);
}
