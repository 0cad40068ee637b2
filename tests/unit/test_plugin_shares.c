/*
 * What the complete plugin watches when there is more than it may watch, name or read: places,
 * names and time, and programs that appear and disappear.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cases.h"
#include "failing_calls.h"
#include "fake_collectd.h"
#include "held_process.h"
#include "sidecar/collector.h"
#include "watched.h"
#include "wrapped_calls.h"

static int tear_down(void **state) {
  wrapped_calls_set_gate(NULL);
  return watched_tear_down(state);
}

static void configure(const char *more) {
  char options[512];
  snprintf(options, sizeof(options), "DetailInterval 1\nCapture false\n%s", more);
  watched_configure(options, "");
}

static void read_again(void) {
  watched_ahead_seconds += 2; /* all of it is due */
  assert_int_equal(fake_collectd_read(), 0);
}

static double count_of(const char *block) {
  return watched_gauge(block, "process_count", "");
}

/* ---- places ---- */

static void what_has_no_place_is_told_once_and_gets_the_next_one(void **state) {
  (void)state;
  static const char *const names[] = {"first", "second"};
  pid_t pids[2];
  configure("MaxProcesses 1");
  for (int i = 0; i < 2; i++)
    pids[i] = watched_start(names[i]);
  for (int i = 0; i < 3; i++)
    read_again();
  assert_true(count_of("sidecar") == 1);
  bool is_second = watched_is_sent("second");
  assert_true(watched_is_sent("first") != is_second);
  assert_int_equal(fake_collectd_logged(LOG_WARNING, "1 more processes match than the 1 that "
                                                     "are watched; see MaxProcesses"),
                   1);
  watched_end(pids[is_second]);
  read_again();
  read_again();
  assert_true(watched_is_sent(names[!is_second]));
  assert_true(count_of("sidecar") == 1);
}

static void a_quarter_of_the_descriptors_is_for_processes(void **state) {
  (void)state;
  struct rlimit limit, lower;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  lower = (struct rlimit){.rlim_cur = 400, .rlim_max = limit.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &lower), 0);
  configure("MaxProcesses 200");
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
  assert_int_equal(fake_collectd_logged(LOG_WARNING, "MaxProcesses is 200, but only 100 are "
                                                     "watched"),
                   1);
}

enum { NOBODY = 65534 };

static void become_nobody(void) {
  if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
    _exit(125);
}

static void another_user_gets_a_place_of_the_one_with_most(void **state) {
  (void)state;
  if (geteuid() != 0) {
    print_message("skipped: only root can become another user\n");
    skip();
  }
  configure("MaxProcesses 3");
  for (int i = 0; i < 3; i++)
    watched_start("mine");
  read_again();
  assert_true(watched_is_sent("mine") && watched_is_sent("mine-2") &&
              watched_is_sent("mine-3"));

  assert_int_equal(chmod(watched_folder, 0755), 0);
  watched_hold = become_nobody;
  watched_start("others");
  read_again();
  assert_true(watched_is_sent("others"));
  assert_true(count_of("sidecar") == 3);
  assert_int_equal(fake_collectd_logged(LOG_INFO,
                                        "no longer watched: other users' processes get "
                                        "their share of MaxProcesses"),
                   1);
  watched_start("others"); /* now both would have two: it takes nothing */
  read_again();
  assert_true(watched_is_sent("mine") && watched_is_sent("others"));
  assert_false(watched_is_sent("others-2"));
}

static void many_are_watched_and_each_has_its_name(void **state) {
  (void)state;
  enum { MANY = 11 };
  char name[16];
  configure("");
  for (int i = 0; i < MANY; i++)
    watched_start("proj");
  read_again();
  assert_true(count_of("sidecar") == MANY);
  assert_true(watched_is_sent("proj"));
  for (int i = 2; i <= MANY; i++) {
    snprintf(name, sizeof(name), "proj-%d", i);
    assert_true(watched_is_sent(name));
  }
}

/* ---- names ---- */

static void a_user_has_so_many_new_names_an_hour(void **state) {
  (void)state;
  configure("MaxNewNames 1");
  pid_t first = watched_start("first");
  read_again();
  watched_start("second");
  read_again();
  read_again();
  assert_true(watched_is_sent("first"));
  assert_false(watched_is_sent("second"));
  assert_int_equal(fake_collectd_logged(LOG_WARNING, "second (pid "), 1);
  assert_int_equal(fake_collectd_logged(LOG_WARNING, "has started processes under 1 new names"),
                   1);

  watched_end(first); /* a name that was there before is not new */
  read_again();
  watched_start("first");
  read_again();
  assert_true(watched_is_sent("first"));
  assert_false(watched_is_sent("second"));

  watched_ahead_seconds += 3600;
  read_again();
  assert_true(watched_is_sent("second"));
}

