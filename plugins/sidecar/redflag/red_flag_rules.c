/* Rules of red flags; see red_flag_rules.h. */
#include "sidecar/redflag/red_flag_rules.h"

#include <math.h>

void red_flag_rules_init(struct red_flag_rules *rules) {
  *rules = (struct red_flag_rules){.warm_up_ms = RED_FLAG_WARM_UP_MS};
  for (size_t i = 0; i < RED_FLAGS; i++) {
    const struct red_flag_info *info = &red_flags[i];
    rules->rules[i] = (struct red_flag_rule){
        .warning = info->warning * info->scale,
        .failure = info->failure * info->scale,
        .hold_ms = info->hold_s * UINT64_C(1000),
        .window_ms = info->window_s * UINT64_C(1000),
    };
  }
}

const char *red_flag_rule_fault(enum red_flag flag, const struct red_flag_rule *rule) {
  if (rule->failure < rule->warning)
    return "Failure is below Warning; allowed is Failure at or above Warning";
  switch (red_flags[flag].kind) {
  case RED_FLAG_BY_GROWTH:
    if (rule->window_ms == 0 || rule->hold_ms < GROWTH_WINDOWS_MIN * rule->window_ms ||
        rule->hold_ms > GROWTH_WINDOWS_MAX * rule->window_ms)
      return "Hold and Window do not go together; allowed is a Hold of 4 to 24 Windows";
    return NULL;
  case RED_FLAG_BY_STEP:
    if (rule->hold_ms > rule->window_ms)
      return "Hold is longer than Window; allowed is a Window of at least Hold";
    return NULL;
  default:
    return NULL;
  }
}
