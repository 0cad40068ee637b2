/* A thread that can be left behind; see worker.h. All fields are protected by the lock, which
 * is never held while work is done. */
#include "common/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/thread.h"

enum { LOOKS = 8 }; /* at the progress, while it is waited for idle_ms */

struct worker {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  pthread_t thread;
  struct worker_task *task; /* NULL: none */
  uint64_t steps;
  bool is_done;
  bool is_left;   /* the task was left behind: the thread ends after it */
  bool is_ending; /* the thread shall end; if it is left, it frees the worker */
};

static void destroy(struct worker *worker) {
  pthread_cond_destroy(&worker->changed);
  pthread_mutex_destroy(&worker->lock);
  free(worker);
}

/* With the lock held. Returns whether the thread goes on. */
static bool work(struct worker *worker) {
  while (worker->task == NULL && !worker->is_ending)
    pthread_cond_wait(&worker->changed, &worker->lock);
  if (worker->task == NULL)
    return false;
  pthread_mutex_unlock(&worker->lock);
  worker->task->run(worker->task, worker);
  pthread_mutex_lock(&worker->lock);
  worker->is_done = true;
  if (worker->is_left)
    return false;
  worker->task = NULL;
  pthread_cond_signal(&worker->changed);
  return true;
}

static void *run(void *argument) {
  struct worker *worker = argument;
  pthread_mutex_lock(&worker->lock);
  while (work(worker))
    ;
  bool is_orphan = worker->is_left && worker->is_ending;
  pthread_mutex_unlock(&worker->lock);
  if (is_orphan) {
    worker->task->discard(worker->task);
    destroy(worker);
  }
  return NULL;
}

int worker_new(const char *name, struct worker **ret) {
  pthread_condattr_t attributes;
  struct worker *worker = calloc(1, sizeof(*worker));
  if (worker == NULL)
    return -ENOMEM;
  pthread_mutex_init(&worker->lock, NULL);
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&worker->changed, &attributes);
  pthread_condattr_destroy(&attributes);
  int status = thread_start(&worker->thread, name, run, worker);
  if (status != 0) {
    destroy(worker);
    return status;
  }
  *ret = worker;
  return 0;
}

/* ---- waiting ---- */

static uint64_t progress_of(const struct worker *worker,
                            const struct worker_patience *patience) {
  uint64_t within = patience->progress != NULL ? patience->progress(patience->context) : 0;
  return worker->steps + within;
}

/* With the lock held. */
static void wait_until(struct worker *worker, uint64_t until_ns) {
  struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000),
                           .tv_nsec = (long)(until_ns % 1000000000)};
  while (!worker->is_done &&
         pthread_cond_timedwait(&worker->changed, &worker->lock, &until) != ETIMEDOUT)
    ;
}

/* With the lock held, so that no step is made between the last look and leaving. */
static void wait_for_task(struct worker *worker, const struct worker_patience *patience) {
  uint64_t idle_ns = patience->idle_ms * 1000000;
  uint64_t seen = progress_of(worker, patience), seen_ns = clock_monotonic_ns();
  for (uint64_t look_ns = seen_ns; !worker->is_done;) {
    look_ns += idle_ns / LOOKS + 1;
    wait_until(worker, look_ns);
    uint64_t now = progress_of(worker, patience), now_ns = clock_monotonic_ns();
    if (now != seen || now_ns < seen_ns) {
      seen = now;
      seen_ns = now_ns;
    }
    look_ns = now_ns > look_ns ? now_ns : look_ns;
    if (worker->is_done || now_ns - seen_ns < idle_ns)
      continue;
    if (patience->may_leave == NULL || patience->may_leave(patience->context)) {
      worker->is_left = true;
      return;
    }
  }
}

int worker_run(struct worker *worker, struct worker_task *task,
               const struct worker_patience *patience) {
  pthread_mutex_lock(&worker->lock);
  worker->task = task;
  worker->steps = 0;
  worker->is_done = false;
  pthread_cond_signal(&worker->changed);
  wait_for_task(worker, patience);
  bool is_left = worker->is_left;
  pthread_mutex_unlock(&worker->lock);
  return is_left ? -ETIMEDOUT : 0;
}

bool worker_step(struct worker *worker) {
  pthread_mutex_lock(&worker->lock);
  bool goes_on = !worker->is_left;
  worker->steps += goes_on;
  pthread_mutex_unlock(&worker->lock);
  return goes_on;
}

uint64_t worker_steps(struct worker *worker) {
  pthread_mutex_lock(&worker->lock);
  uint64_t steps = worker->steps;
  pthread_mutex_unlock(&worker->lock);
  return steps;
}

/* ---- afterwards ---- */

bool worker_returned(struct worker *worker) {
  pthread_mutex_lock(&worker->lock);
  bool has_returned = worker->is_left && worker->is_done;
  if (has_returned)
    worker->task = NULL;
  pthread_mutex_unlock(&worker->lock);
  return has_returned;
}

void worker_free(struct worker *worker) {
  if (worker == NULL)
    return;
  pthread_mutex_lock(&worker->lock);
  worker->is_ending = true;
  bool is_away = worker->is_left && !worker->is_done;
  if (is_away)
    pthread_detach(worker->thread); /* it frees the worker once the lock is released */
  pthread_cond_signal(&worker->changed);
  struct worker_task *rest = is_away ? NULL : worker->task;
  pthread_mutex_unlock(&worker->lock);
  if (is_away)
    return;
  pthread_join(worker->thread, NULL);
  if (rest != NULL)
    rest->discard(rest);
  destroy(worker);
}
