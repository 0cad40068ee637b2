/* Lines by key; see proc_io.h. "cancelled_write_bytes" is not "write_bytes". */
#include "sidecar/parse/proc_io.h"

#include <errno.h>

int proc_io_parse(struct span text, struct proc_io *ret) {
  struct proc_io io = {VALUE_UNKNOWN, VALUE_UNKNOWN};
  struct span line;

  text = scan_whole_lines(text);
  while (scan_line(&text, &line)) {
    uint64_t *field = scan_literal(&line, "read_bytes: ")    ? &io.read_bytes
                      : scan_literal(&line, "write_bytes: ") ? &io.write_bytes
                                                             : NULL;
    if (field != NULL && scan_whole_u64(line, 0, VALUE_UNKNOWN - 1, field) != 0)
      return -EBADMSG;
  }
  if (io.read_bytes == VALUE_UNKNOWN || io.write_bytes == VALUE_UNKNOWN)
    return -EBADMSG;
  *ret = io;
  return 0;
}
