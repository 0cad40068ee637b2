/*
 * Captures of a live process with a pprof server: contents of a bundle, repeated requests,
 * truncated profiles and processes that end.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "capture_fixture.h"
#include "cases.h"

#define GZIP "\x1f\x8b"

static void check_has(const char *bundle, const char *file, const char *text) {
  char *content = bundle_read(bundle, file);
  if (content == NULL)
    fail_msg("there is no %s", file);
  if (strstr(content, text) == NULL)
    fail_msg("no \"%s\" in %s: %s", text, file, content);
  free(content);
}

static void check_lacks(const char *bundle, const char *file, const char *text) {
  char *content = bundle_read(bundle, file);
  assert_non_null(content);
  if (strstr(content, text) != NULL)
    fail_msg("\"%s\" in %s: %s", text, file, content);
  free(content);
}

static void a_bundle_contains_all_files_and_how_to_compare_them(void **state) {
  (void)state;
  struct capture_fixture f;
  char baseline[CAPTURE_PATH_MAX], bundle[CAPTURE_PATH_MAX];
  char line[2 * CAPTURE_PATH_MAX + 64];
  fixture_start(&f);
  fixture_open(&f);
  fixture_capture(&f, "baseline", baseline);
  check_has(baseline, "README.txt", "The baseline of web");
  check_lacks(baseline, "README.txt", " -base ");
  f.request.want_cpu_profile = true;
  fixture_capture(&f, "cpu", bundle);

  assert_non_null(strstr(bundle, "/captures/web/20260801T000001.123Z-pid"));
  snprintf(line, sizeof(line), "go tool pprof -base %s/heap.pb.gz %s/heap.pb.gz\n", baseline,
           bundle);
  check_has(bundle, "README.txt", line);
  check_has(bundle, "README.txt", "1,043 descriptors are open\n");
  check_has(bundle, "README.txt", "\nNext\n  Look at `go");
  check_has(bundle, "README.txt", "go tool pprof -top cpu.pb.gz");
  check_has(bundle, "README.txt", "     87 %  main.threadTime < main.burnCPU");
  check_lacks(bundle, "README.txt", "Not captured");
  check_has(bundle, "metrics.txt", "process_open_fds 1043");
  check_has(bundle, "fds.txt", "open descriptors\n");
  check_has(bundle, "fds.txt", "  device      /dev/null\n");
  check_has(bundle, "memory-map.txt", "[stack]");
  check_has(bundle, "goroutines.txt", "goroutine ");
  check_has(bundle, "heap.pb.gz", GZIP);
  check_has(bundle, "cpu.pb.gz", GZIP);
  fixture_end(&f);
}

static void a_cpu_profile_is_taken_once_by_the_process_it_is_of(void **state) {
  (void)state;
  struct capture_fixture f;
  struct captured_cpu cpu;
  char fds[CAPTURE_PATH_MAX], path[CAPTURE_PATH_MAX];
  fixture_start(&f);
  fixture_open(&f);
  const pid_t pid = f.request.pid;
  const uint64_t start = f.request.start_ticks;
  fixture_capture(&f, "fds", fds); /* has none */
  fixture_settle(&f);
  assert_false(capture_take_cpu(f.capture, pid, start, &cpu));
  f.request.want_cpu_profile = true;
  for (int i = 0; i < 20; i++) { /* more than are kept */
    fixture_capture(&f, "cpu", path);
    fixture_settle(&f);
  }
  assert_false(capture_take_cpu(f.capture, pid + 1, start, &cpu));
  assert_false(capture_take_cpu(f.capture, pid, start + 1, &cpu));
  assert_true(capture_take_cpu(f.capture, pid, start, &cpu));
  assert_string_equal(cpu.path, path); /* the latest */
  assert_int_equal(cpu.profile.len, CPU_USERS_MAX);
  assert_non_null(strstr(cpu.profile.users[0].text, "main.threadTime"));
  assert_false(capture_take_cpu(f.capture, pid, start, &cpu));
  fixture_end(&f);
}

