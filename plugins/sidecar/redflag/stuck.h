/*
 * The goroutines that are stuck: more of one stack than there ever should be.
 *
 * How many have been blocked for ten minutes says little by itself: watchers and idle workers
 * wait by design, those of the start turn ten minutes old, and a pool has more idle workers in
 * the evening than at noon. So it is counted by groups, a group being a stack and a state, and
 * each group is allowed
 *   - as many as were there at the baseline, however long they had been waiting then,
 *   - and one more for each that has come back after ten minutes: such a group's members do
 *     return, and more of them will.
 * The signal is the sum of what is beyond that. The members of a leak never come back, so all
 * of them since the baseline count. Groups beyond the SITE_TOP_MAX most frequent ones do not
 * count, and nothing is ever overestimated. Pure, in memory of fixed size.
 */
#ifndef SIDECAR_REDFLAG_STUCK_H
#define SIDECAR_REDFLAG_STUCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sidecar/go/site.h"

enum { STUCK_GROUPS_MAX = 2 * SITE_TOP_MAX };

struct stuck_group {
  uint64_t key; /* of the site */
  uint64_t frames_key;
  uint64_t blocked;   /* for ten minutes or longer, in the last dump */
  uint64_t allowance; /* of these are not stuck */
  uint64_t weight;    /* at most so many goroutines in the last dump; 0: it was not listed */
};

/* All zero: no dump yet. The first one is the baseline until another is marked. */
struct stuck {
  bool has_dump;
  size_t len;
  struct stuck_group groups[STUCK_GROUPS_MAX];
  uint64_t unlisted_max;       /* of the last dump */
  uint64_t unlisted_allowance; /* of a group that is not known */
};

/* Adds the sites of a newer, complete dump. */
void stuck_observe(struct stuck *stuck, const struct site_top *top);

/* Bounds the counts of the last dump by goroutines counted by stack alone, with frames_key as
 * the sites' key: without wait times, so more cannot be found stuck, but those that are gone
 * have come back. */
void stuck_bound(struct stuck *stuck, const struct site_top *grouped);

/* Makes the last dump the baseline. */
void stuck_mark_baseline(struct stuck *stuck);

/* How many are stuck, in all groups. */
uint64_t stuck_count(const struct stuck *stuck);

/* How many of a group are stuck. */
uint64_t stuck_in_group(const struct stuck_group *group);

/* The group in which most are stuck; NULL: none are. Borrowed until the next dump. */
const struct stuck_group *stuck_worst(const struct stuck *stuck);

#endif
