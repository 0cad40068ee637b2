/* Flags judged by the rate of counters: the allocation rate, and CPU compared with its
 * usual. */
#include "cases.h"

#include <math.h>

#include "replay_flags.h"

static const double MB = 1 << 20;

/* A counter read every step for that long while it gains so much in a second. */
static void count_on(struct replay *replay, enum red_flag_signal signal, double *count,
                     double per_second, uint64_t step_ms, uint64_t for_ms) {
  for (uint64_t end_ms = replay->now_ms + for_ms; replay->now_ms < end_ms;) {
    replay_observe(replay, signal, *count);
    *count += per_second * (double)step_ms / 1000;
    replay->now_ms += step_ms;
  }
}

static void an_allocation_rate_is_raised_after_its_hold_and_cleared(void **state) {
  (void)state;
  static const uint64_t steps_ms[] = {10 * SECOND, 60 * SECOND};
  for (size_t i = 0; i < ARRAY_LENGTH(steps_ms); i++) {
    struct replay replay;
    double count = 0;
    replay_begin(&replay, 0);
    count_on(&replay, SIGNAL_ALLOCATED_BYTES, &count, 19.9 * MB, steps_ms[i], HOUR);
    assert_int_equal(replay.turned[RED_FLAG_ALLOCATION_RATE], 0);
    count_on(&replay, SIGNAL_ALLOCATED_BYTES, &count, 25 * MB, steps_ms[i], 9 * MINUTE);
    assert_int_equal(replay.turned[RED_FLAG_ALLOCATION_RATE], 0);
    count_on(&replay, SIGNAL_ALLOCATED_BYTES, &count, 25 * MB, steps_ms[i], 3 * MINUTE);
    assert_int_equal(replay_state(&replay, RED_FLAG_ALLOCATION_RATE), RED_FLAG_WARNING);
    assert_true(fabs(replay.last[RED_FLAG_ALLOCATION_RATE].value - 25 * MB) < MB);
    count_on(&replay, SIGNAL_ALLOCATED_BYTES, &count, 150 * MB, steps_ms[i], 12 * MINUTE);
    assert_int_equal(replay_state(&replay, RED_FLAG_ALLOCATION_RATE), RED_FLAG_FAILURE);
    count_on(&replay, SIGNAL_ALLOCATED_BYTES, &count, MB, steps_ms[i], 12 * MINUTE);
    assert_int_equal(replay_state(&replay, RED_FLAG_ALLOCATION_RATE), RED_FLAG_OK);
    assert_int_equal(replay.turned[RED_FLAG_ALLOCATION_RATE], 3);
    replay_end(&replay);
  }
}

/* Measured: scrolling for 80 s 30 MB/s; a tab that is opened 64 MB/s for a minute. */
static void bursts_of_ordinary_use_are_not_a_high_allocation_rate(void **state) {
  (void)state;
  uint64_t random = 11;
  for (int day = 0; day < 200; day++) {
    struct replay replay;
    double count = 0;
    replay_begin(&replay, 0);
    for (int burst = 0; burst < 150; burst++) {
      random = random * 6364136223846793005u + 1;
      double rate = (double)(30 + (random >> 40) % 35);
      count_on(&replay, SIGNAL_ALLOCATED_BYTES, &count, rate * MB, 10 * SECOND,
               burst % 3 == 0 ? 80 * SECOND : MINUTE);
      count_on(&replay, SIGNAL_ALLOCATED_BYTES, &count, MB, 10 * SECOND,
               (30 + (random >> 50) % 300) * SECOND);
    }
    check_int("bursts", replay.turned[RED_FLAG_ALLOCATION_RATE], 0);
    replay_end(&replay);
  }
}

static void a_counter_that_decreases_starts_again(void **state) {
  (void)state;
  struct replay replay;
  replay_begin(&replay, 0);
  for (int i = 0; i < 100; i++) {
    double count = i % 2 == 0 ? 1e15 : 0;
    count_on(&replay, SIGNAL_ALLOCATED_BYTES, &count, MB, 10 * SECOND, 90 * SECOND);
  }
  /* 0 to 1e15 is a gain like any other: it is the hold that it does not last */
  assert_int_equal(replay.turned[RED_FLAG_ALLOCATION_RATE], 0);
  replay_end(&replay);
}

