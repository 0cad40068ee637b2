/*
 * The thread that maintains the store: it writes the state file soon after a change, removes
 * resolved alerts and resolves those that are not confirmed. Writing waits for the disk; on a
 * thread of its own it delays neither collectd nor a post.
 */
#ifndef NOTIFY_ALERTMANAGER_STATE_SAVER_H
#define NOTIFY_ALERTMANAGER_STATE_SAVER_H

#include "notify_alertmanager/state_file.h"
#include "notify_alertmanager/store.h"

struct state_saver;

struct state_saver_config {
  const char *path; /* of the state file, borrowed; NULL: none */
  struct store_ages ages;
  /* called on the saver's thread, or by state_saver_save */
  void (*on_change)(void *context);            /* alerts expired: wake the senders */
  void (*on_saved)(void *context, int status); /* after each save; 0 or a negative errno */
  void *context;
};

/* Creates a saver and its walkers in the store. Returns 0 or -ENOMEM. */
int state_saver_new(const struct state_saver_config *config, struct store *store,
                    struct state_saver **ret);

/* Fills the store from the state file, before state_saver_start. Returns as state_file_load. */
int state_saver_load(struct state_saver *saver, struct state_file_report *ret);

/* Starts the thread. Returns 0 or a negative errno. */
int state_saver_start(struct state_saver *saver);

/* To be called when the store changed. Waits only for a short lock; any thread may call it. */
void state_saver_wake(struct state_saver *saver);

/* Ends the thread and waits for it; changes are written first. */
void state_saver_stop(struct state_saver *saver);

/* Writes the state file if there are changes, on any thread: at the end it is the daemon's.
 * Only while the saver's own does not run. */
void state_saver_save(struct state_saver *saver);

/* Frees a saver whose thread does not run; before the store is freed. NULL is fine. */
void state_saver_free(struct state_saver *saver);

#endif
