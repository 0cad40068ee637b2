/*
 * The complete plugin with a recording collectd and real processes: copies of a sleeping
 * program, under a name and in directories that only this test uses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/array.h"
#include "fake_collectd.h"
#include "fake_dispatched.h"
#include "live_process.h"
#include "sidecar/metrics.h"
#include "sudden_end.h"
#include "watched.h"
#include "wrapped_calls.h"

static void configure(const char *more) {
  watched_configure("DetailInterval 1\nCapture false", more);
}

static void without_processes_the_count_is_zero(void **state) {
  (void)state;
  configure("");
  assert_int_equal(fake_collectd_read(), 0);
  assert_true(watched_gauge("sidecar", "process_count", "") == 0);
  assert_int_equal(fake_collectd_values_len(), 2); /* and how many were short-lived */
  assert_int_equal(fake_collectd_logged(LOG_WARNING, ""), 0);
}

static void dispatched_values_are_registered_finite_and_named(void **state) {
  (void)state;
  configure("");
  watched_start("proj");
  fake_collectd_read();
  assert_true(fake_collectd_values_len() > 40);
  for (size_t i = 0; i < fake_collectd_values_len(); i++) {
    const struct fake_value *value = fake_collectd_value(i);
    if (value->ds_type < 0)
      fail_msg("%s: no data set, or another number of values", value->type);
    assert_string_equal(value->plugin, "sidecar");
    assert_true(value->plugin_instance[0] != '\0');
    assert_true(value->ds_type != DS_TYPE_GAUGE || isfinite(value->values[0].gauge));
    for (size_t j = 0; j < i; j++) {
      const struct fake_value *other = fake_collectd_value(j);
      assert_false(strcmp(value->plugin_instance, other->plugin_instance) == 0 &&
                   strcmp(value->type, other->type) == 0 &&
                   strcmp(value->type_instance, other->type_instance) == 0);
    }
  }
}

/* A type of a types.db file; its sources are called value, value1, ... */
static void define_type(const char *type, size_t sources, int ds_type) {
  data_source_t source[3] = {0};
  data_set_t set = {.ds_num = sources, .ds = source};
  snprintf(set.type, sizeof(set.type), "%s", type);
  for (size_t i = 0; i < sources; i++) {
    source[i] = (data_source_t){.type = ds_type, .max = NAN};
    snprintf(source[i].name, sizeof(source[i].name), i == 0 ? "value" : "value%zu", i);
  }
  plugin_register_data_set(&set);
}

static void another_type_of_the_same_name_is_logged_once_and_not_sent(void **state) {
  (void)state;
  static const struct {
    const char *type;
    size_t sources;
    int ds_type;
    bool is_sent;
    const char *remedy;
  } types[] = {
      {"process_fds", 2, DS_TYPE_GAUGE, false, "process_fds value:GAUGE:0:U"},
      {"process_threads", 1, DS_TYPE_DERIVE, false, "process_threads value:GAUGE:0:U"},
      {"process_max_fds", 0, DS_TYPE_GAUGE, false, "process_max_fds value:GAUGE:0:U"},
      {"process_count", 3, DS_TYPE_COUNTER, false, "process_count value:GAUGE:0:U"},
      {"go_gc_cycles", 1, DS_TYPE_COUNTER, false, "go_gc_cycles value:DERIVE:0:U"},
      {"process_open_fds", 1, DS_TYPE_GAUGE, true, NULL},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(types); i++)
    define_type(types[i].type, types[i].sources, types[i].ds_type);
  configure("");
  watched_start("proj");
  fake_collectd_read();
  fake_collectd_read();
  for (size_t i = 0; i < fake_collectd_values_len(); i++)
    if (fake_collectd_value(i)->ds_type < 0)
      fail_msg("%s: another number of values", fake_collectd_value(i)->type);
  for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
    bool found = false;
    for (size_t v = 0; v < fake_collectd_values_len(); v++)
      found |= strcmp(fake_collectd_value(v)->type, types[i].type) == 0;
    if (found != types[i].is_sent)
      fail_msg("%s: sent %d", types[i].type, found);
    if (types[i].remedy != NULL && fake_collectd_logged(LOG_ERR, types[i].remedy) != 1)
      fail_msg("%s: %zu lines", types[i].type, fake_collectd_logged(LOG_ERR, types[i].remedy));
  }
  assert_int_equal(fake_collectd_logged(LOG_ERR, ""), ARRAY_LENGTH(types) - 1);
}

