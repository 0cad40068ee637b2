/*
 * The verdicts of a process: their life, their time, and asking for them; see verdicts.h. An
 * observation is passed to the judgements of its flags (verdicts_observe.c); what they say is
 * put together (verdicts_say.c) only of flags that something was observed for since.
 */
#include "sidecar/redflag/verdicts_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

int verdicts_new(const struct red_flag_rules *rules, uint64_t age_ms, uint64_t now_ms,
                 struct verdicts **ret) {
  struct verdicts *verdicts = calloc(1, sizeof(*verdicts));
  if (verdicts == NULL)
    return -ENOMEM;
  verdicts->rules = rules;
  verdicts->now_ms = now_ms;
  verdicts->warm_ms = now_ms + (age_ms < rules->warm_up_ms ? rules->warm_up_ms - age_ms : 0);
  verdicts->cpu_part_rate = NAN;
  usual_init(&verdicts->cpu_usual);
  size_t growths = 0;
  for (size_t i = 0; i < RED_FLAGS; i++) {
    const struct red_flag_rule *rule = &rules->rules[i];
    verdicts->rates[i] = NAN;
    verdicts->verdicts[i] =
        (struct verdict){.flag = (enum red_flag)i, .value = NAN, .threshold = NAN, .rise = NAN};
    if (red_flags[i].kind == RED_FLAG_BY_GROWTH) {
      verdicts->growth_of[i] = &verdicts->growths[growths++];
      growth_init(verdicts->growth_of[i], rule);
    } else if (red_flags[i].kind == RED_FLAG_BY_STEP) {
      step_init(&verdicts->step, rule);
    }
    if (rule->disabled)
      continue;
    verdicts->enabled |= 1u << i;
    verdicts->flags_of[red_flags[i].signal] |= 1u << i;
  }
  *ret = verdicts;
  return 0;
}

void verdicts_free(struct verdicts *verdicts) {
  free(verdicts);
}

size_t verdicts_size(void) {
  return sizeof(struct verdicts);
}

/* --- time */

static uint64_t callers_time(const struct verdicts *verdicts, uint64_t time_ms) {
  return time_ms > verdicts->offset_ms ? time_ms - verdicts->offset_ms : 0;
}

bool verdicts_is_fresh(const struct verdicts *verdicts, enum red_flag_signal signal) {
  const struct signal *it = &verdicts->signals[signal];
  return it->is_known && !signal_is_pause(it, verdicts->now_ms - it->last_ms);
}

/* --- the judgement */

static struct verdict in_callers_time(const struct verdicts *verdicts,
                                      const struct verdict *verdict) {
  struct verdict copy = *verdict;
  copy.since_ms = callers_time(verdicts, copy.since_ms);
  return copy;
}

size_t verdicts_judge(struct verdicts *verdicts, uint64_t now_ms,
                      struct verdict ret[RED_FLAGS]) {
  verdicts_set_time(verdicts, now_ms);
  size_t changes = 0;
  if (verdicts->observed != 0 && verdicts_is_fresh(verdicts, SIGNAL_HAS_PPROF))
    verdicts->observed |= verdicts->enabled & 1u << RED_FLAG_PPROF_MISSING;
  /* in the order of flags, so that pprof_missing sees what the others say */
  for (uint32_t left = verdicts->observed; left != 0; left &= left - 1) {
    struct verdict *verdict = &verdicts->verdicts[__builtin_ctz(left)];
    enum red_flag_state state = verdict->state;
    verdicts_say(verdicts, verdict);
    if (verdict->state == state)
      continue;
    verdict->before = state;
    ret[changes++] = in_callers_time(verdicts, verdict);
  }
  verdicts->observed = 0;
  return changes;
}

bool verdicts_get(const struct verdicts *verdicts, enum red_flag flag, struct verdict *ret) {
  enum red_flag_kind kind = red_flags[flag].kind;
  bool is_rate = kind == RED_FLAG_BY_RATE || kind == RED_FLAG_BY_USUAL;
  if ((verdicts->enabled & 1u << flag) == 0 ||
      !verdicts_is_fresh(verdicts, red_flags[flag].signal) ||
      (is_rate && isnan(verdicts->rates[flag])))
    return false;
  *ret = in_callers_time(verdicts, &verdicts->verdicts[flag]);
  return true;
}
