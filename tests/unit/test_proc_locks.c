/* Lines of the kernel's lock list. */
#include "sidecar/linux/proc_parse.h"

#include <errno.h>

#include "cases.h"

static void locks_are_read(void **state) {
  (void)state;
  static const struct {
    const char *name, *line;
    struct proc_lock lock;
  } cases[] = {
      {"a record lock",
       "1: POSIX  ADVISORY  WRITE 4711 fe:01:1234 100 199",
       {1234, 100, 199, 0xfe, 1, 4711, PROC_LOCK_POSIX, true}},
      {"a record lock to the end",
       "23: POSIX  ADVISORY  READ  1 00:2a:7 0 EOF",
       {7, 0, UINT64_MAX, 0, 0x2a, 1, PROC_LOCK_POSIX, false}},
      {"flock",
       "2: FLOCK  ADVISORY  WRITE 815 08:11:99 0 EOF",
       {99, 0, UINT64_MAX, 8, 0x11, 815, PROC_LOCK_FLOCK, true}},
      {"an open file description lock",
       "3: OFDLCK ADVISORY  READ -1 fd:00:5 10 20",
       {5, 10, 20, 0xfd, 0, -1, PROC_LOCK_OFD, false}},
      {"a mandatory lock",
       "4: FLOCK  MSNFS     RW    9 08:01:6 0 EOF",
       {6, 0, UINT64_MAX, 8, 1, 9, PROC_LOCK_FLOCK, true}},
      {"as fdinfo has it",
       "\t1: FLOCK  ADVISORY  READ  9 08:01:6 0 EOF",
       {6, 0, UINT64_MAX, 8, 1, 9, PROC_LOCK_FLOCK, false}},
      {"large numbers",
       "5: POSIX  ADVISORY  READ  2147483647 fff:fffff:18446744073709551614 0 "
       "9223372036854775806",
       {UINT64_MAX - 1, 0, INT64_MAX - 1, 0xfff, 0xfffff, INT32_MAX, PROC_LOCK_POSIX, false}},
      {"an inode number past 63 bits before Linux 5.5",
       "1: POSIX  ADVISORY  WRITE 4711 00:2d:-9223372036854772112 0 EOF",
       {9223372036854779504U, 0, UINT64_MAX, 0, 0x2d, 4711, PROC_LOCK_POSIX, true}},
      {"the least negative inode number",
       "1: FLOCK  ADVISORY  READ  4711 00:2d:-9223372036854775808 0 EOF",
       {9223372036854775808U, 0, UINT64_MAX, 0, 0x2d, 4711, PROC_LOCK_FLOCK, false}},
      {"the largest negative inode number",
       "1: OFDLCK ADVISORY  READ  -1 00:2d:-2 0 EOF",
       {sizeof(long) == 8 ? UINT64_MAX - 1 : UINT32_MAX - 1, 0, UINT64_MAX, 0, 0x2d, -1,
        PROC_LOCK_OFD, false}},
      {"a lock of another machine",
       "6: POSIX  ADVISORY  WRITE -4711 00:2d:1234 0 EOF",
       {1234, 0, UINT64_MAX, 0, 0x2d, -4711, PROC_LOCK_POSIX, true}},
      {"the least negative pid",
       "6: POSIX  ADVISORY  WRITE -2147483648 00:2d:1234 0 EOF",
       {1234, 0, UINT64_MAX, 0, 0x2d, INT32_MIN, PROC_LOCK_POSIX, true}},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span copy = exact_copy(span_of(cases[i].line));
    struct proc_lock lock;
    const struct proc_lock *expected = &cases[i].lock;
    check_int(cases[i].name, proc_lock_parse(copy, &lock), 0);
    check_int(cases[i].name, lock.inode, expected->inode);
    check_int(cases[i].name, lock.start, expected->start);
    check_int(cases[i].name, lock.end, expected->end);
    check_int(cases[i].name, lock.major, expected->major);
    check_int(cases[i].name, lock.minor, expected->minor);
    check_int(cases[i].name, lock.pid, expected->pid);
    check_int(cases[i].name, lock.kind, expected->kind);
    check_int(cases[i].name, lock.is_write, expected->is_write);
    exact_free(copy);
  }
}

