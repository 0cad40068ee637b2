/*
 * The client's thread: takes endpoints from the queue, puts a question to each, and hands
 * in the answers; see client.h.
 */
#include <errno.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "sidecar/pprof/client.h"

/* Requests at once in each lane: bounds sockets and memory, of which libcurl takes some
 * 20 kB for each. */
enum { UNDER_WAY_MAX = 16 };

/* One question under way. */
struct errand {
  struct pprof_endpoint *endpoint;
  const struct question *question;
  alignas(max_align_t) char sink[];
};

/* ---- what to ask next; with the lock held ---- */

/* The first question queued for the endpoint that may be put now, or NULL. */
static const struct question *next_question(const struct pprof_endpoint *endpoint) {
  const struct lane *lane = &endpoint->client->lanes[endpoint->late ? LANE_LATE : LANE_PROMPT];
  if (lane->under_way >= UNDER_WAY_MAX)
    return NULL;
  for (size_t i = 0; i < questions_len; i++)
    if ((endpoint->queued & questions[i].bit) != 0 &&
        lane->by_question[i] < questions[i].at_once)
      return &questions[i];
  return NULL;
}

/* Takes the next endpoint that may be asked out of the queue; NULL when there is none. */
static struct pprof_endpoint *queue_take(struct pprof *pprof) {
  struct pprof_endpoint *endpoint;
  TAILQ_FOREACH(endpoint, &pprof->queue, queue_link) {
    const struct question *question = next_question(endpoint);
    if (question == NULL)
      continue;
    pprof_queue_remove(endpoint);
    endpoint->queued &= ~question->bit;
    pprof_lane_enter(endpoint, question);
    return endpoint;
  }
  return NULL;
}

/* ---- one question's way; on the thread ---- */

static void describe(const struct question *question, const char *reason,
                     struct pprof_answer *answer) {
  if (answer->error == -EBADMSG)
    reason = "not what Go's net/http/pprof answers";
  snprintf(answer->reason, sizeof(answer->reason), "%s: %.200s", question->path, reason);
}

static void answer_fail(const struct question *question, int error,
                        struct pprof_answer *answer) {
  char text[128];
  answer->error = error;
  describe(question, strerror_r(-error, text, sizeof(text)), answer);
}

static struct pprof_answer answer_make(const struct question *question,
                                       const struct http_result *result) {
  struct pprof_answer answer = {.error = result->error, .duration_ns = result->duration_ns};
  char status[32];

  if (result->error != 0) {
    describe(question, result->reason, &answer);
  } else if (result->status != 200) {
    answer.error = result->status == 404 ? -ENOENT : -EREMOTEIO;
    snprintf(status, sizeof(status), "HTTP status %ld", result->status);
    describe(question, status, &answer);
  }
  return answer;
}

/* The answer to a question is there, good or bad. errand is NULL when it was never put. */
static void question_over(struct pprof_endpoint *endpoint, const struct question *question,
                          struct errand *errand, struct pprof_answer *answer) {
  struct pprof *pprof = endpoint->client;

  pthread_mutex_lock(&pprof->lock);
  question->forget(&endpoint->round); /* an earlier answer that nobody took */
  if (answer->error == 0) {
    int status = question->finish(errand->sink, &endpoint->round);
    if (status != 0)
      answer_fail(question, status, answer);
  }
  *question_answer(question, &endpoint->round) = *answer;
  endpoint->round.answered |= question->bit;
  endpoint->errand = NULL;
  pprof_lane_leave(endpoint);
  if (endpoint->queued == 0) {
    endpoint->took_ns = clock_monotonic_ns() - endpoint->asked_ns;
    pprof_stop_awaiting(endpoint);
  }
  pprof_queue_add(endpoint);
  pthread_mutex_unlock(&pprof->lock);
  /* from here on the endpoint may be gone */

  if (errand == NULL)
    return;
  if (question->drop != NULL)
    question->drop(errand->sink);
  free(errand);
}

static int errand_feed(void *context, const char *bytes, size_t len) {
  struct errand *errand = context;
  return errand->question->feed(errand->sink, bytes, len);
}

static void errand_done(void *context, const struct http_result *result) {
  struct errand *errand = context;
  struct pprof_answer answer = answer_make(errand->question, result);
  question_over(errand->endpoint, errand->question, errand, &answer);
}

static int errand_new(struct pprof_endpoint *endpoint, const struct question *question,
                      struct errand **ret) {
  struct errand *errand = calloc(1, sizeof(*errand) + question->sink_size);
  if (errand == NULL)
    return -ENOMEM;
  errand->endpoint = endpoint;
  errand->question = question;
  int status = question->begin(errand->sink, &endpoint->client->options);
  if (status != 0) {
    free(errand);
    return status;
  }
  *ret = errand;
  return 0;
}

static void question_put(struct pprof_endpoint *endpoint, const struct question *question) {
  struct pprof *pprof = endpoint->client;
  struct pprof_answer answer = {.error = 0};
  struct errand *errand = NULL;
  char url[sizeof(endpoint->base_url) + 64];

  int status = errand_new(endpoint, question, &errand);
  if (status == 0) {
    snprintf(url, sizeof(url), "%s%s", endpoint->base_url, question->path);
    struct http_request request = {
        .url = url,
        .timeout_ms = pprof->options.timeout_ms,
        .max_bytes = pprof->options.max_bytes,
        .on_body = errand_feed,
        .on_done = errand_done,
        .context = errand,
    };
    endpoint->errand = errand;
    status = http_loop_add(pprof->loop, &request);
  }
  if (status == 0)
    return;
  answer_fail(question, status, &answer);
  question_over(endpoint, question, errand, &answer);
}

/* ---- the thread ---- */

/* With the lock held, which is given up for each request. */
static void put_questions(struct pprof *pprof) {
  struct pprof_endpoint *endpoint;

  while (!pprof->stopping && (endpoint = queue_take(pprof)) != NULL) {
    const struct question *question = endpoint->under_way;
    pthread_mutex_unlock(&pprof->lock);
    question_put(endpoint, question);
    pthread_mutex_lock(&pprof->lock);
  }
}

/* With the lock held, which is given up for each endpoint. */
static void cancel_abandoned(struct pprof *pprof) {
  struct pprof_endpoint *endpoint;

  while ((endpoint = TAILQ_FIRST(&pprof->abandoned)) != NULL) {
    TAILQ_REMOVE(&pprof->abandoned, endpoint, queue_link);
    pthread_mutex_unlock(&pprof->lock);
    if (endpoint->errand != NULL)
      http_loop_cancel(pprof->loop, endpoint->errand);
    pprof_endpoint_destroy(endpoint);
    pthread_mutex_lock(&pprof->lock);
  }
}

void *pprof_asker(void *argument) {
  struct pprof *pprof = argument;

  pthread_mutex_lock(&pprof->lock);
  while (!pprof->stopping) {
    pprof->woken = false;
    cancel_abandoned(pprof);
    put_questions(pprof);
    if (pprof->stopping)
      break;
    pthread_mutex_unlock(&pprof->lock);
    if (http_loop_run(pprof->loop, UINT64_MAX) < 0) /* out of kernel memory: do not spin */
      nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL);
    pthread_mutex_lock(&pprof->lock);
  }
  cancel_abandoned(pprof);
  pthread_mutex_unlock(&pprof->lock);
  return NULL;
}
