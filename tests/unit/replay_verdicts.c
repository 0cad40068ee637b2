/* Verdicts in simulated time; see replay_verdicts.h. */
#include "replay_verdicts.h"

#include <math.h>
#include <stdlib.h>

void replay_begin(struct replay *replay, uint64_t age_ms) {
  *replay = (struct replay){.now_ms = START_MS + age_ms};
  red_flag_rules_init(&replay->rules);
  if (verdicts_new(&replay->rules, age_ms, replay->now_ms, &replay->verdicts) != 0)
    abort();
}

void replay_end(struct replay *replay) {
  verdicts_free(replay->verdicts);
}

static void judge(struct replay *replay) {
  struct verdict changes[RED_FLAGS];
  size_t len = verdicts_judge(replay->verdicts, replay->now_ms, changes);
  for (size_t i = 0; i < len; i++) {
    enum red_flag flag = changes[i].flag;
    replay->turned[flag]++;
    replay->turned_ms[flag] = replay->now_ms - START_MS;
    replay->last[flag] = changes[i];
  }
}

void replay_observe(struct replay *replay, enum red_flag_signal signal, double value) {
  verdicts_observe(replay->verdicts, signal, value, replay->now_ms);
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
  struct verdict verdict;
  return verdicts_get(replay->verdicts, flag, &verdict) ? (int)verdict.state : -1;
}
