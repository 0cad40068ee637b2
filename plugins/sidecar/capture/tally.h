/*
 * `sort | uniq -c | sort -rn` in bounded memory: counts how often each name was added, and sums
 * up the numbers that came with it. Names past the bound are counted together. For the listings
 * of a bundle (listing.h). Pure except for the random key.
 */
#ifndef SIDECAR_CAPTURE_TALLY_H
#define SIDECAR_CAPTURE_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "common/siphash.h"

enum {
  TALLY_NAMES_MAX = 20000,
  TALLY_BYTES_MAX = 4 * 1024 * 1024, /* of all names */
  TALLY_SUMS = 6,
};

struct tally_row {
  char *name; /* raw bytes, owned; may contain NULs */
  size_t name_len;
  uint64_t count;
  uint64_t sums[TALLY_SUMS]; /* VALUE_UNKNOWN if one of the addends was, or on overflow */
};

struct tally {
  struct tally_row *rows;
  size_t len, capacity, bytes;
  uint32_t *index;        /* position + 1 of a row; 0: empty */
  struct siphash_key key; /* of the index: names are chosen by the listed process */
  size_t index_size;
  struct tally_row total;
  struct tally_row others; /* past the bound; its name is NULL */
};

/* Leaves an empty tally: all zero. */
void tally_free(struct tally *tally);

/* sums has TALLY_SUMS numbers, or is NULL for zeroes. Returns 0 or -ENOMEM. */
int tally_add(struct tally *tally, struct span name, const uint64_t *sums);

/* Sorts the rows by sums[by], or with TALLY_BY_COUNT by count, largest first, and equal ones by
 * name. Nothing can be added afterwards. */
enum { TALLY_BY_COUNT = TALLY_SUMS };
void tally_sort(struct tally *tally, unsigned by);

#endif
