/*
 * The alerts of all problems; see store.h. First the entries with their list and hash table,
 * then what notifications do to them, then the walkers. Static functions expect the lock to
 * be held.
 */
#include "notify_alertmanager/store.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_BUCKETS = 64 };

struct entry {
  struct entry *hash_next;
  struct entry *older, *newer;
  struct alert *alert;
  uint64_t sequence;          /* grows with each change; the order of the list */
  uint64_t rejected;          /* a bit for each node */
  int64_t starts_ns, ends_ns; /* since 1970; ends_ns is 0 while it fires */
  int64_t changed_ns;         /* monotonic */
  uint32_t hash;
  bool restored; /* and not confirmed since */
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

static void lock(struct store *store) {
  pthread_mutex_lock(&store->lock);
}

static void unlock(struct store *store) {
  pthread_mutex_unlock(&store->lock);
}

/* ---- entries: the list, in the order of changes ---- */

static void list_append(struct store *store, struct entry *e) {
  e->sequence = ++store->last_sequence;
  e->newer = NULL;
  e->older = store->newest;
  if (store->newest != NULL)
    store->newest->newer = e;
  else
    store->oldest = e;
  store->newest = e;
  for (struct store_walker *w = store->walkers; w != NULL; w = w->next)
    if (w->follows && w->at == NULL)
      w->at = e;
}

static void list_unlink(struct store *store, struct entry *e) {
  for (struct store_walker *w = store->walkers; w != NULL; w = w->next)
    if (w->at == e)
      w->at = e->newer;
  if (e->older != NULL)
    e->older->newer = e->newer;
  else
    store->oldest = e->newer;
  if (e->newer != NULL)
    e->newer->older = e->older;
  else
    store->newest = e->older;
}

/* Moves a changed entry to the end of the list, so that every node gets it again. */
static void entry_touch(struct store *store, struct entry *e, int64_t now_ns) {
  list_unlink(store, e);
  list_append(store, e);
  e->changed_ns = now_ns;
  e->rejected = 0;
  e->restored = false;
  e->paired = false;
  store->counts.changes++;
}

/* ---- entries: the hash table by identity ---- */

static uint32_t identity_hash(alert_pairs identity) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < identity.len; i++)
    hash = (hash ^ (unsigned char)identity.at[i]) * 16777619u;
  return hash;
}

static struct entry **bucket_of(struct store *store, uint32_t hash) {
  return &store->buckets[hash & (store->buckets_len - 1)];
}

/* Is it an alert of the problem with that identity and hash? */
static bool entry_is_of(const struct entry *e, uint32_t hash, alert_pairs identity) {
  alert_pairs own = alert_identity(e->alert);
  return e->hash == hash && own.len == identity.len &&
         memcmp(own.at, identity.at, own.len) == 0;
}

/* If out of memory, the table stays as it is and gets slower. */
static void table_grow(struct store *store) {
  size_t len = store->buckets_len * 2;
  struct entry **buckets = calloc(len, sizeof(*buckets));
  if (buckets == NULL)
    return;
  free(store->buckets);
  store->buckets = buckets;
  store->buckets_len = len;
  for (struct entry *e = store->oldest; e != NULL; e = e->newer) {
    struct entry **bucket = bucket_of(store, e->hash);
    e->hash_next = *bucket;
    *bucket = e;
  }
}

static size_t *count_of(struct store *store, const struct entry *e) {
  return e->ends_ns == 0 ? &store->counts.firing : &store->counts.resolved;
}

static size_t entries_len(const struct store *store) {
  return store->counts.firing + store->counts.resolved;
}

static void entry_remove(struct store *store, struct entry *e) {
  struct entry **link = bucket_of(store, e->hash);
  while (*link != e)
    link = &(*link)->hash_next;
  *link = e->hash_next;
  list_unlink(store, e);
  (*count_of(store, e))--;
  store->counts.bytes -= alert_bytes(e->alert);
  store->counts.changes++;
  alert_unref(e->alert);
  free(e);
}

/* Makes room for one more entry by removing the oldest resolved ones. */
static bool make_room(struct store *store, size_t bytes) {
  struct entry *e = store->oldest;
  while (entries_len(store) >= store->limits.alerts ||
         store->counts.bytes + bytes > store->limits.bytes) {
    if (store->counts.resolved == 0)
      return false;
    while (e->ends_ns == 0)
      e = e->newer;
    struct entry *newer = e->newer;
    entry_remove(store, e);
    store->counts.dropped_resolved++;
    e = newer;
  }
  return true;
}

