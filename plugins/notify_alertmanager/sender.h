/*
 * One Alertmanager and the thread that posts to it: a dead node delays no other and nobody
 * in collectd. It walks the store on its own, so it needs no queue; what it says about its
 * posts goes to a callback, which does the logging.
 */
#ifndef NOTIFY_ALERTMANAGER_SENDER_H
#define NOTIFY_ALERTMANAGER_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "notify_alertmanager/delivery.h"
#include "notify_alertmanager/store.h"

struct sender;

enum sender_event_kind {
  SENDER_DELIVERED,      /* a post was accepted */
  SENDER_FAILED,         /* no answer, or "later" */
  SENDER_REFUSED,        /* whatever is posted, it does not take it */
  SENDER_REJECTED_ALERT, /* one alert is left out from now on */
};

struct sender_event {
  enum sender_event_kind kind;
  const char *node;
  long status;               /* HTTP status, 0: none came */
  int error;                 /* as in struct http_result */
  const char *reason;        /* one printable line, may be "" */
  const struct alert *alert; /* of SENDER_REJECTED_ALERT */
};

/* What a node is; all strings are borrowed and must outlive the sender. */
struct sender_config {
  const char *name;
  const char *url;                                                         /* to post to */
  const char *user, *password, *ca_file, *client_certificate, *client_key; /* or NULL */
  bool insecure;
  uint64_t timeout_ns; /* of a post */
  uint64_t resend_ns;
  unsigned number; /* of the node, from 0, below STORE_NODES_MAX */
  /* called on the sender's thread */
  void (*on_event)(void *context, const struct sender_event *event);
  void *context;
};

struct sender_stats {
  uint64_t posts_ok, posts_failed;
  uint64_t alerts_rejected;
  uint64_t last_duration_ns; /* of the last post that was accepted; 0: none was */
  int64_t last_success_ns;   /* since 1970; 0: none was */
  uint64_t waiting;          /* alerts that changed and are not delivered */
};

/* Makes a sender and its walkers in the store; nothing runs yet. Returns 0, -ENOMEM or -EIO. */
int sender_new(const struct sender_config *config, struct store *store, struct sender **ret);

/* Starts the thread. Returns 0 or a negative errno. */
int sender_start(struct sender *sender);

/* Something in the store changed. Never blocks; any thread may call it. */
void sender_wake(struct sender *sender);

/*
 * Tells the thread to end: at once when nothing waits or the node is away, otherwise when
 * what waits is delivered, at the latest at deadline_ns (monotonic). Does not wait for it.
 */
void sender_stop(struct sender *sender, uint64_t deadline_ns);

/* Waits for the thread to end after sender_stop. */
void sender_join(struct sender *sender);

/* Frees a sender whose thread does not run; before the store is freed. NULL is fine. */
void sender_free(struct sender *sender);

struct sender_stats sender_stats(struct sender *sender);

#endif
