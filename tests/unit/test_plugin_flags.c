/*
 * Red flags of the complete plugin: their notifications with evidence from the running process
 * and its pprof server, and the captures that they and the baseline ask for.
 */
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture_fixture.h"
#include "cases.h"
#include "fake_collectd.h"
#include "fake_dispatched.h"
#include "go_server.h"
#include "watched.h"

static struct hostile_server *server;
static char captures[128];
static unsigned captures_count;

static void own_the_server(void) {
  hostile_server_lend(server);
}

static pid_t start_with_server(void) {
  static char variable[64];
  server = hostile_server_new(go_server_good, NULL);
  snprintf(variable, sizeof(variable), "SIDECAR_PPROF=%u", hostile_server_port(server));
  watched_variable = variable;
  watched_hold = own_the_server;
  return watched_start("proj");
}

static int set_up(void **state) {
  server = NULL;
  snprintf(captures, sizeof(captures), "%s/captures-%u", watched_folder, captures_count++);
  return watched_set_up(state);
}

static int tear_down(void **state) {
  watched_tear_down(state);
  hostile_server_free(server);
  return 0;
}

/* With captures, without CPU profiles, which take seconds. */
static void configure(const char *more) {
  char options[1024];
  snprintf(
      options, sizeof(options),
      "PprofBudget 0\nGoroutineDumpInterval 1\nHeapProfileInterval 1\nWarmUp 0\nPprofTimeout "
      "60\nCpuProfileSeconds 0\nCaptureFolder \"%s\"\n%s",
      captures, more);
  watched_configure(options, "");
}

static void read_again(void) {
  watched_ahead_seconds += 2; /* all of it is due */
  assert_int_equal(fake_collectd_read(), 0);
}

static const notification_t *read_until_notified(const char *flag, int severity) {
  for (int i = 0; i < 500; i++) {
    read_again();
    const notification_t *notification = fake_dispatched_of("proj", flag);
    if (notification != NULL && notification->severity == severity)
      return notification;
  }
  fail_msg("%s is not notified", flag);
  return NULL;
}

static const char *meta(const notification_t *notification, const char *name) {
  const char *text = fake_dispatched_meta(notification, name);
  if (text == NULL)
    fail_msg("the notification has no %s", name);
  return text;
}

static void check_file_has(const char *bundle, const char *file, const char *text) {
  char *content = bundle_read(bundle, file);
  if (content == NULL || strstr(content, text) == NULL)
    fail_msg("%s/%s has no \"%s\": %s", bundle, file, text, content);
  free(content);
}

#define EACH_READING "DetailInterval 1\n"
#define GOROUTINES_FAIL                                                                        \
  "<RedFlag \"goroutines\">\n Warning 10\n Failure 30\n Hold 0\n</RedFlag>\n"
#define GOROUTINES_WARN                                                                        \
  "<RedFlag \"goroutines\">\n Warning 10\n Failure 99\n Hold 0\n</RedFlag>\n"

/* ---- captures ---- */

static void a_failure_is_captured_with_what_the_runtime_says(void **state) {
  (void)state;
  configure(EACH_READING GOROUTINES_FAIL);
  pid_t pid = start_with_server();
  const notification_t *notification = read_until_notified("goroutines", NOTIF_FAILURE);
  assert_string_equal(meta(notification, "value"), "40");
  char bundle[PATH_MAX], expected[64];
  snprintf(bundle, sizeof(bundle), "%s", meta(notification, "capture"));
  assert_memory_equal(bundle, captures, strlen(captures));
  snprintf(expected, sizeof(expected), "pid%d", (int)pid);
  assert_non_null(strstr(bundle, expected));
  fixture_wait_for_path(bundle);
  check_file_has(bundle, "README.txt", notification->message);
  check_file_has(bundle, "metrics.txt", "go_goroutines 40 goroutines\n");
  check_file_has(bundle, "metrics.txt", "process_memory_bytes{type=\"anon\"} ");
  check_file_has(bundle, "metrics.txt", "ps_cputime ");
  check_file_has(bundle, "goroutines.txt", "main.(*Monitor).fetchData");
  check_file_has(bundle, "fds.txt", "socket");
}

