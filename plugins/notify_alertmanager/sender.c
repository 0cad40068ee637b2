/*
 * A node's thread and its posts; see sender.h. The thread asks delivery.h for the next step,
 * writes the body, posts it and passes the result back.
 */
#include "notify_alertmanager/sender.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http.h"
#include "common/thread.h"
#include "notify_alertmanager/alert_json.h"
#include "notify_alertmanager/node_clock.h"
#include "notify_alertmanager/token_file.h"

enum {
  WAIT_MAX_MS = 60 * 1000,
  BROKEN_PAUSE_US = 100 * 1000,
  MASKED_BYTES_LEAST = 3,     /* shorter values are no secrets, and are everywhere in a text */
  RESPONSE_MAX = 1024 * 1024, /* Alertmanager's is empty, or has a line for each bad alert */
  /* Many alerts are split into several posts: nginx accepts a megabyte. An alert and the other
   * half of its pair fit in any case. */
  POST_BYTES_ENOUGH = 512 * 1024,
  POST_BYTES_MAX = POST_BYTES_ENOUGH + 2 * ALERT_JSON_BYTES_MAX + 64,
};

struct sender {
  struct sender_config config;
  struct store *store;
  struct store_walker changes, round, retries;
  bool retries_go_on; /* from where they were left, not from the oldest */
  struct http_loop *loop;
  struct alert_json *json;
  struct delivery delivery;
  struct node_clock clock;
  bool corrected; /* the current post is a repetition with other times */
  uint64_t random_state;
  pthread_t thread;
  bool runs;
  atomic_bool stopping;
  _Atomic uint64_t deadline_ns;

  /* of the current post, used only by the thread */
  struct store_item items[DELIVERY_ALERTS_MAX + 1];
  char token[TOKEN_FILE_SIZE]; /* "": none */
  bool has_no_token;           /* although it should have one: nothing was posted */
  bool done;
  struct http_result result;
  struct buffer error_body;
  char reason[RESPONSE_REASON_SIZE]; /* of the response */

  pthread_mutex_t stats_lock;
  struct delivery_stats stats;
};

/* In [0, 1), for jitter only (xorshift64*). */
static double random_fraction(struct sender *s) {
  uint64_t x = s->random_state;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  s->random_state = x;
  return (double)((x * 2685821657736338717u) >> 11) / 9007199254740992.0;
}

int sender_new(const struct sender_config *config, struct store *store, struct sender **ret) {
  struct sender *s = calloc(1, sizeof(*s));
  if (s == NULL)
    return -ENOMEM;
  s->config = *config;
  s->store = store;
  buffer_init(&s->error_body, RESPONSE_BYTES_MAX);
  pthread_mutex_init(&s->stats_lock, NULL);
  if (getrandom(&s->random_state, sizeof(s->random_state), GRND_NONBLOCK) < 0 ||
      s->random_state == 0)
    s->random_state = clock_monotonic_ns() | 1;

  int status = alert_json_new(POST_BYTES_MAX, &s->json);
  if (status == 0)
    status = http_loop_new(&s->loop);
  if (status != 0) {
    sender_free(s);
    return status;
  }
  store_walker_add(store, &s->changes, true);
  store_walker_add(store, &s->round, false);
  store_walker_add(store, &s->retries, false);
  s->retries.retries = s->retries_go_on = true;
  delivery_init(&s->delivery, config->resend_ns, clock_monotonic_ns(), random_fraction(s));
  *ret = s;
  return 0;
}

void sender_free(struct sender *s) {
  if (s == NULL)
    return;
  store_walker_remove(s->store, &s->changes);
  store_walker_remove(s->store, &s->round);
  store_walker_remove(s->store, &s->retries);
  http_loop_free(s->loop);
  alert_json_free(s->json);
  buffer_free(&s->error_body);
  pthread_mutex_destroy(&s->stats_lock);
  free(s);
}

/* ---- waiting ---- */

/* Is the thread to end, and its time over? */
static bool is_over(const struct sender *s) {
  return atomic_load(&s->stopping) && clock_monotonic_ns() >= atomic_load(&s->deadline_ns);
}

/* The longest wait: until the deadline, if there is one. */
static uint64_t max_wait_ms(const struct sender *s) {
  if (!atomic_load(&s->stopping))
    return WAIT_MAX_MS;
  uint64_t now_ns = clock_monotonic_ns(), deadline_ns = atomic_load(&s->deadline_ns);
  return deadline_ns > now_ns ? (deadline_ns - now_ns) / 1000000 + 1 : 0;
}

