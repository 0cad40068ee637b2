/* Dates as text, from the first second of 1970 to the last of 9999. */
#include "common/clock.h"

#include "cases.h"

static void a_date_is_written_in_utc(void **state) {
  (void)state;
  static const struct {
    const char *name;
    int64_t seconds;
    const char *text;
  } cases[] = {
      {"the epoch", 0, "1970-01-01 00:00:00 UTC"},
      {"a leap day", 1709210096, "2024-02-29 12:34:56 UTC"},
      {"past 32 bits", 4294967296, "2106-02-07 06:28:16 UTC"},
      {"the last second", 253402300799, "9999-12-31 23:59:59 UTC"},
      {"a year of five digits", 253402300800, "9999-12-31 23:59:59 UTC"},
      {"the largest number", INT64_MAX, "9999-12-31 23:59:59 UTC"},
      {"before 1970", -1, "1970-01-01 00:00:00 UTC"},
      {"the smallest number", INT64_MIN, "1970-01-01 00:00:00 UTC"},
  };
  setenv("TZ", "America/New_York", 1);
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    char text[CLOCK_READABLE_SIZE];
    bool fits = clock_format_utc(text, sizeof(text), CLOCK_READABLE, cases[i].seconds);
    check_int(cases[i].name, fits, true);
    check_span(cases[i].name, span_of(text), span_of(cases[i].text));
  }
  unsetenv("TZ");
}

static void a_date_that_does_not_fit_is_empty(void **state) {
  (void)state;
  char text[CLOCK_READABLE_SIZE] = "x";
  assert_false(clock_format_utc(text, sizeof(text) - 1, CLOCK_READABLE, 0));
  assert_string_equal(text, "");
  assert_true(clock_format_utc(text, sizeof(text), "%Y%m%dT%H%M%S", 0));
  assert_string_equal(text, "19700101T000000");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_date_is_written_in_utc),
      cmocka_unit_test(a_date_that_does_not_fit_is_empty),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
