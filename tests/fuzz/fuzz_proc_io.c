/* Any bytes as /proc/PID/io: both numbers or none. */
#include <stdint.h>
#include <stdlib.h>

#include "sidecar/linux/proc_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct proc_io io;
  if (proc_io_parse(span_make((const char *)data, size), &io) == 0 &&
      (io.read_bytes == VALUE_UNKNOWN || io.write_bytes == VALUE_UNKNOWN))
    abort();
  return 0;
}
