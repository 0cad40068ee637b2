/*
 * The client of pprof servers; see pprof.h. Callers queue endpoints and collect the answers;
 * the client's thread dequeues them, sends one request to each, and delivers the answers. Both
 * sides share one lock that is never held during I/O. From top to bottom: the data, lanes, the
 * queues, a request and its answer, users, the thread, the client, endpoints.
 */
#include "sidecar/go/pprof.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "common/clock.h"
#include "common/format.h"
#include "common/http.h"
#include "common/thread.h"

enum {
  QUERIES_MAX = 32, /* bits in an unsigned */
  /* Simultaneous requests in each lane: limits sockets and memory (libcurl takes about 20 kB
   * for each). A single user gets half of them, see may_enter(). */
  UNDER_WAY_MAX = 32,
  WAIT_MAX_MS = 3600 * 1000,
  FIRST_PATIENCE_NS = 250 * 1000 * 1000, /* until pprof_wait sets another one */
};

struct request;

/*
 * Requests in progress, counted separately for endpoints that answered their last round
 * promptly and for all others, so that those never block the prompt ones.
 */
struct lane {
  unsigned under_way;
  unsigned by_query[QUERIES_MAX];
};

enum { LANE_PROMPT, LANE_OTHERS, LANES };

enum pace { PACE_NEW, PACE_PROMPT, PACE_LATE };

TAILQ_HEAD(endpoint_queue, pprof_endpoint);

/* One who runs watched processes. Exists as long as one of its endpoints. */
struct pprof_user {
  TAILQ_ENTRY(pprof_user) link; /* in client->users */
  uid_t uid;
  size_t endpoints;
  struct lane lanes[LANES];         /* its part of the client's */
  struct endpoint_queue queue;      /* first come, first served */
  struct endpoint_queue late_queue; /* after those */
};

struct pprof_endpoint {
  TAILQ_ENTRY(pprof_endpoint) queue_link; /* in a queue of the user or client->abandoned */
  struct pprof *client;
  struct listener_proof server; /* never changes */
  char base_url[sizeof("http://[]:65535") + INET6_ADDRSTRLEN + PPROF_PATH_MAX];
  const char *path;        /* the prefix of its pages, in base_url */
  struct request *request; /* in progress; used only by the thread */
  /* the rest is protected by the client's lock */
  struct pprof_user *user;
  unsigned queued;                     /* queries to send: bits */
  const struct pprof_query *under_way; /* the query in progress, NULL if none */
  unsigned lane;                       /* where it is counted */
  struct endpoint_queue *in_queue;     /* has queries queued and none in progress */
  enum pace pace;
  bool awaited;       /* pprof_wait waits for it */
  uint64_t sent_ns;   /* when the query in progress was sent */
  uint64_t served_ns; /* the time of this round's requests, without that in a queue */
  uint64_t took_ns;   /* the same, of the last round */
  bool has_answered;  /* a whole round */
  struct pprof_round round;
};

struct pprof {
  struct pprof_options options;
  struct http_loop *loop; /* used by the thread; others only wake it */
  pthread_t thread;
  pthread_mutex_t lock; /* protects the rest; never held during I/O */
  pthread_cond_t answered;
  bool stopping;
  bool woken;       /* the thread has been woken since it last checked */
  unsigned awaited; /* endpoints that pprof_wait waits for */
  struct lane lanes[LANES];
  uint64_t patience_ns;
  TAILQ_HEAD(, pprof_user) users;  /* the one whose turn it is first */
  struct endpoint_queue abandoned; /* freed by their owner with a request in progress */
};

/* One query in progress. */
struct request {
  struct pprof_endpoint *endpoint;
  const struct pprof_query *query;
  alignas(max_align_t) char sink[];
};

/* ---- lanes; with the lock held ---- */

static unsigned lane_of(const struct pprof_endpoint *endpoint) {
  return endpoint->pace == PACE_PROMPT ? LANE_PROMPT : LANE_OTHERS;
}

/*
 * A user may use as many places as are free. So one user alone gets half of them, k users a
 * (k+1)th part each, and there is a free one for a user who comes next, however many endpoints
 * the others have and however long theirs take.
 */
static bool has_place(unsigned own, unsigned all, unsigned max) {
  return all < max && own < max - all;
}