static void a_warning_is_captured_only_if_it_is_configured(void **state) {
  for (int on_warning = 0; on_warning < 2; on_warning++) {
    configure(on_warning ? EACH_READING GOROUTINES_WARN "CaptureOnWarning true\n"
                         : EACH_READING GOROUTINES_WARN);
    start_with_server();
    const notification_t *notification = read_until_notified("goroutines", NOTIF_WARNING);
    assert_int_equal(fake_dispatched_meta(notification, "capture") != NULL, on_warning);
    tear_down(state);
    set_up(state);
  }
}

/* ---- growth ---- */

#define STUCK_GROWS                                                                            \
  "<RedFlag \"goroutines_stuck\">\n Warning 3\n Window 4\n Hold 16\n</RedFlag>\n"

static atomic_uint stuck_goroutines;

static bool asks_for_the_dump(const struct hostile_connection *c) {
  return strncmp(c->request, "GET /debug/pprof/goroutine?debug=2 ", 35) == 0;
}

static void serve_stuck_goroutines(struct hostile_connection *c, void *context) {
  static const char stuck[] = "goroutine 1 [chan receive, 12 minutes]:\nmain.wait(0x1)\n"
                              "\texample.com/target/wait.go:12 +0x25\n\n";
  char head[128];
  unsigned number = stuck_goroutines;
  if (!asks_for_the_dump(c)) {
    go_server_good(c, context);
    return;
  }
  snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
           number * strlen(stuck));
  hostile_send_text(c, head);
  for (unsigned i = 0; i < number; i++)
    hostile_send_text(c, stuck);
}

/* One more is stuck at each reading. */
static const notification_t *leak_until_notified(int severity, unsigned more) {
  for (int i = 0; i < 500; i++) {
    stuck_goroutines += more;
    const notification_t *notification = fake_dispatched_of("proj", "goroutines_stuck");
    if (notification != NULL && notification->severity == severity)
      return notification;
    read_again();
    usleep(2000); /* the dump is answered by then */
  }
  fail_msg("goroutines_stuck is not notified");
  return NULL;
}

static void growth_is_captured_although_it_is_a_warning(void **state) {
  (void)state;
  configure(EACH_READING STUCK_GROWS);
  start_with_server();
  stuck_goroutines = 10;
  hostile_server_behave(server, serve_stuck_goroutines, NULL);
  const notification_t *notification = leak_until_notified(NOTIF_WARNING, 1);
  char bundle[PATH_MAX];
  snprintf(bundle, sizeof(bundle), "%s", meta(notification, "capture"));
  fixture_wait_for_path(bundle);
  check_file_has(bundle, "goroutines.txt", "main.wait");
}

/* Four times up and down within the hour of CaptureInterval. */
static void a_flag_that_flaps_is_captured_once_per_interval(void **state) {
  (void)state;
  configure(EACH_READING STUCK_GROWS);
  start_with_server();
  stuck_goroutines = 10;
  hostile_server_behave(server, serve_stuck_goroutines, NULL);
  for (int i = 0; i < 4; i++) {
    const notification_t *notification = leak_until_notified(NOTIF_WARNING, 1);
    const char *path = fake_dispatched_meta(notification, "capture");
    assert_int_equal(path != NULL, i == 0);
    if (i == 0)
      fixture_wait_for_path(path);
    stuck_goroutines = 10;
    leak_until_notified(NOTIF_OKAY, 0);
  }
  assert_true(watched_ahead_seconds < 3600);
  assert_int_equal(count_named(captures, "-goroutines_stuck"), 1);
  watched_ahead_seconds += 3600;
  meta(leak_until_notified(NOTIF_WARNING, 1), "capture");
}

static void without_captures_a_failure_is_notified_as_well(void **state) {
  (void)state;
  configure(EACH_READING GOROUTINES_FAIL "Capture false\n");
  start_with_server();
  const notification_t *notification = read_until_notified("goroutines", NOTIF_FAILURE);
  assert_null(fake_dispatched_meta(notification, "capture"));
  assert_false(path_exists(captures));
}

