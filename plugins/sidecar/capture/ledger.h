/*
 * The ledger of requests: which processes have a baseline, and the bundles of which time, and
 * when each flag of each was last captured, so that a request is answered without accessing the
 * disk. It decides whether a
 * bundle is due and makes bundle names unique. Pure; the caller holds the lock.
 */
#ifndef SIDECAR_CAPTURE_LEDGER_H
#define SIDECAR_CAPTURE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

enum {
  LEDGER_MAX = 16384, /* entries; past that the oldest of the longer list are dropped */
  LEDGER_BUCKETS = 1024,
  LEDGER_RETRY_MS = 60 * 1000,
};

struct ledger_key {
  pid_t pid;
  uint64_t start_ticks;
  const char *reason; /* valid: capture_reason_is_valid() */
  bool is_failure;    /* captured even if a warning was within the interval */
  uint64_t round;     /* as in struct capture_request; 0 for others */
};

struct ledger_entry;
TAILQ_HEAD(ledger_list, ledger_entry);
LIST_HEAD(ledger_bucket, ledger_entry);

struct ledger {
  struct ledger_list flags, once; /* by kind of reason; each in the order of requests */
  struct ledger_bucket by_pid[LEDGER_BUCKETS];
  unsigned len, once_len; /* of both lists; of one */
};

void ledger_init(struct ledger *ledger);

/* Frees all entries. */
void ledger_clear(struct ledger *ledger);

/* Returns 0 when a bundle may be requested now; -EAGAIN, -EALREADY as capture_request(). */
int ledger_check(const struct ledger *ledger, const struct ledger_key *key,
                 uint64_t monotonic_ms, uint64_t min_interval_ms);

/*
 * Records a request at the current time. *wall_time_ms names the bundle: it is moved forward if
 * the last bundle with this key had the same time. Drops the entries that min_interval_ms no
 * longer needs. Returns 0 or -ENOMEM.
 */
int ledger_record_request(struct ledger *ledger, const struct ledger_key *key,
                          uint64_t monotonic_ms, uint64_t min_interval_ms,
                          int64_t *wall_time_ms);

/* Records that a bundle that is written once, such as a baseline, is on disk, just written or
 * from an earlier run of the daemon. Returns 0 or -ENOMEM. */
int ledger_record_written(struct ledger *ledger, const struct ledger_key *key);

/* Records that the bundle could not be written: it may be requested again, one that is written
 * once after LEDGER_RETRY_MS. */
void ledger_record_failure(struct ledger *ledger, const struct ledger_key *key,
                           uint64_t monotonic_ms);

#endif