static void a_stock_type_that_is_missing_or_another_is_logged_once_and_not_sent(void **state) {
  (void)state;
  fake_collectd_forget_types();
  define_type("ps_cputime", 2, DS_TYPE_DERIVE);
  define_type("ps_pagefaults", 1, DS_TYPE_DERIVE);
  define_type("ps_disk_octets", 2, DS_TYPE_COUNTER);
  configure("");
  watched_start("proj");
  fake_collectd_read();
  fake_collectd_read();
  assert_non_null(fake_collectd_find("proj", "ps_cputime", ""));
  assert_null(fake_collectd_find("proj", "ps_pagefaults", ""));
  assert_null(fake_collectd_find("proj", "ps_disk_octets", ""));
  assert_null(fake_collectd_find("proj", "contextswitch", ""));
  assert_int_equal(fake_collectd_logged(LOG_ERR, "another type ps_pagefaults"), 1);
  assert_int_equal(fake_collectd_logged(LOG_ERR, "another type ps_disk_octets"), 1);
  assert_int_equal(fake_collectd_logged(LOG_ERR, "the type contextswitch"), 1);
  assert_int_equal(fake_collectd_logged(LOG_ERR, ""), 3);
}

static void values_agree_with_the_process(void **state) {
  (void)state;
  configure("");
  pid_t pid = watched_start("proj");
  fake_collectd_read();
  assert_true(watched_gauge("proj", "process_pid", "") == pid);
  assert_true(watched_gauge("proj", "process_threads", "") == 1);
  assert_true(watched_gauge("sidecar", "process_count", "") == 1);
  assert_true(watched_gauge("proj", "collector_status", "process") == 0);
  assert_true(watched_gauge("proj", "collector_success", "descriptors") == 1);
  assert_true(watched_gauge("proj", "collector_status", "pprof") == 1); /* off */
  assert_null(fake_collectd_find("proj", "collector_success", "pprof"));
  assert_null(fake_collectd_find("proj", "go_goroutines", ""));
  assert_null(fake_collectd_find("proj", "process_pprof_port", ""));

  double sum = 0;
  static const char *const classes[] = {"regular",   "directory", "pipe",   "socket", "inotify",
                                        "eventpoll", "eventfd",   "device", "other"};
  for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++)
    sum += watched_gauge("proj", "process_fds", classes[i]);
  assert_true(sum == watched_gauge("proj", "process_open_fds", ""));

  double rss = watched_gauge("proj", "process_resident_memory_bytes", "");
  double split = watched_gauge("proj", "process_memory_bytes", "anon") +
                 watched_gauge("proj", "process_memory_bytes", "file") +
                 watched_gauge("proj", "process_memory_bytes", "shmem");
  assert_true(rss == split);
  assert_true(
      fabs(watched_gauge("proj", "process_start_time_seconds", "") - (double)time(NULL)) < 30);
}

static void
two_in_one_directory_keep_their_names_and_a_restarted_one_gets_its_name_back(void **state) {
  (void)state;
  configure("");
  pid_t first = watched_start("proj");
  usleep(20000); /* another tick: the order of start decides */
  pid_t second = watched_start("proj");
  fake_collectd_read();
  assert_true(watched_gauge("proj", "process_pid", "") == first);
  assert_true(watched_gauge("proj-2", "process_pid", "") == second);

  watched_end(first);
  fake_collectd_read();
  assert_false(watched_is_sent("proj"));
  assert_true(watched_gauge("proj-2", "process_pid", "") == second);
  assert_true(watched_gauge("sidecar", "process_count", "") == 1);

  pid_t third = watched_start("proj");
  fake_collectd_read();
  assert_true(watched_gauge("proj", "process_pid", "") == third);
  assert_true(watched_gauge("proj-2", "process_pid", "") == second);
}

static void a_process_younger_than_its_minimum_age_is_not_watched(void **state) {
  (void)state;
  char text[512];
  snprintf(text, sizeof(text),
           "Capture false\n<Process \"sidecar\">\n Executable \"%s\"\n MinimumAge 3600\n"
           "</Process>\n",
           watched_executable);
  assert_int_equal(fake_collectd_configure(text), 0);
  assert_int_equal(fake_collectd_init(), 0);
  watched_start("proj");
  fake_collectd_read();
  assert_false(watched_is_sent("proj"));
  assert_true(watched_gauge("sidecar", "process_count", "") == 0);
}

