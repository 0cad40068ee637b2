/*
 * Each call into the system and each allocation of the complete plugin's start and readings
 * fails in turn: what is not known is absent, never 0; no process is taken for ended; nothing
 * leaks; and without failures the readings become complete. The program has a Go program's
 * pprof server.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cases.h"
#include "failing_allocations.h"
#include "failing_calls.h"
#include "fake_collectd.h"
#include "fake_dispatched.h"
#include "go_server.h"
#include "pace.h"
#include "watched.h"

static struct hostile_server *server;
static pid_t pid;
static char failure[64]; /* of the present case, for messages */

/* One descriptor of most classes, one of a locked file. */
static void hold_some(void) {
  int ends[2], watches = inotify_init1(0), locked = open("locked", O_RDWR | O_CREAT, 0600);
  if (pipe(ends) != 0 || inotify_add_watch(watches, ".", IN_CREATE) < 0 ||
      socket(AF_INET, SOCK_STREAM, 0) < 0 || flock(locked, LOCK_EX) != 0)
    _exit(125);
  hostile_server_lend(server);
}

static void configure(void) {
  char text[512];
  snprintf(text, sizeof(text),
           "PprofBudget 0\nDetailInterval 1\nGoroutineDumpInterval 1\nHeapProfileInterval "
           "1\nGoroutineLeakInterval 1\nCapture false\n"
           "PprofTimeout 60\n"
           "<RedFlag \"threads\">\n Warning 1\n Failure 2\n Hold 0\n</RedFlag>\n"
           "<Process \"sidecar\">\n Executable \"%s\"\n MinimumAge 0\n</Process>\n",
           watched_executable);
  assert_int_equal(fake_collectd_configure(text), 0);
}

/* ---- what a good reading has ---- */

enum { KNOWN_MAX = 256 };
static struct fake_value known[KNOWN_MAX];
static size_t known_len;

/* The plugin's account of its own work is not about the process; and the kernel's list of locks
 * is no snapshot: one may be missing while others on the machine change. */
static bool is_about_the_process(const struct fake_value *value) {
  return strncmp(value->type, "collector_", strlen("collector_")) != 0 &&
         strcmp(value->type, "process_file_locks") != 0 &&
         strcmp(value->type, "red_flag") != 0 && strcmp(value->type, "process_count") != 0 &&
         strcmp(value->type, "process_short_lived") != 0;
}

static const struct fake_value *find_known(const struct fake_value *value) {
  for (size_t i = 0; i < known_len; i++)
    if (strcmp(known[i].type, value->type) == 0 &&
        strcmp(known[i].type_instance, value->type_instance) == 0)
      return &known[i];
  return NULL;
}

static void read_again(void) {
  watched_ahead_seconds += 2; /* all of it is due */
  assert_int_equal(fake_collectd_read(), 0);
}

static void learn_a_good_reading(void) {
  assert_int_equal(fake_collectd_init(), 0);
  known_len = 0;
  while (fake_collectd_find("proj", "go_goroutines_state", "select") == NULL ||
         fake_collectd_find("proj", "go_goroutines_leaked", "") == NULL ||
         fake_collectd_find("proj", "process_file_locks", "held") == NULL)
    read_again();
  for (size_t i = 0; i < fake_collectd_values_len(); i++)
    if (is_about_the_process(fake_collectd_value(i)) && known_len < KNOWN_MAX)
      known[known_len++] = *fake_collectd_value(i);
  assert_true(known_len > 60);
}

/* Is each value that was sent as the good reading's, or, of a counter, not before it? */
static void check_values(void) {
  for (size_t i = 0; i < fake_collectd_values_len(); i++) {
    const struct fake_value *value = fake_collectd_value(i), *good = find_known(value);
    if (!is_about_the_process(value))
      continue;
    if (good == NULL)
      fail_msg("%s: %s-%s is unheard of", failure, value->type, value->type_instance);
    for (size_t n = 0; n < value->values_len; n++)
      if (value->ds_type == DS_TYPE_DERIVE
              ? value->values[n].derive < good->values[n].derive
              : value->values[n].gauge == 0 && good->values[n].gauge != 0)
        fail_msg("%s: %s-%s is wrong", failure, value->type, value->type_instance);
  }
}

