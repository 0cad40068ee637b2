/*
 * Any bytes as readings of paths, against a model that remembers all 256 of them: each byte
 * is a path that is open, 0 ends a reading, 255 gives one up. Hashes are chosen so that the
 * slots of the index collide.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/linux/path_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct model {
  bool known[256], seen[256];
  uint32_t opens[256];
};

static uint64_t hash_of(uint8_t path) {
  return (uint64_t)path << 32 | (path & 3);
}

static void see(struct path_table *table, struct model *model, uint8_t path) {
  struct path_entry *entry = path_table_find(table, hash_of(path));
  if ((entry != NULL) != model->known[path])
    abort();
  if (entry == NULL)
    entry = path_table_add(table, hash_of(path));
  if (entry == NULL || path_table_see(table, entry) == model->seen[path])
    abort();
  model->opens[path] = model->seen[path] ? model->opens[path] + 1 : 1;
  model->known[path] = model->seen[path] = true;
  if (++entry->opens != model->opens[path] || entry->hash != hash_of(path))
    abort();
}

static void end(struct path_table *table, struct model *model) {
  size_t kept = 0;
  path_table_end(table);
  for (size_t i = 0; i < 256; i++) {
    model->known[i] = model->seen[i];
    model->seen[i] = false;
    kept += model->known[i];
  }
  if (table->len != kept || table->len > table->capacity || 2 * table->len > table->index_size)
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct path_table table;
  struct model model;
  memset(&model, 0, sizeof(model));
  path_table_init(&table);
  path_table_begin(&table);
  for (size_t i = 0; i < size; i++) {
    if (data[i] == 0) {
      end(&table, &model);
      path_table_begin(&table);
    } else if (data[i] == 255) {
      path_table_clear(&table);
      path_table_begin(&table);
      memset(&model, 0, sizeof(model));
    } else {
      see(&table, &model, data[i]);
    }
  }
  path_table_clear(&table);
  return 0;
}
