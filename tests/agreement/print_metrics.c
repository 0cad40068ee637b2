/*
 * Prints the plugin's table of metrics, one line each, for the tests that hold types.db,
 * man page, README, dashboards and rules against it:
 * type, kind (gauge, derive, stock), tier, type instances, unit, help; tab-separated.
 */
#include <stdio.h>

#include "sidecar/metrics.h"

int main(void) {
  static const char *const kinds[] = {[METRIC_GAUGE] = "gauge",
                                      [METRIC_DERIVE] = "derive",
                                      [METRIC_STOCK_DERIVE] = "stock",
                                      [METRIC_STOCK_PAIR] = "stock"};
  for (size_t i = 0; i < METRICS; i++) {
    const struct metric_info *info = &metrics[i];
    printf("%s\t%s\t%s\t", info->type, kinds[info->kind],
           info->tier == TIER_PULSE ? "pulse" : "detail");
    const char *instance = metric_instance((enum metric)i, 0);
    for (size_t n = 0; instance != NULL; instance = metric_instance((enum metric)i, ++n))
      printf("%s%s", n > 0 ? " " : "", instance);
    printf("%s\t%s\t%s\n", metric_has_configured_instances((enum metric)i) ? "*" : "",
           info->unit, info->help);
  }
  return 0;
}
