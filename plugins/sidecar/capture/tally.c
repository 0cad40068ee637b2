/* Counted names in a hash table with open addressing; see tally.h. */
#include "sidecar/capture/tally.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/random_key.h"

void tally_free(struct tally *tally) {
  for (size_t i = 0; i < tally->len; i++)
    free(tally->rows[i].name);
  free(tally->rows);
  free(tally->index);
  *tally = (struct tally){0};
}

static void row_add(struct tally_row *row, const uint64_t *sums) {
  row->count++;
  for (size_t i = 0; sums != NULL && i < TALLY_SUMS; i++) {
    if (sums[i] == VALUE_UNKNOWN || row->sums[i] >= VALUE_UNKNOWN - sums[i])
      row->sums[i] = VALUE_UNKNOWN;
    else
      row->sums[i] += sums[i];
  }
}

/* The slot of the name in the index, or the free one where it belongs. */
static uint32_t *find_slot(const struct tally *tally, struct span name) {
  size_t at = siphash(&tally->key, name) & (tally->index_size - 1);
  while (tally->index[at] != 0) {
    const struct tally_row *row = &tally->rows[tally->index[at] - 1];
    if (row->name_len == name.len && memcmp(row->name, name.at, name.len) == 0)
      break;
    at = (at + 1) & (tally->index_size - 1);
  }
  return &tally->index[at];
}

/* The rows and an index that is at most half full. */
static bool grow(struct tally *tally) {
  size_t capacity = tally->capacity > 0 ? tally->capacity * 2 : 64;
  struct tally_row *rows = reallocarray(tally->rows, capacity, sizeof(*rows));
  if (rows == NULL)
    return false;
  tally->rows = rows;
  if (tally->capacity == 0)
    tally->key = random_key_make();
  uint32_t *index = calloc(capacity * 2, sizeof(*index));
  if (index == NULL)
    return false;
  free(tally->index);
  tally->index = index;
  tally->index_size = capacity * 2;
  tally->capacity = capacity;
  for (size_t i = 0; i < tally->len; i++)
    *find_slot(tally, span_make(rows[i].name, rows[i].name_len)) = (uint32_t)i + 1;
  return true;
}

static struct tally_row *add_row(struct tally *tally, struct span name) {
  char *copy = malloc(name.len + 1);
  if (copy == NULL)
    return NULL;
  if (name.len > 0)
    memcpy(copy, name.at, name.len);
  copy[name.len] = '\0';
  struct tally_row *row = &tally->rows[tally->len++];
  *row = (struct tally_row){.name = copy, .name_len = name.len};
  tally->bytes += name.len;
  return row;
}

int tally_add(struct tally *tally, struct span name, const uint64_t *sums) {
  if (tally->len == tally->capacity && tally->len < TALLY_NAMES_MAX && !grow(tally))
    return -ENOMEM;
  uint32_t *slot = find_slot(tally, name);
  struct tally_row *row = NULL;
  if (*slot != 0) {
    row = &tally->rows[*slot - 1];
  } else if (tally->len >= TALLY_NAMES_MAX || name.len > TALLY_BYTES_MAX - tally->bytes) {
    row = &tally->others;
  } else {
    row = add_row(tally, name);
    if (row == NULL)
      return -ENOMEM;
    *slot = (uint32_t)tally->len;
  }
  row_add(row, sums);
  row_add(&tally->total, sums);
  return 0;
}

/* --- order --- */

static int by_name(const struct tally_row *left, const struct tally_row *right) {
  size_t len = left->name_len < right->name_len ? left->name_len : right->name_len;
  int order = len > 0 ? memcmp(left->name, right->name, len) : 0;
  return order != 0 ? order : (left->name_len > len) - (right->name_len > len);
}

static int compare(const void *a, const void *b, void *context) {
  const struct tally_row *left = a, *right = b;
  unsigned by = *(const unsigned *)context;
  uint64_t l = by < TALLY_SUMS ? left->sums[by] : left->count;
  uint64_t r = by < TALLY_SUMS ? right->sums[by] : right->count;
  return l != r ? (l < r) - (l > r) : by_name(left, right);
}

void tally_sort(struct tally *tally, unsigned by) {
  if (tally->len > 1)
    qsort_r(tally->rows, tally->len, sizeof(*tally->rows), compare, &by);
}
