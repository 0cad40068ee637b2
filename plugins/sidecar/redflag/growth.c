/* Growth by troughs; see growth.h. */
#include "sidecar/redflag/growth.h"

#include <math.h>

static const uint32_t widths[GROWTH_SCALES] = {1, 3, 9};

static const double RELATIVE_RISE_MIN = 0.1;
static const double EVENNESS_MIN = 5;

void growth_init(struct growth *growth, const struct red_flag_rule *rule) {
  *growth = (struct growth){.is_raised = false};
  uint32_t steps = (uint32_t)(rule->hold_ms / rule->window_ms);
  for (size_t i = 0; i < GROWTH_SCALES; i++)
    windows_init(&growth->scales[i], rule->window_ms * widths[i], steps + 1);
}

/* The median of the windows' doubts. */
static double usual_doubt(const struct windows *windows) {
  double sorted[WINDOWS_MAX];
  for (uint32_t i = 0; i < windows->len; i++) {
    double doubt = windows_at(windows, i)->doubt;
    uint32_t at = i;
    for (; at > 0 && sorted[at - 1] > doubt; at--)
      sorted[at] = sorted[at - 1];
    sorted[at] = doubt;
  }
  return sorted[windows->len / 2];
}

/* Student's t of the steps from trough to trough, against none: squared and compared without
 * a root or a division, so that a perfectly even rise needs no case of its own. */
static bool is_even(const struct windows *windows, double rise) {
  uint32_t steps = windows->len - 1;
  double mean = rise / steps, squares = 0;
  for (uint32_t i = 0; i < steps; i++) {
    double off = windows_at(windows, i)->trough - windows_at(windows, i + 1)->trough - mean;
    squares += off * off;
  }
  double variance = squares / (steps - 1);
  return rise * rise >= EVENNESS_MIN * EVENNESS_MIN * steps * variance;
}

static bool has_grown(const struct windows *windows, double threshold) {
  if (windows->len < windows->capacity)
    return false;
  double base = windows_at(windows, windows->len - 1)->trough;
  double rise = windows_at(windows, 0)->trough - base;
  return rise > 0 && rise >= threshold && rise >= RELATIVE_RISE_MIN * base &&
         is_even(windows, rise) && rise >= usual_doubt(windows);
}

static void raise_flag(struct growth *growth, uint32_t scale) {
  const struct windows *windows = &growth->scales[scale];
  growth->is_raised = true;
  growth->scale = scale;
  growth->stalled = 0;
  growth->base = windows_at(windows, windows->len - 1)->trough;
  growth->high = growth->trough = windows_at(windows, 0)->trough;
  growth->trough_ms = windows->closed_ms;
  growth->begin_ms = windows->closed_ms - windows->width_ms * (windows->len - 1);
}

/* A window closed at the scale the growth showed in. */
static void follow(struct growth *growth) {
  const struct windows *windows = &growth->scales[growth->scale];
  growth->trough = windows_at(windows, 0)->trough;
  growth->trough_ms = windows->closed_ms;
  growth->stalled++;
  if (growth->trough > growth->high) {
    growth->high = growth->trough;
    growth->stalled = 0;
  }
  if (growth->stalled < windows->capacity - 1 &&
      growth->trough > growth->base + (growth->high - growth->base) / 2)
    return;
  growth->is_raised = false;
  for (size_t i = 0; i < GROWTH_SCALES; i++)
    windows_clear(&growth->scales[i]);
}

void growth_add(struct growth *growth, const struct red_flag_rule *rule, double value,
                uint64_t now_ms) {
  for (uint32_t i = 0; i < GROWTH_SCALES; i++) {
    if (!windows_add(&growth->scales[i], value, now_ms))
      continue;
    if (!growth->is_raised && has_grown(&growth->scales[i], rule->warning))
      raise_flag(growth, i);
    else if (growth->is_raised && growth->scale == i)
      follow(growth);
  }
}
