/* The regions of a memory map; see proc_maps.h. */
#include "sidecar/parse/proc_maps.h"

#include <errno.h>

#include "common/array.h"

int proc_maps_parse_region(struct span line, struct memory_map_region *ret) {
  struct memory_map_region region = {.rss = VALUE_UNKNOWN,
                                     .pss = VALUE_UNKNOWN,
                                     .private_dirty = VALUE_UNKNOWN,
                                     .lazyfree = VALUE_UNKNOWN,
                                     .swap = VALUE_UNKNOWN};
  uint64_t start, end;
  struct span word;
  if (scan_hex(&line, &start) != 0 || !scan_literal(&line, "-") || scan_hex(&line, &end) != 0 ||
      end < start)
    return -EBADMSG;
  for (int i = 0; i < 4; i++) /* perms, offset, device, inode */
    if (!scan_word(&line, &word))
      return -EBADMSG;
  scan_blanks(&line);
  region.size = end - start;
  region.name = line;
  *ret = region;
  return 0;
}

/* A region's line begins with a hexadecimal number, a sum's with a name in capitals: "A" to
 * "F" may be either, and then the colon comes before any blank. */
bool proc_maps_is_sum(struct span line) {
  struct span word;
  return scan_word(&line, &word) && span_ends_with(word, ":");
}

void proc_maps_parse_sum(struct span line, struct memory_map_region *region) {
  const struct {
    const char *name;
    uint64_t *value;
  } fields[] = {
      {"Rss:", &region->rss},
      {"Pss:", &region->pss},
      {"Private_Dirty:", &region->private_dirty},
      {"LazyFree:", &region->lazyfree},
      {"Swap:", &region->swap},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
    if (scan_literal(&line, fields[i].name)) {
      if (scan_whole_kilobytes(line, fields[i].value) != 0)
        *fields[i].value = VALUE_UNKNOWN;
      return;
    }
  }
}
