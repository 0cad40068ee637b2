/*
 * How soon the red flags that follow a process over time tell a leak, and how often they go up
 * on healthy days: random processes of each shape, judged as the plugin judges them.
 *
 *   bench_red_flags [PROCESSES [SHAPE]]   of each shape; only shapes whose name begins so
 *   bench_red_flags csv SHAPE [N]         readings of the Nth process, for sidecar-backtest(1)
 *
 * Of a leak, which begins in a process that has been running for one to six hours: minutes
 * until the flag went up, and how many were not found in two days. Of a healthy shape: how many
 * processes had a flag that is no level, at all and in each hundred days. Pulses are read every
 * 10 seconds, the heap every 60. The processes are the same in every run.
 */
#include <math.h>

#include "measure.h"
#include "sidecar/redflag/flags.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };
enum { PROCESSES_MAX = 100000 };

static const double MB = 1 << 20;

/* ---- chance, the same in every run ---- */

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

static double normal(void) {
  return (noise() + noise() + noise()) / sqrt(0.5); /* variance 3 * 1/6 */
}

/* Hours until the next of events that are a mean apart. */
static double wait(double mean) {
  return -mean * log(uniform(1e-12, 1));
}

/* ---- shapes ---- */

enum { EVENTS_MAX = 64 };

/* One process of a shape: amounts in the unit of the shape, times in hours. */
struct drawn {
  double base;          /* height at rest */
  double noise;         /* of readings, either way */
  double slope;         /* of a leak, in an hour */
  double begin, length; /* of what happens */
  double height;        /* of what happens */
  double tau;           /* of a return to the mean, of a fill */
  double period_s;      /* of collections */
  double walk, last;    /* state of a walk: where, and when it was there */
  double limit;         /* GOMEMLIMIT */
  double events[EVENTS_MAX], ends[EVENTS_MAX], sizes[EVENTS_MAX];
};

enum collecting { BY_GOGC, BY_GOGC_400, BY_CLOCK, BY_LIMIT };

struct shape {
  const char *name;
  enum red_flag_signal signal;
  enum red_flag flag; /* leaks: the one that has to go up; RED_FLAGS: a healthy shape */
  unsigned days;
  double base_least, base_most; /* descriptors, goroutines, MB */
  double slope;                 /* an hour; below 0: percent of base */
  bool is_noisy;
  enum collecting collecting;
  void (*prepare)(struct drawn *drawn);
  double (*value)(struct drawn *drawn, double hour);
};

static double leak(struct drawn *drawn, double hour) {
  return drawn->base + drawn->slope * fmax(hour - drawn->begin, 0);
}

static double leak_by_the_hour(struct drawn *drawn, double hour) {
  return drawn->base + drawn->slope * floor(fmax(hour - drawn->begin, 0));
}

/* The first forty minutes of each hour. */
static double leak_with_gaps(struct drawn *drawn, double hour) {
  double gone = fmax(hour - drawn->begin, 0), whole = floor(gone);
  return drawn->base + drawn->slope * (whole + fmin(gone - whole, 2.0 / 3)) * 2 / 3;
}

static double flat(struct drawn *drawn, double hour) {
  (void)hour;
  return drawn->base;
}

static double start_up_ramp(struct drawn *drawn, double hour) {
  return drawn->base + drawn->height * fmin(hour * 12 / drawn->begin, 1); /* 5 to 30 minutes */
}

static double step(struct drawn *drawn, double hour) {
  return drawn->base + (hour < drawn->begin ? 0 : drawn->height);
}

/* Rises while it runs, and is freed at its end. */
static double batch(struct drawn *drawn, double hour) {
  double gone = hour - drawn->begin;
  return drawn->base +
         (gone < 0 || gone > drawn->length ? 0 : drawn->height * gone / drawn->length);
}

static void prepare_short_batch(struct drawn *drawn) {
  drawn->length = uniform(5, 25) / 60;
}

static void prepare_long_batch(struct drawn *drawn) {
  drawn->length = uniform(0.5, 2);
}

/* A batch that has all at once. */
static double held_batch(struct drawn *drawn, double hour) {
  double gone = hour - drawn->begin;
  return drawn->base + (gone < 0 || gone > drawn->length ? 0 : drawn->height);
}

