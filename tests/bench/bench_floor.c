/*
 * A collectd plugin that reads nothing: in each interval it dispatches as many constant values
 * as the environment variable FLOOR_VALUES says, named like ours (a process, a type, a type
 * instance). So it measures the cost of the daemon itself for that many series: the floor of
 * all figures of daemon.py.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/collectd.h"

enum { SERIES_PER_PROCESS = 50 };

static long values_len;

static int floor_read(void) {
  for (long i = 0; i < values_len; i++) {
    value_t value = {.gauge = (double)i};
    value_list_t vl = VALUE_LIST_INIT;
    vl.values = &value;
    vl.values_len = 1;
    snprintf(vl.plugin, sizeof(vl.plugin), "floor");
    snprintf(vl.plugin_instance, sizeof(vl.plugin_instance), "process%ld",
             i / SERIES_PER_PROCESS);
    snprintf(vl.type, sizeof(vl.type), "gauge");
    snprintf(vl.type_instance, sizeof(vl.type_instance), "series%ld", i % SERIES_PER_PROCESS);
    plugin_dispatch_values(&vl);
  }
  return 0;
}

void module_register(void) {
  const char *text = getenv("FLOOR_VALUES");
  values_len = text != NULL ? atol(text) : 0;
  plugin_register_read("bench_floor", floor_read);
}
