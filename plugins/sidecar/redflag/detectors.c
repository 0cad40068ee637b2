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

/* The median of len > 0 values, which it sorts; of an even number the mean of the two middle
 * ones. */
static double median(double *values, size_t len) {
  sort(values, len);
  double upper = values[len / 2];
  return len % 2 != 0 ? upper : (values[len / 2 - 1] + upper) / 2;
}

/* ---- a threshold ---- */

enum { CLEAR_HOLDS = 5, CLEAR_HOLD_MAX_MS = 10 * 60 * 1000 };

struct level {
  bool is_raised;
  bool is_turning;   /* on the other side of the threshold than is_raised */
  uint64_t since_ms; /* raised: when the breach began */
  uint64_t turn_ms;  /* since when that has been so */
};

/* How long a value has to be below its threshold: minutes, or one that swings about it would be
 * told at every turn. */
static uint64_t clear_hold(uint64_t hold_ms) {
  uint64_t most_ms = hold_ms > CLEAR_HOLD_MAX_MS ? hold_ms : CLEAR_HOLD_MAX_MS;
  return hold_ms < most_ms / CLEAR_HOLDS ? CLEAR_HOLDS * hold_ms : most_ms;
}

enum { EARLY_PART = 20, EARLY_MAX_MS = 3000 };

/* Readings come slightly early or late: the nearest one decides, or a hold as long as their
 * interval would take two. */
static bool has_lasted(uint64_t passed_ms, uint64_t hold_ms) {
  uint64_t early_ms = hold_ms / EARLY_PART;
  return passed_ms + (early_ms < EARLY_MAX_MS ? early_ms : EARLY_MAX_MS) >= hold_ms;
}

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
  if (!has_lasted(now_ms - level->turn_ms, level->is_raised ? clear_hold(hold_ms) : hold_ms))
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

static bool levels_are_ok(const struct levels *levels) {
  return !levels->warning.is_raised && !levels->failure.is_raised;
}

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

