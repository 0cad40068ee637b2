/* Detectors of levels, rates, growth, steps and unusual values; see detectors.h. */
#include "sidecar/redflag/detectors.h"

#include <math.h>

#include "common/array.h"

/* ---- medians ---- */

/* Few values, and rarely: insertion sort is enough. */
static void sort(double *values, size_t len) {
  for (size_t i = 1; i < len; i++) {
    double value = values[i];
    size_t at = i;
    for (; at > 0 && values[at - 1] > value; at--)
      values[at] = values[at - 1];
    values[at] = value;
  }
}

/* The median of len > 0 values, which it sorts; of an even number the greater of the two middle
 * ones. */
static double median_upper(double *values, size_t len) {
  sort(values, len);
  return values[len / 2];
}

/* The same, but of an even number the mean of the two. */
static double median(double *values, size_t len) {
  double upper = median_upper(values, len);
  return len % 2 != 0 ? upper : (values[len / 2 - 1] + upper) / 2;
}

/* ---- a threshold ---- */

struct level {
  bool is_raised;
  bool is_turning;   /* on the other side of the threshold than is_raised */
  uint64_t since_ms; /* raised: when the breach began */
  uint64_t turn_ms;  /* since when that has been so */
};

/* threshold may be NaN: none. */
static void level_judge(struct level *level, double value, double threshold, uint64_t hold_ms,
                        uint64_t now_ms) {
  bool is_above = value >= threshold;
  if (is_above == level->is_raised) {
    level->is_turning = false;
    return;
  }
  if (!level->is_turning) {
    level->is_turning = true;
    level->turn_ms = now_ms;
  }
  bool is_clear = level->is_raised && value < 0.9 * threshold;
  if (now_ms - level->turn_ms < hold_ms && !is_clear)
    return;
  level->is_raised = is_above;
  level->is_turning = false;
  if (is_above)
    level->since_ms = level->turn_ms;
}

/* The thresholds of a flag. */
struct levels {
  struct level warning, failure;
};

static void levels_interrupt(struct levels *levels) {
  levels->warning.is_turning = levels->failure.is_turning = false;
}

static void levels_get(const struct levels *levels, const struct red_flag_rule *rule,
                       uint64_t now_ms, struct flag_status *ret) {
  const struct level *raised = levels->failure.is_raised   ? &levels->failure
                               : levels->warning.is_raised ? &levels->warning
                                                           : NULL;
  ret->state = raised == NULL               ? RED_FLAG_OK
               : raised == &levels->failure ? RED_FLAG_FAILURE
                                            : RED_FLAG_WARNING;
  ret->threshold = raised == &levels->failure ? rule->failure : rule->warning;
  ret->since_ms = raised != NULL ? raised->since_ms : now_ms;
}

/* ---- LEVEL ---- */

static void level_observe(void *state, const struct red_flag_rule *rule,
                          const struct observation *observation) {
  struct levels *levels = state;
  level_judge(&levels->warning, observation->value, rule->warning, rule->hold_ms,
              observation->now_ms);
  level_judge(&levels->failure, observation->value - observation->discount, rule->failure,
              rule->hold_ms, observation->now_ms);
}

static void level_interrupt(void *state) {
  levels_interrupt(state);
}

static bool level_get(const void *state, const struct red_flag_rule *rule,
                      const struct observation *now, struct flag_status *ret) {
  double value = now->value, lasting = now->value - now->discount;
  levels_get(state, rule, now->now_ms, ret);
  ret->is_retained = now->discount > 0 && ret->state == RED_FLAG_WARNING &&
                     ((value >= rule->failure && lasting < rule->failure) ||
                      (value >= rule->warning && lasting < rule->warning));
  return true;
}

/* ---- the rate of a counter ---- */

enum { RATE_SPAN_MS = 60 * 1000 }; /* at most: a span is no longer than the hold */