static void information_is_not_worth_a_capture(void **state) {
  (void)state;
  configure(EACH_READING
            "<RedFlag \"threads\">\n Warning 0.5\n Failure 1\n Hold 0\n</RedFlag>\n");
  watched_start("proj");
  meta(read_until_notified("threads", NOTIF_FAILURE), "capture");
  const notification_t *notification = read_until_notified("pprof_missing", NOTIF_WARNING);
  assert_string_equal(meta(notification, "severity"), "info");
  assert_null(fake_dispatched_meta(notification, "capture"));
}

/* Reads until so many baselines are on the disk. */
static void read_until_baselines(unsigned count) {
  for (int i = 0; i < 1000 && count_named(captures, "-baseline") < count; i++) {
    read_again();
    usleep(1000);
  }
  assert_int_equal(count_named(captures, "-baseline"), count);
}

static void each_process_has_one_baseline(void **state) {
  (void)state;
  configure(EACH_READING "BaselineDelay 2\n");
  start_with_server();
  read_until_baselines(1);
  for (int i = 0; i < 10; i++)
    read_again();
  watched_variable = NULL;
  watched_hold = NULL;
  watched_start("other");
  read_until_baselines(2);
  assert_int_equal(count_named(captures, "-pid"), 2);
}

/* ---- since when ---- */

/* The machine sleeps while a breach is not yet old enough to be raised. */
static void a_night_asleep_is_no_hold_but_is_in_the_date(void **state) {
  (void)state;
  enum { NIGHT = 8 * 3600 };
  configure("Capture false\n<RedFlag \"threads\">\n Warning 0.5\n Failure 1\n Hold 60\n"
            "</RedFlag>\n");
  watched_start("proj");
  while (!watched_is_sent("proj"))
    read_again();
  time_t began = time(NULL), ahead = watched_ahead_seconds;
  for (int i = 0; i < 10; i++)
    read_again();
  watched_asleep_seconds = NIGHT;
  read_again();
  assert_null(fake_dispatched_of("proj", "threads"));
  const notification_t *notification = read_until_notified("threads", NOTIF_FAILURE);
  assert_in_range(watched_ahead_seconds - ahead, 58, 70);
  long long since = atoll(meta(notification, "since"));
  /* the wall clock of this test did not go ahead */
  long long expected = began - NIGHT - (watched_ahead_seconds - ahead);
  if (llabs(since - expected) > 5)
    fail_msg("since %lld, not %lld", since, expected);
}

/* ---- processes that are never watched ---- */

static void configure_minimum_age(unsigned seconds) {
  char text[512];
  snprintf(text, sizeof(text),
           "Capture false\n<Process \"sidecar\">\n Executable \"%s\"\n MinimumAge "
           "%u\n</Process>\n",
           watched_executable, seconds);
  assert_int_equal(fake_collectd_configure(text), 0);
  assert_int_equal(fake_collectd_init(), 0);
}

static int64_t short_lived_count_of_block(void) {
  const struct fake_value *value = fake_collectd_find("sidecar", "process_short_lived", "");
  assert_non_null(value);
  assert_int_equal(value->ds_type, DS_TYPE_DERIVE);
  return value->values[0].derive;
}

static void start_and_end_young(int count) {
  for (int i = 0; i < count; i++) {
    pid_t pid = watched_start("proj");
    read_again();
    watched_end(pid);
    read_again();
  }
}

static void a_program_that_ends_young_again_and_again_is_notified_once(void **state) {
  (void)state;
  char user[24];
  snprintf(user, sizeof(user), "%u", (unsigned)getuid());
  configure_minimum_age(3600);
  read_again();
  assert_int_equal(short_lived_count_of_block(), 0);
  start_and_end_young(4);
  assert_int_equal(short_lived_count_of_block(), 4);
  assert_null(fake_dispatched_of("sidecar", user));
  start_and_end_young(16);
  assert_int_equal(short_lived_count_of_block(), 20);
  assert_int_equal(fake_dispatched_len(), 1);
  const notification_t *notification = fake_dispatched_of("sidecar", user);
  assert_int_equal(notification->severity, NOTIF_WARNING);
  assert_string_equal(notification->type, "process_short_lived");
  assert_string_equal(meta(notification, "alertname"), "SidecarCrashLooping");
  assert_string_equal(meta(notification, "label:user"), user);
  assert_non_null(strstr(notification->message, "5 processes"));
  assert_int_equal(fake_collectd_logged(LOG_WARNING, "do they crash?"), 1);
  watched_ahead_seconds += 301;
  read_again();
  watched_ahead_seconds += 301;
  read_again();
  assert_int_equal(fake_dispatched_len(), 2);
  assert_int_equal(fake_dispatched_of("sidecar", user)->severity, NOTIF_OKAY);
}

