/*
 * The captures' inside, shared by capture.c, which is what callers see, and thread.c, what
 * the thread does. They meet in the queue, under one lock that is never held over I/O.
 */
#ifndef SIDECAR_CAPTURE_INTERNAL_H
#define SIDECAR_CAPTURE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/backoff.h"
#include "common/http.h"
#include "sidecar/capture/job.h"
#include "sidecar/capture/ledger.h"

enum {
  CAPTURE_QUEUE_MAX = 64,
  CAPTURE_ERRORS = 64, /* kinds of trouble: errnos modulo this */
};

TAILQ_HEAD(job_queue, job);

struct capture {
  struct capture_options options;
  char folder[CAPTURE_FOLDER_MAX + 1]; /* without slashes at its end */
  struct http_loop *loop;              /* the thread's, but for waking */
  pthread_t thread;
  atomic_bool stopping;

  pthread_mutex_t lock; /* guards the next four; never held over I/O */
  struct job_queue queue;
  unsigned queued;
  uint64_t refused; /* requests that found the queue full, not yet said */
  struct ledger ledger;

  /* the thread's alone */
  struct backoff queue_backoff;
  struct backoff backoffs[2][CAPTURE_ERRORS]; /* of all captures, and of single instances */
};

/* The thread: has written what is queued until it is told to stop. */
void *capture_thread(void *capture);

#endif
