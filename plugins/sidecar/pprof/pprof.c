/*
 * The client as its callers see it: endpoints, what is asked of them and what came; see
 * pprof.h. The asking itself is done by asker.c on the client's thread.
 */
#include "sidecar/pprof/pprof.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/thread.h"
#include "sidecar/pprof/client.h"

enum {
  WAIT_MAX_MS = 3600 * 1000,
  FIRST_PATIENCE_NS = 250 * 1000 * 1000, /* until pprof_wait tells another */
};

/* ---- the queue; with the lock held ---- */

void pprof_queue_add(struct pprof_endpoint *endpoint) {
  if (endpoint->in_queue || endpoint->queued == 0 || endpoint->under_way != NULL)
    return;
  TAILQ_INSERT_TAIL(&endpoint->client->queue, endpoint, queue_link);
  endpoint->in_queue = true;
}

void pprof_queue_remove(struct pprof_endpoint *endpoint) {
  if (!endpoint->in_queue)
    return;
  TAILQ_REMOVE(&endpoint->client->queue, endpoint, queue_link);
  endpoint->in_queue = false;
}

void pprof_lane_enter(struct pprof_endpoint *endpoint, const struct question *question) {
  endpoint->under_way = question;
  endpoint->lane = endpoint->late ? LANE_LATE : LANE_PROMPT;
  struct lane *lane = &endpoint->client->lanes[endpoint->lane];
  lane->under_way++;
  lane->by_question[question - questions]++;
}

void pprof_lane_leave(struct pprof_endpoint *endpoint) {
  struct lane *lane = &endpoint->client->lanes[endpoint->lane];
  lane->under_way--;
  lane->by_question[endpoint->under_way - questions]--;
  endpoint->under_way = NULL;
}

void pprof_stop_awaiting(struct pprof_endpoint *endpoint) {
  if (!endpoint->awaited)
    return;
  endpoint->awaited = false;
  if (--endpoint->client->awaited == 0)
    pthread_cond_broadcast(&endpoint->client->answered);
}

static void wake_thread(struct pprof *pprof) {
  if (pprof->woken)
    return;
  pprof->woken = true;
  http_loop_wake(pprof->loop);
}

/* ---- the client ---- */

static int init_condition(pthread_cond_t *condition) {
  pthread_condattr_t attributes;
  int status = pthread_condattr_init(&attributes);
  if (status != 0)
    return -status;
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  status = pthread_cond_init(condition, &attributes);
  pthread_condattr_destroy(&attributes);
  return -status;
}

int pprof_new(const struct pprof_options *options, struct pprof **ret) {
  struct pprof *pprof = calloc(1, sizeof(*pprof));
  if (pprof == NULL)
    return -ENOMEM;
  pprof->options = *options;
  pprof->patience_ns = FIRST_PATIENCE_NS;
  TAILQ_INIT(&pprof->queue);
  TAILQ_INIT(&pprof->abandoned);
  pthread_mutex_init(&pprof->lock, NULL);

  int status = init_condition(&pprof->answered);
  if (status != 0)
    goto fail_lock;
  status = http_loop_new(&pprof->loop);
  if (status != 0)
    goto fail_condition;
  status = thread_start(&pprof->thread, pprof_asker, pprof);
  if (status != 0)
    goto fail_loop;
  *ret = pprof;
  return 0;

fail_loop:
  http_loop_free(pprof->loop);
fail_condition:
  pthread_cond_destroy(&pprof->answered);
fail_lock:
  pthread_mutex_destroy(&pprof->lock);
  free(pprof);
  return status;
}

void pprof_free(struct pprof *pprof) {
  if (pprof == NULL)
    return;
  pthread_mutex_lock(&pprof->lock);
  pprof->stopping = true;
  wake_thread(pprof);
  pthread_mutex_unlock(&pprof->lock);
  pthread_join(pprof->thread, NULL);

  http_loop_free(pprof->loop);
  pthread_cond_destroy(&pprof->answered);
  pthread_mutex_destroy(&pprof->lock);
  free(pprof);
}

/* ---- endpoints ---- */

/* A name would have to be resolved, and could lead anywhere. */
static bool is_numeric(const char *address, bool ipv6) {
  struct in6_addr parsed;
  return inet_pton(ipv6 ? AF_INET6 : AF_INET, address, &parsed) == 1;
}

