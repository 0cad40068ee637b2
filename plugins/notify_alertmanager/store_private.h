/*
 * What the store's parts share: store.c knows what a notification means, store_entry.c keeps
 * the entries in order, store_walk.c looks at them.
 */
#ifndef NOTIFY_ALERTMANAGER_STORE_PRIVATE_H
#define NOTIFY_ALERTMANAGER_STORE_PRIVATE_H

#include <pthread.h>

#include "notify_alertmanager/store.h"

struct entry {
  struct entry *hash_next;
  struct entry *older, *newer;
  struct alert *alert;
  uint64_t sequence;          /* grows with every change; the order of the list */
  uint64_t rejected;          /* a bit for each node */
  int64_t starts_ns, ends_ns; /* since 1970; ends_ns is 0 while it fires */
  int64_t changed_ns;         /* monotonic */
  uint32_t hash;
  bool restored; /* and not heard of since */
  bool paired;
};

struct store {
  pthread_mutex_t lock;
  struct store_limits limits;
  struct store_counts counts;
  struct entry **buckets;
  size_t buckets_len; /* a power of two */
  struct entry *oldest, *newest;
  uint64_t last_sequence;
  int64_t restored_ns; /* monotonic time of the last store_restore */
  struct store_walker *walkers;
};

static inline void store_lock(struct store *store) {
  pthread_mutex_lock(&store->lock);
}

static inline void store_unlock(struct store *store) {
  pthread_mutex_unlock(&store->lock);
}

/* All of these want the lock held. */

uint32_t identity_hash(alert_pairs identity);
struct entry **store_bucket(struct store *store, uint32_t hash);

/* Is it an alert about the problem with that identity and hash? */
bool entry_is_of(const struct entry *e, uint32_t hash, alert_pairs identity);

/* A new entry, the newest of all; NULL, and counted as dropped, when there is no room. */
struct entry *entry_add(struct store *store, struct alert *alert, uint32_t hash,
                        int64_t starts_ns, int64_t ends_ns, int64_t now_ns);
void entry_remove(struct store *store, struct entry *e);

/* It has changed: it goes to the end, and every node gets it again. */
void entry_touch(struct store *store, struct entry *e, int64_t now_ns);

/* Another text for the same labels, if there is room for it. */
void entry_set_alert(struct store *store, struct entry *e, struct alert *alert);

/* 0: it fires. */
void entry_set_ends(struct store *store, struct entry *e, int64_t ends_ns);
void entry_resolve(struct store *store, struct entry *e, int64_t ended_ns, int64_t now_ns,
                   const char *message);

#endif
