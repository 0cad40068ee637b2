/*
 * The running plugin: the store, its state saver, a sender for each node, and their log lines.
 * Part of the glue: it logs, and gets BaseDir from collectd.
 */
#ifndef NOTIFY_ALERTMANAGER_SERVICE_H
#define NOTIFY_ALERTMANAGER_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/backoff.h"
#include "notify_alertmanager/config.h"
#include "notify_alertmanager/report.h"
#include "notify_alertmanager/sender.h"
#include "notify_alertmanager/state_saver.h"
#include "notify_alertmanager/store.h"

struct service;

struct service_node {
  const struct node_config *config;
  struct sender *sender;
  struct report report; /* used only by the sender's thread */
};

struct service {
  struct config *config;
  struct store *store;
  struct state_saver *saver;
  struct service_node nodes[CONFIG_NODES_MAX];
  size_t nodes_len;           /* nodes with a sender */
  char *state_path;           /* NULL: no state file */
  atomic_int state_saved;     /* 1, 0, or -1 without a state file */
  struct backoff save_failed; /* used only by the saver's thread */
  pthread_mutex_t drop_lock;  /* of dropped, which notifications on any thread use */
  struct backoff dropped;
};

/* Loads the state and starts all threads. Takes over the configuration, also on failure.
 * Returns 0, or -1 after logging. */
int service_start(struct config *config, struct service **ret);

/* To be called when an alert changed that has to be sent. */
void service_wake_senders(struct service *s);

/* Ends the threads: waiting changes are delivered if that takes less than a second, and the
 * state is written. */
void service_stop(struct service *s);

/* Frees s after service_stop, and writes later changes. NULL is fine. */
void service_free(struct service *s);

#endif