static void a_cpu_profile_that_cannot_be_understood_is_kept(void **state) {
  (void)state;
  struct capture_fixture f;
  struct captured_cpu cpu;
  char path[CAPTURE_PATH_MAX];
  fixture_start(&f);
  fixture_open(&f);
  f.request.want_cpu_profile = true;
  hostile_server_behave(f.server, hostile_answer,
                        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" GZIP "abc");
  fixture_capture(&f, "cpu", path);
  fixture_settle(&f);
  assert_false(capture_take_cpu(f.capture, f.request.pid, f.request.start_ticks, &cpu));
  check_has(path, "cpu.pb.gz", GZIP);
  check_has(path, "README.txt", "\nCPU, and as a flame graph\n  go tool pprof -top ");
  fixture_end(&f);
}

static void a_capture_is_compared_with_the_scheduled_one_before(void **state) {
  (void)state;
  struct capture_fixture f;
  char first[CAPTURE_PATH_MAX], second[CAPTURE_PATH_MAX], path[CAPTURE_PATH_MAX];
  char line[2 * CAPTURE_PATH_MAX + 64];
  fixture_start(&f);
  fixture_open(&f);
  f.request.round = 1;
  fixture_capture(&f, "scheduled", first);
  check_lacks(first, "README.txt", " -base ");
  fixture_settle(&f);
  assert_int_equal(fixture_request(&f, "scheduled", path), -EALREADY);
  f.request.round = 2;
  fixture_capture(&f, "scheduled", second);
  snprintf(line, sizeof(line), "go tool pprof -base %s/heap.pb.gz %s/heap.pb.gz\n", first,
           second);
  check_has(second, "README.txt", line);
  fixture_end(&f);
}

static void the_summary_next_to_the_bundles_is_the_latest(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX];
  fixture_start(&f);
  fixture_open(&f);
  fixture_capture(&f, "baseline", path);
  f.request.summary = "grown since\n";
  fixture_capture(&f, "fds", path);
  fixture_settle(&f);
  snprintf(path, sizeof(path), "%s/web", f.captures);
  char *summary = bundle_read(path, "summary.txt");
  assert_string_equal(summary, "grown since\n");
  free(summary);
  fixture_end(&f);
}

static void the_start_logs_where_captures_are_written(void **state) {
  (void)state;
  struct capture_fixture f;
  char line[200], path[CAPTURE_PATH_MAX];
  fixture_start(&f);
  fixture_open(&f);
  snprintf(line, sizeof(line), "6 captures go to %s; 0 are there", f.captures);
  fixture_wait_for_log(&f, line);
  fixture_capture(&f, "fds", path);
  fixture_close(&f);
  fixture_open(&f);
  snprintf(line, sizeof(line), "6 captures go to %s; 1 are there", f.captures);
  fixture_wait_for_log(&f, line);
  fixture_end(&f);
}

static void a_baseline_is_taken_once_also_across_a_restart(void **state) {
  (void)state;
  struct capture_fixture f;
  char baseline[CAPTURE_PATH_MAX], path[CAPTURE_PATH_MAX], line[CAPTURE_PATH_MAX + 64];
  fixture_start(&f);
  fixture_open(&f);
  fixture_capture(&f, "baseline", baseline);
  fixture_settle(&f);
  assert_int_equal(fixture_request(&f, "baseline", path), -EALREADY);
  fixture_close(&f);

  fixture_open(&f);
  /* before it has scanned the directory it may accept the request, and drops it then */
  int status = fixture_request(&f, "baseline", path);
  assert_true(status == 0 || status == -EALREADY);
  fixture_settle(&f);
  assert_int_equal(fixture_request(&f, "baseline", path), -EALREADY);
  assert_int_equal(count_named(f.captures, "-baseline"), 1);
  fixture_capture(&f, "goroutines", path);
  snprintf(line, sizeof(line), "-base %s/heap.pb.gz ", baseline);
  check_has(path, "README.txt", line);

  /* another process is another baseline, also under the same name and pid */
  f.request.start_ticks++;
  assert_int_equal(fixture_request(&f, "baseline", path), 0);
  fixture_end(&f);
}

static void a_queued_baseline_does_not_exist_yet(void **state) {
  (void)state;
  struct capture_fixture f;
  char baseline[CAPTURE_PATH_MAX], path[CAPTURE_PATH_MAX];
  fixture_start(&f);
  hostile_server_behave(f.server, hostile_silent, NULL);
  fixture_open(&f);
  assert_int_equal(fixture_request(&f, "baseline", baseline), 0);
  assert_int_equal(fixture_request(&f, "baseline", path), -EAGAIN);
  assert_false(path_exists(baseline));
  fixture_end(&f);
}

