/* All watched processes; see watch.h. */
#include "sidecar/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/clock.h"
#include "common/text.h"
#include "sidecar/discovery.h"
#include "sidecar/summary.h"

struct watch {
  struct watch_services services;
  struct discovery *discovery;
  struct discovery_rule rules[PROCESS_BLOCKS_MAX];
  const struct process_block *rule_blocks[PROCESS_BLOCKS_MAX]; /* of the rule with that index */
  size_t rules_len;
  struct watched **watched; /* in order of start; owned */
  size_t watched_len, watched_capacity;
  uint64_t counts[PROCESS_BLOCKS_MAX]; /* by rule */
  struct backoff complaint_scan, complaint_full, complaint_open, complaint_none;
};

__attribute__((format(printf, 3, 4))) static void say(const struct watch *watch, int severity,
                                                      const char *format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof(line), format, arguments);
  va_end(arguments);
  watch->services.sink.say(watch->services.sink.context, severity, line);
}

static bool complaint_due(struct backoff *complaint) {
  uint32_t suppressed;
  return backoff_due(complaint, clock_monotonic_ns(), &suppressed);
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

  struct pprof_options options = {.timeout_ms = config->pprof_timeout_ms,
                                  .max_bytes = config->pprof_max_bytes};
  int status = host_open(config->proc_root, &watch->services.host);
  if (status != 0)
    say(watch, LOG_ERR, "ProcRoot \"%s\" cannot be opened: %s; it must be a mounted procfs",
        config->proc_root, strerror(-status));
  if (status == 0)
    status = discovery_new(watch->services.host, watch->rules, watch->rules_len,
                           &watch->discovery);
  if (status == 0)
    status = lock_table_new(&watch->services.locks);
  if (status == 0) {
    status = pprof_new(&options, &watch->services.pprof);
    if (status != 0)
      say(watch, LOG_ERR, "the thread that asks Go runtimes cannot start: %s",
          strerror(-status));
  }
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
  pprof_free(watch->services.pprof);
  lock_table_free(watch->services.locks);
  discovery_free(watch->discovery);
  host_close(watch->services.host);
  free(watch);
}

/* --- births, deaths and names */

static bool name_is_taken(const struct watch *watch, const char *name) {
  for (size_t i = 0; i < watch->watched_len; i++) {
    if (instance_names_clash(watch->watched[i]->instance, name))
      return true;
  }
  return false;
}

/* The lowest free number: a restarted process gets its old name back. */
static void choose_name(const struct watch *watch, struct process *process,
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
  while (name_is_taken(watch, ret));
}

static bool old_enough(const struct watch *watch, const struct process *process,
                       const struct process_block *block) {
  uint64_t uptime_ticks;
  if (block->minimum_age_ms == 0 ||
      host_uptime_ticks(watch->services.host, &uptime_ticks) != 0)
    return true;
  uint64_t start_ticks = process_start_ticks(process);
  uint64_t age_ticks = uptime_ticks > start_ticks ? uptime_ticks - start_ticks : 0;
  return age_ticks * 1000 >= block->minimum_age_ms * host_ticks_per_second(watch->services.host);
}

