/* The clock of a node, and what it means for the times of alerts. */
#include "cases.h"
#include "notify_alertmanager/node_clock.h"

#define SECOND INT64_C(1000000000)
#define DAY (86400 * SECOND)

/* Real time, that of the node's Date, and the monotonic time with it. */
#define NOW (INT64_C(1700000000) * SECOND)
#define MONOTONIC (5000 * SECOND)

/* The latest start and end in a post at that time. */
static int64_t last_start(const struct node_clock *clock, int64_t wall_ns, int64_t passed_ns) {
  const struct node_times times = {.starts_ns = INT64_MAX};
  return node_clock_limit(clock, times, wall_ns, (uint64_t)(MONOTONIC + passed_ns)).starts_ns;
}

static int64_t last_end(const struct node_clock *clock, int64_t wall_ns, int64_t passed_ns) {
  const struct node_times times = {.starts_ns = 7, .ends_ns = INT64_MAX};
  return node_clock_limit(clock, times, wall_ns, (uint64_t)(MONOTONIC + passed_ns)).ends_ns;
}

static int64_t end_ahead(const struct node_clock *clock, int64_t wall_ns, int64_t passed_ns) {
  return node_clock_end_ahead(clock, 300 * (uint64_t)SECOND, wall_ns,
                              (uint64_t)(MONOTONIC + passed_ns));
}

/* Alertmanager gives an alert without an end one of its own. */
static void without_a_date_the_clock_of_this_host_counts(void **state) {
  (void)state;
  struct node_clock clock = {0};
  assert_false(node_clock_update(&clock, 0, 0, NOW + DAY, MONOTONIC));
  assert_int_equal(last_start(&clock, NOW + DAY, 0), NOW + DAY);
  assert_int_equal(last_end(&clock, NOW + DAY, 0), NOW + DAY);
  assert_int_equal(end_ahead(&clock, NOW + DAY, 0), 0);
}

static void times_are_limited_to_the_present_of_the_node(void **state) {
  (void)state;
  static const struct {
    const char *name;
    int64_t date_seconds, duration_ns, wall_ns, limit_ns;
    bool differs;
  } cases[] = {
      {"the same time", NOW / SECOND, 0, NOW, NOW, false},
      {"cut to a second", NOW / SECOND, 0, NOW + SECOND - 1, NOW + SECOND - 1, false},
      {"a slow response", NOW / SECOND, 9 * SECOND, NOW + 9 * SECOND, NOW + 9 * SECOND, false},
      {"ahead by three seconds", NOW / SECOND, 0, NOW + 3 * SECOND, NOW, true},
      {"ahead by 310 seconds, slow", NOW / SECOND, 9 * SECOND, NOW + 310 * SECOND, NOW, true},
      {"ahead by a day", NOW / SECOND, SECOND / 100, NOW + DAY, NOW, true},
      {"behind by a second", NOW / SECOND, 0, NOW - SECOND, NOW - SECOND, false},
      {"behind by a day", NOW / SECOND, 0, NOW - DAY, NOW, true},
      {"a node in the year 9999", 253402300799, 0, NOW, INT64_C(4611686018) * SECOND, true},
      {"a node in 1970", 1, 0, NOW, SECOND, true},
      {"a host in 1970", NOW / SECOND, 0, 1, NOW, true},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct node_clock clock = {0};
    check_int("the first date",
              node_clock_update(&clock, cases[i].wall_ns / SECOND + 1, 0, cases[i].wall_ns,
                                MONOTONIC),
              true);
    check_int(cases[i].name,
              node_clock_update(&clock, cases[i].date_seconds, (uint64_t)cases[i].duration_ns,
                                cases[i].wall_ns, MONOTONIC),
              cases[i].differs);
    check_int(cases[i].name, last_start(&clock, cases[i].wall_ns, 0), cases[i].limit_ns);
    /* it has passed its own date for sure, and what follows by this host's monotonic clock */
    bool is_past = cases[i].date_seconds <= NOW / SECOND;
    int64_t passed_ns = is_past ? cases[i].date_seconds * SECOND : cases[i].limit_ns;
    check_int(cases[i].name, last_end(&clock, cases[i].wall_ns, 0), passed_ns);
    check_int(cases[i].name, last_end(&clock, cases[i].wall_ns + SECOND, SECOND / 2),
              passed_ns + SECOND / 2);
  }
}

/* The time until a node resolves what is not renewed. */
static void an_end_ahead_needs_clocks_that_agree(void **state) {
  (void)state;
  static const struct {
    const char *name;
    int64_t wall_ns, end_ns;
  } cases[] = {
      {"the same time", NOW, NOW + 300 * SECOND},
      {"a second ahead", NOW + SECOND, NOW + 301 * SECOND},
      {"a second behind", NOW - SECOND, NOW + 299 * SECOND},
      {"a minute ahead", NOW + 60 * SECOND, NOW + 300 * SECOND},
      {"a minute behind", NOW - 60 * SECOND, NOW + 300 * SECOND},
      {"more than a minute ahead", NOW + 61 * SECOND, 0},
      {"more than a minute behind", NOW - 61 * SECOND, 0},
      {"a day ahead", NOW + DAY, 0},
      {"in 1970", 1, 0},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct node_clock clock = {0};
    check_int(cases[i].name, end_ahead(&clock, cases[i].wall_ns, 0), 0);
    node_clock_update(&clock, NOW / SECOND, 0, cases[i].wall_ns, MONOTONIC);
    check_int(cases[i].name, end_ahead(&clock, cases[i].wall_ns, 0), cases[i].end_ns);
    int64_t later_ns = cases[i].end_ns == 0 ? 0 : cases[i].end_ns + SECOND;
    check_int(cases[i].name, end_ahead(&clock, cases[i].wall_ns + SECOND, SECOND), later_ns);
    check_int("set since", end_ahead(&clock, cases[i].wall_ns + DAY, 0), 0);
  }
}