static void a_zombie_has_ended(void **state) {
  (void)state;
  configure("");
  pid_t pid = watched_start("proj");
  fake_collectd_read();
  assert_true(watched_is_sent("proj"));
  kill(pid, SIGKILL); /* not waited for */
  siginfo_t info;
  assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
  fake_collectd_read();
  assert_false(watched_is_sent("proj"));
}

static void awkward_directories_give_safe_names(void **state) {
  (void)state;
  configure("");
  watched_start("a\nb\";'c");
  watched_start("\xFF\xFE");
  pid_t deleted = watched_start("gone");
  char path[PATH_MAX];
  snprintf(path, sizeof(path), "%s/gone", watched_folder);
  assert_int_equal(rmdir(path), 0);
  fake_collectd_read();
  assert_true(watched_is_sent("a_b___c"));
  assert_true(watched_is_sent("__"));
  assert_true(watched_gauge("gone", "process_pid", "") == deleted);
}

static void an_executable_replaced_on_disk_is_still_the_program(void **state) {
  (void)state;
  configure("");
  char kept[PATH_MAX + 8];
  snprintf(kept, sizeof(kept), "%s.kept", watched_program);
  watched_start("proj");
  live_process_copy_program(watched_program, kept);
  assert_int_equal(unlink(watched_program), 0);
  fake_collectd_read();
  bool sent = watched_is_sent("proj");
  assert_int_equal(rename(kept, watched_program), 0);
  assert_true(sent);
}

static void counters_of_the_detail_tier_end_with_the_process(void **state) {
  (void)state;
  fake_collectd_set_interval(0.4);
  configure("");
  pid_t pid = watched_start("proj");
  const struct fake_value *fresh = NULL;
  for (int i = 0; i < 100 && fresh == NULL; i++) { /* readings may be late on a busy machine */
    fake_collectd_read();
    fresh = fake_collectd_find("proj", "contextswitch", "");
  }
  assert_non_null(fresh);
  assert_true(fresh->interval_seconds == 1);
  int64_t last = fresh->values[0].derive;
  fake_collectd_read();
  assert_null(fake_collectd_find("proj", "contextswitch", ""));
  watched_end(pid);
  fake_collectd_read();
  const struct fake_value *closing = fake_collectd_find("proj", "contextswitch", "");
  assert_non_null(closing);
  assert_int_equal(closing->values[0].derive, last);
  assert_true(closing->interval_seconds < 0.5);
}

/* ---- where captures go ---- */

/* Starts with that BaseDir and CaptureFolder, and waits for the log line with the path. */
static void check_captures_go_to(const char *base_dir, const char *option,
                                 const char *expected) {
  char line[PATH_MAX + 32];
  fake_collectd_set_base_dir(base_dir);
  assert_int_equal(fake_collectd_configure(option), 0);
  assert_int_equal(fake_collectd_init(), 0);
  snprintf(line, sizeof(line), "captures go to %s;", expected);
  for (int i = 0; i < 5000 && fake_collectd_logged(LOG_INFO, "captures go to") == 0; i++)
    usleep(1000);
  if (fake_collectd_logged(LOG_INFO, line) != 1)
    fail_msg("no \"%s\" but: %s", line, fake_collectd_log_line(""));
  fake_collectd_shutdown();
  watched_set_up(NULL);
}

static void captures_are_below_the_base_dir_unless_a_folder_is_set(void **state) {
  (void)state;
  char expected[PATH_MAX], option[PATH_MAX + 32], here[PATH_MAX];
  snprintf(expected, sizeof(expected), "%s/sidecar-captures", watched_folder);
  check_captures_go_to(watched_folder, "", expected);
  snprintf(expected, sizeof(expected), "%s/mine", watched_folder);
  check_captures_go_to(watched_folder, "CaptureFolder \"mine\"\n", expected);
  snprintf(option, sizeof(option), "CaptureFolder \"%s\"\n", expected);
  check_captures_go_to("/nowhere", option, expected);

  /* collectd has gone into a relative one by then */
  assert_non_null(getcwd(here, sizeof(here)));
  assert_int_equal(chdir(watched_folder), 0);
  check_captures_go_to("var", "CaptureFolder \"mine\"\n", expected);
  assert_int_equal(chdir(here), 0);
}

static void a_path_too_long_below_the_base_dir_prevents_the_start(void **state) {
  (void)state;
  char base_dir[251];
  memset(base_dir, 'a', sizeof(base_dir));
  base_dir[0] = '/';
  base_dir[sizeof(base_dir) - 1] = '\0';
  fake_collectd_set_base_dir(base_dir);
  assert_int_equal(fake_collectd_init(), -1);
  assert_int_equal(fake_collectd_logged(LOG_ERR, "CaptureFolder \"sidecar-captures\""), 1);
}

