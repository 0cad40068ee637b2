/* Steps of the floor; see step.h. */
#include "sidecar/redflag/step.h"

/* Hold is six windows; the plateau is known by the six before the two that may be the rise. */
enum { WINDOWS_OF_HOLD = 6, WINDOWS_OF_RISE = 2, WINDOWS_OF_PLATEAU = 6 };

static const double RELATIVE_HEIGHT_MIN = 0.5;

void step_init(struct step *step, const struct red_flag_rule *rule) {
  *step = (struct step){.is_up = false};
  uint64_t width_ms = rule->hold_ms / WINDOWS_OF_HOLD;
  windows_init(&step->windows, width_ms > 0 ? width_ms : 1,
               1 + WINDOWS_OF_RISE + WINDOWS_OF_PLATEAU);
}

static void look_for_step(struct step *step, double warning) {
  const struct windows *windows = &step->windows;
  if (windows->len < windows->capacity)
    return;
  double base = 0;
  for (uint32_t i = 1 + WINDOWS_OF_RISE; i < windows->len; i++) {
    double trough = windows_at(windows, i)->trough;
    if (trough > base)
      base = trough;
  }
  double least = RELATIVE_HEIGHT_MIN * base > warning ? RELATIVE_HEIGHT_MIN * base : warning;
  if (step->trough < base + least)
    return;
  step->is_up = true;
  step->base = base;
  step->least = least;
  step->begin_ms = windows->closed_ms - windows->width_ms;
}

static void forget(struct step *step) {
  step->is_up = false;
  step->is_raised = false;
  windows_clear(&step->windows);
}

void step_add(struct step *step, const struct red_flag_rule *rule, double value,
              uint64_t now_ms) {
  struct windows *windows = &step->windows;
  bool has_closed = windows_add(windows, value, now_ms);
  if (windows->len == 0 && !step->is_raised)
    step->is_up = false; /* a gap: whether it stayed is not known */
  if (!has_closed)
    return;
  step->trough = windows_at(windows, 0)->trough;
  step->trough_ms = windows->closed_ms;
  if (!step->is_up) {
    look_for_step(step, rule->warning);
    return;
  }
  /* until it is raised it must stay up in full, then half of the step must go */
  double floor = step->base + (step->is_raised ? step->least / 2 : step->least);
  uint64_t up_ms = step->trough_ms - step->begin_ms;
  if (step->trough < floor || (step->is_raised && up_ms >= rule->window_ms))
    forget(step);
  else if (up_ms >= rule->hold_ms)
    step->is_raised = true;
}
