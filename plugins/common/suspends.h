/*
 * When the machine was suspended. In that time the monotonic clock stands still, and so do the
 * processes: durations that are judged leave it out, since nothing could be observed. A date
 * that is derived from a monotonic time needs it again. In fixed memory. Pure.
 */
#ifndef COMMON_SUSPENDS_H
#define COMMON_SUSPENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  SUSPENDS_MAX = 64,     /* of more, the oldest are forgotten */
  SUSPEND_MIN_MS = 1000, /* less is the time between reading two clocks */
};

/* All zero: nothing has been noted. */
struct suspends {
  bool has_begun;
  uint64_t asleep_before_ms; /* since boot, before the first of items */
  size_t len;
  struct {
    uint64_t monotonic_ms; /* when it was noticed: the first time after it */
    uint64_t asleep_ms;    /* since boot, with this one */
  } items[SUSPENDS_MAX];   /* oldest first */
};

/* Notes how long the machine has been suspended since boot; to be called often, so that it is
 * known between which times it was. */
void suspends_note(struct suspends *suspends, uint64_t monotonic_ms, uint64_t asleep_ms);

/* How long it has been suspended since that time of the monotonic clock, in milliseconds, as
 * far as is remembered; 0 for NULL. */
uint64_t suspends_since(const struct suspends *suspends, uint64_t monotonic_ms);

/* The wall time of a time of the monotonic clock, now_ms and now_wall_ms being the present in
 * both; a time in the future is now. */
int64_t suspends_wall_ms(const struct suspends *suspends, uint64_t monotonic_ms,
                         uint64_t now_ms, int64_t now_wall_ms);

#endif
