/*
 * Clocks in nanoseconds, monotonic (for intervals, durations and back-off) and wall time; and
 * dates as text. Dates are always in UTC, so that logs, file names and annotations of several
 * machines can be compared.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

static inline uint64_t clock_monotonic_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Since 1970. May jump in both directions when the clock is set. */
static inline int64_t clock_wall_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The last second of the year 9999, since 1970. */
#define CLOCK_LAST_SECONDS INT64_C(253402300799)

/* The usual format for clock_format_utc(): "2026-05-17 09:30:00 UTC". */
#define CLOCK_READABLE "%Y-%m-%d %H:%M:%S UTC"

enum { CLOCK_READABLE_SIZE = sizeof("2026-05-17 09:30:00 UTC") };

/*
 * Writes a date, in seconds since 1970, in UTC; format is one of strftime(3), and numeric
 * conversions do not depend on the locale. Dates are clamped to the years 1970 to 9999, so that
 * the length never varies. Returns false, with "" in dst, when size (at least 1) is too small.
 */
bool clock_format_utc(char *dst, size_t size, const char *format, int64_t seconds)
    __attribute__((format(strftime, 3, 0)));

#endif
