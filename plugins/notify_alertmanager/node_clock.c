/* The difference of two clocks; see node_clock.h. */
#include "notify_alertmanager/node_clock.h"

static const int64_t SECOND_NS = 1000000000;
/* Less is not worth a correction: clocks are adjusted, and Date has whole seconds. */
static const int64_t TOLERANCE_NS = 2000000000;
/* With more an end ahead would no longer be what it is meant to be. */
static const int64_t DIFFERENCE_MAX_NS = 60 * 1000000000ll;
/* In the year 2116. Later dates, which no clock shows, are treated as this one. */
static const int64_t LAST_SECONDS = INT64_MAX / 1000000000 / 2;

static bool is_close(int64_t a, int64_t b, int64_t tolerance_ns) {
  return a - b <= tolerance_ns && b - a <= tolerance_ns;
}

static int64_t earlier_of(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* Was the host's clock set since the last response? */
static bool was_set(const struct node_clock *clock, int64_t wall_ns, uint64_t monotonic_ns) {
  return clock->known &&
         !is_close(wall_ns - (int64_t)monotonic_ns, clock->offset_ns, TOLERANCE_NS);
}

static int64_t present(const struct node_clock *clock, int64_t wall_ns, uint64_t monotonic_ns) {
  int64_t ahead_ns = was_set(clock, wall_ns, monotonic_ns) ? 0 : clock->ahead_ns;
  return wall_ns > ahead_ns ? wall_ns - ahead_ns : 1;
}

/* A time that the node's clock has passed, as far as that is known. */
static int64_t passed(const struct node_clock *clock, int64_t wall_ns, uint64_t monotonic_ns) {
  if (!clock->known || was_set(clock, wall_ns, monotonic_ns))
    return present(clock, wall_ns, monotonic_ns);
  int64_t passed_ns = (int64_t)monotonic_ns + clock->offset_ns - clock->ahead_max_ns;
  return passed_ns > 0 ? passed_ns : 1;
}

struct node_times node_clock_limit(const struct node_clock *clock, struct node_times times,
                                   int64_t wall_ns, uint64_t monotonic_ns) {
  int64_t present_ns = present(clock, wall_ns, monotonic_ns);
  if (!was_set(clock, wall_ns, monotonic_ns))
    times.starts_ns = earlier_of(times.starts_ns, present_ns);
  if (times.ends_ns != 0) {
    times.ends_ns = earlier_of(times.ends_ns, passed(clock, wall_ns, monotonic_ns));
    times.starts_ns = earlier_of(times.starts_ns, times.ends_ns);
  }
  return times;
}

int64_t node_clock_end_ahead(const struct node_clock *clock, uint64_t ahead_ns, int64_t wall_ns,
                             uint64_t monotonic_ns) {
  if (!clock->known || was_set(clock, wall_ns, monotonic_ns) ||
      !is_close(clock->ahead_ns, 0, DIFFERENCE_MAX_NS))
    return 0;
  return present(clock, wall_ns, monotonic_ns) + (int64_t)ahead_ns;
}

bool node_clock_update(struct node_clock *clock, int64_t date_seconds, uint64_t duration_ns,
                       int64_t wall_ns, uint64_t monotonic_ns) {
  if (date_seconds <= 0)
    return false;
  int64_t error_ns = TOLERANCE_NS + (int64_t)duration_ns;
  /* Date was the node's time when it responded, cut to a second */
  int64_t ahead_max_ns = wall_ns - earlier_of(date_seconds, LAST_SECONDS) * SECOND_NS;
  int64_t ahead_ns = is_close(ahead_max_ns, 0, error_ns) ? 0 : ahead_max_ns;
  /* the same difference, measured again */
  if (ahead_ns != 0 && clock->ahead_ns != 0 && is_close(ahead_ns, clock->ahead_ns, error_ns))
    ahead_ns = clock->ahead_ns;
  bool differs =
      !clock->known || was_set(clock, wall_ns, monotonic_ns) || ahead_ns != clock->ahead_ns;
  *clock = (struct node_clock){.known = true,
                               .ahead_ns = ahead_ns,
                               .ahead_max_ns = ahead_max_ns,
                               .offset_ns = wall_ns - (int64_t)monotonic_ns};
  return differs;
}