static void a_program_that_becomes_old_enough_is_not_short_lived(void **state) {
  (void)state;
  configure_minimum_age(100);
  pid_t pid = watched_start("proj");
  read_again();
  assert_false(watched_is_sent("proj"));
  watched_asleep_seconds = 100; /* counts for its age */
  read_again();
  assert_true(watched_is_sent("proj"));
  watched_end(pid);
  read_again();
  read_again();
  assert_int_equal(short_lived_count_of_block(), 0);
}

/* ---- CaptureSchedule ---- */

/* Whole bundles of that reason; the first of them in ret_first if there is one. */
static unsigned count_captured(const char *reason, char ret_first[PATH_MAX]) {
  char pattern[256];
  glob_t found;
  snprintf(pattern, sizeof(pattern), "%s/*/[0-9]*-%s", captures, reason);
  if (glob(pattern, 0, NULL, &found) != 0)
    return 0;
  unsigned count = (unsigned)found.gl_pathc;
  snprintf(ret_first, PATH_MAX, "%s", found.gl_pathv[0]);
  globfree(&found);
  return count;
}

/* Returns the first bundle's path. */
static const char *read_until_captured(const char *reason, unsigned count) {
  static char first[PATH_MAX];
  for (int i = 0; i < 1000 && count_captured(reason, first) < count; i++) {
    read_again();
    usleep(2000);
  }
  assert_int_equal(count_captured(reason, first), count);
  return first;
}

static void scheduled_captures_come_once_an_interval(void **state) {
  (void)state;
  configure(EACH_READING "BaselineDelay 2\nCaptureSchedule 600\n");
  start_with_server();
  read_until_captured("baseline", 1);
  assert_true(watched_ahead_seconds < 600);
  const char *bundle = read_until_captured("scheduled", 1);
  assert_in_range(watched_ahead_seconds, 550, 900);
  check_file_has(bundle, "README.txt", "What grew: compare the heap");
  check_file_has(bundle, "metrics.txt", "process_open_fds ");
  while (watched_ahead_seconds < 1100)
    read_again();
  assert_int_equal(count_named(captures, "-scheduled"), 1);
  read_until_captured("scheduled", 2);
  assert_in_range(watched_ahead_seconds, 1100, 1500);
  assert_int_equal(fake_collectd_logged(LOG_INFO, "captures are due, processes: 1"), 2);
}

/* Among them captures of flags get their turn. */
static void a_round_of_many_processes_takes_its_time(void **state) {
  (void)state;
  enum { PROCESSES = 9 };
  char name[16];
  configure(EACH_READING "BaselineDelay 2\nCaptureSchedule 600\n");
  for (int i = 0; i < PROCESSES; i++) {
    snprintf(name, sizeof(name), "proj%d", i);
    watched_start(name);
  }
  read_until_captured("baseline", PROCESSES);
  watched_ahead_seconds += 600;
  char first[PATH_MAX];
  for (unsigned readings = 1; count_captured("scheduled", first) < PROCESSES; readings++) {
    assert_true(readings < 500);
    read_again();
    usleep(readings < 3 ? 200000 : 2000); /* time for all, if they were requested at once */
    unsigned begun = count_named(captures, "-scheduled");
    assert_true(begun <= 2 * readings);
  }
  assert_int_equal(fake_collectd_logged(LOG_INFO, "captures are due, processes: 9"), 1);
}

static void a_process_without_a_baseline_is_too_young_for_a_round(void **state) {
  (void)state;
  configure(EACH_READING "BaselineDelay 3600\nCaptureSchedule 600\n");
  watched_start("proj");
  while (watched_ahead_seconds < 700)
    read_again();
  assert_int_equal(fake_collectd_logged(0, "captures are due"), 0);
  assert_int_equal(count_named(captures, "-scheduled"), 0);
}