struct counter {
  bool has_begun;
  double begin;
  uint64_t begin_ms;
};

/* Returns true and writes the rate when a span of at least width_ms is complete. */
static bool counter_add(struct counter *counter, double count, uint64_t width_ms,
                        uint64_t now_ms, double *ret_per_second) {
  bool is_new_start = !counter->has_begun || count < counter->begin;
  if (!is_new_start) {
    uint64_t passed_ms = now_ms - counter->begin_ms;
    if (passed_ms == 0 || passed_ms < width_ms)
      return false;
    *ret_per_second = (count - counter->begin) * 1000 / (double)passed_ms;
  }
  *counter = (struct counter){true, count, now_ms};
  return !is_new_start;
}

static uint64_t rate_span(const struct red_flag_rule *rule) {
  return rule->hold_ms < RATE_SPAN_MS ? rule->hold_ms : RATE_SPAN_MS;
}

/* The rate is of the span before now, so a breach began at its beginning. */
static void judge_rate(struct level *level, double rate, double threshold, uint64_t hold_ms,
                       uint64_t span_ms, uint64_t now_ms) {
  level_judge(level, rate, threshold, hold_ms > span_ms ? hold_ms - span_ms : 0,
              now_ms - span_ms);
}

/* ---- RATE ---- */

struct rate {
  struct levels levels;
  struct counter counter;
  double per_second; /* NaN: not known */
};

static void rate_init(void *state, const struct red_flag_rule *rule) {
  (void)rule;
  *(struct rate *)state = (struct rate){.per_second = NAN};
}

static void rate_observe(void *state, const struct red_flag_rule *rule,
                         const struct observation *observation) {
  struct rate *rate = state;
  uint64_t span_ms = rate_span(rule), now_ms = observation->now_ms;
  if (!counter_add(&rate->counter, observation->value, span_ms, now_ms, &rate->per_second))
    return;
  judge_rate(&rate->levels.warning, rate->per_second, rule->warning, rule->hold_ms, span_ms,
             now_ms);
  judge_rate(&rate->levels.failure, rate->per_second, rule->failure, rule->hold_ms, span_ms,
             now_ms);
}

static void rate_interrupt(void *state) {
  struct rate *rate = state;
  levels_interrupt(&rate->levels);
  rate->counter.has_begun = false;
  rate->per_second = NAN;
}

static bool rate_get(const void *state, const struct red_flag_rule *rule,
                     const struct observation *now, struct flag_status *ret) {
  const struct rate *rate = state;
  levels_get(&rate->levels, rule, now->now_ms, ret);
  ret->value = rate->per_second;
  return !isnan(rate->per_second);
}

/* ---- troughs of windows ---- */

enum { WINDOWS_MAX = GROWTH_WINDOWS_MAX + 1 };

struct window {
  double trough; /* lowest of its observations */
  double doubt;  /* uncertainty: how far below that the real trough may be */
};

/* A window that is still open. */
struct open_window {
  uint64_t begin_ms;
  uint32_t readings; /* 0: it is not open */
  double trough, crest;
  double last, before_last;   /* readings */
  double moved, moved_by_two; /* sums of the differences to the previous reading, and to the one
                                 before it */
};

/* Consecutive windows in a ring. One without an observation restarts the ring. */
struct windows {
  uint64_t width_ms;
  uint32_t capacity;
  uint32_t len, newest; /* of the closed ones */
  uint64_t closed_ms;   /* end of the newest closed one */
  struct open_window open;
  struct window closed[WINDOWS_MAX];
};

static void windows_init(struct windows *windows, uint64_t width_ms, uint32_t capacity) {
  *windows = (struct windows){.width_ms = width_ms, .capacity = capacity};
}

static void windows_clear(struct windows *windows) {
  windows->len = 0;
  windows->open.readings = 0;
}

/* 0 is the newest, len - 1 the oldest. */
static const struct window *windows_at(const struct windows *windows, uint32_t back) {
  return &windows->closed[(windows->newest + windows->capacity - back) % windows->capacity];
}

