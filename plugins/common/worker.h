/*
 * A thread for work that may never return, such as a read that a user of the machine can block
 * in the kernel: its owner waits only while there is progress, then leaves the thread behind
 * with what it works on, and takes another one.
 *
 * Work that was left behind must not touch what is not its own: what it uses of its owner's
 * during an item is left to it, and after each item it asks worker_step().
 */
#ifndef COMMON_WORKER_H
#define COMMON_WORKER_H

#include <stdbool.h>
#include <stdint.h>

struct worker;

/* Embedded in a larger struct, which contains or points to all that the work touches. */
struct worker_task {
  /* Does the work, on the thread. */
  void (*run)(struct worker_task *task, struct worker *worker);
  /* Frees the task and all it owns: it was left behind, and its owner does not want it back.
   * On the thread, or in worker_free(). */
  void (*discard)(struct worker_task *task);
};

/* How long to wait; borrowed during the call. */
struct worker_patience {
  uint64_t idle_ms; /* without any progress */
  /* What grows as long as the work makes progress within an item; called by the owner while the
   * thread works. NULL: nothing does. */
  uint64_t (*progress)(const void *context);
  /* Called before the work is left behind: the owner makes sure that he can go on without what
   * it uses. Unless it returns true, he waits on. */
  bool (*may_leave)(void *context);
  void *context;
};

/* The name is its thread's, see thread_start(). Returns 0, -EAGAIN when no thread can be
 * started, or -ENOMEM; the caller owns *ret. */
int worker_new(const char *name, struct worker **ret);

/*
 * Has the task done and waits for it. Returns 0; or -ETIMEDOUT: it is left behind, and the task
 * is the thread's until worker_returned() is true. Give it no other task then.
 */
int worker_run(struct worker *worker, struct worker_task *task,
               const struct worker_patience *patience);

/* For the work, after each of several items; counts as progress. If it returns false, the work
 * was left behind in that item: it has to return and to touch only its own. */
bool worker_step(struct worker *worker);

/* How many steps the task has made. What it did before them is visible to the caller. */
uint64_t worker_steps(struct worker *worker);

/* Has a task that was left behind returned? It is the owner's again. */
bool worker_returned(struct worker *worker);

/*
 * Takes no time. A task that was left behind and not taken back by worker_returned() is
 * discarded, now or, if it still runs, by the thread, if it ever returns. NULL is fine.
 */
void worker_free(struct worker *worker);

#endif
