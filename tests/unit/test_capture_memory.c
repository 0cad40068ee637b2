/*
 * Each allocation of a capture fails once: there is a whole bundle that says what it lacks, or
 * none, and the next one is complete. On the test's own thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "capture_fixture.h"
#include "cases.h"
#include "failing_allocations.h"
#include "sidecar/capture/writer.h"

static void every_allocation_of_a_bundle_may_fail(void **state) {
  (void)state;
  struct capture_fixture f;
  struct capture capture;
  char bundle[2 * CAPTURE_PATH_MAX];
  long failed = 0, absent = 0;
  fixture_start(&f);
  f.options.process_max_bundles = 4;
  fixture_prepare_writer(&f, &capture);
  f.request.reason = "fds";
  for (;; failed++) {
    struct trouble trouble = {0};
    struct job *job = job_new(&f.request);
    assert_non_null(job);
    job_name(job, f.request.wall_time_ms + failed * 1000);
    snprintf(bundle, sizeof(bundle), "%s/%s/%s", f.captures, job->instance, job->name);
    allocations_left = failed;
    int status = writer_write(&capture, job, &trouble);
    bool none_failed = allocations_left >= 0;
    allocations_left = -1;
    assert_true(status == 0 || status == -ENOMEM);
    assert_int_equal(trouble.error, status);
    assert_int_equal(path_exists(bundle), status == 0);
    assert_int_equal(count_named(f.captures, ".tmp-"), 0);
    absent += status != 0;
    job_free(job);
    if (none_failed)
      break;
  }
  char *readme = bundle_read(bundle, "README.txt");
  assert_non_null(readme);
  assert_null(strstr(readme, "Not here"));
  free(readme);
  assert_in_range(absent, 5, failed);
  fixture_end_writer(&capture);
  fixture_end(&f);
}

static void every_allocation_of_a_request_may_fail(void **state) {
  (void)state;
  struct capture_fixture f;
  struct capture capture;
  char path[CAPTURE_PATH_MAX];
  long failed = 0;
  fixture_start(&f);
  fixture_prepare_writer(&f, &capture);
  f.request.reason = "fds";
  int status;
  do {
    allocations_left = failed++;
    status = capture_request(&capture, &f.request, path);
    bool none_failed = allocations_left >= 0;
    allocations_left = -1;
    assert_int_equal(status, none_failed ? 0 : -ENOMEM);
  } while (status != 0);
  assert_in_range(failed, 5, 50);
  assert_int_equal(capture.queued, 1);
  struct job *job = TAILQ_FIRST(&capture.queue);
  TAILQ_REMOVE(&capture.queue, job, link);
  job_free(job);
  fixture_end_writer(&capture);
  fixture_end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_allocation_of_a_bundle_may_fail),
      cmocka_unit_test(every_allocation_of_a_request_may_fail),
  };
  return cmocka_run_group_tests_name("capture_memory", tests, NULL, NULL);
}