static void a_flag_is_captured_once_per_interval(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX];
  fixture_start(&f);
  f.options.min_interval_ms = 5000;
  fixture_open(&f);
  assert_int_equal(fixture_request(&f, "fds", path), 0);
  assert_int_equal(fixture_request(&f, "fds", path), -EAGAIN);
  assert_int_equal(fixture_request(&f, "rss", path), 0);
  f.request.pid++;
  assert_int_equal(fixture_request(&f, "fds", path), 0);
  f.request.pid--;
  f.request.monotonic_ms += 5000;
  assert_int_equal(fixture_request(&f, "fds", path), 0);
  fixture_end(&f);
}

static void two_flags_at_once_are_two_bundles(void **state) {
  (void)state;
  struct capture_fixture f;
  char first[CAPTURE_PATH_MAX], second[CAPTURE_PATH_MAX], third[CAPTURE_PATH_MAX];
  fixture_start(&f);
  fixture_open(&f);
  f.request.reason = "fds";
  assert_int_equal(capture_request(f.capture, &f.request, first), 0);
  assert_int_equal(capture_request(f.capture, &f.request, third), 0); /* the same instant */
  f.request.reason = "rss";
  assert_int_equal(capture_request(f.capture, &f.request, second), 0);
  assert_string_not_equal(first, third);
  fixture_wait_for_path(first);
  fixture_wait_for_path(second);
  fixture_wait_for_path(third);
  fixture_end(&f);
}

static void invalid_reasons_are_rejected(void **state) {
  (void)state;
  static const char *const reasons[] = {"",
                                        "..",
                                        "a/b",
                                        "fds\n",
                                        "Fds",
                                        ".tmp-x",
                                        "a_reason_of_more_than_forty_eight_bytes_is_too_long"};
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX];
  fixture_start(&f);
  fixture_open(&f);
  for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++)
    check_int(reasons[i], fixture_request(&f, reasons[i], path), -EINVAL);
  fixture_end(&f);
}

static void a_thousand_flags_in_a_minute_stay_in_a_bounded_queue(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX], reason[32];
  unsigned taken = 0, refused = 0;
  fixture_start(&f);
  f.request.pprof_url = NULL;
  f.options.process_max_bundles = 10;
  fixture_open(&f);
  for (unsigned i = 0; i < 1000; i++) {
    snprintf(reason, sizeof(reason), "flag_%u", i);
    f.request.reason = reason;
    f.request.monotonic_ms += 60;
    f.request.wall_time_ms += 60;
    int status = capture_request(f.capture, &f.request, path);
    assert_true(status == 0 || status == -ENOBUFS);
    taken += status == 0;
    refused += status == -ENOBUFS;
  }
  assert_true(taken >= 64);
  assert_true(refused > 0);
  fixture_wait_for_log(&f, "captures are left out");
  while (fixture_request(&f, "last", path) == -ENOBUFS)
    nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
  fixture_wait_for_path(path);
  fixture_settle(&f);
  assert_int_equal(fixture_logged(&f, "captures are left out"), 1);
  snprintf(path, sizeof(path), "%s/web", f.captures);
  assert_int_equal(count_entries(path), 10 + 1 /* the summary */);
  fixture_end(&f);
}

/* Keeps the thread in its first line of the log, before it takes a request. */
static void hold_thread(void *context, int severity, const char *line) {
  (void)severity, (void)line;
  pthread_mutex_lock(context);
  pthread_mutex_unlock(context);
}

static unsigned request_many(struct capture_fixture *f, unsigned requests) {
  char path[CAPTURE_PATH_MAX], reason[32];
  unsigned taken = 0;
  for (unsigned i = 0; i < requests; i++) {
    snprintf(reason, sizeof(reason), "flag_%u", i);
    taken += fixture_request(f, reason, path) == 0;
  }
  return taken;
}

