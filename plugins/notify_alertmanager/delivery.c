/* When to post what; see delivery.h. */
#include "notify_alertmanager/delivery.h"

#include <errno.h>

static const uint64_t SECOND_NS = 1000000000;
static const uint64_t FIRST_BACKOFF_NS = 1000000000;
static const uint64_t LONGEST_BACKOFF_NS = 30ull * 1000000000;
/* A server may ask for a delay, but not suppress alerts for hours. */
static const uint64_t LONGEST_RETRY_AFTER_NS = 600ull * 1000000000;
/* Changes shortly after a post are collected: a burst becomes a few posts. */
static const uint64_t COLLECT_NS = 100000000;
/* After so many rejected alerts in a row the node itself is checked again. */
enum { REJECTIONS_BEFORE_PROBE = 8 };

/* Alertmanager's default for resolve_timeout, which alerts without an end have. */
static const uint64_t LEAST_END_AHEAD_NS = 300ull * 1000000000;
enum { RENEWALS_AHEAD = 4 }; /* as Prometheus's rule manager has it */

enum delivery_outcome delivery_classify(int error, long status) {
  /* a rejection counts even if its body is too long */
  if (error == -EMSGSIZE && status >= 300)
    error = 0;
  if (error != 0 || status == 408 || status == 429 || status >= 500 || status < 200)
    return DELIVERY_FAILED;
  if (status < 300)
    return DELIVERY_OK;
  if (status == 400 || status == 413 || status == 422)
    return DELIVERY_REFUSED_ALERTS;
  return DELIVERY_REFUSED_NODE;
}

void delivery_init(struct delivery *d, uint64_t resend_ns, uint64_t now_ns, double random) {
  *d = (struct delivery){.resend_ns = resend_ns, .limit = DELIVERY_ALERTS_MAX};
  /* spread the posts of hosts that start at the same time */
  d->round_due_ns = now_ns + resend_ns / 2 + (uint64_t)(random * (double)(resend_ns / 2));
}

bool delivery_is_held(const struct delivery *d, uint64_t now_ns) {
  return now_ns < d->hold_until_ns;
}

enum delivery_step delivery_next(struct delivery *d, uint64_t now_ns, bool changes,
                                 uint64_t *ret_wait_ns) {
  if (delivery_is_held(d, now_ns)) {
    *ret_wait_ns = d->hold_until_ns - now_ns;
    return DELIVERY_WAIT;
  }
  if (d->probing)
    return DELIVERY_PROBE;
  bool round_due = d->in_round || now_ns >= d->round_due_ns;
  if (changes && now_ns >= d->changes_after_ns && !(round_due && d->changes_last))
    return DELIVERY_CHANGES;
  if (d->in_round)
    return DELIVERY_ROUND;
  if (d->retries > 0)
    return DELIVERY_RETRY;
  if (round_due) {
    d->in_round = true;
    d->round_began_ns = now_ns;
    return DELIVERY_ROUND_BEGIN;
  }
  uint64_t until_ns = d->round_due_ns;
  if (changes && d->changes_after_ns < until_ns)
    until_ns = d->changes_after_ns;
  *ret_wait_ns = until_ns - now_ns;
  return DELIVERY_WAIT;
}

void delivery_round_done(struct delivery *d, uint64_t now_ns, bool rejected) {
  uint32_t suppressed;
  d->in_round = false;
  d->retries = rejected && backoff_due(&d->retry, now_ns, &suppressed) ? DELIVERY_RETRIES : 0;
  d->round_due_ns = d->round_began_ns + d->resend_ns;
  if (d->round_due_ns <= now_ns)
    d->round_due_ns = now_ns + d->resend_ns / 2;
}

void delivery_retry_done(struct delivery *d) {
  d->retries = 0;
}

uint64_t delivery_end_ahead_ns(uint64_t resend_ns, uint64_t timeout_ns) {
  uint64_t ahead_ns = RENEWALS_AHEAD * (resend_ns > timeout_ns ? resend_ns : timeout_ns);
  return ahead_ns > LEAST_END_AHEAD_NS ? ahead_ns : LEAST_END_AHEAD_NS;
}

