/* Counting stacks in bounded memory, and comparing the counts over time; see site.h. */
#include "sidecar/go/site.h"

#include <string.h>

static uint64_t sum(uint64_t a, uint64_t b) {
  uint64_t result;
  bool overflows = __builtin_add_overflow(a, b, &result) || result == VALUE_UNKNOWN;
  return overflows ? VALUE_UNKNOWN - 1 : result;
}

uint64_t site_weight_max(const struct site *site) {
  return sum(site->weight, site->uncertainty);
}

/* ---- the table ---- */

void site_table_init(struct site_table *table) {
  memset(table->keys, 0, sizeof(table->keys)); /* a site without a key is never read */
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
    site->blocked = sum(site->blocked, observed->blocked);
    site->leaked = sum(site->leaked, observed->leaked);
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

/* Ties are broken by key, so that equal dumps list equal sites. */
static bool is_heavier(const struct site *a, const struct site *b) {
  return a->weight != b->weight ? a->weight > b->weight : a->key < b->key;
}

/* The maximum weight of a site that was replaced: that of the lightest one kept. */
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

enum { TABLE_SITES = SITE_TABLE_BUCKETS * SITE_TABLE_WAYS };

size_t site_table_list(const struct site_table *table, struct site *ret, size_t ret_max,
                       uint64_t *ret_unlisted_max) {
  const struct site *top[TABLE_SITES + 1];
  size_t len = 0;
  uint64_t unlisted_max = evicted_max(table);

  for (size_t i = 0; i < TABLE_SITES; i++) {
    size_t bucket = i / SITE_TABLE_WAYS, way = i % SITE_TABLE_WAYS;
    if (table->keys[bucket][way] == 0)
      continue;
    const struct site *site = &table->sites[bucket][way];
    size_t at = len;
    for (; at > 0 && is_heavier(site, top[at - 1]); at--)
      top[at] = top[at - 1];
    top[at] = site;
    if (len < ret_max) {
      len++;
    } else if (site_weight_max(top[ret_max]) > unlisted_max) {
      unlisted_max = site_weight_max(top[ret_max]);
    }
  }
  for (size_t i = 0; i < len; i++)
    ret[i] = *top[i];
  *ret_unlisted_max = unlisted_max;
  return len;
}

void site_table_top(const struct site_table *table, struct site_top *ret) {
  ret->len = site_table_list(table, ret->sites, SITE_TOP_MAX, &ret->unlisted_max);
}

/* ---- the history ---- */

void site_history_init(struct site_history *history) {
  memset(history, 0, sizeof(*history));
}

static struct site_record *find_record(struct site_history *history, uint64_t key) {
  for (size_t i = 0; i < history->len; i++) {
    if (history->records[i].now.key == key)
      return &history->records[i];
  }
  return NULL;
}

/* The importance of a record: the larger of its weights, now and at the baseline. */
static uint64_t importance(const struct site_record *record) {
  uint64_t baseline = record->was_unlisted ? 0 : record->baseline_weight;
  return record->now.weight > baseline ? record->now.weight : baseline;
}

/* A record for a site of this weight: a new one, or the least important one if that is less
 * important. NULL: there is none. */
static struct site_record *place_for(struct site_history *history, uint64_t weight) {
  if (history->len < SITE_TOP_MAX)
    return &history->records[history->len++];
  struct site_record *least = &history->records[0];
  for (size_t i = 1; i < history->len; i++) {
    if (importance(&history->records[i]) < importance(least))
      least = &history->records[i];
  }
  if (importance(least) >= weight)
    return NULL;
  /* if it comes back, it will count as unlisted */
  if (least->baseline_weight > history->unlisted_baseline_max)
    history->unlisted_baseline_max = least->baseline_weight;
  return least;
}

void site_history_update(struct site_history *history, const struct site_top *top) {
  for (size_t i = 0; i < history->len; i++) {
    struct site *now = &history->records[i].now;
    now->weight = now->objects = now->uncertainty = now->oldest_minutes = 0;
    now->blocked = now->leaked = 0;
  }
  for (size_t i = 0; i < top->len; i++) {
    const struct site *site = &top->sites[i];
    struct site_record *record = find_record(history, site->key);
    if (record != NULL)
      record->now = *site;
  }
  /* only now is it known which of the old records still have a weight */
  for (size_t i = 0; i < top->len; i++) {
    const struct site *site = &top->sites[i];
    if (find_record(history, site->key) != NULL)
      continue;
    uint64_t baseline_weight = history->unlisted_baseline_max;
    struct site_record *record = place_for(history, site->weight);
    if (record == NULL)
      continue;
    *record = (struct site_record){.now = *site, .was_unlisted = true};
    record->baseline_weight = baseline_weight;
  }
  history->unlisted_max = top->unlisted_max;
  history->has_profile = true;
  if (!history->has_baseline)
    site_history_mark_baseline(history);
}

/* Adds what is known of a site to what is known of others with the same frames. */
static void add_record(struct site_record *record, const struct site_record *other) {
  record->now.weight = sum(record->now.weight, other->now.weight);
  record->now.uncertainty = sum(record->now.uncertainty, other->now.uncertainty);
  record->now.objects = sum(record->now.objects, other->now.objects);
  record->baseline_weight = sum(record->baseline_weight, other->baseline_weight);
  record->baseline_objects = sum(record->baseline_objects, other->baseline_objects);
  record->was_unlisted |= other->was_unlisted;
}

void site_history_begin_grouped(struct site_history *history, const struct site_history *from) {
  *history = *from;
  history->len = 0;
  for (size_t i = 0; i < from->len; i++) {
    struct site_record record = from->records[i];
    record.now.key = record.now.frames_key;
    record.now.key += record.now.key == 0; /* as in a table */
    record.now.state = GOROUTINE_STATE_UNKNOWN;
    record.now.oldest_minutes = record.now.blocked = record.now.leaked = 0;
    struct site_record *same = find_record(history, record.now.key);
    if (same != NULL)
      add_record(same, &record);
    else
      history->records[history->len++] = record;
  }
  /* there may have been one with the same frames that was not listed */
  for (size_t i = 0; i < history->len; i++)
    history->records[i].baseline_weight =
        sum(history->records[i].baseline_weight, from->unlisted_baseline_max);
}

void site_history_mark_baseline(struct site_history *history) {
  history->has_baseline = history->has_profile;
  history->unlisted_baseline_max = history->unlisted_max;
  size_t kept = 0;
  for (size_t i = 0; i < history->len; i++) {
    struct site_record record = history->records[i];
    if (record.now.weight == 0)
      continue; /* the same as any other that the profile did not list */
    record.baseline_weight = site_weight_max(&record.now);
    record.baseline_objects = record.now.objects;
    record.was_unlisted = false;
    history->records[kept++] = record;
  }
  history->len = kept;
}

static uint64_t growth(const struct site_record *record) {
  return record->now.weight > record->baseline_weight
             ? record->now.weight - record->baseline_weight
             : 0;
}

size_t site_history_grown(const struct site_history *history, const struct site_record **ret,
                          size_t ret_max) {
  size_t len = 0;
  for (size_t i = 0; i < history->len; i++) {
    const struct site_record *record = &history->records[i];
    if (growth(record) == 0)
      continue;
    size_t at = len;
    while (at > 0 && growth(record) > growth(ret[at - 1]))
      at--;
    if (at >= ret_max)
      continue;
    if (len < ret_max)
      len++;
    memmove(&ret[at + 1], &ret[at], (len - 1 - at) * sizeof(ret[0]));
    ret[at] = record;
  }
  return len;
}
