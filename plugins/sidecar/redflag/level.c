/* One threshold; see level.h. */
#include "sidecar/redflag/level.h"

void level_interrupt(struct level *level) {
  level->is_turning = false;
}

void level_judge(struct level *level, double value, double threshold, uint64_t hold_ms,
                 uint64_t now_ms) {
  bool is_above = value >= threshold;
  if (is_above == level->is_raised) {
    level->is_turning = false;
    return;
  }
  if (!level->is_turning) {
    level->is_turning = true;
    level->turn_ms = now_ms;
  }
  bool is_clear = level->is_raised && value < 0.9 * threshold;
  if (now_ms - level->turn_ms < hold_ms && !is_clear)
    return;
  level->is_raised = is_above;
  level->is_turning = false;
  if (is_above)
    level->since_ms = level->turn_ms;
}
