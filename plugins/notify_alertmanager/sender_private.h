/* What the sender's parts share: sender.c has the thread, sender_post.c makes a post. */
#ifndef NOTIFY_ALERTMANAGER_SENDER_PRIVATE_H
#define NOTIFY_ALERTMANAGER_SENDER_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/http.h"
#include "notify_alertmanager/alert_json.h"
#include "notify_alertmanager/sender.h"

/* One alert always fits; many go in several posts, which proxies like better too (nginx
 * takes a megabyte). */
enum {
  POST_BYTES_ENOUGH = 512 * 1024,
  POST_BYTES_MAX = POST_BYTES_ENOUGH + 2 * ALERT_JSON_BYTES_MAX + 64,
};

struct sender {
  struct sender_config config;
  struct store *store;
  struct store_walker changes, round;
  struct http_loop *loop;
  struct alert_json *json;
  struct delivery delivery;
  uint64_t random_state;
  pthread_t thread;
  bool runs;
  atomic_bool stopping;
  _Atomic uint64_t deadline_ns;

  /* of the post under way, on the thread alone */
  struct store_item items[DELIVERY_ALERTS_MAX + 1];
  bool answered;
  struct http_result result;
  struct buffer error_body;

  pthread_mutex_t stats_lock;
  struct sender_stats stats;
};

/* In [0, 1), for jitter. */
double sender_random(struct sender *s);

/* Moves the transfers on for as long, less when somebody wakes us or the time is over. */
void sender_wait(struct sender *s, uint64_t wait_ms);

/* Is the thread to end and its time over? */
bool sender_is_over(const struct sender *s);

/* Posts what the step is about, and follows the answer. */
void sender_deliver(struct sender *s, enum delivery_step step);

#endif
