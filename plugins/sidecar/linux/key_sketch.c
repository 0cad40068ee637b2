/* Counting keys in bounded memory; see key_sketch.h. */
#include "sidecar/linux/key_sketch.h"

#include <stddef.h>

static size_t bucket_of(uint64_t key) {
  return (key >> 32) % KEY_SKETCH_BUCKETS;
}

/* The position of the key, or else of the one to replace: a free one, whose counts are 0, or
 * the rarest. */
static size_t find(const struct key_count bucket[KEY_SKETCH_WAYS], uint64_t key) {
  size_t rarest = 0;
  for (size_t way = 0; way < KEY_SKETCH_WAYS; way++) {
    if (bucket[way].key == key && bucket[way].count > 0)
      return way;
    if (bucket[way].count + bucket[way].uncertainty <
        bucket[rarest].count + bucket[rarest].uncertainty)
      rarest = way;
  }
  return rarest;
}

const struct key_count *key_sketch_add(struct key_sketch *sketch, uint64_t key) {
  struct key_count *bucket = sketch->keys[bucket_of(key)];
  struct key_count *it = &bucket[find(bucket, key)];
  if (it->key != key || it->count == 0)
    *it = (struct key_count){.key = key, .uncertainty = it->count + it->uncertainty};
  it->count++;
  return it;
}

bool key_sketch_is_exact(const struct key_sketch *sketch, uint64_t key) {
  const struct key_count *bucket = sketch->keys[bucket_of(key)];
  const struct key_count *it = &bucket[find(bucket, key)];
  return it->key == key && it->count > 0 && it->uncertainty == 0;
}
