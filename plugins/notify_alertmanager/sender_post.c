/* One post and what follows from it; see sender.h. */
#include <errno.h>

#include "common/clock.h"
#include "notify_alertmanager/response.h"
#include "notify_alertmanager/sender_private.h"

enum {
  ANSWER_BYTES_MAX = 1024 * 1024
}; /* Alertmanager's is empty, or has a line a bad alert */

static struct store_walker *walker_of(struct sender *s, enum delivery_step step) {
  return step == DELIVERY_CHANGES ? &s->changes : &s->round;
}

/*
 * Puts items into the body until there are enough. Two that belong together, a severity
 * that went and the one that came, stay together unless the limit is one. Returns how
 * many went in, or a negative errno.
 */
static int write_body(struct sender *s, size_t len, size_t limit) {
  size_t n = 0;
  int status = alert_json_begin(s->json);
  while (status == 0 && n < len) {
    bool tied = n > 0 && s->items[n - 1].paired && limit > 1;
    if (!tied && (n >= limit || alert_json_body(s->json).len >= POST_BYTES_ENOUGH))
      break;
    if (n > limit) /* a pair may go one past the limit, a chain of pairs may not */
      break;
    status =
        alert_json_add(s->json, s->items[n].alert, s->items[n].starts_ns, s->items[n].ends_ns);
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
  s->answered = true;
}

/* Posts the body and waits for the answer, in s->result. */
static void post(struct sender *s) {
  struct span body = alert_json_body(s->json);
  const struct sender_config *config = &s->config;
  const struct http_request request = {
      .url = config->url,
      .post_body = body.at,
      .post_len = body.len,
      .content_type = "application/json",
      .timeout_ms = config->timeout_ns / 1000000,
      .max_bytes = ANSWER_BYTES_MAX,
      .want_error_body = true,
      .on_body = on_error_body,
      .on_done = on_done,
      .context = s,
      .user = config->user,
      .password = config->password,
      .ca_file = config->ca_file,
      .client_certificate = config->client_certificate,
      .client_key = config->client_key,
      .insecure = config->insecure,
  };
  s->answered = false;
  buffer_reset(&s->error_body);
  int status = http_loop_add(s->loop, &request);
  if (status != 0) {
    s->result = (struct http_result){.error = status, .retry_after_seconds = -1};
    return;
  }
  while (!s->answered && !sender_is_over(s))
    sender_wait(s, UINT64_MAX);
  if (!s->answered)
    http_loop_cancel(s->loop, s);
}

static void tell(struct sender *s, enum sender_event_kind kind, const struct alert *alert) {
  char reason[RESPONSE_REASON_SIZE];
  struct sender_event event = {
      .kind = kind,
      .node = s->config.name,
      .status = s->result.status,
      .error = s->result.error,
      .reason = s->result.reason,
      .alert = alert,
  };
  if (s->result.error == 0)
    event.reason = response_reason(reason, buffer_span(&s->error_body));
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

static void reject(struct sender *s, struct store_walker *walker) {
  store_reject(s->store, walker, s->items[0].sequence, s->config.number);
  pthread_mutex_lock(&s->stats_lock);
  s->stats.alerts_rejected++;
  pthread_mutex_unlock(&s->stats_lock);
  tell(s, SENDER_REJECTED_ALERT, s->items[0].alert);
}

static void follow(struct sender *s, const struct delivery_post *made) {
  enum delivery_outcome outcome = delivery_classify(s->result.error, s->result.status);
  struct store_walker *walker = walker_of(s, made->step);

  count_post(s, outcome == DELIVERY_OK);
  enum delivery_verdict verdict =
      delivery_result(&s->delivery, clock_monotonic_ns(), made, outcome,
                      s->result.retry_after_seconds, sender_random(s));
  if (outcome == DELIVERY_OK)
    tell(s, SENDER_DELIVERED, NULL);
  else if (outcome == DELIVERY_FAILED)
    tell(s, SENDER_FAILED, NULL);
  else if (outcome == DELIVERY_REFUSED_NODE || verdict == DELIVERY_FORGIVE)
    tell(s, SENDER_REFUSED, NULL);

  if (verdict == DELIVERY_FORGIVE)
    store_forgive(s->store, s->config.number);
  if (verdict == DELIVERY_REJECT)
    reject(s, walker);
  if (verdict == DELIVERY_ADVANCE || verdict == DELIVERY_REJECT)
    store_advance(s->store, walker, s->items[made->alerts - 1].sequence);
}

/* Posts what the step is about. */
void sender_deliver(struct sender *s, enum delivery_step step) {
  struct delivery_post made = {.step = step};
  size_t limit = s->delivery.limit, len = 0;

  if (step != DELIVERY_PROBE) {
    len = store_peek(s->store, walker_of(s, step), s->config.number, s->items, limit + 1);
    if (len == 0 && step == DELIVERY_ROUND)
      delivery_round_done(&s->delivery, clock_monotonic_ns());
    if (len == 0)
      return;
  }
  int written = write_body(s, len, limit);
  if (written >= 0) {
    made.alerts = (size_t)written;
    made.more = made.alerts < len;
    post(s);
  } else {
    s->result = (struct http_result){.error = written, .retry_after_seconds = -1};
  }
  /* what was broken off on the way out is no verdict on the node */
  if (s->result.error != -ECANCELED)
    follow(s, &made);
  store_items_release(s->items, len);
}