static void a_missing_process_table_prevents_the_start_and_its_path_is_logged(void **state) {
  (void)state;
  assert_int_equal(fake_collectd_configure("ProcRoot \"/nonexistent\"\n"), 0);
  assert_int_equal(fake_collectd_init(), -1);
  assert_int_equal(fake_collectd_logged(LOG_ERR, "ProcRoot \"/nonexistent\""), 1);
}

static void the_summary_is_one_line_per_process_and_reading(void **state) {
  (void)state;
  char text[512];
  snprintf(text, sizeof(text),
           "Summary true\nCapture false\n<Process \"sidecar\">\n Executable \"%s\"\n "
           "MinimumAge 0\n</Process>\n",
           watched_executable);
  assert_int_equal(fake_collectd_configure(text), 0);
  assert_int_equal(fake_collectd_init(), 0);
  fake_collectd_read();
  fake_collectd_read();
  assert_int_equal(fake_collectd_logged(LOG_INFO, "no process to watch is running"), 1);
  watched_start("proj");
  fake_collectd_read();
  fake_collectd_read();
  assert_int_equal(fake_collectd_logged(LOG_INFO, "SIDECAR_PPROF is not set"), 2);
}

static void programs_of_other_plugins_inherit_no_descriptor(void **state) {
  (void)state;
  unsigned before = live_process_inherited_fds();
  configure("");
  watched_start("proj");
  fake_collectd_read();
  fake_collectd_read();
  assert_int_equal(live_process_inherited_fds(), before);
}

static void a_thousand_readings_leak_no_descriptor(void **state) {
  (void)state;
  configure("");
  watched_start("proj");
  fake_collectd_read();
  struct stat before, after;
  assert_int_equal(stat("/proc/self/fd", &before), 0);
  for (int i = 0; i < 1000; i++)
    fake_collectd_read();
  assert_int_equal(stat("/proc/self/fd", &after), 0);
  assert_int_equal(before.st_size, after.st_size);
}

static void
a_failure_is_logged_with_process_file_and_hint_and_repeats_are_counted(void **state) {
  (void)state;
  configure("");
  watched_variable = "SIDECAR_PPROF=6060x";
  pid_t pid = watched_start("proj");
  for (int i = 0; i < 5; i++)
    fake_collectd_read();
  assert_int_equal(fake_collectd_logged(LOG_WARNING, ""), 1);
  char about[64];
  snprintf(about, sizeof(about), "proj (pid %d): pprof: ", (int)pid);
  const char *line = fake_collectd_log_line(about);
  assert_non_null(line);
  assert_non_null(strstr(line, "6060x"));
  assert_non_null(strstr(line, "restart it with SIDECAR_PPROF=1"));

  watched_ahead_seconds = 3600;
  fake_collectd_read();
  fake_collectd_read();
  assert_int_equal(fake_collectd_logged(LOG_WARNING, about), 2);
  assert_int_equal(fake_collectd_logged(LOG_WARNING, "(and 4 times more since"), 1);
}

/* ---- red flags ---- */

static const char one_thread_is_a_flag[] =
    "<RedFlag \"threads\">\n Warning 1\n Failure 2\n Hold 0\n</RedFlag>\n";

static void a_red_flag_is_dispatched_once_with_its_evidence(void **state) {
  (void)state;
  assert_int_equal(fake_collectd_configure(one_thread_is_a_flag), 0);
  configure("");
  pid_t pid = watched_start("proj");
  fake_collectd_read();
  const notification_t *notification = fake_dispatched_of("proj", "threads");
  assert_non_null(notification);
  assert_int_equal(notification->severity, NOTIF_WARNING);
  assert_string_equal(notification->plugin, "sidecar");
  assert_string_equal(notification->type, "red_flag");
  assert_string_equal(notification->host, "fake.host");
  char expected[128];
  snprintf(expected, sizeof(expected), "proj (pid %d): threads: 1 (warning from 1)", (int)pid);
  assert_string_equal(notification->message, expected);
  snprintf(expected, sizeof(expected), "%d", (int)pid);
  assert_string_equal(fake_dispatched_meta(notification, "pid"), expected);
  assert_string_equal(fake_dispatched_meta(notification, "value"), "1");
  assert_string_equal(fake_dispatched_meta(notification, "threshold"), "1");
  assert_true(fabs(strtod(fake_dispatched_meta(notification, "since"), NULL) -
                   (double)time(NULL)) < 30);
  assert_null(fake_dispatched_meta(notification, "capture"));
  assert_true(watched_gauge("proj", "red_flag", "threads") == 1);
  assert_true(watched_gauge("proj", "red_flag", "fds") == 0);

  size_t dispatched_before = fake_dispatched_len();
  for (int i = 0; i < 10; i++)
    fake_collectd_read();
  assert_int_equal(fake_dispatched_len(), dispatched_before);
}

