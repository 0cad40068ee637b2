/* Lines of the table of mounts. */
#include "sidecar/linux/proc_parse.h"

#include <errno.h>

#include "cases.h"

static void mounts_are_read(void **state) {
  (void)state;
  static const struct {
    const char *name, *line;
    int status;
    struct proc_mount mount;
  } cases[] = {
      {"a disk",
       "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw",
       0,
       {36, 98, 0}},
      {"no hardware", "22 27 0:21 / /proc rw - proc proc rw", 0, {22, 0, 21}},
      {"large numbers",
       "4294967297 1 4294967295:4294967295 / / rw",
       0,
       {4294967297, UINT32_MAX, UINT32_MAX}},
      {"nothing", "", -EBADMSG, {0, 0, 0}},
      {"cut off", "36 35", -EBADMSG, {0, 0, 0}},
      {"no device", "36 35 98 /", -EBADMSG, {0, 0, 0}},
      {"half a device", "36 35 98: /", -EBADMSG, {0, 0, 0}},
      {"a device past 32 bits", "36 35 4294967296:0 /", -EBADMSG, {0, 0, 0}},
      {"a mount that is no number", "x 35 98:0 /", -EBADMSG, {0, 0, 0}},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span copy = exact_copy(span_of(cases[i].line));
    struct proc_mount mount = {0, 0, 0};
    check_int(cases[i].name, proc_mountinfo_parse(copy, &mount), cases[i].status);
    check_int(cases[i].name, mount.id, cases[i].mount.id);
    check_int(cases[i].name, mount.major, cases[i].mount.major);
    check_int(cases[i].name, mount.minor, cases[i].mount.minor);
    exact_free(copy);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(mounts_are_read)};
  return cmocka_run_group_tests_name("proc_mountinfo", tests, NULL, NULL);
}
