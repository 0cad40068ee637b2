/* Any bytes as the target of a descriptor's link: the result is consistent with its kind. */
#include <stdint.h>
#include <stdlib.h>

#include "sidecar/linux/fd_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct fd_link link = fd_link_parse(span_make((const char *)data, size));
  bool is_path = size > 0 && data[0] == '/';
  if ((link.kind == FD_LINK_PATH) != is_path)
    abort();
  if (!is_path && (link.says_deleted || link.is_memfd))
    abort();
  if ((link.kind == FD_LINK_SOCKET) != (link.inode != VALUE_UNKNOWN))
    abort();
  return 0;
}