/* A value that the good reading has and the last one has not; NULL: it is complete. */
static const struct fake_value *find_missing(void) {
  for (size_t i = 0; i < known_len; i++)
    if (fake_collectd_find("proj", known[i].type, known[i].type_instance) == NULL)
      return &known[i];
  return NULL;
}

static void check_that_readings_become_complete(void) {
  const struct fake_value *missing;
  read_again();
  for (int i = 0; i < 100 && find_missing() != NULL; i++)
    read_again();
  if ((missing = find_missing()) != NULL)
    fail_msg("%s: %s-%s remains unknown", failure, missing->type, missing->type_instance);
  assert_true(watched_gauge("sidecar", "process_count", "") == 1);
  assert_true(watched_gauge("proj", "go_goroutines", "") == GO_GOROUTINES);
}

/* ---- failures ---- */

static const struct way {
  const char *name;
  int error;
  long failures;
  bool only_opening; /* fails */
} ways[] = {
    {"one EIO", EIO, 1, false},
    {"ENOMEM from then on", ENOMEM, LONG_MAX, false},
    {"EMFILE from then on", EMFILE, LONG_MAX, true},
    {"no memory", 0, 1, false}, /* an allocation, whichever thread makes it */
};
static const struct way *present;

/* How often another process is asked for its program depends on the machine; and what a file
 * system does not tell about an open file is no failure, but makes it one of class other. */
static bool is_spared(const char *call, const char *path) {
  char own[32];
  size_t len = path != NULL ? strlen(path) : 0;
  snprintf(own, sizeof(own), "%d/exe", (int)pid);
  bool is_of_others = len > 4 && strcmp(path + len - 4, "/exe") == 0 && strcmp(path, own) != 0;
  bool opens = strncmp(call, "open", 4) == 0 || strcmp(call, "socket") == 0;
  return is_of_others || strcmp(call, "statx") == 0 || (present->only_opening && !opens);
}

static bool fail_allocation_after(long count, void (*what)(void)) {
  atomic_store(&allocations_left, count);
  what();
  return atomic_exchange(&allocations_left, -1) < 0;
}

/* Calls what, in which calls fail after that many; returns whether any did. */
static bool fail_after(long calls, void (*what)(void)) {
  if (present->error == 0)
    return fail_allocation_after(calls, what);
  failing_calls_arm(calls, present->failures, present->error);
  what();
  const char *failed = failing_calls_disarm();
  if (failed != NULL)
    snprintf(failure + strlen(failure), sizeof(failure) - strlen(failure), ", %s", failed);
  return failed != NULL;
}

static void adopt_and_read(void) {
  for (int i = 0; i < 2; i++) {
    read_again();
    check_values();
  }
}

/* The flag that is raised all the time is notified once, with its line. */
static void check_notifications(void) {
  const notification_t *notification = fake_dispatched_of("proj", "threads");
  if (notification == NULL)
    fail_msg("%s: the flag is not notified", failure);
  assert_int_equal(notification->severity, NOTIF_WARNING);
  if (strstr(notification->message, "threads: 1 (warning from 1)") == NULL)
    fail_msg("%s: the notification is \"%s\"", failure, notification->message);
  for (size_t i = 0; i < fake_dispatched_len(); i++)
    if (fake_dispatched(i) != notification &&
        strcmp(fake_dispatched(i)->type_instance, "threads") == 0)
      fail_msg("%s: the flag is notified twice", failure);
}

static bool read_with_failures(long calls) {
  configure();
  assert_int_equal(fake_collectd_init(), 0);
  bool has_failed = fail_after(calls, adopt_and_read);
  if (fake_collectd_logged(0, "ended") + fake_collectd_logged(0, "no longer watched") > 0)
    fail_msg("%s: %s", failure, fake_collectd_log_line("proj"));
  check_that_readings_become_complete();
  check_notifications();
  return has_failed;
}

