/* The monitor's lifetime, its targets, and the order of a reading; see monitor.h. */
#include "sidecar/monitor.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/clock.h"
#include "sidecar/capture/capture.h"
#include "sidecar/os/discovery.h"
#include "sidecar/summary.h"
#include "sidecar/target_flags.h"
#include "sidecar/target_go.h"

struct monitor {
  struct target_services services;
  struct discovery *discovery;
  struct discovery_rule rules[PROCESS_BLOCKS_MAX];
  const struct process_block *rule_blocks[PROCESS_BLOCKS_MAX]; /* of the rule with that index */
  size_t rules_len;
  struct target **targets; /* in order of start; owned */
  size_t targets_len, targets_capacity;
  bool locks_are_fresh;                /* were read in this reading */
  uint64_t counts[PROCESS_BLOCKS_MAX]; /* by rule */
  /* used by the pprof thread while it runs */
  struct stack_matcher *goroutine_matcher, *heap_matcher;
  struct backoff complaint_scan, complaint_full, complaint_open, complaint_none;
};

/* ---- log lines and samples ---- */

__attribute__((format(printf, 3, 4))) static void
log_line(const struct monitor *monitor, int severity, const char *format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof(line), format, arguments);
  va_end(arguments);
  monitor->services.sink.log(monitor->services.sink.context, severity, line);
}

/* Is a line about this due, or was it logged too recently? */
static bool complaint_due(struct backoff *complaint) {
  uint32_t suppressed;
  return backoff_due(complaint, clock_monotonic_ns(), &suppressed);
}

static void emit(const struct monitor *monitor, const char *instance,
                 const struct samples *samples) {
  const struct target_sink *sink = &monitor->services.sink;
  for (size_t i = 0; i < samples->len; i++)
    sink->emit(sink->context, instance, &samples->items[i]);
}

/* ---- lifetime ---- */

static int start_pprof(struct monitor *monitor, const struct config *config) {
  int status = stack_matcher_new(&config->goroutine_patterns, &monitor->goroutine_matcher);
  if (status == 0)
    status = stack_matcher_new(&config->heap_patterns, &monitor->heap_matcher);
  if (status != 0)
    return status;
  struct pprof_options options = {.timeout_ms = config->pprof_timeout_ms,
                                  .max_bytes = config->pprof_max_bytes,
                                  .goroutine_matcher = monitor->goroutine_matcher,
                                  .heap_matcher = monitor->heap_matcher};
  status = pprof_new(&options, &monitor->services.pprof);
  if (status != 0)
    log_line(monitor, LOG_ERR, "the thread that queries Go runtimes cannot start: %s",
             strerror(-status));
  return status;
}

static int start_capture(struct monitor *monitor, const struct config *config) {
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
      .log = monitor->services.sink.log,
      .context = monitor->services.sink.context,
  };
  int status = capture_new(&options, &monitor->services.capture);
  if (status != 0)
    log_line(monitor, LOG_ERR, "the thread that writes captures cannot start: %s",
             strerror(-status));
  return status;
}

int monitor_new(const struct config *config, const struct target_sink *sink,
                struct monitor **ret) {
  struct monitor *monitor = calloc(1, sizeof(*monitor));
  if (monitor == NULL)
    return -ENOMEM;
  monitor->services.config = config;
  monitor->services.sink = *sink;
  for (size_t i = 0; i < config->blocks_len; i++) {
    const struct process_block *block = &config->blocks[i];
    if (!block->enabled)
      continue;
    monitor->rules[monitor->rules_len] = (struct discovery_rule){
        .executable = block->executable,
        .command_line = block->command_line != NULL ? &block->command_line_regex : NULL,
    };
    monitor->rule_blocks[monitor->rules_len++] = block;
  }

  int status = host_open(config->proc_root, &monitor->services.host);
  if (status != 0)
    log_line(monitor, LOG_ERR,
             "ProcRoot \"%s\" cannot be opened: %s; it must be a mounted procfs",
             config->proc_root, strerror(-status));
  if (status == 0)
    status = discovery_new(monitor->services.host, monitor->rules, monitor->rules_len,
                           &monitor->discovery);
  if (status == 0)
    status = lock_table_new(&monitor->services.locks);
  if (status == 0)
    status = start_pprof(monitor, config);
  if (status == 0 && config->capture)
    status = start_capture(monitor, config);
  if (status != 0) {
    monitor_free(monitor);
    return status;
  }
  *ret = monitor;
  return 0;
}

