/*
 * The complete plugin with a recording collectd and real processes: copies of a sleeping
 * program, under a name and in directories that only this test uses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fake_collectd.h"
#include "fake_dispatched.h"
#include "sidecar/metrics.h"
#include "sudden_end.h"

static char folder[] = "/tmp/sidecar-test-plugin-XXXXXX";
static char executable[64]; /* base name; holds our pid, so that no other test's is found */
static char program[PATH_MAX];

enum { CHILDREN_MAX = 16 };
static pid_t children[CHILDREN_MAX];
static size_t children_len;

static void copy_file(const char *from, const char *to) {
  char buffer[65536];
  int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
  ssize_t n;
  assert_true(in >= 0 && out >= 0);
  while ((n = read(in, buffer, sizeof(buffer))) > 0)
    assert_int_equal(write(out, buffer, (size_t)n), n);
  close(in);
  close(out);
}

/* What the plugin takes for the clock is the kernel's and so much more. */
static time_t ahead_seconds;

int clock_gettime(clockid_t id, struct timespec *ret) {
  int status = (int)syscall(SYS_clock_gettime, id, ret);
  if (status == 0 && id == CLOCK_MONOTONIC)
    ret->tv_sec += ahead_seconds;
  return status;
}

static const char *variable; /* the program's environment, or NULL */
static void (*hold)(void);   /* opens descriptors for the program, or NULL */

/* Starts the program in the subdirectory cwd and waits until it runs. */
/* Is the program past its start, where the dynamic linker opens and closes files? Also where
 * the kernel does not show what system call it is in (proc(5), /proc/PID/syscall). */
static bool is_sleeping(pid_t pid) {
  char path[64];
  long call = -1;
  snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
  FILE *stream = fopen(path, "r");
  if (stream == NULL)
    return true;
  int fields = fscanf(stream, "%ld", &call);
  fclose(stream);
  return fields == 1 && (call == SYS_clock_nanosleep || call == SYS_nanosleep);
}

static pid_t start(const char *cwd) {
  char path[PATH_MAX], exe[PATH_MAX], link[64];
  snprintf(path, sizeof(path), "%s/%s", folder, cwd);
  mkdir(path, 0755);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    if (chdir(path) != 0)
      _exit(126);
    if (hold != NULL)
      hold();
    char *const environment[] = {(char *)variable, NULL};
    execle(program, executable, "60", (char *)NULL, environment);
    _exit(127);
  }
  children[children_len++] = pid;
  snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
  for (int i = 0; i < 1000; i++) {
    ssize_t n = readlink(link, exe, sizeof(exe) - 1);
    if (n > 0 && (exe[n] = '\0', strcmp(exe, program) == 0) && is_sleeping(pid))
      return pid;
    usleep(1000);
  }
  fail_msg("the child did not become %s", program);
  return -1;
}

/* It was waited for. */
static void forget(pid_t pid) {
  for (size_t i = 0; i < children_len; i++) {
    if (children[i] == pid)
      children[i] = children[--children_len];
  }
}

static void end(pid_t pid) {
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  forget(pid);
}

static int set_up_group(void **state) {
  (void)state;
  assert_non_null(mkdtemp(folder));
  snprintf(executable, sizeof(executable), "sidecar-%d", (int)getpid());
  snprintf(program, sizeof(program), "%s/%s", folder, executable);
  copy_file(SLEEPER, program);
  return 0;
}

static int tear_down_group(void **state) {
  (void)state;
  char command[PATH_MAX + 16];
  snprintf(command, sizeof(command), "rm -rf '%s'", folder);
  return system(command);
}

static int set_up(void **state) {
  (void)state;
  ahead_seconds = 0;
  variable = NULL;
  hold = NULL;
  fake_collectd_reset();
  module_register();
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  fake_collectd_shutdown();
  while (children_len > 0)
    end(children[0]);
  return 0;
}

