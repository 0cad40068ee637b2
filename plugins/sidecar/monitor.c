/* The monitor's lifetime, its targets, and the order of a reading; see monitor.h. */
#include "sidecar/monitor.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "sidecar/capture/capture.h"
#include "sidecar/os/discovery.h"
#include "sidecar/summary.h"
#include "sidecar/target_flags.h"
#include "sidecar/target_go.h"
#include "sidecar/target_rounds.h"

struct monitor {
  struct target_services services;
  struct host *spare_host; /* for the time when an errand is left behind with the present one */
  struct lock_table *spare_locks;
  struct scan_errand *scan;      /* used again; NULL: none */
  struct candidates *candidates; /* while some are open */
  bool needs_locks;              /* the table went with an errand */
  struct discovery *discovery;
  struct discovery_rule rules[PROCESS_BLOCKS_MAX];
  const struct process_block *rule_blocks[PROCESS_BLOCKS_MAX]; /* of the rule with that index */
  size_t rules_len;
  struct target **targets; /* in order of start; owned; NULL: dropped in this step */
  struct turn *turns;      /* scratch, of the same capacity */
  size_t targets_len, targets_capacity;
  size_t max_processes; /* that are watched */
  struct instance_names names;
  struct users *users;
  struct target_rounds rounds;
  uint64_t started_ns;
  pid_t candidates_from; /* the next reading looks for processes to adopt from this pid on */
  uint64_t locks_due_ns; /* 0: in each reading with a detail */
  uint64_t counts[PROCESS_BLOCKS_MAX];      /* by rule */
  uint64_t short_lived[PROCESS_BLOCKS_MAX]; /* since the start, by rule */
  /* used by the pprof thread while it runs */
  struct stack_matcher *goroutine_matcher, *heap_matcher;
  struct backoff complaint_scan, complaint_full, complaint_open, complaint_none;
  struct backoff complaint_names, complaint_changes, complaint_locks, complaint_late;
  struct backoff complaint_blocked;
  unsigned late_readings; /* in a row, with a process that was late */
};

/* ---- time: a reading is bounded whatever there is to read; SIGTERM waits for it ---- */

enum {
  READING_MAX_MS = 1000,  /* and at most a quarter of the interval */
  CANDIDATES_MAX = 1000,  /* processes that are examined in a reading, to be watched */
  LOCKS_COST_FACTOR = 100 /* the lock table may take this part of all time */
};

/* When a part of the reading has to end, in eighths of its time. */
static uint64_t part_end(uint64_t now_ns, uint64_t interval_ns, unsigned eighths) {
  uint64_t max_ns = READING_MAX_MS * UINT64_C(1000000);
  uint64_t all_ns = interval_ns / 4 < max_ns ? interval_ns / 4 : max_ns;
  return now_ns + all_ns / 8 * eighths;
}

/* ---- log lines and samples ---- */

/* Is a line about this due, or was it logged too recently? */
static bool complaint_due(struct backoff *complaint) {
  uint32_t suppressed;
  return backoff_due(complaint, clock_monotonic_ns(), &suppressed);
}

/* A start or an end: a user may have any number of them. */
static void log_change(struct monitor *monitor, struct user *user, const char *instance,
                       int pid, const char *what) {
  if (user_may_log(user, clock_monotonic_ns()))
    target_log(&monitor->services, LOG_INFO, "%s (pid %d): %s", instance, pid, what);
  else if (complaint_due(&monitor->complaint_changes))
    target_log(
        &monitor->services, LOG_WARNING,
        "there are too many lines about processes of user %u: no more of them for a while",
        (unsigned)user->uid);
}

static void emit(const struct monitor *monitor, const char *instance,
                 const struct samples *samples) {
  const struct target_sink *sink = &monitor->services.sink;
  for (size_t i = 0; i < samples->len; i++)
    sink->emit(sink->context, instance, &samples->items[i]);
}

/* ---- what a reading has open ---- */

struct candidate {
  struct process *process;
  const struct process_block *block;
  struct user *user;
  char base_name[INSTANCE_NAME_SIZE]; /* without the suffix that makes it unique */
};

struct candidates {
  struct candidate items[CANDIDATES_MAX];
  size_t len;
  size_t left_out; /* matching processes without a place, or not examined in this reading */
};

/* Candidates may be NULL. */
static void move_candidates(struct candidates *candidates, struct host *host) {
  for (size_t i = 0; candidates != NULL && i < candidates->len; i++)
    process_move(candidates->items[i].process, host);
}

/* ---- lifetime ---- */

static bool may_leave(void *context);

static int start_watchdog(struct monitor *monitor) {
  struct watchdog_owner owner = {
      .thread_name = "sidecar-reader", .may_leave = may_leave, .context = monitor};
  return watchdog_new(&owner, &monitor->services.watchdog);
}