/* Processes transfers for that long, less if the sender is woken or its time is over. */
static void wait_for_events(struct sender *s, uint64_t wait_ms) {
  uint64_t max_ms = max_wait_ms(s);
  if (http_loop_run(s->loop, wait_ms < max_ms ? wait_ms : max_ms) < 0)
    usleep(BROKEN_PAUSE_US); /* libcurl fails at once; do not spin */
}

/* ---- a post ---- */

static struct store_walker *walker_of(struct sender *s, enum delivery_step step) {
  switch (step) {
  case DELIVERY_CHANGES:
    return &s->changes;
  case DELIVERY_RETRY:
    return &s->retries;
  default:
    return &s->round;
  }
}

/* With times that are not in the node's future, but for the end of an alert that fires. */
static int write_item(struct sender *s, const struct store_item *item) {
  const struct sender_config *config = &s->config;
  struct node_times times = {.starts_ns = item->starts_ns, .ends_ns = item->ends_ns};
  int64_t wall_ns = clock_wall_ns();
  uint64_t now_ns = clock_monotonic_ns();
  times = node_clock_limit(&s->clock, times, wall_ns, now_ns);
  if (item->ends_ns == 0)
    times.ends_ns = node_clock_end_ahead(
        &s->clock, delivery_end_ahead_ns(config->resend_ns, config->timeout_ns), wall_ns,
        now_ns);
  return alert_json_add(s->json, item->alert, times.starts_ns, times.ends_ns);
}

/*
 * Writes items to the body until it is full: limit items, or POST_BYTES_ENOUGH. A pair, the old
 * severity of a problem and its new one, stays together unless the limit is one: one item may
 * follow when the body is full, but not a chain of them, so that every body fits into
 * POST_BYTES_MAX. Returns the number of items written, or a negative errno.
 */
static int write_body(struct sender *s, size_t len, size_t limit) {
  size_t n = 0;
  bool full = false;
  int status = alert_json_begin(s->json);
  while (status == 0 && n < len) {
    bool was_full = full;
    bool tied = n > 0 && s->items[n - 1].paired && limit > 1;
    full = n >= limit || alert_json_body(s->json).len >= POST_BYTES_ENOUGH;
    if (full && (was_full || !tied))
      break;
    status = write_item(s, &s->items[n]);
    n++;
  }
  if (status == 0)
    status = alert_json_end(s->json);
  return status == 0 ? (int)n : status;
}

static int on_error_body(void *context, const char *bytes, size_t len) {
  struct sender *s = context;
  size_t room = RESPONSE_BYTES_MAX - s->error_body.len;
  buffer_append(&s->error_body, bytes, len < room ? len : room);
  return 0;
}

static void on_done(void *context, const struct http_result *result) {
  struct sender *s = context;
  s->result = *result;
  s->done = true;
}

/* Sets the token of the post, if there has to be one. Returns false, with the error in
 * s->result, if there is none. */
static bool take_token(struct sender *s) {
  const char *why = NULL;
  int status = 0;
  if (s->config.token_file != NULL)
    status = token_file_read(s->config.token_file, s->token, &why);
  s->has_no_token = status != 0;
  s->result = (struct http_result){.error = status, .retry_after_seconds = -1};
  if (why != NULL)
    snprintf(s->result.reason, sizeof(s->result.reason), "%s", why);
  return status == 0;
}

/* Replaces a secret in a text. */
static void mask(char *text, size_t len, const char *secret) {
  size_t secret_len = strlen(secret);
  char *at = text;
  if (secret_len < MASKED_BYTES_LEAST || text == NULL)
    return;
  while ((at = memmem(at, (size_t)(text + len - at), secret, secret_len)) != NULL) {
    memset(at, '*', secret_len);
    at += secret_len;
  }
}

static void mask_secrets(const struct sender *s, char *text, size_t len) {
  const struct sender_config *config = &s->config;
  mask(text, len, s->token);
  if (config->password != NULL)
    mask(text, len, config->password);
  for (size_t i = 0; i < config->headers_len; i++) {
    const char *header = config->headers[i];
    mask(text, len, strstr(header, ": ") + strlen(": "));
    /* without its scheme, as in "Bearer TOKEN" */
    if (strncasecmp(header, "Authorization:", strlen("Authorization:")) == 0)
      mask(text, len, strrchr(header, ' ') + 1);
  }
}

/* Reads the reason from the response, without the secrets that the post had: servers repeat
 * what they got. First in the whole, as the reason may end within one, then also where JSON
 * has it written in another way. */
static void take_reason(struct sender *s) {
  mask_secrets(s, s->error_body.data, s->error_body.len);
  response_reason(s->reason, buffer_span(&s->error_body));
  mask_secrets(s, s->reason, strlen(s->reason));
}

