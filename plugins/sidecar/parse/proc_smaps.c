/* The sums of a memory map; see proc_smaps.h. */
#include "sidecar/parse/proc_smaps.h"

#include <errno.h>

static bool add(uint64_t *sum, uint64_t value) {
  if (value == VALUE_UNKNOWN || *sum >= VALUE_UNKNOWN - value)
    return false;
  *sum += value;
  return true;
}

static uint64_t footprint(const struct memory_map_rollup *rollup) {
  uint64_t sum = 0;
  if (!add(&sum, rollup->private_clean) || !add(&sum, rollup->private_dirty) ||
      !add(&sum, rollup->swap_pss) || rollup->lazyfree == VALUE_UNKNOWN)
    return VALUE_UNKNOWN;
  /* the kernel counts lazily freed pages that are shared too: never below nothing */
  return rollup->lazyfree < sum ? sum - rollup->lazyfree : 0;
}

int proc_smaps_parse_rollup(struct span text, struct memory_map_rollup *ret) {
  struct memory_map_rollup rollup = {VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN,
                                     VALUE_UNKNOWN, VALUE_UNKNOWN, VALUE_UNKNOWN};
  const struct {
    const char *name;
    uint64_t *value;
  } fields[] = {
      {"Rss:", &rollup.rss},
      {"Pss:", &rollup.pss},
      {"Private_Clean:", &rollup.private_clean},
      {"Private_Dirty:", &rollup.private_dirty},
      {"LazyFree:", &rollup.lazyfree},
      {"SwapPss:", &rollup.swap_pss},
  };

  struct span line;
  while (scan_line(&text, &line)) {
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
      if (scan_literal(&line, fields[i].name)) {
        if (scan_whole_kilobytes(line, fields[i].value) != 0)
          *fields[i].value = VALUE_UNKNOWN;
        break;
      }
    }
  }
  if (rollup.rss == VALUE_UNKNOWN)
    return -EBADMSG;
  rollup.footprint = footprint(&rollup);
  *ret = rollup;
  return 0;
}
