/* Any bytes as /proc/PID/status: no value that is not a whole number of kilobytes. */
#include <stdint.h>
#include <stdlib.h>

#include "sidecar/linux/proc_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(uint64_t bytes) {
  if (bytes != VALUE_UNKNOWN && bytes % 1024 != 0)
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct span text = span_make((const char *)data, size);
  struct process_memory status;
  uint64_t voluntary, involuntary;
  if (proc_status_parse(text, &status) == 0) {
    if (status.resident_bytes == VALUE_UNKNOWN)
      abort();
    check(status.resident_peak_bytes);
    check(status.resident_bytes);
    check(status.anon_bytes);
    check(status.file_bytes);
    check(status.shmem_bytes);
    check(status.swap_bytes);
  }
  if (proc_status_parse_switches(text, &voluntary, &involuntary) == 0 &&
      (voluntary == VALUE_UNKNOWN || involuntary == VALUE_UNKNOWN))
    abort();
  return 0;
}