/* The folder is one that others may write to, for a while. */
static void a_round_that_cannot_be_written_is_tried_again(void **state) {
  (void)state;
  configure(EACH_READING "BaselineDelay 2\nCaptureSchedule 3600\n");
  watched_start("proj");
  read_until_captured("baseline", 1);
  assert_int_equal(chmod(captures, 0777), 0);
  watched_ahead_seconds = 3600;
  for (int i = 0; i < 500 && fake_collectd_logged(LOG_ERR, "cannot be written") == 0; i++) {
    read_again();
    usleep(2000);
  }
  assert_int_equal(fake_collectd_logged(LOG_ERR, "cannot be written"), 1);
  assert_int_equal(count_named(captures, "-scheduled"), 0);
  assert_int_equal(chmod(captures, 0700), 0);
  read_until_captured("scheduled", 1);
  assert_true(watched_ahead_seconds < 2 * 3600);
}

/* ---- capture-now ---- */

static void ask_for(const char *file) {
  char path[PATH_MAX];
  snprintf(path, sizeof(path), "%s/%s", captures, file);
  int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  close(fd);
}

static void read_until_logged(int severity, const char *text) {
  for (int i = 0; i < 500 && fake_collectd_logged(severity, text) == 0; i++) {
    read_again();
    usleep(2000);
  }
  if (fake_collectd_logged(severity, text) != 1)
    fail_msg("logged %zu times: %s", fake_collectd_logged(severity, text), text);
}

static void check_not_there(const char *file) {
  char path[PATH_MAX];
  snprintf(path, sizeof(path), "%s/%s", captures, file);
  assert_false(path_exists(path));
}

static void all_processes_are_captured_on_demand_once(void **state) {
  (void)state;
  char line[PATH_MAX + 64];
  configure(EACH_READING "BaselineDelay 2\n");
  watched_start("first");
  watched_start("second");
  read_until_captured("baseline", 2);
  ask_for("capture-now");
  const char *bundle = read_until_captured("requested", 2);
  check_not_there("capture-now");
  assert_int_equal(fake_collectd_logged(LOG_NOTICE, "captures are requested, processes: 2"), 1);
  assert_int_equal(fake_collectd_logged(LOG_NOTICE, "the capture that was asked for goes"), 2);
  snprintf(line, sizeof(line), "the capture that was asked for goes to %s", bundle);
  assert_int_equal(fake_collectd_logged(LOG_NOTICE, line), 1);
  check_file_has(bundle, "README.txt", "A capture that capture-now asked for");
  for (int i = 0; i < 100; i++)
    read_again();
  assert_int_equal(count_named(captures, "-requested"), 2);
  ask_for("capture-now");
  read_until_captured("requested", 4);
}

static void one_process_is_captured_by_name_or_pid(void **state) {
  (void)state;
  char file[64], first[PATH_MAX];
  configure(EACH_READING "BaselineDelay 2\n");
  watched_start("first");
  pid_t pid = watched_start("second");
  read_until_captured("baseline", 2);
  ask_for("capture-now.first");
  assert_non_null(strstr(read_until_captured("requested", 1), "/first/"));
  snprintf(file, sizeof(file), "capture-now.%d", (int)pid);
  ask_for(file);
  read_until_captured("requested", 2);
  check_not_there(file);
  snprintf(file, sizeof(file), "pid%d-requested", (int)pid);
  assert_int_equal(count_named(captures, file), 1);
  assert_int_equal(count_captured("requested", first), 2);
}

static void a_demand_for_no_process_is_answered(void **state) {
  (void)state;
  configure(EACH_READING "BaselineDelay 2\n");
  watched_start("proj");
  read_until_captured("baseline", 1);
  ask_for("capture-now.pro\n");
  read_until_logged(LOG_WARNING,
                    "capture-now.pro\\x0A: no process that is watched has this name or pid");
  check_not_there("capture-now.pro\n");
  ask_for("capture-now."); /* of a variable that was empty */
  read_until_logged(LOG_WARNING, "capture-now.: no process that is watched");
  ask_for("capture-nowhere");
  for (int i = 0; i < 20; i++)
    read_again();
  assert_int_equal(count_named(captures, "capture-nowhere"), 1);
  assert_int_equal(count_named(captures, "-requested"), 0);
}