/* Sends the body and waits for the response, in s->result. */
static void transfer(struct sender *s) {
  struct span body = alert_json_body(s->json);
  const struct sender_config *config = &s->config;
  const struct http_request request = {
      .url = config->url,
      .post_body = body.at,
      .post_len = body.len,
      .content_type = "application/json",
      .timeout_ms = config->timeout_ns / 1000000,
      .max_bytes = RESPONSE_MAX,
      .want_error_body = true,
      .on_body = on_error_body,
      .on_done = on_done,
      .context = s,
      .user = config->user,
      .password = config->password,
      .bearer_token = s->token[0] != '\0' ? s->token : NULL,
      .headers = config->headers,
      .headers_len = config->headers_len,
      .ca_file = config->ca_file,
      .client_certificate = config->client_certificate,
      .client_key = config->client_key,
      .insecure = config->insecure,
  };
  s->done = false;
  buffer_reset(&s->error_body);
  int status = http_loop_add(s->loop, &request);
  if (status != 0) {
    s->result = (struct http_result){.error = status, .retry_after_seconds = -1};
    return;
  }
  while (!s->done && !is_over(s))
    wait_for_events(s, UINT64_MAX);
  if (!s->done)
    http_loop_cancel(s->loop, s);
}

/* Posts the body. The result is in s->result. */
static void post(struct sender *s) {
  if (!take_token(s))
    return;
  transfer(s);
  take_reason(s);
  explicit_bzero(s->token, sizeof(s->token));
}

static void report(struct sender *s, enum delivery_event_kind kind, const struct alert *alert) {
  struct delivery_event event = {
      .kind = kind,
      .node = s->config.name,
      .status = s->result.status,
      .error = s->result.error,
      .reason = s->result.reason,
      .alert = alert,
      .token_file = s->config.token_file,
      .ahead_ns = s->clock.ahead_ns,
  };
  if (s->result.error == 0)
    event.reason = s->reason;
  if (s->config.on_event != NULL)
    s->config.on_event(s->config.context, &event);
}

static void count_post(struct sender *s, bool ok) {
  pthread_mutex_lock(&s->stats_lock);
  if (ok) {
    s->stats.posts_ok++;
    s->stats.last_duration_ns = s->result.duration_ns;
    s->stats.last_success_ns = clock_wall_ns();
  } else {
    s->stats.posts_failed++;
  }
  pthread_mutex_unlock(&s->stats_lock);
}

/* An alert that is rejected again is logged, but not counted. */
static void reject(struct sender *s, enum delivery_step step) {
  store_reject(s->store, walker_of(s, step), s->items[0].sequence, s->config.number);
  pthread_mutex_lock(&s->stats_lock);
  s->stats.alerts_rejected += step != DELIVERY_RETRY;
  pthread_mutex_unlock(&s->stats_lock);
  report(s, DELIVERY_EVENT_REJECTED, s->items[0].alert);
}

/*
 * Reads the node's clock from a response that is the node's own. Returns true if the post has
 * to be repeated at once, because its times may have been in the node's future; not twice in a
 * row, whatever the responses are.
 */
static bool is_to_be_corrected(struct sender *s, enum delivery_outcome outcome) {
  bool repeated = s->corrected;
  s->corrected = false;
  if (s->result.date_seconds == 0 ||
      (outcome != DELIVERY_OK && outcome != DELIVERY_REFUSED_ALERTS))
    return false;
  bool differs = node_clock_update(&s->clock, s->result.date_seconds, s->result.duration_ns,
                                   clock_wall_ns(), clock_monotonic_ns());
  report(s, DELIVERY_EVENT_CLOCK, NULL);
  s->corrected = differs && !repeated;
  return s->corrected;
}

/* Applies the result of a post to delivery, store and log. */
static void apply_result(struct sender *s, const struct delivery_post *made,
                         enum delivery_outcome outcome) {
  struct store_walker *walker = walker_of(s, made->step);

  count_post(s, outcome == DELIVERY_OK);
  if (is_to_be_corrected(s, outcome))
    return;
  enum delivery_verdict verdict =
      delivery_result(&s->delivery, clock_monotonic_ns(), made, outcome,
                      s->result.retry_after_seconds, random_fraction(s));
  if (outcome == DELIVERY_OK)
    report(s, DELIVERY_EVENT_DELIVERED, NULL);
  else if (outcome == DELIVERY_FAILED)
    report(s, s->has_no_token ? DELIVERY_EVENT_NO_TOKEN : DELIVERY_EVENT_FAILED, NULL);
  else if (outcome == DELIVERY_REFUSED_NODE || verdict == DELIVERY_FORGIVE)
    report(s, DELIVERY_EVENT_REFUSED, NULL);

  if (verdict == DELIVERY_FORGIVE)
    store_forgive(s->store, s->config.number);
  if (verdict == DELIVERY_REJECT)
    reject(s, made->step);
  if (verdict == DELIVERY_ADVANCE && made->step == DELIVERY_RETRY)
    store_accept(s->store, walker, s->items[0].sequence, s->config.number);
  if (verdict == DELIVERY_ADVANCE || verdict == DELIVERY_REJECT)
    store_advance(s->store, walker, s->items[made->alerts - 1].sequence);
  if (made->step == DELIVERY_RETRY && s->delivery.retries == 0)
    s->retries_go_on = true;
}

