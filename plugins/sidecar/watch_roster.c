/*
 * Who is watched: births, deaths, and the names that processes are given for life.
 * See watch_internal.h.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "sidecar/watch_internal.h"

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

static bool old_enough(const struct process *process, const struct process_block *block) {
  uint64_t age_ms;
  return block->minimum_age_ms == 0 || process_age_ms(process, &age_ms) != 0 ||
         age_ms >= block->minimum_age_ms;
}

void watch_drop(struct watch *watch, size_t i, bool ended) {
  struct watched *watched = watch->watched[i];
  watched_emit_last(watched, &watch->services);
  watch_say(watch, LOG_INFO, "%s (pid %d): %s", watched->instance,
            (int)process_pid(watched->process),
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

/* Before names are given: those who ended make theirs free. (One whose pid another process
 * of the kind has already got is found out by its pulse.) */
static void drop_unmatched(struct watch *watch, const struct discovery_match *matches,
                           size_t len) {
  for (size_t i = watch->watched_len; i-- > 0;) {
    struct process *process = watch->watched[i]->process;
    const struct discovery_match *match = find_match(matches, len, process_pid(process));
    if (match == NULL || watch->rule_blocks[match->rule] != watch->watched[i]->block)
      watch_drop(watch, i, process_verify(process) == -ESRCH);
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
    watch_say(watch, LOG_INFO, "%s (pid %d): watched from now on, as <Process \"%s\">", name,
              pid, newborn->block->name);
  else if (watch_complaint_due(&watch->complaint_open))
    watch_say(watch, LOG_ERR, "%s (pid %d) cannot be watched: %s", name, pid,
              strerror(-status));
}

static int open_newborn(struct watch *watch, const struct discovery_match *match,
                        struct newborn *ret) {
  struct newborn newborn = {.block = watch->rule_blocks[match->rule]};
  int status = process_open(watch->services.host, match->pid, &newborn.process);
  if (status == -ESRCH)
    return status;
  if (status != 0) {
    if (watch_complaint_due(&watch->complaint_open))
      watch_say(watch, LOG_ERR, "%s/%d cannot be opened: %s%s",
                watch->services.config->proc_root, (int)match->pid, strerror(-status),
                status == -EMFILE ? "; raise collectd's limit of open files (LimitNOFILE)"
                                  : "");
    return status;
  }
  if (!old_enough(newborn.process, newborn.block)) {
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

  if (left_out > 0 && watch_complaint_due(&watch->complaint_full))
    watch_say(watch, LOG_WARNING,
              "%zu more processes match than the %zu that are watched; see "
              "MaxProcesses in collectd-sidecar(5)",
              left_out, max);
  else if (left_out == 0)
    backoff_reset(&watch->complaint_full);
}

void watch_find_processes(struct watch *watch) {
  const struct discovery_match *matches;
  size_t len;
  int status = discovery_scan(watch->discovery, &matches, &len);
  if (status != 0) {
    /* those already watched are still held and go on being read */
    if (watch_complaint_due(&watch->complaint_scan))
      watch_say(watch, LOG_ERR, "%s cannot be scanned: %s", watch->services.config->proc_root,
                strerror(-status));
    return;
  }
  backoff_reset(&watch->complaint_scan);
  drop_unmatched(watch, matches, len);
  adopt_matches(watch, matches, len);
}
