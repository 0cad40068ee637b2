/* Counting stacks in bounded memory; see site_table.h. */
#include "sidecar/parse/site_table.h"

#include <stdbool.h>
#include <string.h>

void site_table_init(struct site_table *table) {
  memset(table->keys, 0, sizeof(table->keys)); /* a site without a key is never read */
}

static uint64_t sum(uint64_t a, uint64_t b) {
  uint64_t result;
  bool overflows = __builtin_add_overflow(a, b, &result) || result == VALUE_UNKNOWN;
  return overflows ? VALUE_UNKNOWN - 1 : result;
}

uint64_t site_weight_max(const struct site *site) {
  return sum(site->weight, site->uncertainty);
}

static size_t lightest(const struct site_table *table, size_t bucket) {
  size_t least = 0;
  for (size_t way = 0; way < SITE_TABLE_WAYS; way++) {
    if (table->keys[bucket][way] == 0)
      return way;
    if (site_weight_max(&table->sites[bucket][way]) <
        site_weight_max(&table->sites[bucket][least]))
      least = way;
  }
  return least;
}

void site_table_add(struct site_table *table, const struct site *observed) {
  uint64_t key = observed->key + (observed->key == 0);
  size_t bucket = (key >> 32) % SITE_TABLE_BUCKETS;

  for (size_t way = 0; way < SITE_TABLE_WAYS; way++) {
    if (table->keys[bucket][way] != key)
      continue;
    struct site *site = &table->sites[bucket][way];
    site->weight = sum(site->weight, observed->weight);
    site->objects = sum(site->objects, observed->objects);
    if (observed->oldest_minutes > site->oldest_minutes)
      site->oldest_minutes = observed->oldest_minutes;
    return;
  }
  size_t way = lightest(table, bucket);
  struct site *site = &table->sites[bucket][way];
  uint64_t inherited = table->keys[bucket][way] != 0 ? site_weight_max(site) : 0;
  *site = *observed;
  site->key = key;
  site->uncertainty = inherited;
  table->keys[bucket][way] = key;
}

/* Ties are settled by key, so that equal dumps list equal sites. */
static bool is_heavier(const struct site *a, const struct site *b) {
  return a->weight != b->weight ? a->weight > b->weight : a->key < b->key;
}

/* What a site that had to give up its place can weigh: as much as the lightest that stayed. */
static uint64_t evicted_max(const struct site_table *table) {
  uint64_t max = 0;
  for (size_t bucket = 0; bucket < SITE_TABLE_BUCKETS; bucket++) {
    bool has_evicted = false;
    for (size_t way = 0; way < SITE_TABLE_WAYS && table->keys[bucket][way] != 0; way++)
      has_evicted |= table->sites[bucket][way].uncertainty > 0;
    if (!has_evicted)
      continue;
    uint64_t least = site_weight_max(&table->sites[bucket][lightest(table, bucket)]);
    max = least > max ? least : max;
  }
  return max;
}

void site_table_top(const struct site_table *table, struct site_top *ret) {
  const struct site *top[SITE_TOP_MAX + 1];
  size_t len = 0;
  uint64_t unlisted_max = evicted_max(table);

  for (size_t i = 0; i < (size_t)SITE_TABLE_BUCKETS * SITE_TABLE_WAYS; i++) {
    size_t bucket = i / SITE_TABLE_WAYS, way = i % SITE_TABLE_WAYS;
    if (table->keys[bucket][way] == 0)
      continue;
    const struct site *site = &table->sites[bucket][way];
    size_t at = len;
    for (; at > 0 && is_heavier(site, top[at - 1]); at--)
      top[at] = top[at - 1];
    top[at] = site;
    if (len < SITE_TOP_MAX) {
      len++;
    } else if (site_weight_max(top[SITE_TOP_MAX]) > unlisted_max) {
      unlisted_max = site_weight_max(top[SITE_TOP_MAX]);
    }
  }
  for (size_t i = 0; i < len; i++)
    ret->sites[i] = *top[i];
  ret->len = len;
  ret->unlisted_max = unlisted_max;
}