/* Steps up and down by chance: no floor, no way back. */
static double random_walk(struct drawn *drawn, double hour) {
  (void)hour;
  drawn->walk = fmax(drawn->walk + drawn->height / 50 * noise(), -drawn->base);
  return drawn->base + drawn->walk;
}

/* Wanders about its mean, by height/1000 of it. */
static double mean_reverting(struct drawn *drawn, double hour) {
  double kept = exp(-(hour - drawn->last) / drawn->tau);
  drawn->walk = drawn->walk * kept + normal() * sqrt(1 - kept * kept);
  drawn->last = hour;
  return drawn->base * fmax(1 + drawn->height / 1000 * drawn->walk, 0.1);
}

static void prepare_wander(struct drawn *drawn) {
  drawn->tau = uniform(0.25, 3);
  drawn->height = uniform(50, 200);
}

/* At work from half past eight to half past four; the process starts at any hour. */
static double office_hours(struct drawn *drawn, double hour) {
  double of_day = fmod(hour + drawn->begin * 4, 24);
  double at_work = fmin(fmax(of_day - 8.5, 0) * 4, 1) - fmin(fmax(of_day - 16.5, 0) * 4, 1);
  double lunch = of_day > 12 && of_day < 13 ? 0.5 : 1;
  double wander = mean_reverting(drawn, hour) / drawn->base;
  return drawn->base * (1 + drawn->length * at_work * lunch * wander);
}

static void prepare_office(struct drawn *drawn) {
  prepare_wander(drawn);
  drawn->length = uniform(0.3, 1);
}

static double sine(struct drawn *drawn, double hour) {
  return drawn->base * (1 + drawn->length * sin((hour / 24 + drawn->begin) * 2 * M_PI));
}

static void prepare_sine(struct drawn *drawn) {
  drawn->length = uniform(0.1, 0.4);
}

/* Things that come, each of a size, and end after a while, if ever. */
static double held(struct drawn *drawn, double hour) {
  double sum = drawn->base;
  for (size_t i = 0; i < EVENTS_MAX; i++)
    sum += hour >= drawn->events[i] && hour < drawn->ends[i] ? drawn->sizes[i] : 0;
  return sum;
}

static void prepare_events(struct drawn *drawn, double until, double apart, double stay,
                           double least, double most) {
  double at = drawn->begin + wait(apart);
  for (size_t i = 0; i < EVENTS_MAX; i++, at += wait(apart)) {
    drawn->events[i] = at < until ? at : INFINITY;
    drawn->ends[i] = stay > 0 ? at + wait(stay) : INFINITY;
    drawn->sizes[i] = uniform(least, most);
  }
}

static void prepare_projects(struct drawn *drawn) {
  prepare_events(drawn, drawn->begin + uniform(2, 8), uniform(0.5, 2), 0, 5, 25);
}

static void prepare_sessions(struct drawn *drawn) {
  prepare_events(drawn, INFINITY, uniform(0.4, 1), uniform(0.5, 2), 2, 12);
}

static void prepare_workers(struct drawn *drawn) {
  prepare_events(drawn, drawn->begin + 8, uniform(0.3, 0.8), 16, 1, 3);
}

static double cache_that_fills(struct drawn *drawn, double hour) {
  return drawn->base + drawn->height * (1 - exp(-fmax(hour - drawn->begin, 0) / drawn->tau));
}

static void prepare_cache(struct drawn *drawn) {
  drawn->tau = uniform(0.3, 4);
}

/* Counters: what is gained in a second. */
static double doubled(struct drawn *drawn, double hour) {
  return drawn->base / 1000 * (hour < drawn->begin ? 1 : 2) * (1 + noise() / 5);
}

static double idle(struct drawn *drawn, double hour) {
  (void)hour;
  return drawn->base / 1000 * (1 + noise() / 5);
}

/* Work from half past eight to half past four, with pauses of a minute now and then. */
static double busy_office(struct drawn *drawn, double hour) {
  double of_day = fmod(hour + drawn->begin * 4, 24);
  bool works = of_day > 8.5 && of_day < 16.5;
  if (hour >= drawn->last) { /* to the next change */
    drawn->walk = drawn->walk > 0 ? 0 : uniform(0.1, 0.5);
    drawn->last = hour + (drawn->walk > 0 ? wait(0.08) : fmax(wait(0.03), 0.034));
  }
  return idle(drawn, hour) + (works ? drawn->walk : 0);
}