static void raised_flags_are_cleared_when_the_process_ends(void **state) {
  (void)state;
  assert_int_equal(fake_collectd_configure(one_thread_is_a_flag), 0);
  configure("");
  pid_t pid = watched_start("proj");
  fake_collectd_read();
  watched_end(pid);
  fake_collectd_read();
  const notification_t *notification = fake_dispatched_of("proj", "threads");
  assert_int_equal(notification->severity, NOTIF_OKAY);
  assert_non_null(strstr(notification->message, "threads: the process ended"));
  for (size_t i = 0; i < fake_dispatched_len(); i++)
    assert_int_not_equal(fake_dispatched(i)->severity, NOTIF_FAILURE);
}

static void a_disabled_red_flag_is_neither_sent_nor_notified(void **state) {
  (void)state;
  assert_int_equal(
      fake_collectd_configure("<RedFlag \"threads\">\n Disable true\n</RedFlag>\n"), 0);
  configure("");
  watched_start("proj");
  fake_collectd_read();
  assert_int_equal(fake_dispatched_len(), 0);
  assert_null(fake_collectd_find("proj", "red_flag", "threads"));
}

/* ---- processes that end at any moment ---- */

/* One descriptor of each class at least, one file twice, one deleted, one locked. */
static void hold_everything(void) {
  int ends[2], watches = inotify_init1(0);
  int locked = open("locked", O_RDWR | O_CREAT, 0600);
  if (pipe(ends) != 0 || watches < 0 || inotify_add_watch(watches, ".", IN_CREATE) < 0 ||
      socket(AF_INET, SOCK_STREAM, 0) < 0 || epoll_create1(0) < 0 || eventfd(0, 0) < 0 ||
      locked < 0 || flock(locked, LOCK_EX) != 0 || open("locked", O_RDONLY) < 0 ||
      open("deleted", O_RDWR | O_CREAT, 0600) < 0 || unlink("deleted") != 0 ||
      open(".", O_RDONLY | O_DIRECTORY) < 0)
    _exit(125);
}

/* Returns whether it ended within this reading, which is its first, or one with a flag up. */
static bool read_one_that_ends(long calls, bool reap, bool was_seen) {
  pid_t pid = watched_start("proj");
  fake_dispatched_reset();
  if (was_seen) {
    fake_collectd_read();
    assert_true(watched_gauge("proj", "red_flag", "threads") == 1);
  }
  watched_ahead_seconds += 2; /* the detail tier is due */
  unsigned descriptors = watched_own_descriptors();
  sudden_end_arm(pid, calls, reap);
  int status = fake_collectd_read();
  bool has_ended = sudden_end_disarm();
  assert_int_equal(status, 0);
  if (!has_ended)
    assert_true(watched_is_sent("proj"));
  else if (reap)
    watched_forget(pid);
  if (!has_ended || !reap)
    watched_end(pid);

  fake_collectd_read();
  assert_false(watched_is_sent("proj"));
  assert_true(watched_gauge("sidecar", "process_count", "") == 0);
  const notification_t *notification = fake_dispatched_of("proj", "threads");
  assert_true(notification == NULL || notification->severity == NOTIF_OKAY);
  assert_true(watched_own_descriptors() <= descriptors);
  const char *complaint = fake_collectd_complaint(": pprof: ");
  if (complaint != NULL)
    fail_msg("ended before call %ld: %s", calls, complaint);
  fake_collectd_forget_log();
  return has_ended;
}

static void a_process_may_end_at_any_point_of_a_reading(void **state) {
  (void)state;
  assert_int_equal(fake_collectd_configure(one_thread_is_a_flag), 0);
  configure("");
  watched_hold = hold_everything;
  watched_variable =
      "SIDECAR_PPROF=1"; /* so that it is looked for who listens, though it does not */
  for (int how = 0; how < 4; how++) {
    long calls = 0;
    while (read_one_that_ends(calls, how % 2 == 0, how / 2 == 0))
      calls++;
    assert_true(calls > 50);
  }
}

