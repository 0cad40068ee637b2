/* One watched process; see watched.h. */
#include "sidecar/watched.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/clock.h"
#include "sidecar/memory_map.h"

/* Held values are believed for this many detail intervals without a newer reading. */
enum { HELD_INTERVALS = 3 };

int watched_new(struct watch_services *services, struct process *process,
                const struct process_block *block, const char *instance, struct watched **ret) {
  struct watched *watched = calloc(1, sizeof(*watched));
  if (watched == NULL) {
    process_close(process);
    return -ENOMEM;
  }
  watched->process = process;
  watched->block = block;
  snprintf(watched->instance, sizeof(watched->instance), "%s", instance);
  endpoint_init(&watched->endpoint);
  watched->goroutines = watched->heap_inuse_bytes = VALUE_UNKNOWN;
  watched->regular = watched->pipes = watched->directories = VALUE_UNKNOWN;
  for (size_t i = 0; i < COLLECTORS; i++) {
    watched->collectors[i].status = STATUS_OFF;
    watched->collectors[i].duration_ns = VALUE_UNKNOWN;
  }

  uint64_t boot_seconds;
  watched->start_time_seconds = NAN;
  if (host_boot_time_seconds(services->host, &boot_seconds) == 0)
    watched->start_time_seconds =
        (double)boot_seconds + (double)process_start_ticks(process) /
                                   (double)host_ticks_per_second(services->host);

  if (descriptors_new(services->config->patterns, services->config->patterns_len,
                      &watched->descriptors) != 0) {
    watched_free(watched);
    return -ENOMEM;
  }
  *ret = watched;
  return 0;
}

void watched_free(struct watched *watched) {
  if (watched == NULL)
    return;
  endpoint_close(&watched->endpoint);
  descriptors_free(watched->descriptors);
  samples_drop(&watched->detail_gauges);
  samples_drop(&watched->detail_counters);
  samples_drop(&watched->memstats_gauges);
  samples_drop(&watched->memstats_counters);
  process_close(watched->process);
  free(watched);
}

/* --- sending */

static void emit(const struct watched *watched, const struct watch_services *services,
                 const struct sample *items, size_t len, uint64_t interval_ms) {
  for (size_t i = 0; i < len; i++)
    services->sink.emit(services->sink.context, watched->instance, &items[i], interval_ms);
}

static void emit_scratch(const struct watched *watched, const struct watch_services *services) {
  emit(watched, services, services->samples.items, services->samples.len, 0);
}

static void emit_held(const struct watched *watched, const struct watch_services *services,
                      const struct held_samples *held, uint64_t interval_ms) {
  emit(watched, services, held->items, held->len, interval_ms);
}

void watched_emit_last(struct watched *watched, struct watch_services *services) {
  emit_held(watched, services, &watched->detail_counters, 0);
  emit_held(watched, services, &watched->memstats_counters, 0);
}

void watched_emit_collectors(const struct watched *watched, struct watch_services *services) {
  services->samples.len = 0;
  for (size_t i = 0; i < COLLECTORS; i++) {
    const char *name = collector_name(i);
    enum collector_status status = watched->collectors[i].status;
    uint64_t duration_ns = watched->collectors[i].duration_ns;
    samples_add_gauge(&services->samples, METRIC_COLLECTOR_STATUS, name, status);
    if (status != STATUS_OFF)
      samples_add_gauge(&services->samples, METRIC_COLLECTOR_SUCCESS, name, status == STATUS_OK);
    if (duration_ns != VALUE_UNKNOWN)
      samples_add_gauge_double(&services->samples, METRIC_COLLECTOR_DURATION_SECONDS, name,
                               (double)duration_ns / 1e9);
  }
  emit_scratch(watched, services);
}

/* --- how the collectors fared */

/*
 * Keeps how a collector's reading ended. reason is what went wrong, in words, and is said
 * at once, then ever less often, until the collector works again.
 */
