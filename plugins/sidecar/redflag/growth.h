/*
 * Does the floor of a signal rise steadily? The time is cut into windows, and the troughs of
 * as many as Hold has are looked at, also of windows three and nine times as wide: a leak too
 * slow for an hour shows overnight. They must have risen
 *  - by the threshold and by a tenth of what they were,
 *  - by more than the troughs are in doubt (see windows.h),
 *  - and evenly: five times as far as steps of their scatter would bring it by chance. That
 *    tells a leak from a random walk, from a step, and from a ramp that takes less than three
 *    quarters of the time.
 * What grows is over once its trough has fallen back by half or found no new high for as
 * many windows. Pure.
 */
#ifndef SIDECAR_REDFLAG_GROWTH_H
#define SIDECAR_REDFLAG_GROWTH_H

#include "sidecar/redflag/red_flag_rules.h"
#include "sidecar/redflag/windows.h"

enum { GROWTH_SCALES = 3 };

struct growth {
  struct windows scales[GROWTH_SCALES];
  bool is_raised;
  uint32_t scale;     /* raised: which one it showed in */
  uint32_t stalled;   /* windows since the trough was last at a new high */
  double base, high;  /* trough that it rose from, and the highest since */
  double trough;      /* of the newest window */
  uint64_t begin_ms;  /* end of the window that base is of */
  uint64_t trough_ms; /* end of the newest window */
};

/* The rule has a Hold of GROWTH_WINDOWS_MIN to GROWTH_WINDOWS_MAX windows. */
void growth_init(struct growth *growth, const struct red_flag_rule *rule);

/* Takes an observation; warm-up is the caller's. */
void growth_add(struct growth *growth, const struct red_flag_rule *rule, double value,
                uint64_t now_ms);

#endif
