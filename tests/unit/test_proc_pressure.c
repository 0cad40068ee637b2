/* How long tasks wait for memory. */
#include "sidecar/linux/proc_parse.h"

#include <errno.h>

#include "cases.h"

#define FULL "full avg10=9.00 avg60=9.00 avg300=9.00 total=9\n"

static void the_average_of_the_last_minute_is_read(void **state) {
  (void)state;
  static const struct {
    const char *name, *text;
    int status;
    double percent;
  } cases[] = {
      {"a host", "some avg10=3.00 avg60=1.25 avg300=0.40 total=1234\n" FULL, 0, 1.25},
      {"one at rest", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n" FULL, 0, 0},
      {"the other line first", FULL "some avg10=3.00 avg60=99.99 total=1\n", 0, 99.99},
      {"only the other line", FULL, -EBADMSG, 0},
      {"without the minute", "some avg10=3.00 total=1\n", -EBADMSG, 0},
      {"more than all", "some avg60=101.00\n", -EBADMSG, 0},
      {"no number", "some avg60=x\n", -EBADMSG, 0},
      {"a fraction of another length", "some avg60=1.2\n", -EBADMSG, 0},
      {"negative", "some avg60=-1.00\n", -EBADMSG, 0},
      {"cut off", "some avg10=3.00 avg60=1.25", -EBADMSG, 0},
      {"nothing", "", -EBADMSG, 0},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span copy = exact_copy(span_of(cases[i].text));
    double percent = 4711;
    check_int(cases[i].name, proc_pressure_parse(copy, &percent), cases[i].status);
    double expected = cases[i].status == 0 ? cases[i].percent : 4711;
    if (percent != expected)
      fail_msg("%s: %g, not %g", cases[i].name, percent, expected);
    exact_free(copy);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_average_of_the_last_minute_is_read)};
  return cmocka_run_group_tests_name("proc_pressure", tests, NULL, NULL);
}