/* ---- which programs ---- */

static void a_block_may_be_of_a_command_line_or_not_enabled(void **state) {
  (void)state;
  char text[512];
  snprintf(text, sizeof(text),
           "Capture false\n"
           "<Process \"off\">\n Executable \"%s\"\n Enabled false\n</Process>\n"
           "<Process \"other\">\n Executable \"%s\"\n CommandLine \"serve\"\n MinimumAge 0\n"
           "</Process>\n"
           "<Process \"thousand\">\n Executable \"%s\"\n CommandLine \" 1000$\"\n"
           " MinimumAge 0\n Instance \"t-%%{executable}\"\n</Process>\n",
           watched_executable, watched_executable, watched_executable);
  assert_int_equal(fake_collectd_configure(text), 0);
  assert_int_equal(fake_collectd_init(), 0);
  watched_start("proj");
  read_again();
  assert_true(count_of("thousand") == 1);
  assert_true(count_of("other") == 0);
  assert_null(fake_collectd_find("off", "process_count", ""));
  snprintf(text, sizeof(text), "t-%s", watched_executable);
  assert_true(watched_is_sent(text));
}

static void another_program_under_the_pid_is_not_the_process(void **state) {
  (void)state;
  char renamed[PATH_MAX];
  snprintf(renamed, sizeof(renamed), "%s/other", watched_folder);
  configure("");
  watched_start("proj");
  read_again();
  assert_int_equal(rename(watched_program, renamed), 0);
  read_again();
  bool was_sent = watched_is_sent("proj");
  assert_int_equal(rename(renamed, watched_program), 0);
  assert_false(was_sent);
  assert_int_equal(fake_collectd_logged(LOG_INFO, "another program runs under this pid"), 1);
  read_again();
  assert_true(watched_is_sent("proj"));
}

static void scans_that_fail_are_told_once_and_lose_nothing(void **state) {
  (void)state;
  configure("");
  watched_start("proj");
  read_again();
  for (int i = 0; i < 5; i++) {
    failing_calls_arm(0, 1, EIO); /* the first one looks for processes */
    read_again();
    assert_non_null(failing_calls_disarm());
    assert_true(watched_is_sent("proj"));
  }
  assert_int_equal(fake_collectd_logged(LOG_ERR, "/proc cannot be scanned: Input/output error"),
                   1);
}

/* ---- time ---- */

/* A second passes when the table of locks is read, which is before the details. */
static int pass_a_second(const char *call, const char *path) {
  (void)call;
  if (path != NULL && strcmp(path, "locks") == 0)
    watched_ahead_seconds++;
  return 0;
}

static void details_for_which_there_is_no_time_are_late_and_then_come(void **state) {
  (void)state;
  configure("");
  watched_start("proj");
  wrapped_calls_set_gate(pass_a_second);
  for (int i = 0; i < 8; i++)
    read_again();
  wrapped_calls_set_gate(NULL);
  assert_true(watched_is_sent("proj")); /* the pulse is always read */
  assert_null(fake_collectd_find("proj", "process_fds", "pipe"));
  assert_true(watched_gauge("proj", "collector_status", "descriptors") == STATUS_LATE);
  assert_int_equal(fake_collectd_logged(LOG_WARNING, "see Time and shares"), 1);

  read_again();
  read_again();
  assert_non_null(fake_collectd_find("proj", "process_fds", "pipe"));
  assert_true(watched_gauge("proj", "collector_status", "descriptors") == STATUS_OK);
}

enum { FILES = 3000 };

static void open_many(void) {
  int fd = open("file", O_RDWR | O_CREAT, 0600);
  if (fd < 0)
    _exit(125);
  for (int i = 1; i < FILES; i++)
    if (dup(fd) < 0)
      _exit(125);
}

static atomic_bool has_passed;

/* Once in a reading, a second passes when a descriptor is looked at. */
static int pass_a_second_in_descriptors(const char *call, const char *path) {
  if (!has_passed && strcmp(call, "readlinkat") == 0 &&
      strspn(path, "0123456789") == strlen(path)) {
    watched_ahead_seconds++;
    has_passed = true;
  }
  return 0;
}

