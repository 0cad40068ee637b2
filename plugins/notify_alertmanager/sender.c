/* One node's thread; see sender.h. What to do when stands in delivery.h. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/clock.h"
#include "notify_alertmanager/response.h"
#include "notify_alertmanager/sender_private.h"

enum {
  WAIT_MAX_MS = 60 * 1000,
  BROKEN_PAUSE_US = 100 * 1000,
};

/* xorshift64*: for jitter alone, no secret */
double sender_random(struct sender *s) {
  uint64_t x = s->random_state;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  s->random_state = x;
  return (double)((x * 2685821657736338717u) >> 11) / 9007199254740992.0;
}

int sender_new(const struct sender_config *config, struct store *store, struct sender **ret) {
  struct sender *s = calloc(1, sizeof(*s));
  if (s == NULL)
    return -ENOMEM;
  s->config = *config;
  s->store = store;
  buffer_init(&s->error_body, RESPONSE_BYTES_MAX);
  pthread_mutex_init(&s->stats_lock, NULL);
  if (getrandom(&s->random_state, sizeof(s->random_state), GRND_NONBLOCK) < 0 ||
      s->random_state == 0)
    s->random_state = clock_monotonic_ns() | 1;

  int status = alert_json_new(POST_BYTES_MAX, &s->json);
  if (status == 0)
    status = http_loop_new(&s->loop);
  if (status != 0) {
    sender_free(s);
    return status;
  }
  store_walker_add(store, &s->changes, true);
  store_walker_add(store, &s->round, false);
  delivery_init(&s->delivery, config->resend_ns, clock_monotonic_ns(), sender_random(s));
  *ret = s;
  return 0;
}

void sender_free(struct sender *s) {
  if (s == NULL)
    return;
  store_walker_remove(s->store, &s->changes);
  store_walker_remove(s->store, &s->round);
  http_loop_free(s->loop);
  alert_json_free(s->json);
  buffer_free(&s->error_body);
  pthread_mutex_destroy(&s->stats_lock);
  free(s);
}

void sender_wake(struct sender *s) {
  http_loop_wake(s->loop);
}

void sender_stop(struct sender *s, uint64_t deadline_ns) {
  atomic_store(&s->deadline_ns, deadline_ns);
  atomic_store(&s->stopping, true);
  http_loop_wake(s->loop);
}

struct sender_stats sender_stats(struct sender *s) {
  pthread_mutex_lock(&s->stats_lock);
  struct sender_stats stats = s->stats;
  pthread_mutex_unlock(&s->stats_lock);
  stats.waiting = store_pending(s->store, &s->changes, s->config.number);
  return stats;
}

/* ---- the thread ---- */

bool sender_is_over(const struct sender *s) {
  return atomic_load(&s->stopping) && clock_monotonic_ns() >= atomic_load(&s->deadline_ns);
}

/* How long to wait at most: until the deadline when there is one. */
static uint64_t patience_ms(const struct sender *s) {
  if (!atomic_load(&s->stopping))
    return WAIT_MAX_MS;
  uint64_t now_ns = clock_monotonic_ns(), deadline_ns = atomic_load(&s->deadline_ns);
  return deadline_ns > now_ns ? (deadline_ns - now_ns) / 1000000 + 1 : 0;
}

void sender_wait(struct sender *s, uint64_t wait_ms) {
  uint64_t patience = patience_ms(s);
  if (http_loop_run(s->loop, wait_ms < patience ? wait_ms : patience) < 0)
    usleep(BROKEN_PAUSE_US); /* libcurl does not work at all */
}

/* Stopping, is there still something that can be done? */
static bool is_done(struct sender *s, bool changes) {
  uint64_t now_ns = clock_monotonic_ns();
  return !changes || delivery_is_held(&s->delivery, now_ns) || sender_is_over(s);
}

static void *run(void *argument) {
  struct sender *s = argument;
  for (;;) {
    uint64_t wait_ns = 0;
    bool changes = !store_walker_at_end(s->store, &s->changes);
    bool stopping = atomic_load(&s->stopping);
    if (stopping && is_done(s, changes))
      return NULL;
    if (stopping)
      s->delivery.changes_after_ns = 0; /* now or never */

    enum delivery_step step =
        delivery_next(&s->delivery, clock_monotonic_ns(), changes, &wait_ns);
    if (step == DELIVERY_ROUND_BEGIN)
      store_walker_rewind(s->store, &s->round);
    else if (step != DELIVERY_WAIT)
      sender_deliver(s, step);
    else
      sender_wait(s, wait_ns / 1000000 + 1);
  }
}

int sender_start(struct sender *s) {
  sigset_t all, before;
  /* signals are for collectd's main thread */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int status = pthread_create(&s->thread, NULL, run, s);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  s->runs = status == 0;
  if (s->runs)
    pthread_setname_np(s->thread, "alertmanager");
  return -status;
}

void sender_join(struct sender *s) {
  if (s->runs)
    pthread_join(s->thread, NULL);
  s->runs = false;
}
