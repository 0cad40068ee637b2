/* Times of day and intervals; see schedule.h. */
#include "sidecar/capture/schedule.h"

#include <errno.h>
#include <time.h>

#include "common/scan.h"

enum { MINUTE_S = 60, HOUR_S = 60 * MINUTE_S };

/* ---- as configured ---- */

/* Removes two digits. */
static bool scan_two_digits(struct span *text, unsigned max, unsigned *ret) {
  uint64_t number;
  if (text->len < 2 || scan_whole_u64(span_make(text->at, 2), 0, max, &number) != 0)
    return false;
  *text = span_make(text->at + 2, text->len - 2);
  *ret = (unsigned)number;
  return true;
}

int schedule_add_time(struct schedule *schedule, const char *text) {
  struct span rest = span_of(text);
  unsigned hours, minutes;
  if (!scan_two_digits(&rest, 23, &hours) || !scan_literal(&rest, ":") ||
      !scan_two_digits(&rest, 59, &minutes) || rest.len != 0)
    return -EINVAL;
  uint16_t time = (uint16_t)(hours * 60 + minutes);
  for (size_t i = 0; i < schedule->times_len; i++)
    if (schedule->times[i] == time)
      return -EEXIST;
  if (schedule->times_len == SCHEDULE_TIMES_MAX)
    return -ENOSPC;
  schedule->times[schedule->times_len++] = time;
  return 0;
}

/* ---- times of day ---- */

/* mktime(3) for standard or summer time; false when it is the other one then. */
static bool find_instant(const struct tm *day, uint16_t time, int is_summer, time_t *ret) {
  struct tm wanted = {.tm_year = day->tm_year,
                      .tm_mon = day->tm_mon,
                      .tm_mday = day->tm_mday,
                      .tm_hour = time / 60,
                      .tm_min = time % 60,
                      .tm_isdst = is_summer};
  struct tm found;
  *ret = mktime(&wanted);
  return *ret != (time_t)-1 && localtime_r(ret, &found) != NULL && found.tm_hour == time / 60 &&
         found.tm_min == time % 60;
}

/* When it is this time on a day. Not with tm_isdst = -1: for times that exist twice or never,
 * the result may then depend on earlier calls. */
static time_t instant_of(const struct tm *day, uint16_t time) {
  time_t standard, summer;
  if (find_instant(day, time, 0, &standard) || !find_instant(day, time, 1, &summer))
    return standard;
  return summer;
}

/* The last time that has passed; INT64_MIN: none, or the date is not known. */
static int64_t last_time(const struct schedule *schedule, int64_t wall_s) {
  time_t now = (time_t)wall_s;
  struct tm today;
  int64_t last = INT64_MIN;
  if (localtime_r(&now, &today) == NULL)
    return last;
  for (size_t i = 0; i < schedule->times_len; i++)
    for (int days = 0; days < 2; days++) { /* mktime() knows what the 0th of a month is */
      struct tm day = today;
      day.tm_mday -= days;
      int64_t instant = instant_of(&day, schedule->times[i]);
      if (instant <= wall_s && instant > last)
        last = instant;
    }
  return last;
}

static bool is_time_due(const struct schedule *schedule, struct schedule_clock *clock,
                        int64_t wall_s) {
  if (wall_s < clock->wall_s - HOUR_S)
    clock->wall_s = wall_s;
  bool is_due = false;
  if (wall_s / MINUTE_S > clock->wall_s / MINUTE_S) /* times are whole minutes */
    is_due = last_time(schedule, wall_s) > clock->wall_s;
  if (wall_s > clock->wall_s)
    clock->wall_s = wall_s;
  return is_due;
}

/* ---- intervals ---- */

static bool is_interval_over(const struct schedule *schedule, struct schedule_clock *clock,
                             uint64_t monotonic_ms) {
  uint64_t passed_ms = monotonic_ms - clock->monotonic_ms;
  if (passed_ms < schedule->interval_ms)
    return false;
  clock->monotonic_ms += passed_ms - passed_ms % schedule->interval_ms;
  return true;
}

bool schedule_is_due(const struct schedule *schedule, struct schedule_clock *clock,
                     int64_t wall_s, uint64_t monotonic_ms) {
  if (!clock->has_begun) {
    *clock = (struct schedule_clock){true, wall_s, monotonic_ms};
    return false;
  }
  if (schedule->times_len > 0)
    return is_time_due(schedule, clock, wall_s);
  return schedule->interval_ms > 0 && is_interval_over(schedule, clock, monotonic_ms);
}
