/* Any bytes as /proc/PID/limits: a number, no limit, or nonsense. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "sidecar/linux/proc_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint64_t soft = VALUE_UNKNOWN;
  int status = proc_limits_parse_open_files(span_make((const char *)data, size), &soft);
  if (status == 0 ? soft == VALUE_UNKNOWN : soft != VALUE_UNKNOWN)
    abort();
  if (status != 0 && status != -ENODATA && status != -EBADMSG)
    abort();
  return 0;
}
