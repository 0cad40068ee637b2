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

/* What the store knows of a problem. */
struct problem {
  struct entry *same; /* has the same labels, in whatever state */
  bool fires;         /* with these or other labels */
  int64_t starts_ns;  /* since when, if it fires */
};

static struct problem problem_find(struct store *store, const struct alert *alert,
                                   uint32_t hash) {
  struct problem p = {0};
  for (struct entry *e = *store_bucket(store, hash); e != NULL; e = e->hash_next) {
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
  bool paired; /* what takes their place comes right behind */
};

/* Resolves what fires of alert's problem, but for one entry. Returns how many did. */
static size_t problem_resolve(struct store *store, const struct alert *alert, uint32_t hash,
                              const struct entry *but, const struct ending *ending) {
  size_t count = 0;
  for (struct entry *e = *store_bucket(store, hash); e != NULL; e = e->hash_next) {
    if (e == but || e->ends_ns != 0 || !entry_is_of(e, hash, alert_identity(alert)))
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
  uint32_t hash = identity_hash(alert_identity(alert));
  store_lock(store);
  store->counts.received++;
  size_t count = problem_resolve(store, alert, hash, NULL, &ending);
  store_unlock(store);
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