/* Ends to watch number i; ended says whether the process did, too. */
static void drop(struct watch *watch, size_t i, bool ended) {
  struct watched *watched = watch->watched[i];
  watched_emit_last(watched, &watch->services);
  say(watch, LOG_INFO, "%s (pid %d): %s", watched->instance, (int)process_pid(watched->process),
      ended ? "ended" : "not watched any more: another program runs under this pid");
  watched_free(watched);
  memmove(&watch->watched[i], &watch->watched[i + 1],
          (watch->watched_len - i - 1) * sizeof(*watch->watched));
  watch->watched_len--;
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

/* Before names are given: those who ended make theirs free. */
static void drop_unmatched(struct watch *watch, const struct discovery_match *matches,
                           size_t len) {
  for (size_t i = watch->watched_len; i-- > 0;) {
    struct watched *watched = watch->watched[i];
    bool ended = process_verify(watched->process) == -ESRCH;
    const struct discovery_match *match = find_match(matches, len, process_pid(watched->process));
    if (ended || match == NULL || watch->rule_blocks[match->rule] != watched->block)
      drop(watch, i, ended);
  }
}

static bool is_watched(const struct watch *watch, pid_t pid) {
  for (size_t i = 0; i < watch->watched_len; i++) {
    if (process_pid(watch->watched[i]->process) == pid)
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

static int reserve_watched(struct watch *watch) {
  if (watch->watched_len < watch->watched_capacity)
    return 0;
  size_t capacity = watch->watched_capacity > 0 ? watch->watched_capacity * 2 : 8;
  struct watched **grown = realloc(watch->watched, capacity * sizeof(*grown));
  if (grown == NULL)
    return -ENOMEM;
  watch->watched = grown;
  watch->watched_capacity = capacity;
  return 0;
}

/* Takes process over. */
static void adopt(struct watch *watch, struct newborn *newborn) {
  char name[INSTANCE_NAME_SIZE];
  int pid = (int)process_pid(newborn->process);
  choose_name(watch, newborn->process, newborn->block, name);
  int status = reserve_watched(watch);
  if (status != 0) {
    process_close(newborn->process);
  } else {
    struct watched *watched;
    status = watched_new(&watch->services, newborn->process, newborn->block, name, &watched);
    if (status == 0)
      watch->watched[watch->watched_len++] = watched;
  }
  if (status == 0)
    say(watch, LOG_INFO, "%s (pid %d): watched from now on, as <Process \"%s\">", name, pid,
        newborn->block->name);
  else if (complaint_due(&watch->complaint_open))
    say(watch, LOG_ERR, "%s (pid %d) cannot be watched: %s", name, pid, strerror(-status));
}

static int open_newborn(struct watch *watch, const struct discovery_match *match,
                        struct newborn *ret) {
  struct newborn newborn = {.block = watch->rule_blocks[match->rule]};
  int status = process_open(watch->services.host, match->pid, &newborn.process);
  if (status == -ESRCH)
    return status;
  if (status != 0) {
    if (complaint_due(&watch->complaint_open))
      say(watch, LOG_ERR, "%s/%d cannot be opened: %s%s", watch->services.config->proc_root,
          (int)match->pid, strerror(-status),
          status == -EMFILE ? "; raise collectd's limit of open files (LimitNOFILE)" : "");
    return status;
  }
  if (!old_enough(watch, newborn.process, newborn.block)) {
    process_close(newborn.process);
    return -EAGAIN;
  }
  *ret = newborn;
  return 0;
}

static void adopt_matches(struct watch *watch, const struct discovery_match *matches,
                          size_t len) {
  size_t max = watch->services.config->max_processes;
  size_t room = max > watch->watched_len ? max - watch->watched_len : 0;
  struct newborn *newborns = NULL;
  size_t newborns_len = 0, left_out = 0;

  for (size_t i = 0; i < len; i++) {
    if (is_watched(watch, matches[i].pid))
      continue;
    if (newborns == NULL)
      newborns = calloc(len - i, sizeof(*newborns));
    if (newborns == NULL)
      return;
    if (newborns_len == room)
      left_out++;
    else if (open_newborn(watch, &matches[i], &newborns[newborns_len]) == 0)
      newborns_len++;
  }
  if (newborns_len > 1)
    qsort(newborns, newborns_len, sizeof(*newborns), compare_newborns);
  for (size_t i = 0; i < newborns_len; i++)
    adopt(watch, &newborns[i]);
  free(newborns);

  if (left_out > 0 && complaint_due(&watch->complaint_full))
    say(watch, LOG_WARNING, "%zu more processes match than the %zu that are watched; see "
        "MaxProcesses in collectd-sidecar(5)", left_out, max);
  else if (left_out == 0)
    backoff_reset(&watch->complaint_full);
}

static void find_processes(struct watch *watch) {
  const struct discovery_match *matches;
  size_t len;
  int status = discovery_scan(watch->discovery, &matches, &len);
  if (status != 0) {
    /* those already watched are still held and go on being read */
    if (complaint_due(&watch->complaint_scan))
      say(watch, LOG_ERR, "%s cannot be scanned: %s", watch->services.config->proc_root,
          strerror(-status));
    return;
  }
  backoff_reset(&watch->complaint_scan);
  drop_unmatched(watch, matches, len);
  adopt_matches(watch, matches, len);
}

/* --- a reading */

/* Calls read for each watched process and drops those that ended meanwhile. */
static void for_each(struct watch *watch, int (*read)(struct watch *, struct watched *)) {
  for (size_t i = 0; i < watch->watched_len;) {
    if (read(watch, watch->watched[i]) == -ESRCH)
      drop(watch, i, true);
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
  if (due && watched_read_detail(watched, &watch->services, now_ns) == -ESRCH)
    return -ESRCH;
  watched_emit_detail(watched, &watch->services);
  watched_ask_runtime(watched, due);
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
    say(watch, LOG_INFO, "%s", summary_format(line, sizeof(line), &summary));
  }
  if (watch->watched_len > 0)
    backoff_reset(&watch->complaint_none);
  else if (complaint_due(&watch->complaint_none))
    say(watch, LOG_INFO, "no process to watch is running");
}

void watch_read(struct watch *watch, uint64_t interval_ns) {
  find_processes(watch);
  for_each(watch, read_pulse);
  lock_table_refresh(watch->services.locks, watch->services.host);
  for_each(watch, read_detail);
  /* everything from /proc is out: now a little patience costs nobody anything */
  uint64_t patience_ms = interval_ns / 1000000 / 4;
  pprof_wait(watch->services.pprof, patience_ms < 250 ? patience_ms : 250);
  for_each(watch, take_runtime);
  for (size_t i = 0; i < watch->watched_len; i++)
    watched_emit_collectors(watch->watched[i], &watch->services);
  emit_counts(watch);
  if (watch->services.config->summary)
    say_summaries(watch);
}
