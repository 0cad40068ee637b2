/* Lists of procfs; see line_file.h. */
#include "sidecar/linux/line_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int line_file_open(struct line_file *file, int directory, const char *name) {
  file->fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
  file->piece = span_make(file->bytes, 0);
  line_reader_init(&file->reader);
  return file->fd < 0 ? -errno : 0;
}

void line_file_close(struct line_file *file) {
  if (file->fd >= 0)
    close(file->fd);
  file->fd = -1;
}

int line_file_next(struct line_file *file, struct line *ret) {
  while (!line_reader_next(&file->reader, &file->piece, ret)) {
    ssize_t len = read(file->fd, file->bytes, sizeof(file->bytes));
    if (len < 0)
      return -errno;
    if (len == 0) {
      if (!line_reader_has_partial(&file->reader))
        return 0;
      *ret = line_reader_join(&file->reader, span_make(file->bytes, 0));
      return 1;
    }
    file->piece = span_make(file->bytes, (size_t)len);
  }
  return 1;
}