/* ---- evidence ---- */

static char database[PATH_MAX];

static void open_the_database(void) {
  if (open(database, O_RDWR) < 0)
    _exit(125);
}

/* Of this process, on the watched program's database. */
static int lock_database(void) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
  snprintf(database, sizeof(database), "%s/state.db", watched_folder);
  int fd = open(database, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(fcntl(fd, F_SETLK, &lock), 0);
  return fd;
}

static void who_holds_the_lock_on_a_database_is_named(void **state) {
  (void)state;
  configure(EACH_READING "<RedFlag \"sqlite_contention\">\n Warning 1\n Hold 1\n</RedFlag>\n");
  int fd = lock_database();
  watched_hold = open_the_database;
  watched_start("proj");
  const notification_t *notification = read_until_notified("sqlite_contention", NOTIF_WARNING);
  char expected[32];
  snprintf(expected, sizeof(expected), "%d", (int)getpid());
  assert_string_equal(meta(notification, "owner_pid"), expected);
  char name[32] = "";
  assert_int_equal(prctl(PR_GET_NAME, name), 0);
  assert_string_equal(meta(notification, "owner"), name);
  assert_string_equal(meta(notification, "path"), database);
  assert_true(watched_gauge("proj", "process_file_locks", "contended") == 1);
  close(fd); /* gives the lock back */
  read_until_notified("sqlite_contention", NOTIF_OKAY);
}

/* It is looked again as soon as the lock has been held for long enough to be a flag. */
static void a_contended_database_is_read_before_the_detail_is_due(void **state) {
  (void)state;
  configure("DetailInterval 3600\n<RedFlag \"sqlite_contention\">\n Warning 1\n Hold 1\n"
            "</RedFlag>\n");
  int fd = lock_database();
  watched_hold = open_the_database;
  watched_start("proj");
  read_until_notified("sqlite_contention", NOTIF_WARNING);
  assert_true(watched_ahead_seconds < 3600);
  close(fd);
}

static void what_is_raised_when_the_process_ends_is_cleared_with_a_reason(void **state) {
  (void)state;
  configure(EACH_READING GOROUTINES_FAIL "Capture false\n");
  pid_t pid = start_with_server();
  read_until_notified("goroutines", NOTIF_FAILURE);
  watched_end(pid);
  const notification_t *notification = read_until_notified("goroutines", NOTIF_OKAY);
  assert_non_null(strstr(notification->message, "the process ended"));
  assert_null(fake_dispatched_meta(notification, "value"));
}

#define FLAG_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      FLAG_TEST(a_failure_is_captured_with_what_the_runtime_says),
      FLAG_TEST(a_warning_is_captured_only_if_it_is_configured),
      FLAG_TEST(growth_is_captured_although_it_is_a_warning),
      FLAG_TEST(a_flag_that_flaps_is_captured_once_per_interval),
      FLAG_TEST(without_captures_a_failure_is_notified_as_well),
      FLAG_TEST(information_is_not_worth_a_capture),
      FLAG_TEST(each_process_has_one_baseline),
      FLAG_TEST(a_night_asleep_is_no_hold_but_is_in_the_date),
      FLAG_TEST(a_program_that_ends_young_again_and_again_is_notified_once),
      FLAG_TEST(a_program_that_becomes_old_enough_is_not_short_lived),
      FLAG_TEST(scheduled_captures_come_once_an_interval),
      FLAG_TEST(a_round_of_many_processes_takes_its_time),
      FLAG_TEST(a_process_without_a_baseline_is_too_young_for_a_round),
      FLAG_TEST(a_round_that_cannot_be_written_is_tried_again),
      FLAG_TEST(all_processes_are_captured_on_demand_once),
      FLAG_TEST(one_process_is_captured_by_name_or_pid),
      FLAG_TEST(a_demand_for_no_process_is_answered),
      FLAG_TEST(who_holds_the_lock_on_a_database_is_named),
      FLAG_TEST(a_contended_database_is_read_before_the_detail_is_due),
      FLAG_TEST(what_is_raised_when_the_process_ends_is_cleared_with_a_reason),
  };
  return cmocka_run_group_tests_name("plugin_flags", tests, go_server_set_up_group,
                                     go_server_tear_down_group);
}