/* ---- processes that block their reader at any moment ---- */

static void read_again(void) {
  watched_ahead_seconds += 2;
  fake_collectd_read();
}

/* Returns whether a call was blocked within this reading, which is its first, or not. */
static bool read_one_that_blocks(long calls, bool was_seen) {
  pid_t pid = watched_start("proj");
  if (was_seen)
    fake_collectd_read();
  unsigned descriptors = watched_own_descriptors();
  sudden_block_arm(calls);
  read_again();
  read_again();
  bool has_blocked = sudden_block_release();
  for (int i = 0; i < 100; i++) {
    fake_dispatched_reset();
    read_again();
    if (watched_is_sent("proj") && fake_collectd_find("proj", "process_fds", "regular") != NULL)
      break;
    usleep(1000);
  }
  assert_true(watched_is_sent("proj"));
  assert_true(watched_gauge("proj", "process_pid", "") == pid);
  assert_non_null(fake_collectd_find("proj", "process_fds", "regular"));
  watched_end(pid);
  read_again();
  fake_dispatched_reset();
  read_again();
  assert_false(watched_is_sent("proj"));
  assert_true(watched_own_descriptors() <= descriptors + 64);
  fake_collectd_forget_log();
  return has_blocked;
}

static void a_process_may_block_its_reader_at_any_point(void **state) {
  (void)state;
  configure("");
  watched_hold = hold_everything;
  watched_variable = "SIDECAR_PPROF=1";
  wrapped_calls_patience_ms = 20;
  for (int was_seen = 0; was_seen < 2; was_seen++) {
    long calls = was_seen; /* every third: each takes a while */
    while (read_one_that_blocks(calls, was_seen))
      calls += 3;
    assert_true(calls > 50);
  }
}

/* ... and for good. */
static void the_plugin_ends_while_a_process_blocks_it(void **state) {
  (void)state;
  configure("");
  wrapped_calls_patience_ms = 30;
  watched_start("proj");
  fake_collectd_read();
  sudden_block_arm(3);
  read_again();
  read_again();
  fake_collectd_shutdown();
  assert_true(sudden_block_release());
  usleep(100 * 1000); /* for the thread to end */
}

#define PLUGIN_TEST(name)                                                                      \
  cmocka_unit_test_setup_teardown(name, watched_set_up, watched_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      PLUGIN_TEST(without_processes_the_count_is_zero),
      PLUGIN_TEST(dispatched_values_are_registered_finite_and_named),
      PLUGIN_TEST(another_type_of_the_same_name_is_logged_once_and_not_sent),
      PLUGIN_TEST(a_stock_type_that_is_missing_or_another_is_logged_once_and_not_sent),
      PLUGIN_TEST(values_agree_with_the_process),
      PLUGIN_TEST(two_in_one_directory_keep_their_names_and_a_restarted_one_gets_its_name_back),
      PLUGIN_TEST(a_process_younger_than_its_minimum_age_is_not_watched),
      PLUGIN_TEST(a_zombie_has_ended),
      PLUGIN_TEST(awkward_directories_give_safe_names),
      PLUGIN_TEST(an_executable_replaced_on_disk_is_still_the_program),
      PLUGIN_TEST(counters_of_the_detail_tier_end_with_the_process),
      PLUGIN_TEST(captures_are_below_the_base_dir_unless_a_folder_is_set),
      PLUGIN_TEST(a_path_too_long_below_the_base_dir_prevents_the_start),
      PLUGIN_TEST(a_missing_process_table_prevents_the_start_and_its_path_is_logged),
      PLUGIN_TEST(the_summary_is_one_line_per_process_and_reading),
      PLUGIN_TEST(programs_of_other_plugins_inherit_no_descriptor),
      PLUGIN_TEST(a_thousand_readings_leak_no_descriptor),
      PLUGIN_TEST(a_failure_is_logged_with_process_file_and_hint_and_repeats_are_counted),
      PLUGIN_TEST(a_red_flag_is_dispatched_once_with_its_evidence),
      PLUGIN_TEST(raised_flags_are_cleared_when_the_process_ends),
      PLUGIN_TEST(a_disabled_red_flag_is_neither_sent_nor_notified),
      PLUGIN_TEST(a_process_may_end_at_any_point_of_a_reading),
      PLUGIN_TEST(a_process_may_block_its_reader_at_any_point),
      PLUGIN_TEST(the_plugin_ends_while_a_process_blocks_it),
  };
  return cmocka_run_group_tests(tests, watched_set_up_group, watched_tear_down_group);
}