static bool may_enter(const struct pprof_endpoint *endpoint, const struct pprof_query *query,
                      unsigned number) {
  const struct lane *all = &endpoint->client->lanes[number];
  const struct lane *own = &endpoint->user->lanes[number];
  size_t i = (size_t)(query - pprof_queries);
  return has_place(own->under_way, all->under_way, UNDER_WAY_MAX) &&
         has_place(own->by_query[i], all->by_query[i], query->at_once);
}

static void lane_add(struct lane *lane, const struct pprof_query *query) {
  lane->under_way++;
  lane->by_query[query - pprof_queries]++;
}

static void lane_subtract(struct lane *lane, const struct pprof_query *query) {
  lane->under_way--;
  lane->by_query[query - pprof_queries]--;
}

static void lane_enter(struct pprof_endpoint *endpoint, unsigned number) {
  endpoint->lane = number;
  lane_add(&endpoint->client->lanes[number], endpoint->under_way);
  lane_add(&endpoint->user->lanes[number], endpoint->under_way);
}

static void lane_leave(struct pprof_endpoint *endpoint) {
  lane_subtract(&endpoint->client->lanes[endpoint->lane], endpoint->under_way);
  lane_subtract(&endpoint->user->lanes[endpoint->lane], endpoint->under_way);
}

/* A request that becomes late while in progress no longer counts among the prompt ones, unless
 * its user has too many of the others already. */
static void lane_change(struct pprof_endpoint *endpoint) {
  unsigned number = lane_of(endpoint);
  if (number == endpoint->lane || !may_enter(endpoint, endpoint->under_way, number))
    return;
  lane_leave(endpoint);
  lane_enter(endpoint, number);
}

/* ---- the queues; with the lock held ---- */

static void queue_remove(struct pprof_endpoint *endpoint) {
  if (endpoint->in_queue == NULL)
    return;
  TAILQ_REMOVE(endpoint->in_queue, endpoint, queue_link);
  endpoint->in_queue = NULL;
}

static void queue_add(struct pprof_endpoint *endpoint) {
  if (endpoint->in_queue != NULL || endpoint->queued == 0 || endpoint->under_way != NULL)
    return;
  struct pprof_user *user = endpoint->user;
  endpoint->in_queue = endpoint->pace == PACE_LATE ? &user->late_queue : &user->queue;
  TAILQ_INSERT_TAIL(endpoint->in_queue, endpoint, queue_link);
}

static void stop_awaiting(struct pprof_endpoint *endpoint) {
  if (!endpoint->awaited)
    return;
  endpoint->awaited = false;
  if (--endpoint->client->awaited == 0)
    pthread_cond_broadcast(&endpoint->client->answered);
}

/* The first query queued for the endpoint that may be sent now, or NULL. */
static const struct pprof_query *next_query(const struct pprof_endpoint *endpoint) {
  for (size_t i = 0; i < pprof_queries_len; i++)
    if ((endpoint->queued & pprof_queries[i].bit) != 0 &&
        may_enter(endpoint, &pprof_queries[i], lane_of(endpoint)))
      return &pprof_queries[i];
  return NULL;
}

/* Removes the first endpoint that may be queried from a queue; NULL when there is none. */
static struct pprof_endpoint *take_from(struct endpoint_queue *queue) {
  struct pprof_endpoint *endpoint;
  TAILQ_FOREACH(endpoint, queue, queue_link) {
    const struct pprof_query *query = next_query(endpoint);
    if (query == NULL)
      continue;
    queue_remove(endpoint);
    endpoint->queued &= ~query->bit;
    endpoint->under_way = query;
    endpoint->sent_ns = clock_monotonic_ns();
    lane_enter(endpoint, lane_of(endpoint));
    return endpoint;
  }
  return NULL;
}

/* Users take turns. */
static struct pprof_endpoint *queue_take(struct pprof *pprof) {
  struct pprof_user *user;
  TAILQ_FOREACH(user, &pprof->users, link) {
    struct pprof_endpoint *endpoint = take_from(&user->queue);
    if (endpoint == NULL)
      endpoint = take_from(&user->late_queue);
    if (endpoint == NULL)
      continue;
    TAILQ_REMOVE(&pprof->users, user, link);
    TAILQ_INSERT_TAIL(&pprof->users, user, link);
    return endpoint;
  }
  return NULL;
}