void monitor_free(struct monitor *monitor) {
  if (monitor == NULL)
    return;
  for (size_t i = 0; i < monitor->targets_len; i++)
    target_free(monitor->targets[i]);
  free(monitor->targets);
  capture_free(monitor->services.capture);
  pprof_free(monitor->services.pprof);
  stack_matcher_free(monitor->goroutine_matcher);
  stack_matcher_free(monitor->heap_matcher);
  lock_table_free(monitor->services.locks);
  discovery_free(monitor->discovery);
  host_close(monitor->services.host);
  free(monitor);
}

/* ---- which processes ---- */

static bool name_is_taken(const struct monitor *monitor, const char *name) {
  for (size_t i = 0; i < monitor->targets_len; i++) {
    if (instance_names_clash(monitor->targets[i]->instance, name))
      return true;
  }
  return false;
}

/* The lowest free number: a restarted process gets its old name back. */
static void choose_name(const struct monitor *monitor, struct process *process,
                        const struct process_block *block, char ret[INSTANCE_NAME_SIZE]) {
  char cwd[PATH_MAX];
  struct instance_facts facts = {
      .cwd = process_read_cwd(process, cwd, sizeof(cwd)) == 0 ? cwd : NULL,
      .executable = block->executable,
      .process = block->name,
      .pid = process_pid(process),
  };
  char base[INSTANCE_NAME_SIZE];
  instance_name_make(block->instance_template, &facts, base);
  unsigned number = 1;
  do
    instance_name_number(base, number++, ret);
  while (name_is_taken(monitor, ret));
}

static bool old_enough(const struct process *process, const struct process_block *block) {
  uint64_t age_ms;
  return block->minimum_age_ms == 0 || process_age_ms(process, &age_ms) != 0 ||
         age_ms >= block->minimum_age_ms;
}

/* Stops watching target i; ended: because its process ended. */
static void drop_target(struct monitor *monitor, size_t i, bool ended) {
  struct target *target = monitor->targets[i];
  struct samples samples;
  samples.len = 0;
  target_add_last(target, &samples);
  emit(monitor, target->instance, &samples);
  target_flags_end(target, &monitor->services);
  log_line(monitor, LOG_INFO, "%s (pid %d): %s", target->instance,
           (int)process_pid(target->process),
           ended ? "ended" : "no longer watched: another program runs under this pid");
  target_free(target);
  memmove(&monitor->targets[i], &monitor->targets[i + 1],
          (monitor->targets_len - i - 1) * sizeof(*monitor->targets));
  monitor->targets_len--;
}

static const struct discovery_match *find_match(const struct discovery_match *matches,
                                                size_t len, pid_t pid) {
  size_t low = 0, high = len;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (matches[middle].pid < pid)
      low = middle + 1;
    else
      high = middle;
  }
  return low < len && matches[low].pid == pid ? &matches[low] : NULL;
}

/* Before names are assigned, so that those of ended processes are free. (A pid that was reused
 * by a process of the same program is detected by the pulse.) */
static void drop_unmatched(struct monitor *monitor, const struct discovery_match *matches,
                           size_t len) {
  for (size_t i = monitor->targets_len; i-- > 0;) {
    struct process *process = monitor->targets[i]->process;
    const struct discovery_match *match = find_match(matches, len, process_pid(process));
    if (match == NULL || monitor->rule_blocks[match->rule] != monitor->targets[i]->block)
      drop_target(monitor, i, process_verify(process) == -ESRCH);
  }
}

static bool is_watched(const struct monitor *monitor, pid_t pid) {
  for (size_t i = 0; i < monitor->targets_len; i++) {
    if (process_pid(monitor->targets[i]->process) == pid)
      return true;
  }
  return false;
}

struct newborn {
  struct process *process;
  const struct process_block *block;
};

static int compare_newborns(const void *a, const void *b) {
  const struct process *left = ((const struct newborn *)a)->process;
  const struct process *right = ((const struct newborn *)b)->process;
  uint64_t l = process_start_ticks(left), r = process_start_ticks(right);
  if (l != r)
    return l < r ? -1 : 1;
  return process_pid(left) < process_pid(right) ? -1 : 1;
}

