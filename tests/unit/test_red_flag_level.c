/* Flags judged by a level or a rate: just below, just above, hold, hysteresis, once. */
#include "cases.h"

#include <math.h>

#include "common/array.h"
#include "replay_flags.h"

/* Observes value every step for that long. */
static void hold_at(struct replay *replay, enum red_flag_signal signal, double value,
                    uint64_t step_ms, uint64_t for_ms) {
  for (uint64_t end_ms = replay->now_ms + for_ms; replay->now_ms < end_ms;
       replay->now_ms += step_ms)
    replay_observe(replay, signal, value);
}

/* Its flags by level, with each threshold they have. */
static void at_each_level(void (*check)(enum red_flag flag, double threshold,
                                        enum red_flag_state state)) {
  for (size_t i = 0; i < RED_FLAGS; i++) {
    const struct red_flag_info *info = &red_flags[i];
    if (info->kind != RED_FLAG_BY_LEVEL)
      continue;
    check((enum red_flag)i, info->warning * red_flag_scale(info->amount), RED_FLAG_WARNING);
    if (!isnan(info->failure))
      check((enum red_flag)i, info->failure * red_flag_scale(info->amount), RED_FLAG_FAILURE);
  }
}

static void check_below(enum red_flag flag, double threshold, enum red_flag_state state) {
  struct replay replay;
  replay_begin(&replay, 0);
  hold_at(&replay, red_flags[flag].signal, threshold * 0.999, 10 * SECOND, HOUR);
  check_int(red_flags[flag].name, replay_state(&replay, flag), (int)state - 1);
  replay_end(&replay);
}

static void just_below_a_threshold_nothing_is_raised(void **state) {
  (void)state;
  at_each_level(check_below);
}

static void check_at(enum red_flag flag, double threshold, enum red_flag_state state) {
  struct replay replay;
  replay_begin(&replay, 0);
  enum red_flag_signal signal = red_flags[flag].signal;
  replay_observe(&replay, signal, 0);
  replay.now_ms += 10 * SECOND;
  uint64_t begin_ms = replay.now_ms;
  uint64_t hold_ms = red_flags[flag].hold_s * UINT64_C(1000);
  hold_at(&replay, signal, threshold, 10 * SECOND, hold_ms);
  check_int(red_flags[flag].name, replay.turned[flag], 0);
  replay_observe(&replay, signal, threshold);
  check_int(red_flags[flag].name, replay_state(&replay, flag), state);
  const struct flag_status *last = &replay.last[flag];
  check_int(red_flags[flag].name, last->since_ms, begin_ms);
  if (last->threshold != threshold || last->value != threshold || !isnan(last->rise))
    fail_msg("%s: %g at %g", red_flags[flag].name, last->value, last->threshold);
  hold_at(&replay, signal, threshold, 10 * SECOND, 24 * HOUR);
  check_int(red_flags[flag].name, replay.turned[flag], 1);
  replay_end(&replay);
}

static void at_a_threshold_it_is_raised_once_after_its_hold(void **state) {
  (void)state;
  at_each_level(check_at);
}

/* How long a value has to be below its threshold: five holds, but no more than ten minutes
 * unless the hold is longer. */
static uint64_t clear_ms(enum red_flag flag) {
  uint64_t hold_ms = red_flags[flag].hold_s * UINT64_C(1000);
  uint64_t five_ms = 5 * hold_ms < 10 * MINUTE ? 5 * hold_ms : 10 * MINUTE;
  return hold_ms > five_ms ? hold_ms : five_ms;
}

