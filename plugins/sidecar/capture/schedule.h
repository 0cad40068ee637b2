/*
 * When captures are due that no red flag asks for: at local times of day, or each time that an
 * interval is over. Clocks are passed in, and may jump. Pure, but for the C library's time
 * zone.
 */
#ifndef SIDECAR_CAPTURE_SCHEDULE_H
#define SIDECAR_CAPTURE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCHEDULE_TIMES_MAX = 24 };

/* All zero: never. */
struct schedule {
  uint16_t times[SCHEDULE_TIMES_MAX]; /* of day, in minutes since midnight */
  size_t times_len;
  uint64_t interval_ms; /* if times_len is 0; 0: none */
};

/*
 * Adds a time, written as "06:00": two digits each, 00:00 to 23:59, and nothing else. Returns
 * 0; -EINVAL when it is not a time; -EEXIST when it was added before; -ENOSPC.
 */
int schedule_add_time(struct schedule *schedule, const char *text);

/* Until when it was looked at. All zero: not yet. */
struct schedule_clock {
  bool has_begun;
  int64_t wall_s; /* since the epoch */
  uint64_t monotonic_ms;
};

/*
 * Has a time passed since the last call? The first call begins, and returns false. However many
 * times have passed, while the system slept or because the clock was set forward, they count as
 * one. A clock that is set back by up to an hour repeats no time; by more, it begins again. A
 * time that does not exist on a day, because the clocks are put forward, is later by the
 * difference; one that exists twice counts once, in standard time. Intervals are counted on the
 * monotonic clock, and not while the system sleeps.
 */
bool schedule_is_due(const struct schedule *schedule, struct schedule_clock *clock,
                     int64_t wall_s, uint64_t monotonic_ms);

#endif