static int start_pprof(struct monitor *monitor, const struct config *config) {
  int status = stack_matcher_new(&config->goroutine_patterns, &monitor->goroutine_matcher);
  if (status == 0)
    status = stack_matcher_new(&config->heap_patterns, &monitor->heap_matcher);
  if (status != 0)
    return status;
  struct pprof_options options = {.timeout_ms = config->pprof_timeout_ms,
                                  .max_bytes = PPROF_RESPONSE_MAX_BYTES,
                                  .goroutine_matcher = monitor->goroutine_matcher,
                                  .heap_matcher = monitor->heap_matcher};
  status = pprof_new(&options, &monitor->services.pprof);
  if (status != 0)
    target_log(&monitor->services, LOG_ERR,
               "the thread that queries Go runtimes cannot start: %s", strerror(-status));
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
    target_log(&monitor->services, LOG_ERR, "the thread that writes captures cannot start: %s",
               strerror(-status));
  return status;
}

static void limit_processes(struct monitor *monitor) {
  size_t wanted = monitor->services.config->max_processes;
  size_t possible = host_max_processes();
  monitor->max_processes = wanted < possible ? wanted : possible;
  if (possible < wanted)
    target_log(&monitor->services, LOG_WARNING,
               "MaxProcesses is %zu, but only %zu are watched, a quarter of the files that "
               "collectd may open; raise its limit (LimitNOFILE)",
               wanted, possible);
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

  monitor->started_ns = clock_monotonic_ns();
  int status = host_open(config->proc_root, &monitor->services.host);
  if (status != 0)
    target_log(&monitor->services, LOG_ERR,
               "ProcRoot \"%s\" cannot be opened: %s; it must be a mounted procfs",
               config->proc_root, strerror(-status));
  if (status == 0)
    status = discovery_new(monitor->services.host, monitor->rules, monitor->rules_len,
                           &monitor->discovery);
  if (status == 0)
    status = users_new(&monitor->users);
  if (status == 0)
    status = lock_table_new(&monitor->services.locks);
  if (status == 0)
    status = start_watchdog(monitor);
  if (status == 0)
    status = start_pprof(monitor, config);
  if (status == 0 && config->capture)
    status = start_capture(monitor, config);
  if (status != 0) {
    monitor_free(monitor);
    return status;
  }
  limit_processes(monitor);
  *ret = monitor;
  return 0;
}

/* What an errand still reads is left to it. */
static void release_target(struct target *target) {
  if (target->is_away) {
    target->process = NULL;
    target->descriptors = target->is_detail_away ? NULL : target->descriptors;
  }
  target_free(target);
}

/* By the thread that is the last to use it. */
static void free_rest(void *context) {
  struct monitor *monitor = context;
  config_free((struct config *)(uintptr_t)monitor->services.config);
  free(monitor);
}

bool monitor_free(struct monitor *monitor) {
  if (monitor == NULL)
    return true;
  for (size_t i = 0; i < monitor->targets_len; i++)
    release_target(monitor->targets[i]);
  free(monitor->targets);
  free(monitor->turns);
  instance_names_clear(&monitor->names);
  users_free(monitor->users);
  capture_free(monitor->services.capture);
  pprof_free(monitor->services.pprof);
  stack_matcher_free(monitor->goroutine_matcher);
  stack_matcher_free(monitor->heap_matcher);
  lock_table_free(monitor->services.locks);
  errand_free(monitor->services.detail != NULL ? &monitor->services.detail->errand : NULL);
  errand_free(monitor->scan != NULL ? &monitor->scan->errand : NULL);
  lock_table_free(monitor->spare_locks);
  host_close(monitor->spare_host);
  discovery_free(monitor->discovery);
  host_close(monitor->services.host);
  bool is_all = watchdog_free(monitor->services.watchdog, free_rest, monitor);
  if (is_all)
    free(monitor);
  return is_all;
}

/* ---- errands that are left behind; see watchdog.h ---- */

static bool may_leave(void *context) {
  struct monitor *monitor = context;
  if (monitor->spare_host == NULL)
    host_open(monitor->services.config->proc_root, &monitor->spare_host);
  if (monitor->spare_locks == NULL)
    lock_table_new(&monitor->spare_locks);
  return monitor->spare_host != NULL && monitor->spare_locks != NULL;
}

/* The host and the locks are left to an errand, and everything else gets others. */
static void replace_host(struct monitor *monitor) {
  struct host *host = steal_pointer(&monitor->spare_host);
  monitor->services.host = host;
  monitor->services.locks = steal_pointer(&monitor->spare_locks);
  monitor->needs_locks = true;
  discovery_move(monitor->discovery, host);
  for (size_t i = 0; i < monitor->targets_len; i++)
    if (monitor->targets[i] != NULL && !monitor->targets[i]->is_away)
      process_move(monitor->targets[i]->process, host);
  move_candidates(monitor->candidates, host);
}

/* An errand that reads a target was left behind. */
static void lose_target(struct monitor *monitor, struct target *target, bool is_detail) {
  target->is_away = true;
  target->is_detail_away = is_detail;
  replace_host(monitor);
  target_miss_pulse(target, &monitor->services);
}

static void find_target_again(struct monitor *monitor, struct target *target) {
  target->is_away = target->is_detail_away = false;
  process_move(target->process, monitor->services.host);
}

