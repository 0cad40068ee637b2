/* Passes an observation to the judgements of its flags; see verdicts.h. */
#include <math.h>

#include "sidecar/redflag/verdicts_internal.h"

enum {
  RATE_SPAN_MS = 60 * 1000, /* at most: a rate's span is no longer than its hold */
  USUAL_PARTS = 6           /* of Window: each must be above the usual */
};

static const double VALUE_MAX = 1e18; /* squares stay finite */

/* What is usual follows slowly, so that one jump of the clock is not it. */
static void learn_interval(struct signal *signal, uint64_t passed_ms) {
  static const uint64_t first_most_ms = 3600 * 1000;
  uint64_t usual_ms = signal->interval_ms;
  if (usual_ms == 0)
    signal->interval_ms = passed_ms < first_most_ms ? passed_ms : first_most_ms;
  else if (passed_ms > 4 * usual_ms)
    signal->interval_ms += 3 * usual_ms / 4;
  else if (passed_ms > 0)
    signal->interval_ms = (3 * usual_ms + passed_ms) / 4;
}

static void observe_level(struct verdicts *verdicts, enum red_flag flag, double value,
                          double lasting, uint64_t now_ms, uint64_t hold_ms) {
  const struct red_flag_rule *rule = &verdicts->rules->rules[flag];
  level_judge(&verdicts->warnings[flag], value, rule->warning, hold_ms, now_ms);
  level_judge(&verdicts->failures[flag], lasting, rule->failure, hold_ms, now_ms);
}

/* A rate is of the span before now, and so began then. */
static uint64_t less(uint64_t hold_ms, uint64_t span_ms) {
  return hold_ms > span_ms ? hold_ms - span_ms : 0;
}

static uint64_t rate_span(const struct red_flag_rule *rule) {
  return rule->hold_ms < RATE_SPAN_MS ? rule->hold_ms : RATE_SPAN_MS;
}

static void observe_rate(struct verdicts *verdicts, enum red_flag flag, double value) {
  const struct red_flag_rule *rule = &verdicts->rules->rules[flag];
  uint64_t span_ms = rate_span(rule);
  double rate;
  if (rate_add(&verdicts->allocation, value, span_ms, verdicts->now_ms, &rate)) {
    verdicts->rates[flag] = rate;
    observe_level(verdicts, flag, rate, rate, verdicts->now_ms - span_ms,
                  less(rule->hold_ms, span_ms));
  }
}

static void observe_cpu(struct verdicts *verdicts, double value) {
  const struct red_flag_rule *rule = &verdicts->rules->rules[RED_FLAG_CPU];
  uint64_t now_ms = verdicts->now_ms, part_ms = rule->window_ms / USUAL_PARTS;
  uint64_t passed_ms = now_ms - verdicts->cpu_part.begin_ms, span_ms = rate_span(rule);
  double rate;
  if (rate_add(&verdicts->cpu, value, span_ms, now_ms, &rate)) {
    verdicts->rates[RED_FLAG_CPU] = rate;
    level_judge(&verdicts->failures[RED_FLAG_CPU], rate, rule->failure,
                less(rule->hold_ms, span_ms), now_ms - span_ms);
  }
  if (rate_add(&verdicts->cpu_part, value, part_ms, now_ms, &rate)) {
    verdicts->cpu_part_rate = rate;
    level_judge(&verdicts->warnings[RED_FLAG_CPU], rate, verdicts_unusual_cpu(verdicts),
                less(rule->window_ms, part_ms), now_ms - part_ms);
    if (verdicts->now_ms >= verdicts->warm_ms)
      usual_add(&verdicts->cpu_usual, rate, passed_ms, rule->window_ms);
  }
}

static void interrupt(struct verdicts *verdicts, enum red_flag flag) {
  level_interrupt(&verdicts->warnings[flag]);
  level_interrupt(&verdicts->failures[flag]);
  verdicts->rates[flag] = NAN;
  if (flag == RED_FLAG_ALLOCATION_RATE)
    rate_interrupt(&verdicts->allocation);
  if (flag == RED_FLAG_CPU) {
    rate_interrupt(&verdicts->cpu);
    rate_interrupt(&verdicts->cpu_part);
  }
}

static void observe_flag(struct verdicts *verdicts, enum red_flag flag, double value) {
  const struct red_flag_rule *rule = &verdicts->rules->rules[flag];
  uint64_t now_ms = verdicts->now_ms;
  bool is_warm = now_ms >= verdicts->warm_ms;
  switch (red_flags[flag].kind) {
  case RED_FLAG_BY_LEVEL:
    observe_level(verdicts, flag, value,
                  flag == RED_FLAG_RSS ? verdicts_lasting(verdicts, value) : value, now_ms,
                  rule->hold_ms);
    break;
  case RED_FLAG_BY_RATE:
    observe_rate(verdicts, flag, value);
    break;
  case RED_FLAG_BY_GROWTH:
    if (is_warm)
      growth_add(verdicts->growth_of[flag], rule, value, now_ms);
    break;
  case RED_FLAG_BY_STEP:
    if (is_warm)
      step_add(&verdicts->step, rule, value, now_ms);
    break;
  case RED_FLAG_BY_USUAL:
    observe_cpu(verdicts, value);
    break;
  case RED_FLAG_BY_OTHERS:
    break;
  }
}

void verdicts_observe(struct verdicts *verdicts, enum red_flag_signal signal, double value,
                      uint64_t now_ms) {
  struct signal *it = &verdicts->signals[signal];
  verdicts_set_time(verdicts, now_ms);
  it->is_known = value >= 0 && value <= VALUE_MAX;
  if (!it->is_known)
    return;
  uint64_t passed_ms = verdicts->now_ms - it->last_ms;
  bool was_paused = it->was_observed && signal_is_pause(it, passed_ms);
  if (it->was_observed)
    learn_interval(it, passed_ms);
  it->was_observed = true;
  it->value = value;
  it->last_ms = verdicts->now_ms;
  for (uint32_t left = verdicts->flags_of[signal]; left != 0; left &= left - 1) {
    enum red_flag flag = (enum red_flag)__builtin_ctz(left);
    if (was_paused)
      interrupt(verdicts, flag);
    observe_flag(verdicts, flag, value);
  }
  verdicts->observed |= verdicts->flags_of[signal];
}
