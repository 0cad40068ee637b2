/*
 * How often the flags by growth and step are right, over random days of each kind: how many
 * days were flagged, and of leaks how long after the rule's minimum time, in windows. The
 * minimum time is the warm-up or the leak's begin, and the shortest of the rule's spans in
 * which a leak of that slope rises by the least rise.
 *
 *   bench_red_flags [days of each kind]
 *
 * Descriptors are read every 10 seconds, the heap every 60. The days are the same in every
 * run.
 */
#include <math.h>

#include "measure.h"
#include "sidecar/redflag/evaluator.h"

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR, DAYS_MAX = 100000 };

static const double MB = 1 << 20;

/* --- chance, the same in every run */

static uint64_t seed;

static uint64_t next_random(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}

static double uniform(double from, double to) {
  return from + (to - from) * (double)(next_random() >> 11) / (double)(UINT64_C(1) << 53);
}

/* The sum of two: mostly near 0, never beyond 1. */
static double noise(void) {
  return (uniform(-1, 1) + uniform(-1, 1)) / 2;
}

/* --- days */

struct day {
  double base, noise;        /* height, and how far it goes either way */
  double slope;              /* of a leak, an hour */
  uint64_t begin_ms, end_ms; /* of what happens */
  double height;             /* of a step or batch, or of all steps of a walk */
  double period_ms;          /* of collections */
  double phase;              /* of the tooth, 0 to 1 */
  double marked;             /* live at the last collection */
  double walk;
};

struct kind {
  const char *name;
  bool is_heap, is_leak, is_noisy, is_forced;
  double slope; /* an hour: descriptors or MB */
  double (*value)(struct day *day, uint64_t now_ms);
};

static double leak(struct day *day, uint64_t now_ms) {
  double hours = now_ms > day->begin_ms ? (double)(now_ms - day->begin_ms) / HOUR : 0;
  return day->base + day->slope * hours;
}

static double flat(struct day *day, uint64_t now_ms) {
  (void)now_ms;
  return day->base;
}

static double start_up_ramp(struct day *day, uint64_t now_ms) {
  double loaded = now_ms < day->begin_ms / 12 ? (double)now_ms * 12 / (double)day->begin_ms : 1;
  return day->base + day->height * loaded;
}

static double step(struct day *day, uint64_t now_ms) {
  return day->base + (now_ms < day->begin_ms ? 0 : day->height);
}

static double batch(struct day *day, uint64_t now_ms) {
  double gone = (double)now_ms - (double)day->begin_ms;
  double length = (double)(day->end_ms - day->begin_ms);
  return day->base + (gone < 0 || gone > length ? 0 : day->height * gone / length);
}

/* Steps up and down by chance: no floor, no way back. */
static double random_walk(struct day *day, uint64_t now_ms) {
  (void)now_ms;
  day->walk += day->height / 50 * noise();
  if (day->walk < -day->base)
    day->walk = -day->base;
  return day->base + day->walk;
}

static const struct kind kinds[] = {
    {"descriptors: leak of 120 an hour", .is_leak = true, .slope = 120, .value = leak},
    {"descriptors: leak of 30 an hour", .is_leak = true, .slope = 30, .value = leak},
    {"descriptors: leak of 6 an hour", .is_leak = true, .slope = 6, .value = leak},
    {"the same in noise: 120 an hour", .is_leak = true, .is_noisy = true, .slope = 120,
     .value = leak},
    {"the same in noise: 30 an hour", .is_leak = true, .is_noisy = true, .slope = 30,
     .value = leak},
    {"the same in noise: 6 an hour", .is_leak = true, .is_noisy = true, .slope = 6,
     .value = leak},
    {"heap: leak of 50 MB an hour", .is_heap = true, .is_leak = true, .slope = 50,
     .value = leak},
    {"heap: leak of 10 MB an hour", .is_heap = true, .is_leak = true, .slope = 10,
     .value = leak},
    {"descriptors: noise", .is_noisy = true, .value = flat},
    {"descriptors: start-up ramp", .is_noisy = true, .value = start_up_ramp},
    {"descriptors: step", .is_noisy = true, .value = step},
    {"descriptors: nightly batch", .is_noisy = true, .value = batch},
    {"descriptors: random walk", .value = random_walk},
    {"heap: saw-tooth, flat floor", .is_heap = true, .value = flat},
    {"heap: forced collections", .is_heap = true, .is_forced = true, .value = flat},
    {"heap: start-up ramp", .is_heap = true, .value = start_up_ramp},
    {"heap: nightly batch", .is_heap = true, .value = batch},
    {"heap: random walk", .is_heap = true, .value = random_walk},
};