static void take_back_pulses(void *context, struct errand *errand) {
  struct pulse_errand *pulses = (struct pulse_errand *)errand;
  find_target_again(context, pulses->items[errand->done].target);
  errand_close_host(errand);
  errand_free(errand);
}

static void take_back_detail(void *context, struct errand *errand) {
  struct detail_errand *detail = (struct detail_errand *)errand;
  find_target_again(context, detail->target);
  errand_close_host(errand);
  errand_free(errand);
}

/* Nothing else knows of it. */
static void take_back(void *context, struct errand *errand) {
  (void)context;
  errand->task.discard(&errand->task);
}

static const struct target *find_target(const struct monitor *monitor, pid_t pid) {
  for (size_t i = 0; i < monitor->targets_len; i++)
    if (process_pid(monitor->targets[i]->process) == pid)
      return monitor->targets[i];
  return NULL;
}

/* An errand was left behind in a process that was to be found or opened. If that is watched, it
 * is going to be logged with its name. */
static void lose_process(struct monitor *monitor, struct errand *errand) {
  const struct target *target = find_target(monitor, errand->pid);
  errand->locks = monitor->services.locks;
  replace_host(monitor);
  errand->uid = (uid_t)-1;
  if (target != NULL)
    errand->uid = target->user->uid;
  else
    host_process_user(monitor->services.host, errand->pid, &errand->uid);
  if (target == NULL && complaint_due(&monitor->complaint_blocked))
    target_log(
        &monitor->services, LOG_WARNING,
        "a read of %s/%d, a process of user %u, does not return: it blocks its readers, and "
        "is not read until it lets this one go",
        monitor->services.config->proc_root, (int)errand->pid, (unsigned)errand->uid);
}

static bool is_blocking(const void *context, pid_t pid) {
  const struct monitor *monitor = context;
  return watchdog_has_pid(monitor->services.watchdog, pid);
}

static bool is_withheld(const void *context, uid_t uid) {
  const struct monitor *monitor = context;
  return !watchdog_may_read_unknown(monitor->services.watchdog, uid);
}

/* May a process that is not watched be read? */
static bool may_read_unknown(const struct monitor *monitor, pid_t pid) {
  uid_t uid;
  if (watchdog_left(monitor->services.watchdog) == 0)
    return true;
  return !is_blocking(monitor, pid) &&
         host_process_user(monitor->services.host, pid, &uid) == 0 &&
         !is_withheld(monitor, uid);
}

/* ---- which processes ---- */

static void choose_base_name(const struct process_block *block,
                             const struct open_errand *opening, char ret[INSTANCE_NAME_SIZE]) {
  struct instance_facts facts = {
      .cwd = opening->cwd_status == 0 ? opening->cwd : NULL,
      .executable = block->executable,
      .process = block->name,
      .pid = opening->errand.pid,
  };
  instance_name_make(block->instance_template, &facts, ret);
}

/* Stops watching target i, which leaves a gap until close_gaps(). */
static void drop_target(struct monitor *monitor, size_t i, const char *why) {
  struct target *target = monitor->targets[i];
  struct samples samples;
  samples.len = 0;
  target_add_last(target, &samples);
  emit(monitor, target->instance, &samples);
  target_flags_end(target, &monitor->services);
  log_change(monitor, target->user, target->instance, (int)process_pid(target->process), why);
  instance_names_release(&monitor->names, target->instance);
  user_remember_name(target->user, target->instance);
  target->user->processes--;
  target_free(target);
  monitor->targets[i] = NULL;
}

static void close_gaps(struct monitor *monitor) {
  size_t kept = 0;
  for (size_t i = 0; i < monitor->targets_len; i++)
    if (monitor->targets[i] != NULL)
      monitor->targets[kept++] = monitor->targets[i];
  monitor->targets_len = kept;
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
  for (size_t i = 0; i < monitor->targets_len; i++) {
    struct process *process = monitor->targets[i]->process;
    if (monitor->targets[i]->is_away)
      continue;
    const struct discovery_match *match = find_match(matches, len, process_pid(process));
    if (match == NULL || monitor->rule_blocks[match->rule] != monitor->targets[i]->block)
      drop_target(monitor, i,
                  process_is_running(process)
                      ? "no longer watched: another program runs under this pid"
                      : "ended");
  }
  close_gaps(monitor);
}

/* ---- processes that may be adopted ---- */

static int compare_candidates(const void *a, const void *b) {
  const struct process *left = ((const struct candidate *)a)->process;
  const struct process *right = ((const struct candidate *)b)->process;
  uint64_t l = process_start_ticks(left), r = process_start_ticks(right);
  if (l != r)
    return l < r ? -1 : 1;
  return process_pid(left) < process_pid(right) ? -1 : 1;
}

static bool old_enough(const struct process *process, const struct process_block *block) {
  uint64_t age_ms;
  return block->minimum_age_ms == 0 || process_age_ms(process, &age_ms) != 0 ||
         age_ms >= block->minimum_age_ms;
}

