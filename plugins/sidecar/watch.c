/* All watched processes: the watch's life and the order of a reading; see watch.h. */
#include "sidecar/watch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/clock.h"
#include "sidecar/capture/capture.h"
#include "sidecar/summary.h"
#include "sidecar/watch_internal.h"

void watch_say(const struct watch *watch, int severity, const char *format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof(line), format, arguments);
  va_end(arguments);
  watch->services.sink.say(watch->services.sink.context, severity, line);
}

bool watch_complaint_due(struct backoff *complaint) {
  uint32_t suppressed;
  return backoff_due(complaint, clock_monotonic_ns(), &suppressed);
}

static int start_asking(struct watch *watch, const struct config *config) {
  int status = stack_matcher_new(&config->goroutine_patterns, &watch->goroutine_matcher);
  if (status == 0)
    status = stack_matcher_new(&config->heap_patterns, &watch->heap_matcher);
  if (status != 0)
    return status;
  struct pprof_options options = {.timeout_ms = config->pprof_timeout_ms,
                                  .max_bytes = config->pprof_max_bytes,
                                  .goroutine_matcher = watch->goroutine_matcher,
                                  .heap_matcher = watch->heap_matcher};
  status = pprof_new(&options, &watch->services.pprof);
  if (status != 0)
    watch_say(watch, LOG_ERR, "the thread that asks Go runtimes cannot start: %s",
              strerror(-status));
  return status;
}

static int start_capturing(struct watch *watch, const struct config *config) {
  struct capture_options options = {
      .folder = config->capture_folder,
      .proc_root = config->proc_root,
      .smaps_max_rss_bytes = config->smaps_max_rss_bytes,
      .process_max_bytes = config->capture_process_max_bytes,
      .process_max_bundles = config->capture_process_max_bundles,
      .total_max_bytes = config->capture_max_bytes,
      .min_interval_ms = config->capture_interval_ms,
      .cpu_profile_seconds = config->cpu_profile_seconds,
      .pprof_max_bytes = config->pprof_max_bytes,
      .pprof_timeout_ms = config->pprof_timeout_ms,
      .log = watch->services.sink.say,
      .context = watch->services.sink.context,
  };
  int status = capture_new(&options, &watch->services.capture);
  if (status != 0)
    watch_say(watch, LOG_ERR, "the thread that writes captures cannot start: %s",
              strerror(-status));
  return status;
}

int watch_new(const struct config *config, const struct watch_sink *sink, struct watch **ret) {
  struct watch *watch = calloc(1, sizeof(*watch));
  if (watch == NULL)
    return -ENOMEM;
  watch->services.config = config;
  watch->services.sink = *sink;
  for (size_t i = 0; i < config->blocks_len; i++) {
    const struct process_block *block = &config->blocks[i];
    if (!block->enabled)
      continue;
    watch->rules[watch->rules_len] = (struct discovery_rule){
        .executable = block->executable,
        .command_line = block->command_line != NULL ? &block->command_line_regex : NULL,
    };
    watch->rule_blocks[watch->rules_len++] = block;
  }

  int status = host_open(config->proc_root, &watch->services.host);
  if (status != 0)
    watch_say(watch, LOG_ERR,
              "ProcRoot \"%s\" cannot be opened: %s; it must be a mounted procfs",
              config->proc_root, strerror(-status));
  if (status == 0)
    status =
        discovery_new(watch->services.host, watch->rules, watch->rules_len, &watch->discovery);
  if (status == 0)
    status = lock_table_new(&watch->services.locks);
  if (status == 0)
    status = start_asking(watch, config);
  if (status == 0 && config->capture)
    status = start_capturing(watch, config);
  if (status != 0) {
    watch_free(watch);
    return status;
  }
  *ret = watch;
  return 0;
}

void watch_free(struct watch *watch) {
  if (watch == NULL)
    return;
  for (size_t i = 0; i < watch->watched_len; i++)
    watched_free(watch->watched[i]);
  free(watch->watched);
  capture_free(watch->services.capture);
  pprof_free(watch->services.pprof);
  stack_matcher_free(watch->goroutine_matcher);
  stack_matcher_free(watch->heap_matcher);
  lock_table_free(watch->services.locks);
  discovery_free(watch->discovery);
  host_close(watch->services.host);
  free(watch);
}