/* 30 to 60 MB a second for a minute, every other hour or so. */
static double bursts(struct drawn *drawn, double hour) {
  double gone = hour - drawn->last;
  if (gone > 1.0 / 60) {
    drawn->last = hour + wait(1);
    drawn->walk = uniform(30, 60);
  }
  return hour < drawn->last ? drawn->base / 1000 : drawn->walk;
}

static double swapped_out(struct drawn *drawn, double hour) {
  return drawn->height * fmin(fmax(hour - drawn->begin, 0) / drawn->length, 1);
}

static void prepare_swap(struct drawn *drawn) {
  drawn->length = uniform(2, 10);
}

#define HEAP(lowest, highest)                                                                  \
  .signal = SIGNAL_HEAP_LIVE_BYTES, .base_least = (lowest), .base_most = (highest)
#define HEAP_LEAK(lowest, highest, an_hour)                                                    \
  HEAP(lowest, highest), .flag = RED_FLAG_HEAP_GROWING, .days = 2, .slope = (an_hour),         \
                         .value = leak
#define ANONYMOUS .signal = SIGNAL_ANONYMOUS_BYTES, .base_least = 40, .base_most = 120
#define FDS .signal = SIGNAL_OPEN_FDS, .base_least = 20, .base_most = 150
#define FD_LEAK(an_hour) FDS, .flag = RED_FLAG_FDS_GROWING, .days = 2, .slope = (an_hour)
#define HEALTHY .flag = RED_FLAGS, .days = 1

