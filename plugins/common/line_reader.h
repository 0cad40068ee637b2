/*
 * Reads lines from a body that arrives in chunks of any size. A line within a chunk is returned
 * in place, without a copy; only one that straddles two chunks is assembled in a buffer of
 * fixed size. The lines do not depend on the chunks. Pure.
 */
#ifndef COMMON_LINE_READER_H
#define COMMON_LINE_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/scan.h"

enum { LINE_READER_MAX = 4096 };

struct line {
  struct span text; /* without "\n" or "\r\n"; valid until the next call */
  bool is_long;     /* longer than LINE_READER_MAX: text is its first LINE_READER_MAX bytes */
};

struct line_reader {
  char carry[LINE_READER_MAX];
  size_t carried; /* length of the current line so far; may pass LINE_READER_MAX */
};

void line_reader_init(struct line_reader *reader);

/* The slow half of line_reader_next(): the line began in an earlier chunk. */
struct line line_reader_join(struct line_reader *reader, struct span rest);

/* Keeps the beginning of a line whose end is in a later chunk. */
void line_reader_carry(struct line_reader *reader, struct span part);

static inline struct line line_reader_cut(const char *at, size_t len) {
  bool is_long = len > LINE_READER_MAX;
  if (is_long)
    len = LINE_READER_MAX;
  else if (len > 0 && at[len - 1] == '\r')
    len--;
  return (struct line){span_make(at, len), is_long};
}

/* Removes the next complete line from *piece. Returns false at the end of the chunk; an
 * incomplete line at its end has been kept for the next chunk. */
static inline bool line_reader_next(struct line_reader *reader, struct span *piece,
                                    struct line *ret) {
  const char *newline = piece->len > 0 ? memchr(piece->at, '\n', piece->len) : NULL;
  if (newline == NULL) {
    line_reader_carry(reader, *piece);
    *piece = span_make(piece->at + piece->len, 0);
    return false;
  }
  struct span text = span_make(piece->at, (size_t)(newline - piece->at));
  piece->at += text.len + 1;
  piece->len -= text.len + 1;
  *ret = reader->carried == 0 ? line_reader_cut(text.at, text.len)
                              : line_reader_join(reader, text);
  return true;
}

/* Whether a line has begun that has not ended yet. */
static inline bool line_reader_has_partial(const struct line_reader *reader) {
  return reader->carried > 0;
}

#endif
