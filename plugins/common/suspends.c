/* The suspensions of the machine that are remembered; see suspends.h. */
#include "common/suspends.h"

#include <string.h>

/* How long it had been suspended at that time, since boot. */
static uint64_t asleep_at(const struct suspends *suspends, uint64_t monotonic_ms) {
  size_t i = suspends->len;
  while (i > 0 && suspends->items[i - 1].monotonic_ms > monotonic_ms)
    i--;
  return i > 0 ? suspends->items[i - 1].asleep_ms : suspends->asleep_before_ms;
}

static void forget_oldest(struct suspends *suspends) {
  suspends->asleep_before_ms = suspends->items[0].asleep_ms;
  suspends->len--;
  memmove(&suspends->items[0], &suspends->items[1], suspends->len * sizeof(suspends->items[0]));
}

void suspends_note(struct suspends *suspends, uint64_t monotonic_ms, uint64_t asleep_ms) {
  if (!suspends->has_begun) {
    suspends->has_begun = true;
    suspends->asleep_before_ms = asleep_ms;
    return;
  }
  uint64_t known_ms = asleep_at(suspends, UINT64_MAX);
  if (asleep_ms < known_ms || asleep_ms - known_ms < SUSPEND_MIN_MS)
    return;
  if (suspends->len == SUSPENDS_MAX)
    forget_oldest(suspends);
  suspends->items[suspends->len].monotonic_ms = monotonic_ms;
  suspends->items[suspends->len++].asleep_ms = asleep_ms;
}

uint64_t suspends_since(const struct suspends *suspends, uint64_t monotonic_ms) {
  if (suspends == NULL)
    return 0;
  return asleep_at(suspends, UINT64_MAX) - asleep_at(suspends, monotonic_ms);
}

int64_t suspends_wall_ms(const struct suspends *suspends, uint64_t monotonic_ms,
                         uint64_t now_ms, int64_t now_wall_ms) {
  if (monotonic_ms >= now_ms)
    return now_wall_ms;
  return now_wall_ms -
         (int64_t)(now_ms - monotonic_ms + suspends_since(suspends, monotonic_ms));
}
