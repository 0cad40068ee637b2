/* The glue between collectd and the watcher. */
#include "common/collectd.h"

void module_register(void);