/* Alternating readings are close to the reading two before, but not to the previous one.
 * Saw-teeth read at random times differ by a third of their height on average, in both
 * cases. */
static double doubt_of(const struct open_window *open) {
  double swing = open->crest - open->trough;
  bool alternates = open->readings >= 4 && open->moved >= swing / 4 * (open->readings - 1) &&
                    open->moved_by_two <= swing / 8 * (open->readings - 2);
  return alternates ? swing : 0;
}

static void close_window(struct windows *windows) {
  windows->newest = (windows->newest + 1) % windows->capacity;
  windows->closed[windows->newest] =
      (struct window){windows->open.trough, doubt_of(&windows->open)};
  windows->closed_ms = windows->open.begin_ms + windows->width_ms;
  if (windows->len < windows->capacity)
    windows->len++;
}

static void open_window(struct windows *windows, double value, uint64_t begin_ms) {
  windows->open = (struct open_window){
      .begin_ms = begin_ms, .readings = 1, .trough = value, .crest = value, .last = value};
}

static void add_reading(struct open_window *open, double value) {
  open->trough = value < open->trough ? value : open->trough;
  open->crest = value > open->crest ? value : open->crest;
  open->moved += fabs(value - open->last);
  if (open->readings >= 2)
    open->moved_by_two += fabs(value - open->before_last);
  open->before_last = open->last;
  open->last = value;
  open->readings++;
}

/* Returns whether it closed a window. */
static bool windows_add(struct windows *windows, double value, uint64_t now_ms) {
  struct open_window *open = &windows->open;
  uint64_t passed_ms = now_ms - open->begin_ms;
  if (open->readings == 0) {
    open_window(windows, value, now_ms);
    return false;
  }
  if (passed_ms < windows->width_ms) {
    add_reading(open, value);
    return false;
  }
  if (passed_ms >= 2 * windows->width_ms) {
    windows->len = 0;
    open_window(windows, value, now_ms);
    return false;
  }
  close_window(windows);
  open_window(windows, value, open->begin_ms + windows->width_ms);
  return true;
}

/* Sets the status from the rise from base to trough. */
static void rise_get(const struct red_flag_rule *rule, bool is_raised, double base,
                     double trough, uint64_t begin_ms, uint64_t trough_ms, uint64_t now_ms,
                     struct flag_status *ret) {
  double rise = trough - base;
  ret->state = !is_raised              ? RED_FLAG_OK
               : rise >= rule->failure ? RED_FLAG_FAILURE
                                       : RED_FLAG_WARNING;
  ret->threshold = ret->state == RED_FLAG_FAILURE ? rule->failure : rule->warning;
  ret->rise = is_raised ? rise : NAN;
  ret->rise_ms = is_raised ? trough_ms - begin_ms : 0;
  ret->since_ms = is_raised ? begin_ms : now_ms;
}

/* ---- GROWTH ---- */

enum { GROWTH_SCALES = 3 };

static const uint32_t growth_widths[GROWTH_SCALES] = {1, 3, 9};

static const double GROWTH_RELATIVE_MIN = 0.1;
static const double GROWTH_EVENNESS_MIN = 5;

struct growth {
  struct windows scales[GROWTH_SCALES];
  bool is_raised;
  uint32_t scale;     /* raised: the scale in which it was detected */
  uint32_t stalled;   /* windows since the trough was last at a new high */
  double base, high;  /* the trough that it rose from, and the highest since */
  double trough;      /* of the newest window */
  uint64_t begin_ms;  /* end of the window that base is of */
  uint64_t trough_ms; /* end of the newest window */
};

