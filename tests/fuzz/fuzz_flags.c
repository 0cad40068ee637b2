/*
 * Any sequence of observations, with any clock and any consistent rules: a status is one of the
 * three, began before now, and has a number if it has a value.
 *
 * Four bytes of rules, then four per observation: signal, how the value is made, the value, the
 * passing of time.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "sidecar/redflag/evaluator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth) {
  if (!truth)
    abort();
}

static void make_rules(struct red_flag_rules *rules, const uint8_t bytes[4]) {
  red_flag_rules_init(rules);
  for (size_t i = 0; i < RED_FLAGS; i++) {
    struct red_flag_rule rule = rules->rules[i];
    rule.disabled = (bytes[0] & 1u << i % 8) != 0;
    rule.warning *= (1 + bytes[1]) / 16.0;
    rule.hold_ms = bytes[2] * UINT64_C(60000);
    if (rule.window_ms > 0)
      rule.window_ms = bytes[3] * UINT64_C(20000);
    if (red_flag_rule_fault((enum red_flag)i, &rule) == NULL)
      rules->rules[i] = rule;
  }
}

static double make_value(uint8_t how, uint8_t byte, double before) {
  static const double odd[] = {NAN, INFINITY, -INFINITY, -1, -0.0, 1e18, 1e300, 5e-324};
  switch (how % 8) {
  case 0:
    return odd[byte % 8];
  case 1:
    return before + byte;
  case 2:
    return before - byte;
  case 3:
    return before * byte / 64;
  case 4:
    return before + byte * 1e6;
  default:
    return ldexp(byte, how / 8);
  }
}

/* Mostly on by an interval, sometimes by hours, and back. */
static uint64_t make_time(uint8_t byte, uint64_t before) {
  if (byte < 200)
    return before + byte * UINT64_C(1000);
  if (byte < 240)
    return before + (byte - 200) * UINT64_C(1800000);
  uint64_t back = (byte - 240) * UINT64_C(3600000);
  return before > back ? before - back : 0;
}

static void check(const struct flag_status *verdict, uint64_t now_ms) {
  require(verdict->flag < RED_FLAGS);
  require(verdict->state <= RED_FLAG_FAILURE && verdict->before <= RED_FLAG_FAILURE);
  require(verdict->since_ms <= now_ms);
  require(!isinf(verdict->value) && !isinf(verdict->rise) && !isinf(verdict->threshold));
  if (verdict->state == RED_FLAG_OK || red_flags[verdict->flag].kind == RED_FLAG_BY_OTHERS)
    return;
  require(verdict->threshold > 0);
  bool has_rise = red_flags[verdict->flag].kind == RED_FLAG_BY_GROWTH ||
                  red_flags[verdict->flag].kind == RED_FLAG_BY_STEP;
  require(has_rise == (verdict->rise > 0) && has_rise == (verdict->rise_ms > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 4)
    return 0;
  struct red_flag_rules rules;
  make_rules(&rules, data);
  uint64_t now_ms = data[3] * UINT64_C(1000000);
  struct evaluator *evaluator;
  if (evaluator_new(&rules, now_ms / 2, now_ms, &evaluator) != 0)
    return 0;
  double values[RED_FLAG_SIGNALS] = {0};
  for (size_t i = 4; i + 4 <= size; i += 4) {
    enum red_flag_signal signal = (enum red_flag_signal)(data[i] % RED_FLAG_SIGNALS);
    double value = make_value(data[i + 1], data[i + 2], values[signal]);
    now_ms = make_time(data[i + 3], now_ms);
    evaluator_observe(evaluator, signal, value, now_ms);
    values[signal] = isfinite(value) ? value : 0;
    if (data[i] >= 128)
      continue; /* several observations, one judgement */
    struct flag_status changes[RED_FLAGS], verdict;
    size_t len = evaluator_judge(evaluator, now_ms, changes);
    require(len <= RED_FLAGS);
    for (size_t n = 0; n < len; n++) {
      check(&changes[n], now_ms);
      require(changes[n].state != changes[n].before);
      require(!rules.rules[changes[n].flag].disabled);
    }
    for (size_t flag = 0; flag < RED_FLAGS; flag++)
      if (evaluator_get(evaluator, (enum red_flag)flag, &verdict)) {
        check(&verdict, now_ms);
        require(isfinite(verdict.value));
      }
  }
  evaluator_free(evaluator);
  return 0;
}
