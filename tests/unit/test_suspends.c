/* Suspensions of the machine, and dates across them. */
#include "common/suspends.h"

#include "cases.h"

enum { SECOND = 1000, HOUR = 3600 * SECOND };

static const int64_t NOW_MS = INT64_C(1795500000000);

static void a_machine_that_was_not_suspended_has_one_clock(void **state) {
  (void)state;
  struct suspends suspends = {.len = 0};
  assert_int_equal(suspends_since(NULL, 5), 0);
  assert_int_equal(suspends_since(&suspends, 5), 0);
  for (uint64_t ms = 0; ms < HOUR; ms += 10 * SECOND)
    suspends_note(&suspends, ms, 7 * HOUR + ms % 7); /* before, and the clocks' jitter */
  assert_int_equal(suspends.len, 0);
  assert_int_equal(suspends_since(&suspends, 0), 0);
  assert_int_equal(suspends_wall_ms(&suspends, 5 * SECOND, HOUR, NOW_MS),
                   NOW_MS - HOUR + 5 * SECOND);
  assert_int_equal(suspends_wall_ms(NULL, 5 * SECOND, HOUR, NOW_MS),
                   NOW_MS - HOUR + 5 * SECOND);
}

static void a_date_before_a_suspension_is_earlier_by_its_length(void **state) {
  (void)state;
  struct suspends suspends = {.len = 0};
  suspends_note(&suspends, 1 * HOUR, 0);
  suspends_note(&suspends, 2 * HOUR, 8 * (uint64_t)HOUR);
  suspends_note(&suspends, 3 * HOUR, 8 * (uint64_t)HOUR);
  suspends_note(&suspends, 4 * HOUR, 9 * (uint64_t)HOUR);
  static const struct {
    uint64_t hour, asleep_hours;
  } cases[] = {{0, 9}, {1, 9}, {2, 1}, {3, 1}, {4, 0}, {5, 0}};
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    uint64_t then_ms = cases[i].hour * HOUR;
    assert_int_equal(suspends_since(&suspends, then_ms), cases[i].asleep_hours * HOUR);
    assert_int_equal(suspends_wall_ms(&suspends, then_ms, 6 * (uint64_t)HOUR, NOW_MS),
                     NOW_MS - (int64_t)(6 - cases[i].hour + cases[i].asleep_hours) * HOUR);
  }
  assert_int_equal(suspends_wall_ms(&suspends, 7 * (uint64_t)HOUR, 6 * (uint64_t)HOUR, NOW_MS),
                   NOW_MS);
}

static void time_asleep_never_becomes_less(void **state) {
  (void)state;
  struct suspends suspends = {.len = 0};
  suspends_note(&suspends, 1 * SECOND, 5 * HOUR);
  suspends_note(&suspends, 2 * SECOND, 0);
  suspends_note(&suspends, 3 * SECOND, 5 * HOUR + SECOND);
  assert_int_equal(suspends.len, 1);
  assert_int_equal(suspends_since(&suspends, 1 * SECOND), SECOND);
}

static void of_many_suspensions_the_latest_are_known(void **state) {
  (void)state;
  struct suspends suspends = {.len = 0};
  suspends_note(&suspends, 0, 0);
  enum { MANY = 3 * SUSPENDS_MAX };
  for (uint64_t i = 1; i <= MANY; i++)
    suspends_note(&suspends, i * HOUR, i * 2 * SECOND);
  assert_int_equal(suspends.len, SUSPENDS_MAX);
  assert_int_equal(suspends_since(&suspends, (MANY - 10) * (uint64_t)HOUR), 20 * SECOND);
  assert_int_equal(suspends_since(&suspends, (MANY - SUSPENDS_MAX) * (uint64_t)HOUR),
                   SUSPENDS_MAX * 2 * SECOND);
  assert_int_equal(suspends_since(&suspends, 0), SUSPENDS_MAX * 2 * SECOND);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_machine_that_was_not_suspended_has_one_clock),
      cmocka_unit_test(a_date_before_a_suspension_is_earlier_by_its_length),
      cmocka_unit_test(time_asleep_never_becomes_less),
      cmocka_unit_test(of_many_suspensions_the_latest_are_known),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
