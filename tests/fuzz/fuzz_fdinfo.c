/* Any bytes as fdinfo: as many watches as lines that begin like one, and no other number
 * than the file could hold. */
#include <stdint.h>
#include <stdlib.h>

#include "sidecar/linux/fd_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct span text = span_make((const char *)data, size), line;
  struct fdinfo fdinfo;
  struct proc_lock lock = {.inode = VALUE_UNKNOWN};
  uint64_t watches = 0;
  fdinfo_init(&fdinfo);
  while (scan_line(&text, &line)) {
    watches += span_starts_with(line, "inotify wd:");
    enum fdinfo_line kind = fdinfo_parse_line(line, &fdinfo, &lock);
    if ((kind == FDINFO_LINE_LOCK) != (lock.inode != VALUE_UNKNOWN))
      abort();
    lock.inode = VALUE_UNKNOWN;
  }
  if (fdinfo.inotify_watches != watches)
    abort();
  return 0;
}
