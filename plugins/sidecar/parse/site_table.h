/*
 * The heaviest of many sites in a table of fixed size. A site is a stack: for a heap
 * profile its weight is bytes in use, for a goroutine dump the number of goroutines in one
 * state. Eight sites share a bucket; a new site takes the place of the lightest there and
 * inherits its weight as an uncertainty (the "space saving" sketch), so a site that
 * carries a large part of the whole is found however many others pass by.
 */
#ifndef SIDECAR_PARSE_SITE_TABLE_H
#define SIDECAR_PARSE_SITE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "common/scan.h"
#include "sidecar/parse/wait_reason.h"

enum {
  SITE_TEXT_MAX = 256, /* with the NUL */
  SITE_TOP_MAX = 32,
  SITE_TABLE_BUCKETS = 64,
  SITE_TABLE_WAYS = 8,
};

struct site {
  uint64_t key;               /* hash of the functions of the stack, and of the state */
  uint64_t weight;            /* at least; exact while uncertainty is 0 */
  uint64_t uncertainty;       /* at most this much more */
  uint64_t objects;           /* heap: objects in use; goroutines: as weight */
  uint64_t oldest_minutes;    /* goroutines: the longest wait of the site's; heap: 0 */
  enum goroutine_state state; /* goroutines; GOROUTINE_OTHER in a heap profile */
  char text[SITE_TEXT_MAX];   /* the stack in short (parse/stack.h); "" without frames */
};

struct site_table {
  uint64_t keys[SITE_TABLE_BUCKETS][SITE_TABLE_WAYS]; /* 0: free */
  struct site sites[SITE_TABLE_BUCKETS][SITE_TABLE_WAYS];
};

/* The top of a table, as a value to keep. */
struct site_top {
  size_t len;
  struct site sites[SITE_TOP_MAX]; /* heaviest first */
  uint64_t unlisted_max;           /* no site that is not listed weighs more */
};

void site_table_init(struct site_table *table);

/* Adds an observation: weight and objects are summed up, the wait kept when it is longer. */
void site_table_add(struct site_table *table, const struct site *observed);

void site_table_top(const struct site_table *table, struct site_top *ret);

/* weight and uncertainty together, without overflow */
uint64_t site_weight_max(const struct site *site);

#endif
