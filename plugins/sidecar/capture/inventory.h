/*
 * The bundles on disk, with their processes and sizes, and which of them is deleted first to
 * make room: those of the user who has most, because a user may start any number of processes.
 * The capture directory is read once; after that the inventory follows what is written and
 * deleted here. A bundle that an administrator has deleted is found missing when it would count
 * (inventory_forget_missing()).
 */
#ifndef SIDECAR_CAPTURE_INVENTORY_H
#define SIDECAR_CAPTURE_INVENTORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sidecar/capture/name.h"

/* Bundles; past that the oldest are deleted, as past a limit. Each takes about 200 bytes of
 * memory, and as much again if it is the only one of its instance. */
enum { INVENTORY_MAX = 20000 };

struct inventory_bundle;

/* The bundles of a user's processes. */
struct inventory_owner {
  uid_t uid; /* may be IDENTITY_OWNER_UNKNOWN */
  size_t len;
  uint64_t bytes;
};

/* The bundles of an instance; users may use the same name one after the other. */
struct inventory_group {
  char instance[CAPTURE_FILE_NAME_MAX]; /* the directory's name */
  struct inventory_owner *owner;
  size_t len;
  uint64_t bytes;
  const struct inventory_bundle *newest[BUNDLE_KINDS]; /* NULL: none */
};

struct inventory_bundle {
  struct inventory_group *group;
  enum bundle_kind kind;
  bool is_alive;            /* its process was found running: see inventory_next_victim() */
  struct identity identity; /* pid 0: not known */
  uint64_t bytes;           /* on the disk */
  char name[];              /* sorts by time */
};

struct inventory_list {
  void **items; /* owned; sorted */
  size_t len, capacity;
};

/* All zero: nothing is known of the directory yet. */
struct inventory {
  struct inventory_list bundles; /* oldest first */
  struct inventory_list groups;  /* by instance and owner */
  struct inventory_list owners;  /* by user id */
  uint64_t bytes;
  dev_t device; /* of the directory that was scanned */
  ino_t inode;
};

static inline struct inventory_bundle *inventory_at(const struct inventory *inventory,
                                                    size_t i) {
  return inventory->bundles.items[i];
}

/* A bundle that is about to be added. */
struct inventory_newcomer {
  const char *instance, *name; /* valid: capture_name_instance(), capture_name_bundle() */
  enum bundle_kind kind;
  struct identity identity;
  uint64_t bytes;
};

/*
 * Scans every bundle below the capture directory, and removes incomplete ones of an earlier run
 * of the daemon. Other files are left alone and not counted. Returns 0, -ENOMEM, -ECANCELED
 * once *stopping, or -errno of the directory itself. The caller owns *ret, which is empty after
 * an error.
 */
int inventory_scan(int folder, const atomic_bool *stopping, struct inventory *ret);
void inventory_free(struct inventory *inventory);

/* Adds a bundle. Returns 0, with *ret valid until it is forgotten, or -ENOMEM. */
int inventory_add(struct inventory *inventory, const struct inventory_newcomer *newcomer,
                  const struct inventory_bundle **ret);

/* The bundle is not on the disk any more, or has not got there. Frees it. */
void inventory_forget(struct inventory *inventory, const struct inventory_bundle *bundle);

/* Is it the directory that was scanned? Another disk may be mounted there now. */
bool inventory_is_of(const struct inventory *inventory, int folder);

/* Was it deleted by someone else? */
bool inventory_is_missing(const struct inventory_bundle *bundle, int folder);

/* Forgets all bundles that are not on the disk any more. Returns 0 or -ECANCELED. */
int inventory_forget_missing(struct inventory *inventory, int folder,
                             const atomic_bool *stopping);

/* The newest bundle of this very process and kind; NULL when there is none. */
const struct inventory_bundle *inventory_find_newest(const struct inventory *inventory,
                                                     const struct identity *identity,
                                                     enum bundle_kind kind);

struct inventory_limits {
  uint64_t process_max_bytes, process_max_bundles; /* of an instance of a user */
  uint64_t total_max_bytes;
};

/* Whether a bundle's process is running; asked at most once for each bundle of a round. */
typedef bool (*inventory_alive_fn)(void *context, const struct identity *identity);

/* To be called before the first inventory_next_victim() for a newcomer. */
void inventory_begin_round(struct inventory *inventory);

/*
 * The next bundle to delete: when the instance is full, its oldest; when all is full, the
 * oldest of the user who has most, the newcomer included. The newest bundle of each
 * kind of each instance is kept, unless there is nothing else of that user to delete, and its
 * process has ended or the newcomer is of another user, who has less. NULL when the new bundle
 * fits (*ret_fits) or nothing more may be deleted. Those that are kept may exceed the limits of
 * their instance, but never the total. Takes time that is linear in the number of bundles. No
 * I/O except in is_alive.
 */
const struct inventory_bundle *inventory_next_victim(struct inventory *inventory,
                                                     const struct inventory_limits *limits,
                                                     const struct inventory_newcomer *newcomer,
                                                     inventory_alive_fn is_alive, void *context,
                                                     bool *ret_fits);

/* Deletes a bundle atomically, and with the last one the instance's directory. Returns 0, also
 * when it was not there, or -errno; the bundle is removed from the inventory in any case. */
int inventory_remove(struct inventory *inventory, int folder,
                     const struct inventory_bundle *bundle);

#endif
