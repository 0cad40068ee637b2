/*
 * An evaluator fed with series in simulated time: days in milliseconds. Counts the changes, and
 * keeps the last one of each flag.
 */
#ifndef TESTS_UNIT_REPLAY_FLAGS_H
#define TESTS_UNIT_REPLAY_FLAGS_H

#include "sidecar/redflag/evaluator.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

struct replay {
  struct red_flag_rules rules;
  struct evaluator *evaluator;
  uint64_t now_ms;               /* the process started at START_MS */
  unsigned turned[RED_FLAGS];    /* changes of state */
  uint64_t turned_ms[RED_FLAGS]; /* time of the last one, since the process's start */
  struct flag_status last[RED_FLAGS];
};

/* When the process starts on the simulated clock. */
enum { START_MS = 1000 * 1000 };

/* With the default rules; age_ms: how long it has been running when it is first seen. */
void replay_begin(struct replay *replay, uint64_t age_ms);
void replay_end(struct replay *replay);

/* An observation and the judgement after it, at the replay's time. */
void replay_observe(struct replay *replay, enum red_flag_signal signal, double value);

/* What a signal is at a time since the process's start; NAN: no reading. */
typedef double (*series_of_time)(uint64_t since_start_ms);

/* Observes a series every interval until that time. */
void replay_series(struct replay *replay, enum red_flag_signal signal, series_of_time series,
                   uint64_t interval_ms, uint64_t until_ms);

/* The flag's state now; -1: unknown. */
int replay_state(const struct replay *replay, enum red_flag flag);

#endif
