/* Reading and writing files: the loops that read(2) and write(2) leave to their callers. */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <errno.h>
#include <unistd.h>

#include "common/scan.h"

/* Reads at most size bytes, again after a signal. Returns how many, 0 at the end, or -errno. */
static inline ssize_t file_read(int fd, void *dst, size_t size) {
  ssize_t n;
  do
    n = read(fd, dst, size);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -errno : n;
}

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
