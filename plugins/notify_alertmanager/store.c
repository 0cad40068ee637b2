/*
 * The alerts of all problems; see store.h. First the entries with their list and hash tables,
 * then what notifications do to them, then the walkers. Static functions expect the lock to
 * be held.
 *
 * Names and labels come from users of the machine. Whatever they choose, a notification visits
 * only entries of its own problem that fire (there is one) or have its own labels.
 */
#include "notify_alertmanager/store.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/random_key.h"

enum { FIRST_BUCKETS = 64 };

struct entry {
  struct entry *same_next, *firing_next; /* in the buckets of the two tables */
  struct entry *older, *newer;
  struct alert *alert;
  uint64_t sequence;          /* grows with each change; the order of the list */
  uint64_t rejected;          /* a bit for each node */
  int64_t starts_ns, ends_ns; /* since 1970; ends_ns is 0 while it fires */
  int64_t changed_ns;         /* monotonic */
  uint64_t labels_hash, identity_hash;
  bool restored; /* and not confirmed since */
  bool paired;
};

struct store {
  pthread_mutex_t lock;
  struct store_limits limits;
  struct store_counts counts;
  struct entry **same;    /* all, by their labels */
  struct entry **firing;  /* those that fire, by the problem's identity */
  size_t buckets_len;     /* of each table, a power of two */
  struct siphash_key key; /* of the hashes: labels are chosen by users */
  struct entry *oldest, *newest;
  uint64_t last_sequence;
  int64_t restored_ns; /* monotonic time of the last store_restore */
  struct store_walker *walkers;
  struct store_walker eviction; /* no entry before it is resolved */
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

/* ---- entries: the hash tables by labels and by identity ---- */

static uint64_t hash_of(const struct store *store, alert_pairs pairs) {
  return siphash(&store->key, pairs);
}

static struct entry **bucket_of(const struct store *store, struct entry **table,
                                uint64_t hash) {
  return &table[hash & (store->buckets_len - 1)];
}

static bool are_equal(alert_pairs a, alert_pairs b) {
  return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

/* The entry with the same labels, firing or resolved; NULL if there is none. */
static struct entry *find_same(const struct store *store, const struct alert *alert) {
  uint64_t hash = hash_of(store, alert_labels(alert));
  struct entry *e = *bucket_of(store, store->same, hash);
  while (e != NULL && !(e->labels_hash == hash && alert_same_labels(e->alert, alert)))
    e = e->same_next;
  return e;
}

/* The entry of the same problem that fires, with these or other labels; NULL if none does. */
static struct entry *find_firing(const struct store *store, const struct alert *alert,
                                 const struct entry *except) {
  alert_pairs identity = alert_identity(alert);
  uint64_t hash = hash_of(store, identity);
  struct entry *e = *bucket_of(store, store->firing, hash);
  while (e != NULL && !(e != except && e->identity_hash == hash &&
                        are_equal(alert_identity(e->alert), identity)))
    e = e->firing_next;
  return e;
}

static void same_link(struct store *store, struct entry *e) {
  struct entry **bucket = bucket_of(store, store->same, e->labels_hash);
  e->same_next = *bucket;
  *bucket = e;
}

static void same_unlink(struct store *store, struct entry *e) {
  struct entry **link = bucket_of(store, store->same, e->labels_hash);
  while (*link != e)
    link = &(*link)->same_next;
  *link = e->same_next;
}

static void firing_link(struct store *store, struct entry *e) {
  struct entry **bucket = bucket_of(store, store->firing, e->identity_hash);
  e->firing_next = *bucket;
  *bucket = e;
}

static void firing_unlink(struct store *store, struct entry *e) {
  struct entry **link = bucket_of(store, store->firing, e->identity_hash);
  while (*link != e)
    link = &(*link)->firing_next;
  *link = e->firing_next;
}

/* Replaces the tables, which have to be filled again. Returns false if out of memory. */
static bool tables_new(struct store *store, size_t len) {
  struct entry **same = calloc(len, sizeof(*same));
  struct entry **firing = calloc(len, sizeof(*firing));
  if (same == NULL || firing == NULL) {
    free(same);
    free(firing);
    return false;
  }
  free(store->same);
  free(store->firing);
  store->same = same;
  store->firing = firing;
  store->buckets_len = len;
  return true;
}

/* If out of memory, the tables stay as they are and get slower. */
static void tables_grow(struct store *store) {
  if (!tables_new(store, store->buckets_len * 2))
    return;
  for (struct entry *e = store->oldest; e != NULL; e = e->newer) {
    same_link(store, e);
    if (e->ends_ns == 0)
      firing_link(store, e);
  }
}

static size_t *count_of(struct store *store, const struct entry *e) {
  return e->ends_ns == 0 ? &store->counts.firing : &store->counts.resolved;
}

static size_t entries_len(const struct store *store) {
  return store->counts.firing + store->counts.resolved;
}

static void entry_remove(struct store *store, struct entry *e) {
  same_unlink(store, e);
  if (e->ends_ns == 0)
    firing_unlink(store, e);
  list_unlink(store, e);
  (*count_of(store, e))--;
  store->counts.bytes -= alert_bytes(e->alert);
  store->counts.changes++;
  alert_unref(e->alert);
  free(e);
}

/* Makes room for one more entry by removing the oldest resolved ones. An entry that is resolved
 * moves to the end of the list: those that the walker has passed still fire. */
static bool make_room(struct store *store, size_t bytes) {
  struct store_walker *eviction = &store->eviction;
  while (entries_len(store) >= store->limits.alerts ||
         store->counts.bytes + bytes > store->limits.bytes) {
    while (eviction->at != NULL && eviction->at->ends_ns == 0)
      eviction->at = eviction->at->newer;
    if (eviction->at == NULL)
      return false;
    entry_remove(store, eviction->at);
    store->counts.dropped_resolved++;
  }
  return true;
}

/* Adds an entry at the end. NULL, and counted as dropped, if there is no room. */
static struct entry *entry_add(struct store *store, struct alert *alert, int64_t starts_ns,
                               int64_t ends_ns, int64_t now_ns) {
  struct entry *e = make_room(store, alert_bytes(alert)) ? calloc(1, sizeof(*e)) : NULL;
  if (e == NULL) {
    (*(ends_ns == 0 ? &store->counts.dropped_firing : &store->counts.dropped_resolved))++;
    return NULL;
  }
  *e = (struct entry){.alert = alert_ref(alert),
                      .labels_hash = hash_of(store, alert_labels(alert)),
                      .identity_hash = hash_of(store, alert_identity(alert)),
                      .starts_ns = starts_ns,
                      .ends_ns = ends_ns,
                      .changed_ns = now_ns};
  same_link(store, e);
  if (ends_ns == 0)
    firing_link(store, e);
  list_append(store, e);
  (*count_of(store, e))++;
  store->counts.bytes += alert_bytes(alert);
  store->counts.changes++;
  if (entries_len(store) > store->buckets_len)
    tables_grow(store);
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

/* An alert that started after now, or after its end, did so by a clock that was ahead and was
 * set back: the earlier time counts. */
static void starts_not_after(struct entry *e, int64_t time_ns) {
  if (e->starts_ns > time_ns)
    e->starts_ns = time_ns;
}

/* Changes whether it fires; ends_ns is 0 if it does from now on. To be followed by
 * entry_touch. */
static void entry_set_ends(struct store *store, struct entry *e, int64_t ends_ns) {
  (*count_of(store, e))--;
  e->ends_ns = ends_ns;
  (*count_of(store, e))++;
  if (ends_ns == 0)
    firing_link(store, e);
  else
    firing_unlink(store, e);
}

static void entry_resolve(struct store *store, struct entry *e, int64_t ended_ns,
                          int64_t now_ns, const char *message) {
  struct alert *annotated;
  if (message != NULL && message[0] != '\0' &&
      alert_annotated(e->alert, "resolution", span_of(message), &annotated) == 0) {
    entry_set_alert(store, e, annotated);
    alert_unref(annotated);
  }
  ended_ns = ended_ns > 0 ? ended_ns : 1; /* 0 would be one that fires */
  starts_not_after(e, ended_ns);
  entry_set_ends(store, e, ended_ns);
  entry_touch(store, e, now_ns);
}

/* ---- the store ---- */

int store_new(struct store_limits limits, struct store **ret) {
  struct store *store = calloc(1, sizeof(*store));
  if (store == NULL)
    return -ENOMEM;
  store->limits = limits;
  store->eviction = (struct store_walker){.bound = UINT64_MAX, .follows = true};
  store->walkers = &store->eviction;
  store->key = random_key_make();
  if (!tables_new(store, FIRST_BUCKETS) || pthread_mutex_init(&store->lock, NULL) != 0) {
    free(store->same);
    free(store->firing);
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
  free(store->same);
  free(store->firing);
  free(store);
}

/* ---- notifications ---- */

struct ending {
  int64_t ended_ns, now_ns;
  const char *message;
  bool paired; /* the replacement follows right behind */
};

/* Resolves the firing alerts of a problem, except one entry. Returns their number. */
static size_t problem_resolve(struct store *store, const struct alert *alert,
                              const struct entry *except, const struct ending *ending) {
  size_t count = 0;
  struct entry *e;
  while ((e = find_firing(store, alert, except)) != NULL) {
    entry_resolve(store, e, ending->ended_ns, ending->now_ns, ending->message);
    e->paired = ending->paired;
    count++;
  }
  return count;
}

static enum store_effect fire(struct store *store, struct alert *alert, int64_t began_ns,
                              int64_t now_ns) {
  struct entry *same = find_same(store, alert);
  const struct entry *firing = find_firing(store, alert, NULL);
  int64_t starts_ns =
      firing != NULL && firing->starts_ns < began_ns ? firing->starts_ns : began_ns;

  if (same != NULL && same->ends_ns == 0) {
    entry_set_alert(store, same, alert);
    starts_not_after(same, began_ns);
    same->changed_ns = now_ns;
    same->restored = false;
    store->counts.renewals++;
    return STORE_RENEWED;
  }
  if (same == NULL) {
    same = entry_add(store, alert, starts_ns, 0, now_ns);
    if (same == NULL)
      return STORE_DROPPED;
  } else {
    entry_set_alert(store, same, alert);
    entry_set_ends(store, same, 0);
    same->starts_ns = starts_ns;
  }
  problem_resolve(store, alert, same,
                  &(struct ending){.ended_ns = began_ns, .now_ns = now_ns, .paired = true});
  entry_touch(store, same, now_ns); /* behind those it replaces */
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
  lock(store);
  store->counts.received++;
  size_t count = problem_resolve(store, alert, NULL, &ending);
  unlock(store);
  return count > 0 ? STORE_CHANGED : STORE_IGNORED;
}

static enum store_effect restore(struct store *store, struct alert *alert, int64_t starts_ns,
                                 int64_t ends_ns, int64_t changed_ns) {
  struct entry *same = find_same(store, alert);
  if (same != NULL)
    entry_remove(store, same);
  struct entry *e = entry_add(store, alert, starts_ns, ends_ns, changed_ns);
  if (e == NULL)
    return STORE_DROPPED;
  e->restored = true;
  if (ends_ns == 0)
    problem_resolve(store, alert, e,
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
    if (is_rejected(e, node) != walker->retries) {
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

/* The entry at or behind the walker, NULL if it has changed since. */
static struct entry *find_sequence(const struct store_walker *walker, uint64_t sequence) {
  struct entry *e = walker->at;
  while (e != NULL && e->sequence < sequence)
    e = e->newer;
  return e != NULL && e->sequence == sequence ? e : NULL;
}

void store_reject(struct store *store, struct store_walker *walker, uint64_t sequence,
                  unsigned node) {
  lock(store);
  struct entry *e = find_sequence(walker, sequence);
  if (e != NULL)
    e->rejected |= (uint64_t)1 << node;
  unlock(store);
}

void store_accept(struct store *store, struct store_walker *walker, uint64_t sequence,
                  unsigned node) {
  lock(store);
  struct entry *e = find_sequence(walker, sequence);
  if (e != NULL)
    e->rejected &= ~((uint64_t)1 << node);
  unlock(store);
}

bool store_has_rejected(struct store *store, unsigned node) {
  lock(store);
  const struct entry *e = store->oldest;
  while (e != NULL && !is_rejected(e, node))
    e = e->newer;
  unlock(store);
  return e != NULL;
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