static void collector_ended(struct watched *watched, const struct watch_services *services,
                            enum collector collector, enum collector_status status,
                            const char *reason, uint64_t duration_ns) {
  watched->collectors[collector].status = status;
  watched->collectors[collector].duration_ns = duration_ns;
  struct backoff *complaint = &watched->collectors[collector].complaint;
  char line[900];
  int pid = (int)process_pid(watched->process);

  if (status == STATUS_OK || status == STATUS_OFF) {
    if (backoff_reset(complaint) && status == STATUS_OK) {
      snprintf(line, sizeof(line), "%s (pid %d): %s: works again", watched->instance, pid,
               collector_name(collector));
      services->sink.say(services->sink.context, LOG_INFO, line);
    }
    return;
  }
  uint32_t suppressed;
  if (!backoff_due(complaint, clock_monotonic_ns(), &suppressed))
    return;
  const char *remedy = collector_remedy(collector, status);
  char again[64] = "";
  if (suppressed > 0)
    snprintf(again, sizeof(again), " (and %u times more since this was last said)", suppressed);
  snprintf(line, sizeof(line), "%s (pid %d): %s: %s%s%s%s", watched->instance, pid,
           collector_name(collector), reason, remedy[0] != '\0' ? "; " : "", remedy, again);
  services->sink.say(services->sink.context, LOG_WARNING, line);
}

/* For collectors that read a file: what says which, error is 0 or -errno. */
static void collector_read_ended(struct watched *watched, const struct watch_services *services,
                                 enum collector collector, const char *what, int error,
                                 uint64_t started_ns) {
  char reason[256] = "";
  if (error != 0)
    snprintf(reason, sizeof(reason), "%s/%d/%s cannot be read: %s", services->config->proc_root,
           (int)process_pid(watched->process), what, strerror(-error));
  collector_ended(watched, services, collector, collector_status_of(error), reason,
                  clock_monotonic_ns() - started_ns);
}

/* --- the pulse tier */

int watched_read_pulse(struct watched *watched, struct watch_services *services) {
  uint64_t started_ns = clock_monotonic_ns();
  struct process_pulse pulse;
  int error = process_read_pulse(watched->process, &pulse);
  if (error == -ESRCH)
    return -ESRCH;

  services->samples.len = 0;
  const char *what = "stat";
  if (error != 0)
    memset(&watched->pulse, 0xFF, sizeof(watched->pulse)); /* all of it VALUE_UNKNOWN */
  else {
    watched->pulse = pulse;
    compose_pulse(&services->samples, &pulse, host_ticks_per_second(services->host));
    samples_add_gauge_double(&services->samples, METRIC_START_TIME_SECONDS, NULL,
                             watched->start_time_seconds);
    samples_add_gauge(&services->samples, METRIC_PID, NULL,
                      (uint64_t)process_pid(watched->process));
    bool unlimited = pulse.limits_error == -ENODATA;
    error = pulse.status_error != 0   ? (what = "status", pulse.status_error)
            : pulse.io_error != 0     ? (what = "io", pulse.io_error)
            : pulse.fds_error != 0    ? (what = "fd", pulse.fds_error)
            : unlimited               ? 0
            : pulse.limits_error != 0 ? (what = "limits", pulse.limits_error)
                                      : 0;
  }
  collector_read_ended(watched, services, COLLECTOR_PROCESS, what, error, started_ns);
  emit_scratch(watched, services);
  return 0;
}

/* --- the detail tier */

static bool moved_a_lot(uint64_t before, uint64_t now, uint64_t floor) {
  if (before == VALUE_UNKNOWN || now == VALUE_UNKNOWN)
    return false;
  uint64_t by = before > now ? before - now : now - before;
  return by >= floor && by >= before / 4;
}

bool watched_detail_due(const struct watched *watched, const struct watch_services *services,
                        uint64_t now_ns) {
  uint64_t interval_ns = services->config->detail_interval_ms * 1000000;
  /* readings come a little early or late: one that is due within 1 % is due */
  uint64_t age_ns = now_ns - watched->detail_ns + interval_ns / 100;
  if (watched->detail_ns == 0 || age_ns >= interval_ns)
    return true;
  const struct process_pulse *before = &watched->detail_pulse, *now = &watched->pulse;
  return age_ns >= interval_ns / 6 &&
         (moved_a_lot(before->open_fds, now->open_fds, 20) ||
          moved_a_lot(before->threads, now->threads, 10) ||
          moved_a_lot(before->resident_bytes, now->resident_bytes, 32 << 20));
}