static void a_rate_is_unknown_before_a_minute_and_after_a_gap(void **state) {
  (void)state;
  struct replay replay;
  double count = 0;
  replay_begin(&replay, 0);
  count_on(&replay, SIGNAL_ALLOCATED_BYTES, &count, MB, 10 * SECOND, MINUTE);
  assert_int_equal(replay_state(&replay, RED_FLAG_ALLOCATION_RATE), -1);
  count_on(&replay, SIGNAL_ALLOCATED_BYTES, &count, MB, 10 * SECOND, MINUTE);
  assert_int_equal(replay_state(&replay, RED_FLAG_ALLOCATION_RATE), RED_FLAG_OK);
  /* while the machine sleeps the counter may have run or not */
  replay.now_ms += 8 * HOUR;
  count += 1e14;
  count_on(&replay, SIGNAL_ALLOCATED_BYTES, &count, MB, 10 * SECOND, MINUTE);
  assert_int_equal(replay_state(&replay, RED_FLAG_ALLOCATION_RATE), -1);
  count_on(&replay, SIGNAL_ALLOCATED_BYTES, &count, MB, 10 * SECOND, HOUR);
  assert_int_equal(replay.turned[RED_FLAG_ALLOCATION_RATE], 0);
  replay_end(&replay);
}

/* --- cpu */

static void one_core_for_ten_minutes_is_a_failure(void **state) {
  (void)state;
  struct replay replay;
  double count = 0;
  replay_begin(&replay, 0);
  count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.02, 10 * SECOND, HOUR);
  count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.99, 10 * SECOND, 9 * MINUTE);
  count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.02, 10 * SECOND, HOUR);
  count_on(&replay, SIGNAL_CPU_SECONDS, &count, 1.2, 10 * SECOND, 9 * MINUTE);
  count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.02, 10 * SECOND, HOUR);
  assert_int_equal(replay.turned[RED_FLAG_CPU], 0);
  count_on(&replay, SIGNAL_CPU_SECONDS, &count, 1.2, 10 * SECOND, 12 * MINUTE);
  assert_int_equal(replay_state(&replay, RED_FLAG_CPU), RED_FLAG_FAILURE);
  assert_true(replay.last[RED_FLAG_CPU].threshold == 1);
  count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.02, 10 * SECOND, 12 * MINUTE);
  assert_int_equal(replay_state(&replay, RED_FLAG_CPU), RED_FLAG_OK);
  replay_end(&replay);
}

static void far_above_the_usual_for_half_an_hour_is_a_warning(void **state) {
  (void)state;
  struct replay replay;
  double count = 0;
  replay_begin(&replay, 0);
  count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.1, 10 * SECOND, 5 * HOUR);
  uint64_t begin_ms = replay.now_ms;
  count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.25, 10 * SECOND, 25 * MINUTE);
  assert_int_equal(replay.turned[RED_FLAG_CPU], 0);
  count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.25, 10 * SECOND, 15 * MINUTE);
  const struct flag_status *last = &replay.last[RED_FLAG_CPU];
  assert_int_equal(replay_state(&replay, RED_FLAG_CPU), RED_FLAG_WARNING);
  assert_true(fabs(last->threshold - 0.16) < 0.01);
  assert_true(fabs(last->value - 0.25) < 0.01);
  assert_in_range(last->since_ms, begin_ms - 5 * MINUTE, begin_ms + 5 * MINUTE);
  count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.1, 10 * SECOND, 35 * MINUTE);
  assert_int_equal(replay_state(&replay, RED_FLAG_CPU), RED_FLAG_OK);
  replay_end(&replay);
}

/* A poll chain that was started twice, in a program that is idle: a floor of 0.03 cores. */
static void a_doubled_idle_level_is_a_warning(void **state) {
  (void)state;
  struct replay replay;
  double count = 0;
  replay_begin(&replay, 0);
  count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.03, 10 * SECOND, 5 * HOUR);
  count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.065, 10 * SECOND, 45 * MINUTE);
  assert_int_equal(replay_state(&replay, RED_FLAG_CPU), RED_FLAG_WARNING);
  replay_end(&replay);
}