static int init_status;

static void start(void) {
  init_status = fake_collectd_init();
}

static bool start_with_failures(long calls) {
  configure();
  bool has_failed = fail_after(calls, start);
  if (init_status != 0)
    assert_true(fake_collectd_logged(LOG_ERR, "") > 0);
  else
    check_that_readings_become_complete();
  return has_failed;
}

/* Those of this process, when the server has none of a connection. */
static unsigned idle_descriptors(void) {
  while (hostile_server_serving(server) > 0)
    usleep(100);
  return watched_own_descriptors();
}

/* Returns how many calls were made until none failed. */
static long fail_each(const struct way *way, bool (*round)(long calls)) {
  present = way;
  long calls = 0, step = 1;
  bool has_failed = true;
  while (has_failed) {
    uint64_t started_ms = pace_now_ms();
    unsigned descriptors = idle_descriptors();
    snprintf(failure, sizeof(failure), "%s after %ld calls", present->name, calls);
    fake_collectd_reset();
    module_register();
    has_failed = round(calls);
    fake_collectd_shutdown();
    if (idle_descriptors() != descriptors)
      fail_msg("%s: a descriptor is left", failure);
    calls += step;
    step = pace_step(started_ms);
  }
  return calls;
}

static int set_up(void **state) {
  watched_set_up(state);
  static char variable[64];
  server = hostile_server_new(go_server_good, NULL);
  snprintf(variable, sizeof(variable), "SIDECAR_PPROF=%u", hostile_server_port(server));
  watched_variable = variable;
  watched_hold = hold_some;
  pid = watched_start("proj");
  failing_calls_spare = is_spared;
  configure();
  learn_a_good_reading();
  fake_collectd_shutdown();
  return 0;
}

static int tear_down(void **state) {
  watched_tear_down(state);
  hostile_server_free(server);
  return 0;
}

static int configured;

static void configure_everything(void) {
  configured = fake_collectd_configure(
      "CaptureFolder \"captures\"\nProcRoot \"/proc\"\n"
      "FdMatch \"logs\" \"\\\\.log$\"\nGoroutineMatch \"mine\" \"^main\"\n"
      "HeapMatch \"mine\" \"^main\"\n"
      "<Process \"other\">\n CommandLine \"serve\"\n Instance \"%{pid}\"\n"
      " PprofVariable \"PORT\"\n Executable \"x\"\n</Process>\n"
      "<RedFlag \"session_files\">\n Patterns \"logs\" \"sqlite\"\n</RedFlag>\n");
}

static bool configure_with_failures(long calls) {
  bool has_failed = fail_after(calls, configure_everything);
  assert_int_equal(configured, has_failed ? -1 : 0);
  assert_int_equal(fake_collectd_logged(LOG_ERR, "out of memory") +
                       fake_collectd_logged(LOG_ERR, "Out of memory"),
                   has_failed);
  return has_failed;
}

static void every_allocation_of_the_configuration_may_fail(void **state) {
  (void)state;
  assert_true(fail_each(&ways[ARRAY_LENGTH(ways) - 1], configure_with_failures) > 20);
}

static void every_call_of_a_reading_may_fail(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LENGTH(ways); i++)
    assert_true(fail_each(&ways[i], read_with_failures) > 20);
}

static void every_call_of_the_start_may_fail(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LENGTH(ways); i++)
    assert_true(fail_each(&ways[i], start_with_failures) > 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(every_allocation_of_the_configuration_may_fail, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(every_call_of_a_reading_may_fail, set_up, tear_down),
      cmocka_unit_test_setup_teardown(every_call_of_the_start_may_fail, set_up, tear_down),
  };
  return cmocka_run_group_tests_name("plugin_failures", tests, go_server_set_up_group,
                                     go_server_tear_down_group);
}
