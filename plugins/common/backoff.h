/*
 * Decides whether a line that would be said again and again is due: at once, then after
 * a minute, two, four, ... up to an hour. The clock is the caller's, so that tests need
 * not wait. Callers keep one struct backoff per thing that can go wrong.
 */
#ifndef COMMON_BACKOFF_H
#define COMMON_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

/* All zero is the state in which nothing has been said yet. */
struct backoff {
  uint64_t due_ns;
  uint64_t pause_ns;
  uint32_t suppressed; /* lines not said since the last one that was */
};

/*
 * now_ns is a monotonic time in nanoseconds. Returns true when the line is to be said,
 * with *ret_suppressed the number of times it was not since the last; otherwise counts
 * it and returns false.
 */
bool backoff_due(struct backoff *b, uint64_t now_ns, uint32_t *ret_suppressed);

/* The thing went right again. Returns true when it had been complained about. */
bool backoff_reset(struct backoff *b);

#endif
