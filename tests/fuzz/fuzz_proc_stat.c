/* Any bytes as /proc/PID/stat: rejected, or fields that are within the text and are numbers. */
#include <stdint.h>
#include <stdlib.h>

#include "sidecar/linux/proc_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct span text = span_make((const char *)data, size);
  struct proc_stat stat;
  if (proc_stat_parse(text, &stat) != 0)
    return 0;
  if (stat.name.at < text.at || stat.name.at + stat.name.len > text.at + text.len)
    abort();
  if (stat.flags == VALUE_UNKNOWN || stat.minor_faults == VALUE_UNKNOWN ||
      stat.major_faults == VALUE_UNKNOWN || stat.user_ticks == VALUE_UNKNOWN ||
      stat.system_ticks == VALUE_UNKNOWN || stat.threads == VALUE_UNKNOWN ||
      stat.start_ticks == VALUE_UNKNOWN || stat.virtual_bytes == VALUE_UNKNOWN)
    abort();
  return 0;
}
