/*
 * The thread that maintains the store: it writes the state file soon after a change, removes
 * resolved alerts and resolves those that are not confirmed. Writing waits for the disk; on a
 * thread of its own it delays neither collectd nor a post.
 */
#ifndef NOTIFY_ALERTMANAGER_KEEPER_H
#define NOTIFY_ALERTMANAGER_KEEPER_H

#include "notify_alertmanager/state_file.h"
#include "notify_alertmanager/store.h"

struct keeper;

struct keeper_config {
  const char *path; /* of the state file, borrowed; NULL: none */
  struct store_ages ages;
  /* called on the keeper's thread, or by keeper_save */
  void (*on_change)(void *context);            /* alerts expired: wake the senders */
  void (*on_saved)(void *context, int status); /* after each save; 0 or a negative errno */
  void *context;
};

/* Creates a keeper and its walkers in the store. Returns 0 or -ENOMEM. */
int keeper_new(const struct keeper_config *config, struct store *store, struct keeper **ret);

/* Fills the store from the state file, before keeper_start. Returns as state_file_load. */
int keeper_load(struct keeper *keeper, struct state_file_report *ret);

/* Starts the thread. Returns 0 or a negative errno. */
int keeper_start(struct keeper *keeper);

/* To be called when the store changed. Waits only for a short lock; any thread may call it. */
void keeper_wake(struct keeper *keeper);

/* Ends the thread and waits for it; changes are written first. */
void keeper_stop(struct keeper *keeper);

/* Writes the state file if there are changes; only while the thread does not run. */
void keeper_save(struct keeper *keeper);

/* Frees a keeper whose thread does not run; before the store is freed. NULL is fine. */
void keeper_free(struct keeper *keeper);

#endif