/* Returns what the descriptors gave: 0 or -errno. */
static int read_descriptors(struct watched *watched, struct watch_services *services) {
  uint64_t started_ns = clock_monotonic_ns();
  uint64_t inodes[LISTENERS_MAX];
  bool owned[LISTENERS_MAX] = {false};
  endpoint_find(&watched->endpoint, watched->block, watched->process);
  for (size_t i = 0; i < watched->endpoint.listeners_len; i++)
    inodes[i] = watched->endpoint.listeners[i].inode;

  struct descriptors_reading *reading = &services->reading;
  int error = descriptors_read(watched->descriptors, watched->process, services->locks, inodes,
                               watched->endpoint.listeners_len, owned, reading);
  endpoint_prove(&watched->endpoint, owned, error, services->pprof);
  if (error == 0) {
    compose_descriptors(&services->samples, reading, services->config->patterns,
                        services->config->patterns_len);
    watched->regular = reading->by_class[DESCRIPTOR_REGULAR];
    watched->pipes = reading->by_class[DESCRIPTOR_PIPE];
    watched->directories = reading->by_class[DESCRIPTOR_DIRECTORY];
  } else {
    watched->regular = watched->pipes = watched->directories = VALUE_UNKNOWN;
  }
  if (error != -ESRCH)
    collector_read_ended(watched, services, COLLECTOR_DESCRIPTORS, "fd", error, started_ns);
  return error;
}

static int read_memory_map(struct watched *watched, struct watch_services *services) {
  uint64_t started_ns = clock_monotonic_ns();
  uint64_t regions, ceiling = services->config->smaps_max_rss_bytes;
  struct memory_map_rollup rollup;
  const char *what = "maps";
  int error = memory_map_count_regions(watched->process, &regions);
  if (error == 0) {
    samples_add_gauge(&services->samples, METRIC_MEMORY_REGIONS, NULL, regions);
    what = "smaps_rollup";
    if (ceiling > 0 && watched->pulse.resident_bytes <= ceiling) {
      error = memory_map_read_rollup(watched->process, &rollup);
      if (error == 0)
        compose_rollup(&services->samples, &rollup);
    } else if (ceiling > 0) {
      char reason[120];
      snprintf(reason, sizeof(reason), "RSS is above SmapsMaxRSS (%llu MB): smaps_rollup",
               (unsigned long long)(ceiling >> 20));
      collector_ended(watched, services, COLLECTOR_SMAPS, STATUS_CEILING, reason,
                      clock_monotonic_ns() - started_ns);
      return 0;
    }
  }
  if (error != -ESRCH)
    collector_read_ended(watched, services, COLLECTOR_SMAPS, what, error, started_ns);
  return error;
}

static void read_context_switches(struct watched *watched, struct watch_services *services) {
  uint64_t voluntary, involuntary;
  struct samples *samples = &services->samples;
  samples->len = 0;
  if (process_read_context_switches(watched->process, &voluntary, &involuntary) == 0)
    samples_add_counter(samples, METRIC_CONTEXT_SWITCHES, voluntary + involuntary);
}

int watched_read_detail(struct watched *watched, struct watch_services *services,
                        uint64_t now_ns) {
  watched->detail_ns = now_ns;
  watched->detail_pulse = watched->pulse;
  services->samples.len = 0;
  read_descriptors(watched, services);
  read_memory_map(watched, services);
  samples_hold(&watched->detail_gauges, &services->samples);
  read_context_switches(watched, services);
  samples_hold(&watched->detail_counters, &services->samples);

  if (process_verify(watched->process) == -ESRCH)
    return -ESRCH;
  emit_held(watched, services, &watched->detail_counters, services->config->detail_interval_ms);
  return 0;
}

void watched_emit_detail(const struct watched *watched, const struct watch_services *services) {
  emit_held(watched, services, &watched->detail_gauges, 0);
}

/* --- the Go runtime */

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
  emit_held(watched, services, &watched->memstats_counters, services->config->detail_interval_ms);
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
  collector_ended(watched, services, COLLECTOR_PPROF, collector_status_of(answer->error), reason,
                  answer->duration_ns);
}

int watched_take_runtime(struct watched *watched, struct watch_services *services,
                         uint64_t now_ns) {
  watched->goroutines = VALUE_UNKNOWN;
  if (watched->endpoint.client == NULL) {
    drop_memstats(watched);
    collector_ended(watched, services, COLLECTOR_PPROF, watched->endpoint.status,
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
    emit_scratch(watched, services);
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
  emit_held(watched, services, &watched->memstats_gauges, 0);
  return 0;
}
