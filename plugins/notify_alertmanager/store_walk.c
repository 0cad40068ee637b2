/* Looking at the alerts in the order of their changes; see store.h. */
#include "notify_alertmanager/store.h"

#include <stdio.h>

#include "notify_alertmanager/store_private.h"

void store_walker_rewind(struct store *store, struct store_walker *walker) {
  store_lock(store);
  walker->at = store->oldest;
  walker->bound = walker->follows ? UINT64_MAX : store->last_sequence;
  store_unlock(store);
}

void store_walker_add(struct store *store, struct store_walker *walker, bool follows) {
  store_lock(store);
  *walker = (struct store_walker){.follows = follows, .next = store->walkers};
  store->walkers = walker;
  store_unlock(store);
  store_walker_rewind(store, walker);
}

void store_walker_remove(struct store *store, struct store_walker *walker) {
  store_lock(store);
  struct store_walker **link = &store->walkers;
  while (*link != NULL && *link != walker)
    link = &(*link)->next;
  if (*link != NULL)
    *link = walker->next;
  store_unlock(store);
}

/* The entry a walker stands at, NULL at its end. */
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
  store_lock(store);
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
  store_unlock(store);
  return len;
}

void store_items_release(struct store_item *items, size_t len) {
  for (size_t i = 0; i < len; i++)
    alert_unref(items[i].alert);
}

void store_advance(struct store *store, struct store_walker *walker, uint64_t sequence) {
  store_lock(store);
  while (walker->at != NULL && walker->at->sequence <= sequence)
    walker->at = walker->at->newer;
  store_unlock(store);
}

bool store_walker_at_end(struct store *store, const struct store_walker *walker) {
  store_lock(store);
  bool at_end = walker_at(walker) == NULL;
  store_unlock(store);
  return at_end;
}

size_t store_pending(struct store *store, const struct store_walker *walker, unsigned node) {
  size_t count = 0;
  store_lock(store);
  for (struct entry *e = walker_at(walker); e != NULL; e = next_of(walker, e))
    if (!is_rejected(e, node))
      count++;
  store_unlock(store);
  return count;
}

void store_reject(struct store *store, struct store_walker *walker, uint64_t sequence,
                  unsigned node) {
  store_lock(store);
  struct entry *e = walker->at;
  while (e != NULL && e->sequence < sequence)
    e = e->newer;
  if (e != NULL && e->sequence == sequence)
    e->rejected |= (uint64_t)1 << node;
  store_unlock(store);
}

void store_forgive(struct store *store, unsigned node) {
  store_lock(store);
  for (struct entry *e = store->oldest; e != NULL; e = e->newer)
    e->rejected &= ~((uint64_t)1 << node);
  store_unlock(store);
}

/* ---- ageing ---- */

static void expire(struct store *store, struct entry *e, int64_t silent_ns, int64_t wall_ns,
                   int64_t now_ns) {
  char message[128];
  snprintf(message, sizeof(message),
           "Not confirmed: its source did not speak of it for %lld seconds.",
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
  if (e->restored) /* nobody could speak while we were not there */
    silent_ns = now_ns - store->restored_ns;
  if (e->restored && ages->expire_restored_ns > 0 &&
      (limit_ns == 0 || ages->expire_restored_ns < limit_ns))
    limit_ns = ages->expire_restored_ns;
  if (limit_ns > 0 && silent_ns >= limit_ns)
    expire(store, e, silent_ns, wall_ns, now_ns);
}

bool store_age(struct store *store, struct store_walker *walker, const struct store_ages *ages,
               int64_t wall_ns, int64_t now_ns, size_t max) {
  store_lock(store);
  for (struct entry *e = walker_at(walker); e != NULL && max > 0; max--) {
    struct entry *next = next_of(walker, e);
    walker->at = e->newer;
    age_one(store, e, ages, wall_ns, now_ns);
    e = next;
  }
  bool at_end = walker_at(walker) == NULL;
  store_unlock(store);
  return at_end;
}