static void configure(const char *more) {
  char text[1024];
  snprintf(text, sizeof(text),
           "DetailInterval 1\n"
           "Capture false\n"
           "<Process \"sidecar\">\n"
           " Executable \"%s\"\n"
           " MinimumAge 0\n"
           " %s\n"
           "</Process>\n",
           executable, more);
  assert_int_equal(fake_collectd_configure(text), 0);
  assert_int_equal(fake_collectd_init(), 0);
}

static double gauge(const char *instance, const char *type, const char *type_instance) {
  const struct fake_value *value = fake_collectd_find(instance, type, type_instance);
  if (value == NULL)
    fail_msg("%s/%s-%s was not dispatched", instance, type, type_instance);
  assert_int_equal(value->ds_type, DS_TYPE_GAUGE);
  return value->values[0].gauge;
}

static bool is_sent(const char *instance) {
  return fake_collectd_find(instance, "process_resident_memory_bytes", "") != NULL;
}

static void without_processes_the_count_is_zero(void **state) {
  (void)state;
  configure("");
  assert_int_equal(fake_collectd_read(), 0);
  assert_true(gauge("sidecar", "process_count", "") == 0);
  assert_int_equal(fake_collectd_values_len(), 1);
  assert_int_equal(fake_collectd_logged(LOG_WARNING, ""), 0);
}

static void dispatched_values_are_registered_finite_and_named(void **state) {
  (void)state;
  configure("");
  start("proj");
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

static void values_agree_with_the_process(void **state) {
  (void)state;
  configure("");
  pid_t pid = start("proj");
  fake_collectd_read();
  assert_true(gauge("proj", "process_pid", "") == pid);
  assert_true(gauge("proj", "process_threads", "") == 1);
  assert_true(gauge("sidecar", "process_count", "") == 1);
  assert_true(gauge("proj", "collector_status", "process") == 0);
  assert_true(gauge("proj", "collector_success", "descriptors") == 1);
  assert_true(gauge("proj", "collector_status", "pprof") == 1); /* off */
  assert_null(fake_collectd_find("proj", "collector_success", "pprof"));
  assert_null(fake_collectd_find("proj", "go_goroutines", ""));
  assert_null(fake_collectd_find("proj", "process_pprof_port", ""));

  double sum = 0;
  static const char *const classes[] = {"regular",   "directory", "pipe",   "socket", "inotify",
                                        "eventpoll", "eventfd",   "device", "other"};
  for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++)
    sum += gauge("proj", "process_fds", classes[i]);
  assert_true(sum == gauge("proj", "process_open_fds", ""));

  double rss = gauge("proj", "process_resident_memory_bytes", "");
  double split = gauge("proj", "process_memory_bytes", "anon") +
                 gauge("proj", "process_memory_bytes", "file") +
                 gauge("proj", "process_memory_bytes", "shmem");
  assert_true(rss == split);
  assert_true(fabs(gauge("proj", "process_start_time_seconds", "") - (double)time(NULL)) < 30);
}

static void
two_in_one_directory_keep_their_names_and_a_restarted_one_gets_its_name_back(void **state) {
  (void)state;
  configure("");
  pid_t first = start("proj");
  usleep(20000); /* another tick: the order of start decides */
  pid_t second = start("proj");
  fake_collectd_read();
  assert_true(gauge("proj", "process_pid", "") == first);
  assert_true(gauge("proj-2", "process_pid", "") == second);

  end(first);
  fake_collectd_read();
  assert_false(is_sent("proj"));
  assert_true(gauge("proj-2", "process_pid", "") == second);
  assert_true(gauge("sidecar", "process_count", "") == 1);

  pid_t third = start("proj");
  fake_collectd_read();
  assert_true(gauge("proj", "process_pid", "") == third);
  assert_true(gauge("proj-2", "process_pid", "") == second);
}

