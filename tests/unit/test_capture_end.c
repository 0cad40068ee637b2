/*
 * A process ends at every point of its capture in turn, as a zombie or reaped: there is a
 * complete bundle or none, nothing leaks, and the next capture is complete. On the test's own
 * thread. CI also runs it with ASan and valgrind.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture_fixture.h"
#include "cases.h"
#include "common/clock.h"
#include "sudden_end.h"
#include "wrapped_calls.h"

static unsigned own_descriptors(void) {
  return count_entries("/proc/self/fd");
}

/* The server may be about to close its end of a connection, and its file. */
static void check_descriptors(unsigned expected) {
  for (int i = 0; i < 20000 && own_descriptors() > expected; i++)
    usleep(1000);
  assert_int_equal(own_descriptors(), expected);
}

/* Descriptors of several kinds, for a capture to list. */
static int hold_some(void *argument) {
  (void)argument;
  int ends[2], watches = inotify_init1(0);
  return pipe(ends) != 0 || inotify_add_watch(watches, "/", IN_CREATE) < 0 ||
                 socket(AF_INET, SOCK_STREAM, 0) < 0 || open("/etc/passwd", O_RDONLY) < 0 ||
                 open("/", O_RDONLY | O_DIRECTORY) < 0
             ? -1
             : 0;
}

static void start_process(struct capture_fixture *f) {
  held_process_start(&f->held);
  held_process_do(&f->held, hold_some, NULL);
  f->request.pid = f->held.pid;
  f->request.start_ticks = process_start_ticks(f->held.process);
}

/* Captures a process that lives for so many calls of it. Returns whether it ended before. */
static bool capture_one_that_ends(struct capture_fixture *f, struct writer *writer, long calls,
                                  bool reap) {
  char bundle[CAPTURE_PATH_MAX];
  struct writer_failure failure = {0};
  struct capture_request request = f->request;
  request.wall_time_ms += calls * 1000;
  capture_name_path(f->captures, &request, bundle);
  unsigned descriptors = own_descriptors();

  wrapped_calls_patience_ms = 60000; /* where the machine is slow, nothing is left behind */
  sudden_end_arm(f->held.pid, calls, reap);
  int status = writer_write(writer, &request, &failure);
  wrapped_calls_patience_ms = 0;
  bool has_ended = sudden_end_disarm();

  if (status != 0 && status != -ESRCH)
    fail_msg("ended before call %ld: %s, %s", calls, strerror(-status), failure.where);
  assert_true(has_ended || status == 0);
  assert_int_equal(failure.error, 0);
  assert_int_equal(path_exists(bundle), status == 0);
  assert_int_equal(count_named(f->captures, ".tmp-"), 0);
  check_descriptors(descriptors);
  return has_ended;
}

static void end_at_every_call_of_a_capture(bool reap) {
  struct capture_fixture f;
  struct writer writer;
  long calls = -1;
  bool has_ended;
  fixture_start(&f);
  f.options.process_max_bundles = 4;
  fixture_prepare_writer(&f, &writer);
  f.request.reason = "fds";
  do {
    held_process_end(&f.held);
    start_process(&f);
    has_ended = capture_one_that_ends(&f, &writer, ++calls, reap);
    if (has_ended && reap)
      f.held.pid = 0;
  } while (has_ended);
  assert_true(calls > 100);
  fixture_end_writer(&writer);
  fixture_end(&f);
}

static void a_capture_of_a_process_that_ends_as_a_zombie(void **state) {
  (void)state;
  end_at_every_call_of_a_capture(false);
}

static void a_capture_of_a_process_that_ends_and_disappears(void **state) {
  (void)state;
  end_at_every_call_of_a_capture(true);
}

/* Returns whether a call was blocked. Where the machine is slow, one may also seem to be. */
static bool capture_one_that_blocks(struct capture_fixture *f, struct writer *writer,
                                    long calls) {
  char bundle[CAPTURE_PATH_MAX];
  struct writer_failure failure = {0}, none = {0};
  struct capture_request request = f->request;
  request.wall_time_ms += 2 * calls * 1000;
  capture_name_path(f->captures, &request, bundle);
  wrapped_calls_patience_ms = 20;
  sudden_block_arm(calls);
  int status = writer_write(writer, &request, &failure);
  wrapped_calls_patience_ms = 0;
  assert_int_equal(path_exists(bundle), status == 0);
  bool has_blocked = sudden_block_release();
  assert_true(status == -ETIMEDOUT || (status == 0 && !has_blocked));
  while (watchdog_left(writer->watchdog) > 0)
    watchdog_begin(writer->watchdog);
  request.wall_time_ms += 1000;
  assert_int_equal(writer_write(writer, &request, &none), 0);
  assert_int_equal(count_named(f->captures, ".tmp-"), 0);
  return has_blocked;
}

static void a_capture_of_a_process_that_blocks_its_reader(void **state) {
  (void)state;
  struct capture_fixture f;
  struct writer writer;
  long calls = 0;
  fixture_start(&f);
  f.options.process_max_bundles = 4;
  fixture_prepare_writer(&f, &writer);
  f.request.reason = "fds";
  held_process_end(&f.held);
  start_process(&f);
  while (capture_one_that_blocks(&f, &writer, calls))
    calls += 9;
  assert_true(calls > 30);
  fixture_end_writer(&writer);
  fixture_end(&f);
}

/* It holds descriptors, and there may be no other capture for days. */
static void a_reading_that_was_left_behind_is_closed_once_it_returns(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX];
  fixture_start(&f);
  fixture_open(&f);
  fixture_settle(&f);
  unsigned descriptors = own_descriptors();
  wrapped_calls_patience_ms = 20;
  sudden_block_arm(3);
  assert_int_equal(fixture_request(&f, "fds", path), 0);
  fixture_wait_for_log(&f, "a process that blocks its readers");
  wrapped_calls_patience_ms = 0;
  assert_true(own_descriptors() > descriptors);
  assert_true(sudden_block_release());
  for (int i = 0; i < 20000 && own_descriptors() > descriptors; i++) {
    capture_look(f.capture);
    usleep(1000);
  }
  assert_int_equal(own_descriptors(), descriptors);
  fixture_end(&f);
}

/* ... and for good: capture_free() does not wait for it. */
static void the_end_of_captures_while_a_process_blocks(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX];
  fixture_start(&f);
  fixture_open(&f);
  sudden_block_arm(3);
  assert_int_equal(fixture_request(&f, "fds", path), 0);
  usleep(100 * 1000);
  uint64_t started_ns = clock_monotonic_ns();
  fixture_close(&f);
  assert_true(clock_monotonic_ns() - started_ns < UINT64_C(1500000000));
  assert_true(sudden_block_release());
  assert_false(path_exists(path));
  usleep(100 * 1000); /* for the thread to end */
  fixture_end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_capture_of_a_process_that_ends_as_a_zombie),
      cmocka_unit_test(a_capture_of_a_process_that_ends_and_disappears),
      cmocka_unit_test(a_capture_of_a_process_that_blocks_its_reader),
      cmocka_unit_test(a_reading_that_was_left_behind_is_closed_once_it_returns),
      cmocka_unit_test(the_end_of_captures_while_a_process_blocks),
  };
  return cmocka_run_group_tests_name("capture_end", tests, NULL, NULL);
}
