/* Rate limits and known baselines; see asked.h. */
#include "sidecar/capture/asked.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEAR_MS = 1000 }; /* further apart no two bundles of a kind get the same name */

struct asked_entry {
  TAILQ_ENTRY(asked_entry) link;
  LIST_ENTRY(asked_entry) pid_link;
  pid_t pid;
  uint64_t start_ticks;
  char reason[CAPTURE_REASON_MAX + 1];
  enum { ASKED, WRITTEN, FAILED } state; /* only a baseline's matters */
  uint64_t monotonic_ms;
  int64_t wall_time_ms;
};

static bool is_baseline(const char *reason) {
  return strcmp(reason, CAPTURE_BASELINE) == 0;
}

static struct asked_list *list_of(struct asked *asked, const char *reason) {
  return is_baseline(reason) ? &asked->baselines : &asked->flags;
}

static unsigned bucket_of(pid_t pid) {
  return (unsigned)pid % ASKED_BUCKETS;
}

static struct asked_entry *find(const struct asked *asked, const struct asked_key *key) {
  struct asked_entry *entry;
  LIST_FOREACH(entry, &asked->by_pid[bucket_of(key->pid)], pid_link) {
    if (entry->pid == key->pid && entry->start_ticks == key->start_ticks &&
        strcmp(entry->reason, key->reason) == 0)
      return entry;
  }
  return NULL;
}

static void forget(struct asked *asked, struct asked_entry *entry) {
  TAILQ_REMOVE(list_of(asked, entry->reason), entry, link);
  LIST_REMOVE(entry, pid_link);
  asked->len--;
  free(entry);
}

void asked_init(struct asked *asked) {
  *asked = (struct asked){.len = 0};
  TAILQ_INIT(&asked->flags);
  TAILQ_INIT(&asked->baselines);
}

static void forget_oldest(struct asked *asked) {
  struct asked_entry *oldest = TAILQ_FIRST(&asked->flags);
  forget(asked, oldest != NULL ? oldest : TAILQ_FIRST(&asked->baselines));
}

void asked_clear(struct asked *asked) {
  while (asked->len > 0)
    forget_oldest(asked);
}

int asked_check(const struct asked *asked, const struct asked_key *key, uint64_t monotonic_ms,
                uint64_t min_interval_ms) {
  const struct asked_entry *entry = find(asked, key);
  if (entry == NULL)
    return 0;
  if (is_baseline(key->reason)) {
    if (entry->state != FAILED)
      return entry->state == WRITTEN ? -EALREADY : -EAGAIN;
    min_interval_ms = ASKED_BASELINE_RETRY_MS;
  }
  return monotonic_ms - entry->monotonic_ms < min_interval_ms ? -EAGAIN : 0;
}

static void expire(struct asked *asked, uint64_t monotonic_ms, uint64_t min_interval_ms) {
  struct asked_entry *oldest;
  while ((oldest = TAILQ_FIRST(&asked->flags)) != NULL) {
    uint64_t age_ms = monotonic_ms - oldest->monotonic_ms;
    if (age_ms < min_interval_ms || age_ms <= NEAR_MS)
      return;
    forget(asked, oldest);
  }
}

static struct asked_entry *add(struct asked *asked, const struct asked_key *key) {
  while (asked->len >= ASKED_MAX)
    forget_oldest(asked);
  struct asked_entry *entry = calloc(1, sizeof(*entry));
  if (entry == NULL)
    return NULL;
  entry->pid = key->pid;
  entry->start_ticks = key->start_ticks;
  snprintf(entry->reason, sizeof(entry->reason), "%s", key->reason);
  entry->wall_time_ms = INT64_MIN / 2;
  TAILQ_INSERT_TAIL(list_of(asked, entry->reason), entry, link);
  LIST_INSERT_HEAD(&asked->by_pid[bucket_of(entry->pid)], entry, pid_link);
  asked->len++;
  return entry;
}

int asked_add(struct asked *asked, const struct asked_key *key, uint64_t monotonic_ms,
              uint64_t min_interval_ms, int64_t *wall_time_ms) {
  expire(asked, monotonic_ms, min_interval_ms);
  struct asked_entry *entry = find(asked, key);
  if (entry == NULL)
    entry = add(asked, key);
  if (entry == NULL)
    return -ENOMEM;
  TAILQ_REMOVE(list_of(asked, entry->reason), entry, link);
  TAILQ_INSERT_TAIL(list_of(asked, entry->reason), entry, link);
  if (*wall_time_ms <= entry->wall_time_ms && *wall_time_ms > entry->wall_time_ms - NEAR_MS)
    *wall_time_ms = entry->wall_time_ms + 1;
  entry->state = ASKED;
  entry->monotonic_ms = monotonic_ms;
  entry->wall_time_ms = *wall_time_ms;
  return 0;
}

int asked_add_baseline(struct asked *asked, pid_t pid, uint64_t start_ticks) {
  struct asked_key key = {.pid = pid, .start_ticks = start_ticks, .reason = CAPTURE_BASELINE};
  struct asked_entry *entry = find(asked, &key);
  if (entry == NULL)
    entry = add(asked, &key);
  if (entry == NULL)
    return -ENOMEM;
  entry->state = WRITTEN;
  return 0;
}

void asked_failed(struct asked *asked, const struct asked_key *key, uint64_t monotonic_ms) {
  struct asked_entry *entry = find(asked, key);
  if (entry == NULL)
    return;
  if (!is_baseline(key->reason)) {
    forget(asked, entry);
    return;
  }
  entry->state = FAILED;
  entry->monotonic_ms = monotonic_ms;
}
