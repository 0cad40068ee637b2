/*
 * The evaluator of one process: judges its red flags from observations over time, in fixed
 * memory and without a clock, so that a test replays days in milliseconds. Times are
 * milliseconds of the caller's monotonic clock. Pure.
 *
 * Missing observations neither raise nor clear a flag: a hold is counted between observations
 * at their usual interval, a window without one restarts the judgement, and so does a counter
 * that decreases or pauses.
 */
#ifndef SIDECAR_REDFLAG_EVALUATOR_H
#define SIDECAR_REDFLAG_EVALUATOR_H

#include "sidecar/redflag/red_flag.h"

struct evaluator; /* opaque; constant size, less than 64 KB with the current table */

/*
 * rules are borrowed. age_ms: how long the process has been running at now_ms; warm-up is
 * counted from its start. Returns 0 or -ENOMEM; the caller owns *ret.
 */
int evaluator_new(const struct red_flag_rules *rules, uint64_t age_ms, uint64_t now_ms,
                  struct evaluator **ret);

/*
 * The same with another table of RED_FLAGS rows, borrowed. For tests, which verify that each
 * row can be of any kind.
 */
int evaluator_new_of(const struct red_flag_info *table, const struct red_flag_rules *rules,
                     uint64_t age_ms, uint64_t now_ms, struct evaluator **ret);

void evaluator_free(struct evaluator *evaluator); /* NULL is fine */

/* Bytes that one process's evaluator takes. */
size_t evaluator_size(void);

/* A fresh reading of a signal; NaN, negative or above 1e18: it cannot be read. Times that do
 * not increase are treated as now. */
void evaluator_observe(struct evaluator *evaluator, enum red_flag_signal signal, double value,
                       uint64_t now_ms);

/* Judges all flags. Returns how many changed their state and writes those to ret. A flag that
 * becomes unknown keeps its state; that is not a change. */
size_t evaluator_judge(struct evaluator *evaluator, uint64_t now_ms,
                       struct flag_status ret[RED_FLAGS]);

/* The status of a flag as of the last judgement; before is the state until it last changed.
 * Returns false while it is unknown: the flag is disabled, its signal is not readable or was
 * not observed for three of its usual intervals (and 5 minutes), or, for a rate, not observed
 * long enough. */
bool evaluator_get(const struct evaluator *evaluator, enum red_flag flag,
                   struct flag_status *ret);

/* As evaluator_get(), for the state alone. */
bool evaluator_get_state(const struct evaluator *evaluator, enum red_flag flag,
                         enum red_flag_state *ret);

#endif