/* Adds an entry at the end. NULL, and counted as dropped, if there is no room. */
static struct entry *entry_add(struct store *store, struct alert *alert, uint32_t hash,
                               int64_t starts_ns, int64_t ends_ns, int64_t now_ns) {
  struct entry *e = make_room(store, alert_bytes(alert)) ? calloc(1, sizeof(*e)) : NULL;
  if (e == NULL) {
    store->counts.dropped_firing++;
    return NULL;
  }
  *e = (struct entry){.alert = alert_ref(alert),
                      .hash = hash,
                      .starts_ns = starts_ns,
                      .ends_ns = ends_ns,
                      .changed_ns = now_ns};
  struct entry **bucket = bucket_of(store, hash);
  e->hash_next = *bucket;
  *bucket = e;
  list_append(store, e);
  (*count_of(store, e))++;
  store->counts.bytes += alert_bytes(alert);
  store->counts.changes++;
  if (entries_len(store) > store->buckets_len)
    table_grow(store);
  return e;
}

/* ---- entries: changes ---- */

/* Replaces the alert by one with the same labels and another text, if there is room for it. */
static void entry_set_alert(struct store *store, struct entry *e, struct alert *alert) {
  size_t others = store->counts.bytes - alert_bytes(e->alert);
  if (others + alert_bytes(alert) > store->limits.bytes)
    return; /* the old text stays */
  store->counts.bytes = others + alert_bytes(alert);
  alert_ref(alert);
  alert_unref(e->alert);
  e->alert = alert;
}

/* ends_ns is 0 if it fires. */
static void entry_set_ends(struct store *store, struct entry *e, int64_t ends_ns) {
  (*count_of(store, e))--;
  e->ends_ns = ends_ns;
  (*count_of(store, e))++;
}

static void entry_resolve(struct store *store, struct entry *e, int64_t ended_ns,
                          int64_t now_ns, const char *message) {
  struct alert *annotated;
  if (message != NULL && message[0] != '\0' &&
      alert_annotated(e->alert, "resolution", span_of(message), &annotated) == 0) {
    entry_set_alert(store, e, annotated);
    alert_unref(annotated);
  }
  entry_set_ends(store, e, ended_ns > e->starts_ns ? ended_ns : e->starts_ns);
  entry_touch(store, e, now_ns);
}

/* ---- the store ---- */

int store_new(struct store_limits limits, struct store **ret) {
  struct store *store = calloc(1, sizeof(*store));
  if (store == NULL)
    return -ENOMEM;
  store->limits = limits;
  store->buckets_len = FIRST_BUCKETS;
  store->buckets = calloc(store->buckets_len, sizeof(*store->buckets));
  if (store->buckets == NULL || pthread_mutex_init(&store->lock, NULL) != 0) {
    free(store->buckets);
    free(store);
    return -ENOMEM;
  }
  *ret = store;
  return 0;
}

void store_free(struct store *store) {
  if (store == NULL)
    return;
  while (store->oldest != NULL)
    entry_remove(store, store->oldest);
  pthread_mutex_destroy(&store->lock);
  free(store->buckets);
  free(store);
}

/* ---- notifications ---- */

/* The entries of a problem. */
struct problem {
  struct entry *same; /* the one with the same labels, firing or resolved */
  bool fires;         /* with these or other labels */
  int64_t starts_ns;  /* start time, if it fires */
};

static struct problem problem_find(struct store *store, const struct alert *alert,
                                   uint32_t hash) {
  struct problem p = {0};
  for (struct entry *e = *bucket_of(store, hash); e != NULL; e = e->hash_next) {
    if (!entry_is_of(e, hash, alert_identity(alert)))
      continue;
    if (alert_same_labels(e->alert, alert))
      p.same = e;
    if (e->ends_ns == 0 && (!p.fires || e->starts_ns < p.starts_ns)) {
      p.fires = true;
      p.starts_ns = e->starts_ns;
    }
  }
  return p;
}

struct ending {
  int64_t ended_ns, now_ns;
  const char *message;
  bool paired; /* the replacement follows right behind */
};

