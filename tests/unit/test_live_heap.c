/* The live part of a Go heap, from MemStats of programs with each way of collecting. */
#include "cases.h"

#include <math.h>
#include <string.h>

#include "common/scan.h"
#include "sidecar/go/live_heap.h"

static const double MB = 1 << 20;

/* A program that allocates evenly; seconds and MB. */
struct program {
  double live, grows; /* a minute */
  double rate;        /* a second */
  double gogc;        /* 0: off */
  double limit;       /* of the heap; 0: none */
  double alloc, next, total, at_s, collected_s;
  uint64_t collections;
};

static void collect(struct program *program) {
  program->alloc = program->live;
  program->next =
      program->gogc > 0 ? fmax(program->live * (1 + program->gogc / 100), 4) : INFINITY;
  if (program->limit > 0 && program->next > program->limit)
    program->next = program->limit;
  program->collected_s = program->at_s;
  program->collections++;
}

static void run(struct program *program, double seconds) {
  if (program->collections == 0)
    collect(program);
  double step_s = 1.0 / 32;
  for (double end_s = program->at_s + seconds; program->at_s < end_s;) {
    program->at_s += step_s;
    program->live += program->grows / 60 * step_s;
    program->alloc += program->rate * step_s;
    program->total += program->rate * step_s;
    if (program->alloc >= program->next)
      collect(program);
  }
}

static double read_live(struct live_heap *heap, const struct program *program) {
  struct memstats stats;
  memset(&stats, 0xFF, sizeof(stats));
  stats.heap_alloc_bytes = (uint64_t)(program->alloc * MB);
  if (isfinite(program->next))
    stats.next_gc_bytes = (uint64_t)(program->next * MB);
  stats.alloc_bytes_total = (uint64_t)(program->total * MB);
  stats.num_gc = program->collections;
  stats.last_gc_ns = (uint64_t)(program->collected_s * 1e9);
  return live_heap_observe(heap, &stats, (int64_t)(program->at_s * 1000)) / MB;
}

static const struct {
  const char *name;
  struct program program;
  double error; /* most, as a share */
} programs[] = {
    {"GOGC=100", {.live = 100, .rate = 7, .gogc = 100}, 0.02},
    {"GOGC=100, growing", {.live = 100, .grows = 0.5, .rate = 7, .gogc = 100}, 0.02},
    {"GOGC=50", {.live = 100, .rate = 3, .gogc = 50}, 0.02},
    {"GOGC=400", {.live = 100, .rate = 11, .gogc = 400}, 0.02},
    {"a limit far above", {.live = 100, .grows = 0.2, .rate = 5, .limit = 800}, 0.06},
    {"a limit close above", {.live = 300, .grows = 0.2, .rate = 5, .limit = 400}, 0.03},
    {"the limit is in GOGC's way", {.live = 300, .rate = 5, .gogc = 100, .limit = 450}, 0.03},
};

static void it_is_near_what_is_live_whatever_makes_it_collect(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LENGTH(programs); i++) {
    struct program program = programs[i].program;
    struct live_heap heap;
    live_heap_init(&heap);
    for (int minute = 0; minute < 300; minute++) {
      run(&program, 60);
      double live = read_live(&heap, &program);
      /* it takes some collections to find out what NextGC means */
      if (minute > 60 && fabs(live - program.live) > programs[i].error * program.live)
        fail_msg("%s: %g at minute %d, and %g is live", programs[i].name, live, minute,
                 program.live);
    }
  }
}

/* After hours of rest: what it allocates at once is not taken for garbage. */
static void check_burst(double rest) {
  struct program program = {.live = rest, .rate = 0.1, .gogc = 100};
  struct live_heap heap;
  live_heap_init(&heap);
  for (int minute = 0; minute < 300; minute++) {
    run(&program, 120);
    read_live(&heap, &program);
  }
  run(&program, 30);
  program.live += 80;
  program.alloc += 80;
  program.total += 80;
  collect(&program);
  run(&program, 30);
  double live = read_live(&heap, &program);
  assert_true(live > 78 + rest && live < 85 + rest);
}

static void a_burst_is_live_as_soon_as_it_is_collected(void **state) {
  (void)state;
  check_burst(10);
  check_burst(1); /* below the minimum of NextGC */
}

static void between_collections_it_stays(void **state) {
  (void)state;
  struct program program = {.live = 100, .rate = 1, .gogc = 0};
  struct live_heap heap;
  live_heap_init(&heap);
  run(&program, 60);
  double first = read_live(&heap, &program);
  for (int minute = 0; minute < 600; minute++) {
    run(&program, 60);
    assert_true(read_live(&heap, &program) == first);
  }
}

static void without_its_numbers_it_is_unknown_or_all_that_is_allocated(void **state) {
  (void)state;
  struct live_heap heap;
  struct memstats stats;
  memset(&stats, 0xFF, sizeof(stats));
  live_heap_init(&heap);
  assert_true(isnan(live_heap_observe(&heap, NULL, 0)));
  assert_true(isnan(live_heap_observe(&heap, &stats, 0)));
  stats.heap_alloc_bytes = 5 << 20;
  assert_true(live_heap_observe(&heap, &stats, 0) == 5 * MB);
  stats.next_gc_bytes = 0;
  for (int64_t wall_ms = 0; wall_ms < 100; wall_ms++) {
    stats.num_gc = (uint64_t)wall_ms;
    stats.alloc_bytes_total = wall_ms % 2 == 0 ? UINT64_C(1) << 50 : 0; /* an odd clock, too */
    stats.last_gc_ns = wall_ms % 3 == 0 ? UINT64_MAX - 1 : 0;
    double live = live_heap_observe(&heap, &stats, 50 - wall_ms);
    assert_true(live >= 0 && live <= 5 * MB);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_is_near_what_is_live_whatever_makes_it_collect),
      cmocka_unit_test(a_burst_is_live_as_soon_as_it_is_collected),
      cmocka_unit_test(between_collections_it_stays),
      cmocka_unit_test(without_its_numbers_it_is_unknown_or_all_that_is_allocated),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