static void a_process_younger_than_its_minimum_age_is_not_watched(void **state) {
  (void)state;
  char text[512];
  snprintf(text, sizeof(text),
           "Capture false\n<Process \"sidecar\">\n Executable \"%s\"\n MinimumAge 3600\n"
           "</Process>\n",
           executable);
  assert_int_equal(fake_collectd_configure(text), 0);
  assert_int_equal(fake_collectd_init(), 0);
  start("proj");
  fake_collectd_read();
  assert_false(is_sent("proj"));
  assert_true(gauge("sidecar", "process_count", "") == 0);
}

static void a_zombie_has_ended(void **state) {
  (void)state;
  configure("");
  pid_t pid = start("proj");
  fake_collectd_read();
  assert_true(is_sent("proj"));
  kill(pid, SIGKILL); /* not waited for */
  siginfo_t info;
  assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
  fake_collectd_read();
  assert_false(is_sent("proj"));
}

static void awkward_directories_give_safe_names(void **state) {
  (void)state;
  configure("");
  start("a\nb\";'c");
  start("\xFF\xFE");
  pid_t deleted = start("gone");
  char path[PATH_MAX];
  snprintf(path, sizeof(path), "%s/gone", folder);
  assert_int_equal(rmdir(path), 0);
  fake_collectd_read();
  assert_true(is_sent("a_b___c"));
  assert_true(is_sent("__"));
  assert_true(gauge("gone", "process_pid", "") == deleted);
}

static void an_executable_replaced_on_disk_is_still_the_program(void **state) {
  (void)state;
  configure("");
  char kept[PATH_MAX + 8];
  snprintf(kept, sizeof(kept), "%s.kept", program);
  start("proj");
  copy_file(program, kept);
  assert_int_equal(unlink(program), 0);
  fake_collectd_read();
  bool sent = is_sent("proj");
  assert_int_equal(rename(kept, program), 0);
  assert_true(sent);
}

static void counters_of_the_detail_tier_end_with_the_process(void **state) {
  (void)state;
  fake_collectd_set_interval(0.1);
  configure("");
  pid_t pid = start("proj");
  fake_collectd_read();
  const struct fake_value *fresh = fake_collectd_find("proj", "contextswitch", "");
  assert_non_null(fresh);
  assert_true(fresh->interval_seconds == 1);
  int64_t last = fresh->values[0].derive;
  fake_collectd_read();
  assert_null(fake_collectd_find("proj", "contextswitch", ""));
  end(pid);
  fake_collectd_read();
  const struct fake_value *closing = fake_collectd_find("proj", "contextswitch", "");
  assert_non_null(closing);
  assert_int_equal(closing->values[0].derive, last);
  assert_true(closing->interval_seconds < 0.2);
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
  set_up(NULL);
}

static void captures_are_below_the_base_dir_unless_a_folder_is_set(void **state) {
  (void)state;
  char expected[PATH_MAX], option[PATH_MAX + 32], here[PATH_MAX];
  snprintf(expected, sizeof(expected), "%s/sidecar-captures", folder);
  check_captures_go_to(folder, "", expected);
  snprintf(expected, sizeof(expected), "%s/mine", folder);
  check_captures_go_to(folder, "CaptureFolder \"mine\"\n", expected);
  snprintf(option, sizeof(option), "CaptureFolder \"%s\"\n", expected);
  check_captures_go_to("/nowhere", option, expected);

  /* collectd has gone into a relative one by then */
  assert_non_null(getcwd(here, sizeof(here)));
  assert_int_equal(chdir(folder), 0);
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
           executable);
  assert_int_equal(fake_collectd_configure(text), 0);
  assert_int_equal(fake_collectd_init(), 0);
  fake_collectd_read();
  fake_collectd_read();
  assert_int_equal(fake_collectd_logged(LOG_INFO, "no process to watch is running"), 1);
  start("proj");
  fake_collectd_read();
  fake_collectd_read();
  assert_int_equal(fake_collectd_logged(LOG_INFO, "SIDECAR_PPROF is not set"), 2);
}