static uint64_t backoff_ns(unsigned failures, double random) {
  uint64_t pause_ns = FIRST_BACKOFF_NS;
  for (unsigned i = 1; i < failures && pause_ns < LONGEST_BACKOFF_NS; i++)
    pause_ns *= 2;
  if (pause_ns > LONGEST_BACKOFF_NS)
    pause_ns = LONGEST_BACKOFF_NS;
  return pause_ns / 2 + (uint64_t)(random * (double)(pause_ns / 2));
}

/* No posts for some time; then a round, because the node may have lost all alerts. */
static void hold(struct delivery *d, uint64_t now_ns, uint64_t pause_ns,
                 long retry_after_seconds) {
  if (retry_after_seconds > 0) {
    uint64_t retry_ns = LONGEST_RETRY_AFTER_NS;
    if ((uint64_t)retry_after_seconds < LONGEST_RETRY_AFTER_NS / SECOND_NS)
      retry_ns = (uint64_t)retry_after_seconds * SECOND_NS;
    if (retry_ns > pause_ns)
      pause_ns = retry_ns;
  }
  d->hold_until_ns = now_ns + pause_ns;
  d->round_due_ns = d->hold_until_ns;
  d->in_round = d->probing = d->trusted = false;
  d->retries = 0;
  d->was_away = true;
  d->limit = DELIVERY_ALERTS_MAX;
  d->rejected_in_row = 0;
}

static enum delivery_verdict accepted(struct delivery *d, uint64_t now_ns,
                                      const struct delivery_post *post) {
  d->failures = 0;
  d->rejected_in_row = 0;
  d->probing = false;
  d->trusted = true;
  if (post->step == DELIVERY_PROBE)
    return DELIVERY_REPEAT;
  if (post->step == DELIVERY_RETRY)
    backoff_reset(&d->retry);
  if (d->was_away && post->step != DELIVERY_ROUND)
    d->round_due_ns = now_ns;
  d->was_away = false;
  d->limit = d->limit < DELIVERY_ALERTS_MAX / 2 ? d->limit * 2 : DELIVERY_ALERTS_MAX;
  if (post->step == DELIVERY_CHANGES && !post->more)
    d->changes_after_ns = now_ns + COLLECT_NS;
  return DELIVERY_ADVANCE;
}

static enum delivery_verdict refused_alerts(struct delivery *d,
                                            const struct delivery_post *post) {
  d->failures = 0;
  if (post->alerts > 1) {
    d->limit = post->alerts / 2;
    return DELIVERY_REPEAT;
  }
  /* a node that never accepted a post may reject them all */
  if (!d->trusted) {
    d->probing = true;
    return DELIVERY_REPEAT;
  }
  if (post->step == DELIVERY_RETRY)
    d->retries--;
  else
    backoff_reset(&d->retry);
  d->rejected_in_row++;
  d->trusted = d->rejected_in_row % REJECTIONS_BEFORE_PROBE != 0;
  return DELIVERY_REJECT;
}

enum delivery_verdict delivery_result(struct delivery *d, uint64_t now_ns,
                                      const struct delivery_post *post,
                                      enum delivery_outcome outcome, long retry_after_seconds,
                                      double random) {
  d->changes_last = post->step == DELIVERY_CHANGES && outcome == DELIVERY_OK;
  switch (outcome) {
  case DELIVERY_OK:
    return accepted(d, now_ns, post);
  case DELIVERY_REFUSED_ALERTS:
    if (post->step != DELIVERY_PROBE)
      return refused_alerts(d, post);
    hold(d, now_ns, d->resend_ns, retry_after_seconds);
    return DELIVERY_FORGIVE;
  case DELIVERY_REFUSED_NODE:
    hold(d, now_ns, d->resend_ns, retry_after_seconds);
    return DELIVERY_REPEAT;
  default:
    d->failures++;
    hold(d, now_ns, backoff_ns(d->failures, random), retry_after_seconds);
    return DELIVERY_REPEAT;
  }
}
