/*
 * Sites: the places in a Go program where memory was allocated or goroutines are, each a stack.
 * For a heap profile a site's weight is bytes in use, for a goroutine dump the number of
 * goroutines in one state. A table finds the heaviest sites of one profile, a history compares
 * those of one process's profiles with a baseline; both in memory of fixed size. Pure.
 */
#ifndef SIDECAR_GO_SITE_H
#define SIDECAR_GO_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/scan.h"
#include "sidecar/go/goroutine_state.h"

enum {
  SITE_TEXT_MAX = 256, /* with the NUL */
  SITE_TOP_MAX = 32,
  SITE_TABLE_BUCKETS = 64,
  SITE_TABLE_WAYS = 8,
};

struct site {
  uint64_t key;            /* hash of the functions of the stack, and of the state */
  uint64_t frames_key;     /* hash of the functions outside Go's runtime alone: the same in each
                              form of a profile; 0: there are none */
  uint64_t weight;         /* at least; exact while uncertainty is 0 */
  uint64_t uncertainty;    /* at most this much more */
  uint64_t objects;        /* heap: objects in use; goroutines: as weight */
  uint64_t oldest_minutes; /* goroutines: the longest wait at this site; heap: 0 */
  uint64_t blocked;        /* goroutines: those blocked for ten minutes, or leaked; heap: 0 */
  uint64_t leaked;         /* of those: nothing can wake them; no wait time is known */
  enum goroutine_state state; /* goroutines; GOROUTINE_OTHER in a heap profile */
  char text[SITE_TEXT_MAX];   /* the stack in short (stack.h); "" without frames */
};

/* weight and uncertainty together, without overflow */
uint64_t site_weight_max(const struct site *site);

/*
 * ---- the table: the heaviest of many sites ---- Eight sites share a bucket; a new site
 * replaces the lightest there and inherits its weight as an uncertainty (the "space saving"
 * sketch), so a site with a large share of the total is found however many others there are.
 */

struct site_table {
  uint64_t keys[SITE_TABLE_BUCKETS][SITE_TABLE_WAYS]; /* 0: free */
  struct site sites[SITE_TABLE_BUCKETS][SITE_TABLE_WAYS];
};

/* The top of a table, as a copy to keep. */
struct site_top {
  size_t len;
  struct site sites[SITE_TOP_MAX]; /* heaviest first */
  uint64_t unlisted_max;           /* no unlisted site weighs more */
};

void site_table_init(struct site_table *table);

/* Adds an observation: sums up weight, objects, blocked and leaked, and keeps the longest wait.
 */
void site_table_add(struct site_table *table, const struct site *observed);

void site_table_top(const struct site_table *table, struct site_top *ret);

/* The same for more of them: writes the heaviest, at most ret_max, heaviest first, and the
 * maximum weight of one that is not among them. Returns how many were written. */
size_t site_table_list(const struct site_table *table, struct site *ret, size_t ret_max,
                       uint64_t *ret_unlisted_max);

/*
 * ---- the history: what grew since the baseline ---- Growth is never overestimated: a site
 * that was not listed at the baseline is assumed to have had the maximum weight of an unlisted
 * one.
 */

struct site_record {
  struct site now;           /* weight 0 when the last profile did not list it */
  uint64_t baseline_weight;  /* at most */
  uint64_t baseline_objects; /* at most; meaningless while was_unlisted */
  bool was_unlisted;         /* at the baseline */
};

struct site_history { /* about 10 KB */
  bool has_profile, has_baseline;
  size_t len;
  struct site_record records[SITE_TOP_MAX];
  uint64_t unlisted_max;          /* of the last profile */
  uint64_t unlisted_baseline_max; /* a site without a record weighed at most this much */
};

void site_history_init(struct site_history *history);

/* Adds the sites of a newer profile. The first one is the baseline until another is marked. */
void site_history_update(struct site_history *history, const struct site_top *top);

/*
 * Begins the history of profiles whose sites have frames_key as their key, with the baseline of
 * those that have a key for each state and creator: sites with the same frames become one, of
 * unknown state. Sites are those of the last profile of the other history until the next one.
 */
void site_history_begin_grouped(struct site_history *history, const struct site_history *from);

/* Makes the last profile the baseline. Without one, the next will be. */
void site_history_mark_baseline(struct site_history *history);

/*
 * The sites that weigh more than at the baseline, the one that grew most first, at most
 * ret_max. Returns how many were written. They point into the history: valid until it
 * changes. Growth is now.weight - baseline_weight.
 */
size_t site_history_grown(const struct site_history *history, const struct site_record **ret,
                          size_t ret_max);

#endif