/* There is nothing to post in this step. */
static void end_step(struct sender *s, enum delivery_step step) {
  if (step == DELIVERY_ROUND)
    delivery_round_done(&s->delivery, clock_monotonic_ns(),
                        store_has_rejected(s->store, s->config.number));
  if (step == DELIVERY_RETRY) {
    if (!s->retries_go_on)
      delivery_retry_done(&s->delivery);
    s->retries_go_on = false;
    store_walker_rewind(s->store, &s->retries);
  }
}

/* Makes the post of this step. */
static void deliver(struct sender *s, enum delivery_step step) {
  struct delivery_post made = {.step = step};
  size_t limit = step == DELIVERY_RETRY ? 1 : s->delivery.limit, len = 0;

  if (step != DELIVERY_PROBE) {
    len = store_peek(s->store, walker_of(s, step), s->config.number, s->items, limit + 1);
    if (len == 0) {
      end_step(s, step);
      return;
    }
  }
  enum delivery_outcome outcome;
  s->has_no_token = false;
  int written = write_body(s, len, limit);
  if (written >= 0) {
    made.alerts = (size_t)written;
    made.more = made.alerts < len;
    post(s);
    outcome = delivery_classify(s->result.error, s->result.status);
  } else {
    /* what cannot be written is found as what a node rejects, and does not hold up the rest */
    made.alerts = len < limit ? len : limit;
    s->result = (struct http_result){.error = written, .retry_after_seconds = -1};
    outcome = written == -ENOMEM ? DELIVERY_FAILED : DELIVERY_REFUSED_ALERTS;
  }
  /* a post that was canceled at the end is no result of the node */
  if (s->result.error != -ECANCELED)
    apply_result(s, &made, outcome);
  store_items_release(s->items, len);
}

/* ---- the thread ---- */

/* When stopping: is there nothing left to deliver, or no way to? */
static bool nothing_left(struct sender *s, bool changes) {
  uint64_t now_ns = clock_monotonic_ns();
  return !changes || delivery_is_held(&s->delivery, now_ns) || is_over(s);
}

static void *run(void *argument) {
  struct sender *s = argument;
  for (;;) {
    uint64_t wait_ns = 0;
    bool changes = !store_walker_at_end(s->store, &s->changes);
    bool stopping = atomic_load(&s->stopping);
    if (stopping && nothing_left(s, changes))
      return NULL;
    if (stopping) { /* no more collecting, no more rounds */
      s->delivery.changes_after_ns = 0;
      s->delivery.changes_last = false;
    }

    enum delivery_step step =
        delivery_next(&s->delivery, clock_monotonic_ns(), changes, &wait_ns);
    if (step == DELIVERY_ROUND_BEGIN)
      store_walker_rewind(s->store, &s->round);
    else if (step != DELIVERY_WAIT)
      deliver(s, step);
    else
      wait_for_events(s, wait_ns / 1000000 + 1);
  }
}

int sender_start(struct sender *s) {
  int status = thread_start(&s->thread, "alert-sender", run, s);
  s->runs = status == 0;
  return status;
}

void sender_wake(struct sender *s) {
  http_loop_wake(s->loop);
}

void sender_stop(struct sender *s, uint64_t deadline_ns) {
  atomic_store(&s->deadline_ns, deadline_ns);
  atomic_store(&s->stopping, true);
  http_loop_wake(s->loop);
}

void sender_join(struct sender *s) {
  if (s->runs)
    pthread_join(s->thread, NULL);
  s->runs = false;
}

struct delivery_stats sender_stats(struct sender *s) {
  pthread_mutex_lock(&s->stats_lock);
  struct delivery_stats stats = s->stats;
  pthread_mutex_unlock(&s->stats_lock);
  stats.waiting = store_pending(s->store, &s->changes, s->config.number);
  return stats;
}
