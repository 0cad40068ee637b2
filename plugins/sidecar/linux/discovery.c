/*
 * Finding processes by scanning the process table; see os/discovery.h. The known processes are
 * kept in an array sorted by pid. procfs lists pids in ascending order, so a scan walks the old
 * array and the listing side by side and needs no lookups; a captured table is in any order and
 * is sorted. Matches are decided by the executable: a process can change its command line and
 * its name.
 */
#include "sidecar/os/discovery.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/buffer.h"
#include "sidecar/linux/host.h"
#include "sidecar/linux/proc_parse.h"
#include "sidecar/linux/procfs.h"

enum {
  NO_RULE = UINT16_MAX,
  YOUNG_SCANS = 8, /* examined in each of its first scans, because it may still exec */
  TURNS = 44,      /* within this many scans all others are examined again, */
  TURN_MIN = 32,   /* sooner where there are few */
  COMMAND_LINE_MAX = 64 * 1024,
  PROGRAM_NAME_MAX = 15 /* TASK_COMM_LEN without the NUL */
};

/* 16 bytes each, so that the walk over thousands of processes stays in the cache. */
struct known {
  uint64_t inode; /* of /proc/PID: changes when the pid is reused */
  pid_t pid;
  uint16_t rule; /* NO_RULE: not one of ours */
  uint8_t scans; /* it was seen in, up to YOUNG_SCANS */
};

struct known_list {
  struct known *at;
  size_t len, capacity;
};

/* A process that a scan examines. */
struct examined {
  size_t position; /* in the list */
  pid_t pid;
  uint16_t rule;
};

/* Contains all that examining touches: another thread may be left with it. */
struct discovery_examination {
  struct host *host;
  const struct discovery_rule *rules; /* borrowed */
  size_t rules_len;
  struct buffer command_line; /* scratch */
  struct examined *items;
  size_t len, capacity;
  size_t done; /* the first so many have been examined; set at the end */
};

struct discovery {
  struct host *host;
  const struct discovery_rule *rules; /* borrowed */
  size_t rules_len;
  struct discovery_examination *examination; /* NULL: lost */
  struct known_list known;                   /* sorted by pid */
  struct known_list next;                    /* being filled by a scan */
  pid_t turn;                                /* the next scan examines those from this pid on */
  struct discovery_match *matches;
  size_t matches_len, matches_capacity;
};

int discovery_new(struct host *host, const struct discovery_rule *rules, size_t rules_len,
                  struct discovery **ret) {
  if (rules_len >= NO_RULE)
    return -E2BIG;
  struct discovery *discovery = calloc(1, sizeof(*discovery));
  if (discovery == NULL)
    return -ENOMEM;
  discovery->host = host;
  discovery->rules = rules;
  discovery->rules_len = rules_len;
  *ret = discovery;
  return 0;
}

void discovery_move(struct discovery *discovery, struct host *host) {
  discovery->host = host;
}

void discovery_examination_free(struct discovery_examination *examination) {
  if (examination == NULL)
    return;
  buffer_free(&examination->command_line);
  free(examination->items);
  free(examination);
}

void discovery_free(struct discovery *discovery) {
  if (discovery == NULL)
    return;
  free(discovery->known.at);
  free(discovery->next.at);
  free(discovery->matches);
  discovery_examination_free(discovery->examination);
  free(discovery);
}

/* ---- the list of processes ---- */

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
  if (!array_reserve(&list->at, list->len, &list->capacity, 256))
    return -ENOMEM;
  list->at[list->len++] = entry;
  return 0;
}

static const struct known *find_known(const struct known_list *list, pid_t pid) {
  struct known key = {.pid = pid};
  return list->len > 0 ? bsearch(&key, list->at, list->len, sizeof(key), compare_known) : NULL;
}

/* Lists all processes into discovery->next, sorted, with their previous state. */
static int list_processes(struct discovery *discovery) {
  const struct host *host = discovery->host;
  const struct known_list *known = &discovery->known;
  struct known_list *next = &discovery->next;
  struct procfs_entries entries;
  const struct dirent64 *entry;
  size_t cursor = 0;
  pid_t last = 0;
  bool sorted = true;

  next->len = 0;
  int status = procfs_entries_start(&entries, host->directory, 0, host->entries);
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
        next, same ? *old : (struct known){.inode = entry->d_ino, .pid = pid, .rule = NO_RULE});
  }
  if (status == 0 && !sorted)
    qsort(next->at, next->len, sizeof(*next->at), compare_known);
  return status;
}

/* ---- which rule one process matches ---- */

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash != NULL ? slash + 1 : path;
}

