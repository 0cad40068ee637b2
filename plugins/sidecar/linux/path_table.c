/* The table of paths; see path_table.h. */
#include "sidecar/linux/path_table.h"

#include <stdlib.h>
#include <string.h>

#include "common/random_key.h"

enum {
  FIRST_CAPACITY = 16,
  SHRINK_FACTOR = 4 /* memory is freed when this many times more is allocated than used */
};

/* ---- the table ---- */

void path_table_init(struct path_table *table) {
  *table = (struct path_table){.key = random_key_make()};
}

void path_table_clear(struct path_table *table) {
  free(table->entries);
  free(table->index);
  table->entries = NULL;
  table->index = NULL;
  table->len = table->capacity = table->index_size = 0;
}

/* ---- its index ---- */

static void index_insert(struct path_table *table, uint64_t hash, size_t position) {
  size_t slot = hash & (table->index_size - 1);
  while (table->index[slot] != 0)
    slot = (slot + 1) & (table->index_size - 1);
  table->index[slot] = (uint32_t)(position + 1);
}

static void index_rebuild(struct path_table *table) {
  if (table->index_size == 0)
    return;
  memset(table->index, 0, table->index_size * sizeof(*table->index));
  for (size_t i = 0; i < table->len; i++)
    index_insert(table, table->entries[i].hash, i);
}

static size_t index_size_for(size_t capacity) {
  size_t size = 2 * FIRST_CAPACITY;
  while (size < 2 * capacity)
    size *= 2;
  return size;
}

/* Makes room for capacity >= len entries. On failure nothing is changed. */
static bool resize(struct path_table *table, size_t capacity) {
  size_t index_size = index_size_for(capacity);
  uint32_t *index = NULL;
  if (index_size != table->index_size) {
    index = malloc(index_size * sizeof(*index));
    if (index == NULL)
      return false;
  }
  struct path_entry *entries = reallocarray(table->entries, capacity, sizeof(*entries));
  if (entries == NULL) {
    free(index);
    return false;
  }
  table->entries = entries;
  table->capacity = capacity;
  if (index != NULL) {
    free(table->index);
    table->index = index;
    table->index_size = index_size;
    index_rebuild(table);
  }
  return true;
}

struct path_entry *path_table_find(const struct path_table *table, uint64_t hash) {
  if (table->index_size == 0)
    return NULL;
  size_t slot = hash & (table->index_size - 1);
  for (; table->index[slot] != 0; slot = (slot + 1) & (table->index_size - 1)) {
    struct path_entry *entry = &table->entries[table->index[slot] - 1];
    if (entry->hash == hash)
      return entry;
  }
  return NULL;
}

struct path_entry *path_table_add(struct path_table *table, uint64_t hash) {
  if (table->len == table->capacity &&
      !resize(table,
              table->capacity > 0 ? table->capacity + table->capacity / 2 : FIRST_CAPACITY))
    return NULL;
  struct path_entry *entry = &table->entries[table->len];
  *entry =
      (struct path_entry){.hash = hash, .seen = !table->phase, .checked = table->round & 1};
  index_insert(table, hash, table->len);
  table->len++;
  return entry;
}

/* ---- a reading ---- */

void path_table_begin(struct path_table *table) {
  table->phase = !table->phase;
}

bool path_table_see(const struct path_table *table, struct path_entry *entry) {
  if (path_table_is_seen(table, entry))
    return false;
  entry->seen = table->phase & 1;
  entry->opens = 0;
  return true;
}

void path_table_end(struct path_table *table) {
  size_t kept = 0, due = 0;
  for (size_t i = 0; i < table->len; i++) {
    const struct path_entry *entry = &table->entries[i];
    if (!path_table_is_seen(table, entry))
      continue;
    due += path_table_is_due(table, entry);
    table->entries[kept++] = *entry;
  }
  bool dropped = kept < table->len;
  table->len = kept;
  if (due == 0)
    table->round = !table->round;
  if (!dropped)
    return;

  if (kept == 0) {
    path_table_clear(table);
    return;
  }
  if (table->capacity > FIRST_CAPACITY && table->capacity / SHRINK_FACTOR >= kept)
    resize(table, kept + kept / 4 + FIRST_CAPACITY / 4); /* not shrinking does no harm */
  index_rebuild(table);
}