static int reserve_target(struct monitor *monitor) {
  if (monitor->targets_len < monitor->targets_capacity)
    return 0;
  size_t capacity = monitor->targets_capacity > 0 ? monitor->targets_capacity * 2 : 8;
  struct target **grown = realloc(monitor->targets, capacity * sizeof(*grown));
  if (grown == NULL)
    return -ENOMEM;
  monitor->targets = grown;
  monitor->targets_capacity = capacity;
  return 0;
}

/* Takes ownership of the process. */
static void adopt(struct monitor *monitor, struct newborn *newborn) {
  char name[INSTANCE_NAME_SIZE];
  int pid = (int)process_pid(newborn->process);
  choose_name(monitor, newborn->process, newborn->block, name);
  int status = reserve_target(monitor);
  if (status != 0) {
    process_close(newborn->process);
  } else {
    struct target *target;
    status = target_new(&monitor->services, newborn->process, newborn->block, name, &target);
    if (status == 0)
      monitor->targets[monitor->targets_len++] = target;
  }
  if (status == 0)
    log_line(monitor, LOG_INFO, "%s (pid %d): watched from now on, as <Process \"%s\">", name,
             pid, newborn->block->name);
  else if (complaint_due(&monitor->complaint_open))
    log_line(monitor, LOG_ERR, "%s (pid %d) cannot be watched: %s", name, pid,
             strerror(-status));
}

static int open_newborn(struct monitor *monitor, const struct discovery_match *match,
                        struct newborn *ret) {
  struct newborn newborn = {.block = monitor->rule_blocks[match->rule]};
  int status = process_open(monitor->services.host, match->pid, &newborn.process);
  if (status == -ESRCH)
    return status;
  if (status != 0) {
    if (complaint_due(&monitor->complaint_open))
      log_line(monitor, LOG_ERR, "%s/%d cannot be opened: %s%s",
               monitor->services.config->proc_root, (int)match->pid, strerror(-status),
               status == -EMFILE ? "; raise collectd's limit of open files (LimitNOFILE)" : "");
    return status;
  }
  if (!old_enough(newborn.process, newborn.block)) {
    process_close(newborn.process);
    return -EAGAIN;
  }
  *ret = newborn;
  return 0;
}

static void adopt_matches(struct monitor *monitor, const struct discovery_match *matches,
                          size_t len) {
  size_t max = monitor->services.config->max_processes;
  size_t room = max > monitor->targets_len ? max - monitor->targets_len : 0;
  struct newborn *newborns = NULL;
  size_t newborns_len = 0, left_out = 0;

  for (size_t i = 0; i < len; i++) {
    if (is_watched(monitor, matches[i].pid))
      continue;
    if (newborns == NULL)
      newborns = calloc(len - i, sizeof(*newborns));
    if (newborns == NULL)
      return;
    if (newborns_len == room)
      left_out++;
    else if (open_newborn(monitor, &matches[i], &newborns[newborns_len]) == 0)
      newborns_len++;
  }
  if (newborns_len > 1)
    qsort(newborns, newborns_len, sizeof(*newborns), compare_newborns);
  for (size_t i = 0; i < newborns_len; i++)
    adopt(monitor, &newborns[i]);
  free(newborns);

  if (left_out > 0 && complaint_due(&monitor->complaint_full))
    log_line(monitor, LOG_WARNING,
             "%zu more processes match than the %zu that are watched; see "
             "MaxProcesses in collectd-sidecar(5)",
             left_out, max);
  else if (left_out == 0)
    backoff_reset(&monitor->complaint_full);
}

static void find_processes(struct monitor *monitor) {
  const struct discovery_match *matches;
  size_t len;
  int status = discovery_scan(monitor->discovery, &matches, &len);
  if (status != 0) {
    /* processes already watched are still held and continue to be read */
    if (complaint_due(&monitor->complaint_scan))
      log_line(monitor, LOG_ERR, "%s cannot be scanned: %s",
               monitor->services.config->proc_root, strerror(-status));
    return;
  }
  backoff_reset(&monitor->complaint_scan);
  drop_unmatched(monitor, matches, len);
  adopt_matches(monitor, matches, len);
}

/* ---- readings ---- */

/* Adds samples of a target. Returns 0, or -ESRCH when its process ended. */
typedef int (*step_fn)(struct monitor *monitor, struct target *target, struct samples *samples);

