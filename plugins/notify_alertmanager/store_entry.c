/* The store's entries: their order of change, their table, their state; see store.h. */
#include <stdlib.h>

#include "notify_alertmanager/store_private.h"

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
void entry_touch(struct store *store, struct entry *e, int64_t now_ns) {
  list_unlink(store, e);
  list_append(store, e);
  e->changed_ns = now_ns;
  e->rejected = 0;
  e->restored = false;
  e->paired = false;
  store->counts.changes++;
}

/* ---- the table ---- */

uint32_t identity_hash(alert_pairs identity) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < identity.len; i++)
    hash = (hash ^ (unsigned char)identity.at[i]) * 16777619u;
  return hash;
}

struct entry **store_bucket(struct store *store, uint32_t hash) {
  return &store->buckets[hash & (store->buckets_len - 1)];
}

bool entry_is_of(const struct entry *e, uint32_t hash, alert_pairs identity) {
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
    struct entry **bucket = store_bucket(store, e->hash);
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
  struct entry **link = store_bucket(store, e->hash);
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

struct entry *entry_add(struct store *store, struct alert *alert, uint32_t hash,
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
  struct entry **bucket = store_bucket(store, hash);
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

void entry_set_alert(struct store *store, struct entry *e, struct alert *alert) {
  size_t others = store->counts.bytes - alert_bytes(e->alert);
  if (others + alert_bytes(alert) > store->limits.bytes)
    return; /* the older text stays */
  store->counts.bytes = others + alert_bytes(alert);
  alert_ref(alert);
  alert_unref(e->alert);
  e->alert = alert;
}

void entry_set_ends(struct store *store, struct entry *e, int64_t ends_ns) {
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
