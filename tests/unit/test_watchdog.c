/* Errands that do not return: how many of whom are left behind, what may still be read, and
 * what comes back. They block on a pipe here; tests/e2e/test_blocking.py has a real process. */
#include "sidecar/watchdog.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

#include "cases.h"
#include "common/clock.h"
#include "sidecar/os/host.h"

struct blocking {
  struct errand errand;
  int gate; /* closed elsewhere: the errand returns */
};

struct fixture {
  struct watchdog *watchdog;
  struct host *host;
  int gate[2];
  bool may_leave;
  unsigned came_back;
};

static sem_t discarded;

static void run(struct worker_task *task, struct worker *worker) {
  char byte;
  const struct blocking *blocking = (const struct blocking *)task;
  (void)worker;
  if (blocking->gate >= 0 && read(blocking->gate, &byte, 1) != 0)
    abort();
}

static void discard(struct worker_task *task) {
  free(task);
  sem_post(&discarded);
}

static void come_back(void *context, struct errand *errand) {
  struct fixture *fixture = context;
  fixture->came_back++;
  free(errand);
}

static bool may_leave(void *context) {
  const struct fixture *fixture = context;
  return fixture->may_leave;
}

static void begin(struct fixture *fixture) {
  struct watchdog_owner owner = {
      .thread_name = "test-watchdog", .may_leave = may_leave, .context = fixture};
  *fixture = (struct fixture){.may_leave = true};
  sem_init(&discarded, 0, 0);
  assert_int_equal(pipe(fixture->gate), 0);
  assert_int_equal(host_open("/proc", &fixture->host), 0);
  assert_int_equal(watchdog_new(&owner, &fixture->watchdog), 0);
}

static void open_gate(struct fixture *fixture) {
  close(fixture->gate[1]);
}

static void end(struct fixture *fixture) {
  close(fixture->gate[0]);
  host_close(fixture->host);
  sem_destroy(&discarded);
}

static int send(struct fixture *fixture, bool blocks, pid_t pid, uid_t uid) {
  struct blocking *blocking = calloc(1, sizeof(*blocking));
  assert_non_null(blocking);
  blocking->errand = (struct errand){.task = {.run = run, .discard = discard},
                                     .host = fixture->host,
                                     .pid = pid,
                                     .uid = uid,
                                     .come_back = come_back};
  blocking->gate = blocks ? fixture->gate[0] : -1;
  int status = watchdog_run(fixture->watchdog, &blocking->errand);
  if (status == 0)
    free(blocking);
  return status;
}

static void errands_of_a_user_are_limited_and_come_back(void **state) {
  (void)state;
  struct fixture fixture;
  begin(&fixture);
  struct watchdog *watchdog = fixture.watchdog;
  assert_int_equal(send(&fixture, false, 10, 1000), 0);
  for (pid_t pid = 1; pid <= WATCHDOG_USER_MAX; pid++) {
    assert_true(watchdog_may_read(watchdog, 1000));
    assert_true(watchdog_may_read_unknown(watchdog, 1000));
    assert_int_equal(send(&fixture, true, pid, 1000), -ETIMEDOUT);
    assert_true(watchdog_has_pid(watchdog, pid));
    assert_int_equal(watchdog_left_of(watchdog, 1000), pid);
  }
  assert_false(watchdog_may_read(watchdog, 1000));
  assert_false(watchdog_may_read_unknown(watchdog, 1000));
  assert_true(watchdog_may_read_unknown(watchdog, 1001));
  assert_false(watchdog_has_pid(watchdog, 10));
  assert_int_equal(send(&fixture, false, 11, 1001), 0);

  watchdog_begin(watchdog);
  assert_int_equal(watchdog_left(watchdog), WATCHDOG_USER_MAX);
  open_gate(&fixture);
  while (watchdog_left(watchdog) > 0)
    watchdog_begin(watchdog);
  assert_int_equal(fixture.came_back, WATCHDOG_USER_MAX);
  assert_true(watchdog_may_read(watchdog, 1000));
  assert_true(watchdog_free(watchdog, NULL, NULL));
  end(&fixture);
}

