/*
 * All alerts that fire and those resolved recently, in hash tables by labels and by identity
 * and in a list in the order of their last change. The list is the queue of all nodes: each has
 * a walker with its own position, so that an alert is stored once whatever the number of nodes,
 * a newer state replaces an older one, and a node that was down gets the current state. Limited
 * in number and in bytes. Times are passed by the caller. All functions are thread-safe; they
 * wait only for the store's lock.
 */
#ifndef NOTIFY_ALERTMANAGER_STORE_H
#define NOTIFY_ALERTMANAGER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "notify_alertmanager/alert.h"

struct store;
struct entry;

enum {
  STORE_NODES_MAX = 63,
  STORE_NOBODY = 63, /* instead of a node: one that rejects nothing */
};

struct store_limits {
  size_t alerts; /* firing and resolved */
  size_t bytes;  /* of their labels and annotations */
};

struct store_counts {
  size_t firing, resolved;
  size_t bytes;
  uint64_t received;         /* calls of store_fire and store_resolve */
  uint64_t dropped_firing;   /* new problems dropped because the store was full */
  uint64_t dropped_resolved; /* removed early to make room */
  uint64_t expired;          /* resolved because their source stopped confirming them */
  uint64_t changes;          /* grows when an alert starts, ends or is removed */
  uint64_t renewals;         /* grows when a source confirms an alert that fires */
};

/* The effect of a notification. */
enum store_effect {
  STORE_IGNORED, /* resolves an alert that does not fire */
  STORE_RENEWED, /* fires already: its annotations are sent with the next round */
  STORE_CHANGED, /* to be sent now */
  STORE_DROPPED, /* store full, or out of memory */
};

/* Returns 0 or -ENOMEM. The caller owns *ret. */
int store_new(struct store_limits limits, struct store **ret);

/* No other thread may use the store. NULL is fine. */
void store_free(struct store *store);

/*
 * The problem of this alert fires since began_ns (nanoseconds since 1970). If it fires with
 * other labels, for example another severity, that alert is resolved right before the new one,
 * and the new one keeps the start time. The start of an alert never becomes later; it becomes
 * earlier if began_ns is, as after a clock that was ahead is set back. Takes a reference of its
 * own. now_ns is the monotonic time, here and below.
 */
enum store_effect store_fire(struct store *store, struct alert *alert, int64_t began_ns,
                             int64_t now_ns);

/*
 * The problem of this alert ended at ended_ns, and began no later. Only the alert's identity
 * matters. A message that is not empty becomes the annotation "resolution".
 */
enum store_effect store_resolve(struct store *store, const struct alert *alert,
                                int64_t ended_ns, int64_t now_ns, const char *message);

/*
 * Restores an alert of an earlier run, with the monotonic time of its last change, which may be
 * negative. A later record of the same alert replaces an earlier one. The time for its source
 * to confirm it starts at now_ns. Returns STORE_CHANGED or STORE_DROPPED.
 */
enum store_effect store_restore(struct store *store, struct alert *alert, int64_t starts_ns,
                                int64_t ends_ns, int64_t changed_ns, int64_t now_ns);

struct store_counts store_counts(struct store *store);

/* ---- walking ---- */

/* A position in the order of changes. Initialised by store_walker_add; must not be moved. */
struct store_walker {
  struct entry *at; /* the next entry, NULL at the end */
  uint64_t bound;   /* entries with a greater sequence number are not visited */
  bool follows;     /* at the end it continues with later changes */
  bool retries;     /* visits what the node rejected, and nothing else; set by the caller */
  struct store_walker *next;
};

/* Adds a walker, at the oldest change. To be removed before its memory is freed. */
void store_walker_add(struct store *store, struct store_walker *walker, bool follows);
void store_walker_remove(struct store *store, struct store_walker *walker);

/* Back to the oldest change; a walker that does not follow will end at the newest one of now.
 */
void store_walker_rewind(struct store *store, struct store_walker *walker);

struct store_item {
  struct alert *alert; /* one reference */
  int64_t starts_ns, ends_ns;
  int64_t changed_ns; /* monotonic */
  uint64_t sequence;
  bool paired; /* the next item belongs in the same post */
};

/*
 * Copies the next items, at most max, without advancing; skips those that the node rejected,
 * or, with a walker that retries, all others. Returns their number. To be released by
 * store_items_release.
 */
size_t store_peek(struct store *store, struct store_walker *walker, unsigned node,
                  struct store_item *items, size_t max);
void store_items_release(struct store_item *items, size_t len);

/* Advances past the item with that sequence number. Later changes are still to come. */
void store_advance(struct store *store, struct store_walker *walker, uint64_t sequence);

/* Is the walker at its end? */
bool store_walker_at_end(struct store *store, const struct store_walker *walker);

/* The number of alerts still to come that the node has not rejected. */
size_t store_pending(struct store *store, const struct store_walker *walker, unsigned node);

/* The node rejected this alert, which is skipped for that node until it changes or the node
 * accepts it. */
void store_reject(struct store *store, struct store_walker *walker, uint64_t sequence,
                  unsigned node);
void store_accept(struct store *store, struct store_walker *walker, uint64_t sequence,
                  unsigned node);

/* Are there alerts that the node rejected? */
bool store_has_rejected(struct store *store, unsigned node);

/* The alerts were not at fault: none is skipped for that node any more. */
void store_forgive(struct store *store, unsigned node);

/* ---- ageing ---- */

struct store_ages {
  int64_t forget_resolved_ns; /* a resolved alert is kept this long */
  int64_t expire_ns;          /* one that fires is resolved if not confirmed; 0: never */
  int64_t expire_restored_ns; /* the same for a restored one */
};

/*
 * Visits up to max alerts; removes and resolves those that are due. wall_ns is the time since
 * 1970. Returns true if the walker is at its end.
 */
bool store_age(struct store *store, struct store_walker *walker, const struct store_ages *ages,
               int64_t wall_ns, int64_t now_ns, size_t max);

#endif
