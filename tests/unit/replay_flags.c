/* Verdicts in simulated time; see replay_flags.h. */
#include "replay_flags.h"

#include <math.h>
#include <stdlib.h>

void replay_begin(struct replay *replay, uint64_t age_ms) {
  *replay = (struct replay){.now_ms = START_MS + age_ms};
  red_flag_rules_init(&replay->rules);
  if (evaluator_new(&replay->rules, age_ms, replay->now_ms, &replay->evaluator) != 0)
    abort();
}

void replay_end(struct replay *replay) {
  evaluator_free(replay->evaluator);
}

static void judge(struct replay *replay) {
  struct flag_status changes[RED_FLAGS];
  size_t len = evaluator_judge(replay->evaluator, replay->now_ms, changes);
  for (size_t i = 0; i < len; i++) {
    enum red_flag flag = changes[i].flag;
    replay->turned[flag]++;
    replay->turned_ms[flag] = replay->now_ms - START_MS;
    replay->last[flag] = changes[i];
  }
}

void replay_observe(struct replay *replay, enum red_flag_signal signal, double value) {
  evaluator_observe(replay->evaluator, signal, value, replay->now_ms);
  judge(replay);
}

void replay_series(struct replay *replay, enum red_flag_signal signal, series_of_time series,
                   uint64_t interval_ms, uint64_t until_ms) {
  for (; replay->now_ms < START_MS + until_ms; replay->now_ms += interval_ms) {
    double value = series(replay->now_ms - START_MS);
    if (!isnan(value))
      replay_observe(replay, signal, value);
  }
}

int replay_state(const struct replay *replay, enum red_flag flag) {
  struct flag_status verdict;
  return evaluator_get(replay->evaluator, flag, &verdict) ? (int)verdict.state : -1;
}
