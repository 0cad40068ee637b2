/*
 * When to post to a node, how many alerts at once, and what follows from the response: backoff
 * with jitter, Retry-After, the search for the alert that makes the node reject a whole post,
 * the rounds that renew all alerts. Also the events and counters of a node, from which log
 * lines (report.h) and metrics (metrics.h) are made. Pure: clock, random numbers and network
 * are left to the caller (sender.h).
 */
#ifndef NOTIFY_ALERTMANAGER_DELIVERY_H
#define NOTIFY_ALERTMANAGER_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/backoff.h"

struct alert;

enum { DELIVERY_ALERTS_MAX = 256 }; /* in one post */

enum delivery_outcome {
  DELIVERY_OK,
  DELIVERY_REFUSED_ALERTS, /* 400, 413, 422: something in the post is rejected */
  DELIVERY_REFUSED_NODE,   /* another 4xx or a redirect: the node is misconfigured */
  DELIVERY_FAILED,         /* no response, 408, 429, 5xx: retry later */
};

/* error and status as struct http_result has them. */
enum delivery_outcome delivery_classify(int error, long status);

enum delivery_step {
  DELIVERY_WAIT,        /* nothing to do until *ret_wait_ns have passed or an alert changes */
  DELIVERY_CHANGES,     /* post what changed */
  DELIVERY_ROUND,       /* post the next part of all alerts */
  DELIVERY_RETRY,       /* post the next rejected alert, alone */
  DELIVERY_ROUND_BEGIN, /* rewind to the oldest alert, then call delivery_next again */
  DELIVERY_PROBE,       /* post an empty list: is that rejected too? */
};

enum delivery_verdict {
  DELIVERY_ADVANCE, /* they are delivered: advance past them */
  DELIVERY_REJECT,  /* the only alert of the post is at fault: mark it, advance past it */
  DELIVERY_REPEAT,  /* retry when delivery_next returns this step again */
  DELIVERY_FORGIVE, /* the same; the node rejects everything, so remove all marks */
};

/* Rejected alerts are tried again behind a round, one in a post, until so many are rejected
 * again. The pause before the next time grows up to an hour; it is short again when one is
 * accepted, or another is rejected. */
enum { DELIVERY_RETRIES = 8 };

struct delivery {
  uint64_t resend_ns;
  size_t limit;             /* alerts in the next post */
  unsigned rejected_in_row; /* single alerts, with nothing accepted in between */
  unsigned failures;        /* in a row */
  bool trusted;             /* it accepted a post recently, so a rejected alert is at fault */
  bool probing, in_round, was_away;
  bool changes_last;      /* the last post had changes: the round goes first, so that it ends */
  unsigned retries;       /* that may still fail */
  struct backoff retry;   /* when the next may be made */
  uint64_t hold_until_ns; /* no post before that */
  uint64_t changes_after_ns; /* changes are collected until then */
  uint64_t round_due_ns, round_began_ns;
};

/* random is in [0, 1), here and below; times are monotonic. */
void delivery_init(struct delivery *d, uint64_t resend_ns, uint64_t now_ns, double random);

/* The next step. changes: are there changed alerts to post? */
enum delivery_step delivery_next(struct delivery *d, uint64_t now_ns, bool changes,
                                 uint64_t *ret_wait_ns);

/* A round is complete. rejected: are there alerts to retry? */
void delivery_round_done(struct delivery *d, uint64_t now_ns, bool rejected);

/* No rejected alert is left to retry. */
void delivery_retry_done(struct delivery *d);

/*
 * How far ahead the end of an alert that fires is, so that a node resolves by itself what is
 * not renewed: time for three posts in a row to fail, and for a restart. resend_ns is the time
 * from one renewal to the next, timeout_ns that of a post.
 */
uint64_t delivery_end_ahead_ns(uint64_t resend_ns, uint64_t timeout_ns);

struct delivery_post {
  enum delivery_step step;
  size_t alerts;
  bool more; /* there were more alerts than fitted */
};

/* The result of a post. retry_after_seconds is -1 without that header. */
enum delivery_verdict delivery_result(struct delivery *d, uint64_t now_ns,
                                      const struct delivery_post *post,
                                      enum delivery_outcome outcome, long retry_after_seconds,
                                      double random);

/* Is the node not to be posted to at present? */
bool delivery_is_held(const struct delivery *d, uint64_t now_ns);

/* ---- events and counters ---- */

enum delivery_event_kind {
  DELIVERY_EVENT_DELIVERED, /* a post was accepted */
  DELIVERY_EVENT_FAILED,    /* DELIVERY_FAILED */
  DELIVERY_EVENT_NO_TOKEN,  /* the token file cannot be read: DELIVERY_FAILED, without a post */
  DELIVERY_EVENT_REFUSED,   /* the node rejects every post */
  DELIVERY_EVENT_REJECTED,  /* one alert is left out of the rounds */
  DELIVERY_EVENT_CLOCK,     /* a response had the node's time */
};

struct delivery_event {
  enum delivery_event_kind kind;
  const char *node;
  long status;               /* HTTP status, 0 if there was none */
  int error;                 /* as in struct http_result; of DELIVERY_EVENT_NO_TOKEN: errno */
  const char *reason;        /* one printable line, may be "" */
  const struct alert *alert; /* of DELIVERY_EVENT_REJECTED */
  const char *token_file;    /* of DELIVERY_EVENT_NO_TOKEN */
  int64_t ahead_ns;          /* of DELIVERY_EVENT_CLOCK, as in struct node_clock */
};

struct delivery_stats {
  uint64_t posts_ok, posts_failed;
  uint64_t alerts_rejected;
  uint64_t last_duration_ns; /* of the last accepted post; 0 before the first */
  int64_t last_success_ns;   /* since 1970; 0 before the first */
  uint64_t waiting;          /* changed alerts that are not delivered yet */
};

#endif
