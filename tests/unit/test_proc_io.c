/* What a process moved from and to storage. */
#include "sidecar/linux/proc_parse.h"

#include <errno.h>

#include "cases.h"

#define CALLS "rchar: 323934931\nwchar: 323929600\nsyscr: 632687\nsyscw: 632675\n"
#define STORAGE "read_bytes: 4096\nwrite_bytes: 323932160\n"

static void io_is_read_by_key(void **state) {
  (void)state;
  static const struct {
    const char *name, *text;
    int status;
    uint64_t read, written;
  } cases[] = {
      {"a process", CALLS STORAGE "cancelled_write_bytes: 7\n", 0, 4096, 323932160},
      {"what was cancelled is not what was written",
       "cancelled_write_bytes: 7\nwrite_bytes: 1\nread_bytes: 2\n", 0, 2, 1},
      {"nothing moved is 0", "read_bytes: 0\nwrite_bytes: 0\n", 0, 0, 0},
      {"a kernel without storage accounting", CALLS, -EBADMSG, 0, 0},
      {"nothing", "", -EBADMSG, 0, 0},
      {"one of them", "read_bytes: 4096\n", -EBADMSG, 0, 0},
      {"a last line cut off", CALLS "read_bytes: 4096\nwrite_bytes: 3239", -EBADMSG, 0, 0},
      {"no number", "read_bytes: x\nwrite_bytes: 1\n", -EBADMSG, 0, 0},
      {"a negative one", "read_bytes: -1\nwrite_bytes: 1\n", -EBADMSG, 0, 0},
      {"past 64 bits", "read_bytes: 18446744073709551616\nwrite_bytes: 1\n", -EBADMSG, 0, 0},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span copy = exact_copy(span_of(cases[i].text));
    struct proc_io io = {4711, 4711};
    check_int(cases[i].name, proc_io_parse(copy, &io), cases[i].status);
    check_int(cases[i].name, io.read_bytes, cases[i].status == 0 ? cases[i].read : 4711);
    check_int(cases[i].name, io.write_bytes, cases[i].status == 0 ? cases[i].written : 4711);
    exact_free(copy);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(io_is_read_by_key)};
  return cmocka_run_group_tests_name("proc_io", tests, NULL, NULL);
}