static const struct shape shapes[] = {
    {"leak: heap 1 %/h, 30-200 MB", HEAP_LEAK(30, 200, -1)},
    {"leak: heap 1 %/h, 200-1500 MB", HEAP_LEAK(200, 1500, -1)},
    {"leak: heap 10 MB/h, 300-1000 MB", HEAP_LEAK(300, 1000, 10)},
    {"leak: heap 50 MB/h, 50-150 MB", HEAP_LEAK(50, 150, 50)},
    {"leak: heap 10 MB/h, GOMEMLIMIT", HEAP_LEAK(100, 400, 10), .collecting = BY_LIMIT},
    {"leak: anonymous 10 MB/min", .flag = RED_FLAG_RSS_GROWING, ANONYMOUS, .days = 2,
     .slope = 600, .value = leak},
    {"leak: anonymous 5 MB/h", .flag = RED_FLAG_RSS_GROWING, ANONYMOUS, .days = 2, .slope = 5,
     .value = leak},
    {"leak: 10 FDs at once each hour", FD_LEAK(10), .value = leak_by_the_hour},
    {"leak: 3 FD/h", FD_LEAK(3), .value = leak},
    {"leak: 6 FD/h in noise", FD_LEAK(6), .value = leak, .is_noisy = true},
    {"leak: 30 FD/h in noise", FD_LEAK(30), .value = leak, .is_noisy = true},
    {"leak: 120 FD/h in noise", FD_LEAK(120), .value = leak, .is_noisy = true},
    {"leak: 10 FD/min", FD_LEAK(600), .value = leak},
    {"leak: 1 FD/min, 20 min gap an hour", FD_LEAK(60), .value = leak_with_gaps},

    {"leak: poll chain twice, 0.03-0.05 cores", .signal = SIGNAL_CPU_SECONDS, .base_least = 30,
     .base_most = 50, .flag = RED_FLAG_CPU, .days = 2, .value = doubled},

    {"flat heap", HEALTHY, HEAP(50, 150), .value = flat},
    {"flat heap, forced collections", HEALTHY, HEAP(50, 150), .value = flat,
     .collecting = BY_CLOCK},
    {"flat heap, GOGC=400", HEALTHY, HEAP(50, 150), .value = flat, .collecting = BY_GOGC_400},
    {"flat heap, GOMEMLIMIT", HEALTHY, HEAP(100, 400), .value = flat, .collecting = BY_LIMIT},
    {"heap start-up ramp", HEALTHY, HEAP(50, 150), .value = start_up_ramp},
    {"heap mean-reverting", HEALTHY, HEAP(50, 150), .value = mean_reverting,
     .prepare = prepare_wander},
    {"heap random walk", HEALTHY, HEAP(50, 150), .value = random_walk},
    {"heap short batch", HEALTHY, HEAP(50, 150), .value = batch,
     .prepare = prepare_short_batch},
    {"heap batch of 30-120 min, held", HEALTHY, HEAP(50, 150), .value = held_batch,
     .prepare = prepare_long_batch},
    {"heap batch of 30-120 min, rising", HEALTHY, HEAP(50, 150), .value = batch,
     .prepare = prepare_long_batch},
    {"heap of projects opened", HEALTHY, HEAP(50, 150), .value = held,
     .prepare = prepare_projects},
    {"heap of sessions that come and go", HEALTHY, HEAP(50, 150), .value = held,
     .prepare = prepare_sessions},
    {"heap cache that fills", HEALTHY, HEAP(50, 150), .value = cache_that_fills,
     .prepare = prepare_cache},
    {"heap office hours", .flag = RED_FLAGS, .days = 7, HEAP(50, 150), .value = office_hours,
     .prepare = prepare_office},
    {"heap day and night", .flag = RED_FLAGS, .days = 7, HEAP(50, 150), .value = sine,
     .prepare = prepare_sine},
    {"anonymous mean-reverting", HEALTHY, ANONYMOUS, .value = mean_reverting,
     .prepare = prepare_wander},
    {"anonymous start-up ramp", HEALTHY, ANONYMOUS, .value = start_up_ramp},
    {"anonymous, sessions", HEALTHY, ANONYMOUS, .value = held, .prepare = prepare_sessions},
    {"FD noise", HEALTHY, FDS, .value = flat, .is_noisy = true},
    {"FD start-up ramp", HEALTHY, FDS, .value = start_up_ramp, .is_noisy = true},
    {"FD step", HEALTHY, FDS, .value = step, .is_noisy = true},
    {"FD mean-reverting", HEALTHY, FDS, .value = mean_reverting, .prepare = prepare_wander},
    {"FD random walk", HEALTHY, FDS, .value = random_walk},
    {"FD projects opened", HEALTHY, FDS, .value = held, .prepare = prepare_projects},
    {"FD sessions that come and go", HEALTHY, FDS, .value = held, .prepare = prepare_sessions},
    {"FD office hours", .flag = RED_FLAGS, .days = 7, FDS, .value = office_hours,
     .prepare = prepare_office},
    {"FD day and night", .flag = RED_FLAGS, .days = 7, FDS, .value = sine,
     .prepare = prepare_sine},
    {"goroutines mean-reverting", HEALTHY, .signal = SIGNAL_GOROUTINES, .base_least = 28,
     .base_most = 57, .value = mean_reverting, .prepare = prepare_wander},
    {"stuck goroutines: idle workers", HEALTHY, .signal = SIGNAL_GOROUTINES_STUCK,
     .base_least = 2, .base_most = 8, .value = held, .prepare = prepare_workers},
    {"CPU of an idle program", HEALTHY, .signal = SIGNAL_CPU_SECONDS, .base_least = 20,
     .base_most = 50, .value = idle},
    {"CPU of office hours", .flag = RED_FLAGS, .days = 7, .signal = SIGNAL_CPU_SECONDS,
     .base_least = 20, .base_most = 50, .value = busy_office},
    {"allocation, bursts of a minute", HEALTHY, .signal = SIGNAL_ALLOCATED_BYTES,
     .base_least = 100, .base_most = 3000, .value = bursts},
    {"swapped out slowly, no pressure", HEALTHY, .signal = SIGNAL_SWAP_BYTES,
     .value = swapped_out, .prepare = prepare_swap},
};

static bool is_counter(const struct shape *shape) {
  return shape->signal == SIGNAL_CPU_SECONDS || shape->signal == SIGNAL_ALLOCATED_BYTES;
}

static double unit_of(const struct shape *shape) {
  switch (shape->signal) {
  case SIGNAL_HEAP_LIVE_BYTES:
  case SIGNAL_SWAP_BYTES:
  case SIGNAL_ANONYMOUS_BYTES:
  case SIGNAL_ALLOCATED_BYTES:
    return MB;
  default:
    return 1;
  }
}

