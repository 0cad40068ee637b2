/* Scheduled captures: times of day through changes of the clock, and intervals. */
#include "sidecar/capture/schedule.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "cases.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 24 * HOUR };

/* ---- as configured ---- */

static const struct {
  const char *text;
  int status;
  uint16_t minutes;
} texts[] = {
    {"06:00", 0, 360},        {"00:00", 0, 0},         {"23:59", 0, 1439},
    {"09:08", 0, 548},        {"24:00", -EINVAL, 0},   {"23:60", -EINVAL, 0},
    {"6:00", -EINVAL, 0},     {"06:0", -EINVAL, 0},    {"06:000", -EINVAL, 0},
    {"06:00 ", -EINVAL, 0},   {" 06:00", -EINVAL, 0},  {"06.00", -EINVAL, 0},
    {"06:00:00", -EINVAL, 0}, {"+6:00", -EINVAL, 0},   {"-1:00", -EINVAL, 0},
    {"0x:00", -EINVAL, 0},    {"06:00am", -EINVAL, 0}, {"", -EINVAL, 0},
    {":", -EINVAL, 0},        {"06:+1", -EINVAL, 0},   {"6h", -EINVAL, 0},
    {"0600", -EINVAL, 0},     {"06\n:00", -EINVAL, 0},
};

static void a_time_is_two_digits_each_and_nothing_else(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
    struct schedule schedule = {0};
    check_int(texts[i].text, schedule_add_time(&schedule, texts[i].text), texts[i].status);
    check_int(texts[i].text, (int)schedule.times_len, texts[i].status == 0);
    check_int(texts[i].text, schedule.times[0], texts[i].minutes);
  }
}

static void a_time_is_given_once_and_there_are_at_most_24(void **state) {
  (void)state;
  struct schedule schedule = {0};
  char text[8];
  for (int hour = 0; hour < 24; hour++) {
    snprintf(text, sizeof(text), "%02d:30", hour);
    assert_int_equal(schedule_add_time(&schedule, text), 0);
    assert_int_equal(schedule_add_time(&schedule, text), -EEXIST);
  }
  assert_int_equal(schedule_add_time(&schedule, "06:00"), -ENOSPC);
}

/* ---- times of day ---- */

static void use_zone(const char *zone) {
  assert_int_equal(setenv("TZ", zone, 1), 0);
  tzset();
}

/* In Central Europe, by the rules of POSIX so that no zone files are needed. */
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

static struct schedule schedule_of(const char *first, const char *second) {
  struct schedule schedule = {0};
  assert_int_equal(schedule_add_time(&schedule, first), 0);
  if (second != NULL)
    assert_int_equal(schedule_add_time(&schedule, second), 0);
  return schedule;
}

static int64_t utc(int month, int day, int hour, int minute) {
  struct tm date = {
      .tm_year = 126, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute};
  return timegm(&date);
}

/* Reads every 10 s from one instant to another, both excluded from what is due; returns how
 * often it was, and when last. */
static unsigned count_due(const struct schedule *schedule, struct schedule_clock *clock,
                          int64_t from_s, int64_t to_s, int64_t *ret_last_s) {
  unsigned count = 0;
  for (int64_t now_s = from_s; now_s < to_s; now_s += 10)
    if (schedule_is_due(schedule, clock, now_s, 0)) {
      count++;
      *ret_last_s = now_s;
    }
  return count;
}

static void a_time_is_due_once_a_day_in_local_time(void **state) {
  (void)state;
  struct schedule schedule = schedule_of("06:00", "18:30");
  struct schedule_clock clock = {0};
  int64_t last_s = 0;
  use_zone(BERLIN);
  assert_int_equal(count_due(&schedule, &clock, utc(7, 1, 3, 0), utc(7, 1, 4, 0), &last_s), 0);
  assert_int_equal(count_due(&schedule, &clock, utc(7, 1, 4, 0), utc(7, 1, 10, 0), &last_s), 1);
  assert_int_equal(last_s, utc(7, 1, 4, 0));
  assert_int_equal(count_due(&schedule, &clock, utc(7, 1, 10, 0), utc(7, 2, 3, 0), &last_s), 1);
  assert_int_equal(last_s, utc(7, 1, 16, 30));
  assert_int_equal(count_due(&schedule, &clock, utc(7, 2, 3, 0), utc(8, 1, 3, 0), &last_s), 60);
}

