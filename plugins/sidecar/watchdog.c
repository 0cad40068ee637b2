/* A worker and those left behind; see watchdog.h. */
#include "sidecar/watchdog.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

/* The first process that blocks in a reading is given time, as it may be the machine that is
 * slow; further ones are likely to be an attack, and SIGTERM waits for the reading. */
enum { PATIENCE_MS = 800, PATIENCE_MIN_MS = 50, PATIENCE_DIVISOR = 4 };

struct left {
  struct worker *worker;
  struct errand *errand;
};

struct watchdog {
  struct watchdog_owner owner;
  struct worker *worker; /* NULL: to be started */
  uint64_t patience_ms;  /* in this reading */
  struct left left[WATCHDOG_LEFT_MAX];
  size_t left_len;
};

int watchdog_new(const struct watchdog_owner *owner, struct watchdog **ret) {
  struct watchdog *watchdog = calloc(1, sizeof(*watchdog));
  if (watchdog == NULL)
    return -ENOMEM;
  watchdog->owner = *owner;
  watchdog->patience_ms = PATIENCE_MS;
  *ret = watchdog;
  return 0;
}

/* ---- the end ---- */

/* What errands use that return to no owner. */
struct watchdog_rest {
  atomic_size_t errands;
  void (*free)(void *context);
  void *context;
};

/* Instead of the errand's own. */
static void discard_and_release(struct worker_task *task) {
  struct errand *errand = (struct errand *)task;
  struct watchdog_rest *rest = errand->rest;
  errand->discard(task);
  if (atomic_fetch_sub(&rest->errands, 1) > 1)
    return;
  rest->free(rest->context);
  free(rest);
}

static void abandon(struct left *left, struct watchdog_rest *rest) {
  struct errand *errand = left->errand;
  errand->rest = rest;
  errand->discard = errand->task.discard;
  errand->task.discard = discard_and_release;
  worker_free(left->worker);
}

/* Drops those that have returned; the others remain. */
static void discard_returned(struct watchdog *watchdog) {
  size_t kept = 0;
  for (size_t i = 0; i < watchdog->left_len; i++) {
    struct left left = watchdog->left[i];
    if (!worker_returned(left.worker)) {
      watchdog->left[kept++] = left;
      continue;
    }
    worker_free(left.worker);
    left.errand->task.discard(&left.errand->task);
  }
  watchdog->left_len = kept;
}

bool watchdog_free(struct watchdog *watchdog, void (*free_rest)(void *context), void *context) {
  if (watchdog == NULL)
    return true;
  worker_free(watchdog->worker);
  discard_returned(watchdog);
  size_t len = watchdog->left_len;
  struct watchdog_rest *rest = len > 0 ? malloc(sizeof(*rest)) : NULL;
  if (rest != NULL)
    *rest = (struct watchdog_rest){.errands = len, .free = free_rest, .context = context};
  for (size_t i = 0; rest != NULL && i < len; i++)
    abandon(&watchdog->left[i], rest);
  free(watchdog);
  return len == 0;
}

/* ---- readings ---- */

void watchdog_begin(struct watchdog *watchdog) {
  watchdog->patience_ms = PATIENCE_MS;
  for (size_t i = 0; i < watchdog->left_len;) {
    struct left left = watchdog->left[i];
    if (!worker_returned(left.worker)) {
      i++;
      continue;
    }
    watchdog->left[i] = watchdog->left[--watchdog->left_len];
    worker_free(left.worker);
    left.errand->come_back(watchdog->owner.context, left.errand);
  }
}

/* ---- errands ---- */

bool errand_step(struct worker *worker) {
  return worker == NULL || worker_step(worker);
}

struct waiting {
  const struct watchdog *watchdog;
  const struct errand *errand;
};

static uint64_t progress(const void *context) {
  const struct waiting *waiting = context;
  return host_progress(waiting->errand->host);
}

static bool may_leave(void *context) {
  const struct waiting *waiting = context;
  const struct watchdog *watchdog = waiting->watchdog;
  return watchdog->left_len < WATCHDOG_LEFT_MAX &&
         watchdog->owner.may_leave(watchdog->owner.context);
}

static void leave(struct watchdog *watchdog, struct errand *errand) {
  watchdog->left[watchdog->left_len++] =
      (struct left){.worker = watchdog->worker, .errand = errand};
  errand->done = worker_steps(watchdog->worker);
  watchdog->worker = NULL;
  watchdog->patience_ms /= PATIENCE_DIVISOR;
  if (watchdog->patience_ms < PATIENCE_MIN_MS)
    watchdog->patience_ms = PATIENCE_MIN_MS;
}

int watchdog_run(struct watchdog *watchdog, struct errand *errand) {
  struct waiting waiting = {.watchdog = watchdog, .errand = errand};
  struct worker_patience patience = {.idle_ms = watchdog->patience_ms,
                                     .progress = progress,
                                     .may_leave = may_leave,
                                     .context = &waiting};
  if (watchdog->worker == NULL &&
      worker_new(watchdog->owner.thread_name, &watchdog->worker) != 0) {
    errand->task.run(&errand->task, NULL);
    return 0;
  }
  int status = worker_run(watchdog->worker, &errand->task, &patience);
  if (status != 0)
    leave(watchdog, errand);
  return status;
}

/* ---- what was left behind ---- */

size_t watchdog_left(const struct watchdog *watchdog) {
  return watchdog->left_len;
}

size_t watchdog_left_of(const struct watchdog *watchdog, uid_t uid) {
  size_t len = 0;
  for (size_t i = 0; i < watchdog->left_len; i++)
    len += watchdog->left[i].errand->uid == uid;
  return len;
}

bool watchdog_has_pid(const struct watchdog *watchdog, pid_t pid) {
  for (size_t i = 0; i < watchdog->left_len; i++)
    if (watchdog->left[i].errand->pid == pid)
      return true;
  return false;
}

bool watchdog_may_read(const struct watchdog *watchdog, uid_t uid) {
  size_t his = watchdog->left_len > 0 ? watchdog_left_of(watchdog, uid) : 0;
  return his == 0 || (his < WATCHDOG_USER_MAX && watchdog->left_len < WATCHDOG_FULL);
}

bool watchdog_may_read_unknown(const struct watchdog *watchdog, uid_t uid) {
  return watchdog->left_len < WATCHDOG_FULL && watchdog_may_read(watchdog, uid);
}
