/* One watched process: the pulse and detail tiers, from /proc; see watched.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "sidecar/os/memory_map.h"
#include "sidecar/watched_internal.h"

/* --- the pulse tier */

int watched_read_pulse(struct watched *watched, struct watch_services *services) {
  uint64_t started_ns = clock_monotonic_ns();
  struct process_pulse pulse;
  int error = process_read_pulse(watched->process, &pulse);
  /* a status without memory: it has given its memory back and is about to be a zombie */
  if (error == -ESRCH || (error == 0 && pulse.status_error == -ENODATA))
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
    if (watched->endpoint.client != NULL)
      samples_add_gauge(&services->samples, METRIC_PPROF_PORT, NULL, watched->endpoint.port);
    bool unlimited = pulse.limits_error == -ENODATA;
    error = pulse.status_error != 0   ? (what = "status", pulse.status_error)
            : pulse.io_error != 0     ? (what = "io", pulse.io_error)
            : pulse.fds_error != 0    ? (what = "fd", pulse.fds_error)
            : unlimited               ? 0
            : pulse.limits_error != 0 ? (what = "limits", pulse.limits_error)
                                      : 0;
  }
  watched_flags_take_pulse(watched, services);
  watched_collector_read(watched, services, COLLECTOR_PROCESS, what, error, started_ns);
  watched_emit_scratch(watched, services);
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
  if (watched->detail_ns == 0 || age_ns >= interval_ns ||
      watched_flags_want_detail(watched, services, age_ns))
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
    compose_descriptors(&services->samples, reading, services->config->fd_patterns.items,
                        services->config->fd_patterns.len);
    watched->regular = reading->by_class[DESCRIPTOR_REGULAR];
    watched->pipes = reading->by_class[DESCRIPTOR_PIPE];
    watched->directories = reading->by_class[DESCRIPTOR_DIRECTORY];
  } else {
    watched->regular = watched->pipes = watched->directories = VALUE_UNKNOWN;
  }
  watched_flags_take_descriptors(watched, services, error == 0 ? reading : NULL);
  if (error != -ESRCH)
    watched_collector_read(watched, services, COLLECTOR_DESCRIPTORS, "fd", error, started_ns);
  return error;
}

static void say_held_back(struct watched *watched, const struct watch_services *services,
                          uint64_t started_ns) {
  char reason[120];
  snprintf(reason, sizeof(reason), "RSS is above SmapsMaxRSS (%llu MB): smaps_rollup",
           (unsigned long long)(services->config->smaps_max_rss_bytes >> 20));
  watched_collector_ended(watched, services, COLLECTOR_SMAPS, STATUS_CEILING, reason,
                          clock_monotonic_ns() - started_ns);
}

static int read_memory_map(struct watched *watched, struct watch_services *services) {
  uint64_t started_ns = clock_monotonic_ns();
  uint64_t regions = VALUE_UNKNOWN, ceiling = services->config->smaps_max_rss_bytes;
  struct memory_map_rollup rollup = {.lazyfree = VALUE_UNKNOWN};
  bool is_held_back = ceiling > 0 && watched->pulse.resident_bytes > ceiling;
  const char *what = "maps";
  int error = memory_map_count_regions(watched->process, &regions);
  if (error == 0) {
    samples_add_gauge(&services->samples, METRIC_MEMORY_REGIONS, NULL, regions);
    what = "smaps_rollup";
    if (ceiling > 0 && !is_held_back) {
      error = memory_map_read_rollup(watched->process, &rollup);
      if (error == 0)
        compose_rollup(&services->samples, &rollup);
    }
  }
  watched_flags_take_memory_map(watched, regions, rollup.lazyfree);
  if (error == 0 && is_held_back)
    say_held_back(watched, services, started_ns);
  else if (error != -ESRCH)
    watched_collector_read(watched, services, COLLECTOR_SMAPS, what, error, started_ns);
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
  if (process_verify(watched->process) == -ESRCH)
    return -ESRCH; /* the counters held before are its last */

  samples_hold(&watched->detail_counters, &services->samples);
  watched_emit_held(watched, services, &watched->detail_counters,
                    services->config->detail_interval_ms);
  return 0;
}

void watched_emit_detail(const struct watched *watched, const struct watch_services *services) {
  watched_emit_held(watched, services, &watched->detail_gauges, 0);
}
