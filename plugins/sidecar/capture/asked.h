/*
 * What has been asked for: which processes have a baseline, and when each flag of each was
 * captured last, so that a request is answered without looking at a disk. Pure; the caller
 * holds the lock.
 */
#ifndef SIDECAR_CAPTURE_ASKED_H
#define SIDECAR_CAPTURE_ASKED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "sidecar/capture/capture.h"

#define CAPTURE_BASELINE "baseline"

enum {
  ASKED_MAX = 16384, /* remembered; past that the oldest are forgotten */
  ASKED_BUCKETS = 1024,
  ASKED_BASELINE_RETRY_MS = 60 * 1000,
};

struct asked_key {
  pid_t pid;
  uint64_t start_ticks;
  const char *reason;
};

struct asked_entry;
TAILQ_HEAD(asked_list, asked_entry);
LIST_HEAD(asked_bucket, asked_entry);

struct asked {
  struct asked_list flags, baselines; /* each: the one that was asked for last is last */
  struct asked_bucket by_pid[ASKED_BUCKETS];
  unsigned len;
};

void asked_init(struct asked *asked);
void asked_clear(struct asked *asked);

/* Returns 0 when it may be asked for now; -EAGAIN, -EALREADY as capture_request(). */
int asked_check(const struct asked *asked, const struct asked_key *key, uint64_t monotonic_ms,
                uint64_t min_interval_ms);

/*
 * It is asked for now. *wall_time_ms names the bundle: it is put forward if the last one of
 * this kind had the same. Forgets what min_interval_ms no longer needs. Returns 0 or -ENOMEM.
 */
int asked_add(struct asked *asked, const struct asked_key *key, uint64_t monotonic_ms,
              uint64_t min_interval_ms, int64_t *wall_time_ms);

/* A baseline that is there, just written or from an earlier life of the daemon. Returns 0 or
 * -ENOMEM. */
int asked_add_baseline(struct asked *asked, pid_t pid, uint64_t start_ticks);

/* It could not be written: it may be asked for again, a baseline after a while. */
void asked_failed(struct asked *asked, const struct asked_key *key, uint64_t monotonic_ms);

#endif
