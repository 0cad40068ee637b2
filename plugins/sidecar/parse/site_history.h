/*
 * One process's sites from one profile to the next, in fixed memory: what each weighed at
 * the baseline and what it weighs now, so that "what grew since the baseline" has an
 * answer. It errs to one side only: growth is never overstated. A site that was not listed
 * at the baseline is taken to have weighed as much as an unlisted one can.
 */
#ifndef SIDECAR_PARSE_SITE_HISTORY_H
#define SIDECAR_PARSE_SITE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sidecar/parse/site_table.h"

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

/* Takes the sites of a newer profile. The first one is the baseline until told otherwise. */
void site_history_update(struct site_history *history, const struct site_top *top);

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