static void check_clearing(enum red_flag flag, double threshold, enum red_flag_state state) {
  struct replay replay;
  replay_begin(&replay, 0);
  enum red_flag_signal signal = red_flags[flag].signal;
  hold_at(&replay, signal, threshold, 10 * SECOND, HOUR);
  /* about the threshold, and far below it, but for less than that */
  for (int i = 0; i < 20; i++) {
    hold_at(&replay, signal, i % 2 == 0 ? threshold * 0.95 : 0, 10 * SECOND,
            clear_ms(flag) / 2);
    hold_at(&replay, signal, threshold, 10 * SECOND, 10 * SECOND);
  }
  check_int(red_flags[flag].name, replay_state(&replay, flag), state);
  check_int(red_flags[flag].name, replay.turned[flag], 1);
  hold_at(&replay, signal, threshold * 0.95, 10 * SECOND, clear_ms(flag) + 10 * SECOND);
  check_int(red_flags[flag].name, replay_state(&replay, flag), (int)state - 1);
  check_int(red_flags[flag].name, replay.turned[flag], 2);
  hold_at(&replay, signal, threshold, 10 * SECOND, HOUR);
  hold_at(&replay, signal, 0, 10 * SECOND, clear_ms(flag) + 10 * SECOND);
  check_int(red_flags[flag].name, replay_state(&replay, flag), RED_FLAG_OK);
  check_int(red_flags[flag].name, replay.turned[flag], 4);
  check_int(red_flags[flag].name, replay.last[flag].before, state);
  hold_at(&replay, signal, 0, 10 * SECOND, 24 * HOUR);
  check_int(red_flags[flag].name, replay.turned[flag], 4);
  replay_end(&replay);
}

static void it_is_cleared_once_below_for_minutes(void **state) {
  (void)state;
  at_each_level(check_clearing);
}

/* 200 give or take 30 %, at random: seventy notices a day if each time below cleared it. */
static void a_level_that_swings_about_its_threshold_is_one_alert(void **state) {
  (void)state;
  struct replay replay;
  uint64_t random = 1;
  replay_begin(&replay, 0);
  for (int i = 0; i < 10 * 24 * 360; i++) {
    random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
    double swing = (double)(random >> 33) / (double)(UINT64_C(1) << 31) * 2 - 1;
    replay_observe(&replay, SIGNAL_OPEN_FDS, floor(200 * (1 + 0.3 * swing)));
    replay.now_ms += 10 * SECOND;
  }
  assert_int_equal(replay.turned[RED_FLAG_FDS], 1);
  replay_end(&replay);
}

static void check_burst(enum red_flag flag, double threshold, enum red_flag_state state) {
  (void)state;
  struct replay replay;
  replay_begin(&replay, 0);
  for (int i = 0; i < 100; i++) {
    hold_at(&replay, red_flags[flag].signal, threshold * 3, 10 * SECOND, 20 * SECOND);
    hold_at(&replay, red_flags[flag].signal, 0, 10 * SECOND, 20 * SECOND);
  }
  check_int(red_flags[flag].name, replay.turned[flag], 0);
  replay_end(&replay);
}

/* Readings are never exactly their interval apart. */
static void a_hold_as_long_as_the_interval_takes_one_interval(void **state) {
  (void)state;
  static const uint64_t intervals_ms[] = {60 * SECOND - 20, 60 * SECOND, 60 * SECOND + 20};
  for (size_t i = 0; i < ARRAY_LENGTH(intervals_ms); i++) {
    struct replay replay;
    replay_begin(&replay, 0);
    for (int reading = 0; reading < 3; reading++) {
      replay_observe(&replay, SIGNAL_THREADS, reading == 0 ? 10 : 80);
      replay.now_ms += intervals_ms[i];
    }
    check_int("threads", replay_state(&replay, RED_FLAG_THREADS), RED_FLAG_WARNING);
    replay_end(&replay);
  }
}

static void bursts_shorter_than_the_hold_raise_nothing(void **state) {
  (void)state;
  at_each_level(check_burst);
}

static void two_readings_far_apart_do_not_count_as_held(void **state) {
  (void)state;
  struct replay replay;
  replay_begin(&replay, 0);
  hold_at(&replay, SIGNAL_OPEN_FDS, 100, 10 * SECOND, HOUR);
  for (int i = 0; i < 20; i++) {
    replay_observe(&replay, SIGNAL_OPEN_FDS, 300); /* and then it sleeps */
    replay.now_ms += 3 * HOUR;
    replay_observe(&replay, SIGNAL_OPEN_FDS, 300);
    replay.now_ms += 10 * SECOND;
    hold_at(&replay, SIGNAL_OPEN_FDS, 100, 10 * SECOND, 10 * MINUTE);
  }
  assert_int_equal(replay.turned[RED_FLAG_FDS], 0);
  replay_end(&replay);
}

