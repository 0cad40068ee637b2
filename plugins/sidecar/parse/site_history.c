/* Baseline and now for each site; see site_history.h. */
#include "sidecar/parse/site_history.h"

#include <string.h>

void site_history_init(struct site_history *history) {
  memset(history, 0, sizeof(*history));
}

static struct site_record *find(struct site_history *history, uint64_t key) {
  for (size_t i = 0; i < history->len; i++) {
    if (history->records[i].now.key == key)
      return &history->records[i];
  }
  return NULL;
}

/* What speaks for keeping a record: its weight, then or now. */
static uint64_t importance(const struct site_record *record) {
  uint64_t baseline = record->was_unlisted ? 0 : record->baseline_weight;
  return record->now.weight > baseline ? record->now.weight : baseline;
}

/* A place for a site of this weight: a new one, or that of the least important record if
 * it is less important. NULL: there is none. */
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
  /* forgotten, it will count as unlisted when it comes back */
  if (least->baseline_weight > history->unlisted_baseline_max)
    history->unlisted_baseline_max = least->baseline_weight;
  return least;
}

void site_history_update(struct site_history *history, const struct site_top *top) {
  for (size_t i = 0; i < history->len; i++) {
    struct site *now = &history->records[i].now;
    now->weight = now->objects = now->uncertainty = now->oldest_minutes = 0;
  }
  for (size_t i = 0; i < top->len; i++) {
    const struct site *site = &top->sites[i];
    struct site_record *record = find(history, site->key);
    if (record != NULL)
      record->now = *site;
  }
  /* only now is it known which of the old records still weigh anything */
  for (size_t i = 0; i < top->len; i++) {
    const struct site *site = &top->sites[i];
    if (find(history, site->key) != NULL)
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

void site_history_mark_baseline(struct site_history *history) {
  history->has_baseline = history->has_profile;
  history->unlisted_baseline_max = history->unlisted_max;
  size_t kept = 0;
  for (size_t i = 0; i < history->len; i++) {
    struct site_record record = history->records[i];
    if (record.now.weight == 0)
      continue; /* as good as any other that the profile did not list */
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