static uint64_t interval_of(const struct shape *shape) {
  switch (shape->signal) {
  case SIGNAL_OPEN_FDS:
  case SIGNAL_SWAP_BYTES:
  case SIGNAL_ANONYMOUS_BYTES:
  case SIGNAL_CPU_SECONDS:
    return 10 * SECOND;
  default:
    return MINUTE;
  }
}

static void draw(const struct shape *shape, struct drawn *drawn) {
  *drawn = (struct drawn){
      .base = uniform(shape->base_least, shape->base_most),
      .noise = shape->is_noisy ? uniform(0, 15) : 0,
      .begin = uniform(1, 6),
      .height = uniform(30, 300),
      .period_s = shape->collecting == BY_CLOCK ? uniform(119.5, 120.5) : uniform(5, 100),
  };
  drawn->slope = shape->slope < 0 ? -shape->slope / 100 * drawn->base : shape->slope;
  drawn->limit = drawn->base * uniform(2, 4) + 200;
  if (shape->prepare != NULL)
    shape->prepare(drawn);
}

/* ---- a Go heap ---- */

/* Of runtime.MemStats, in MB. A collection leaves the live part and up to a twentieth more:
 * what was allocated while it marked. */
struct heap {
  double alloc, next, total;
  uint64_t collections;
  double at_s, collected_s;
};

static void collect(const struct shape *shape, struct heap *heap, const struct drawn *drawn,
                    double live) {
  heap->alloc = live * (1 + 0.05 * fabs(noise()));
  heap->next = heap->alloc * (shape->collecting == BY_GOGC_400 ? 5 : 2);
  if (shape->collecting == BY_LIMIT)
    heap->next = drawn->limit;
  heap->collections++;
  heap->collected_s = heap->at_s;
}

/* MB a second, so that collections are a period apart; without GOGC the rate is that of 100. */
static double rate_of(const struct shape *shape, const struct drawn *drawn) {
  double by = shape->collecting == BY_GOGC_400 ? 4 : 1;
  return shape->collecting == BY_CLOCK ? drawn->base / 400 : drawn->base * by / drawn->period_s;
}

static void run_heap(const struct shape *shape, struct heap *heap, const struct drawn *drawn,
                     double live, double until_s) {
  double rate = rate_of(shape, drawn) * (1 + noise() / 5);
  double forced_s = shape->collecting == BY_LIMIT   ? INFINITY
                    : shape->collecting == BY_CLOCK ? drawn->period_s
                                                    : 120;
  if (heap->collections == 0)
    collect(shape, heap, drawn, live);
  if (heap->alloc < live) { /* what is new is allocated too */
    heap->total += live - heap->alloc;
    heap->alloc = live;
  }
  while (heap->at_s < until_s) {
    double left_s =
        fmax(fmin((heap->next - heap->alloc) / rate, heap->collected_s + forced_s - heap->at_s),
             0.1);
    double passed_s = fmin(left_s, until_s - heap->at_s);
    heap->alloc += rate * passed_s;
    heap->total += rate * passed_s;
    heap->at_s += passed_s;
    if (passed_s == left_s)
      collect(shape, heap, drawn, live);
  }
}

/* ---- judging ---- */

struct subject {
  const struct shape *shape;
  struct drawn drawn;
  struct heap heap;
  double count; /* of a counter */
  struct flags *flags;
};

/* What is read then: of a heap in ret_stats, else the value that is returned. */
static double read_at(struct subject *subject, uint64_t now_ms, struct memstats *ret_stats) {
  const struct shape *shape = subject->shape;
  struct heap *heap = &subject->heap;
  double value = shape->value(&subject->drawn, (double)now_ms / HOUR);
  if (is_counter(shape))
    return subject->count += value * (double)interval_of(shape) / SECOND * unit_of(shape);
  if (shape->signal != SIGNAL_HEAP_LIVE_BYTES)
    return floor(fmax(value + subject->drawn.noise * noise(), 0)) * unit_of(shape);
  run_heap(shape, heap, &subject->drawn, value, (double)now_ms / SECOND);
  memset(ret_stats, 0xFF, sizeof(*ret_stats));
  ret_stats->heap_alloc_bytes = (uint64_t)(heap->alloc * MB);
  ret_stats->next_gc_bytes = (uint64_t)(heap->next * MB);
  ret_stats->alloc_bytes_total = (uint64_t)(heap->total * MB);
  ret_stats->num_gc = heap->collections;
  ret_stats->last_gc_ns = (uint64_t)(heap->collected_s * 1e9);
  return NAN;
}

