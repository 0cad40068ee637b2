/* What the kernel shows of one descriptor, line by line. */
#include "sidecar/linux/fd_parse.h"

#include "cases.h"

static void kinds_of_lines_are_distinguished(void **state) {
  (void)state;
  static const struct {
    const char *name, *line;
    enum fdinfo_line kind;
    struct fdinfo fdinfo;
  } cases[] = {
      {"flags are octal",
       "flags:\t02200002",
       FDINFO_LINE_FIELD,
       {02200002, VALUE_UNKNOWN, VALUE_UNKNOWN, 0}},
      {"flags that are not octal",
       "flags:\t0280",
       FDINFO_LINE_OTHER,
       {VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN, 0}},
      {"flags longer than a number",
       "flags:\t0000000000000000000001",
       FDINFO_LINE_OTHER,
       {VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN, 0}},
      {"no flags",
       "flags:",
       FDINFO_LINE_OTHER,
       {VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN, 0}},
      {"the mount", "mnt_id:\t28", FDINFO_LINE_FIELD, {VALUE_UNKNOWN, 28, VALUE_UNKNOWN, 0}},
      {"the inode", "ino:\t4711", FDINFO_LINE_FIELD, {VALUE_UNKNOWN, VALUE_UNKNOWN, 4711, 0}},
      {"an inode followed by more",
       "ino:\t4711 x",
       FDINFO_LINE_OTHER,
       {VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN, 0}},
      {"the position",
       "pos:\t0",
       FDINFO_LINE_OTHER,
       {VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN, 0}},
      {"a watch",
       "inotify wd:2 ino:9e7e sdev:800013 mask:800afce ignored_mask:0 fhandle-bytes:8 "
       "fhandle-type:1 f_handle:7e9e0000640d1b6d",
       FDINFO_LINE_WATCH,
       {VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN, 1}},
      {"a fanotify mark is no watch",
       "fanotify ino:4f969 sdev:800013 mflags:0 mask:3b",
       FDINFO_LINE_OTHER,
       {VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN, 0}},
      {"a lock",
       "lock:\t1: FLOCK  ADVISORY  WRITE 359 00:13:11691 0 EOF",
       FDINFO_LINE_LOCK,
       {VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN, 0}},
      {"a lease",
       "lock:\t1: LEASE  ACTIVE    WRITE 359 00:13:11691 0 EOF",
       FDINFO_LINE_OTHER,
       {VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN, 0}},
      {"nothing", "", FDINFO_LINE_OTHER, {VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN, 0}},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span copy = exact_copy(span_of(cases[i].line));
    struct fdinfo fdinfo;
    struct proc_lock lock = {0};
    fdinfo_init(&fdinfo);
    check_int(cases[i].name, fdinfo_parse_line(copy, &fdinfo, &lock), cases[i].kind);
    check_int(cases[i].name, fdinfo.flags, cases[i].fdinfo.flags);
    check_int(cases[i].name, fdinfo.mnt_id, cases[i].fdinfo.mnt_id);
    check_int(cases[i].name, fdinfo.ino, cases[i].fdinfo.ino);
    check_int(cases[i].name, fdinfo.inotify_watches, cases[i].fdinfo.inotify_watches);
    check_int(cases[i].name, lock.inode, cases[i].kind == FDINFO_LINE_LOCK ? 11691 : 0);
    exact_free(copy);
  }
}

static void watches_add_up(void **state) {
  (void)state;
  struct fdinfo fdinfo;
  struct proc_lock lock;
  fdinfo_init(&fdinfo);
  for (int i = 0; i < 1000; i++)
    fdinfo_parse_line(SPAN_LITERAL("inotify wd:1 ino:2"), &fdinfo, &lock);
  assert_int_equal(fdinfo.inotify_watches, 1000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(kinds_of_lines_are_distinguished),
      cmocka_unit_test(watches_add_up),
  };
  return cmocka_run_group_tests_name("fdinfo", tests, NULL, NULL);
}
