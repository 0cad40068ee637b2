/* Any bytes as smaps: each line is a region, whose name is a part of it, or a sum. */
#include <stdint.h>
#include <stdlib.h>

#include "sidecar/linux/proc_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct span text = span_make((const char *)data, size), line;
  struct memory_map_region region = {.name = {"", 0}};
  while (scan_line(&text, &line)) {
    if (proc_maps_is_sum(line)) {
      proc_maps_parse_sum(line, &region);
      if (region.rss != VALUE_UNKNOWN && region.rss % 1024 != 0)
        abort();
    } else if (proc_maps_parse_region(line, &region) == 0) {
      if (region.name.at < line.at || region.name.at + region.name.len != line.at + line.len)
        abort();
    }
  }
  return 0;
}