static void users_share_the_queue_and_take_turns(void **state) {
  (void)state;
  struct capture_fixture f;
  pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
  char path[CAPTURE_PATH_MAX], many[160];
  fixture_start(&f);
  f.request.pprof_url = NULL;
  f.options.process_max_bundles = 100;
  f.options.log = hold_thread;
  f.options.context = &held;
  pthread_mutex_lock(&held);
  fixture_open(&f);
  f.request.owner = 1000;
  assert_int_equal(request_many(&f, 70), 64);
  f.request.owner = 1001;
  f.request.instance = "second";
  assert_int_equal(request_many(&f, 40), 32);
  f.request.owner = 1002;
  f.request.instance = "third";
  assert_int_equal(fixture_request(&f, "first", path), 0);
  assert_int_equal(fixture_request(&f, "last", path), 0);
  pthread_mutex_unlock(&held);
  fixture_wait_for_path(path);
  snprintf(many, sizeof(many), "%s/web", f.captures);
  assert_in_range(count_entries(many), 2, 20);
  fixture_end(&f);
}

/* --- demands --- */

static void look_for(struct capture_fixture *f, struct demands *ret) {
  for (unsigned i = 0; i < 1000; i++) {
    capture_look(f->capture);
    *ret = capture_take_demands(f->capture);
    if (ret->len > 0)
      return;
    nanosleep(&(struct timespec){.tv_nsec = 2 * 1000 * 1000}, NULL);
  }
  fail_msg("no demand is found");
}

