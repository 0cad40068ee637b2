/* Any bytes as the table of mounts. */
#include <stdint.h>
#include <stdlib.h>

#include "sidecar/linux/proc_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct span text = span_make((const char *)data, size), line;
  struct proc_mount mount;
  while (scan_line(&text, &line))
    if (proc_mountinfo_parse(line, &mount) == 0 && mount.id == VALUE_UNKNOWN)
      abort();
  return 0;
}
