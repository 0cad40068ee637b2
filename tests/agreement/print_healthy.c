/* Prints the healthy ranges as JSON, {metric: [from, to]}: for the dashboards' bands
 * (grafana/generated/healthy_ranges.json) and for the tests that compare documents with them.
 */
#include <inttypes.h>
#include <stdio.h>

#include "sidecar/os/healthy.h"

int main(void) {
  printf("{\n");
  for (size_t i = 0; i < HEALTHY_VALUES; i++) {
    const struct healthy_range *range = &healthy_ranges[i];
    printf("  \"%s\": [%" PRIu64 ", %" PRIu64 "]%s\n", range->metric, range->low, range->high,
           i + 1 < HEALTHY_VALUES ? "," : "");
  }
  printf("}\n");
  return 0;
}