static void times_before_the_start_are_not_caught_up_with(void **state) {
  (void)state;
  struct schedule schedule = schedule_of("06:00", NULL);
  struct schedule_clock clock = {0};
  int64_t last_s = 0;
  use_zone("UTC0");
  assert_int_equal(count_due(&schedule, &clock, utc(7, 1, 6, 0) + 5, utc(7, 1, 23, 0), &last_s),
                   0);
}

static void midnight_and_the_turn_of_the_month_are_times_like_others(void **state) {
  (void)state;
  struct schedule schedule = schedule_of("00:00", "23:59");
  struct schedule_clock clock = {0};
  int64_t last_s = 0;
  use_zone("UTC0");
  assert_int_equal(count_due(&schedule, &clock, utc(2, 27, 12, 0), utc(3, 2, 12, 0), &last_s),
                   6);
  assert_int_equal(last_s, utc(3, 2, 0, 0));
}

/* 2026-03-29, 02:00 to 03:00, does not exist. */
static void in_spring_a_time_that_does_not_exist_is_due_once(void **state) {
  (void)state;
  struct schedule schedule = schedule_of("02:30", NULL);
  struct schedule_clock clock = {0};
  int64_t last_s = 0;
  use_zone(BERLIN);
  assert_int_equal(count_due(&schedule, &clock, utc(3, 28, 12, 0), utc(3, 29, 12, 0), &last_s),
                   1);
  assert_int_equal(last_s, utc(3, 29, 1, 30));
  assert_int_equal(count_due(&schedule, &clock, utc(3, 29, 12, 0), utc(3, 30, 12, 0), &last_s),
                   1);
  assert_int_equal(last_s, utc(3, 30, 0, 30));
}

/* 2026-10-25, 02:00 to 03:00, exists twice. */
static void in_autumn_a_time_that_exists_twice_is_due_once(void **state) {
  (void)state;
  struct schedule schedule = schedule_of("02:30", NULL);
  struct schedule_clock clock = {0};
  int64_t last_s = 0;
  use_zone(BERLIN);
  assert_int_equal(
      count_due(&schedule, &clock, utc(10, 24, 12, 0), utc(10, 25, 12, 0), &last_s), 1);
  assert_int_equal(last_s, utc(10, 25, 1, 30));
  assert_int_equal(
      count_due(&schedule, &clock, utc(10, 25, 12, 0), utc(10, 26, 12, 0), &last_s), 1);
}

static void each_day_of_a_year_has_each_time_once_in_any_zone(void **state) {
  (void)state;
  static const char *const zones[] = {BERLIN,
                                      "UTC0",
                                      "EST5EDT,M3.2.0,M11.1.0",
                                      "<+0545>-5:45",
                                      "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
                                      "IST-1GMT0,M10.5.0,M3.5.0/1",
                                      "<-12>12"};
  for (size_t zone = 0; zone < ARRAY_LENGTH(zones); zone++) {
    struct schedule schedule = schedule_of("02:30", "01:15");
    struct schedule_clock clock = {0};
    unsigned count = 0;
    use_zone(zones[zone]);
    for (int64_t now_s = utc(1, 1, 12, 0); now_s < utc(1, 1, 12, 0) + INT64_C(365) * DAY;
         now_s += MINUTE)
      count += schedule_is_due(&schedule, &clock, now_s, 0);
    check_int(zones[zone], (int)count, 2 * 365);
  }
}

static void a_night_of_sleep_is_caught_up_with_once(void **state) {
  (void)state;
  struct schedule schedule = schedule_of("02:00", "06:00");
  struct schedule_clock clock = {0};
  use_zone("UTC0");
  assert_false(schedule_is_due(&schedule, &clock, utc(7, 1, 23, 0), 0));
  assert_true(schedule_is_due(&schedule, &clock, utc(7, 4, 8, 0), 0));
  assert_false(schedule_is_due(&schedule, &clock, utc(7, 4, 8, 1), 0));
}