static void a_long_interval_is_not_a_gap_once_it_is_usual(void **state) {
  (void)state;
  struct replay replay;
  replay_begin(&replay, 0);
  hold_at(&replay, SIGNAL_SAME_FILE_OPENS, 1, HOUR, 5 * HOUR);
  hold_at(&replay, SIGNAL_SAME_FILE_OPENS, 9, HOUR, 2 * HOUR);
  assert_int_equal(replay_state(&replay, RED_FLAG_SAME_FILE), RED_FLAG_WARNING);
  replay_end(&replay);
}

static void a_clock_that_goes_back_neither_raises_nor_clears_a_flag(void **state) {
  (void)state;
  struct replay replay;
  replay_begin(&replay, 20 * HOUR);
  hold_at(&replay, SIGNAL_OPEN_FDS, 300, 10 * SECOND, 30 * SECOND);
  replay.now_ms -= 10 * HOUR;
  replay_observe(&replay, SIGNAL_OPEN_FDS, 300);
  assert_int_equal(replay.turned[RED_FLAG_FDS], 0);
  hold_at(&replay, SIGNAL_OPEN_FDS, 300, 10 * SECOND, 2 * MINUTE);
  assert_int_equal(replay.turned[RED_FLAG_FDS], 1);
  assert_true(replay.last[RED_FLAG_FDS].since_ms <= replay.now_ms);
  replay_end(&replay);
}

static void unreadable_values_are_unknown_and_not_a_change(void **state) {
  (void)state;
  static const double unreadable[] = {NAN, -1, INFINITY, 1e300};
  for (size_t i = 0; i < ARRAY_LENGTH(unreadable); i++) {
    struct replay replay;
    replay_begin(&replay, 0);
    assert_int_equal(replay_state(&replay, RED_FLAG_FDS), -1);
    hold_at(&replay, SIGNAL_OPEN_FDS, 300, 10 * SECOND, HOUR);
    hold_at(&replay, SIGNAL_OPEN_FDS, unreadable[i], 10 * SECOND, HOUR);
    assert_int_equal(replay_state(&replay, RED_FLAG_FDS), -1);
    assert_int_equal(replay.turned[RED_FLAG_FDS], 1);
    hold_at(&replay, SIGNAL_OPEN_FDS, 300, 10 * SECOND, 10 * SECOND);
    assert_int_equal(replay_state(&replay, RED_FLAG_FDS), RED_FLAG_WARNING);
    assert_int_equal(replay.turned[RED_FLAG_FDS], 1);
    replay_end(&replay);
  }
}

static void a_signal_that_is_no_longer_observed_becomes_unknown(void **state) {
  (void)state;
  struct replay replay;
  replay_begin(&replay, 0);
  hold_at(&replay, SIGNAL_OPEN_FDS, 60, 10 * SECOND, HOUR);
  hold_at(&replay, SIGNAL_THREADS, 30, 10 * SECOND, 4 * MINUTE);
  assert_int_equal(replay_state(&replay, RED_FLAG_FDS), RED_FLAG_OK);
  hold_at(&replay, SIGNAL_THREADS, 30, 10 * SECOND, 2 * MINUTE);
  assert_int_equal(replay_state(&replay, RED_FLAG_FDS), -1);
  assert_int_equal(replay_state(&replay, RED_FLAG_THREADS), RED_FLAG_OK);
  replay_end(&replay);
}

static void a_disabled_flag_is_not_sent(void **state) {
  (void)state;
  struct replay replay;
  replay_begin(&replay, 0);
  replay_end(&replay);
  replay.rules.rules[RED_FLAG_FDS].disabled = true;
  assert_int_equal(evaluator_new(&replay.rules, 0, replay.now_ms, &replay.evaluator), 0);
  hold_at(&replay, SIGNAL_OPEN_FDS, 5000, 10 * SECOND, HOUR);
  assert_int_equal(replay.turned[RED_FLAG_FDS], 0);
  assert_int_equal(replay_state(&replay, RED_FLAG_FDS), -1);
  assert_int_equal(replay_state(&replay, RED_FLAG_FDS_GROWING), RED_FLAG_OK);
  replay_end(&replay);
}

static void the_evaluator_of_a_process_fits_in_64_kb(void **state) {
  (void)state;
  assert_in_range(evaluator_size(), 1, 64 * 1024);
}

