/*
 * The red flags of one process, judged from what is observed of it over time, in fixed
 * memory and without a clock of its own: a test replays days in milliseconds. Times are
 * milliseconds of a monotonic clock of the caller's. Pure.
 */
#ifndef SIDECAR_REDFLAG_VERDICTS_H
#define SIDECAR_REDFLAG_VERDICTS_H

#include "sidecar/redflag/red_flag.h"

struct red_flag_rules; /* what the configuration makes of the table; see red_flag_rules.h */
struct verdicts;       /* opaque; at most 64 KB, whatever the rules and however long */

/* What a flag says now. value, threshold and rise are in the signal's unit, NaN where there is
 * none. */
struct verdict {
  enum red_flag flag;
  enum red_flag_state state, before;
  double value;     /* the latest observation that it was judged by */
  double threshold; /* that it is above of; on OKAY the one it is below of again */
  double rise;      /* growth: the trough's rise over rise_ms */
  uint64_t rise_ms;
  uint64_t since_ms; /* when what the flag says began: the breach, not the end of its hold */
};

/*
 * rules are borrowed. age_ms: how long the process has been running at now_ms; warm-up is
 * counted from its start. Returns 0 or -ENOMEM; the caller owns *ret.
 */
int verdicts_new(const struct red_flag_rules *rules, uint64_t age_ms, uint64_t now_ms,
                 struct verdicts **ret);
void verdicts_free(struct verdicts *verdicts); /* NULL is fine */

/* A fresh reading of a signal; NaN: it cannot be read (any more). Times that do not increase
 * are taken as now. */
void verdicts_observe(struct verdicts *verdicts, enum red_flag_signal signal, double value,
                      uint64_t now_ms);

/* Judges all flags. Returns how many changed their state and writes those to ret. */
size_t verdicts_judge(struct verdicts *verdicts, uint64_t now_ms,
                      struct verdict ret[RED_FLAGS]);

/* What a flag says since the last judgement. Returns false while that is unknown: switched
 * off, or nothing was observed that it could be judged by. */
bool verdicts_get(const struct verdicts *verdicts, enum red_flag flag, struct verdict *ret);

#endif
