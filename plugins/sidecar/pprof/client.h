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

/*
 * Requests under way, counted apart for endpoints that were prompt the last time and for
 * those that were late, so that the late ones can never take the others' places.
 */
struct lane {
  unsigned under_way;
  unsigned by_question[PPROF_QUESTIONS_MAX];
};

enum { LANE_PROMPT, LANE_LATE, LANES };

struct pprof_endpoint {
  TAILQ_ENTRY(pprof_endpoint) queue_link; /* in client->queue or ->abandoned */
  struct pprof *client;
  /* the client's lock guards the rest */
  unsigned queued;                  /* questions to be put: bits */
  const struct question *under_way; /* the one that has been put, NULL when none is */
  unsigned lane;                    /* where that is counted */
  bool in_queue;                    /* has a question queued and none under way */
  bool late;                        /* did not answer the last round in time */
  bool awaited;                     /* pprof_wait waits for it */
  uint64_t asked_ns;                /* when the questions of the round were put */
  uint64_t took_ns;                 /* until all of the last round had been answered */
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
  struct lane lanes[LANES];
  uint64_t patience_ns;
  struct endpoint_queue queue;     /* first come, first served */
  struct endpoint_queue abandoned; /* freed by their owner with a request under way */
};

/* The thread: asks what is queued until client->stopping, then cancels and returns. */
void *pprof_asker(void *client);

/* Frees an endpoint that nobody knows any more. */
void pprof_endpoint_destroy(struct pprof_endpoint *endpoint);

/* The rest is called with the lock held. */

/* Puts the endpoint in the queue if it has a question to put and none under way. */
void pprof_queue_add(struct pprof_endpoint *endpoint);
void pprof_queue_remove(struct pprof_endpoint *endpoint);

/* Counts the question as under way in the lane its endpoint belongs to now, or no longer. */
void pprof_lane_enter(struct pprof_endpoint *endpoint, const struct question *question);
void pprof_lane_leave(struct pprof_endpoint *endpoint);

/* pprof_wait need not wait for this one (any more). */
void pprof_stop_awaiting(struct pprof_endpoint *endpoint);

#endif
