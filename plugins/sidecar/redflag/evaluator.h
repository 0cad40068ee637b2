/*
 * The evaluator of one process: judges its red flags from what is observed of it over time, in
 * fixed memory and without a clock of its own: a test replays days in milliseconds. Times are
 * milliseconds of a monotonic clock of the caller's. Pure.
 *
 * What is missing raises no flag and clears none: a hold is counted between observations that
 * follow each other as they usually do, a window without one begins the judgement again, and a
 * counter that falls or pauses is a new start.
 */
#ifndef SIDECAR_REDFLAG_EVALUATOR_H
#define SIDECAR_REDFLAG_EVALUATOR_H

#include "sidecar/redflag/red_flag.h"

struct evaluator; /* opaque; below 16 KB with the table as it is, however long */

/*
 * rules are borrowed. age_ms: how long the process has been running at now_ms; warm-up is
 * counted from its start. Returns 0 or -ENOMEM; the caller owns *ret.
 */
int evaluator_new(const struct red_flag_rules *rules, uint64_t age_ms, uint64_t now_ms,
                  struct evaluator **ret);

/*
 * The same with another table: a row for each of RED_FLAGS, borrowed. For tests, which show
 * that each row can be of any kind.
 */
int evaluator_new_of(const struct red_flag_info *table, const struct red_flag_rules *rules,
                     uint64_t age_ms, uint64_t now_ms, struct evaluator **ret);

void evaluator_free(struct evaluator *evaluator); /* NULL is fine */

/* Bytes that one process's evaluator takes. */
size_t evaluator_size(void);

/* A fresh reading of a signal; NaN, negative or beyond 1e18: it cannot be read (any more).
 * Times that do not increase are taken as now. */
void evaluator_observe(struct evaluator *evaluator, enum red_flag_signal signal, double value,
                       uint64_t now_ms);

/* Judges all flags. Returns how many changed their state and writes those to ret. A flag that
 * becomes unknown keeps its state, and is no change. */
size_t evaluator_judge(struct evaluator *evaluator, uint64_t now_ms,
                       struct flag_status ret[RED_FLAGS]);

/* The status of a flag since the last judgement; before is the state until it last changed.
 * Returns false while that is unknown: switched off, its signal not readable or not observed
 * for three of its usual intervals (and 5 minutes), or, of a rate, too little observed. */
bool evaluator_get(const struct evaluator *evaluator, enum red_flag flag,
                   struct flag_status *ret);

#endif