static void a_thousand_readings_leak_no_descriptor(void **state) {
  (void)state;
  configure("");
  start("proj");
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
  variable = "SIDECAR_PPROF=6060x";
  pid_t pid = start("proj");
  for (int i = 0; i < 5; i++)
    fake_collectd_read();
  assert_int_equal(fake_collectd_logged(LOG_WARNING, ""), 1);
  char about[64];
  snprintf(about, sizeof(about), "proj (pid %d): pprof: ", (int)pid);
  const char *line = fake_collectd_log_line(about);
  assert_non_null(line);
  assert_non_null(strstr(line, "6060x"));
  assert_non_null(strstr(line, "restart it with SIDECAR_PPROF=1"));

  ahead_seconds = 3600;
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
  pid_t pid = start("proj");
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
  assert_true(gauge("proj", "red_flag", "threads") == 1);
  assert_true(gauge("proj", "red_flag", "fds") == 0);

  size_t dispatched_before = fake_dispatched_len();
  for (int i = 0; i < 10; i++)
    fake_collectd_read();
  assert_int_equal(fake_dispatched_len(), dispatched_before);
}

static void raised_flags_are_cleared_when_the_process_ends(void **state) {
  (void)state;
  assert_int_equal(fake_collectd_configure(one_thread_is_a_flag), 0);
  configure("");
  pid_t pid = start("proj");
  fake_collectd_read();
  end(pid);
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
  start("proj");
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

static unsigned own_descriptors(void) {
  struct stat st;
  unsigned count = 0;
  for (int fd = 0; fd < 1024; fd++)
    count += fstat(fd, &st) == 0;
  return count;
}

/* Returns whether it ended within this reading, which is its first, or one with a flag up. */
static bool read_one_that_ends(long calls, bool reap, bool was_seen) {
  pid_t pid = start("proj");
  fake_dispatched_reset();
  if (was_seen) {
    fake_collectd_read();
    assert_true(gauge("proj", "red_flag", "threads") == 1);
  }
  ahead_seconds += 2; /* the detail tier is due */
  unsigned descriptors = own_descriptors();
  sudden_end_arm(pid, calls, reap);
  int status = fake_collectd_read();
  bool has_ended = sudden_end_disarm();
  assert_int_equal(status, 0);
  if (!has_ended)
    assert_true(is_sent("proj"));
  else if (reap)
    forget(pid);
  if (!has_ended || !reap)
    end(pid);

  fake_collectd_read();
  assert_false(is_sent("proj"));
  assert_true(gauge("sidecar", "process_count", "") == 0);
  const notification_t *notification = fake_dispatched_of("proj", "threads");
  assert_true(notification == NULL || notification->severity == NOTIF_OKAY);
  assert_true(own_descriptors() <= descriptors);
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
  hold = hold_everything;
  variable = "SIDECAR_PPROF=1"; /* so that it is looked for who listens, though it does not */
  for (int how = 0; how < 4; how++) {
    long calls = 0;
    while (read_one_that_ends(calls, how % 2 == 0, how / 2 == 0))
      calls++;
    assert_true(calls > 50);
  }
}

#define PLUGIN_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      PLUGIN_TEST(without_processes_the_count_is_zero),
      PLUGIN_TEST(dispatched_values_are_registered_finite_and_named),
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
      PLUGIN_TEST(a_thousand_readings_leak_no_descriptor),
      PLUGIN_TEST(a_failure_is_logged_with_process_file_and_hint_and_repeats_are_counted),
      PLUGIN_TEST(a_red_flag_is_dispatched_once_with_its_evidence),
      PLUGIN_TEST(raised_flags_are_cleared_when_the_process_ends),
      PLUGIN_TEST(a_disabled_red_flag_is_neither_sent_nor_notified),
      PLUGIN_TEST(a_process_may_end_at_any_point_of_a_reading),
  };
  return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