static void make_file(const struct capture_fixture *f, const char *name) {
  char path[CAPTURE_PATH_MAX];
  snprintf(path, sizeof(path), "%s/%s", f->captures, name);
  close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static void a_demand_is_found_once_and_removed(void **state) {
  (void)state;
  struct capture_fixture f;
  struct demands demands;
  fixture_start(&f);
  fixture_open(&f);
  fixture_settle(&f);
  for (unsigned i = 0; i < 20; i++) { /* several within one tick of the file system's clock */
    make_file(&f, "capture-now.web");
    look_for(&f, &demands);
    assert_int_equal(demands.len, 1);
    assert_string_equal(demands.files[0], "capture-now.web");
    assert_int_equal(count_named(f.captures, "capture-now"), 0);
  }
  fixture_end(&f);
}

/* As on a file system whose clock is coarse, or where nothing has changed. */
static void make_file_at_the_same_time(const struct capture_fixture *f, int directory,
                                       const char *name) {
  struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
  make_file(f, name);
  assert_int_equal(futimens(directory, times), 0);
}

static void a_directory_that_changes_is_looked_at_twice_and_then_left_alone(void **state) {
  (void)state;
  struct capture_fixture f;
  struct demand_watch watch = {.looks_left = 0};
  struct demands demands = {.len = 0};
  char stuck[DEMAND_NAME_SIZE];
  fixture_start(&f);
  assert_int_equal(mkdir(f.captures, 0700), 0);
  int directory = open(f.captures, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  make_file_at_the_same_time(&f, directory, "other");
  assert_int_equal(demand_look(&watch, directory, &demands, stuck), 0);
  assert_int_equal(demands.len, 0);
  make_file_at_the_same_time(&f, directory, "other2");
  make_file_at_the_same_time(&f, directory, "capture-now.a");
  assert_int_equal(demand_look(&watch, directory, &demands, stuck), 0);
  assert_int_equal(demands.len, 1); /* which changes the directory */
  make_file_at_the_same_time(&f, directory, "capture-now.b");
  assert_int_equal(demand_look(&watch, directory, &demands, stuck), 0);
  assert_int_equal(demands.len, 1); /* not looked at: no other time, and long ago */
  make_file(&f, "capture-now.c");
  assert_int_equal(demand_look(&watch, directory, &demands, stuck), 0);
  assert_int_equal(demands.len, 3);
  close(directory);
  fixture_end(&f);
}

static void any_number_of_demands_is_found_in_parts(void **state) {
  (void)state;
  enum { FILES = 100 };
  struct capture_fixture f;
  struct demands demands;
  char name[32];
  unsigned found = 0;
  fixture_start(&f);
  fixture_open(&f);
  fixture_settle(&f);
  for (unsigned i = 0; i < FILES; i++) {
    snprintf(name, sizeof(name), "capture-now.%u", i);
    make_file(&f, name);
  }
  while (found < FILES) {
    look_for(&f, &demands);
    assert_true(demands.len <= DEMANDS_MAX);
    found += (unsigned)demands.len;
  }
  assert_int_equal(found, FILES);
  assert_int_equal(count_named(f.captures, "capture-now"), 0);
  fixture_end(&f);
}

static void the_target_of_a_link_is_not_touched(void **state) {
  (void)state;
  struct capture_fixture f;
  struct demands demands;
  char path[CAPTURE_PATH_MAX], target[CAPTURE_PATH_MAX];
  fixture_start(&f);
  fixture_open(&f);
  fixture_settle(&f);
  snprintf(target, sizeof(target), "%s/precious", f.folder.path);
  close(open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  snprintf(path, sizeof(path), "%s/capture-now", f.captures);
  assert_int_equal(symlink(target, path), 0);
  look_for(&f, &demands);
  assert_false(path_exists(path));
  assert_true(path_exists(target));
  fixture_end(&f);
}

static void what_cannot_be_removed_is_logged_once_and_is_no_demand(void **state) {
  (void)state;
  struct capture_fixture f;
  struct demands demands;
  char path[CAPTURE_PATH_MAX];
  fixture_start(&f);
  fixture_open(&f);
  fixture_settle(&f);
  snprintf(path, sizeof(path), "%s/capture-now", f.captures);
  assert_int_equal(mkdir(path, 0700), 0);
  for (unsigned i = 0; i < 10; i++) {
    capture_look(f.capture);
    fixture_wait_for_log(&f, "capture-now cannot be removed: Is a directory");
    assert_int_equal(capture_take_demands(f.capture).len, 0);
    fixture_settle(&f); /* the folder changes */
  }
  assert_int_equal(fixture_logged(&f, "capture-now cannot be removed"), 1);
  assert_int_equal(rmdir(path), 0);
  make_file(&f, "capture-now");
  look_for(&f, &demands);
  assert_string_equal(demands.files[0], "capture-now");
  fixture_end(&f);
}

static void a_folder_that_was_removed_is_not_created_to_look_into_it(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX];
  fixture_start(&f);
  fixture_open(&f);
  fixture_wait_for_log(&f, "captures go to");
  assert_int_equal(rmdir(f.captures), 0);
  for (unsigned i = 0; i < 10; i++) {
    capture_look(f.capture);
    nanosleep(&(struct timespec){.tv_nsec = 5 * 1000 * 1000}, NULL);
  }
  assert_false(path_exists(f.captures));
  assert_int_equal(fixture_logged(&f, "cannot be"), 0);
  fixture_capture(&f, "fds", path); /* but for a bundle */
  fixture_end(&f);
}

static void a_folder_that_others_may_write_to_is_not_looked_at(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX];
  fixture_start(&f);
  fixture_open(&f);
  fixture_settle(&f);
  assert_int_equal(chmod(f.captures, 0777), 0);
  make_file(&f, "capture-now");
  for (unsigned i = 0; i < 10; i++) {
    capture_look(f.capture);
    fixture_wait_for_log(&f, "captures cannot be written");
    assert_int_equal(capture_take_demands(f.capture).len, 0);
  }
  snprintf(path, sizeof(path), "%s/capture-now", f.captures);
  assert_true(path_exists(path));
  assert_int_equal(fixture_logged(&f, "captures cannot be written"), 1);
  fixture_end(&f);
}

/* --- bad profiles --- */

static const struct {
  const char *name, *answer, *why;
} bad_profiles[] = {
    {"closed in the middle", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" GZIP "abc",
     "heap.pb.gz: "},
    {"a truncated chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100\r\n" GZIP,
     "heap.pb.gz: "},
    {"not gzip", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
     "heap.pb.gz: not a response of Go's net/http/pprof"},
    {"a byte of gzip", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\x1f",
     "heap.pb.gz: the response is empty or truncated"},
    {"nothing", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
     "heap.pb.gz: the response is empty or truncated"},
    {"status 500", "HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\n" GZIP "abc",
     "heap.pb.gz: HTTP status 500"},
    {"a redirect", "HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
     "heap.pb.gz: HTTP status 302"},
    {"no HTTP", "hello\r\n\r\n", "heap.pb.gz: "},
};

static void a_bad_profile_is_omitted_and_the_rest_is_kept(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX];
  fixture_start(&f);
  fixture_open(&f);
  for (size_t i = 0; i < ARRAY_LENGTH(bad_profiles); i++) {
    hostile_server_behave(f.server, hostile_answer, (void *)(uintptr_t)bad_profiles[i].answer);
    fixture_capture(&f, "heap_growing", path);
    char *heap = bundle_read(path, "heap.pb.gz");
    if (heap != NULL)
      fail_msg("%s: there is a heap profile", bad_profiles[i].name);
    check_has(path, "README.txt", "Not captured\n");
    check_has(path, "README.txt", bad_profiles[i].why);
    check_has(path, "fds.txt", "open descriptors");
  }
  fixture_end(&f);
}