static void log_open_error(struct monitor *monitor, pid_t pid, int status) {
  if (status != -ESRCH && complaint_due(&monitor->complaint_open))
    target_log(&monitor->services, LOG_ERR, "%s/%d cannot be opened: %s%s",
               monitor->services.config->proc_root, (int)pid, strerror(-status),
               status == -EMFILE ? "; raise collectd's limit of open files (LimitNOFILE)" : "");
}

/* Reads what has to be known of a candidate. Returns NULL, after logging it, without memory or
 * when the errand was left behind. */
static struct open_errand *open_process(struct monitor *monitor, pid_t pid) {
  struct open_errand *opening = open_errand_new(pid);
  if (opening == NULL) {
    log_open_error(monitor, pid, -ENOMEM);
    return NULL;
  }
  opening->errand.host = monitor->services.host;
  opening->errand.come_back = take_back;
  if (watchdog_run(monitor->services.watchdog, &opening->errand) == 0)
    return opening;
  lose_process(monitor, &opening->errand);
  return NULL;
}

/* Takes the process of an errand. Returns false when it is too young, gone, or cannot be
 * opened, which is logged. */
static bool take_candidate(struct monitor *monitor, struct open_errand *opening, size_t rule,
                           struct candidate *ret) {
  const struct process_block *block = monitor->rule_blocks[rule];
  struct candidate candidate = {.block = block, .process = opening->process};
  int status = opening->status;
  if (status == 0)
    candidate.user = users_get(monitor->users, opening->owner);
  if (status == 0 && candidate.user == NULL)
    status = -ENOMEM;
  /* a name is for life: it is not chosen without the directory because of a failure that will
   * not last */
  if (status == 0 && (opening->cwd_status == -ENOMEM || opening->cwd_status == -EIO))
    status = opening->cwd_status;
  if (status == 0 && old_enough(candidate.process, block)) {
    choose_base_name(block, opening, candidate.base_name);
    *ret = candidate;
    return true;
  }
  if (status == 0)
    short_lived_see(&candidate.user->short_lived, opening->errand.pid,
                    process_start_ticks(candidate.process), rule);
  else
    log_open_error(monitor, opening->errand.pid, status);
  process_close(candidate.process);
  return false;
}

static bool open_candidate(struct monitor *monitor, const struct discovery_match *match,
                           struct candidate *ret) {
  if (!may_read_unknown(monitor, match->pid))
    return false;
  struct open_errand *opening = open_process(monitor, match->pid);
  if (opening == NULL)
    return false;
  bool is_open = take_candidate(monitor, opening, match->rule, ret);
  errand_free(&opening->errand);
  return is_open;
}

static int compare_pids(const void *a, const void *b) {
  pid_t left = *(const pid_t *)a, right = *(const pid_t *)b;
  return (left > right) - (left < right);
}

/* The pids of all targets, sorted; to be freed. NULL: no memory. */
static pid_t *list_pids(const struct monitor *monitor) {
  pid_t *pids = malloc((monitor->targets_len + 1) * sizeof(*pids));
  for (size_t i = 0; pids != NULL && i < monitor->targets_len; i++)
    pids[i] = process_pid(monitor->targets[i]->process);
  if (pids != NULL && monitor->targets_len > 1)
    qsort(pids, monitor->targets_len, sizeof(*pids), compare_pids);
  return pids;
}

static bool has_pid(const pid_t *pids, size_t len, pid_t pid) {
  return len > 0 && bsearch(&pid, pids, len, sizeof(pid), compare_pids) != NULL;
}

/* ---- places: MaxProcesses, shared among users ---- */

static void forget_candidate(struct candidates *candidates, size_t i) {
  candidates->items[i].user->processes--;
  process_close(candidates->items[i].process);
  candidates->items[i] = candidates->items[--candidates->len];
  candidates->left_out++;
}

/* Takes the place of a process that was found last: a candidate, or else a target. */
static void take_place(struct monitor *monitor, struct candidates *candidates,
                       const struct user *user) {
  for (size_t i = candidates->len; i-- > 0;)
    if (candidates->items[i].user == user) {
      forget_candidate(candidates, i);
      return;
    }
  for (size_t i = monitor->targets_len; i-- > 0;)
    if (monitor->targets[i]->user == user) {
      drop_target(monitor, i,
                  "no longer watched: other users' processes get their share of "
                  "MaxProcesses");
      close_gaps(monitor);
      candidates->left_out++;
      return;
    }
}

/* While there are places, each process gets one. Then a user with fewer processes than another
 * gets one of the other's. */
static bool find_place(struct monitor *monitor, struct candidates *candidates,
                       const struct user *user) {
  if (monitor->targets_len + candidates->len < monitor->max_processes)
    return true;
  const struct user *largest = users_largest(monitor->users);
  if (user->processes + 1 >= largest->processes)
    return false;
  take_place(monitor, candidates, largest);
  return true;
}

/* Opens processes that match and are not watched, and gives them places, as many as one reading
 * may examine; the next one goes on behind them. Sorted by start. */