static void a_process_with_many_descriptors_is_read_in_several_readings(void **state) {
  (void)state;
  allow_descriptors(FILES + 100);
  configure("");
  watched_hold = open_many;
  watched_start("proj");
  wrapped_calls_set_gate(pass_a_second_in_descriptors);
  unsigned readings = 0;
  do {
    has_passed = false;
    assert_int_equal(fake_collectd_read(), 0);
    readings++;
    assert_true(watched_is_sent("proj"));
  } while (fake_collectd_find("proj", "process_fds", "regular") == NULL && readings < 100);
  wrapped_calls_set_gate(NULL);
  assert_in_range(readings, 4, 20);
  double files = watched_gauge("proj", "process_fds", "regular");
  assert_in_range((uintmax_t)files, FILES, FILES + 3); /* its standard streams may be files */
  assert_true(watched_gauge("proj", "collector_status", "descriptors") == STATUS_LATE);
  read_again();
  read_again();
  assert_true(watched_gauge("proj", "process_fds", "regular") == files);
  assert_true(watched_gauge("proj", "collector_status", "descriptors") == STATUS_OK);
}

static int go_into_held(void *argument) {
  (void)argument;
  char path[PATH_MAX];
  snprintf(path, sizeof(path), "%s/held", watched_folder);
  return mkdir(path, 0755) != 0 || chdir(path) != 0 ? -1 : 0;
}

static int open_some(void *argument) {
  for (uintptr_t i = 0; i < (uintptr_t)argument; i++)
    if (dup(0) < 0) /* /dev/null */
      return -1;
  return 0;
}

static double devices_after(time_t seconds) {
  watched_ahead_seconds += seconds;
  assert_int_equal(fake_collectd_read(), 0);
  return watched_gauge("held", "process_fds", "device");
}

/* The process is a fork of this one, and has its program, or valgrind's. */
static void descriptors_that_become_many_more_are_looked_at_before_it_is_due(void **state) {
  (void)state;
  struct held_process held;
  char link[64], exe[PATH_MAX], text[PATH_MAX + 128];
  held_process_start(&held);
  snprintf(link, sizeof(link), "/proc/%d/exe", (int)held.pid);
  ssize_t len = readlink(link, exe, sizeof(exe) - 1);
  assert_true(len > 0);
  exe[len] = '\0';
  held_process_do(&held, go_into_held, NULL);
  snprintf(text, sizeof(text),
           "DetailInterval 600\nCapture false\n<Process \"sidecar\">\n Executable \"%s\"\n"
           " MinimumAge 0\n</Process>\n",
           strrchr(exe, '/') + 1);
  assert_int_equal(fake_collectd_configure(text), 0);
  assert_int_equal(fake_collectd_init(), 0);
  double before = devices_after(0);

  held_process_do(&held, open_some, (void *)5); /* not many */
  assert_true(devices_after(200) == before);
  held_process_do(&held, open_some, (void *)40);
  assert_true(devices_after(200) == before + 45);
  held_process_do(&held, open_some, (void *)40);
  assert_true(devices_after(50) == before + 45); /* too soon */
  assert_true(devices_after(60) == before + 85);
  held_process_end(&held);
}

#define SHARE_TEST(name) cmocka_unit_test_setup_teardown(name, watched_set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      SHARE_TEST(what_has_no_place_is_told_once_and_gets_the_next_one),
      SHARE_TEST(a_quarter_of_the_descriptors_is_for_processes),
      SHARE_TEST(another_user_gets_a_place_of_the_one_with_most),
      SHARE_TEST(many_are_watched_and_each_has_its_name),
      SHARE_TEST(a_user_has_so_many_new_names_an_hour),
      SHARE_TEST(a_block_may_be_of_a_command_line_or_not_enabled),
      SHARE_TEST(another_program_under_the_pid_is_not_the_process),
      SHARE_TEST(scans_that_fail_are_told_once_and_lose_nothing),
      SHARE_TEST(details_for_which_there_is_no_time_are_late_and_then_come),
      SHARE_TEST(a_process_with_many_descriptors_is_read_in_several_readings),
      SHARE_TEST(descriptors_that_become_many_more_are_looked_at_before_it_is_due),
  };
  return cmocka_run_group_tests_name("plugin_shares", tests, watched_set_up_group,
                                     watched_tear_down_group);
}