/* Without the lock. */
static void endpoint_destroy(struct pprof_endpoint *endpoint) {
  pprof_round_free(&endpoint->round);
  free(endpoint);
}

static void wake_thread(struct pprof *pprof) {
  if (pprof->woken)
    return;
  pprof->woken = true;
  http_loop_wake(pprof->loop);
}

/* ---- a request and its answer; on the thread ---- */

static void describe(const struct pprof_endpoint *endpoint, const struct pprof_query *query,
                     const char *reason, struct pprof_answer *answer) {
  const char *text = pprof_error_text(answer->error);
  snprintf(answer->reason, sizeof(answer->reason), "%s%s: %.200s", endpoint->path, query->path,
           text != NULL ? text : reason);
}

static void answer_fail(const struct pprof_endpoint *endpoint, const struct pprof_query *query,
                        int error, struct pprof_answer *answer) {
  char text[FORMAT_ERROR_SIZE];
  answer->error = error;
  describe(endpoint, query, format_error(text, -error), answer);
}

static struct pprof_answer answer_make(const struct pprof_endpoint *endpoint,
                                       const struct pprof_query *query,
                                       const struct http_result *result) {
  struct pprof_answer answer = {
      .error = result->error, .duration_ns = result->duration_ns, .bytes = result->bytes};
  char status[32];

  if (answer.error == -EALREADY) /* the sink has all that it needs */
    answer.error = 0;
  if (answer.error != 0) {
    describe(endpoint, query, result->reason, &answer);
  } else if (result->status != 200) {
    answer.error = result->status == 404 ? -ENOENT : -EREMOTEIO;
    snprintf(status, sizeof(status), "HTTP status %ld", result->status);
    describe(endpoint, query, status, &answer);
  }
  return answer;
}

/* With the lock held. */
static void round_end(struct pprof_endpoint *endpoint) {
  endpoint->took_ns = endpoint->served_ns;
  endpoint->served_ns = 0;
  endpoint->has_answered = true;
  stop_awaiting(endpoint);
}

/* A query was answered or has failed. request is NULL if it was never sent. */
static void query_end(struct pprof_endpoint *endpoint, const struct pprof_query *query,
                      struct request *request, struct pprof_answer *answer) {
  struct pprof *pprof = endpoint->client;

  pthread_mutex_lock(&pprof->lock);
  query->forget(&endpoint->round); /* an earlier answer that was not collected */
  if (answer->error == 0) {
    int status = query->finish(request->sink, &endpoint->round);
    if (status != 0)
      answer_fail(endpoint, query, status, answer);
  }
  *pprof_query_answer(query, &endpoint->round) = *answer;
  endpoint->round.answered |= query->bit;
  endpoint->request = NULL;
  endpoint->served_ns += clock_monotonic_ns() - endpoint->sent_ns;
  lane_leave(endpoint);
  endpoint->under_way = NULL;
  if (endpoint->queued == 0)
    round_end(endpoint);
  queue_add(endpoint);
  pthread_mutex_unlock(&pprof->lock);
  /* from here on the endpoint may be freed */

  if (request == NULL)
    return;
  if (query->drop != NULL)
    query->drop(request->sink);
  free(request);
}

static int request_verify(void *context) {
  const struct request *request = context;
  return listener_verify(&request->endpoint->server);
}

static int request_feed(void *context, const char *bytes, size_t len) {
  struct request *request = context;
  return request->query->feed(request->sink, bytes, len);
}

static void request_done(void *context, const struct http_result *result) {
  struct request *request = context;
  struct pprof_answer answer = answer_make(request->endpoint, request->query, result);
  query_end(request->endpoint, request->query, request, &answer);
}

static int request_new(struct pprof_endpoint *endpoint, const struct pprof_query *query,
                       struct request **ret) {
  struct request *request = calloc(1, sizeof(*request) + query->sink_size);
  if (request == NULL)
    return -ENOMEM;
  request->endpoint = endpoint;
  request->query = query;
  int status = query->begin(request->sink, &endpoint->client->options);
  if (status != 0) {
    free(request);
    return status;
  }
  *ret = request;
  return 0;
}

