/* Any bytes as /proc/pressure/memory: a percentage or nothing. */
#include <stdint.h>
#include <stdlib.h>

#include "sidecar/linux/proc_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  double percent;
  if (proc_pressure_parse(span_make((const char *)data, size), &percent) == 0 &&
      !(percent >= 0 && percent < 101))
    abort();
  return 0;
}
