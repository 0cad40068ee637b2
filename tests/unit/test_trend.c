/* What became of signals since a baseline. */
#include "cases.h"

#include <math.h>

#include "sidecar/redflag/snapshot.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static void before_a_reading_nothing_is_known(void **state) {
  (void)state;
  struct trend trend;
  trend_begin(&trend);
  trend_observe(&trend, SIGNAL_OPEN_FDS, NAN, 1);
  trend_observe(&trend, SIGNAL_OPEN_FDS, -1, 2);
  trend_observe(&trend, SIGNAL_OPEN_FDS, INFINITY, 3);
  for (size_t i = 0; i < RED_FLAG_SIGNALS; i++) {
    assert_true(isnan(trend.signals[i].baseline) && isnan(trend.signals[i].latest));
    assert_true(isnan(trend.signals[i].first_trough) && isnan(trend.signals[i].last_trough));
    assert_int_equal(trend.signals[i].latest_ms, 0);
  }
}

static void a_nights_report_has_amount_and_start_of_each_rise(void **state) {
  (void)state;
  struct trend trend;
  trend_begin(&trend);
  /* a saw-tooth; a leak of one a minute after three hours */
  for (uint64_t ms = 0; ms < 8 * HOUR; ms += 10 * SECOND) {
    double leaked = ms < 3 * HOUR ? 0 : (double)(ms - 3 * HOUR) / MINUTE;
    double tooth = (double)(ms / SECOND % 70);
    trend_observe(&trend, SIGNAL_OPEN_FDS, 60 + tooth + leaked, 5 * HOUR + ms);
    trend_observe(&trend, SIGNAL_THREADS, 30 + tooth, 5 * HOUR + ms);
  }
  const struct trend_signal *fds = &trend.signals[SIGNAL_OPEN_FDS];
  assert_true(fds->baseline == 60 && fds->lowest == 60 && fds->first_trough == 60);
  assert_in_range((uint64_t)(fds->last_trough - fds->first_trough), 275, 300);
  assert_true(fds->highest > 400 && fds->latest >= fds->last_trough);
  assert_int_equal(fds->baseline_ms, 5 * HOUR);
  assert_int_equal(fds->latest_ms, 13 * HOUR - 10 * SECOND);
  assert_in_range(fds->since_ms, 8 * HOUR - MINUTE, 8 * HOUR + 11 * MINUTE);
  const struct trend_signal *threads = &trend.signals[SIGNAL_THREADS];
  assert_true(threads->last_trough == threads->first_trough);
  assert_true(threads->since_ms >= 13 * HOUR - 11 * MINUTE);
  assert_true(isnan(trend.signals[SIGNAL_RESIDENT_BYTES].baseline));
}

static void a_new_baseline_discards_the_old_one(void **state) {
  (void)state;
  struct trend trend;
  trend_begin(&trend);
  for (uint64_t ms = 0; ms < HOUR; ms += MINUTE)
    trend_observe(&trend, SIGNAL_OPEN_FDS, 900, ms);
  trend_begin(&trend);
  trend_observe(&trend, SIGNAL_OPEN_FDS, 50, HOUR);
  assert_true(trend.signals[SIGNAL_OPEN_FDS].baseline == 50);
  assert_true(trend.signals[SIGNAL_OPEN_FDS].highest == 50);
  assert_true(isnan(trend.signals[SIGNAL_OPEN_FDS].first_trough));
}

static void pauses_and_clocks_that_go_back_make_no_trough(void **state) {
  (void)state;
  struct trend trend;
  trend_begin(&trend);
  uint64_t ms = 20 * HOUR;
  for (int i = 0; i < 1000; i++) {
    trend_observe(&trend, SIGNAL_OPEN_FDS, 60 + i % 7, ms);
    ms += 10 * SECOND;
    if (i % 100 == 30)
      ms += 3 * HOUR;
    if (i % 100 == 60)
      ms -= 2 * HOUR;
  }
  assert_true(trend.signals[SIGNAL_OPEN_FDS].first_trough == 60);
  assert_true(trend.signals[SIGNAL_OPEN_FDS].last_trough == 60);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(before_a_reading_nothing_is_known),
      cmocka_unit_test(a_nights_report_has_amount_and_start_of_each_rise),
      cmocka_unit_test(a_new_baseline_discards_the_old_one),
      cmocka_unit_test(pauses_and_clocks_that_go_back_make_no_trough),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
