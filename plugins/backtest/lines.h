/* The lines of a file, one at a time, in fixed memory. */
#ifndef BACKTEST_LINES_H
#define BACKTEST_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/scan.h"

struct lines {
  int fd;                  /* borrowed */
  char *bytes;             /* owned */
  size_t size, begin, end; /* of what has been read and not yet returned */
  bool is_at_end;
};

/* Lines of at most max bytes. Returns 0 or -ENOMEM. */
int lines_open(struct lines *lines, int fd, size_t max);
void lines_close(struct lines *lines); /* all zero is fine */

/*
 * The next line, without its "\n"; valid until the next call. The last one may be without
 * "\n": then *ret_is_whole is false. Returns 1; 0 at the end; -errno; of a line that is longer
 * the first max + 1 bytes are returned, and no further line may be asked for.
 */
int lines_next(struct lines *lines, struct span *ret, bool *ret_is_whole);

#endif
