/*
 * The detectors, one for each kind of judgement. A detector's state is that of one flag of one
 * process between observations, in fixed memory. Times are milliseconds of a clock that never
 * goes back. Pure.
 *
 * LEVEL   raised once the value has been at or above the threshold for Hold, cleared below nine
 *         tenths of it, or once it has been below for Hold. Warning and failure are separate.
 * RATE    the same for the increase of a counter per second, over a minute or Hold if that is
 *         less: single intervals are too short for CPU time. A counter that decreases restarts.
 * GROWTH  the floor rises steadily. Time is divided into windows, and the troughs of those in
 *         Hold are compared, also of windows three and nine times as wide: a leak too slow for
 * an hour is detected overnight. They must have risen
 *          - by the threshold and by a tenth of the first,
 *          - by more than the uncertainty of the troughs (below),
 *          - and evenly: five times as far as steps of that scatter would go by chance. That
 *            distinguishes a leak from a random walk, from a step, and from a ramp that takes
 *            less than three quarters of the time.
 *         It is cleared once the trough has fallen back by half or reached no new high for as
 *         many windows.
 * STEP    a spike that does not recede: the floor steps up within about a quarter of an hour,
 *         well above its previous maximum, and stays. Slower rises are left to GROWTH. It has
 *         receded when half of the step is gone; after Window it is the new plateau.
 * USUAL   failure as RATE. Warning: for Window at least twice the median of the half hours of a
 *         day. The median is not affected by a nightly batch or an afternoon's work.
 *
 * Go collects the garbage of an idle program every two minutes; read every minute, such a heap
 * alternates between two heights of its teeth, and these drift for hours because the two
 * periods are not quite the same. The uncertainty of a trough of alternating readings is the
 * size of their swing.
 */
#ifndef SIDECAR_REDFLAG_DETECTORS_H
#define SIDECAR_REDFLAG_DETECTORS_H

#include "sidecar/redflag/red_flag.h"

struct observation {
  double value;
  double discount; /* subtracted from value before a failure is judged; 0: none, or not known */
  uint64_t now_ms;
  bool is_warm; /* the process has warmed up: growth, steps and the usual are judged */
};

struct detector_kind {
  size_t size; /* of the state, in bytes */
  void (*init)(void *state, const struct red_flag_rule *rule);
  void (*observe)(void *state, const struct red_flag_rule *rule,
                  const struct observation *observation);
  /* To be called after a gap in the observations: a hold in progress starts again, and the
   * increase of a counter during the gap is ignored. */
  void (*interrupt)(void *state);
  /* Writes the status at now->now_ms to *ret, in which value is now->value and neither rise nor
   * is_retained is set. Returns whether enough has been observed to know it. */
  bool (*get)(const void *state, const struct red_flag_rule *rule,
              const struct observation *now, struct flag_status *ret);
};

/* NULL for RED_FLAG_BY_OTHERS, which has no detector. */
const struct detector_kind *detector_kind(enum red_flag_kind kind);

#endif
