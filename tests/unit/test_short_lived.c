/* Counting processes that end before they are old enough. */
#include "sidecar/short_lived.h"

#include "cases.h"

static const uint64_t MINUTE = UINT64_C(60) * 1000000000;

static struct short_lived short_lived;
static size_t rules[SHORT_LIVED_YOUNG_MAX];

static int set_up(void **state) {
  (void)state;
  memset(&short_lived, 0, sizeof(short_lived));
  return 0;
}

/* running: a list of pids that ends with 0. */
static bool is_in(const void *running, pid_t pid) {
  for (const pid_t *one = running; *one != 0; one++)
    if (*one == pid)
      return true;
  return false;
}

static size_t end_scan(const pid_t *running) {
  return short_lived_end_scan(&short_lived, is_in, running, rules);
}

static void one_that_is_gone_in_the_next_scan_has_ended(void **state) {
  (void)state;
  short_lived_see(&short_lived, 70, 1000, 3);
  assert_int_equal(end_scan((pid_t[]){70, 0}), 0);
  assert_true(short_lived_is_active(&short_lived));
  assert_int_equal(end_scan((pid_t[]){0}), 1);
  assert_int_equal(rules[0], 3);
  assert_int_equal(end_scan((pid_t[]){0}), 0);
  assert_false(short_lived_is_active(&short_lived));
}

static void one_that_stays_young_is_one(void **state) {
  (void)state;
  for (int i = 0; i < 4; i++) {
    short_lived_see(&short_lived, 70, 1000, 0);
    assert_int_equal(end_scan((pid_t[]){70, 0}), 0);
  }
  assert_int_equal(end_scan((pid_t[]){0}), 1);
}

static void one_that_is_watched_has_not_ended(void **state) {
  (void)state;
  short_lived_see(&short_lived, 70, 1000, 0);
  assert_int_equal(end_scan((pid_t[]){70, 0}), 0);
  assert_int_equal(end_scan((pid_t[]){70, 0}), 0);
  assert_int_equal(end_scan((pid_t[]){0}), 0);
}

static void of_a_crowd_a_few_are_counted(void **state) {
  (void)state;
  for (pid_t pid = 1; pid <= 5000; pid++)
    short_lived_see(&short_lived, pid, 1000, 0);
  assert_int_equal(end_scan((pid_t[]){0}), 0);
  assert_int_equal(end_scan((pid_t[]){0}), SHORT_LIVED_YOUNG_MAX);
}

/* One that ends each minute, for so many. */
static unsigned changes_of(size_t rule, unsigned minutes, uint64_t from_ns) {
  uint64_t count;
  unsigned changes = 0;
  for (unsigned i = 0; i < minutes; i++) {
    short_lived_count(&short_lived, rule, from_ns + i * MINUTE);
    changes += short_lived_judge(&short_lived, rule, from_ns + i * MINUTE, &count);
  }
  return changes;
}

static void five_within_ten_minutes_are_many_and_said_once(void **state) {
  (void)state;
  assert_int_equal(changes_of(2, 4, 100 * MINUTE), 0);
  assert_false(short_lived.counts[2].is_raised);
  assert_int_equal(changes_of(2, 1000, 104 * MINUTE), 1);
  assert_true(short_lived.counts[2].is_raised);
  assert_true(short_lived_is_active(&short_lived));
  assert_false(short_lived.counts[1].is_raised);
}

static void it_is_over_after_ten_minutes_without(void **state) {
  (void)state;
  uint64_t count = 0;
  changes_of(0, 60, 100 * MINUTE);
  unsigned minutes = 0;
  while (minutes < 60 && !short_lived_judge(&short_lived, 0, (160 + minutes) * MINUTE, &count))
    minutes++;
  assert_in_range(minutes, 4, SHORT_LIVED_MINUTES);
  assert_false(short_lived.counts[0].is_raised);
  assert_int_equal(count, 0);
}

static void a_few_now_and_then_are_not_many(void **state) {
  (void)state;
  uint64_t count;
  for (uint64_t now_ns = 0; now_ns < 3000 * MINUTE; now_ns += 3 * MINUTE) {
    short_lived_count(&short_lived, 0, now_ns);
    assert_false(short_lived_judge(&short_lived, 0, now_ns, &count));
    assert_in_range(count, 1, SHORT_LIVED_MANY - 1);
  }
}

static void after_a_pause_what_was_before_is_not_counted(void **state) {
  (void)state;
  uint64_t count;
  for (int i = 0; i < 4; i++)
    short_lived_count(&short_lived, 0, 100 * MINUTE);
  short_lived_judge(&short_lived, 0, 100 * MINUTE, &count);
  assert_int_equal(count, 4);
  short_lived_judge(&short_lived, 0, 500 * MINUTE, &count);
  assert_int_equal(count, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(one_that_is_gone_in_the_next_scan_has_ended),
      TEST(one_that_stays_young_is_one),
      TEST(one_that_is_watched_has_not_ended),
      TEST(of_a_crowd_a_few_are_counted),
      TEST(five_within_ten_minutes_are_many_and_said_once),
      TEST(it_is_over_after_ten_minutes_without),
      TEST(a_few_now_and_then_are_not_many),
      TEST(after_a_pause_what_was_before_is_not_counted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
