/*
 * The detectors, one for each kind of judgement. A detector's state is that of one flag of one
 * process between observations, in fixed memory. Times are milliseconds of a clock that never
 * goes back. Pure.
 *
 * LEVEL   raised once the value has been at or above the threshold for Hold, cleared once it
 *         has been below for minutes. Warning and failure are separate.
 * RATE    the same for the increase of a counter per second, over a minute or Hold if that is
 *         less: single intervals are too short for CPU time. A counter that decreases restarts.
 * GROWTH  the floor rises steadily. The troughs of windows are kept in a ring, and when one
 *         ends, spans of many lengths are looked at. In a span the troughs must have risen
 *          - by the threshold, and by a share of the first that is larger in short spans,
 *          - by more than the uncertainty of the troughs (below),
 *          - evenly: further than a walk of so few steps of that scatter goes by chance,
 *          - smoothly: further than the single windows' walk, of which noise about a line is no
 *            part. That tells a leak from a few large steps,
 *          - as fast in the later half as in the earlier,
 *          - and above the same time of the days before.
 *         A count may also have jumped: at least three times, equally far and at equal times,
 * and not moved otherwise. It is cleared once the trough has fallen back by half or rises at a
 * quarter of the rate. STEP    a spike that does not recede: the floor steps up within a
 * fifteenth of Hold, well above its previous maximum and the same time of the days before, and
 * stays for Hold. Slower rises are left to GROWTH. It has receded when half of the step is
 * gone; after Window it is the new plateau. USUAL   failure as RATE. Warning: the floor, the
 * lowest minute of each third of Window, is for Window at least 1.6 times the median of the
 * floors of a day, and the same time of the days before. BASELINE as LEVEL, for multiples of
 * the lowest value of the first Window after warm-up.
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
  bool is_warm;    /* the process has warmed up: growth, steps and the usual are judged */
  bool is_allowed; /* the condition of the flag was met in the last Hold, or is not known */
};

struct detector_kind {
  size_t size; /* of the state, in bytes */
  void (*init)(void *state, const struct red_flag_rule *rule);
  /* Returns whether the flag is known to be OK. */
  bool (*observe)(void *state, const struct red_flag_rule *rule,
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
