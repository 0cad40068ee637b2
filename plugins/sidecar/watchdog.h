/*
 * Readings of processes that may never return. A user can have a process that blocks everyone
 * who looks at it, even root: while it executes a program (execve(2)), the kernel closes its
 * descriptors with a lock held that most files of /proc/PID need (exec_update_lock), and
 * closing one of a FUSE file system waits for a server of the user. Only the end of the reader
 * ends such a wait.
 *
 * So what reads a process is an errand, done by a thread that is left behind when it blocks,
 * and comes back with the errand once the process lets it go. Users with several such processes
 * get no more attention until then. Used by one thread.
 */
#ifndef SIDECAR_WATCHDOG_H
#define SIDECAR_WATCHDOG_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/worker.h"
#include "sidecar/os/host.h"
#include "sidecar/os/locks.h"

/* Embedded in a struct on the heap that owns what it touches; see errands.h. */
struct errand {
  struct worker_task task;
  struct host *host; /* in use by it; the owner's, until it is left behind */
  struct lock_table *locks;
  pid_t pid;   /* what it was reading; set by the owner once it is left behind, or before */
  uid_t uid;   /* its user */
  size_t done; /* items, when it was left behind; set by watchdog_run() */
  /* It came back: free it, or use it again. Called by the owner, with his context. */
  void (*come_back)(void *context, struct errand *errand);
  struct watchdog_rest *rest; /* the watchdog's own */
  void (*discard)(struct worker_task *task);
};

enum {
  WATCHDOG_LEFT_MAX = 64, /* errands that are left behind; further ones are waited for */
  WATCHDOG_FULL = 16,     /* from here on, nothing unknown is read */
  WATCHDOG_USER_MAX = 4   /* of one user, whose processes are not read from here on */
};

struct watchdog_owner {
  const char *thread_name; /* of what reads for it, see thread_start(); has to outlive it */
  /* Makes sure that there is another host and lock table before one is left behind. */
  bool (*may_leave)(void *context);
  void *context;
};

struct watchdog;

/* Returns 0 or -ENOMEM; the caller owns *ret. */
int watchdog_new(const struct watchdog_owner *owner, struct watchdog **ret);

/*
 * Takes no time: what was left behind stays so, and is discarded when it returns. Returns
 * whether nothing is left. Otherwise free_rest(context) is called once the last errand has
 * returned, by its thread, if that ever happens: for what all of them use. NULL is fine.
 */
bool watchdog_free(struct watchdog *watchdog, void (*free_rest)(void *context), void *context);

/* A reading begins: takes back what has returned (come_back()), and has patience again. */
void watchdog_begin(struct watchdog *watchdog);

/*
 * Has it done, and waits while there is progress: steps, and looks at the host's deadline.
 * Returns 0; or -ETIMEDOUT: it is left behind, with its host and locks, and is not the caller's
 * until it comes back. The first time in a reading that takes most of a second, later less.
 */
int watchdog_run(struct watchdog *watchdog, struct errand *errand);

/* For the run function of an errand with several items: see worker_step(). worker is NULL
 * where no thread could be started. */
bool errand_step(struct worker *worker);

/* ---- what was left behind ---- */

/* The number of errands, and that of a user. */
size_t watchdog_left(const struct watchdog *watchdog);
size_t watchdog_left_of(const struct watchdog *watchdog, uid_t uid);

/* Is it being read by one of them? */
bool watchdog_has_pid(const struct watchdog *watchdog, pid_t pid);

/* May processes of a user be read that were read before, or any? */
bool watchdog_may_read(const struct watchdog *watchdog, uid_t uid);
bool watchdog_may_read_unknown(const struct watchdog *watchdog, uid_t uid);

#endif
