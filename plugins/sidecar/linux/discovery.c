/*
 * Finding processes by scanning the process table; see discovery.h. What was judged is
 * kept in an array sorted by pid. procfs lists pids in ascending order, so a scan walks
 * the old array and the listing side by side and needs no lookups; a captured table comes
 * in any order and is sorted.
 */
#include "sidecar/os/discovery.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/linux/discovery_judge.h"
#include "sidecar/linux/procfs.h"

enum {
  YOUNG_SCANS = 8, /* judged in each of its first scans: it may still exec */
  TURNS = 44,      /* in so many scans everybody has been looked at again, */
  TURN_MIN = 32    /* sooner where there are few */
};

/* 16 bytes each: with thousands of processes the walk should stay in the cache. */
struct known {
  uint64_t inode; /* of /proc/PID: another one when the pid is reused */
  pid_t pid;
  uint16_t rule; /* DISCOVERY_NO_RULE: not one of ours */
  uint8_t scans; /* it was seen in, up to YOUNG_SCANS */
};

struct known_list {
  struct known *at;
  size_t len, capacity;
};

struct discovery {
  struct discovery_judge judge;
  struct known_list known; /* sorted by pid */
  struct known_list next;  /* being filled by a scan */
  pid_t turn;              /* those from this pid on are looked at again next */
  struct discovery_match *matches;
  size_t matches_len, matches_capacity;
};

int discovery_new(struct host *host, const struct discovery_rule *rules, size_t rules_len,
                  struct discovery **ret) {
  if (rules_len >= DISCOVERY_NO_RULE)
    return -E2BIG;
  struct discovery *discovery = calloc(1, sizeof(*discovery));
  if (discovery == NULL)
    return -ENOMEM;
  discovery_judge_init(&discovery->judge, host, rules, rules_len);
  *ret = discovery;
  return 0;
}

void discovery_free(struct discovery *discovery) {
  if (discovery == NULL)
    return;
  free(discovery->known.at);
  free(discovery->next.at);
  free(discovery->matches);
  discovery_judge_free(&discovery->judge);
  free(discovery);
}

/* A pid as procfs writes it; 0 when the name is anything else. */
static pid_t parse_pid(const char *name) {
  if (name[0] < '1' || name[0] > '9')
    return 0;
  int64_t pid = 0;
  for (; *name != '\0'; name++) {
    if (*name < '0' || *name > '9' || pid > INT_MAX / 10)
      return 0;
    pid = pid * 10 + (*name - '0');
  }
  return pid <= INT_MAX ? (pid_t)pid : 0;
}

static int compare_known(const void *a, const void *b) {
  pid_t left = ((const struct known *)a)->pid, right = ((const struct known *)b)->pid;
  return (left > right) - (left < right);
}

static int append_known(struct known_list *list, struct known entry) {
  if (list->len == list->capacity) {
    size_t capacity = list->capacity > 0 ? list->capacity * 2 : 256;
    struct known *at = reallocarray(list->at, capacity, sizeof(*at));
    if (at == NULL)
      return -ENOMEM;
    list->at = at;
    list->capacity = capacity;
  }
  list->at[list->len++] = entry;
  return 0;
}

static const struct known *find_known(const struct known_list *list, pid_t pid) {
  struct known key = {.pid = pid};
  return list->len > 0 ? bsearch(&key, list->at, list->len, sizeof(key), compare_known) : NULL;
}

/* Lists all processes into discovery->next, sorted, with what was known of each. */
static int list_processes(struct discovery *discovery) {
  const struct host *host = discovery->judge.host;
  const struct known_list *known = &discovery->known;
  struct known_list *next = &discovery->next;
  struct procfs_entries entries;
  const struct dirent64 *entry;
  size_t cursor = 0;
  pid_t last = 0;
  bool sorted = true;

  next->len = 0;
  int status = procfs_entries_start(&entries, host->directory, host->entries);
  while (status == 0 && (status = procfs_entries_next(&entries, &entry)) > 0) {
    status = 0;
    pid_t pid = parse_pid(entry->d_name);
    if (pid == 0)
      continue;
    sorted = sorted && pid > last;
    last = pid;

    const struct known *old = NULL;
    if (sorted) {
      while (cursor < known->len && known->at[cursor].pid < pid)
        cursor++;
      if (cursor < known->len && known->at[cursor].pid == pid)
        old = &known->at[cursor];
    } else {
      old = find_known(known, pid);
    }
    bool same = old != NULL && old->inode == entry->d_ino;
    status = append_known(
        next,
        same ? *old
             : (struct known){.inode = entry->d_ino, .pid = pid, .rule = DISCOVERY_NO_RULE});
  }
  if (status == 0 && !sorted)
    qsort(next->at, next->len, sizeof(*next->at), compare_known);
  return status;
}

/*
 * Judges those that are new, young or ours, and as many of the others as are due, from
 * where the last scan stopped.
 */
static void judge_processes(struct discovery *discovery) {
  struct known_list *list = &discovery->next;
  size_t due = list->len / TURNS + TURN_MIN;
  pid_t turn = 0; /* the end reached: from the beginning next time */

  for (size_t i = 0; i < list->len; i++) {
    struct known *one = &list->at[i];
    bool settled = one->rule == DISCOVERY_NO_RULE && one->scans >= YOUNG_SCANS;
    if (settled && one->pid < discovery->turn)
      continue;
    if (settled && due == 0) {
      turn = turn == 0 ? one->pid : turn;
      continue;
    }
    due -= settled;
    discovery_judge(&discovery->judge, one->pid, &one->rule);
    if (one->scans < YOUNG_SCANS)
      one->scans++;
  }
  discovery->turn = turn;
}

static int collect_matches(struct discovery *discovery) {
  const struct known_list *list = &discovery->next;
  discovery->matches_len = 0;
  for (size_t i = 0; i < list->len; i++) {
    if (list->at[i].rule == DISCOVERY_NO_RULE)
      continue;
    if (discovery->matches_len == discovery->matches_capacity) {
      size_t capacity = discovery->matches_capacity > 0 ? discovery->matches_capacity * 2 : 16;
      struct discovery_match *matches =
          reallocarray(discovery->matches, capacity, sizeof(*matches));
      if (matches == NULL)
        return -ENOMEM;
      discovery->matches = matches;
      discovery->matches_capacity = capacity;
    }
    discovery->matches[discovery->matches_len++] =
        (struct discovery_match){.pid = list->at[i].pid, .rule = list->at[i].rule};
  }
  return 0;
}

int discovery_scan(struct discovery *discovery, const struct discovery_match **ret_matches,
                   size_t *ret_len) {
  int status = list_processes(discovery);
  if (status != 0)
    return status;
  judge_processes(discovery);
  status = collect_matches(discovery);
  if (status != 0)
    return status;

  struct known_list previous = discovery->known;
  discovery->known = discovery->next;
  discovery->next = previous;
  *ret_matches = discovery->matches;
  *ret_len = discovery->matches_len;
  return 0;
}
