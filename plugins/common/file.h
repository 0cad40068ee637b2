/* Writing whole buffers to files: the loop that write(2) leaves to its callers. */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <errno.h>
#include <unistd.h>

#include "common/scan.h"

/* Writes everything. Returns 0 or -errno. */
static inline int file_write_all(int fd, struct span bytes) {
  while (bytes.len > 0) {
    ssize_t n = write(fd, bytes.at, bytes.len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -errno;
    bytes = span_make(bytes.at + n, bytes.len - (size_t)n);
  }
  return 0;
}

#endif
