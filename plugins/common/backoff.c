/* Log lines with back-off; see backoff.h. */
#include "common/backoff.h"

static const uint64_t FIRST_PAUSE_NS = 60ull * 1000000000;
static const uint64_t LONGEST_PAUSE_NS = 3600ull * 1000000000;

bool backoff_due(struct backoff *b, uint64_t now_ns, uint32_t *ret_suppressed) {
  if (now_ns - b->last_ns >= LONGEST_PAUSE_NS) /* it is news again */
    b->pause_ns = 0;
  b->last_ns = now_ns;
  if (b->pause_ns != 0 && now_ns < b->due_ns) {
    b->suppressed++;
    return false;
  }
  *ret_suppressed = b->suppressed;
  b->suppressed = 0;
  b->pause_ns = b->pause_ns == 0 ? FIRST_PAUSE_NS : b->pause_ns * 2;
  if (b->pause_ns > LONGEST_PAUSE_NS)
    b->pause_ns = LONGEST_PAUSE_NS;
  b->due_ns = now_ns + b->pause_ns;
  b->is_open = true;
  return true;
}

bool backoff_reset(struct backoff *b) {
  bool was_logged = b->is_open;
  *b = (struct backoff){0};
  return was_logged;
}

bool backoff_success(struct backoff *b) {
  bool was_logged = b->is_open;
  b->is_open = false;
  return was_logged;
}