static void a_clock_that_is_set_back_a_little_repeats_no_time(void **state) {
  (void)state;
  struct schedule schedule = schedule_of("06:00", NULL);
  struct schedule_clock clock = {0};
  int64_t last_s = 0;
  use_zone("UTC0");
  assert_int_equal(count_due(&schedule, &clock, utc(7, 1, 5, 50), utc(7, 1, 6, 20), &last_s),
                   1);
  assert_int_equal(count_due(&schedule, &clock, utc(7, 1, 5, 30), utc(7, 1, 12, 0), &last_s),
                   0);
  assert_int_equal(count_due(&schedule, &clock, utc(7, 1, 12, 0), utc(7, 2, 12, 0), &last_s),
                   1);
}

static void a_clock_that_was_years_ahead_begins_again(void **state) {
  (void)state;
  struct schedule schedule = schedule_of("06:00", NULL);
  struct schedule_clock clock = {0};
  int64_t last_s = 0;
  use_zone("UTC0");
  assert_false(schedule_is_due(&schedule, &clock, utc(7, 1, 5, 0) + INT64_C(3650) * DAY, 0));
  assert_int_equal(count_due(&schedule, &clock, utc(7, 1, 5, 0), utc(7, 2, 5, 0), &last_s), 1);
  assert_int_equal(last_s, utc(7, 1, 6, 0));
}

static void a_clock_that_began_in_1970_is_due_once(void **state) {
  (void)state;
  struct schedule schedule = schedule_of("06:00", NULL);
  struct schedule_clock clock = {0};
  int64_t last_s = 0;
  use_zone(BERLIN);
  assert_false(schedule_is_due(&schedule, &clock, 0, 0));
  assert_int_equal(count_due(&schedule, &clock, utc(7, 1, 5, 0), utc(7, 2, 3, 0), &last_s), 1);
}

/* ---- intervals ---- */

static void an_interval_is_counted_on_the_monotonic_clock(void **state) {
  (void)state;
  struct schedule schedule = {.interval_ms = 6 * HOUR * UINT64_C(1000)};
  struct schedule_clock clock = {0};
  unsigned count = 0;
  for (uint64_t s = 0; s < 2 * DAY; s += 10)
    count += schedule_is_due(&schedule, &clock, (int64_t)(s * 7919 % DAY), 5000 + s * 1000);
  assert_int_equal(count, 7); /* in two days, the end excluded */
}

static void intervals_that_were_missed_count_as_one_and_keep_their_phase(void **state) {
  (void)state;
  struct schedule schedule = {.interval_ms = 60000};
  struct schedule_clock clock = {0};
  assert_false(schedule_is_due(&schedule, &clock, 0, 1000));
  assert_false(schedule_is_due(&schedule, &clock, 0, 60999));
  assert_true(schedule_is_due(&schedule, &clock, 0, 61000 + 5 * 60000 + 30000));
  assert_false(schedule_is_due(&schedule, &clock, 0, 61000 + 6 * 60000 - 1));
  assert_true(schedule_is_due(&schedule, &clock, 0, 61000 + 6 * 60000));
}

static void without_a_schedule_nothing_is_due(void **state) {
  (void)state;
  struct schedule schedule = {0};
  struct schedule_clock clock = {0};
  int64_t last_s = 0;
  assert_int_equal(count_due(&schedule, &clock, utc(7, 1, 0, 0), utc(7, 3, 0, 0), &last_s), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_time_is_two_digits_each_and_nothing_else),
      cmocka_unit_test(a_time_is_given_once_and_there_are_at_most_24),
      cmocka_unit_test(a_time_is_due_once_a_day_in_local_time),
      cmocka_unit_test(times_before_the_start_are_not_caught_up_with),
      cmocka_unit_test(midnight_and_the_turn_of_the_month_are_times_like_others),
      cmocka_unit_test(in_spring_a_time_that_does_not_exist_is_due_once),
      cmocka_unit_test(in_autumn_a_time_that_exists_twice_is_due_once),
      cmocka_unit_test(each_day_of_a_year_has_each_time_once_in_any_zone),
      cmocka_unit_test(a_night_of_sleep_is_caught_up_with_once),
      cmocka_unit_test(a_clock_that_is_set_back_a_little_repeats_no_time),
      cmocka_unit_test(a_clock_that_was_years_ahead_begins_again),
      cmocka_unit_test(a_clock_that_began_in_1970_is_due_once),
      cmocka_unit_test(an_interval_is_counted_on_the_monotonic_clock),
      cmocka_unit_test(intervals_that_were_missed_count_as_one_and_keep_their_phase),
      cmocka_unit_test(without_a_schedule_nothing_is_due),
  };
  return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