static void find_candidates(struct monitor *monitor, const struct discovery_match *matches,
                            size_t len, struct candidates *candidates) {
  size_t start = 0, examined = 0, pids_len = monitor->targets_len;
  autofree(pid_t, pids, list_pids(monitor));
  if (pids == NULL)
    return;
  while (start < len && matches[start].pid < monitor->candidates_from)
    start++;
  for (size_t n = 0; n < len; n++) {
    const struct discovery_match *match = &matches[(start + n) % len];
    struct candidate candidate;
    if (has_pid(pids, pids_len, match->pid))
      continue;
    if (examined == CANDIDATES_MAX) {
      candidates->left_out++;
      continue;
    }
    examined++;
    monitor->candidates_from = match->pid + 1;
    if (!open_candidate(monitor, match, &candidate))
      continue;
    if (find_place(monitor, candidates, candidate.user)) {
      candidates->items[candidates->len++] = candidate;
      candidate.user->processes++;
    } else {
      process_close(candidate.process);
      candidates->left_out++;
    }
  }
  if (candidates->len > 1)
    qsort(candidates->items, candidates->len, sizeof(*candidates->items), compare_candidates);
}

/* ---- adoption ---- */

static int reserve_target(struct monitor *monitor) {
  if (monitor->targets_len < monitor->targets_capacity)
    return 0;
  size_t capacity = monitor->targets_capacity > 0 ? monitor->targets_capacity * 2 : 8;
  struct target **targets = reallocarray(monitor->targets, capacity, sizeof(*targets));
  if (targets != NULL)
    monitor->targets = targets;
  struct turn *turns = reallocarray(monitor->turns, capacity, sizeof(*turns));
  if (turns != NULL)
    monitor->turns = turns;
  if (targets == NULL || turns == NULL)
    return -ENOMEM;
  monitor->targets_capacity = capacity;
  return 0;
}

/* A new name creates new series, in Graphite files, which remain. Names that the user's
 * processes had before are not new, nor are those of processes older than the monitor. */
static bool may_have_name(struct monitor *monitor, const struct candidate *candidate,
                          const char *name) {
  uint64_t now_ns = clock_monotonic_ns(), age_ms;
  if (user_had_name(candidate->user, name) ||
      (process_age_ms(candidate->process, &age_ms) == 0 &&
       age_ms > (now_ns - monitor->started_ns) / 1000000))
    return true;
  if (allowance_take(&candidate->user->new_names,
                     (double)monitor->services.config->max_new_names, now_ns))
    return true;
  if (complaint_due(&monitor->complaint_names))
    target_log(
        &monitor->services, LOG_WARNING,
        "%s (pid %d) is not watched yet: user %u has started processes under %llu new names "
        "within an hour; see MaxNewNames in collectd-sidecar(5)",
        name, (int)process_pid(candidate->process), (unsigned)candidate->user->uid,
        (unsigned long long)monitor->services.config->max_new_names);
  return false;
}

/* Takes ownership of its process. Returns 0; -EAGAIN when it may not have a new name now;
 * -ENOMEM. */
static int adopt(struct monitor *monitor, struct candidate *candidate,
                 char name[INSTANCE_NAME_SIZE]) {
  struct target *target;
  int status = instance_names_find(&monitor->names, candidate->base_name, name);
  if (status == 0 && !may_have_name(monitor, candidate, name))
    status = -EAGAIN;
  if (status == 0)
    status = reserve_target(monitor);
  if (status == 0)
    status = instance_names_take(&monitor->names, name);
  if (status != 0) {
    process_close(candidate->process);
    return status;
  }
  status = target_new(&monitor->services, candidate->process, candidate->user, candidate->block,
                      name, &target);
  if (status == 0)
    monitor->targets[monitor->targets_len++] = target;
  else
    instance_names_release(&monitor->names, name);
  return status;
}

static void adopt_all(struct monitor *monitor, struct candidates *candidates) {
  instance_names_begin(&monitor->names);
  for (size_t i = 0; i < candidates->len; i++) {
    struct candidate *candidate = &candidates->items[i];
    char name[INSTANCE_NAME_SIZE] = "", what[200];
    int pid = (int)process_pid(candidate->process);
    int status = adopt(monitor, candidate, name);
    if (status != 0)
      candidate->user->processes--;
    snprintf(what, sizeof(what), "watched from now on, as <Process \"%s\">",
             candidate->block->name);
    if (status == 0)
      log_change(monitor, candidate->user, name, pid, what);
    else if (status != -EAGAIN && complaint_due(&monitor->complaint_open))
      target_log(&monitor->services, LOG_ERR, "%s (pid %d) cannot be watched: %s",
                 name[0] != '\0' ? name : candidate->block->name, pid, strerror(-status));
  }
}

static void adopt_matches(struct monitor *monitor, const struct discovery_match *matches,
                          size_t len) {
  struct candidates candidates;
  candidates.len = candidates.left_out = 0;
  monitor->candidates = &candidates;
  find_candidates(monitor, matches, len, &candidates);
  monitor->candidates = NULL;
  adopt_all(monitor, &candidates);

  if (candidates.left_out > 0 && complaint_due(&monitor->complaint_full))
    target_log(&monitor->services, LOG_WARNING,
               "%zu more processes match than the %zu that are watched; see "
               "MaxProcesses in collectd-sidecar(5)",
               candidates.left_out, monitor->targets_len);
  else if (candidates.left_out == 0)
    backoff_success(&monitor->complaint_full);
}

