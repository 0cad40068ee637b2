/* The row of open files in the table of limits. */
#include "sidecar/linux/proc_parse.h"

#include <errno.h>

#include "cases.h"

#define HEAD                                                                                   \
  "Limit                     Soft Limit           Hard Limit           Units     \n"           \
  "Max cpu time              unlimited            unlimited            seconds   \n"           \
  "Max processes             96365                96365                processes \n"
#define END "Max locked memory         8388608              8388608              bytes     \n"

static void the_soft_limit_of_open_files_is_read(void **state) {
  (void)state;
  static const struct {
    const char *name, *text;
    int status;
    uint64_t soft;
  } cases[] = {
      {"the usual limit",
       HEAD
       "Max open files            1024                 1048576              files     \n" END,
       0, 1024},
      {"0 is one too", "Max open files            0                    0          files \n", 0,
       0},
      {"no limit",
       HEAD "Max open files            unlimited            unlimited            files     \n",
       -ENODATA, 0},
      {"no such row", HEAD END, -EBADMSG, 0},
      {"nothing", "", -EBADMSG, 0},
      {"a row cut off", HEAD "Max open files            10", -EBADMSG, 0},
      {"a row without numbers", "Max open files            \n", -EBADMSG, 0},
      {"no number", "Max open files            many                 1048576    files \n",
       -EBADMSG, 0},
      {"past 64 bits", "Max open files            18446744073709551616  1    files \n",
       -EBADMSG, 0},
      {"another row with the same beginning", "Max open filesystems      5   5   files \n",
       -EBADMSG, 0},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span copy = exact_copy(span_of(cases[i].text));
    uint64_t soft = 4711;
    check_int(cases[i].name, proc_limits_parse_open_files(copy, &soft), cases[i].status);
    check_int(cases[i].name, soft, cases[i].status == 0 ? cases[i].soft : 4711);
    exact_free(copy);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_soft_limit_of_open_files_is_read)};
  return cmocka_run_group_tests_name("proc_limits", tests, NULL, NULL);
}