static void growth_init(void *state, const struct red_flag_rule *rule) {
  struct growth *growth = state;
  *growth = (struct growth){.is_raised = false};
  uint32_t steps = (uint32_t)(rule->hold_ms / rule->window_ms);
  for (size_t i = 0; i < GROWTH_SCALES; i++)
    windows_init(&growth->scales[i], rule->window_ms * growth_widths[i], steps + 1);
}

static double usual_doubt(const struct windows *windows) {
  double doubts[WINDOWS_MAX];
  for (uint32_t i = 0; i < windows->len; i++)
    doubts[i] = windows_at(windows, i)->doubt;
  return median_upper(doubts, windows->len);
}

/* Student's t of the steps from trough to trough, against zero: squared and compared without a
 * root or a division, so that a perfectly even rise is not a special case. */
static bool is_even(const struct windows *windows, double rise) {
  uint32_t steps = windows->len - 1;
  double mean = rise / steps, squares = 0;
  for (uint32_t i = 0; i < steps; i++) {
    double off = windows_at(windows, i)->trough - windows_at(windows, i + 1)->trough - mean;
    squares += off * off;
  }
  double variance = squares / (steps - 1);
  return rise * rise >= GROWTH_EVENNESS_MIN * GROWTH_EVENNESS_MIN * steps * variance;
}

static bool has_grown(const struct windows *windows, double threshold) {
  if (windows->len < windows->capacity)
    return false;
  double base = windows_at(windows, windows->len - 1)->trough;
  double rise = windows_at(windows, 0)->trough - base;
  return rise > 0 && rise >= threshold && rise >= GROWTH_RELATIVE_MIN * base &&
         is_even(windows, rise) && rise >= usual_doubt(windows);
}

static void raise_growth(struct growth *growth, uint32_t scale) {
  const struct windows *windows = &growth->scales[scale];
  growth->is_raised = true;
  growth->scale = scale;
  growth->stalled = 0;
  growth->base = windows_at(windows, windows->len - 1)->trough;
  growth->high = growth->trough = windows_at(windows, 0)->trough;
  growth->trough_ms = windows->closed_ms;
  growth->begin_ms = windows->closed_ms - windows->width_ms * (windows->len - 1);
}

/* A window was closed in the scale in which the growth was detected. */
static void follow_growth(struct growth *growth) {
  const struct windows *windows = &growth->scales[growth->scale];
  growth->trough = windows_at(windows, 0)->trough;
  growth->trough_ms = windows->closed_ms;
  growth->stalled++;
  if (growth->trough > growth->high) {
    growth->high = growth->trough;
    growth->stalled = 0;
  }
  if (growth->stalled < windows->capacity - 1 &&
      growth->trough > growth->base + (growth->high - growth->base) / 2)
    return;
  growth->is_raised = false;
  for (size_t i = 0; i < GROWTH_SCALES; i++)
    windows_clear(&growth->scales[i]);
}

static void growth_observe(void *state, const struct red_flag_rule *rule,
                           const struct observation *observation) {
  struct growth *growth = state;
  if (!observation->is_warm)
    return;
  for (uint32_t i = 0; i < GROWTH_SCALES; i++) {
    if (!windows_add(&growth->scales[i], observation->value, observation->now_ms))
      continue;
    if (!growth->is_raised && has_grown(&growth->scales[i], rule->warning))
      raise_growth(growth, i);
    else if (growth->is_raised && growth->scale == i)
      follow_growth(growth);
  }
}

static bool growth_get(const void *state, const struct red_flag_rule *rule,
                       const struct observation *now, struct flag_status *ret) {
  const struct growth *growth = state;
  rise_get(rule, growth->is_raised, growth->base, growth->trough, growth->begin_ms,
           growth->trough_ms, now->now_ms, ret);
  return true;
}

/* ---- STEP ---- */

/* Hold is six windows; the plateau is measured in the six before the two that may be the rise.
 */
enum { WINDOWS_OF_HOLD = 6, WINDOWS_OF_RISE = 2, WINDOWS_OF_PLATEAU = 6 };

