/*
 * What `sort | uniq -c | sort -rn` does: names counted, with numbers added up beside, in
 * bounded memory. Names past the bound are counted together. Pure.
 */
#ifndef SIDECAR_CAPTURE_TALLY_H
#define SIDECAR_CAPTURE_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "common/scan.h"

enum {
  TALLY_NAMES_MAX = 20000,
  TALLY_BYTES_MAX = 4 * 1024 * 1024, /* of all names */
  TALLY_SUMS = 6,
};

struct tally_row {
  char *name; /* raw bytes, owned; may hold NULs */
  size_t name_len;
  uint64_t count;
  uint64_t sums[TALLY_SUMS]; /* VALUE_UNKNOWN: of one of them it was */
};

struct tally {
  struct tally_row *rows;
  size_t len, capacity, bytes;
  uint32_t *index; /* position + 1 of a row; 0: empty */
  size_t index_size;
  struct tally_row total;
  struct tally_row others; /* past the bound; its name is NULL */
};

/* All zero is an empty tally. */
void tally_free(struct tally *tally);

/* sums has TALLY_SUMS numbers, or is NULL for zeroes. Returns 0 or -ENOMEM. */
int tally_add(struct tally *tally, struct span name, const uint64_t *sums);

/* Orders the rows: the largest sum of this number first, or with TALLY_BY_COUNT the largest
 * count; the same by name. Nothing can be added any more. */
enum { TALLY_BY_COUNT = TALLY_SUMS };
void tally_sort(struct tally *tally, unsigned by);

#endif
