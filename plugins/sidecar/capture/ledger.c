/* Rate limits and known baselines; see ledger.h. */
#include "sidecar/capture/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/capture/name.h"

/* Two bundles of one key that are further apart cannot have the same name. */
enum { NEAR_MS = 1000 };

struct ledger_entry {
  TAILQ_ENTRY(ledger_entry) link;
  LIST_ENTRY(ledger_entry) pid_link;
  pid_t pid;
  uint64_t start_ticks;
  char reason[CAPTURE_REASON_MAX + 1];
  bool is_failure; /* of the last request, as the round */
  uint64_t round;
  enum { PENDING, WRITTEN, FAILED } state; /* used only for what is written once */
  uint64_t monotonic_ms;
  int64_t wall_time_ms;
};

/* Is there one bundle for each process, or each round of it, rather than one an interval? */
static bool is_once(const char *reason) {
  return capture_bundle_kind(reason) != BUNDLE_OF_FLAG;
}

static struct ledger_list *list_of(struct ledger *ledger, const char *reason) {
  return is_once(reason) ? &ledger->once : &ledger->flags;
}

static unsigned bucket_of(pid_t pid) {
  return (unsigned)pid % LEDGER_BUCKETS;
}

static struct ledger_entry *find(const struct ledger *ledger, const struct ledger_key *key) {
  struct ledger_entry *entry;
  LIST_FOREACH(entry, &ledger->by_pid[bucket_of(key->pid)], pid_link) {
    if (entry->pid == key->pid && entry->start_ticks == key->start_ticks &&
        strcmp(entry->reason, key->reason) == 0)
      return entry;
  }
  return NULL;
}

static void drop(struct ledger *ledger, struct ledger_entry *entry) {
  TAILQ_REMOVE(list_of(ledger, entry->reason), entry, link);
  LIST_REMOVE(entry, pid_link);
  ledger->len--;
  ledger->once_len -= is_once(entry->reason);
  free(entry);
}

void ledger_init(struct ledger *ledger) {
  *ledger = (struct ledger){.len = 0};
  TAILQ_INIT(&ledger->flags);
  TAILQ_INIT(&ledger->once);
}

/* Entries of what is written once stay after their processes have ended: they must not displace
 * those that flags still wait for. A live process does not need its own again. */
static void drop_oldest(struct ledger *ledger) {
  bool is_longer = ledger->once_len > ledger->len - ledger->once_len;
  drop(ledger, TAILQ_FIRST(is_longer ? &ledger->once : &ledger->flags));
}

void ledger_clear(struct ledger *ledger) {
  while (ledger->len > 0)
    drop_oldest(ledger);
}

int ledger_check(const struct ledger *ledger, const struct ledger_key *key,
                 uint64_t monotonic_ms, uint64_t min_interval_ms) {
  const struct ledger_entry *entry = find(ledger, key);
  if (entry == NULL)
    return 0;
  if (is_once(key->reason)) {
    if (entry->state == PENDING || (entry->state == WRITTEN && entry->round == key->round))
      return entry->state == WRITTEN ? -EALREADY : -EAGAIN;
    if (entry->round != key->round)
      return 0;
    min_interval_ms = LEDGER_RETRY_MS;
  } else if (key->is_failure && !entry->is_failure) {
    return 0;
  }
  return monotonic_ms - entry->monotonic_ms < min_interval_ms ? -EAGAIN : 0;
}

static void expire(struct ledger *ledger, uint64_t monotonic_ms, uint64_t min_interval_ms) {
  struct ledger_entry *oldest;
  while ((oldest = TAILQ_FIRST(&ledger->flags)) != NULL) {
    uint64_t age_ms = monotonic_ms - oldest->monotonic_ms;
    if (age_ms < min_interval_ms || age_ms <= NEAR_MS)
      return;
    drop(ledger, oldest);
  }
}

static struct ledger_entry *add(struct ledger *ledger, const struct ledger_key *key) {
  while (ledger->len >= LEDGER_MAX)
    drop_oldest(ledger);
  struct ledger_entry *entry = calloc(1, sizeof(*entry));
  if (entry == NULL)
    return NULL;
  entry->pid = key->pid;
  entry->start_ticks = key->start_ticks;
  snprintf(entry->reason, sizeof(entry->reason), "%s", key->reason);
  entry->wall_time_ms = INT64_MIN / 2;
  TAILQ_INSERT_TAIL(list_of(ledger, entry->reason), entry, link);
  LIST_INSERT_HEAD(&ledger->by_pid[bucket_of(entry->pid)], entry, pid_link);
  ledger->len++;
  ledger->once_len += is_once(entry->reason);
  return entry;
}

int ledger_record_request(struct ledger *ledger, const struct ledger_key *key,
                          uint64_t monotonic_ms, uint64_t min_interval_ms,
                          int64_t *wall_time_ms) {
  expire(ledger, monotonic_ms, min_interval_ms);
  struct ledger_entry *entry = find(ledger, key);
  if (entry == NULL)
    entry = add(ledger, key);
  if (entry == NULL)
    return -ENOMEM;
  TAILQ_REMOVE(list_of(ledger, entry->reason), entry, link);
  TAILQ_INSERT_TAIL(list_of(ledger, entry->reason), entry, link);
  if (*wall_time_ms <= entry->wall_time_ms && *wall_time_ms > entry->wall_time_ms - NEAR_MS)
    *wall_time_ms = entry->wall_time_ms + 1;
  entry->is_failure = key->is_failure;
  entry->round = key->round;
  entry->state = PENDING;
  entry->monotonic_ms = monotonic_ms;
  entry->wall_time_ms = *wall_time_ms;
  return 0;
}

int ledger_record_written(struct ledger *ledger, const struct ledger_key *key) {
  struct ledger_entry *entry = find(ledger, key);
  if (entry == NULL)
    entry = add(ledger, key);
  if (entry == NULL)
    return -ENOMEM;
  entry->round = key->round;
  entry->state = WRITTEN;
  return 0;
}

void ledger_record_failure(struct ledger *ledger, const struct ledger_key *key,
                           uint64_t monotonic_ms) {
  struct ledger_entry *entry = find(ledger, key);
  if (entry == NULL)
    return;
  if (!is_once(key->reason)) {
    drop(ledger, entry);
    return;
  }
  entry->state = FAILED;
  entry->monotonic_ms = monotonic_ms;
}
