/*
 * The client's inside, shared by its two halves: pprof.c is what its callers see, asker.c
 * what the thread does. They meet in the queue, under one lock that is never held over I/O.
 */
#ifndef SIDECAR_PPROF_CLIENT_H
#define SIDECAR_PPROF_CLIENT_H

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/queue.h>

#include "common/http.h"
#include "sidecar/pprof/question.h"

enum { PPROF_QUESTIONS_MAX = 32 /* bits in an unsigned */ };

struct errand; /* a question that has been put */

struct pprof_endpoint {
  TAILQ_ENTRY(pprof_endpoint) queue_link; /* in client->queue or ->abandoned */
  struct pprof *client;
  /* the client's lock guards the rest */
  unsigned queued;    /* questions to be put */
  unsigned under_way; /* the question that has been put, one at most */
  bool in_queue;      /* has a question queued and none under way */
  bool late;          /* did not answer the last round in time */
  bool counted_late;  /* was late when its question was put */
  bool awaited;       /* pprof_wait waits for it */
  uint64_t asked_ns;  /* when the questions of the round were put */
  uint64_t took_ns;   /* until all of the last round had been answered */
  struct pprof_round round;
  struct errand *errand; /* under way; only the thread touches it */
  char base_url[sizeof("http://[]:65535") + INET6_ADDRSTRLEN];
};

TAILQ_HEAD(endpoint_queue, pprof_endpoint);

struct pprof {
  struct pprof_options options;
  struct http_loop *loop; /* the thread's, but for waking */
  pthread_t thread;
  pthread_mutex_t lock; /* guards the rest; never held over I/O */
  pthread_cond_t answered;
  bool stopping;
  bool woken;       /* the thread has been told since it last looked */
  unsigned awaited; /* endpoints that pprof_wait waits for */
  unsigned under_way, late_under_way;
  unsigned question_under_way[PPROF_QUESTIONS_MAX];
  uint64_t patience_ns;
  struct endpoint_queue queue;     /* first come, first served */
  struct endpoint_queue abandoned; /* freed by their owner with a request under way */
};

/* The thread: asks what is queued until client->stopping, then cancels and returns. */
void *pprof_asker(void *client);

/* The rest is called with the lock held. */

/* Puts the endpoint in the queue if it has a question to put and none under way. */
void pprof_queue_add(struct pprof_endpoint *endpoint);
void pprof_queue_remove(struct pprof_endpoint *endpoint);

/* pprof_wait need not wait for this one (any more). */
void pprof_stop_awaiting(struct pprof_endpoint *endpoint);

#endif
