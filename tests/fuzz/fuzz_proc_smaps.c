/* Any bytes as smaps_rollup: rejected, or sums that are consistent with the footprint. */
#include <stdint.h>
#include <stdlib.h>

#include "sidecar/linux/proc_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct memory_map_rollup sums;
  if (proc_smaps_parse_rollup(span_make((const char *)data, size), &sums) != 0)
    return 0;
  if (sums.rss == VALUE_UNKNOWN ||
      (sums.footprint != VALUE_UNKNOWN && sums.footprint % 1024 != 0))
    abort();
  bool all_known = sums.private_clean != VALUE_UNKNOWN && sums.private_dirty != VALUE_UNKNOWN &&
                   sums.swap_pss != VALUE_UNKNOWN && sums.lazyfree != VALUE_UNKNOWN;
  if (sums.footprint != VALUE_UNKNOWN && !all_known)
    abort();
  return 0;
}
