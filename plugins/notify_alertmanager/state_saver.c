/* The thread that maintains the store; see state_saver.h. */
#include "notify_alertmanager/state_saver.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/thread.h"

enum {
  SLICE = 64,      /* alerts visited while the store is locked once */
  SAVE_SHARE = 20, /* writing uses at most this part of the time, whatever the file's size */
};

static const uint64_t SECOND_NS = 1000000000;
static const uint64_t RENEWALS_SAVED_NS = 60ull * 1000000000;
static const uint64_t RETRY_NS = 10ull * 1000000000;

struct state_saver {
  struct state_saver_config config;
  struct store *store;
  struct store_walker saving, ageing;
  struct store_item items[SLICE];

  pthread_t thread;
  bool runs;
  pthread_mutex_t lock; /* of the next three; never held during work */
  pthread_cond_t woken;
  bool stopping, awake;

  /* used only by the thread */
  uint64_t saved_changes, saved_renewals;
  uint64_t next_save_ns, next_renewals_ns;
};

int state_saver_new(const struct state_saver_config *config, struct store *store,
                    struct state_saver **ret) {
  struct state_saver *k = calloc(1, sizeof(*k));
  if (k == NULL)
    return -ENOMEM;
  k->config = *config;
  k->store = store;
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_mutex_init(&k->lock, NULL);
  pthread_cond_init(&k->woken, &attributes);
  pthread_condattr_destroy(&attributes);
  store_walker_add(store, &k->saving, true);
  store_walker_add(store, &k->ageing, false);
  *ret = k;
  return 0;
}

void state_saver_free(struct state_saver *k) {
  if (k == NULL)
    return;
  store_walker_remove(k->store, &k->saving);
  store_walker_remove(k->store, &k->ageing);
  pthread_cond_destroy(&k->woken);
  pthread_mutex_destroy(&k->lock);
  free(k);
}

static int64_t monotonic_ns(void) {
  return (int64_t)clock_monotonic_ns();
}

/* ---- the state file ---- */

struct loading {
  struct state_saver *saver;
  int64_t wall_ns, now_ns;
};

static void on_record(void *context, const struct state_record *record) {
  struct loading *loading = context;
  int64_t age_ns = loading->wall_ns - record->changed_ns;
  age_ns = age_ns > 0 ? age_ns : 0; /* negative if the clock was ahead */
  store_restore(loading->saver->store, record->alert, record->starts_ns, record->ends_ns,
                loading->now_ns - age_ns, loading->now_ns);
  alert_unref(record->alert);
}

int state_saver_load(struct state_saver *k, struct state_file_report *ret) {
  struct loading loading = {.saver = k, .wall_ns = clock_wall_ns(), .now_ns = monotonic_ns()};
  return state_file_load(k->config.path, on_record, &loading, ret);
}

static int add_items(struct state_saver *k, struct state_file *file, size_t len) {
  int64_t monotonic_to_wall = clock_wall_ns() - monotonic_ns();
  int status = 0;
  for (size_t i = 0; i < len && status == 0; i++) {
    int64_t changed_ns = k->items[i].changed_ns + monotonic_to_wall;
    const struct state_record record = {
        .alert = k->items[i].alert,
        .starts_ns = k->items[i].starts_ns,
        .ends_ns = k->items[i].ends_ns,
        .changed_ns = changed_ns > 0 ? changed_ns : 1,
    };
    status = state_file_add(file, &record);
  }
  return status;
}

/*
 * An alert that changes during the walk is written again at its end: of two records the loader
 * uses the last. With constant changes the walk would never end, hence the budget.
 */
static int write_state(struct state_saver *k, size_t alerts) {
  struct state_file file;
  size_t budget = 2 * alerts + 1024;
  int status = state_file_begin(&file, k->config.path);
  if (status != 0)
    return status;

  store_walker_rewind(k->store, &k->saving);
  while (status == 0 && budget > 0) {
    size_t max = budget < SLICE ? budget : SLICE;
    size_t len = store_peek(k->store, &k->saving, STORE_NOBODY, k->items, max);
    if (len == 0)
      break;
    status = add_items(k, &file, len);
    store_advance(k->store, &k->saving, k->items[len - 1].sequence);
    store_items_release(k->items, len);
    budget -= len;
  }
  if (status != 0) {
    state_file_abort(&file);
    return status;
  }
  return state_file_commit(&file);
}