/* ---- processes that end too young ---- */

struct scan_matches {
  struct monitor *monitor;
  const struct discovery_match *items;
  size_t len;
};

static bool is_matched(const void *context, pid_t pid) {
  const struct scan_matches *matches = context;
  return find_match(matches->items, matches->len, pid) != NULL;
}

static void notify_crashes(const struct monitor *monitor, const struct user *user, size_t rule,
                           uint64_t count) {
  const struct process_block *block = monitor->rule_blocks[rule];
  const struct target_sink *sink = &monitor->services.sink;
  bool is_over = !user->short_lived.counts[rule].is_raised;
  char line[256];
  if (is_over)
    snprintf(line, sizeof(line),
             "<Process \"%s\">: for %d minutes no process of user %u has ended right after its "
             "start",
             block->name, SHORT_LIVED_MINUTES, (unsigned)user->uid);
  else
    snprintf(
        line, sizeof(line),
        "<Process \"%s\">: %llu processes of user %u have ended before they were %g s old, "
        "within %d minutes; do they crash?",
        block->name, (unsigned long long)count, (unsigned)user->uid,
        (double)block->minimum_age_ms / 1000, SHORT_LIVED_MINUTES);
  struct crash_notice notice = {block->name, user->uid, count, is_over, line};
  target_log(&monitor->services, is_over ? LOG_INFO : LOG_WARNING, "%s", line);
  sink->notify_crashes(sink->context, &notice);
}

static void count_short_lived(void *context, struct user *user) {
  const struct scan_matches *matches = context;
  struct monitor *monitor = matches->monitor;
  size_t rules[SHORT_LIVED_YOUNG_MAX];
  uint64_t now_ns = clock_monotonic_ns(), count;
  size_t ended = short_lived_end_scan(&user->short_lived, is_matched, matches, rules);
  for (size_t i = 0; i < ended; i++) {
    monitor->short_lived[rules[i]]++;
    short_lived_count(&user->short_lived, rules[i], now_ns);
  }
  for (size_t rule = 0; rule < monitor->rules_len; rule++)
    if (short_lived_judge(&user->short_lived, rule, now_ns, &count))
      notify_crashes(monitor, user, rule, count);
}

/* ---- a scan ---- */

/* Examines them on the watchdog's thread; those behind one that blocks have to wait. */
static void examine(struct monitor *monitor, struct discovery_examination *examination) {
  if (monitor->scan == NULL)
    monitor->scan = scan_errand_new();
  if (monitor->scan == NULL)
    return;
  struct errand *errand = &monitor->scan->errand;
  monitor->scan->examination = examination;
  errand->host = monitor->services.host;
  errand->come_back = take_back;
  if (watchdog_run(monitor->services.watchdog, errand) == 0)
    return;
  monitor->scan = NULL;
  errand->pid = discovery_lose(monitor->discovery, errand->done);
  lose_process(monitor, errand);
}

static int scan(struct monitor *monitor, const struct discovery_match **ret_matches,
                size_t *ret_len) {
  struct discovery_examination *examination;
  size_t left = watchdog_left(monitor->services.watchdog);
  struct discovery_exclusions exclusions = {
      .everything = left >= WATCHDOG_FULL,
      .has_pid = is_blocking,
      .has_user = is_withheld,
      .context = monitor,
  };
  int status = discovery_begin(monitor->discovery, left > 0 ? &exclusions : NULL, &examination);
  if (status != 0)
    return status;
  examine(monitor, examination);
  return discovery_end(monitor->discovery, ret_matches, ret_len);
}

static void find_processes(struct monitor *monitor) {
  const struct discovery_match *matches;
  size_t len;
  int status = scan(monitor, &matches, &len);
  if (status != 0) {
    /* processes already watched are still held and continue to be read */
    if (complaint_due(&monitor->complaint_scan))
      target_log(&monitor->services, LOG_ERR, "%s cannot be scanned: %s",
                 monitor->services.config->proc_root, strerror(-status));
    return;
  }
  backoff_success(&monitor->complaint_scan);
  drop_unmatched(monitor, matches, len);
  adopt_matches(monitor, matches, len);
  struct scan_matches all = {monitor, matches, len};
  users_for_each(monitor->users, count_short_lived, &all);
}

/* ---- readings ---- */

/* Adds samples of a target. Returns 0, or -ESRCH when its process ended; does nothing else
 * then. */
typedef int (*step_fn)(struct monitor *monitor, struct target *target, struct samples *samples);

/* Runs a step for a target, and sends its samples or drops it if it has ended. */
static void run_step(struct monitor *monitor, size_t i, step_fn step) {
  struct samples samples;
  samples.len = 0;
  if (step(monitor, monitor->targets[i], &samples) == -ESRCH)
    drop_target(monitor, i, "ended");
  else
    emit(monitor, monitor->targets[i]->instance, &samples);
}