static void observe(struct subject *subject, uint64_t now_ms) {
  struct memstats stats;
  double value = read_at(subject, now_ms, &stats);
  if (subject->shape->signal == SIGNAL_HEAP_LIVE_BYTES) {
    struct reading reading = {.parts = READING_MEMSTATS,
                              .now_ms = now_ms,
                              .wall_ms = (int64_t)now_ms,
                              .memstats = &stats};
    flags_observe(subject->flags, &reading);
    return;
  }
  evaluator_observe(subject->flags->evaluator, subject->shape->signal, value, now_ms);
  evaluator_observe(subject->flags->evaluator, SIGNAL_MEMORY_PRESSURE, 0, now_ms);
}

/* ---- a recording ---- */

static const char *columns_of(const struct shape *shape) {
  switch (shape->signal) {
  case SIGNAL_HEAP_LIVE_BYTES:
    return "go_memstats_heap_alloc_bytes,go_memstats_next_gc_bytes,go_gc_cycles_total,"
           "go_memstats_alloc_bytes_total,go_memstats_last_gc_time_seconds";
  case SIGNAL_OPEN_FDS:
    return "process_open_fds";
  case SIGNAL_SWAP_BYTES:
    return "process_memory_bytes:swap";
  case SIGNAL_ANONYMOUS_BYTES:
    return "process_memory_bytes:swap,process_memory_bytes:anon";
  case SIGNAL_GOROUTINES:
    return "go_goroutines";
  case SIGNAL_GOROUTINES_STUCK:
    return "go_goroutines_blocked:10m";
  case SIGNAL_CPU_SECONDS:
    return "ps_cputime_syst_total,ps_cputime_user_total";
  default:
    return "go_memstats_alloc_bytes_total";
  }
}

static void print_reading(struct subject *subject, uint64_t now_ms, uint64_t start_s) {
  enum red_flag_signal signal = subject->shape->signal;
  struct memstats stats;
  double value = read_at(subject, now_ms, &stats);
  printf("%llu,%llu,", (unsigned long long)(start_s + now_ms / SECOND),
         (unsigned long long)start_s);
  if (signal == SIGNAL_HEAP_LIVE_BYTES)
    printf("%llu,%llu,%llu,%llu,%.3f\n", (unsigned long long)stats.heap_alloc_bytes,
           (unsigned long long)stats.next_gc_bytes, (unsigned long long)stats.num_gc,
           (unsigned long long)stats.alloc_bytes_total,
           (double)start_s + (double)stats.last_gc_ns / 1e9);
  else if (signal == SIGNAL_CPU_SECONDS)
    printf("0,%.0f\n", value * 1e6);
  else
    printf("%s%.0f\n", signal == SIGNAL_ANONYMOUS_BYTES ? "0," : "", value);
}

static bool counts(const struct shape *shape, const struct flag_status *status) {
  const struct red_flag_info *info = &red_flags[status->flag];
  if (status->state == RED_FLAG_OK)
    return false;
  return shape->flag == RED_FLAGS
             ? info->signal == shape->signal && info->kind != RED_FLAG_BY_LEVEL &&
                   info->kind != RED_FLAG_BY_BASELINE
             : status->flag == shape->flag;
}

struct outcome {
  unsigned raised;             /* flags that went up */
  uint64_t first_ms;           /* 0: none did */
  unsigned by_flag[RED_FLAGS]; /* of the raised */
};