static bool level_observe(void *state, const struct red_flag_rule *rule,
                          const struct observation *observation) {
  struct levels *levels = state;
  level_judge(&levels->warning, observation->value, rule->warning, rule->hold_ms,
              observation->now_ms);
  level_judge(&levels->failure, observation->value - observation->discount, rule->failure,
              rule->hold_ms, observation->now_ms);
  return levels_are_ok(levels);
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

static bool rate_is_ok(const struct rate *rate) {
  return levels_are_ok(&rate->levels) && !isnan(rate->per_second);
}

static bool rate_observe(void *state, const struct red_flag_rule *rule,
                         const struct observation *observation) {
  struct rate *rate = state;
  uint64_t span_ms = rate_span(rule), now_ms = observation->now_ms;
  if (!counter_add(&rate->counter, observation->value, span_ms, now_ms, &rate->per_second))
    return rate_is_ok(rate);
  judge_rate(&rate->levels.warning, rate->per_second, rule->warning, rule->hold_ms, span_ms,
             now_ms);
  judge_rate(&rate->levels.failure, rate->per_second, rule->failure, rule->hold_ms, span_ms,
             now_ms);
  return rate_is_ok(rate);
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

enum { WINDOWS_MAX = 480 };

struct window {
  float trough; /* lowest of its observations; NaN: it has none */
  float doubt;  /* uncertainty: how far below that the real trough may be */
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

/* Consecutive windows in a ring. */
struct windows {
  uint64_t width_ms;
  uint32_t len, newest; /* of the closed ones */
  uint64_t closed_ms;   /* end of the newest closed one */
  struct open_window open;
  struct window closed[WINDOWS_MAX];
};

static void windows_init(struct windows *windows, uint64_t width_ms) {
  windows->width_ms = width_ms > 0 ? width_ms : 1;
  windows->len = windows->newest = 0;
  windows->open.readings = 0;
}

static void windows_clear(struct windows *windows) {
  windows_init(windows, windows->width_ms);
}

/* 0 is the newest, len - 1 the oldest. */
static const struct window *windows_at(const struct windows *windows, uint32_t back) {
  uint32_t newest = windows->newest; /* without a division */
  return &windows->closed[back <= newest ? newest - back : newest + WINDOWS_MAX - back];
}

/* The lower one; NaN is no number (fminf(3), without a call). */
static inline float lower(float a, float b) {
  return a <= b || isnan(b) ? a : b;
}

/* The lowest trough of len windows that end with the one that far back; NaN: nothing was
 * observed in them. */
static double trough_of(const struct windows *windows, uint32_t back, uint32_t len) {
  float trough = NAN;
  for (uint32_t i = 0; i < len; i++)
    trough = lower(trough, windows_at(windows, back + i)->trough);
  return (double)trough;
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

static void close_window(struct windows *windows, double trough, double doubt) {
  windows->newest = (windows->newest + 1) % WINDOWS_MAX;
  windows->closed[windows->newest] = (struct window){(float)trough, (float)doubt};
  if (windows->len < WINDOWS_MAX)
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

/* Returns how many windows it closed: those after the first had no observation. */
static uint32_t windows_add(struct windows *windows, double value, uint64_t now_ms) {
  struct open_window *open = &windows->open;
  if (open->readings == 0) {
    open_window(windows, value, now_ms);
    return 0;
  }
  if (now_ms - open->begin_ms < windows->width_ms) {
    add_reading(open, value);
    return 0;
  }
  uint64_t closed = (now_ms - open->begin_ms) / windows->width_ms;
  close_window(windows, open->trough, doubt_of(open));
  uint32_t empty = closed - 1 < WINDOWS_MAX ? (uint32_t)(closed - 1) : WINDOWS_MAX;
  for (uint32_t i = 0; i < empty; i++)
    close_window(windows, NAN, NAN);
  windows->closed_ms = open->begin_ms + closed * windows->width_ms;
  open_window(windows, value, windows->closed_ms);
  return 1 + empty;
}

/* ---- troughs of hours ---- */

enum { HOUR_MS = 3600 * 1000, DAY_HOURS = 24, HOURS_MAX = 7 * DAY_HOURS + 2 };

/* The troughs of hours, for a comparison with the same time of other days. */
struct hours {
  uint64_t begin_ms; /* of the current hour; 0: none yet */
  uint32_t len, newest;
  float current;
  float same_time; /* the highest trough at this time of the days before, give or take an hour;
                      NaN: not known */
  float troughs[HOURS_MAX];
};

static void hours_init(struct hours *hours) {
  *hours = (struct hours){.current = NAN, .same_time = NAN};
}

static float highest_of_days(const struct hours *hours) {
  float highest = NAN;
  for (uint32_t day = DAY_HOURS; day <= hours->len; day += DAY_HOURS)
    for (uint32_t back = day - 2; back <= day && back < hours->len; back++)
      highest = fmaxf(highest, hours->troughs[(hours->newest + HOURS_MAX - back) % HOURS_MAX]);
  return highest;
}

static void close_hour(struct hours *hours) {
  hours->newest = (hours->newest + 1) % HOURS_MAX;
  hours->troughs[hours->newest] = hours->current;
  hours->current = NAN;
  if (hours->len < HOURS_MAX)
    hours->len++;
}

static void hours_add(struct hours *hours, double value, uint64_t now_ms) {
  if (hours->begin_ms == 0)
    hours->begin_ms = now_ms;
  if (now_ms - hours->begin_ms >= HOUR_MS) {
    uint64_t passed = (now_ms - hours->begin_ms) / HOUR_MS;
    hours->begin_ms += passed * HOUR_MS;
    for (uint64_t i = 0; i < passed && i < HOURS_MAX; i++)
      close_hour(hours);
    hours->same_time = highest_of_days(hours);
  }
  hours->current = lower(hours->current, (float)value);
}

/* ---- rises ---- */

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

/* A span of time is divided into so many steps of equal length; the troughs of its parts must
 * rise as evenly as that. Fewer steps can be even by chance, and so have to be more even. */
static const struct {
  uint32_t steps;
  double evenness;
} divisions[] = {{4, 34}, {6, 11}, {8, 8.5}, {12, 6}};

enum { STEPS_MAX = 12 };

static const double GROWTH_SHARE_MIN = 0.02;

/* The later half of a span must have risen nearly as far as the earlier one: what fills up and
 * levels off rises ever slower. */
static const double GROWTH_STEADY_MIN = 0.85, GROWTH_STEADY_MAX = 1.5;

/* How many times as far as by chance it must have risen from window to window. */
static const double GROWTH_SMOOTHNESS = 4.9;

/* A count may also rise in equal jumps at equal times: so many, of so many units at least,
 * equal within that share. */
enum { JUMPS_MIN = 3, JUMP_MIN = 4 };
static const double JUMPS_DIFFER = 0.1, JUMP_TIMES_DIFFER = 0.05;

/* Below that part of the rate at which it was detected, it has levelled off. */
static const double GROWTH_STALLED = 0.25;

struct growth {
  struct windows windows;
  struct hours hours;
  bool is_raised, has_levelled_off;
  uint32_t steps, length; /* raised: of the span in which it was detected, and windows a step */
  double detected;        /* the rise in that span */
  float lowest;           /* trough in windows, or before them */
  double base, high;      /* the trough that it rose from, and the highest since */
  double trough;          /* of the newest step */
  uint64_t begin_ms;      /* end of the part that base is of */
  uint64_t trough_ms;     /* end of the newest window */
};

static void growth_init(void *state, const struct red_flag_rule *rule) {
  struct growth *growth = state;
  growth->is_raised = growth->has_levelled_off = false;
  hours_init(&growth->hours);
  growth->lowest = NAN;
  windows_init(&growth->windows, rule->window_ms);
}

static double usual_doubt(const struct windows *windows, uint32_t len) {
  double sum = 0;
  uint32_t known = 0;
  for (uint32_t i = 0; i < len; i++) {
    double doubt = (double)windows_at(windows, i)->doubt;
    sum += isnan(doubt) ? 0 : doubt;
    known += !isnan(doubt) && doubt > 0;
  }
  return 2 * known > len ? sum / known : 0;
}

/* Of the steps from trough to trough, newest first, about their mean: sums of the squares, and
 * of the products of each with the next. */
struct scatter {
  double squares, products;
};

static struct scatter scatter_of(const double *troughs, uint32_t steps) {
  struct scatter scatter = {0, 0};
  double mean = (troughs[0] - troughs[steps]) / steps, before = 0;
  for (uint32_t i = 0; i < steps; i++) {
    double off = troughs[i] - troughs[i + 1] - mean;
    scatter.squares += off * off;
    scatter.products += off * before;
    before = off;
  }
  return scatter;
}

/* Student's t of the steps from trough to trough, against zero: squared and compared without a
 * root or a division, so that a perfectly even rise is not a special case. */
static bool is_even(const double *troughs, uint32_t steps, double evenness, double grain) {
  double rise = troughs[0] - troughs[steps];
  struct scatter scatter = scatter_of(troughs, steps);
  double squares = fmax(scatter.squares + scatter.products, 0.5 * scatter.squares) +
                   grain * grain / 4 * steps;
  return rise * rise >= evenness * evenness * steps * squares / (steps - 1);
}

static bool is_steady(const double *troughs, uint32_t steps) {
  uint32_t half = steps / 2;
  double earlier = troughs[steps - half] - troughs[steps], later = troughs[0] - troughs[half];
  return troughs[0] > troughs[1] && later >= GROWTH_STEADY_MIN * earlier &&
         later <= GROWTH_STEADY_MAX * earlier;
}

/* Is the rise more than chance moves a walk of so many parts of length windows each? What one
 * part moves it is the variance of the steps and twice their covariance with the next. Of noise
 * about a line they cancel, of a few large steps they do not. It is known as exactly as so many
 * steps allow. */
static bool is_smooth_by(const struct windows *windows, uint32_t parts, uint32_t length) {
  double troughs[WINDOWS_MAX];
  troughs[0] = trough_of(windows, 0, length);
  if (isnan(troughs[0]))
    return false;
  uint32_t steps = 0;
  for (uint32_t i = 1; i < parts; i++) {
    double trough = trough_of(windows, i * length, length);
    if (!isnan(trough))
      troughs[++steps] = trough;
  }
  double rise = troughs[0] - troughs[steps];
  struct scatter scatter = scatter_of(troughs, steps);
  double walk =
      fmax(scatter.squares + 2 * scatter.products, scatter.squares * sqrt(2.0 / steps));
  return rise * rise >= GROWTH_SMOOTHNESS * GROWTH_SMOOTHNESS * walk;
}

/* The same for single windows, or, where enough are left, for wider ones: a saw-tooth may be
 * slower than single windows. */
static bool is_smooth(const struct windows *windows, uint32_t len, uint32_t least_steps) {
  for (uint32_t length = 1; length == 1 || len / length > least_steps; length *= 2)
    if (is_smooth_by(windows, len / length, length))
      return true;
  return false;
}

/* Have more than most of the windows in a row no observation? */
static bool has_gap(const struct windows *windows, uint32_t len, uint32_t most) {
  uint32_t gap = 0;
  for (uint32_t i = 0; i < len && gap <= most; i++)
    gap = isnan((double)windows_at(windows, i)->trough) ? gap + 1 : 0;
  return gap > most;
}

/* The minimum rise from base in a span. In a short one it has to be larger: it may be a burst
 * of work. */
static double least_rise(const struct red_flag_rule *rule, double base, uint64_t span_ms) {
  double share = rule->share * (double)rule->hold_ms / (double)span_ms;
  return fmax(rule->warning, base * fmax(share, GROWTH_SHARE_MIN));
}

static bool was_as_high_before(const struct growth *growth, double trough, double rise) {
  return trough - (double)growth->hours.same_time < rise / 2;
}

/* Has it grown in a span of steps of length windows each, to this trough of the last step? */
static bool has_grown(const struct growth *growth, const struct red_flag_rule *rule,
                      double evenness, uint32_t steps, uint32_t length, double trough) {
  const struct windows *windows = &growth->windows;
  double troughs[STEPS_MAX + 1];
  troughs[0] = trough;
  troughs[steps] = trough_of(windows, steps * length, length);
  double rise = troughs[0] - troughs[steps];
  if (!(rise > 0 &&
        rise >= least_rise(rule, troughs[steps], windows->width_ms * steps * length)))
    return false;
  for (uint32_t i = 1; i < steps; i++)
    troughs[i] = trough_of(windows, i * length, length);
  return is_steady(troughs, steps) && is_even(troughs, steps, evenness, rule->grain) &&
         !has_gap(windows, (steps + 1) * length, length / 2) &&
         is_smooth(windows, (steps + 1) * length, rule->smooth_steps) &&
         rise >= usual_doubt(windows, steps * length) &&
         !was_as_high_before(growth, trough, rise);
}

/* Jumps in a row, from the newest window back. */
struct jumps {
  uint32_t len, first_gap; /* windows between the newest two */
  uint32_t newest, oldest; /* windows before them */
  double least, most;      /* heights */
};

/* Returns whether it is like those that are newer. */
static bool add_jump(struct jumps *jumps, uint32_t back, double height) {
  double gap = back - jumps->oldest;
  if (jumps->len == 0)
    *jumps = (struct jumps){.newest = back, .least = height, .most = height};
  else if (jumps->len == 1)
    jumps->first_gap = back - jumps->oldest;
  else if (fabs(gap - jumps->first_gap) > 1 + JUMP_TIMES_DIFFER * jumps->first_gap)
    return false;
  jumps->len++;
  jumps->oldest = back;
  jumps->least = fmin(jumps->least, height);
  jumps->most = fmax(jumps->most, height);
  return jumps->most - jumps->least <= JUMPS_DIFFER * jumps->most;
}

/* Returns whether nothing else moved it, up to now or since twice their gap. */
static bool find_jumps(const struct windows *windows, double grain, struct jumps *ret) {
  double after = (double)windows_at(windows, 0)->trough;
  *ret = (struct jumps){.len = 0};
  for (uint32_t back = 1; back < windows->len; back++) {
    double trough = (double)windows_at(windows, back)->trough, height = after - trough;
    if (ret->len > 1 && back - ret->oldest > 2 * ret->first_gap)
      break;
    after = trough;
    if (fabs(height) < grain)
      continue;
    if (!(height >= JUMP_MIN * grain) || !add_jump(ret, back, height))
      return false;
  }
  return ret->len >= JUMPS_MIN;
}

/* Has it grown in jumps? *ret_windows: to now from as long before the first of them as they are
 * apart, so that rise and time are those of as many gaps as jumps. */
static bool has_jumped(const struct growth *growth, const struct red_flag_rule *rule,
                       uint32_t *ret_windows) {
  const struct windows *windows = &growth->windows;
  struct jumps jumps;
  if (rule->grain <= 0 || !find_jumps(windows, rule->grain, &jumps))
    return false;
  double trough = (double)windows_at(windows, 0)->trough;
  double base = (double)windows_at(windows, jumps.oldest)->trough;
  uint64_t span_ms = windows->width_ms * (jumps.oldest - jumps.newest);
  *ret_windows = jumps.oldest + jumps.first_gap;
  if (*ret_windows >= windows->len)
    *ret_windows = windows->len - 1;
  return span_ms >= rule->hold_ms && trough - base >= least_rise(rule, base, span_ms) &&
         !was_as_high_before(growth, trough, trough - base);
}

static void raise_growth(struct growth *growth, uint32_t steps, uint32_t length) {
  const struct windows *windows = &growth->windows;
  growth->is_raised = true;
  growth->has_levelled_off = false;
  growth->steps = steps;
  growth->length = length;
  growth->base = trough_of(windows, steps * length, length);
  growth->high = growth->trough = trough_of(windows, 0, length);
  growth->detected = growth->trough - growth->base;
  growth->trough_ms = windows->closed_ms;
  growth->begin_ms = windows->closed_ms - windows->width_ms * steps * length;
}

/* Looks at all spans from Hold to a day. */
static void look_for_growth(struct growth *growth, const struct red_flag_rule *rule) {
  const struct windows *windows = &growth->windows;
  double newest = (double)windows_at(windows, 0)->trough;
  if (windows->newest == 0) /* once a day or so, to forget those that are gone */
    growth->lowest = (float)trough_of(windows, 0, windows->len);
  growth->lowest = lower((float)newest, growth->lowest);
  if (newest - (double)growth->lowest < rule->warning)
    return; /* most of the time */
  uint32_t jumped;
  if (has_jumped(growth, rule, &jumped)) {
    raise_growth(growth, jumped, 1);
    return;
  }
  for (size_t i = 0; i < ARRAY_LENGTH(divisions); i++) {
    uint32_t steps = divisions[i].steps;
    for (uint32_t length = 1; (steps + 1) * length <= windows->len; length += 1 + length / 4) {
      uint64_t span_ms = windows->width_ms * steps * length;
      if (span_ms > GROWTH_HOLD_MAX_MS)
        break;
      if (span_ms < rule->hold_ms)
        continue;
      double trough = trough_of(windows, 0, length);
      if (trough - (double)growth->lowest < rule->warning)
        break; /* those of more windows are not higher */
      if (has_grown(growth, rule, divisions[i].evenness, steps, length, trough)) {
        raise_growth(growth, steps, length);
        return;
      }
    }
  }
}

static void follow_growth(struct growth *growth) {
  const struct windows *windows = &growth->windows;
  double trough = trough_of(windows, 0, growth->length);
  double before = trough_of(windows, growth->steps * growth->length, growth->length);
  if (isnan(trough))
    return;
  growth->trough = trough;
  growth->trough_ms = windows->closed_ms;
  growth->high = fmax(growth->high, trough);
  bool has_receded = trough <= growth->base + (growth->high - growth->base) / 2;
  bool has_stalled = trough - before < GROWTH_STALLED * growth->detected;
  if (!has_receded && !has_stalled)
    return;
  growth->is_raised = false;
  growth->has_levelled_off = !has_receded;
  growth->lowest = NAN;
  windows_clear(&growth->windows);
}

static bool growth_observe(void *state, const struct red_flag_rule *rule,
                           const struct observation *observation) {
  struct growth *growth = state;
  if (!observation->is_warm)
    return !growth->is_raised;
  hours_add(&growth->hours, observation->value, observation->now_ms);
  if (windows_add(&growth->windows, observation->value, observation->now_ms) == 0)
    return !growth->is_raised;
  if (growth->is_raised)
    follow_growth(growth);
  else if (observation->is_allowed)
    look_for_growth(growth, rule);
  return !growth->is_raised;
}

static bool growth_get(const void *state, const struct red_flag_rule *rule,
                       const struct observation *now, struct flag_status *ret) {
  const struct growth *growth = state;
  rise_get(rule, growth->is_raised, growth->base, growth->trough, growth->begin_ms,
           growth->trough_ms, now->now_ms, ret);
  ret->may_level_off = growth->is_raised && growth->hours.len < DAY_HOURS;
  ret->has_levelled_off = growth->has_levelled_off;
  if (growth->has_levelled_off)
    ret->rise = growth->trough - growth->base;
  return true;
}

/* ---- STEP ---- */

/* Hold is so many windows; the plateau is measured in those before the two that may be the
 * rise.
 */
enum { WINDOWS_OF_HOLD = 30, WINDOWS_OF_RISE = 2, WINDOWS_OF_PLATEAU = 12 };

static const double STEP_RELATIVE_MIN = 0.5;

struct step {
  struct windows windows;
  struct hours hours;
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
  step->is_up = step->is_raised = false;
  hours_init(&step->hours);
  windows_init(&step->windows, rule->hold_ms / WINDOWS_OF_HOLD);
}

/* closed: how many windows the last reading closed; the oldest of them is the trough's. */
static void look_for_step(struct step *step, double warning, uint32_t closed) {
  const struct windows *windows = &step->windows;
  uint32_t begin = closed + WINDOWS_OF_RISE;
  if (windows->len < begin + WINDOWS_OF_PLATEAU)
    return;
  double base = NAN;
  for (uint32_t i = begin; i < begin + WINDOWS_OF_PLATEAU; i++)
    base = fmax(base, (double)windows_at(windows, i)->trough);
  if (isnan(base))
    return;
  double least = STEP_RELATIVE_MIN * base > warning ? STEP_RELATIVE_MIN * base : warning;
  if (step->trough < base + least || step->trough - (double)step->hours.same_time < least)
    return;
  step->is_up = true;
  step->base = base;
  step->least = least;
  step->begin_ms = windows->closed_ms - windows->width_ms * closed;
}

/* windows has closed so many. */
static void follow_step(struct step *step, const struct red_flag_rule *rule, uint32_t closed) {
  struct windows *windows = &step->windows;
  if (closed > WINDOWS_OF_HOLD / 2) {
    windows->len = 0;
    step->is_up = step->is_raised; /* a gap: it is not known whether it stayed */
    return;
  }
  step->trough = trough_of(windows, 0, closed);
  step->trough_ms = windows->closed_ms;
  if (!step->is_up) {
    look_for_step(step, rule->warning, closed);
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

static bool step_observe(void *state, const struct red_flag_rule *rule,
                         const struct observation *observation) {
  struct step *step = state;
  if (!observation->is_warm)
    return !step->is_raised;
  hours_add(&step->hours, observation->value, observation->now_ms);
  uint32_t closed = windows_add(&step->windows, observation->value, observation->now_ms);
  if (closed > 0)
    follow_step(step, rule, closed);
  return !step->is_raised;
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
  USUAL_PARTS = 3      /* of Window: each must be above the usual for a warning */
};

static const double UNUSUAL = 1.6; /* times the usual */

struct usual {
  struct rate rate; /* for failures; its level of warnings is judged by the floor */
  struct hours hours;
  uint64_t part_ms;           /* begin of the current part; 0: none */
  double lowest;              /* rate in it */
  double floor;               /* of the last part; NaN: not known */
  double floors[USUAL_SPANS]; /* means of the floors of a span's parts */
  uint32_t len, next;
  double sum; /* of the current span */
  uint32_t parts;
  double median; /* NaN before USUAL_SPANS_MIN */
};

static void usual_init(void *state, const struct red_flag_rule *rule) {
  struct usual *usual = state;
  *usual = (struct usual){.floor = NAN, .median = NAN};
  rate_init(&usual->rate, rule);
  hours_init(&usual->hours);
}

/* The floor at which it is unusual; NaN: the usual is not known yet. */
static double unusual_floor(const struct usual *usual, const struct red_flag_rule *rule) {
  if (isnan(usual->median))
    return NAN;
  double unusual = UNUSUAL * fmax(usual->median, (double)usual->hours.same_time);
  return unusual < rule->warning ? rule->warning : unusual;
}

static void learn_usual(struct usual *usual, double floor) {
  usual->sum += floor;
  if (++usual->parts < USUAL_PARTS)
    return;
  usual->floors[usual->next] = usual->sum / usual->parts;
  usual->next = (usual->next + 1) % USUAL_SPANS;
  if (usual->len < USUAL_SPANS)
    usual->len++;
  usual->sum = 0;
  usual->parts = 0;
  if (usual->len >= USUAL_SPANS_MIN) {
    double sorted[USUAL_SPANS];
    for (uint32_t i = 0; i < usual->len; i++)
      sorted[i] = usual->floors[i];
    usual->median = median(sorted, usual->len);
  }
}

static void begin_part(struct usual *usual, double rate, uint64_t now_ms) {
  usual->part_ms = now_ms;
  usual->lowest = rate;
}

static void judge_floor(struct usual *usual, const struct red_flag_rule *rule,
                        const struct observation *observation, double rate) {
  uint64_t now_ms = observation->now_ms, part_ms = rule->window_ms / USUAL_PARTS;
  if (usual->part_ms == 0) {
    begin_part(usual, rate, now_ms);
    return;
  }
  usual->lowest = fmin(usual->lowest, rate);
  if (now_ms - usual->part_ms < part_ms)
    return;
  usual->floor = usual->lowest;
  judge_rate(&usual->rate.levels.warning, usual->floor, unusual_floor(usual, rule),
             rule->window_ms, part_ms, now_ms);
  if (observation->is_warm)
    learn_usual(usual, usual->floor);
  begin_part(usual, rate, now_ms);
}

static bool usual_observe(void *state, const struct red_flag_rule *rule,
                          const struct observation *observation) {
  struct usual *usual = state;
  uint64_t now_ms = observation->now_ms, span_ms = rate_span(rule);
  double rate;
  if (!counter_add(&usual->rate.counter, observation->value, span_ms, now_ms, &rate))
    return rate_is_ok(&usual->rate);
  usual->rate.per_second = rate;
  judge_rate(&usual->rate.levels.failure, rate, rule->failure, rule->hold_ms, span_ms, now_ms);
  if (observation->is_warm)
    hours_add(&usual->hours, rate, now_ms);
  judge_floor(usual, rule, observation, rate);
  return rate_is_ok(&usual->rate);
}

static void usual_interrupt(void *state) {
  struct usual *usual = state;
  rate_interrupt(&usual->rate);
  usual->part_ms = 0;
}

static bool usual_get(const void *state, const struct red_flag_rule *rule,
                      const struct observation *now, struct flag_status *ret) {
  const struct usual *usual = state;
  bool is_known = rate_get(&usual->rate, rule, now, ret);
  if (ret->state == RED_FLAG_WARNING)
    ret->value = usual->floor;
  if (ret->state != RED_FLAG_FAILURE)
    ret->threshold = unusual_floor(usual, rule);
  return is_known;
}

/* ---- BASELINE ---- */

/* A count below that says little: it counts as that. */
static const double BASE_MIN = 10;

struct baseline {
  struct levels levels;
  uint64_t begin_ms; /* of the window that the base is of; 0: not begun */
  double base;       /* lowest of that window; NaN: none yet */
  bool is_known;     /* the window has ended */
};

static void baseline_init(void *state, const struct red_flag_rule *rule) {
  (void)rule;
  *(struct baseline *)state = (struct baseline){.base = NAN};
}

static bool baseline_is_ok(const struct baseline *baseline) {
  return levels_are_ok(&baseline->levels) && baseline->is_known;
}

static bool baseline_observe(void *state, const struct red_flag_rule *rule,
                             const struct observation *observation) {
  struct baseline *baseline = state;
  double value = observation->value;
  uint64_t now_ms = observation->now_ms;
  if (!observation->is_warm)
    return baseline_is_ok(baseline);
  if (baseline->begin_ms == 0)
    baseline->begin_ms = now_ms;
  if (now_ms - baseline->begin_ms < rule->window_ms) {
    baseline->base = fmin(baseline->base, value);
    return baseline_is_ok(baseline);
  }
  baseline->is_known = true;
  double base = fmax(baseline->base, BASE_MIN);
  level_judge(&baseline->levels.warning, value, rule->warning * base, rule->hold_ms, now_ms);
  level_judge(&baseline->levels.failure, value, rule->failure * base, rule->hold_ms, now_ms);
  return baseline_is_ok(baseline);
}

static void baseline_interrupt(void *state) {
  levels_interrupt(&((struct baseline *)state)->levels);
}

static bool baseline_get(const void *state, const struct red_flag_rule *rule,
                         const struct observation *now, struct flag_status *ret) {
  const struct baseline *baseline = state;
  levels_get(&baseline->levels, rule, now->now_ms, ret);
  ret->threshold *= fmax(baseline->base, BASE_MIN);
  return baseline->is_known;
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
      [RED_FLAG_BY_BASELINE] = {sizeof(struct baseline), baseline_init, baseline_observe,
                                baseline_interrupt, baseline_get},
      [RED_FLAG_BY_USUAL] = {sizeof(struct usual), usual_init, usual_observe, usual_interrupt,
                             usual_get},
  };
  return kind < ARRAY_LENGTH(kinds) ? &kinds[kind] : NULL;
}