static void inconsistent_rules_are_faults(void **state) {
  (void)state;
  struct red_flag_rules rules;
  red_flag_rules_init(&rules);
  struct red_flag_rule *growing = &rules.rules[RED_FLAG_FDS_GROWING];
  growing->hold_ms = growing->window_ms = 0;
  assert_non_null(red_flag_rule_fault(RED_FLAG_FDS_GROWING, growing));
  growing->window_ms = MINUTE;
  growing->hold_ms = GROWTH_WINDOWS_MIN * MINUTE;
  assert_null(red_flag_rule_fault(RED_FLAG_FDS_GROWING, growing));
  growing->hold_ms = GROWTH_WINDOWS_MAX * MINUTE;
  assert_null(red_flag_rule_fault(RED_FLAG_FDS_GROWING, growing));
  growing->hold_ms += SECOND;
  assert_non_null(red_flag_rule_fault(RED_FLAG_FDS_GROWING, growing));
  growing->window_ms = 2 * HOUR;
  growing->hold_ms = 24 * HOUR;
  assert_null(red_flag_rule_fault(RED_FLAG_FDS_GROWING, growing));
  growing->hold_ms += SECOND;
  assert_non_null(red_flag_rule_fault(RED_FLAG_FDS_GROWING, growing));
  struct red_flag_rule *fds = &rules.rules[RED_FLAG_FDS];
  fds->warning = fds->failure;
  assert_null(red_flag_rule_fault(RED_FLAG_FDS, fds));
  fds->warning = fds->failure + 1;
  assert_non_null(red_flag_rule_fault(RED_FLAG_FDS, fds));
}

/* --- fds_above_baseline */

static void four_times_its_baseline_is_a_warning(void **state) {
  (void)state;
  static const struct {
    double before, after;
    enum red_flag_state state;
  } cases[] = {{22, 88, RED_FLAG_WARNING},
               {22, 87, RED_FLAG_OK},
               {2, 39, RED_FLAG_OK},
               {2, 40, RED_FLAG_WARNING}};
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct replay replay;
    replay_begin(&replay, 0);
    hold_at(&replay, SIGNAL_OPEN_FDS, 150, 10 * SECOND, 14 * MINUTE); /* still loading */
    hold_at(&replay, SIGNAL_OPEN_FDS, cases[i].before, 10 * SECOND, 10 * MINUTE);
    assert_int_equal(replay_state(&replay, RED_FLAG_FDS_ABOVE_BASELINE), -1);
    hold_at(&replay, SIGNAL_OPEN_FDS, cases[i].before, 10 * SECOND, HOUR);
    assert_int_equal(replay_state(&replay, RED_FLAG_FDS_ABOVE_BASELINE), RED_FLAG_OK);
    hold_at(&replay, SIGNAL_OPEN_FDS, cases[i].after, 10 * SECOND, 11 * MINUTE);
    assert_int_equal(replay_state(&replay, RED_FLAG_FDS_ABOVE_BASELINE), cases[i].state);
    if (cases[i].state == RED_FLAG_WARNING)
      assert_true(replay.last[RED_FLAG_FDS_ABOVE_BASELINE].threshold ==
                  4 * fmax(cases[i].before, 10));
    hold_at(&replay, SIGNAL_OPEN_FDS, cases[i].before, 10 * SECOND, 11 * MINUTE);
    assert_int_equal(replay_state(&replay, RED_FLAG_FDS_ABOVE_BASELINE), RED_FLAG_OK);
    replay_end(&replay);
  }
}

/* --- rss */

static const double MB = 1 << 20;

static void hold_rss(struct replay *replay, double resident, double retained, uint64_t for_ms) {
  for (uint64_t end_ms = replay->now_ms + for_ms; replay->now_ms < end_ms;
       replay->now_ms += 10 * SECOND) {
    evaluator_observe(replay->evaluator, SIGNAL_RETAINED_BYTES, retained, replay->now_ms);
    replay_observe(replay, SIGNAL_RESIDENT_BYTES, resident);
  }
}