static const double STEP_RELATIVE_MIN = 0.5;

struct step {
  struct windows windows;
  bool is_up;        /* it has stepped, and has not receded */
  bool is_raised;    /* for Hold */
  double base;       /* highest trough of the plateau before */
  double least;      /* minimum height of a step */
  double trough;     /* of the newest window */
  uint64_t begin_ms; /* of the first window above */
  uint64_t trough_ms;
};

static void step_init(void *state, const struct red_flag_rule *rule) {
  struct step *step = state;
  *step = (struct step){.is_up = false};
  uint64_t width_ms = rule->hold_ms / WINDOWS_OF_HOLD;
  windows_init(&step->windows, width_ms > 0 ? width_ms : 1,
               1 + WINDOWS_OF_RISE + WINDOWS_OF_PLATEAU);
}

static void look_for_step(struct step *step, double warning) {
  const struct windows *windows = &step->windows;
  if (windows->len < windows->capacity)
    return;
  double base = 0;
  for (uint32_t i = 1 + WINDOWS_OF_RISE; i < windows->len; i++) {
    double trough = windows_at(windows, i)->trough;
    if (trough > base)
      base = trough;
  }
  double least = STEP_RELATIVE_MIN * base > warning ? STEP_RELATIVE_MIN * base : warning;
  if (step->trough < base + least)
    return;
  step->is_up = true;
  step->base = base;
  step->least = least;
  step->begin_ms = windows->closed_ms - windows->width_ms;
}

static void step_observe(void *state, const struct red_flag_rule *rule,
                         const struct observation *observation) {
  struct step *step = state;
  struct windows *windows = &step->windows;
  if (!observation->is_warm)
    return;
  bool has_closed = windows_add(windows, observation->value, observation->now_ms);
  if (windows->len == 0 && !step->is_raised)
    step->is_up = false; /* a gap: it is not known whether it stayed */
  if (!has_closed)
    return;
  step->trough = windows_at(windows, 0)->trough;
  step->trough_ms = windows->closed_ms;
  if (!step->is_up) {
    look_for_step(step, rule->warning);
    return;
  }
  /* until the flag is raised it must stay up in full; to be cleared, half of the step must go
   */
  double floor = step->base + (step->is_raised ? step->least / 2 : step->least);
  uint64_t up_ms = step->trough_ms - step->begin_ms;
  if (step->trough < floor || (step->is_raised && up_ms >= rule->window_ms)) {
    step->is_up = step->is_raised = false;
    windows_clear(windows);
  } else if (up_ms >= rule->hold_ms) {
    step->is_raised = true;
  }
}

static bool step_get(const void *state, const struct red_flag_rule *rule,
                     const struct observation *now, struct flag_status *ret) {
  const struct step *step = state;
  rise_get(rule, step->is_raised, step->base, step->trough, step->begin_ms, step->trough_ms,
           now->now_ms, ret);
  return true;
}

/* Windows detect a pause themselves. */
static void no_interrupt(void *state) {
  (void)state;
}

/* ---- USUAL ---- */

enum {
  USUAL_SPANS = 48,    /* of Window each: by default the half hours of a day */
  USUAL_SPANS_MIN = 4, /* below that the usual is not known */
  USUAL_PARTS = 6      /* of Window: each must be above the usual for a warning */
};

static const double UNUSUAL = 2; /* times the usual */

struct usual {
  struct rate rate; /* for failures; its level of warnings is judged by part_rate */
  struct counter part_counter;
  double part_rate; /* NaN: not known */
  double means[USUAL_SPANS];
  uint32_t len, next;
  double sum; /* of the current span: rate times duration */
  uint64_t sum_ms;
  double median; /* NaN before USUAL_SPANS_MIN */
};

static void usual_init(void *state, const struct red_flag_rule *rule) {
  struct usual *usual = state;
  *usual = (struct usual){.part_rate = NAN, .median = NAN};
  rate_init(&usual->rate, rule);
}

