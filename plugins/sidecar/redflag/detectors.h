/*
 * The kinds of judgement. A detector is what one flag of one process remembers between
 * observations, in fixed memory and of the size that its kind needs; each flag has one of its
 * own. Times are milliseconds of a clock that never goes back. Pure.
 *
 * LEVEL   raised once the value has been at or above the threshold for Hold, lowered below nine
 *         tenths of it, or once it has been below for Hold. Warning and failure apart.
 * RATE    the same, of what a counter gains in a second, over a minute or Hold if that is less:
 *         the readings of one interval alone are too coarse for CPU time. A counter that falls
 *         starts again.
 * GROWTH  the floor rises steadily. Time is cut into windows, and the troughs of as many as
 *         Hold has are compared, also of windows three and nine times as wide: a leak too slow
 *         for an hour shows overnight. They must have risen
 *          - by the threshold and by a tenth of what they were,
 *          - by more than the troughs are in doubt (below),
 *          - and evenly: five times as far as steps of their scatter would bring it by chance.
 *            That tells a leak from a random walk, from a step, and from a ramp that takes less
 *            than three quarters of the time.
 *         It is over once the trough has fallen back by half or found no new high for as many
 *         windows.
 * STEP    a spike that does not recede: the floor steps up within a quarter of an hour or so,
 *         well above all it was before, and stays. Slower growth is GROWTH's. It has receded
 *         when half of the step is gone; after Window it is the new plateau.
 * USUAL   failure as RATE. Warning: for Window at least twice the median of the half hours of a
 *         day. A median, because a night's batch or an afternoon's work is not usual.
 *
 * Go collects an idle program's garbage every two minutes; read every minute, such a heap
 * alternates between two heights of its teeth, and these drift for hours as the two periods
 * are not quite the same. The trough of readings that alternate is in doubt by as much as
 * they swing.
 */
#ifndef SIDECAR_REDFLAG_DETECTORS_H
#define SIDECAR_REDFLAG_DETECTORS_H

#include "sidecar/redflag/red_flag.h"

struct observation {
  double value;
  double discount; /* to take off it before a failure is judged; 0: none, or not known */
  uint64_t now_ms;
  bool is_warm; /* the process has warmed up: growth, steps and the usual count */
};

struct detector_kind {
  size_t size; /* of the state, in bytes */
  void (*init)(void *state, const struct red_flag_rule *rule);
  void (*observe)(void *state, const struct red_flag_rule *rule,
                  const struct observation *observation);
  /* Observations stopped for a while: a hold that had begun begins again, and what a counter
   * gained in that time is not known by when. */
  void (*interrupt)(void *state);
  /* Writes what the state amounts to at now->now_ms into *ret, whose value is now->value and
   * which has neither rise nor is_retained. Returns whether enough has been observed to know.
   */
  bool (*get)(const void *state, const struct red_flag_rule *rule,
              const struct observation *now, struct flag_status *ret);
};

/* NULL for RED_FLAG_BY_OTHERS, which has no detector. */
const struct detector_kind *detector_kind(enum red_flag_kind kind);

#endif