/* Runs a step for each target, sends its samples, and drops those that ended. */
static void for_each(struct monitor *monitor, step_fn step) {
  for (size_t i = 0; i < monitor->targets_len;) {
    struct target *target = monitor->targets[i];
    struct samples samples;
    samples.len = 0;
    if (step(monitor, target, &samples) == -ESRCH) {
      drop_target(monitor, i, true);
    } else {
      emit(monitor, target->instance, &samples);
      i++;
    }
  }
}

static int read_pulse(struct monitor *monitor, struct target *target, struct samples *samples) {
  return target_read_pulse(target, &monitor->services, samples);
}

static int read_detail(struct monitor *monitor, struct target *target,
                       struct samples *samples) {
  uint64_t now_ns = clock_monotonic_ns();
  bool due = target_detail_due(target, &monitor->services, now_ns);
  if (due && !monitor->locks_are_fresh) {
    lock_table_refresh(monitor->services.locks, monitor->services.host);
    monitor->locks_are_fresh = true; /* for the rest of this reading */
  }
  if (due && target_read_detail(target, &monitor->services, now_ns, samples) == -ESRCH)
    return -ESRCH;
  target_add_detail(target, samples);
  target_go_query(target, &monitor->services, due, now_ns);
  return 0;
}

static int take_go(struct monitor *monitor, struct target *target, struct samples *samples) {
  return target_go_take(target, &monitor->services, clock_monotonic_ns(), samples);
}

static int judge(struct monitor *monitor, struct target *target, struct samples *samples) {
  target_flags_judge(target, &monitor->services, samples);
  return 0;
}

static int add_collectors(struct monitor *monitor, struct target *target,
                          struct samples *samples) {
  (void)monitor;
  target_add_collectors(target, samples);
  return 0;
}

static void emit_counts(struct monitor *monitor) {
  memset(monitor->counts, 0, sizeof(monitor->counts));
  for (size_t i = 0; i < monitor->targets_len; i++) {
    for (size_t rule = 0; rule < monitor->rules_len; rule++)
      monitor->counts[rule] += monitor->rule_blocks[rule] == monitor->targets[i]->block;
  }
  for (size_t rule = 0; rule < monitor->rules_len; rule++) {
    struct samples samples;
    samples.len = 0;
    samples_add_gauge(&samples, METRIC_PROCESS_COUNT, NULL, monitor->counts[rule]);
    emit(monitor, monitor->rule_blocks[rule]->name, &samples);
  }
}

static void log_summaries(struct monitor *monitor) {
  for (size_t i = 0; i < monitor->targets_len; i++) {
    const struct target *target = monitor->targets[i];
    bool has_runtime = target->go.endpoint.client != NULL;
    struct summary summary = {
        .instance = target->instance,
        .pid = process_pid(target->process),
        .resident_bytes = target->pulse.memory.resident_bytes,
        .heap_inuse_bytes = target->go.heap_inuse_bytes,
        .fds = target->pulse.open_fds,
        .threads = target->pulse.threads,
        .goroutines = target->go.goroutines,
        .regular = target->regular,
        .pipes = target->pipes,
        .directories = target->directories,
        .pprof_note = has_runtime ? NULL : target->go.endpoint.reason,
    };
    char line[512];
    log_line(monitor, LOG_INFO, "%s", summary_format(line, sizeof(line), &summary));
  }
  if (monitor->targets_len > 0)
    backoff_reset(&monitor->complaint_none);
  else if (complaint_due(&monitor->complaint_none))
    log_line(monitor, LOG_INFO, "no process to watch is running");
}

void monitor_read(struct monitor *monitor, uint64_t interval_ns) {
  find_processes(monitor);
  for_each(monitor, read_pulse);
  monitor->locks_are_fresh = false;
  for_each(monitor, read_detail);
  /* everything from /proc has been sent: a short wait delays nothing now */
  uint64_t patience_ms = interval_ns / 1000000 / 4;
  pprof_wait(monitor->services.pprof, patience_ms < 250 ? patience_ms : 250);
  for_each(monitor, take_go);
  for_each(monitor, judge);
  for_each(monitor, add_collectors);
  emit_counts(monitor);
  if (monitor->services.config->summary)
    log_summaries(monitor);
}