int pprof_endpoint_new(struct pprof *pprof, const char *address, bool ipv6, uint16_t port,
                       struct pprof_endpoint **ret) {
  if (!is_numeric(address, ipv6))
    return -EINVAL;
  struct pprof_endpoint *endpoint = calloc(1, sizeof(*endpoint));
  if (endpoint == NULL)
    return -ENOMEM;
  endpoint->client = pprof;
  questions_reset_round(&endpoint->round);
  snprintf(endpoint->base_url, sizeof(endpoint->base_url),
           ipv6 ? "http://[%s]:%u" : "http://%s:%u", address, port);
  *ret = endpoint;
  return 0;
}

void pprof_endpoint_destroy(struct pprof_endpoint *endpoint) {
  questions_forget_round(&endpoint->round);
  free(endpoint);
}

const char *pprof_endpoint_url(const struct pprof_endpoint *endpoint) {
  return endpoint->base_url;
}

void pprof_endpoint_free(struct pprof_endpoint *endpoint) {
  if (endpoint == NULL)
    return;
  struct pprof *pprof = endpoint->client;

  pthread_mutex_lock(&pprof->lock);
  pprof_queue_remove(endpoint);
  endpoint->queued = 0;
  pprof_stop_awaiting(endpoint);
  bool is_busy = endpoint->under_way != NULL;
  if (is_busy) {
    TAILQ_INSERT_TAIL(&pprof->abandoned, endpoint, queue_link);
    wake_thread(pprof);
  }
  pthread_mutex_unlock(&pprof->lock);
  if (!is_busy)
    pprof_endpoint_destroy(endpoint);
}

/* What has been asked and not been answered yet. */
static unsigned endpoint_pending(const struct pprof_endpoint *endpoint) {
  return endpoint->queued | (endpoint->under_way != NULL ? endpoint->under_way->bit : 0);
}

/* What turns out late while it is under way makes room for those that are prompt. */
static void change_lane(struct pprof_endpoint *endpoint) {
  const struct question *question = endpoint->under_way;
  pprof_lane_leave(endpoint);
  pprof_lane_enter(endpoint, question);
}

void pprof_round_free(struct pprof_round *round) {
  questions_forget_round(round);
}

static unsigned known_questions(void) {
  unsigned bits = 0;
  for (size_t i = 0; i < questions_len; i++)
    bits |= questions[i].bit;
  return bits;
}

void pprof_endpoint_ask(struct pprof_endpoint *endpoint, unsigned what) {
  struct pprof *pprof = endpoint->client;
  what &= known_questions();

  pthread_mutex_lock(&pprof->lock);
  unsigned pending = endpoint_pending(endpoint);
  endpoint->late = pending != 0 || endpoint->took_ns > pprof->patience_ns;
  if (endpoint->under_way != NULL)
    change_lane(endpoint);
  if (pending == 0)
    endpoint->asked_ns = clock_monotonic_ns();
  endpoint->round.asked |= what;
  endpoint->queued |= what & ~pending;
  pprof_queue_add(endpoint);
  if (endpoint->late) {
    pprof_stop_awaiting(endpoint);
  } else if (!endpoint->awaited && endpoint->queued != 0) {
    endpoint->awaited = true;
    pprof->awaited++;
  }
  if (!TAILQ_EMPTY(&pprof->queue))
    wake_thread(pprof);
  pthread_mutex_unlock(&pprof->lock);
}

void pprof_wait(struct pprof *pprof, uint64_t timeout_ms) {
  uint64_t patience_ns = (timeout_ms < WAIT_MAX_MS ? timeout_ms : WAIT_MAX_MS) * 1000000u;
  uint64_t deadline_ns = clock_monotonic_ns() + patience_ns;
  struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / 1000000000u),
                              .tv_nsec = (long)(deadline_ns % 1000000000u)};

  pthread_mutex_lock(&pprof->lock);
  pprof->patience_ns = patience_ns;
  while (pprof->awaited > 0 &&
         pthread_cond_timedwait(&pprof->answered, &pprof->lock, &deadline) == 0)
    ;
  pthread_mutex_unlock(&pprof->lock);
}

void pprof_endpoint_take(struct pprof_endpoint *endpoint, struct pprof_round *ret) {
  struct pprof *pprof = endpoint->client;

  pthread_mutex_lock(&pprof->lock);
  *ret = endpoint->round;
  questions_reset_round(&endpoint->round);
  endpoint->round.asked = endpoint_pending(endpoint);
  pthread_mutex_unlock(&pprof->lock);
}
