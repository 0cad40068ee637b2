/* One watched process: its life, what it sends, how its collectors fared; see watched.h. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/clock.h"
#include "sidecar/watched_internal.h"

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
        (double)boot_seconds +
        (double)process_start_ticks(process) / (double)host_ticks_per_second(services->host);

  const struct pattern_list *patterns = &services->config->fd_patterns;
  if (descriptors_new(patterns->items, patterns->len, &watched->descriptors) != 0 ||
      watched_flags_begin(watched, services) != 0) {
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
  watched_free_profiles(watched);
  watched_flags_free(watched->flags);
  process_close(watched->process);
  free(watched);
}

/* --- sending */

static void emit(const struct watched *watched, const struct watch_services *services,
                 const struct sample *items, size_t len, uint64_t interval_ms) {
  for (size_t i = 0; i < len; i++)
    services->sink.emit(services->sink.context, watched->instance, &items[i], interval_ms);
}

void watched_emit_scratch(const struct watched *watched,
                          const struct watch_services *services) {
  emit(watched, services, services->samples.items, services->samples.len, 0);
}

void watched_emit_held(const struct watched *watched, const struct watch_services *services,
                       const struct held_samples *held, uint64_t interval_ms) {
  emit(watched, services, held->items, held->len, interval_ms);
}

void watched_emit_last(struct watched *watched, struct watch_services *services) {
  watched_emit_held(watched, services, &watched->detail_counters, 0);
  watched_emit_held(watched, services, &watched->memstats_counters, 0);
  watched_flags_end(watched, services);
}

void watched_emit_collectors(const struct watched *watched, struct watch_services *services) {
  services->samples.len = 0;
  for (size_t i = 0; i < COLLECTORS; i++) {
    const char *name = collector_name(i);
    enum collector_status status = watched->collectors[i].status;
    uint64_t duration_ns = watched->collectors[i].duration_ns;
    samples_add_gauge(&services->samples, METRIC_COLLECTOR_STATUS, name, status);
    if (status != STATUS_OFF)
      samples_add_gauge(&services->samples, METRIC_COLLECTOR_SUCCESS, name,
                        status == STATUS_OK);
    if (duration_ns != VALUE_UNKNOWN)
      samples_add_gauge_double(&services->samples, METRIC_COLLECTOR_DURATION_SECONDS, name,
                               (double)duration_ns / 1e9);
  }
  watched_emit_scratch(watched, services);
}

/* --- how the collectors fared */

/* What closes one file below /proc/PID closes others as well: the first collector that is
 * denied one speaks for those that are read after it. */
static bool is_said_by_another(const struct watched *watched, enum collector collector,
                               enum collector_status status) {
  for (size_t i = 0; status == STATUS_DENIED && i < collector; i++)
    if (watched->collectors[i].status == STATUS_DENIED)
      return true;
  return false;
}

void watched_collector_ended(struct watched *watched, const struct watch_services *services,
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
  if (is_said_by_another(watched, collector, status) ||
      !backoff_due(complaint, clock_monotonic_ns(), &suppressed))
    return;
  const char *remedy = collector_remedy(collector, status);
  char again[64] = "";
  if (suppressed > 0)
    snprintf(again, sizeof(again), " (and %u times more since this was last said)", suppressed);
  snprintf(line, sizeof(line), "%s (pid %d): %s: %s%s%s%s", watched->instance, pid,
           collector_name(collector), reason, remedy[0] != '\0' ? "; " : "", remedy, again);
  services->sink.say(services->sink.context, LOG_WARNING, line);
}

void watched_collector_read(struct watched *watched, const struct watch_services *services,
                            enum collector collector, const char *what, int error,
                            uint64_t started_ns) {
  char reason[256] = "";
  if (error != 0)
    snprintf(reason, sizeof(reason), "%s/%d/%s cannot be read: %s", services->config->proc_root,
             (int)process_pid(watched->process), what, strerror(-error));
  /* the process lives, or it would be -ESRCH: it is the kernel that lacks the file */
  enum collector_status status =
      error == -ENOENT ? STATUS_UNSUPPORTED : collector_status_of(error);
  watched_collector_ended(watched, services, collector, status, reason,
                          clock_monotonic_ns() - started_ns);
}