static void draw(const struct kind *kind, struct day *day) {
  double scale = kind->is_heap ? MB : 1;
  *day = (struct day){
      .base = uniform(50, 150) * scale,
      .noise = kind->is_noisy ? uniform(0, 15) : 0,
      .slope = kind->slope * scale,
      .begin_ms = (uint64_t)uniform(1 * HOUR, 6 * HOUR), /* ramps: a twelfth, 5 to 30 minutes */
      .height = uniform(30, 300) * scale,
      .period_ms = kind->is_forced ? uniform(119.5e3, 120.5e3) : uniform(5e3, 100e3),
  };
  day->end_ms = day->begin_ms + (uint64_t)uniform(5 * MINUTE, 25 * MINUTE);
}

/* A heap's live part is doubled by garbage between collections, which come when the program
 * has allocated that much, or when they are forced. What was allocated while one marked counts
 * as live, a few percent. HeapAlloc or half of NextGC is read, the smaller one. */
static double reading(const struct kind *kind, struct day *day, uint64_t now_ms) {
  double value = kind->value(day, now_ms);
  if (!kind->is_heap)
    return floor(fmax(value + day->noise * noise(), 0));
  double teeth = MINUTE / day->period_ms;
  day->phase += kind->is_forced ? teeth : teeth * (1 + noise() / 5);
  if (day->phase >= 1 || day->marked == 0)
    day->marked = value * (1 + 0.05 * fabs(noise()));
  day->phase -= floor(day->phase);
  return fmin(value * (1 + day->phase), day->marked);
}

/* --- the figures */

/* Returns when a flag by growth or step turned first; 0: never. */
static uint64_t first_flagged(const struct red_flag_rules *rules, const struct kind *kind,
                              struct day *day) {
  enum red_flag_signal signal = kind->is_heap ? SIGNAL_HEAP_LIVE_BYTES : SIGNAL_OPEN_FDS;
  uint64_t interval_ms = kind->is_heap ? MINUTE : MINUTE / 6, flagged_ms = 0;
  struct evaluator *evaluator;
  if (evaluator_new(rules, 0, 0, &evaluator) != 0)
    bench_fail("evaluator_new");
  for (uint64_t now_ms = 0; now_ms < DAY && flagged_ms == 0; now_ms += interval_ms) {
    struct flag_status changes[RED_FLAGS];
    evaluator_observe(evaluator, signal, reading(kind, day, now_ms), now_ms);
    size_t len = evaluator_judge(evaluator, now_ms, changes);
    for (size_t i = 0; i < len; i++) {
      enum red_flag_kind judged = red_flags[changes[i].flag].kind;
      if (kind->is_leak ? judged == RED_FLAG_BY_GROWTH
                        : judged == RED_FLAG_BY_GROWTH || judged == RED_FLAG_BY_STEP)
        flagged_ms = now_ms;
    }
  }
  evaluator_free(evaluator);
  return flagged_ms;
}

/* Of a leak; widths as growth.c has them. */
static uint64_t minimum_time(const struct red_flag_rule *rule, const struct day *day,
                             uint64_t *ret_window_ms) {
  static const uint64_t widths[] = {1, 3, 9};
  double least = fmax(rule->warning, 0.1 * day->base);
  for (size_t i = 0; i < 3; i++) {
    *ret_window_ms = rule->window_ms * widths[i];
    if (day->slope * (double)(rule->hold_ms * widths[i]) / HOUR >= least)
      return day->begin_ms + rule->hold_ms * widths[i];
  }
  return DAY;
}

static void measure(const struct red_flag_rules *rules, const struct kind *kind,
                    unsigned days) {
  static double delays[DAYS_MAX];
  enum red_flag flag = kind->is_heap ? RED_FLAG_HEAP_GROWING : RED_FLAG_FDS_GROWING;
  unsigned flagged = 0, early = 0;
  for (unsigned i = 0; i < days; i++) {
    struct day day;
    seed = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    draw(kind, &day);
    uint64_t flagged_ms = first_flagged(rules, kind, &day), window_ms;
    if (flagged_ms == 0)
      continue;
    uint64_t minimum_ms = minimum_time(&rules->rules[flag], &day, &window_ms);
    early += flagged_ms < day.begin_ms;
    delays[flagged++] = ((double)flagged_ms - (double)minimum_ms) / (double)window_ms;
  }
  printf("  %-34s %7.3f %% of days flagged", kind->name, 100.0 * flagged / days);
  if (kind->is_leak && flagged > 0) {
    double median = bench_median(delays, flagged); /* which sorts them */
    unsigned within = 0;
    while (within < flagged && delays[within] <= 1)
      within++;
    printf(", %u before the leak; windows after the minimum time: median %.1f, 99 %% below "
           "%.1f; %.1f %% within one",
           early, median, delays[flagged * 99ul / 100], 100.0 * within / flagged);
  }
  printf("\n");
  fflush(stdout);
}

int main(int argc, char **argv) {
  unsigned days = argc > 1 ? bench_argument(argv[1], DAYS_MAX) : 10000;
  struct red_flag_rules rules;
  red_flag_rules_init(&rules);
  printf("red flags by growth and step: %u random days of each kind\n", days);
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
    measure(&rules, &kinds[i], days);
  return 0;
}
