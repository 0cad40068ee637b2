/* The lines of a file; see lines.h. */
#include "backtest/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"

int lines_open(struct lines *lines, int fd, size_t max) {
  *lines = (struct lines){.fd = fd, .size = max + 1, .bytes = malloc(max + 1)};
  return lines->bytes != NULL ? 0 : -ENOMEM;
}

void lines_close(struct lines *lines) {
  free(lines->bytes);
  lines->bytes = NULL;
}

/* Reads behind what is there. Returns how many bytes, or -errno. */
static ssize_t read_more(struct lines *lines) {
  memmove(lines->bytes, lines->bytes + lines->begin, lines->end - lines->begin);
  lines->end -= lines->begin;
  lines->begin = 0;
  ssize_t len = file_read(lines->fd, lines->bytes + lines->end, lines->size - lines->end);
  if (len < 0)
    return len;
  lines->is_at_end = len == 0;
  lines->end += (size_t)len;
  return len;
}

static int take(struct lines *lines, size_t len, size_t passed, struct span *ret) {
  *ret = span_make(lines->bytes + lines->begin, len);
  lines->begin += passed;
  return 1;
}

int lines_next(struct lines *lines, struct span *ret, bool *ret_is_whole) {
  size_t searched = 0;
  while (true) {
    const char *at = lines->bytes + lines->begin;
    size_t len = lines->end - lines->begin;
    const char *newline = len > searched ? memchr(at + searched, '\n', len - searched) : NULL;
    *ret_is_whole = newline != NULL;
    if (newline != NULL)
      return take(lines, (size_t)(newline - at), (size_t)(newline - at) + 1, ret);
    if (len == lines->size || (lines->is_at_end && len > 0))
      return take(lines, len, len, ret);
    if (lines->is_at_end)
      return 0;
    searched = len;
    ssize_t status = read_more(lines);
    if (status < 0)
      return (int)status;
  }
}