static void for_each(struct monitor *monitor, step_fn step) {
  for (size_t i = 0; i < monitor->targets_len; i++)
    run_step(monitor, i, step);
  close_gaps(monitor);
}

/* ---- pulses ---- */

/* May a target be read whose process is not away? */
static bool may_read(const struct monitor *monitor, const struct target *target) {
  const struct watchdog *watchdog = monitor->services.watchdog;
  return watchdog_may_read(watchdog, target->user->uid) &&
         !watchdog_has_pid(watchdog, process_pid(target->process));
}

/* A target without a turn has no values. */
static size_t arrange_pulses(struct monitor *monitor) {
  size_t len = 0;
  for (size_t i = 0; i < monitor->targets_len; i++) {
    struct target *target = monitor->targets[i];
    target->is_withheld = !target->is_away && !may_read(monitor, target);
    if (target_is_blocked(target))
      target_miss_pulse(target, &monitor->services);
    else
      monitor->turns[len++] = (struct turn){.user = target->user, .item = i};
  }
  turns_arrange(monitor->turns, len);
  return len;
}

static struct pulse_errand *make_pulses(struct monitor *monitor, const struct turn *turns,
                                        size_t len, uint64_t ends_ns) {
  struct pulse_errand *pulses = pulse_errand_new(len);
  if (pulses == NULL)
    return NULL;
  pulses->errand.host = monitor->services.host;
  pulses->errand.locks = monitor->services.locks;
  pulses->errand.come_back = take_back_pulses;
  pulses->clock = (struct turn_clock){.ends_ns = ends_ns};
  for (size_t i = 0; i < len; i++) {
    pulses->items[i].turn = turns[i];
    pulses->items[i].target = monitor->targets[turns[i].item];
    pulses->items[i].process = pulses->items[i].target->process;
  }
  return pulses;
}

static void take_pulse(struct monitor *monitor, const struct pulse_item *item) {
  struct samples samples;
  samples.len = 0;
  item->turn.user->spent_ns += item->ended_ns - item->started_ns;
  if (target_take_pulse(item->target, &monitor->services, item, &samples) == -ESRCH)
    drop_target(monitor, item->turn.item, "ended");
  else
    emit(monitor, item->target->instance, &samples);
}

/* A process that blocks is left behind with its errand, and the others are read by the next
 * one. */
static void read_pulses(struct monitor *monitor, uint64_t ends_ns) {
  size_t len = arrange_pulses(monitor);
  for (size_t i = 0; i < len; i++) {
    struct pulse_errand *pulses = make_pulses(monitor, &monitor->turns[i], len - i, ends_ns);
    if (pulses == NULL)
      break;
    int status = watchdog_run(monitor->services.watchdog, &pulses->errand);
    size_t done = status == 0 ? pulses->len : pulses->errand.done;
    for (size_t j = 0; j < done; j++)
      take_pulse(monitor, &pulses->items[j]);
    i += done;
    if (status == 0) {
      errand_free(&pulses->errand);
    } else {
      struct target *target = pulses->items[done].target;
      pulses->errand.pid = process_pid(target->process);
      pulses->errand.uid = target->user->uid;
      lose_target(monitor, target, false);
    }
  }
  close_gaps(monitor);
  host_set_deadline(monitor->services.host, UINT64_MAX);
}

/* ---- details ---- */

/* The kernel needs time in proportion to the square of the number of locks. */
static void read_locks(struct monitor *monitor, uint64_t ends_ns) {
  uint64_t started_ns = clock_monotonic_ns();
  monitor->needs_locks = false;
  if (started_ns < monitor->locks_due_ns)
    return;
  host_set_deadline(monitor->services.host, ends_ns);
  int status = lock_table_refresh(monitor->services.locks, monitor->services.host);
  uint64_t now_ns = clock_monotonic_ns();
  bool are_too_many = status == -ETIME || status == -E2BIG;
  monitor->locks_due_ns = are_too_many ? now_ns + (now_ns - started_ns) * LOCKS_COST_FACTOR : 0;
  if (!are_too_many)
    backoff_success(&monitor->complaint_locks);
  else if (complaint_due(&monitor->complaint_locks))
    target_log(
        &monitor->services, LOG_WARNING,
        "%s/locks has more locks than can be read at once: process_file_locks and the flag "
        "sqlite_contention are unknown",
        monitor->services.config->proc_root);
}

static int read_detail(struct monitor *monitor, struct target *target,
                       struct samples *samples) {
  struct errand *left;
  int status =
      target_read_detail(target, &monitor->services, clock_monotonic_ns(), samples, &left);
  if (status != -ETIMEDOUT)
    return status;
  left->come_back = take_back_detail;
  lose_target(monitor, target, true);
  return 0;
}

static int postpone_detail(struct monitor *monitor, struct target *target,
                           struct samples *samples) {
  (void)samples;
  target_postpone_detail(target, &monitor->services, clock_monotonic_ns());
  return 0;
}