/* Follows a process to its end, or a leak until it was found. */
static void follow(const struct red_flag_rules *rules, struct subject *subject,
                   struct outcome *outcome) {
  static const struct pattern_list no_patterns;
  const struct shape *shape = subject->shape;
  struct flags_options options = {rules, &no_patterns, &no_patterns};
  uint64_t begin_ms = (uint64_t)(subject->drawn.begin * HOUR);
  if (flags_new(&options, 0, 0, &subject->flags) != 0)
    bench_fail("flags_new");
  *outcome = (struct outcome){.raised = 0};
  for (uint64_t now_ms = 0; now_ms < (uint64_t)shape->days * DAY;
       now_ms += interval_of(shape)) {
    struct flag_status changes[RED_FLAGS];
    observe(subject, now_ms);
    size_t len = flags_judge(subject->flags, now_ms, 0, changes);
    for (size_t i = 0; i < len; i++) {
      if (!counts(shape, &changes[i]) || (shape->flag < RED_FLAGS && now_ms < begin_ms))
        continue;
      outcome->by_flag[changes[i].flag]++;
      if (outcome->raised++ == 0)
        outcome->first_ms = now_ms;
    }
    if (shape->flag < RED_FLAGS && outcome->raised > 0)
      break;
  }
  flags_free(subject->flags);
}

static void print_leak(double *minutes, unsigned found, unsigned processes) {
  if (found > 0) {
    double median = bench_median(minutes, found); /* which sorts them */
    printf("median %5.0f  p95 %5.0f minutes,", median, minutes[found * 95ul / 100]);
  }
  printf(" %.1f %% not found\n", 100.0 * (processes - found) / processes);
}

static void print_healthy(const struct shape *shape, unsigned alarmed, unsigned raised,
                          const unsigned *by_flag, unsigned processes) {
  printf("%5u of %u processes, %6.2f in 100 days", alarmed, processes,
         100.0 * raised / processes / shape->days);
  for (size_t i = 0; i < RED_FLAGS; i++)
    if (by_flag[i] > 0)
      printf("  %s %u", red_flag_name(i), by_flag[i]);
  printf("\n");
}

static void draw_subject(struct subject *subject, const struct shape *shape, unsigned number) {
  *subject = (struct subject){.shape = shape};
  seed = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
  for (int warm = 0; warm < 8; warm++)
    next_random();
  draw(shape, &subject->drawn);
}

static void measure(const struct red_flag_rules *rules, const struct shape *shape,
                    unsigned processes) {
  static double minutes[PROCESSES_MAX];
  unsigned alarmed = 0, raised = 0, by_flag[RED_FLAGS] = {0};
  for (unsigned i = 0; i < processes; i++) {
    struct subject subject;
    struct outcome outcome;
    draw_subject(&subject, shape, i);
    follow(rules, &subject, &outcome);
    raised += outcome.raised;
    for (size_t j = 0; j < RED_FLAGS; j++)
      by_flag[j] += outcome.by_flag[j];
    if (outcome.raised > 0)
      minutes[alarmed++] = ((double)outcome.first_ms - subject.drawn.begin * HOUR) / MINUTE;
  }
  printf("  %-36s ", shape->name);
  if (shape->flag < RED_FLAGS)
    print_leak(minutes, alarmed, processes);
  else
    print_healthy(shape, alarmed, raised, by_flag, processes);
  fflush(stdout);
}

static void print_recording(const struct shape *shape, unsigned number) {
  static const uint64_t start_s = 1764417600;
  struct subject subject;
  draw_subject(&subject, shape, number);
  printf("time,process_start_time_seconds,%s\n", columns_of(shape));
  for (uint64_t now_ms = 0; now_ms < (uint64_t)shape->days * DAY; now_ms += interval_of(shape))
    print_reading(&subject, now_ms, start_s);
}

int main(int argc, char **argv) {
  bool is_recording = argc > 2 && strcmp(argv[1], "csv") == 0;
  unsigned processes =
      argc > 1 && !is_recording ? bench_argument(argv[1], PROCESSES_MAX) : 2000;
  const char *begin = argc > 2 ? argv[2] : "";
  unsigned number = argc > 3 ? bench_argument(argv[3], PROCESSES_MAX) : 0;
  struct red_flag_rules rules;
  red_flag_rules_init(&rules);
  if (!is_recording)
    printf("red flags over time: %u random processes of each shape\n", processes);
  for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
    if (strncmp(shapes[i].name, begin, strlen(begin)) != 0)
      continue;
    if (is_recording) {
      print_recording(&shapes[i], number);
      return 0;
    }
    measure(&rules, &shapes[i], processes);
  }
  return 0;
}
