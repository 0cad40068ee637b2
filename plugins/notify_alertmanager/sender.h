/*
 * One Alertmanager and the thread that posts to it, so that a dead node delays neither other
 * nodes nor collectd. It walks the store by itself and needs no queue. What to post when is
 * decided in delivery.h; events go to a callback, which does the logging.
 */
#ifndef NOTIFY_ALERTMANAGER_SENDER_H
#define NOTIFY_ALERTMANAGER_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "notify_alertmanager/delivery.h"
#include "notify_alertmanager/store.h"

struct sender;

/* A node; all strings are borrowed and must outlive the sender. */
struct sender_config {
  const char *name;
  const char *url;                                                         /* to post to */
  const char *user, *password, *ca_file, *client_certificate, *client_key; /* or NULL */
  const char *token_file;     /* or NULL; without its token nothing is posted */
  const char *const *headers; /* lines, "Name: value" */
  size_t headers_len;
  bool insecure;
  uint64_t timeout_ns; /* of a post */
  uint64_t resend_ns;
  unsigned number; /* of the node, from 0, below STORE_NODES_MAX */
  /* called on the sender's thread */
  void (*on_event)(void *context, const struct delivery_event *event);
  void *context;
};

/* Creates a sender and its walkers in the store; its thread does not run yet. Returns 0,
 * -ENOMEM or -EIO. */
int sender_new(const struct sender_config *config, struct store *store, struct sender **ret);

/* Starts the thread. Returns 0 or a negative errno. */
int sender_start(struct sender *sender);

/* To be called when the store changed. Never blocks; any thread may call it. */
void sender_wake(struct sender *sender);

/*
 * Requests the thread to end: at once if no change waits or the node does not answer, otherwise
 * when the changes are delivered, at the latest at deadline_ns (monotonic). Does not wait.
 */
void sender_stop(struct sender *sender, uint64_t deadline_ns);

/* Waits for the thread to end after sender_stop. */
void sender_join(struct sender *sender);

/* Frees a sender whose thread does not run; before the store is freed. NULL is fine. */
void sender_free(struct sender *sender);

struct delivery_stats sender_stats(struct sender *sender);

#endif