/* Resolves the firing alerts of a problem, except one entry. Returns their number. */
static size_t problem_resolve(struct store *store, const struct alert *alert, uint32_t hash,
                              const struct entry *except, const struct ending *ending) {
  size_t count = 0;
  for (struct entry *e = *bucket_of(store, hash); e != NULL; e = e->hash_next) {
    if (e == except || e->ends_ns != 0 || !entry_is_of(e, hash, alert_identity(alert)))
      continue;
    entry_resolve(store, e, ending->ended_ns, ending->now_ns, ending->message);
    e->paired = ending->paired;
    count++;
  }
  return count;
}

static enum store_effect fire(struct store *store, struct alert *alert, int64_t began_ns,
                              int64_t now_ns) {
  uint32_t hash = identity_hash(alert_identity(alert));
  struct problem p = problem_find(store, alert, hash);
  int64_t starts_ns = p.fires ? p.starts_ns : began_ns;

  if (p.same != NULL && p.same->ends_ns == 0) {
    entry_set_alert(store, p.same, alert);
    p.same->changed_ns = now_ns;
    p.same->restored = false;
    store->counts.renewals++;
    return STORE_RENEWED;
  }
  if (p.same == NULL) {
    p.same = entry_add(store, alert, hash, starts_ns, 0, now_ns);
    if (p.same == NULL)
      return STORE_DROPPED;
  } else {
    entry_set_alert(store, p.same, alert);
    entry_set_ends(store, p.same, 0);
    p.same->starts_ns = starts_ns;
  }
  problem_resolve(store, alert, hash, p.same,
                  &(struct ending){.ended_ns = began_ns, .now_ns = now_ns, .paired = true});
  entry_touch(store, p.same, now_ns); /* behind those it replaces */
  return STORE_CHANGED;
}

enum store_effect store_fire(struct store *store, struct alert *alert, int64_t began_ns,
                             int64_t now_ns) {
  lock(store);
  store->counts.received++;
  enum store_effect effect = fire(store, alert, began_ns, now_ns);
  unlock(store);
  return effect;
}

enum store_effect store_resolve(struct store *store, const struct alert *alert,
                                int64_t ended_ns, int64_t now_ns, const char *message) {
  const struct ending ending = {.ended_ns = ended_ns, .now_ns = now_ns, .message = message};
  uint32_t hash = identity_hash(alert_identity(alert));
  lock(store);
  store->counts.received++;
  size_t count = problem_resolve(store, alert, hash, NULL, &ending);
  unlock(store);
  return count > 0 ? STORE_CHANGED : STORE_IGNORED;
}

static enum store_effect restore(struct store *store, struct alert *alert, int64_t starts_ns,
                                 int64_t ends_ns, int64_t changed_ns) {
  uint32_t hash = identity_hash(alert_identity(alert));
  struct problem p = problem_find(store, alert, hash);
  if (p.same != NULL)
    entry_remove(store, p.same);
  struct entry *e = entry_add(store, alert, hash, starts_ns, ends_ns, changed_ns);
  if (e == NULL)
    return STORE_DROPPED;
  e->restored = true;
  if (ends_ns == 0)
    problem_resolve(store, alert, hash, e,
                    &(struct ending){.ended_ns = starts_ns, .now_ns = changed_ns});
  return STORE_CHANGED;
}

enum store_effect store_restore(struct store *store, struct alert *alert, int64_t starts_ns,
                                int64_t ends_ns, int64_t changed_ns, int64_t now_ns) {
  lock(store);
  store->restored_ns = now_ns;
  enum store_effect effect = restore(store, alert, starts_ns, ends_ns, changed_ns);
  unlock(store);
  return effect;
}

struct store_counts store_counts(struct store *store) {
  lock(store);
  struct store_counts counts = store->counts;
  unlock(store);
  return counts;
}

/* ---- walking ---- */

void store_walker_rewind(struct store *store, struct store_walker *walker) {
  lock(store);
  walker->at = store->oldest;
  walker->bound = walker->follows ? UINT64_MAX : store->last_sequence;
  unlock(store);
}

void store_walker_add(struct store *store, struct store_walker *walker, bool follows) {
  lock(store);
  *walker = (struct store_walker){.follows = follows, .next = store->walkers};
  store->walkers = walker;
  unlock(store);
  store_walker_rewind(store, walker);
}

void store_walker_remove(struct store *store, struct store_walker *walker) {
  lock(store);
  struct store_walker **link = &store->walkers;
  while (*link != NULL && *link != walker)
    link = &(*link)->next;
  if (*link != NULL)
    *link = walker->next;
  unlock(store);
}