static void memory_that_is_retained_and_not_leaked_is_a_warning(void **state) {
  (void)state;
  struct replay replay;
  struct flag_status verdict;
  replay_begin(&replay, 0);
  hold_rss(&replay, 3000 * MB, 2700 * MB, HOUR);
  assert_true(evaluator_get(replay.evaluator, RED_FLAG_RSS, &verdict));
  assert_int_equal(verdict.state, RED_FLAG_WARNING);
  assert_true(verdict.is_retained);
  assert_true(verdict.threshold == 500 * MB);
  hold_rss(&replay, 3000 * MB, 100 * MB, HOUR);
  assert_true(evaluator_get(replay.evaluator, RED_FLAG_RSS, &verdict));
  assert_int_equal(verdict.state, RED_FLAG_FAILURE);
  assert_false(verdict.is_retained);
  hold_rss(&replay, 3000 * MB, 2700 * MB, HOUR);
  assert_int_equal(replay_state(&replay, RED_FLAG_RSS), RED_FLAG_WARNING);
  assert_int_equal(replay.last[RED_FLAG_RSS].before, RED_FLAG_FAILURE);
  replay_end(&replay);
}

static void without_knowing_what_is_retained_all_of_rss_counts(void **state) {
  (void)state;
  struct replay replay;
  replay_begin(&replay, 0);
  hold_rss(&replay, 3000 * MB, NAN, HOUR);
  assert_int_equal(replay_state(&replay, RED_FLAG_RSS), RED_FLAG_FAILURE);
  assert_false(replay.last[RED_FLAG_RSS].is_retained);
  replay_end(&replay);
}

static void a_warning_for_retained_memory_is_marked(void **state) {
  (void)state;
  struct replay replay;
  replay_begin(&replay, 0);
  hold_rss(&replay, 600 * MB, 300 * MB, HOUR);
  assert_int_equal(replay_state(&replay, RED_FLAG_RSS), RED_FLAG_WARNING);
  assert_true(replay.last[RED_FLAG_RSS].is_retained);
  replay_end(&replay);
}

/* --- pprof_missing */

static void without_pprof_another_flag_raises_pprof_missing(void **state) {
  (void)state;
  struct replay replay;
  replay_begin(&replay, 0);
  assert_int_equal(replay_state(&replay, RED_FLAG_PPROF_MISSING), -1);
  hold_at(&replay, SIGNAL_HAS_PPROF, 0, 10 * SECOND, HOUR);
  assert_int_equal(replay_state(&replay, RED_FLAG_PPROF_MISSING), RED_FLAG_OK);
  hold_at(&replay, SIGNAL_OPEN_FDS, 300, 10 * SECOND, 2 * MINUTE);
  assert_int_equal(replay_state(&replay, RED_FLAG_PPROF_MISSING), RED_FLAG_WARNING);
  hold_at(&replay, SIGNAL_OPEN_FDS, 100, 10 * SECOND, clear_ms(RED_FLAG_FDS) + 20 * SECOND);
  replay_observe(&replay, SIGNAL_HAS_PPROF, 0);
  assert_int_equal(replay_state(&replay, RED_FLAG_PPROF_MISSING), RED_FLAG_OK);
  assert_int_equal(replay.turned[RED_FLAG_PPROF_MISSING], 2);
  hold_at(&replay, SIGNAL_OPEN_FDS, 300, 10 * SECOND, 2 * MINUTE);
  replay_observe(&replay, SIGNAL_HAS_PPROF, 1);
  assert_int_equal(replay_state(&replay, RED_FLAG_PPROF_MISSING), RED_FLAG_OK);
  assert_int_equal(replay.turned[RED_FLAG_PPROF_MISSING], 4);
  replay_end(&replay);
}

static void with_pprof_no_flag_is_raised_for_its_absence(void **state) {
  (void)state;
  struct replay replay;
  replay_begin(&replay, 0);
  replay_observe(&replay, SIGNAL_HAS_PPROF, 1);
  hold_at(&replay, SIGNAL_OPEN_FDS, 300, 10 * SECOND, 4 * MINUTE);
  assert_int_equal(replay_state(&replay, RED_FLAG_FDS), RED_FLAG_WARNING);
  assert_int_equal(replay.turned[RED_FLAG_PPROF_MISSING], 0);
  replay_end(&replay);
}