static void save(struct state_saver *k, const struct store_counts *counts) {
  uint64_t begin_ns = clock_monotonic_ns();
  int status = write_state(k, counts->firing + counts->resolved);
  uint64_t end_ns = clock_monotonic_ns();

  uint64_t pause_ns = (end_ns - begin_ns) * SAVE_SHARE;
  pause_ns = pause_ns > SECOND_NS ? pause_ns : SECOND_NS;
  k->next_save_ns = end_ns + (status == 0 ? pause_ns : RETRY_NS);
  k->next_renewals_ns = end_ns + RENEWALS_SAVED_NS;
  if (status == 0) {
    k->saved_changes = counts->changes;
    k->saved_renewals = counts->renewals;
  }
  if (k->config.on_saved != NULL)
    k->config.on_saved(k->config.context, status);
}

void state_saver_save(struct state_saver *k) {
  struct store_counts counts = store_counts(k->store);
  struct thread_signals signals;
  if (k->config.path == NULL ||
      (counts.changes == k->saved_changes && counts.renewals == k->saved_renewals))
    return;
  thread_block_file_signal(&signals);
  save(k, &counts);
  thread_unblock_file_signal(&signals);
}

/* Returns when to check again, UINT64_MAX if everything is on the disk. */
static uint64_t save_if_due(struct state_saver *k, const struct store_counts *counts,
                            uint64_t now_ns) {
  uint64_t due_ns = UINT64_MAX;
  if (k->config.path == NULL)
    return due_ns;
  if (counts->changes != k->saved_changes)
    due_ns = k->next_save_ns;
  else if (counts->renewals != k->saved_renewals)
    due_ns = k->next_renewals_ns;
  if (now_ns < due_ns)
    return due_ns;
  save(k, counts);
  return k->next_save_ns;
}

/* ---- ageing ---- */

static void age(struct state_saver *k) {
  uint64_t expired = store_counts(k->store).expired;
  store_walker_rewind(k->store, &k->ageing);
  while (
      !store_age(k->store, &k->ageing, &k->config.ages, clock_wall_ns(), monotonic_ns(), SLICE))
    continue;
  if (store_counts(k->store).expired != expired && k->config.on_change != NULL)
    k->config.on_change(k->config.context);
}

/* ---- the thread ---- */

static bool wait_until(struct state_saver *k, uint64_t due_ns) {
  const struct timespec due = {.tv_sec = (time_t)(due_ns / SECOND_NS),
                               .tv_nsec = (long)(due_ns % SECOND_NS)};
  int status = 0;
  pthread_mutex_lock(&k->lock);
  while (!k->stopping && !k->awake && status == 0)
    status = due_ns == UINT64_MAX ? pthread_cond_wait(&k->woken, &k->lock)
                                  : pthread_cond_timedwait(&k->woken, &k->lock, &due);
  k->awake = false;
  bool stopping = k->stopping;
  pthread_mutex_unlock(&k->lock);
  return !stopping;
}

static void *run(void *argument) {
  struct state_saver *k = argument;
  uint64_t age_ns = 0, due_ns;
  do {
    uint64_t now_ns = clock_monotonic_ns();
    if (now_ns >= age_ns) {
      age(k);
      age_ns = now_ns + SECOND_NS;
    }
    struct store_counts counts = store_counts(k->store);
    due_ns = save_if_due(k, &counts, now_ns);
    if (counts.firing + counts.resolved > 0 && age_ns < due_ns)
      due_ns = age_ns;
  } while (wait_until(k, due_ns));
  state_saver_save(k);
  return NULL;
}

int state_saver_start(struct state_saver *k) {
  int status = thread_start(&k->thread, "alert-saver", run, k);
  k->runs = status == 0;
  return status;
}

void state_saver_wake(struct state_saver *k) {
  pthread_mutex_lock(&k->lock);
  k->awake = true;
  pthread_cond_signal(&k->woken);
  pthread_mutex_unlock(&k->lock);
}

void state_saver_stop(struct state_saver *k) {
  if (!k->runs)
    return;
  pthread_mutex_lock(&k->lock);
  k->stopping = true;
  pthread_cond_signal(&k->woken);
  pthread_mutex_unlock(&k->lock);
  pthread_join(k->thread, NULL);
  k->runs = false;
}