static void a_profile_above_the_ceiling_is_omitted(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX];
  fixture_start(&f);
  f.options.pprof_max_bytes = 1000;
  fixture_open(&f);
  fixture_capture(&f, "fds", path);
  check_has(path, "README.txt", "goroutines.txt: longer than PprofMaxSize (1000 bytes)");
  assert_int_equal(count_named(path, "goroutines"), 0);
  fixture_end(&f);
}

/* The process closed its socket after the capture was requested. */
static void profiles_of_whoever_has_the_port_next_are_not_taken(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX];
  fixture_start(&f);
  fixture_open(&f);
  uint16_t port = hostile_server_port(f.server);
  hostile_server_free(f.server);
  f.server = hostile_server_new_on(port, hostile_answer,
                                   (void *)(uintptr_t) "HTTP/1.1 200 OK\r\n\r\n"
                                                       "goroutine 1 [running]:\n");
  fixture_capture(&f, "goroutines", path);
  check_has(path, "README.txt", "goroutines.txt: the port no longer belongs to the process");
  check_has(path, "README.txt", "heap.pb.gz: the port no longer belongs to the process");
  assert_int_equal(count_named(path, "goroutines.txt"), 0);
  fixture_close(&f);
  fixture_end(&f);
}

static void omitted_files_are_explained(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX];
  uint16_t port;
  int refusing = hostile_refusing_port(&port);
  fixture_start(&f);
  fixture_open(&f);
  f.request.want_goroutine_dump = false;
  fixture_capture(&f, "goroutines", path);
  check_has(path, "goroutines.txt", "goroutine profile: total ");
  check_has(path, "README.txt", "\nGoroutines by stack, the most frequent first.");
  f.request.pprof_url = NULL;
  fixture_capture(&f, "goroutines", path);
  check_has(path, "README.txt", "restart it with SIDECAR_PPROF=1");
  snprintf(f.url, sizeof(f.url), "http://127.0.0.1:%u", port);
  f.request.pprof_url = f.url;
  fixture_capture(&f, "goroutines", path);
  check_has(path, "README.txt", "heap.pb.gz: ");
  fixture_close(&f);

  f.options.smaps_max_rss_bytes = 0;
  fixture_open(&f);
  fixture_capture(&f, "goroutines", path);
  check_has(path, "README.txt", "memory-map.txt: sizes only");
  fixture_end(&f);
  close(refusing);
}

/* --- processes that end --- */

static void kill_it_first(struct hostile_connection *c, void *context) {
  const struct held_process *held = context;
  siginfo_t info;
  kill(held->pid, SIGKILL);
  waitid(P_PID, (id_t)held->pid, &info, WEXITED | WNOWAIT);
  answer_as_go(c, NULL);
}

static void a_process_that_ends_during_a_capture_leaves_no_bundle(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX];
  fixture_start(&f);
  fixture_open(&f);
  hostile_server_behave(f.server, kill_it_first, &f.held);
  assert_int_equal(fixture_request(&f, "fds", path), 0);
  fixture_settle(&f);
  assert_false(path_exists(path));
  assert_int_equal(count_entries(f.captures), 1); /* that of settling */
  assert_int_equal(count_named(f.captures, ".tmp-"), 0);
  assert_int_equal(fixture_logged(&f, "cannot be written"), 0);
  fixture_end(&f);
}

static void a_reused_pid_leaves_no_bundle(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX];
  fixture_start(&f);
  fixture_open(&f);
  f.request.start_ticks--;
  assert_int_equal(fixture_request(&f, "fds", path), 0);
  f.request.start_ticks++;
  fixture_settle(&f);
  assert_int_equal(count_entries(f.captures), 1);
  fixture_end(&f);
}

/* --- the end --- */