/* --- a reading */

/* Calls read for each watched process and drops those that ended meanwhile. */
static void for_each(struct watch *watch, int (*read)(struct watch *, struct watched *)) {
  for (size_t i = 0; i < watch->watched_len;) {
    if (read(watch, watch->watched[i]) == -ESRCH)
      watch_drop(watch, i, true);
    else
      i++;
  }
}

static int read_pulse(struct watch *watch, struct watched *watched) {
  return watched_read_pulse(watched, &watch->services);
}

static int read_detail(struct watch *watch, struct watched *watched) {
  uint64_t now_ns = clock_monotonic_ns();
  bool due = watched_detail_due(watched, &watch->services, now_ns);
  if (due && !watch->locks_are_fresh) {
    lock_table_refresh(watch->services.locks, watch->services.host);
    watch->locks_are_fresh = true; /* for the rest of this reading */
  }
  if (due && watched_read_detail(watched, &watch->services, now_ns) == -ESRCH)
    return -ESRCH;
  watched_emit_detail(watched, &watch->services);
  watched_ask_runtime(watched, &watch->services, due, now_ns);
  return 0;
}

static int take_runtime(struct watch *watch, struct watched *watched) {
  return watched_take_runtime(watched, &watch->services, clock_monotonic_ns());
}

static void emit_counts(struct watch *watch) {
  memset(watch->counts, 0, sizeof(watch->counts));
  for (size_t i = 0; i < watch->watched_len; i++) {
    for (size_t rule = 0; rule < watch->rules_len; rule++)
      watch->counts[rule] += watch->rule_blocks[rule] == watch->watched[i]->block;
  }
  for (size_t rule = 0; rule < watch->rules_len; rule++) {
    struct samples *samples = &watch->services.samples;
    samples->len = 0;
    samples_add_gauge(samples, METRIC_PROCESS_COUNT, NULL, watch->counts[rule]);
    watch->services.sink.emit(watch->services.sink.context, watch->rule_blocks[rule]->name,
                              &samples->items[0], 0);
  }
}

static void say_summaries(struct watch *watch) {
  for (size_t i = 0; i < watch->watched_len; i++) {
    const struct watched *watched = watch->watched[i];
    bool has_runtime = watched->endpoint.client != NULL;
    struct summary summary = {
        .instance = watched->instance,
        .pid = process_pid(watched->process),
        .resident_bytes = watched->pulse.resident_bytes,
        .heap_inuse_bytes = watched->heap_inuse_bytes,
        .fds = watched->pulse.open_fds,
        .threads = watched->pulse.threads,
        .goroutines = watched->goroutines,
        .regular = watched->regular,
        .pipes = watched->pipes,
        .directories = watched->directories,
        .pprof_note = has_runtime ? NULL : watched->endpoint.reason,
    };
    char line[512];
    watch_say(watch, LOG_INFO, "%s", summary_format(line, sizeof(line), &summary));
  }
  if (watch->watched_len > 0)
    backoff_reset(&watch->complaint_none);
  else if (watch_complaint_due(&watch->complaint_none))
    watch_say(watch, LOG_INFO, "no process to watch is running");
}

void watch_read(struct watch *watch, uint64_t interval_ns) {
  watch_find_processes(watch);
  for_each(watch, read_pulse);
  watch->locks_are_fresh = false;
  for_each(watch, read_detail);
  /* everything from /proc is out: now a little patience costs nobody anything */
  uint64_t patience_ms = interval_ns / 1000000 / 4;
  pprof_wait(watch->services.pprof, patience_ms < 250 ? patience_ms : 250);
  for_each(watch, take_runtime);
  for (size_t i = 0; i < watch->watched_len; i++)
    watched_judge(watch->watched[i], &watch->services);
  for (size_t i = 0; i < watch->watched_len; i++)
    watched_emit_collectors(watch->watched[i], &watch->services);
  emit_counts(watch);
  if (watch->services.config->summary)
    say_summaries(watch);
}
