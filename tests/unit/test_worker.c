/* A thread that is left behind with work that does not return, and comes back. The work here
 * blocks on a pipe. */
#include "common/worker.h"

#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "cases.h"
#include "common/clock.h"

enum { PATIENCE_MS = 60 };

struct work {
  struct worker_task task;
  int gate[2];       /* blocks until something is written to it */
  unsigned block_at; /* item; none: as many as there are */
  unsigned items;
  unsigned done;      /* by the work, which may be ours to read */
  atomic_uint *looks; /* progress within the item that blocks; NULL: none */
  sem_t *discarded;
};

static void wait_at_gate(const struct work *work) {
  struct pollfd gate = {.fd = work->gate[0], .events = POLLIN};
  while (poll(&gate, 1, work->looks != NULL ? 5 : -1) == 0)
    atomic_fetch_add(work->looks, 1);
}

static void run(struct worker_task *task, struct worker *worker) {
  struct work *work = (struct work *)task;
  for (unsigned i = 0; i < work->items; i++) {
    if (i == work->block_at)
      wait_at_gate(work);
    work->done = i + 1;
    if (!worker_step(worker))
      return;
  }
}

static void discard(struct worker_task *task) {
  struct work *work = (struct work *)task;
  sem_post(work->discarded);
  close(work->gate[0]);
  free(work);
}

static struct work *work_new(unsigned block_at) {
  struct work *work = calloc(1, sizeof(*work));
  assert_non_null(work);
  work->task = (struct worker_task){.run = run, .discard = discard};
  work->items = 5;
  work->block_at = block_at;
  assert_int_equal(pipe(work->gate), 0);
  return work;
}

static void work_free(struct work *work) {
  close(work->gate[0]);
  close(work->gate[1]);
  free(work);
}

static void open_gate(const struct work *work) {
  assert_int_equal(write(work->gate[1], "x", 1), 1);
}

static void wait_for_return(struct worker *worker) {
  uint64_t end_ns = clock_monotonic_ns() + UINT64_C(20000000000);
  while (!worker_returned(worker) && clock_monotonic_ns() < end_ns)
    usleep(1000);
}

static struct worker *worker_of_test(void) {
  struct worker *worker;
  assert_int_equal(worker_new("test-worker", &worker), 0);
  return worker;
}

static const struct worker_patience patience = {.idle_ms = PATIENCE_MS};

static void work_is_done_and_waited_for(void **state) {
  (void)state;
  struct worker *worker = worker_of_test();
  struct work *work = work_new(99);
  for (int i = 0; i < 100; i++) {
    work->done = 0;
    assert_int_equal(worker_run(worker, &work->task, &patience), 0);
    assert_int_equal(work->done, 5);
    assert_int_equal(worker_steps(worker), 5);
    assert_false(worker_returned(worker));
  }
  worker_free(worker);
  work_free(work);
  worker_free(NULL);
  worker_free(worker_of_test()); /* which had no work */
}

static void work_that_blocks_is_left_behind_and_comes_back(void **state) {
  (void)state;
  struct worker *worker = worker_of_test();
  struct work *work = work_new(3);
  uint64_t started_ns = clock_monotonic_ns();
  assert_int_equal(worker_run(worker, &work->task, &patience), -ETIMEDOUT);
  assert_true(clock_monotonic_ns() - started_ns >= PATIENCE_MS * UINT64_C(1000000));
  assert_int_equal(worker_steps(worker), 3);
  assert_false(worker_returned(worker));
  open_gate(work);
  wait_for_return(worker);
  assert_int_equal(worker_steps(worker), 3); /* the next step was refused */
  assert_int_equal(work->done, 4);
  worker_free(worker);
  work_free(work);
}

/* What it looks at grows. */
static uint64_t looks_of(const void *context) {
  const struct work *work = context;
  return atomic_load(work->looks);
}

static void work_is_waited_for_while_it_makes_progress(void **state) {
  (void)state;
  atomic_uint looks = 0;
  struct worker *worker = worker_of_test();
  struct work *work = work_new(0);
  work->looks = &looks;
  struct worker_patience with_progress = {
      .idle_ms = PATIENCE_MS, .progress = looks_of, .context = work};
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    usleep(5 * PATIENCE_MS * 1000);
    open_gate(work);
    _exit(0);
  }
  assert_int_equal(worker_run(worker, &work->task, &with_progress), 0);
  assert_int_equal(work->done, 5);
  assert_true(looks > 5);
  worker_free(worker);
  work_free(work);
}

static bool may_leave_the_third_time(void *context) {
  unsigned *asked = context;
  return ++*asked == 3;
}

static void work_is_left_behind_only_when_it_may_be(void **state) {
  (void)state;
  unsigned asked = 0;
  struct worker *worker = worker_of_test();
  struct work *work = work_new(0);
  struct worker_patience demanding = {
      .idle_ms = PATIENCE_MS, .may_leave = may_leave_the_third_time, .context = &asked};
  assert_int_equal(worker_run(worker, &work->task, &demanding), -ETIMEDOUT);
  assert_int_equal(asked, 3);
  open_gate(work);
  wait_for_return(worker);
  worker_free(worker);
  work_free(work);
}

static void work_that_returns_to_no_owner_is_discarded(void **state) {
  (void)state;
  sem_t discarded;
  sem_init(&discarded, 0, 0);
  struct worker *worker = worker_of_test();
  struct work *work = work_new(1);
  int gate = work->gate[1];
  work->discarded = &discarded;
  assert_int_equal(worker_run(worker, &work->task, &patience), -ETIMEDOUT);
  uint64_t started_ns = clock_monotonic_ns();
  worker_free(worker);
  assert_true(clock_monotonic_ns() - started_ns < UINT64_C(1000000000));
  assert_int_equal(sem_trywait(&discarded), -1);
  assert_int_equal(write(gate, "x", 1), 1);
  assert_int_equal(sem_wait(&discarded), 0);
  close(gate);
  sem_destroy(&discarded);
}

static void work_that_has_returned_is_discarded_with_its_worker(void **state) {
  (void)state;
  sem_t discarded;
  sem_init(&discarded, 0, 0);
  struct worker *worker = worker_of_test();
  struct work *work = work_new(1);
  int gate = work->gate[1];
  work->discarded = &discarded;
  assert_int_equal(worker_run(worker, &work->task, &patience), -ETIMEDOUT);
  open_gate(work);
  usleep(PATIENCE_MS * 1000); /* or discarded by the thread: no matter */
  worker_free(worker);
  assert_int_equal(sem_wait(&discarded), 0);
  close(gate);
  sem_destroy(&discarded);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(work_is_done_and_waited_for),
      cmocka_unit_test(work_that_blocks_is_left_behind_and_comes_back),
      cmocka_unit_test(work_is_waited_for_while_it_makes_progress),
      cmocka_unit_test(work_is_left_behind_only_when_it_may_be),
      cmocka_unit_test(work_that_returns_to_no_owner_is_discarded),
      cmocka_unit_test(work_that_has_returned_is_discarded_with_its_worker),
  };
  return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
