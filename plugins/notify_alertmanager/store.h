/*
 * Every alert that fires and those resolved lately, keyed by identity and kept in the order
 * of their last change. It is the queue of all nodes at once: each walks it with a place
 * of its own, so that an alert is held once however many nodes there are, a newer state
 * takes the place of an older one, and a node that was away gets what holds now. Bounded
 * in number and in bytes. Times come from the caller. All functions may be called by any
 * thread; none waits for anything but the others.
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
  STORE_NOBODY = 63, /* in place of a node: one that rejects nothing */
};

struct store_limits {
  size_t alerts; /* firing and resolved */
  size_t bytes;  /* of their labels and annotations */
};

struct store_counts {
  size_t firing, resolved;
  size_t bytes;
  uint64_t received;         /* calls of store_fire and store_resolve */
  uint64_t dropped_firing;   /* new problems there was no room for */
  uint64_t dropped_resolved; /* forgotten before their time to make room */
  uint64_t expired;          /* resolved because their source fell silent */
  uint64_t changes;          /* grows when an alert begins or ends to fire, or goes */
  uint64_t renewals;         /* grows when a source speaks of an alert that fires already */
};

/* What a notification did. */
enum store_effect {
  STORE_IGNORED, /* resolves what is not firing */
  STORE_RENEWED, /* fires already: its annotations go with the next re-send */
  STORE_CHANGED, /* to be sent now */
  STORE_DROPPED, /* no room, or no memory */
};

/* Returns 0 or -ENOMEM. The caller owns *ret. */
int store_new(struct store_limits limits, struct store **ret);

/* No thread may use the store any more. NULL is fine. */
void store_free(struct store *store);

/*
 * The problem alert is about fires since began_ns (nanoseconds since 1970). If it fires
 * with other labels, another severity say, those are resolved right in front of the new
 * ones, and the new ones keep the time it began. Takes a reference of its own. now_ns is
 * the monotonic time, here and below.
 */
enum store_effect store_fire(struct store *store, struct alert *alert, int64_t began_ns,
                             int64_t now_ns);

/*
 * The problem alert is about has ended at ended_ns. Only alert's identity counts. A
 * message that is not empty becomes the annotation "resolution".
 */
enum store_effect store_resolve(struct store *store, const struct alert *alert,
                                int64_t ended_ns, int64_t now_ns, const char *message);

/*
 * Puts back what an earlier run knew, with the monotonic time of its last change, which may
 * be negative. A later record of the same alert replaces an earlier one. Its source is
 * given time from now_ns on to speak of it again. Returns STORE_CHANGED or STORE_DROPPED.
 */
enum store_effect store_restore(struct store *store, struct alert *alert, int64_t starts_ns,
                                int64_t ends_ns, int64_t changed_ns, int64_t now_ns);

struct store_counts store_counts(struct store *store);

/* ---- walking ---- */

/* A place in the order of changes. Initialised by store_walker_add; not to be moved. */
struct store_walker {
  struct entry *at; /* the next to look at, NULL at the end */
  uint64_t bound;   /* look at none that changed after this one */
  bool follows;     /* from the end it goes on to what changes later */
  struct store_walker *next;
};

/* A new walker, in front of the oldest change. To be removed before its memory goes. */
void store_walker_add(struct store *store, struct store_walker *walker, bool follows);
void store_walker_remove(struct store *store, struct store_walker *walker);

/* Back to the oldest; a walker that does not follow will end at what is newest now. */
void store_walker_rewind(struct store *store, struct store_walker *walker);

struct store_item {
  struct alert *alert; /* one reference */
  int64_t starts_ns, ends_ns;
  int64_t changed_ns; /* monotonic */
  uint64_t sequence;
  bool paired; /* the next item belongs into the same post */
};

/*
 * Copies the next items, at most max, without moving on; passes over those the node
 * rejected. Returns how many. Give them back with store_items_release.
 */
size_t store_peek(struct store *store, struct store_walker *walker, unsigned node,
                  struct store_item *items, size_t max);
void store_items_release(struct store_item *items, size_t len);

/* Moves behind the item with that sequence number. What changed since stays in front. */
void store_advance(struct store *store, struct store_walker *walker, uint64_t sequence);

/* Does the walker stand at its end? */
bool store_walker_at_end(struct store *store, const struct store_walker *walker);

/* How many alerts are in front of the walker that the node has not rejected? */
size_t store_pending(struct store *store, const struct store_walker *walker, unsigned node);

/* The node will not take this alert: it is not offered to it again until it changes. */
void store_reject(struct store *store, struct store_walker *walker, uint64_t sequence,
                  unsigned node);

/* It was not the alerts: offer them all again. */
void store_forgive(struct store *store, unsigned node);

/* ---- ageing ---- */

struct store_ages {
  int64_t forget_resolved_ns; /* a resolved alert is kept this long */
  int64_t expire_ns;          /* silence after which one that fires is resolved; 0: never */
  int64_t expire_restored_ns; /* the same for one put back and not heard of since */
};

/*
 * Looks at up to max alerts in front of the walker, forgets and expires what is due.
 * wall_ns is the time since 1970. Returns true when the walker has reached its end.
 */
bool store_age(struct store *store, struct store_walker *walker, const struct store_ages *ages,
               int64_t wall_ns, int64_t now_ns, size_t max);

#endif
