/* The alerts of all problems; see store.h. */
#include "notify_alertmanager/store.h"

#include <errno.h>
#include <stdlib.h>

#include "notify_alertmanager/store_private.h"

enum { FIRST_BUCKETS = 64 };

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

/* ---- the order of changes ---- */

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

/* It has changed: it goes to the end, and every node gets it again. */
static void entry_touch(struct store *store, struct entry *e, int64_t now_ns) {
  list_unlink(store, e);
  list_append(store, e);
  e->changed_ns = now_ns;
  e->rejected = 0;
  e->restored = false;
  e->paired = false;
  store->counts.changes++;
}

/* ---- the table ---- */

static uint32_t hash_of(alert_pairs identity) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < identity.len; i++)
    hash = (hash ^ (unsigned char)identity.at[i]) * 16777619u;
  return hash;
}

static struct entry **bucket_of(struct store *store, uint32_t hash) {
  return &store->buckets[hash & (store->buckets_len - 1)];
}

static bool same_problem(const struct entry *e, uint32_t hash, alert_pairs identity) {
  alert_pairs own = alert_identity(e->alert);
  return e->hash == hash && own.len == identity.len &&
         memcmp(own.at, identity.at, own.len) == 0;
}

/* Without memory the table stays as it is, only slower. */
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

void entry_remove(struct store *store, struct entry *e) {
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

/* Makes room for one more at the cost of the oldest that are resolved. */
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

static struct entry *entry_add(struct store *store, struct alert *alert, uint32_t hash,
                               int64_t starts_ns, int64_t ends_ns, int64_t now_ns) {
  struct entry *e =
      make_room(store, alert_bytes(alert)) ? calloc(1, sizeof(*e)) : NULL;
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

/* ---- what happens to an alert ---- */

static void entry_set_alert(struct store *store, struct entry *e, struct alert *alert) {
  size_t others = store->counts.bytes - alert_bytes(e->alert);
  if (others + alert_bytes(alert) > store->limits.bytes)
    return; /* the older text stays */
  store->counts.bytes = others + alert_bytes(alert);
  alert_ref(alert);
  alert_unref(e->alert);
  e->alert = alert;
}

static void entry_set_ends(struct store *store, struct entry *e, int64_t ends_ns) {
  (*count_of(store, e))--;
  e->ends_ns = ends_ns;
  (*count_of(store, e))++;
}

void entry_resolve(struct store *store, struct entry *e, int64_t ended_ns, int64_t now_ns,
                   const char *message) {
  struct alert *annotated;
  if (message != NULL && message[0] != '\0' &&
      alert_annotated(e->alert, "resolution", span_of(message), &annotated) == 0) {
    entry_set_alert(store, e, annotated);
    alert_unref(annotated);
  }
  entry_set_ends(store, e, ended_ns > e->starts_ns ? ended_ns : e->starts_ns);
  entry_touch(store, e, now_ns);
}

/* What the store knows of a problem. */
struct problem {
  struct entry *same;  /* has the same labels, in whatever state */
  bool fires;          /* with these or other labels */
  int64_t starts_ns;   /* since when, if it fires */
};

static struct problem problem_find(struct store *store, const struct alert *alert,
                                   uint32_t hash) {
  struct problem p = {0};
  for (struct entry *e = *bucket_of(store, hash); e != NULL; e = e->hash_next) {
    if (!same_problem(e, hash, alert_identity(alert)))
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
  bool paired; /* what takes their place comes right behind */
};

/* Resolves what fires of alert's problem, but for one entry. Returns how many did. */
static size_t problem_resolve(struct store *store, const struct alert *alert, uint32_t hash,
                              const struct entry *but, const struct ending *ending) {
  size_t count = 0;
  for (struct entry *e = *bucket_of(store, hash); e != NULL; e = e->hash_next) {
    if (e == but || e->ends_ns != 0 || !same_problem(e, hash, alert_identity(alert)))
      continue;
    entry_resolve(store, e, ending->ended_ns, ending->now_ns, ending->message);
    e->paired = ending->paired;
    count++;
  }
  return count;
}

static enum store_effect fire(struct store *store, struct alert *alert, int64_t began_ns,
                              int64_t now_ns) {
  uint32_t hash = hash_of(alert_identity(alert));
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
  entry_touch(store, p.same, now_ns); /* behind those it takes the place of */
  return STORE_CHANGED;
}

enum store_effect store_fire(struct store *store, struct alert *alert, int64_t began_ns,
                             int64_t now_ns) {
  store_lock(store);
  store->counts.received++;
  enum store_effect effect = fire(store, alert, began_ns, now_ns);
  store_unlock(store);
  return effect;
}

enum store_effect store_resolve(struct store *store, const struct alert *alert,
                                int64_t ended_ns, int64_t now_ns, const char *message) {
  const struct ending ending = {.ended_ns = ended_ns, .now_ns = now_ns, .message = message};
  uint32_t hash = hash_of(alert_identity(alert));
  store_lock(store);
  store->counts.received++;
  size_t count = problem_resolve(store, alert, hash, NULL, &ending);
  store_unlock(store);
  return count > 0 ? STORE_CHANGED : STORE_IGNORED;
}

static enum store_effect restore(struct store *store, struct alert *alert, int64_t starts_ns,
                                 int64_t ends_ns, int64_t changed_ns) {
  uint32_t hash = hash_of(alert_identity(alert));
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
  store_lock(store);
  store->restored_ns = now_ns;
  enum store_effect effect = restore(store, alert, starts_ns, ends_ns, changed_ns);
  store_unlock(store);
  return effect;
}

struct store_counts store_counts(struct store *store) {
  store_lock(store);
  struct store_counts counts = store->counts;
  store_unlock(store);
  return counts;
}
