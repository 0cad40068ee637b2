/*
 * Counts of the most frequent of any number of keys, in memory of fixed size (the "space
 * saving" sketch, as in go/site.h): eight keys share a bucket, and a new one replaces the
 * rarest there and inherits its count as an uncertainty. Keys are keyed hashes, so that no
 * process can choose which of them share a bucket. Pure.
 */
#ifndef SIDECAR_LINUX_KEY_SKETCH_H
#define SIDECAR_LINUX_KEY_SKETCH_H

#include <stdbool.h>
#include <stdint.h>

enum { KEY_SKETCH_BUCKETS = 64, KEY_SKETCH_WAYS = 8 };

struct key_count {
  uint64_t key;
  uint32_t count;       /* at least; exact while uncertainty is 0 */
  uint32_t uncertainty; /* at most this many more */
};

struct key_sketch { /* 8 KB; all zero: nothing was counted */
  struct key_count keys[KEY_SKETCH_BUCKETS][KEY_SKETCH_WAYS];
};

/* Counts a key once more, at most UINT32_MAX times for all keys. Returns its count, which is
 * part of the sketch: valid until the next call. */
const struct key_count *key_sketch_add(struct key_sketch *sketch, uint64_t key);

/* Is the count that it had when it was counted last exact? Not after it was replaced. */
bool key_sketch_is_exact(const struct key_sketch *sketch, uint64_t key);

#endif