static uint64_t max_bytes(const struct pprof_query *query,
                          const struct pprof_options *options) {
  bool is_lower = query->max_bytes > 0 && query->max_bytes < options->max_bytes;
  return is_lower ? query->max_bytes : options->max_bytes;
}

static void query_send(struct pprof_endpoint *endpoint, const struct pprof_query *query) {
  struct pprof *pprof = endpoint->client;
  struct pprof_answer answer = {.error = 0};
  struct request *request = NULL;
  char url[sizeof(endpoint->base_url) + 64];

  int status = request_new(endpoint, query, &request);
  if (status == 0) {
    snprintf(url, sizeof(url), "%s%s", endpoint->base_url, query->path);
    struct http_request transfer = {
        .url = url,
        .timeout_ms = PPROF_REQUEST_MAX_MS,
        .stall_ms = pprof->options.timeout_ms,
        .max_bytes = max_bytes(query, &pprof->options),
        .on_connect = request_verify,
        .on_body = request_feed,
        .on_done = request_done,
        .context = request,
    };
    endpoint->request = request;
    status = http_loop_add(pprof->loop, &transfer);
  }
  if (status == 0)
    return;
  answer_fail(endpoint, query, status, &answer);
  query_end(endpoint, query, request, &answer);
}

/* ---- users; with the lock held ---- */

/* Returns 0 or -ENOMEM. */
static int user_join(struct pprof_endpoint *endpoint, uid_t uid) {
  struct pprof *pprof = endpoint->client;
  struct pprof_user *user;
  TAILQ_FOREACH(user, &pprof->users, link) {
    if (user->uid == uid)
      break;
  }
  if (user == NULL) {
    user = calloc(1, sizeof(*user));
    if (user == NULL)
      return -ENOMEM;
    user->uid = uid;
    TAILQ_INIT(&user->queue);
    TAILQ_INIT(&user->late_queue);
    TAILQ_INSERT_HEAD(&pprof->users, user, link);
  }
  user->endpoints++;
  endpoint->user = user;
  return 0;
}

/* The endpoint must have no request in progress. */
static void user_leave(struct pprof_endpoint *endpoint) {
  struct pprof_user *user = endpoint->user;
  endpoint->user = NULL;
  if (--user->endpoints > 0)
    return;
  TAILQ_REMOVE(&endpoint->client->users, user, link);
  free(user);
}

/* ---- the thread ---- */

/* With the lock held, which is released for each request. */
static void send_queries(struct pprof *pprof) {
  struct pprof_endpoint *endpoint;

  while (!pprof->stopping && (endpoint = queue_take(pprof)) != NULL) {
    const struct pprof_query *query = endpoint->under_way;
    pthread_mutex_unlock(&pprof->lock);
    query_send(endpoint, query);
    pthread_mutex_lock(&pprof->lock);
  }
}

/* With the lock held, which is released for each endpoint. */
static void cancel_abandoned(struct pprof *pprof) {
  struct pprof_endpoint *endpoint;

  while ((endpoint = TAILQ_FIRST(&pprof->abandoned)) != NULL) {
    TAILQ_REMOVE(&pprof->abandoned, endpoint, queue_link);
    pthread_mutex_unlock(&pprof->lock);
    if (endpoint->request != NULL)
      http_loop_cancel(pprof->loop, endpoint->request);
    pthread_mutex_lock(&pprof->lock);
    user_leave(endpoint);
    pthread_mutex_unlock(&pprof->lock);
    endpoint_destroy(endpoint);
    pthread_mutex_lock(&pprof->lock);
  }
}