/* Alertmanager would keep the end ahead of the last renewal, which is later. */
static void an_end_is_one_that_the_node_has_passed(void **state) {
  (void)state;
  for (int64_t ahead_ns = -3 * SECOND; ahead_ns <= 3 * SECOND; ahead_ns += SECOND / 10) {
    for (int64_t answered_ns = 0; answered_ns < SECOND; answered_ns += SECOND / 10) {
      struct node_clock clock = {0};
      int64_t node_ns = NOW + answered_ns, delay_ns = SECOND / 5;
      node_clock_update(&clock, node_ns / SECOND, (uint64_t)delay_ns,
                        node_ns + delay_ns + ahead_ns, MONOTONIC);
      int64_t end_ns = last_end(&clock, node_ns + delay_ns + ahead_ns + 7 * SECOND, 7 * SECOND);
      assert_in_range(end_ns, node_ns + 6 * SECOND, node_ns + delay_ns + 7 * SECOND);
    }
  }
}

static void earlier_times_are_left_alone(void **state) {
  (void)state;
  struct node_clock clock = {0};
  node_clock_update(&clock, NOW / SECOND, 0, NOW + DAY, MONOTONIC);
  struct node_times fires = {.starts_ns = NOW - 5}, ended = {NOW - 5, NOW - 3};
  fires = node_clock_limit(&clock, fires, NOW + DAY, MONOTONIC);
  ended = node_clock_limit(&clock, ended, NOW + DAY, MONOTONIC);
  assert_int_equal(fires.starts_ns, NOW - 5);
  assert_int_equal(fires.ends_ns, 0);
  assert_int_equal(ended.starts_ns, NOW - 5);
  assert_int_equal(ended.ends_ns, NOW - 3);
}

/* Of a clock that is ahead by a day. */
static void the_limit_goes_on_with_the_time(void **state) {
  (void)state;
  struct node_clock clock = {0};
  assert_true(node_clock_update(&clock, NOW / SECOND, 0, NOW + DAY, MONOTONIC));
  for (int64_t passed = SECOND; passed < 100 * SECOND; passed += SECOND * 7 / 10) {
    assert_int_equal(last_start(&clock, NOW + DAY + passed, passed), NOW + passed);
    /* Date has whole seconds, some responses are slow: nothing is posted again for that */
    assert_false(node_clock_update(&clock, (NOW + passed) / SECOND, SECOND / 2,
                                   NOW + DAY + passed, (uint64_t)(MONOTONIC + passed)));
  }
}

/* The next response says which clock was right. Until then a start, which may be right, is left
 * alone, and an end is not after the only present that is known. */
static void a_clock_that_was_set_is_measured_anew(void **state) {
  (void)state;
  static const int64_t steps[] = {DAY, -DAY, 0, -310 * SECOND, 310 * SECOND, 0};
  struct node_clock clock = {0};
  assert_true(node_clock_update(&clock, NOW / SECOND, 0, NOW, MONOTONIC));
  for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
    int64_t wall_ns = NOW + steps[i];
    assert_int_equal(last_start(&clock, wall_ns, 0), INT64_MAX);
    assert_int_equal(last_end(&clock, wall_ns, 0), wall_ns);
    const struct node_times both = {INT64_MAX - 1, INT64_MAX};
    assert_int_equal(node_clock_limit(&clock, both, wall_ns, MONOTONIC).starts_ns, wall_ns);
    assert_true(node_clock_update(&clock, NOW / SECOND, 0, wall_ns, MONOTONIC));
    assert_int_equal(last_start(&clock, wall_ns, 0), NOW);
    assert_int_equal(last_end(&clock, wall_ns, 0), NOW);
  }
}

static void a_clock_of_the_node_that_is_set_is_followed(void **state) {
  (void)state;
  struct node_clock clock = {0};
  node_clock_update(&clock, NOW / SECOND, 0, NOW, MONOTONIC);
  assert_true(node_clock_update(&clock, (NOW - DAY) / SECOND, 0, NOW, MONOTONIC));
  assert_int_equal(last_start(&clock, NOW, 0), NOW - DAY);
  assert_true(node_clock_update(&clock, NOW / SECOND, 0, NOW, MONOTONIC));
  assert_int_equal(last_start(&clock, NOW, 0), NOW);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_a_date_the_clock_of_this_host_counts),
      cmocka_unit_test(times_are_limited_to_the_present_of_the_node),
      cmocka_unit_test(an_end_ahead_needs_clocks_that_agree),
      cmocka_unit_test(an_end_is_one_that_the_node_has_passed),
      cmocka_unit_test(earlier_times_are_left_alone),
      cmocka_unit_test(the_limit_goes_on_with_the_time),
      cmocka_unit_test(a_clock_that_was_set_is_measured_anew),
      cmocka_unit_test(a_clock_of_the_node_that_is_set_is_followed),
  };
  return cmocka_run_group_tests_name("node_clock", tests, NULL, NULL);
}
