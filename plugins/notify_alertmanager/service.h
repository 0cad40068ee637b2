/*
 * What runs: the store, its keeper, a sender for each node, and the log lines they ask for.
 * Belongs to the glue: it logs, and asks collectd for its folder.
 */
#ifndef NOTIFY_ALERTMANAGER_SERVICE_H
#define NOTIFY_ALERTMANAGER_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/backoff.h"
#include "notify_alertmanager/config.h"
#include "notify_alertmanager/keeper.h"
#include "notify_alertmanager/report.h"
#include "notify_alertmanager/sender.h"
#include "notify_alertmanager/store.h"

struct service;

struct service_node {
  const struct node_config *config;
  struct sender *sender;
  struct report report; /* of the sender's thread */
};

struct service {
  struct config *config;
  struct store *store;
  struct keeper *keeper;
  struct service_node nodes[CONFIG_NODES_MAX];
  size_t nodes_len;           /* those that run */
  char *state_path;           /* NULL: none is kept */
  atomic_int state_saved;     /* 1, 0, or -1 when none is kept */
  struct backoff save_failed; /* of the keeper's thread */
  pthread_mutex_t drop_lock;  /* of the next, which notifications on any thread use */
  struct backoff dropped;
};

/* Loads the state and starts all threads. Takes over the configuration, also when it fails.
 * Returns 0, or -1 after logging. */
int service_start(struct config *config, struct service **ret);

/* Something in the store changed that nodes have to hear of. */
void service_wake_senders(struct service *s);

/* Ends the threads: what waits is delivered where that takes less than a second, and the
 * state is written. */
void service_stop(struct service *s);

/* Frees it after service_stop, and writes what came since. NULL is fine. */
void service_free(struct service *s);

#endif