/* The kernel keeps only the beginning of a program's name. */
static bool matches_cut_name(struct span name, const char *executable) {
  size_t len = strlen(executable);
  if (len > PROGRAM_NAME_MAX)
    len = PROGRAM_NAME_MAX;
  return name.len == len && memcmp(name.at, executable, len) == 0;
}

/* The arguments joined by spaces; cut at the cap. Returns 0 or -errno. */
static int read_command_line(struct discovery_examination *examination, pid_t pid) {
  struct buffer *text = &examination->command_line;
  char name[32];
  snprintf(name, sizeof(name), "%d/cmdline", (int)pid);
  int status = procfs_read_file(examination->host->directory, name, true, text);
  if (status != 0 && status != -EMSGSIZE)
    return status;
  while (text->len > 0 && text->data[text->len - 1] == '\0')
    text->len--;
  for (size_t i = 0; i < text->len; i++)
    if (text->data[i] == '\0')
      text->data[i] = ' ';
  return 0;
}

/* path is the target of exe, or NULL; then name is the process's comm. Returns 0 with the first
 * rule that matches, or -errno. */
static int find_rule(struct discovery_examination *examination, pid_t pid, const char *path,
                     struct span name, uint16_t *ret_rule) {
  bool have_command_line = false;
  for (size_t i = 0; i < examination->rules_len; i++) {
    const struct discovery_rule *rule = &examination->rules[i];
    if (path != NULL ? strcmp(base_name(path), rule->executable) != 0
                     : !matches_cut_name(name, rule->executable))
      continue;
    if (rule->command_line != NULL) {
      int status = have_command_line ? 0 : read_command_line(examination, pid);
      if (status != 0)
        return status;
      have_command_line = true;
      if (regexec(rule->command_line, buffer_string(&examination->command_line), 0, NULL, 0) !=
          0)
        continue;
    }
    *ret_rule = (uint16_t)i;
    return 0;
  }
  *ret_rule = NO_RULE;
  return 0;
}

/* Any user may read stat, which contains name, state and flags. */
static int find_rule_by_name(struct discovery_examination *examination, pid_t pid,
                             uint16_t *ret_rule) {
  struct host *host = examination->host;
  struct proc_stat stat;
  char name[32];
  snprintf(name, sizeof(name), "%d/stat", (int)pid);
  int status = procfs_read_file(host->directory, name, true, &host->text);
  if (status == 0)
    status = proc_stat_parse(buffer_span(&host->text), &stat);
  if (status != 0)
    return status;
  if (proc_stat_is_dead(&stat) || proc_stat_is_kernel_thread(&stat))
    return -ESRCH;
  return find_rule(examination, pid, NULL, stat.name, ret_rule);
}

/*
 * Sets *rule to the index of the first rule that the process matches, or to NO_RULE: also for
 * kernel threads, zombies and processes that are gone. It is unchanged when memory or
 * descriptors ran out, or reading failed: a process must not be lost because of that.
 */
static void match_process(struct discovery_examination *examination, pid_t pid,
                          uint16_t *rule) {
  char name[32], path[PATH_MAX];
  size_t len;
  snprintf(name, sizeof(name), "%d/exe", (int)pid);
  int status = procfs_read_link(examination->host->directory, name, path, sizeof(path), &len);
  if (status == -EACCES || status == -EPERM || status == -ENAMETOOLONG) {
    status = find_rule_by_name(examination, pid, rule);
  } else if (status == 0) {
    procfs_strip_deleted(path, len);
    status = find_rule(examination, pid, path, span_make("", 0), rule);
  }
  bool is_unknown =
      status == -ENOMEM || status == -EMFILE || status == -ENFILE || status == -EIO;
  if (status != 0 && !is_unknown)
    *rule = NO_RULE;
}

/* ---- which processes are examined ---- */

static bool is_excluded(const struct discovery *discovery, const struct known *one,
                        const struct discovery_exclusions *exclusions) {
  uid_t uid;
  if (exclusions == NULL)
    return false;
  if ((exclusions->everything && one->rule == NO_RULE) ||
      exclusions->has_pid(exclusions->context, one->pid))
    return true;
  return host_process_user(discovery->host, one->pid, &uid) == 0 &&
         exclusions->has_user(exclusions->context, uid);
}

static int add_examined(struct discovery_examination *examination, size_t position,
                        const struct known *one) {
  if (!array_reserve(&examination->items, examination->len, &examination->capacity, 64))
    return -ENOMEM;
  examination->items[examination->len++] =
      (struct examined){.position = position, .pid = one->pid, .rule = one->rule};
  return 0;
}