static void half_a_profile(struct hostile_connection *c, void *context) {
  (void)context;
  hostile_send_text(c, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" GZIP "half");
  hostile_wait_for_close(c);
}

static void a_shutdown_during_a_profile_leaves_no_bundle(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX], file[CAPTURE_PATH_MAX + 32];
  fixture_start(&f);
  f.options.pprof_timeout_ms = 600 * 1000; /* the test would not end before */
  hostile_server_behave(f.server, half_a_profile, NULL);
  fixture_open(&f);
  for (unsigned i = 0; i < 20; i++)
    assert_int_equal(fixture_request(&f, "cpu", path), 0);
  char *first = strstr(path, "Z-pid");
  assert_non_null(first);
  snprintf(file, sizeof(file), "%s/web", f.captures);
  fixture_wait_for_path(file);
  while (count_named(f.captures, "heap.pb.gz") == 0)
    nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
  fixture_close(&f);
  assert_int_equal(count_entries(f.captures), 0);
  fixture_end(&f);
}

static void incomplete_bundles_of_an_earlier_daemon_are_removed(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX], leftover[CAPTURE_PATH_MAX + 32];
  fixture_start(&f);
  fixture_open(&f);
  fixture_capture(&f, "fds", path);
  fixture_close(&f);
  snprintf(leftover, sizeof(leftover), "%s/web/.tmp-20260731T235959.000Z-pid1-fds", f.captures);
  assert_int_equal(mkdir(leftover, 0700), 0);
  snprintf(leftover + strlen(leftover), 32, "/heap.pb.gz");
  close(open(leftover, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  fixture_open(&f);
  fixture_wait_for_log(&f, "1 are there");
  assert_int_equal(count_named(f.captures, ".tmp-"), 0);
  fixture_end(&f);
}

static void freeing_nothing_is_fine(void **state) {
  (void)state;
  struct capture *capture;
  struct capture_options options = {.folder = "captures"};
  capture_free(NULL);
  assert_int_equal(capture_new(&options, &capture), -EINVAL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_bundle_contains_all_files_and_how_to_compare_them),
      cmocka_unit_test(a_cpu_profile_is_taken_once_by_the_process_it_is_of),
      cmocka_unit_test(a_cpu_profile_that_cannot_be_understood_is_kept),
      cmocka_unit_test(a_capture_is_compared_with_the_scheduled_one_before),
      cmocka_unit_test(the_summary_next_to_the_bundles_is_the_latest),
      cmocka_unit_test(the_start_logs_where_captures_are_written),
      cmocka_unit_test(a_baseline_is_taken_once_also_across_a_restart),
      cmocka_unit_test(a_queued_baseline_does_not_exist_yet),
      cmocka_unit_test(a_flag_is_captured_once_per_interval),
      cmocka_unit_test(two_flags_at_once_are_two_bundles),
      cmocka_unit_test(invalid_reasons_are_rejected),
      cmocka_unit_test(a_thousand_flags_in_a_minute_stay_in_a_bounded_queue),
      cmocka_unit_test(users_share_the_queue_and_take_turns),
      cmocka_unit_test(a_demand_is_found_once_and_removed),
      cmocka_unit_test(a_directory_that_changes_is_looked_at_twice_and_then_left_alone),
      cmocka_unit_test(any_number_of_demands_is_found_in_parts),
      cmocka_unit_test(the_target_of_a_link_is_not_touched),
      cmocka_unit_test(what_cannot_be_removed_is_logged_once_and_is_no_demand),
      cmocka_unit_test(a_folder_that_was_removed_is_not_created_to_look_into_it),
      cmocka_unit_test(a_folder_that_others_may_write_to_is_not_looked_at),
      cmocka_unit_test(a_bad_profile_is_omitted_and_the_rest_is_kept),
      cmocka_unit_test(a_profile_above_the_ceiling_is_omitted),
      cmocka_unit_test(profiles_of_whoever_has_the_port_next_are_not_taken),
      cmocka_unit_test(omitted_files_are_explained),
      cmocka_unit_test(a_process_that_ends_during_a_capture_leaves_no_bundle),
      cmocka_unit_test(a_reused_pid_leaves_no_bundle),
      cmocka_unit_test(a_shutdown_during_a_profile_leaves_no_bundle),
      cmocka_unit_test(incomplete_bundles_of_an_earlier_daemon_are_removed),
      cmocka_unit_test(freeing_nothing_is_fine),
  };
  return cmocka_run_group_tests_name("capture", tests, NULL, NULL);
}
