/* Counting short-lived processes; see short_lived.h. */
#include "sidecar/short_lived.h"

static const uint64_t HALF_NS = UINT64_C(1000000000) * 60 * SHORT_LIVED_MINUTES / 2;

/* A pid with another start is another process: the one before stays, and is found to have ended
 * unless its successor is watched. */
void short_lived_see(struct short_lived *short_lived, pid_t pid, uint64_t start_ticks,
                     size_t rule) {
  for (size_t i = 0; i < short_lived->young_len; i++) {
    struct young_process *one = &short_lived->young[i];
    if (one->pid == pid && one->start_ticks == start_ticks) {
      one->is_seen = true;
      return;
    }
  }
  if (short_lived->young_len < SHORT_LIVED_YOUNG_MAX)
    short_lived->young[short_lived->young_len++] =
        (struct young_process){pid, start_ticks, rule, true};
}

size_t short_lived_end_scan(struct short_lived *short_lived,
                            bool (*is_running)(const void *context, pid_t pid),
                            const void *context, size_t ret[SHORT_LIVED_YOUNG_MAX]) {
  size_t ended = 0, kept = 0;
  for (size_t i = 0; i < short_lived->young_len; i++) {
    struct young_process one = short_lived->young[i];
    if (one.is_seen) {
      one.is_seen = false;
      short_lived->young[kept++] = one;
    } else if (!is_running(context, one.pid)) {
      ret[ended++] = one.rule;
    }
  }
  short_lived->young_len = kept;
  return ended;
}

/* Begins another five minutes if these are over. */
static void go_on(struct short_lived_count *count, uint64_t now_ns) {
  uint64_t passed_ns = now_ns - count->begin_ns;
  if (passed_ns < HALF_NS)
    return;
  count->before = passed_ns < 2 * HALF_NS ? count->now : 0;
  count->now = 0;
  count->begin_ns = now_ns;
}

void short_lived_count(struct short_lived *short_lived, size_t rule, uint64_t now_ns) {
  struct short_lived_count *count = &short_lived->counts[rule];
  go_on(count, now_ns);
  if (count->now < UINT32_MAX)
    count->now++;
}

bool short_lived_judge(struct short_lived *short_lived, size_t rule, uint64_t now_ns,
                       uint64_t *ret_count) {
  struct short_lived_count *count = &short_lived->counts[rule];
  go_on(count, now_ns);
  *ret_count = (uint64_t)count->before + count->now;
  bool is_raised = *ret_count >= SHORT_LIVED_MANY || (count->is_raised && *ret_count > 0);
  bool has_changed = is_raised != count->is_raised;
  count->is_raised = is_raised;
  return has_changed;
}

bool short_lived_is_active(const struct short_lived *short_lived) {
  bool is_raised = false;
  for (size_t rule = 0; rule < PROCESS_BLOCKS_MAX; rule++)
    is_raised = is_raised || short_lived->counts[rule].is_raised;
  return is_raised || short_lived->young_len > 0;
}