static void which_changes_are_worth_a_capture(void **state) {
  (void)state;
  enum { OK = RED_FLAG_OK, WARNING = RED_FLAG_WARNING, FAILURE = RED_FLAG_FAILURE };
  static const struct {
    enum red_flag flag;
    int before, now;
    bool by_default, once_captured, on_warning;
  } cases[] = {
      {RED_FLAG_FDS, OK, WARNING, false, false, true},
      {RED_FLAG_FDS, OK, FAILURE, true, true, true},
      {RED_FLAG_FDS, WARNING, FAILURE, true, true, true},
      {RED_FLAG_FDS, FAILURE, WARNING, false, false, false},
      {RED_FLAG_FDS, WARNING, OK, false, false, false},
      {RED_FLAG_ALLOCATION_RATE, OK, WARNING, false, false, true},
      {RED_FLAG_SWAP_GROWING, OK, WARNING, true, true, true},
      {RED_FLAG_FDS_GROWING, OK, WARNING, true, true, true},
      {RED_FLAG_FDS_GROWING, WARNING, FAILURE, true, true, true},
      {RED_FLAG_FDS_GROWING, FAILURE, WARNING, false, false, false},
      {RED_FLAG_FDS_GROWING, WARNING, OK, false, false, false},
      {RED_FLAG_GOROUTINES_GROWING, OK, WARNING, true, true, true},
      {RED_FLAG_GOROUTINES_STUCK, OK, WARNING, true, true, true},
      {RED_FLAG_HEAP_GROWING, OK, WARNING, true, true, true},
      {RED_FLAG_HEAP_NOT_RECEDING, OK, WARNING, true, true, true},
      {RED_FLAG_CPU, OK, WARNING, true, false, true},
      {RED_FLAG_CPU, WARNING, FAILURE, true, true, true},
      {RED_FLAG_CPU, FAILURE, WARNING, false, false, false},
      {RED_FLAG_CPU_BUSY, OK, WARNING, true, false, true},
      {RED_FLAG_CHILD_CPU, OK, WARNING, false, false, true},
      {RED_FLAG_PPROF_MISSING, OK, WARNING, false, false, false},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct flag_status status = {.flag = cases[i].flag,
                                 .before = (enum red_flag_state)cases[i].before,
                                 .state = (enum red_flag_state)cases[i].now};
    const char *name = red_flags[cases[i].flag].name;
    check_int(name, red_flag_is_worth_a_capture(&status, false, true), cases[i].by_default);
    check_int(name, red_flag_is_worth_a_capture(&status, false, false), cases[i].once_captured);
    check_int(name, red_flag_is_worth_a_capture(&status, true, false), cases[i].on_warning);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(just_below_a_threshold_nothing_is_raised),
      cmocka_unit_test(at_a_threshold_it_is_raised_once_after_its_hold),
      cmocka_unit_test(it_is_cleared_once_below_for_minutes),
      cmocka_unit_test(a_level_that_swings_about_its_threshold_is_one_alert),
      cmocka_unit_test(a_hold_as_long_as_the_interval_takes_one_interval),
      cmocka_unit_test(bursts_shorter_than_the_hold_raise_nothing),
      cmocka_unit_test(two_readings_far_apart_do_not_count_as_held),
      cmocka_unit_test(a_long_interval_is_not_a_gap_once_it_is_usual),
      cmocka_unit_test(a_clock_that_goes_back_neither_raises_nor_clears_a_flag),
      cmocka_unit_test(unreadable_values_are_unknown_and_not_a_change),
      cmocka_unit_test(a_signal_that_is_no_longer_observed_becomes_unknown),
      cmocka_unit_test(a_disabled_flag_is_not_sent),
      cmocka_unit_test(the_evaluator_of_a_process_fits_in_64_kb),
      cmocka_unit_test(inconsistent_rules_are_faults),
      cmocka_unit_test(four_times_its_baseline_is_a_warning),
      cmocka_unit_test(memory_that_is_retained_and_not_leaked_is_a_warning),
      cmocka_unit_test(without_knowing_what_is_retained_all_of_rss_counts),
      cmocka_unit_test(a_warning_for_retained_memory_is_marked),
      cmocka_unit_test(which_changes_are_worth_a_capture),
      cmocka_unit_test(without_pprof_another_flag_raises_pprof_missing),
      cmocka_unit_test(with_pprof_no_flag_is_raised_for_its_absence),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
