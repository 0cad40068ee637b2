/*
 * All flags of one process; see verdicts.h. An observation is passed to the judgements of its
 * flags; what they say is put together when it is asked for, and only of flags that something
 * was observed for since.
 */
#include "sidecar/redflag/verdicts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "sidecar/redflag/growth.h"
#include "sidecar/redflag/level.h"
#include "sidecar/redflag/rate.h"
#include "sidecar/redflag/step.h"
#include "sidecar/redflag/usual.h"

enum {
  GROWTH_FLAGS = 5,
  RATE_SPAN_MS = 60 * 1000,
  USUAL_PARTS = 6,             /* of Window: each must be above the usual */
  PAUSE_MIN_MS = 5 * 60 * 1000 /* a shorter one is no gap */
};

static const double VALUE_MAX = 1e18; /* squares stay finite */
static const double UNUSUAL = 2;      /* times its usual */

struct signal {
  bool was_observed, is_known;
  double value;
  uint64_t last_ms;
  double interval_ms; /* between observations, usually; 0: not known yet */
};

struct verdicts {
  const struct red_flag_rules *rules;
  uint64_t now_ms;    /* never goes back: the caller's clock, plus what that went back by */
  uint64_t offset_ms; /* how much that is */
  uint64_t warm_ms;   /* when the process has warmed up */
  uint32_t enabled;   /* bit n: flag n is judged */
  uint32_t observed;  /* bit n: flag n's signal was, since the flag was judged */
  uint32_t flags_of[RED_FLAG_SIGNALS];
  struct signal signals[RED_FLAG_SIGNALS];
  struct level warnings[RED_FLAGS], failures[RED_FLAGS];
  struct growth growths[GROWTH_FLAGS], *growth_of[RED_FLAGS];
  struct step step;
  struct rate allocation, cpu, cpu_part;
  double rates[RED_FLAGS], cpu_part_rate; /* NaN: not known */
  struct usual cpu_usual;
  struct verdict verdicts[RED_FLAGS];
};

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

static void set_time(struct verdicts *verdicts, uint64_t now_ms) {
  uint64_t moved = now_ms + verdicts->offset_ms;
  if (moved < verdicts->now_ms)
    verdicts->offset_ms = verdicts->now_ms - now_ms;
  else
    verdicts->now_ms = moved;
}

static uint64_t callers_time(const struct verdicts *verdicts, uint64_t time_ms) {
  return time_ms > verdicts->offset_ms ? time_ms - verdicts->offset_ms : 0;
}

static bool is_pause(const struct signal *signal, uint64_t passed_ms) {
  return passed_ms > PAUSE_MIN_MS && (double)passed_ms > 3 * signal->interval_ms;
}

static bool is_fresh(const struct verdicts *verdicts, enum red_flag_signal signal) {
  const struct signal *it = &verdicts->signals[signal];
  return it->is_known && !is_pause(it, verdicts->now_ms - it->last_ms);
}

/* What is usual follows slowly, so that one jump of the clock is not it. */
static void learn_interval(struct signal *signal, uint64_t passed_ms) {
  if (passed_ms == 0)
    return;
  double passed = (double)passed_ms, most = 4 * signal->interval_ms;
  if (signal->interval_ms == 0)
    signal->interval_ms = passed < 3600e3 ? passed : 3600e3;
  else
    signal->interval_ms += ((passed < most ? passed : most) - signal->interval_ms) / 4;
}

/* --- an observation */

static void observe_level(struct verdicts *verdicts, enum red_flag flag, double value,
                          double lasting, uint64_t now_ms, uint64_t hold_ms) {
  const struct red_flag_rule *rule = &verdicts->rules->rules[flag];
  level_judge(&verdicts->warnings[flag], value, rule->warning, hold_ms, now_ms);
  level_judge(&verdicts->failures[flag], lasting, rule->failure, hold_ms, now_ms);
}

/* RSS without what the Go program has freed: that is no leak. */
static double lasting_of(const struct verdicts *verdicts, double resident_bytes) {
  return is_fresh(verdicts, SIGNAL_RETAINED_BYTES)
             ? resident_bytes - verdicts->signals[SIGNAL_RETAINED_BYTES].value
             : resident_bytes;
}

