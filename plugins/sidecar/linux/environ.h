/*
 * Picks one variable out of a process's environment (/proc/PID/environ, proc(5): entries
 * NAME=value, each ended by a NUL) that comes in pieces cut anywhere. Everything else in
 * it is secret and is not kept: between pieces only a position in the name is remembered. Pure.
 */
#ifndef SIDECAR_LINUX_ENVIRON_H
#define SIDECAR_LINUX_ENVIRON_H

#include <stdbool.h>
#include <stddef.h>

#include "common/scan.h"

struct environ_search {
  struct span name; /* borrowed */
  char *value;      /* the caller's; gets what is found, NUL-terminated */
  size_t size;      /* of value, the NUL included */
  size_t matched;   /* bytes of name that this entry began with */
  size_t value_len;
  enum { ENVIRON_NAME, ENVIRON_VALUE, ENVIRON_OTHER, ENVIRON_DONE } state;
  bool too_long;
};

/* Returns 0, or -EINVAL when no variable can have this name, or size is 0. */
int environ_search_start(struct environ_search *search, struct span name, char *value,
                         size_t size);

/* Takes the next piece. Returns true when no more are needed. */
bool environ_search_feed(struct environ_search *search, struct span piece);

/*
 * There are no more pieces. Returns 0 with the value in place, the first if the variable
 * is there twice; -ENODATA when it is not set; -ENAMETOOLONG when it does not fit
 * (value is "" then). An entry that the end cuts off counts as whole.
 */
int environ_search_finish(struct environ_search *search);

#endif
