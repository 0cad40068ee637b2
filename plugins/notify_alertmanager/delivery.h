/*
 * When a node is posted to, how much at once, and what follows from its answer: back-off
 * with jitter, Retry-After, the search for the alert that makes it refuse a whole post, the
 * rounds that renew everything. Pure: the clock, the dice and the network are the
 * caller's (sender.h).
 */
#ifndef NOTIFY_ALERTMANAGER_DELIVERY_H
#define NOTIFY_ALERTMANAGER_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DELIVERY_ALERTS_MAX = 256 }; /* in one post */

enum delivery_outcome {
  DELIVERY_OK,
  DELIVERY_REFUSED_ALERTS, /* 400, 413, 422: something in the post is not to its liking */
  DELIVERY_REFUSED_NODE,   /* another 4xx or a redirect: no alert will do, see to the node */
  DELIVERY_FAILED,         /* no answer, 408, 429, 5xx: later */
};

/* error and status as struct http_result has them. */
enum delivery_outcome delivery_classify(int error, long status);

enum delivery_step {
  DELIVERY_WAIT,        /* nothing to do before wait_ns are over or something changes */
  DELIVERY_CHANGES,     /* post what changed */
  DELIVERY_ROUND,       /* post the next part of everything */
  DELIVERY_ROUND_BEGIN, /* rewind to the oldest, then ask again */
  DELIVERY_PROBE,       /* post a list without alerts: does it refuse that too? */
};

enum delivery_verdict {
  DELIVERY_ADVANCE, /* they are delivered: move behind them */
  DELIVERY_REJECT,  /* the only alert of the post is the culprit: mark it, move behind it */
  DELIVERY_REPEAT,  /* stay; delivery_next says when */
  DELIVERY_FORGIVE, /* stay; the node refuses everything, so unmark what was marked */
};

struct delivery {
  uint64_t resend_ns;
  size_t limit;             /* alerts in the next post */
  unsigned rejected_in_row; /* single alerts, without anything accepted between */
  unsigned failures;        /* in a row */
  bool trusted;             /* it accepted something lately, so what it refuses is at fault */
  bool probing, in_round, was_away;
  uint64_t hold_until_ns;    /* no post before */
  uint64_t changes_after_ns; /* changes are collected until then */
  uint64_t round_due_ns, round_began_ns;
};

/* random is in [0, 1), here and below; times are monotonic. */
void delivery_init(struct delivery *d, uint64_t resend_ns, uint64_t now_ns, double random);

/* What to do now. changes: is something waiting that changed? */
enum delivery_step delivery_next(struct delivery *d, uint64_t now_ns, bool changes,
                                 uint64_t *ret_wait_ns);

/* A round has come to its end. */
void delivery_round_done(struct delivery *d, uint64_t now_ns);

struct delivery_post {
  enum delivery_step step;
  size_t alerts;
  bool more; /* there was more to post than went in */
};

/* What became of a post. retry_after_seconds is -1 when the node named no time. */
enum delivery_verdict delivery_result(struct delivery *d, uint64_t now_ns,
                                      const struct delivery_post *post,
                                      enum delivery_outcome outcome, long retry_after_seconds,
                                      double random);

/* May a post be made now? */
bool delivery_is_held(const struct delivery *d, uint64_t now_ns);

#endif