static void *thread_run(void *argument) {
  struct pprof *pprof = argument;

  pthread_mutex_lock(&pprof->lock);
  while (!pprof->stopping) {
    pprof->woken = false;
    cancel_abandoned(pprof);
    send_queries(pprof);
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
  TAILQ_INIT(&pprof->users);
  TAILQ_INIT(&pprof->abandoned);
  pthread_mutex_init(&pprof->lock, NULL);

  int status = init_condition(&pprof->answered);
  if (status != 0)
    goto fail_lock;
  status = http_loop_new(&pprof->loop);
  if (status != 0)
    goto fail_condition;
  status = thread_start(&pprof->thread, "sidecar-pprof", thread_run, pprof);
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

/* A name would have to be resolved, and could point anywhere. */
static bool is_numeric(const char *address, bool ipv6) {
  struct in6_addr parsed;
  return inet_pton(ipv6 ? AF_INET6 : AF_INET, address, &parsed) == 1;
}

int pprof_endpoint_new(struct pprof *pprof, const struct listener_proof *server,
                       const char *path, uid_t owner, struct pprof_endpoint **ret) {
  if (!is_numeric(server->address, server->ipv6) || strlen(path) > PPROF_PATH_MAX)
    return -EINVAL;
  struct pprof_endpoint *endpoint = calloc(1, sizeof(*endpoint));
  if (endpoint == NULL)
    return -ENOMEM;
  endpoint->client = pprof;
  endpoint->server = *server;
  pthread_mutex_lock(&pprof->lock);
  int status = user_join(endpoint, owner);
  pthread_mutex_unlock(&pprof->lock);
  if (status != 0) {
    free(endpoint);
    return status;
  }
  pprof_round_reset(&endpoint->round);
  int origin =
      snprintf(endpoint->base_url, sizeof(endpoint->base_url),
               server->ipv6 ? "http://[%s]:%u" : "http://%s:%u", server->address, server->port);
  endpoint->path = strcpy(endpoint->base_url + origin, path);
  *ret = endpoint;
  return 0;
}

const char *pprof_endpoint_url(const struct pprof_endpoint *endpoint) {
  return endpoint->base_url;
}

const struct listener_proof *pprof_endpoint_server(const struct pprof_endpoint *endpoint) {
  return &endpoint->server;
}

void pprof_endpoint_free(struct pprof_endpoint *endpoint) {
  if (endpoint == NULL)
    return;
  struct pprof *pprof = endpoint->client;

  pthread_mutex_lock(&pprof->lock);
  queue_remove(endpoint);
  endpoint->queued = 0;
  stop_awaiting(endpoint);
  bool is_busy = endpoint->under_way != NULL;
  if (is_busy) {
    TAILQ_INSERT_TAIL(&pprof->abandoned, endpoint, queue_link);
    wake_thread(pprof);
  } else {
    user_leave(endpoint);
  }
  pthread_mutex_unlock(&pprof->lock);
  if (!is_busy)
    endpoint_destroy(endpoint);
}

/* The queries that are queued or in progress. */
static unsigned endpoint_pending(const struct pprof_endpoint *endpoint) {
  return endpoint->queued | (endpoint->under_way != NULL ? endpoint->under_way->bit : 0);
}

/*
 * Judged by the time that requests take once they are sent: waiting in a queue does not
 * count, because other endpoints cause it.
 */
static void judge_pace(struct pprof_endpoint *endpoint) {
  uint64_t patience_ns = endpoint->client->patience_ns;
  if (endpoint->under_way != NULL) {
    if (clock_monotonic_ns() - endpoint->sent_ns > patience_ns)
      endpoint->pace = PACE_LATE;
    lane_change(endpoint);
  } else if (endpoint->queued == 0 && endpoint->has_answered) {
    endpoint->pace = endpoint->took_ns > patience_ns ? PACE_LATE : PACE_PROMPT;
  }
}

static unsigned known_queries(void) {
  unsigned bits = 0;
  for (size_t i = 0; i < pprof_queries_len; i++)
    bits |= pprof_queries[i].bit;
  return bits;
}

void pprof_endpoint_query(struct pprof_endpoint *endpoint, unsigned what) {
  struct pprof *pprof = endpoint->client;
  what &= known_queries();

  pthread_mutex_lock(&pprof->lock);
  unsigned pending = endpoint_pending(endpoint);
  judge_pace(endpoint);
  endpoint->round.queried |= what;
  endpoint->queued |= what & ~pending;
  queue_add(endpoint);
  if (pending != 0 || endpoint->pace == PACE_LATE) {
    stop_awaiting(endpoint);
  } else if (!endpoint->awaited && endpoint->queued != 0) {
    endpoint->awaited = true;
    pprof->awaited++;
  }
  wake_thread(pprof); /* also if only a place has become free */
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
  pprof_round_reset(&endpoint->round);
  endpoint->round.queried = endpoint_pending(endpoint);
  pthread_mutex_unlock(&pprof->lock);
}