/* Reads details in turns, which have to end at a time. */
static void take_turns(struct monitor *monitor, size_t turns_len, uint64_t locks_end_ns,
                       uint64_t ends_ns) {
  struct turn_clock clock = {.ends_ns = ends_ns};
  turns_arrange(monitor->turns, turns_len);
  uint64_t now_ns = clock_monotonic_ns();
  for (size_t i = 0; i < turns_len; i++) {
    const struct turn *turn = &monitor->turns[i];
    uint64_t deadline_ns = turn_deadline(&clock, turn, now_ns);
    if (monitor->needs_locks)
      read_locks(monitor, locks_end_ns);
    host_set_deadline(monitor->services.host, deadline_ns);
    run_step(monitor, turn->item, deadline_ns > now_ns ? read_detail : postpone_detail);
    uint64_t then_ns = now_ns;
    now_ns = clock_monotonic_ns();
    turn->user->spent_ns += now_ns - then_ns;
  }
  close_gaps(monitor);
  host_set_deadline(monitor->services.host, UINT64_MAX);
}

static void read_details(struct monitor *monitor, uint64_t locks_end_ns, uint64_t ends_ns) {
  uint64_t now_ns = clock_monotonic_ns();
  size_t due = 0;
  for (size_t i = 0; i < monitor->targets_len; i++) {
    struct target *target = monitor->targets[i];
    target->has_new_detail = false;
    if (!target_is_blocked(target) && target_detail_due(target, &monitor->services, now_ns))
      monitor->turns[due++] =
          (struct turn){.user = target->user, .since = target->turn_ns, .item = i};
  }
  if (due == 0)
    return;
  read_locks(monitor, locks_end_ns);
  take_turns(monitor, due, locks_end_ns, ends_ns);
}

static int add_detail(struct monitor *monitor, struct target *target, struct samples *samples) {
  target_add_detail(target, samples);
  target_go_query(target, &monitor->services, target->has_new_detail, clock_monotonic_ns());
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

static void run_rounds(struct monitor *monitor) {
  struct target_list targets = {monitor->targets, monitor->targets_len, monitor->turns};
  target_rounds_run(&monitor->rounds, &targets, &monitor->services);
}

static bool is_late(const struct target *target) {
  for (size_t i = 0; i < COLLECTORS; i++)
    if (target->collectors[i].status == STATUS_LATE)
      return true;
  return false;
}

/* One late reading is a busy machine; the status says that much. */
static void log_late(struct monitor *monitor) {
  size_t late = 0;
  for (size_t i = 0; i < monitor->targets_len; i++)
    late += is_late(monitor->targets[i]);
  monitor->late_readings = late > 0 ? monitor->late_readings + 1 : 0;
  if (late == 0)
    backoff_success(&monitor->complaint_late);
  else if (monitor->late_readings > 2 && complaint_due(&monitor->complaint_late))
    target_log(
        &monitor->services, LOG_WARNING,
        "readings have taken all their time %u times in a row, and left out values of %zu "
        "of the processes: these come less often; see Time and shares in "
        "collectd-sidecar(5)",
        monitor->late_readings, late);
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
    samples_add_counter(&samples, METRIC_PROCESS_SHORT_LIVED, monitor->short_lived[rule]);
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
    target_log(&monitor->services, LOG_INFO, "%s",
               summary_format(line, sizeof(line), &summary));
  }
  if (monitor->targets_len > 0)
    backoff_success(&monitor->complaint_none);
  else if (complaint_due(&monitor->complaint_none))
    target_log(&monitor->services, LOG_INFO, "no process to watch is running");
}

/* Before anything is observed: all times from now on are after a suspension. */
static void note_suspend(struct monitor *monitor, uint64_t now_ns) {
  uint64_t asleep_ms;
  if (host_asleep_ms(monitor->services.host, &asleep_ms) == 0)
    suspends_note(&monitor->services.suspends, now_ns / 1000000, asleep_ms);
}

void monitor_read(struct monitor *monitor, uint64_t interval_ns) {
  uint64_t now_ns = clock_monotonic_ns();
  users_begin(monitor->users, now_ns);
  watchdog_begin(monitor->services.watchdog);
  note_suspend(monitor, now_ns);
  if (monitor->services.capture != NULL)
    capture_look(monitor->services.capture);
  host_set_deadline(monitor->services.host, part_end(now_ns, interval_ns, 2));
  find_processes(monitor);
  read_pulses(monitor, part_end(now_ns, interval_ns, 4));
  read_details(monitor, part_end(now_ns, interval_ns, 5), part_end(now_ns, interval_ns, 8));
  for_each(monitor, add_detail);
  /* everything from /proc has been sent: a short wait delays nothing now */
  uint64_t patience_ms = interval_ns / 1000000 / 4;
  pprof_wait(monitor->services.pprof, patience_ms < 250 ? patience_ms : 250);
  for_each(monitor, take_go);
  for_each(monitor, judge);
  run_rounds(monitor);
  for_each(monitor, add_collectors);
  log_late(monitor);
  emit_counts(monitor);
  if (monitor->services.config->summary)
    log_summaries(monitor);
}
