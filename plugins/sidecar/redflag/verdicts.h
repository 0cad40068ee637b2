/*
 * The red flags of one process, judged from what is observed of it over time, in fixed
 * memory and without a clock of its own: a test replays days in milliseconds. Times are
 * milliseconds of a monotonic clock of the caller's. Pure.
 *
 * What is missing raises no flag and clears none: a hold is counted between observations that
 * follow each other as they usually do, a window without one begins the judgement anew, and a
 * counter that falls or pauses is a new start.
 */
#ifndef SIDECAR_REDFLAG_VERDICTS_H
#define SIDECAR_REDFLAG_VERDICTS_H

#include "sidecar/redflag/red_flag_rules.h"

struct verdicts; /* opaque; below 16 KB, whatever the rules and however long */

/* What a flag says now. value, threshold and rise are in the signal's unit (a rate's: by the
 * second), NaN where there is none. */
struct verdict {
  enum red_flag flag;
  enum red_flag_state state, before;
  double value;     /* the latest observation that it was judged by */
  double threshold; /* that it is at or above of; on OKAY the one it is below of again. Growth
                       and step: the least rise. CPU's warning: twice its usual */
  double rise;      /* growth and step: the trough's rise over rise_ms */
  uint64_t rise_ms;
  uint64_t since_ms; /* when what the flag says began: the breach, not the end of its hold; of
                        growth its begin. On OKAY: now */
  bool is_retained;  /* rss: without what the Go program has freed it is below the threshold
                        that it breaches; a failure is a warning then */
};

/*
 * rules are borrowed. age_ms: how long the process has been running at now_ms; warm-up is
 * counted from its start. Returns 0 or -ENOMEM; the caller owns *ret.
 */
int verdicts_new(const struct red_flag_rules *rules, uint64_t age_ms, uint64_t now_ms,
                 struct verdicts **ret);
void verdicts_free(struct verdicts *verdicts); /* NULL is fine */

/* Bytes that one process's verdicts take. */
size_t verdicts_size(void);

/* A fresh reading of a signal; NaN, negative or beyond 1e18: it cannot be read (any more).
 * Times that do not increase are taken as now. */
void verdicts_observe(struct verdicts *verdicts, enum red_flag_signal signal, double value,
                      uint64_t now_ms);

/* Judges all flags. Returns how many changed their state and writes those to ret. A flag that
 * becomes unknown keeps its state, and is no change. */
size_t verdicts_judge(struct verdicts *verdicts, uint64_t now_ms,
                      struct verdict ret[RED_FLAGS]);

/* What a flag says since the last judgement; before is what it said until it last changed.
 * Returns false while that is unknown: switched off, its signal not readable or not observed
 * for three of its usual intervals (and 5 minutes), or, of a rate, too little observed. */
bool verdicts_get(const struct verdicts *verdicts, enum red_flag flag, struct verdict *ret);

#endif
