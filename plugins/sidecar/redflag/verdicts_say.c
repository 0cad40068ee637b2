/* Puts together what a flag says; see verdicts.h. */
#include <math.h>

#include "sidecar/redflag/verdicts_internal.h"

static const double UNUSUAL = 2; /* times its usual */

double verdicts_lasting(const struct verdicts *verdicts, double resident_bytes) {
  return verdicts_is_fresh(verdicts, SIGNAL_RETAINED_BYTES)
             ? resident_bytes - verdicts->signals[SIGNAL_RETAINED_BYTES].value
             : resident_bytes;
}

double verdicts_unusual_cpu(const struct verdicts *verdicts) {
  double usual = verdicts->cpu_usual.median;
  double least = verdicts->rules->rules[RED_FLAG_CPU].warning;
  return UNUSUAL * usual < least ? least : UNUSUAL * usual;
}

static void say_level(const struct verdicts *verdicts, struct verdict *verdict) {
  const struct red_flag_rule *rule = &verdicts->rules->rules[verdict->flag];
  const struct level *warning = &verdicts->warnings[verdict->flag];
  const struct level *failure = &verdicts->failures[verdict->flag];
  const struct level *raised = failure->is_raised   ? failure
                               : warning->is_raised ? warning
                                                    : NULL;
  verdict->state = raised == NULL      ? RED_FLAG_OK
                   : raised == failure ? RED_FLAG_FAILURE
                                       : RED_FLAG_WARNING;
  verdict->threshold = raised == failure ? rule->failure : rule->warning;
  verdict->since_ms = raised != NULL ? raised->since_ms : verdicts->now_ms;
}

static void say_rss(const struct verdicts *verdicts, struct verdict *verdict) {
  const struct red_flag_rule *rule = &verdicts->rules->rules[RED_FLAG_RSS];
  double lasting = verdicts_lasting(verdicts, verdict->value);
  bool is_high = verdict->value >= rule->failure && lasting < rule->failure;
  bool is_raised = verdict->value >= rule->warning && lasting < rule->warning;
  verdict->is_retained = verdict->state == RED_FLAG_WARNING && (is_high || is_raised);
}

static enum red_flag_state state_of_rise(const struct red_flag_rule *rule, double rise) {
  return rise >= rule->failure ? RED_FLAG_FAILURE : RED_FLAG_WARNING;
}

static void say_rise(const struct verdicts *verdicts, struct verdict *verdict, bool is_raised,
                     double rise, uint64_t begin_ms, uint64_t trough_ms) {
  const struct red_flag_rule *rule = &verdicts->rules->rules[verdict->flag];
  verdict->state = is_raised ? state_of_rise(rule, rise) : RED_FLAG_OK;
  verdict->threshold = verdict->state == RED_FLAG_FAILURE ? rule->failure : rule->warning;
  verdict->rise = is_raised ? rise : NAN;
  verdict->rise_ms = is_raised ? trough_ms - begin_ms : 0;
  verdict->since_ms = is_raised ? begin_ms : verdicts->now_ms;
}

static void say_cpu(const struct verdicts *verdicts, struct verdict *verdict) {
  say_level(verdicts, verdict);
  verdict->value = verdicts->rates[RED_FLAG_CPU];
  if (verdict->state == RED_FLAG_WARNING)
    verdict->value = verdicts->cpu_part_rate;
  if (verdict->state != RED_FLAG_FAILURE)
    verdict->threshold = verdicts_unusual_cpu(verdicts);
}

static void say_pprof_missing(const struct verdicts *verdicts, struct verdict *verdict) {
  bool is_any = false;
  for (size_t i = 0; i < RED_FLAGS; i++)
    is_any =
        is_any || (i != RED_FLAG_PPROF_MISSING && verdicts->verdicts[i].state != RED_FLAG_OK);
  enum red_flag_state state = is_any && verdict->value == 0 ? RED_FLAG_WARNING : RED_FLAG_OK;
  if (state != verdict->state || state == RED_FLAG_OK)
    verdict->since_ms = verdicts->now_ms;
  verdict->state = state;
}

void verdicts_say(const struct verdicts *verdicts, struct verdict *verdict) {
  const struct growth *growth = verdicts->growth_of[verdict->flag];
  const struct step *step = &verdicts->step;
  verdict->value = verdicts->signals[red_flags[verdict->flag].signal].value;
  switch (red_flags[verdict->flag].kind) {
  case RED_FLAG_BY_LEVEL:
    say_level(verdicts, verdict);
    if (verdict->flag == RED_FLAG_RSS)
      say_rss(verdicts, verdict);
    break;
  case RED_FLAG_BY_RATE:
    say_level(verdicts, verdict);
    verdict->value = verdicts->rates[verdict->flag];
    break;
  case RED_FLAG_BY_GROWTH:
    say_rise(verdicts, verdict, growth->is_raised, growth->trough - growth->base,
             growth->begin_ms, growth->trough_ms);
    break;
  case RED_FLAG_BY_STEP:
    say_rise(verdicts, verdict, step->is_raised, step->trough - step->base, step->begin_ms,
             step->trough_ms);
    break;
  case RED_FLAG_BY_USUAL:
    say_cpu(verdicts, verdict);
    break;
  case RED_FLAG_BY_OTHERS:
    say_pprof_missing(verdicts, verdict);
    break;
  }
}