/* The rate at which it is unusual; NaN: the usual is not known yet. */
static double unusual_rate(const struct usual *usual, const struct red_flag_rule *rule) {
  double unusual = UNUSUAL * usual->median;
  return unusual < rule->warning ? rule->warning : unusual;
}

static void learn_usual(struct usual *usual, double mean, uint64_t duration_ms,
                        uint64_t span_ms) {
  usual->sum += mean * (double)duration_ms;
  usual->sum_ms += duration_ms;
  if (usual->sum_ms < span_ms)
    return;
  usual->means[usual->next] = usual->sum / (double)usual->sum_ms;
  usual->next = (usual->next + 1) % USUAL_SPANS;
  if (usual->len < USUAL_SPANS)
    usual->len++;
  usual->sum = 0;
  usual->sum_ms = 0;
  if (usual->len >= USUAL_SPANS_MIN) {
    double sorted[USUAL_SPANS];
    for (uint32_t i = 0; i < usual->len; i++)
      sorted[i] = usual->means[i];
    usual->median = median(sorted, usual->len);
  }
}

static void usual_observe(void *state, const struct red_flag_rule *rule,
                          const struct observation *observation) {
  struct usual *usual = state;
  uint64_t now_ms = observation->now_ms, part_ms = rule->window_ms / USUAL_PARTS;
  uint64_t passed_ms = now_ms - usual->part_counter.begin_ms, span_ms = rate_span(rule);
  double rate;
  if (counter_add(&usual->rate.counter, observation->value, span_ms, now_ms, &rate)) {
    usual->rate.per_second = rate;
    judge_rate(&usual->rate.levels.failure, rate, rule->failure, rule->hold_ms, span_ms,
               now_ms);
  }
  if (counter_add(&usual->part_counter, observation->value, part_ms, now_ms, &rate)) {
    usual->part_rate = rate;
    judge_rate(&usual->rate.levels.warning, rate, unusual_rate(usual, rule), rule->window_ms,
               part_ms, now_ms);
    if (observation->is_warm)
      learn_usual(usual, rate, passed_ms, rule->window_ms);
  }
}

static void usual_interrupt(void *state) {
  struct usual *usual = state;
  rate_interrupt(&usual->rate);
  usual->part_counter.has_begun = false;
}

static bool usual_get(const void *state, const struct red_flag_rule *rule,
                      const struct observation *now, struct flag_status *ret) {
  const struct usual *usual = state;
  bool is_known = rate_get(&usual->rate, rule, now, ret);
  if (ret->state == RED_FLAG_WARNING)
    ret->value = usual->part_rate;
  if (ret->state != RED_FLAG_FAILURE)
    ret->threshold = unusual_rate(usual, rule);
  return is_known;
}

/* ---- all of them ---- */

static void levels_init(void *state, const struct red_flag_rule *rule) {
  (void)rule;
  *(struct levels *)state = (struct levels){.warning.is_raised = false};
}

const struct detector_kind *detector_kind(enum red_flag_kind kind) {
  static const struct detector_kind kinds[] = {
      [RED_FLAG_BY_LEVEL] = {sizeof(struct levels), levels_init, level_observe, level_interrupt,
                             level_get},
      [RED_FLAG_BY_RATE] = {sizeof(struct rate), rate_init, rate_observe, rate_interrupt,
                            rate_get},
      [RED_FLAG_BY_GROWTH] = {sizeof(struct growth), growth_init, growth_observe, no_interrupt,
                              growth_get},
      [RED_FLAG_BY_STEP] = {sizeof(struct step), step_init, step_observe, no_interrupt,
                            step_get},
      [RED_FLAG_BY_USUAL] = {sizeof(struct usual), usual_init, usual_observe, usual_interrupt,
                             usual_get},
  };
  return kind < ARRAY_LENGTH(kinds) ? &kinds[kind] : NULL;
}