/* The entry at the walker, NULL at its end. */
static struct entry *walker_at(const struct store_walker *walker) {
  return walker->at != NULL && walker->at->sequence <= walker->bound ? walker->at : NULL;
}

static struct entry *next_of(const struct store_walker *walker, const struct entry *e) {
  return e->newer != NULL && e->newer->sequence <= walker->bound ? e->newer : NULL;
}

static bool is_rejected(const struct entry *e, unsigned node) {
  return (e->rejected >> node & 1) != 0;
}

size_t store_peek(struct store *store, struct store_walker *walker, unsigned node,
                  struct store_item *items, size_t max) {
  size_t len = 0;
  lock(store);
  for (struct entry *e = walker_at(walker); e != NULL && len < max; e = next_of(walker, e)) {
    if (is_rejected(e, node)) {
      if (len == 0)
        walker->at = e->newer;
      continue;
    }
    items[len++] = (struct store_item){
        .alert = alert_ref(e->alert),
        .starts_ns = e->starts_ns,
        .ends_ns = e->ends_ns,
        .changed_ns = e->changed_ns,
        .sequence = e->sequence,
        .paired = e->paired,
    };
  }
  unlock(store);
  return len;
}

void store_items_release(struct store_item *items, size_t len) {
  for (size_t i = 0; i < len; i++)
    alert_unref(items[i].alert);
}

void store_advance(struct store *store, struct store_walker *walker, uint64_t sequence) {
  lock(store);
  while (walker->at != NULL && walker->at->sequence <= sequence)
    walker->at = walker->at->newer;
  unlock(store);
}

bool store_walker_at_end(struct store *store, const struct store_walker *walker) {
  lock(store);
  bool at_end = walker_at(walker) == NULL;
  unlock(store);
  return at_end;
}

size_t store_pending(struct store *store, const struct store_walker *walker, unsigned node) {
  size_t count = 0;
  lock(store);
  for (struct entry *e = walker_at(walker); e != NULL; e = next_of(walker, e))
    if (!is_rejected(e, node))
      count++;
  unlock(store);
  return count;
}

void store_reject(struct store *store, struct store_walker *walker, uint64_t sequence,
                  unsigned node) {
  lock(store);
  struct entry *e = walker->at;
  while (e != NULL && e->sequence < sequence)
    e = e->newer;
  if (e != NULL && e->sequence == sequence)
    e->rejected |= (uint64_t)1 << node;
  unlock(store);
}

void store_forgive(struct store *store, unsigned node) {
  lock(store);
  for (struct entry *e = store->oldest; e != NULL; e = e->newer)
    e->rejected &= ~((uint64_t)1 << node);
  unlock(store);
}

/* ---- ageing ---- */

static void expire(struct store *store, struct entry *e, int64_t silent_ns, int64_t wall_ns,
                   int64_t now_ns) {
  char message[128];
  snprintf(message, sizeof(message),
           "Not confirmed: no notification from its source for %lld seconds.",
           (long long)(silent_ns / 1000000000));
  entry_resolve(store, e, wall_ns, now_ns, message);
  store->counts.expired++;
}

static void age_one(struct store *store, struct entry *e, const struct store_ages *ages,
                    int64_t wall_ns, int64_t now_ns) {
  int64_t silent_ns = now_ns - e->changed_ns;
  int64_t limit_ns = ages->expire_ns;

  if (e->ends_ns != 0) {
    if (silent_ns >= ages->forget_resolved_ns)
      entry_remove(store, e);
    return;
  }
  if (e->restored) /* no source could confirm it while collectd was down */
    silent_ns = now_ns - store->restored_ns;
  if (e->restored && ages->expire_restored_ns > 0 &&
      (limit_ns == 0 || ages->expire_restored_ns < limit_ns))
    limit_ns = ages->expire_restored_ns;
  if (limit_ns > 0 && silent_ns >= limit_ns)
    expire(store, e, silent_ns, wall_ns, now_ns);
}

bool store_age(struct store *store, struct store_walker *walker, const struct store_ages *ages,
               int64_t wall_ns, int64_t now_ns, size_t max) {
  lock(store);
  for (struct entry *e = walker_at(walker); e != NULL && max > 0; max--) {
    struct entry *next = next_of(walker, e);
    walker->at = e->newer;
    age_one(store, e, ages, wall_ns, now_ns);
    e = next;
  }
  bool at_end = walker_at(walker) == NULL;
  unlock(store);
  return at_end;
}
