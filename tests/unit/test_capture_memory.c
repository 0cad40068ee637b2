/*
 * Each allocation of a capture fails once: there is a complete bundle that lists its missing
 * files, or none, and the next one is complete. On the test's own thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "capture_fixture.h"
#include "cases.h"
#include "failing_allocations.h"

static void every_allocation_of_a_bundle_may_fail(void **state) {
  (void)state;
  struct capture_fixture f;
  struct writer writer;
  char bundle[CAPTURE_PATH_MAX];
  long failed = 0, absent = 0;
  fixture_start(&f);
  f.options.process_max_bundles = 4;
  fixture_prepare_writer(&f, &writer);
  f.request.reason = "fds";
  for (;; failed++) {
    struct writer_failure failure = {0};
    struct capture_request request = f.request;
    request.wall_time_ms += failed * 1000;
    capture_name_path(f.captures, &request, bundle);
    allocations_left = failed;
    int status = writer_write(&writer, &request, &failure);
    bool none_failed = allocations_left >= 0;
    allocations_left = -1;
    assert_true(status == 0 || status == -ENOMEM);
    assert_int_equal(failure.error, status);
    assert_int_equal(path_exists(bundle), status == 0);
    assert_int_equal(count_named(f.captures, ".tmp-"), 0);
    absent += status != 0;
    if (none_failed)
      break;
  }
  char *readme = bundle_read(bundle, "README.txt");
  assert_non_null(readme);
  assert_null(strstr(readme, "Not captured"));
  free(readme);
  assert_in_range(absent, 5, failed);
  fixture_end_writer(&writer);
  fixture_end(&f);
}

/* Keeps the captures' thread in its first line of the log, where it allocates nothing. */
struct held_thread {
  pthread_mutex_t lock;
  atomic_bool is_held;
};

static void hold_thread(void *context, int severity, const char *line) {
  struct held_thread *held = context;
  (void)severity, (void)line;
  atomic_store(&held->is_held, true);
  pthread_mutex_lock(&held->lock);
  pthread_mutex_unlock(&held->lock);
}

static void every_allocation_of_a_request_may_fail(void **state) {
  (void)state;
  struct capture_fixture f;
  struct held_thread held = {.lock = PTHREAD_MUTEX_INITIALIZER};
  char path[CAPTURE_PATH_MAX];
  long failed = 0;
  fixture_start(&f);
  f.options.log = hold_thread;
  f.options.context = &held;
  f.request.reason = "fds";
  pthread_mutex_lock(&held.lock);
  fixture_open(&f);
  while (!atomic_load(&held.is_held))
    nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
  int status;
  do {
    allocations_left = failed++;
    status = capture_request(f.capture, &f.request, path);
    bool none_failed = allocations_left >= 0;
    allocations_left = -1;
    assert_int_equal(status, none_failed ? 0 : -ENOMEM);
  } while (status != 0);
  pthread_mutex_unlock(&held.lock);
  assert_in_range(failed, 5, 50);
  fixture_wait_for_path(path);
  fixture_close(&f);
  assert_int_equal(count_named(f.captures, "-pid"), 1);
  fixture_end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_allocation_of_a_bundle_may_fail),
      cmocka_unit_test(every_allocation_of_a_request_may_fail),
  };
  return cmocka_run_group_tests_name("capture_memory", tests, NULL, NULL);
}
