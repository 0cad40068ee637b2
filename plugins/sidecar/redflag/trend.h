/*
 * What became of each signal since a baseline was taken: for the summary of a night. Troughs
 * of ten minutes are compared, so that what a saw-tooth is at by chance counts for nothing.
 * Times are milliseconds of a monotonic clock of the caller's. Pure, and without allocations.
 */
#ifndef SIDECAR_REDFLAG_TREND_H
#define SIDECAR_REDFLAG_TREND_H

#include "sidecar/redflag/red_flag.h"

enum { TREND_WINDOW_MS = 10 * 60 * 1000 };

/* Of one signal since the baseline; NaN and 0: not known (yet). Counters are as they stand. */
struct trend_signal {
  double baseline; /* the first reading */
  double latest;
  double lowest, highest; /* of all readings */
  double first_trough;    /* of the ten minutes from the baseline on */
  double last_trough;     /* of the last ten minutes that are over; rise: their difference */
  uint64_t baseline_ms, latest_ms;
  uint64_t since_ms;  /* end of the last ten minutes whose trough was not above the
                         first: what has risen has done so since */
  double open_trough; /* of the ten minutes under way */
  uint64_t open_ms;   /* their begin */
};

struct trend {
  struct trend_signal signals[RED_FLAG_SIGNALS];
};

/* Takes the baseline: forgets what was before, and the next reading of each signal begins. */
void trend_begin(struct trend *trend);

/* A fresh reading; what is not finite, or negative, is passed over. */
void trend_observe(struct trend *trend, enum red_flag_signal signal, double value,
                   uint64_t now_ms);

#endif
