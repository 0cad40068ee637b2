/*
 * Decides whether to log a persistent failure again: immediately, then after a minute, two,
 * four, ... up to an hour. A success in between does not shorten that, or a failure that comes
 * and goes would be logged each time; an hour without it does. The time is passed in, so that
 * tests need not wait. Callers keep one struct backoff for each kind of failure. Pure.
 */
#ifndef COMMON_BACKOFF_H
#define COMMON_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

/* All zero: nothing has been logged yet. */
struct backoff {
  uint64_t due_ns;
  uint64_t pause_ns;
  uint64_t last_ns;    /* of the last failure, logged or not */
  uint32_t suppressed; /* lines suppressed since the last one logged */
  bool is_open;        /* logged, and no success since */
};

/*
 * now_ns is a monotonic time in nanoseconds. Returns true if the line is to be logged, with the
 * number suppressed since the last one in *ret_suppressed; otherwise counts it and returns
 * false.
 */
bool backoff_due(struct backoff *b, uint64_t now_ns, uint32_t *ret_suppressed);

/* To be called on success. Returns true if the failure had been logged since the last one. */
bool backoff_success(struct backoff *b);

/* The same, and the next failure is logged immediately: for failures that do not come and go.
 */
bool backoff_reset(struct backoff *b);

#endif