static size_t first_from(const struct known_list *list, pid_t pid) {
  size_t i = 0;
  while (i < list->len && list->at[i].pid < pid)
    i++;
  return i < list->len ? i : 0;
}

/* New, young and matched processes, and as many of the others as are due, from where the last
 * scan stopped. */
static int choose_examined(struct discovery *discovery,
                           const struct discovery_exclusions *exclusions) {
  const struct known_list *list = &discovery->next;
  size_t due = list->len / TURNS + TURN_MIN;
  size_t start = first_from(list, discovery->turn);
  int status = 0;

  discovery->turn = 0; /* at the end: from the beginning next time */
  discovery->examination->len = discovery->examination->done = 0;
  for (size_t n = 0; status == 0 && n < list->len; n++) {
    size_t position = (start + n) % list->len;
    const struct known *one = &list->at[position];
    bool is_settled = one->rule == NO_RULE && one->scans >= YOUNG_SCANS;
    if (is_settled && due == 0) {
      discovery->turn = discovery->turn == 0 ? one->pid : discovery->turn;
      continue;
    }
    due -= is_settled;
    if (!is_excluded(discovery, one, exclusions))
      status = add_examined(discovery->examination, position, one);
  }
  return status;
}

void discovery_examine(struct discovery_examination *examination, bool (*go_on)(void *context),
                       void *context) {
  size_t i = 0;
  while (i < examination->len && (i == 0 || !host_is_late(examination->host))) {
    match_process(examination, examination->items[i].pid, &examination->items[i].rule);
    i++;
    if (go_on != NULL && !go_on(context))
      return;
  }
  examination->done = i;
}

/* ---- the scan ---- */

/* Those that were not examined come first in the next scan. */
static void take_examined(struct discovery *discovery, size_t done) {
  const struct discovery_examination *examination = discovery->examination;
  for (size_t i = 0; i < done; i++) {
    struct known *one = &discovery->next.at[examination->items[i].position];
    one->rule = examination->items[i].rule;
    if (one->scans < YOUNG_SCANS)
      one->scans++;
  }
  if (done < examination->len)
    discovery->turn = examination->items[done].pid;
}

static int collect_matches(struct discovery *discovery) {
  const struct known_list *list = &discovery->next;
  discovery->matches_len = 0;
  for (size_t i = 0; i < list->len; i++) {
    if (list->at[i].rule == NO_RULE)
      continue;
    if (!array_reserve(&discovery->matches, discovery->matches_len,
                       &discovery->matches_capacity, 16))
      return -ENOMEM;
    discovery->matches[discovery->matches_len++] =
        (struct discovery_match){.pid = list->at[i].pid, .rule = list->at[i].rule};
  }
  return 0;
}

static struct discovery_examination *examination_new(const struct discovery *discovery) {
  struct discovery_examination *examination = calloc(1, sizeof(*examination));
  if (examination == NULL)
    return NULL;
  examination->rules = discovery->rules;
  examination->rules_len = discovery->rules_len;
  buffer_init(&examination->command_line, COMMAND_LINE_MAX);
  return examination;
}

int discovery_begin(struct discovery *discovery, const struct discovery_exclusions *exclusions,
                    struct discovery_examination **ret) {
  if (discovery->examination == NULL)
    discovery->examination = examination_new(discovery);
  if (discovery->examination == NULL)
    return -ENOMEM;
  discovery->examination->host = discovery->host;
  int status = list_processes(discovery);
  if (status == 0)
    status = choose_examined(discovery, exclusions);
  if (status == 0)
    *ret = discovery->examination;
  return status;
}

pid_t discovery_lose(struct discovery *discovery, size_t done) {
  pid_t pid = discovery->examination->items[done].pid;
  take_examined(discovery, done);
  discovery->examination = NULL;
  return pid;
}

int discovery_end(struct discovery *discovery, const struct discovery_match **ret_matches,
                  size_t *ret_len) {
  if (discovery->examination != NULL)
    take_examined(discovery, discovery->examination->done);
  int status = collect_matches(discovery);
  if (status != 0)
    return status;

  struct known_list previous = discovery->known;
  discovery->known = discovery->next;
  discovery->next = previous;
  *ret_matches = discovery->matches;
  *ret_len = discovery->matches_len;
  return 0;
}

int discovery_scan(struct discovery *discovery, const struct discovery_match **ret_matches,
                   size_t *ret_len) {
  struct discovery_examination *examination;
  int status = discovery_begin(discovery, NULL, &examination);
  if (status != 0)
    return status;
  discovery_examine(examination, NULL, NULL);
  return discovery_end(discovery, ret_matches, ret_len);
}
