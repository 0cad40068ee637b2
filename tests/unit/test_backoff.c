/* Complaints with back-off, on a clock of the test's own. */
#include "common/backoff.h"

#include "cases.h"

static const uint64_t SECOND = 1000000000;

static void a_failure_is_logged_immediately_and_then_less_and_less_often(void **state) {
  (void)state;
  static const uint64_t said_at[] = {100,  160,  280,  520,   1000,
                                     1960, 3880, 7480, 11080, 14680}; /* seconds */
  struct backoff b = {0};
  size_t said = 0;
  uint32_t since = 0;
  for (uint64_t now = 100; now <= 14680; now++) {
    uint32_t suppressed = 4711;
    if (!backoff_due(&b, now * SECOND, &suppressed)) {
      assert_int_equal(suppressed, 4711);
      since++;
      continue;
    }
    assert_true(said < ARRAY_LENGTH(said_at));
    assert_int_equal(now, said_at[said]);
    assert_int_equal(suppressed, since);
    said++;
    since = 0;
  }
  assert_int_equal(said, ARRAY_LENGTH(said_at));
}

static void it_is_logged_immediately_if_the_clock_has_just_started(void **state) {
  (void)state;
  struct backoff b = {0};
  uint32_t suppressed;
  assert_true(backoff_due(&b, 0, &suppressed));
  assert_int_equal(suppressed, 0);
  assert_false(backoff_due(&b, 0, &suppressed));
}

static void a_success_is_told_once_for_each_line_and_does_not_shorten_the_pause(void **state) {
  (void)state;
  struct backoff b = {0};
  uint32_t suppressed;
  assert_false(backoff_success(&b)); /* nothing had been logged */
  assert_true(backoff_due(&b, 5 * SECOND, &suppressed));
  assert_false(backoff_due(&b, 6 * SECOND, &suppressed));
  assert_true(backoff_success(&b));
  assert_false(backoff_success(&b));
  assert_false(backoff_due(&b, 7 * SECOND, &suppressed));
  assert_false(backoff_success(&b)); /* of what was not logged */
  assert_true(backoff_due(&b, 65 * SECOND, &suppressed));
  assert_int_equal(suppressed, 2);
  assert_false(backoff_due(&b, 184 * SECOND, &suppressed));
  assert_true(backoff_due(&b, 185 * SECOND, &suppressed));
}

static void after_an_hour_without_it_a_failure_is_news(void **state) {
  (void)state;
  struct backoff b = {0};
  uint32_t suppressed;
  for (uint64_t now = 1; now <= 7400; now++)
    backoff_due(&b, now * SECOND, &suppressed);
  assert_false(backoff_due(&b, (7400 + 240) * SECOND, &suppressed));
  assert_true(backoff_due(&b, (7640 + 3600) * SECOND, &suppressed));
  assert_int_equal(suppressed, 20);
  assert_false(backoff_due(&b, (7640 + 3600 + 59) * SECOND, &suppressed));
  assert_true(backoff_due(&b, (7640 + 3600 + 60) * SECOND, &suppressed));
}

/* A collector that is read every ten seconds and fails in every other reading. */
static void a_failure_that_comes_and_goes_all_day_is_a_few_lines(void **state) {
  (void)state;
  struct backoff b = {0};
  unsigned failures = 0, successes = 0;
  for (uint64_t now = 10; now <= 86400; now += 10) {
    uint32_t suppressed;
    if (now % 20 == 0)
      successes += backoff_success(&b);
    else
      failures += backoff_due(&b, now * SECOND, &suppressed);
  }
  assert_int_equal(failures, 29); /* 8 in the first two hours, then one an hour */
  assert_int_equal(successes, failures);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_failure_is_logged_immediately_and_then_less_and_less_often),
      cmocka_unit_test(it_is_logged_immediately_if_the_clock_has_just_started),
      cmocka_unit_test(a_success_is_told_once_for_each_line_and_does_not_shorten_the_pause),
      cmocka_unit_test(after_an_hour_without_it_a_failure_is_news),
      cmocka_unit_test(a_failure_that_comes_and_goes_all_day_is_a_few_lines),
  };
  return cmocka_run_group_tests_name("backoff", tests, NULL, NULL);
}