/* Days of work have quiet minutes: 20 minutes of typing, 2 of reading. */
static void busy_hours_with_quiet_minutes_are_not_a_warning(void **state) {
  (void)state;
  struct replay replay;
  double count = 0;
  replay_begin(&replay, 0);
  for (int day = 0; day < 5; day++) {
    count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.03, 10 * SECOND, 16 * HOUR);
    for (int i = 0; i < 22; i++) {
      count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.3, 10 * SECOND, 20 * MINUTE);
      count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.03, 10 * SECOND, 2 * MINUTE);
    }
  }
  assert_int_equal(replay.turned[RED_FLAG_CPU], 0);
  replay_end(&replay);
}

/* A batch of an hour every day at the same time is told once. */
static void what_happens_at_the_same_time_every_day_is_usual(void **state) {
  (void)state;
  struct replay replay;
  double count = 0;
  replay_begin(&replay, 0);
  for (int day = 0; day < 5; day++) {
    count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.03, 10 * SECOND, 22 * HOUR);
    count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.5, 10 * SECOND, 2 * HOUR);
  }
  assert_int_equal(replay.turned[RED_FLAG_CPU], 2);
  replay_end(&replay);
}

static void below_the_minimum_it_is_not_a_warning(void **state) {
  (void)state;
  struct replay replay;
  double count = 0;
  replay_begin(&replay, 0);
  count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.01, 10 * SECOND, 5 * HOUR);
  count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.045, 10 * SECOND, 5 * HOUR);
  assert_int_equal(replay.turned[RED_FLAG_CPU], 0);
  replay_end(&replay);
}

static void the_usual_is_unknown_in_the_first_two_hours(void **state) {
  (void)state;
  struct replay replay;
  double count = 0;
  replay_begin(&replay, 0);
  count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.1, 10 * SECOND, HOUR);
  count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.5, 10 * SECOND, HOUR);
  assert_int_equal(replay.turned[RED_FLAG_CPU], 0);
  replay_end(&replay);
}

static void a_nightly_batch_does_not_change_the_usual(void **state) {
  (void)state;
  struct replay replay;
  double count = 0;
  replay_begin(&replay, 0);
  for (int day = 0; day < 3; day++) {
    count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.2, 10 * SECOND, 23 * HOUR);
    count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.9, 10 * SECOND, 25 * MINUTE);
    count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.2, 10 * SECOND, 35 * MINUTE);
  }
  assert_int_equal(replay.turned[RED_FLAG_CPU], 0);
  count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.45, 10 * SECOND, 40 * MINUTE);
  assert_int_equal(replay_state(&replay, RED_FLAG_CPU), RED_FLAG_WARNING);
  replay_end(&replay);
}

static void cpu_time_over_a_gap_is_unknown(void **state) {
  (void)state;
  struct replay replay;
  double count = 0;
  replay_begin(&replay, 0);
  count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.1, 10 * SECOND, 5 * HOUR);
  for (int i = 0; i < 50; i++) {
    replay.now_ms += 10 * SECOND;
    count += 5 * 3600; /* five hours' worth in one reading */
    replay.now_ms += 40 * MINUTE;
    count_on(&replay, SIGNAL_CPU_SECONDS, &count, 0.1, 10 * SECOND, 10 * MINUTE);
  }
  assert_int_equal(replay.turned[RED_FLAG_CPU], 0);
  replay_end(&replay);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_allocation_rate_is_raised_after_its_hold_and_cleared),
      cmocka_unit_test(bursts_of_ordinary_use_are_not_a_high_allocation_rate),
      cmocka_unit_test(a_counter_that_decreases_starts_again),
      cmocka_unit_test(a_rate_is_unknown_before_a_minute_and_after_a_gap),
      cmocka_unit_test(one_core_for_ten_minutes_is_a_failure),
      cmocka_unit_test(far_above_the_usual_for_half_an_hour_is_a_warning),
      cmocka_unit_test(a_doubled_idle_level_is_a_warning),
      cmocka_unit_test(busy_hours_with_quiet_minutes_are_not_a_warning),
      cmocka_unit_test(what_happens_at_the_same_time_every_day_is_usual),
      cmocka_unit_test(below_the_minimum_it_is_not_a_warning),
      cmocka_unit_test(the_usual_is_unknown_in_the_first_two_hours),
      cmocka_unit_test(a_nightly_batch_does_not_change_the_usual),
      cmocka_unit_test(cpu_time_over_a_gap_is_unknown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
