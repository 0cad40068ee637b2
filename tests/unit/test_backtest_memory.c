/* Each allocation of sidecar-backtest fails once: it says so, and loses nothing. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "backtest/folder.h"
#include "backtest/recording.h"
#include "backtest/settings.h"
#include "backtest_cases.h"
#include "failing_allocations.h"
#include "fake_collectd.h"

/* How many allocations were made to fail, one in each run, until a run had fewer. The function
 * returns the status of a run; without failures it must be 0. */
static long fail_each(int (*run)(const char *path), const char *path) {
  for (long failed = 0;; failed++) {
    allocations_left = failed;
    int status = run(path);
    bool none_failed = allocations_left >= 0;
    allocations_left = -1;
    check_int("status", status, none_failed ? 0 : -ENOMEM);
    if (none_failed)
      return failed;
  }
}

/* ---- recordings ---- */

static int replay_path(const char *path) {
  static struct run run;
  char error[RECORDING_ERROR_SIZE] = "";
  long left = allocations_left;
  allocations_left = -1;
  run_init(&run);
  FILE *out = fopen("/dev/null", "w");
  assert_non_null(out);
  output_begin(&run.output, out, false);
  struct recording_options options = {
      .config = run.config, .inotify_watches_limit = VALUE_UNKNOWN, .output = &run.output};
  allocations_left = left;
  int status = recording_replay(path, &options, error);
  left = allocations_left;
  allocations_left = -1;
  if (status != 0 && (strstr(error, path) == NULL || strstr(error, strerror(ENOMEM)) == NULL))
    fail_msg("%d: %s", status, error);
  fclose(out);
  run_free(&run);
  allocations_left = left;
  return status;
}

static void write_file(int folder, const char *name, const char *text) {
  int fd = openat(folder, name, O_WRONLY | O_CREAT, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), strlen(text));
  close(fd);
}

static void each_allocation_of_a_recording_may_fail(void **state) {
  (void)state;
  char path[] = "/tmp/backtest-memory-XXXXXX", file[64];
  assert_non_null(mkdtemp(path));
  int folder = open(path, O_RDONLY | O_DIRECTORY);
  assert_true(folder >= 0);
  write_file(folder, "a.csv",
             "time,process_start_time_seconds,process_threads\n1000,900,20\n2000,1900,20\n");
  write_file(folder, "process_threads-2026-11-28", "epoch,value\n1000,20\n");
  write_file(folder, "process_threads-2026-11-29", "epoch,value\n2000,20\n");
  write_file(folder, "ps_cputime-2026-11-29", "epoch,user,syst\n2000,1,1\n");
  snprintf(file, sizeof(file), "%s/a.csv", path);
  assert_in_range(fail_each(replay_path, file), 5, 20);
  assert_in_range(fail_each(replay_path, path), 10, 30);
  unlinkat(folder, "a.csv", 0);
  unlinkat(folder, "process_threads-2026-11-28", 0);
  unlinkat(folder, "process_threads-2026-11-29", 0);
  unlinkat(folder, "ps_cputime-2026-11-29", 0);
  close(folder);
  rmdir(path);
}

/* ---- settings ---- */

static int read_settings(const char *path) {
  static const char *const options[] = {"fds.Warning=150", "threads.Enabled=false",
                                        "session_files.Patterns=\"sqlite\"", "fds.Hold=5"};
  struct settings settings = {
      .file = path, .options = options, .options_len = ARRAY_LENGTH(options)};
  struct config *config;
  long left = allocations_left;
  allocations_left = -1;
  fake_collectd_reset();
  allocations_left = left;
  int status = settings_read(&settings, &config);
  left = allocations_left;
  allocations_left = -1;
  if (status == 0)
    config_free(config);
  else
    assert_true(fake_collectd_log_line("out of memory") != NULL ||
                fake_collectd_log_line(strerror(ENOMEM)) != NULL);
  allocations_left = left;
  return status == 0 ? 0 : -ENOMEM;
}

static void each_allocation_of_settings_may_fail(void **state) {
  (void)state;
  char path[] = "/tmp/backtest-memory-XXXXXX";
  static const char text[] = "Hostname \"h\"\n<Plugin sidecar>\n  <RedFlag \"fds\">\n"
                             "    Failure 2000\n  </RedFlag>\n</Plugin>\n";
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), strlen(text));
  close(fd);
  assert_in_range(fail_each(read_settings, path), 30, 300);
  unlink(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_allocation_of_a_recording_may_fail),
      cmocka_unit_test(each_allocation_of_settings_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