/* A rate is of the span before now, and so began then. */
static uint64_t less(uint64_t hold_ms, uint64_t span_ms) {
  return hold_ms > span_ms ? hold_ms - span_ms : 0;
}

static void observe_rate(struct verdicts *verdicts, enum red_flag flag, double value) {
  double rate;
  if (rate_add(&verdicts->allocation, value, RATE_SPAN_MS, verdicts->now_ms, &rate)) {
    verdicts->rates[flag] = rate;
    observe_level(verdicts, flag, rate, rate, verdicts->now_ms - RATE_SPAN_MS,
                  less(verdicts->rules->rules[flag].hold_ms, RATE_SPAN_MS));
  }
}

static double unusual_cpu(const struct verdicts *verdicts) {
  double usual = verdicts->cpu_usual.median;
  double least = verdicts->rules->rules[RED_FLAG_CPU].warning;
  return UNUSUAL * usual < least ? least : UNUSUAL * usual;
}

static void observe_cpu(struct verdicts *verdicts, double value) {
  const struct red_flag_rule *rule = &verdicts->rules->rules[RED_FLAG_CPU];
  uint64_t now_ms = verdicts->now_ms, part_ms = rule->window_ms / USUAL_PARTS;
  uint64_t passed_ms = now_ms - verdicts->cpu_part.begin_ms;
  double rate;
  if (rate_add(&verdicts->cpu, value, RATE_SPAN_MS, now_ms, &rate)) {
    verdicts->rates[RED_FLAG_CPU] = rate;
    level_judge(&verdicts->failures[RED_FLAG_CPU], rate, rule->failure,
                less(rule->hold_ms, RATE_SPAN_MS), now_ms - RATE_SPAN_MS);
  }
  if (rate_add(&verdicts->cpu_part, value, part_ms, now_ms, &rate)) {
    verdicts->cpu_part_rate = rate;
    level_judge(&verdicts->warnings[RED_FLAG_CPU], rate, unusual_cpu(verdicts),
                less(rule->window_ms, part_ms), now_ms - part_ms);
    if (now_ms >= verdicts->warm_ms)
      usual_add(&verdicts->cpu_usual, rate, passed_ms);
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
                  flag == RED_FLAG_RSS ? lasting_of(verdicts, value) : value, now_ms,
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
  set_time(verdicts, now_ms);
  it->is_known = value >= 0 && value <= VALUE_MAX;
  if (!it->is_known)
    return;
  uint64_t passed_ms = verdicts->now_ms - it->last_ms;
  bool was_paused = it->was_observed && is_pause(it, passed_ms);
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

/* --- the judgement */

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
  double lasting = lasting_of(verdicts, verdict->value);
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
    verdict->threshold = unusual_cpu(verdicts);
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

/* Writes the flag's verdict, times in our clock. */
static void say(const struct verdicts *verdicts, struct verdict *verdict) {
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

static struct verdict in_callers_time(const struct verdicts *verdicts,
                                      const struct verdict *verdict) {
  struct verdict copy = *verdict;
  copy.since_ms = callers_time(verdicts, copy.since_ms);
  return copy;
}

size_t verdicts_judge(struct verdicts *verdicts, uint64_t now_ms,
                      struct verdict ret[RED_FLAGS]) {
  set_time(verdicts, now_ms);
  size_t changes = 0;
  if (verdicts->observed != 0 && is_fresh(verdicts, SIGNAL_HAS_PPROF))
    verdicts->observed |= verdicts->enabled & 1u << RED_FLAG_PPROF_MISSING;
  /* in the order of flags, so that pprof_missing sees what the others say */
  for (uint32_t left = verdicts->observed; left != 0; left &= left - 1) {
    struct verdict *verdict = &verdicts->verdicts[__builtin_ctz(left)];
    enum red_flag_state state = verdict->state;
    say(verdicts, verdict);
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
  if ((verdicts->enabled & 1u << flag) == 0 || !is_fresh(verdicts, red_flags[flag].signal) ||
      (is_rate && isnan(verdicts->rates[flag])))
    return false;
  *ret = in_callers_time(verdicts, &verdicts->verdicts[flag]);
  return true;
}