static void many_users_are_limited_together(void **state) {
  (void)state;
  struct fixture fixture;
  begin(&fixture);
  struct watchdog *watchdog = fixture.watchdog;
  for (pid_t pid = 1; pid <= WATCHDOG_FULL; pid++)
    assert_int_equal(send(&fixture, true, pid, 1000 + (uid_t)pid), -ETIMEDOUT);
  assert_true(watchdog_may_read(watchdog, 5));
  assert_false(watchdog_may_read_unknown(watchdog, 5));
  assert_false(watchdog_may_read(watchdog, 1001));
  for (pid_t pid = WATCHDOG_FULL + 1; pid <= WATCHDOG_LEFT_MAX; pid++)
    assert_int_equal(send(&fixture, true, pid, 1000 + (uid_t)pid), -ETIMEDOUT);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child > 0) {
    /* the place of nobody: it is waited for, until the child that has the gate open as well
     * ends */
    open_gate(&fixture);
    assert_int_equal(send(&fixture, true, 99, 99), 0);
  } else {
    usleep(300 * 1000);
    _exit(0);
  }
  while (watchdog_left(watchdog) > 0)
    watchdog_begin(watchdog);
  assert_true(watchdog_free(watchdog, NULL, NULL));
  end(&fixture);
}

static void free_rest(void *context) {
  sem_post(context);
}

static void the_end_waits_for_nobody(void **state) {
  (void)state;
  sem_t rest;
  sem_init(&rest, 0, 0);
  struct fixture fixture;
  begin(&fixture);
  for (pid_t pid = 1; pid <= 3; pid++)
    assert_int_equal(send(&fixture, true, pid, 1), -ETIMEDOUT);
  uint64_t started_ns = clock_monotonic_ns();
  assert_false(watchdog_free(fixture.watchdog, free_rest, &rest));
  assert_true(clock_monotonic_ns() - started_ns < UINT64_C(1000000000));
  open_gate(&fixture);
  for (int i = 0; i < 3; i++)
    sem_wait(&discarded);
  sem_wait(&rest);
  assert_int_equal(sem_trywait(&rest), -1);
  sem_destroy(&rest);
  end(&fixture);
  assert_true(watchdog_free(NULL, NULL, NULL));
}

static void the_first_has_most_of_a_second_and_all_together_not_much_more(void **state) {
  (void)state;
  struct fixture fixture;
  begin(&fixture);
  for (int reading = 0; reading < 2; reading++) {
    uint64_t started_ns = clock_monotonic_ns();
    watchdog_begin(fixture.watchdog);
    assert_int_equal(send(&fixture, true, 1, 1), -ETIMEDOUT);
    assert_true(clock_monotonic_ns() - started_ns >= UINT64_C(500000000));
    for (pid_t pid = 2; pid <= 2 * WATCHDOG_USER_MAX; pid++)
      assert_int_equal(send(&fixture, true, pid, 1), -ETIMEDOUT);
    assert_true(clock_monotonic_ns() - started_ns < UINT64_C(1900000000));
  }
  open_gate(&fixture);
  while (watchdog_left(fixture.watchdog) > 0)
    watchdog_begin(fixture.watchdog);
  assert_true(watchdog_free(fixture.watchdog, NULL, NULL));
  end(&fixture);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(errands_of_a_user_are_limited_and_come_back),
      cmocka_unit_test(many_users_are_limited_together),
      cmocka_unit_test(the_end_waits_for_nobody),
      cmocka_unit_test(the_first_has_most_of_a_second_and_all_together_not_much_more),
  };
  return cmocka_run_group_tests_name("watchdog", tests, NULL, NULL);
}