static void other_lines_are_not_locks(void **state) {
  (void)state;
  static const struct {
    const char *name, *line;
    int status;
  } cases[] = {
      {"a waiter", "1: -> POSIX  ADVISORY  WRITE 4712 fe:01:1234 0 EOF", -ENODATA},
      {"a waiter as newer kernels indent it", "1:  -> FLOCK  ADVISORY  WRITE 1 fe:01:1 0 EOF",
       -ENODATA},
      {"a lease", "1: LEASE  ACTIVE    READ  4711 fe:01:1234 0 EOF", -ENODATA},
      {"a delegation", "1: DELEG  BREAKING  READ  4711 fe:01:1234 0 EOF", -ENODATA},
      {"a lock on a file that is gone", "1: POSIX  *NOINODE* READ  1 <none>:0 0 EOF", -ENODATA},
      {"nothing", "", -EBADMSG},
      {"no number", "POSIX  ADVISORY  WRITE 4711 fe:01:1234 0 EOF", -EBADMSG},
      {"a kind of lock never heard of", "1: MAGIC  ADVISORY  WRITE 1 fe:01:1 0 EOF", -EBADMSG},
      {"truncated after the kind", "1: POSIX", -EBADMSG},
      {"cut off before the end", "1: POSIX  ADVISORY  WRITE 4711 fe:01:1234 0", -EBADMSG},
      {"a waiter for a waiter, with a negative inode number",
       "1:   -> POSIX  ADVISORY  WRITE 4712 00:2d:-9223372036854772112 0 EOF", -ENODATA},
      {"a waiting lease", "1:  -> LEASE  BREAKER   WRITE -1 00:2d:-3 0 EOF", -ENODATA},
      {"a delegation without a process", "1: DELEG  ACTIVE    READ  -1 00:2d:-3 0 EOF",
       -ENODATA},
      {"a negative pid past 31 bits", "1: POSIX  ADVISORY  WRITE -2147483649 fe:01:1 0 EOF",
       -EBADMSG},
      {"a sign without a pid", "1: POSIX  ADVISORY  WRITE - fe:01:1 0 EOF", -EBADMSG},
      {"two signs of a pid", "1: POSIX  ADVISORY  WRITE --1 fe:01:1 0 EOF", -EBADMSG},
      {"a sign without an inode number", "1: POSIX  ADVISORY  WRITE 1 fe:01:- 0 EOF", -EBADMSG},
      {"two signs of an inode number", "1: POSIX  ADVISORY  WRITE 1 fe:01:--5 0 EOF", -EBADMSG},
      {"a negative inode number past 63 bits",
       "1: POSIX  ADVISORY  WRITE 1 fe:01:-9223372036854775809 0 EOF", -EBADMSG},
      {"a negative device", "1: POSIX  ADVISORY  WRITE 1 -1:01:5 0 EOF", -EBADMSG},
      {"a pid past 31 bits", "1: POSIX  ADVISORY  WRITE 2147483648 fe:01:1 0 EOF", -EBADMSG},
      {"no device", "1: POSIX  ADVISORY  WRITE 1 1234 0 EOF", -EBADMSG},
      {"a device past 32 bits", "1: POSIX  ADVISORY  WRITE 1 1ffffffff:0:1 0 EOF", -EBADMSG},
      {"an inode number past 64 bits",
       "1: POSIX  ADVISORY  WRITE 1 fe:01:18446744073709551616 0 EOF", -EBADMSG},
      {"a start that is no number", "1: POSIX  ADVISORY  WRITE 1 fe:01:1 EOF EOF", -EBADMSG},
      {"an end that is no number", "1: POSIX  ADVISORY  WRITE 1 fe:01:1 0 0x10", -EBADMSG},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span copy = exact_copy(span_of(cases[i].line));
    struct proc_lock lock = {.inode = 4711};
    check_int(cases[i].name, proc_lock_parse(copy, &lock), cases[i].status);
    check_int(cases[i].name, lock.inode, 4711);
    exact_free(copy);
  }
}

static void locks_are_ordered(void **state) {
  (void)state;
  static const struct proc_lock sorted[] = {
      {1, 9, 9, 9, 9, 9, PROC_LOCK_OFD, true},    {2, 5, 5, 0, 1, 1, PROC_LOCK_POSIX, false},
      {2, 5, 5, 0, 2, 1, PROC_LOCK_POSIX, false}, {2, 5, 5, 1, 0, 1, PROC_LOCK_POSIX, false},
      {2, 6, 5, 1, 0, 1, PROC_LOCK_POSIX, false}, {2, 6, 7, 1, 0, -1, PROC_LOCK_POSIX, false},
      {2, 6, 7, 1, 0, 1, PROC_LOCK_POSIX, false}, {2, 6, 7, 1, 0, 1, PROC_LOCK_OFD, false},
      {2, 6, 7, 1, 0, 1, PROC_LOCK_OFD, true},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(sorted); i++)
    for (size_t j = 0; j < ARRAY_LENGTH(sorted); j++) {
      int order = proc_lock_compare(&sorted[i], &sorted[j]);
      assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(locks_are_read),
      cmocka_unit_test(other_lines_are_not_locks),
      cmocka_unit_test(locks_are_ordered),
  };
  return cmocka_run_group_tests_name("proc_locks", tests, NULL, NULL);
}
