/* A table with fixed columns; see proc_limits.h. */
#include "sidecar/parse/proc_limits.h"

#include <errno.h>

int proc_limits_parse_open_files(struct span text, uint64_t *ret_soft) {
  struct span line, soft;

  text = scan_whole_lines(text);
  while (scan_line(&text, &line)) {
    if (!scan_literal(&line, "Max open files "))
      continue;
    if (!scan_word(&line, &soft))
      return -EBADMSG;
    if (span_equals(soft, "unlimited"))
      return -ENODATA;
    return scan_whole_u64(soft, 0, VALUE_UNKNOWN - 1, ret_soft) == 0 ? 0 : -EBADMSG;
  }
  return -EBADMSG;
}
