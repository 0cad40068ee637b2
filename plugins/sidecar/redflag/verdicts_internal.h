/*
 * What the files of verdicts share: the state of one process, in our own clock, which is the
 * caller's but never goes back.
 */
#ifndef SIDECAR_REDFLAG_VERDICTS_INTERNAL_H
#define SIDECAR_REDFLAG_VERDICTS_INTERNAL_H

#include "sidecar/redflag/growth.h"
#include "sidecar/redflag/level.h"
#include "sidecar/redflag/rate.h"
#include "sidecar/redflag/step.h"
#include "sidecar/redflag/usual.h"
#include "sidecar/redflag/verdicts.h"

enum { GROWTH_FLAGS = 5 };

struct signal {
  bool was_observed, is_known;
  double value;
  uint64_t last_ms;
  uint64_t interval_ms; /* between observations, usually; 0: not known yet */
};

struct verdicts {
  const struct red_flag_rules *rules;
  uint64_t now_ms;    /* never goes back: the caller's clock, plus what that went back by */
  uint64_t offset_ms; /* how much that is */
  uint32_t enabled;   /* bit n: flag n is judged */
  uint32_t observed;  /* bit n: flag n's signal was, since the flag was judged */
  uint32_t flags_of[RED_FLAG_SIGNALS];
  struct signal signals[RED_FLAG_SIGNALS];
  uint64_t warm_ms; /* from when on the process has warmed up */
  struct level warnings[RED_FLAGS], failures[RED_FLAGS];
  struct growth growths[GROWTH_FLAGS], *growth_of[RED_FLAGS];
  struct step step;
  struct rate allocation, cpu, cpu_part;
  double rates[RED_FLAGS], cpu_part_rate; /* NaN: not known */
  struct usual cpu_usual;
  struct verdict verdicts[RED_FLAGS];
};

/* Times that go back are taken as now. */
static inline void verdicts_set_time(struct verdicts *verdicts, uint64_t now_ms) {
  uint64_t moved = now_ms + verdicts->offset_ms;
  if (moved < verdicts->now_ms)
    verdicts->offset_ms = verdicts->now_ms - now_ms;
  else
    verdicts->now_ms = moved;
}

/* Is that long without an observation more than the signal's usual interval explains? */
static inline bool signal_is_pause(const struct signal *signal, uint64_t passed_ms) {
  static const uint64_t pause_min_ms = 5 * 60 * 1000;
  return passed_ms > pause_min_ms && passed_ms > 3 * signal->interval_ms;
}

/* Was it readable when it was last observed, and is that not long ago? */
bool verdicts_is_fresh(const struct verdicts *verdicts, enum red_flag_signal signal);

/* RSS without what the Go program has freed: that is no leak. */
double verdicts_lasting(const struct verdicts *verdicts, double resident_bytes);

/* The CPU, in cores, from which on it is twice the usual; NaN: nothing is usual yet. */
double verdicts_unusual_cpu(const struct verdicts *verdicts);

/* Writes what the flag of verdict says now, times in our clock. */
void verdicts_say(const struct verdicts *verdicts, struct verdict *verdict);

#endif
