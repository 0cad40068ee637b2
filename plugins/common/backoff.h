/*
 * Decides whether a log line about a lasting failure is due: at once, then after a minute,
 * two, four, ... up to an hour. The clock is the caller's, so that tests need not wait.
 * Callers keep one struct backoff for each thing that can fail. Pure.
 */
#ifndef COMMON_BACKOFF_H
#define COMMON_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

/* All zero is the state in which nothing has been logged yet. */
struct backoff {
  uint64_t due_ns;
  uint64_t pause_ns;
  uint32_t suppressed; /* lines not logged since the last one that was */
};

/*
 * now_ns is a monotonic time in nanoseconds. Returns true when the line is to be logged,
 * with *ret_suppressed the number of times it was not since the last; otherwise counts
 * it and returns false.
 */
bool backoff_due(struct backoff *b, uint64_t now_ns, uint32_t *ret_suppressed);

/* It succeeded again. Returns true when the failure had been logged. */
bool backoff_reset(struct backoff *b);

#endif
