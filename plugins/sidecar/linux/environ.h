/*
 * Extracts one variable from a process's environment (/proc/PID/environ, proc(5): entries
 * NAME=value, each terminated by a NUL), in chunks of any size. Everything else is secret and
 * is not kept: between chunks only a position in the name is remembered. Pure.
 */
#ifndef SIDECAR_LINUX_ENVIRON_H
#define SIDECAR_LINUX_ENVIRON_H

#include <stdbool.h>
#include <stddef.h>

#include "common/scan.h"

struct environ_search {
  struct span name; /* borrowed */
  char *value;      /* the caller's; receives the value, NUL-terminated */
  size_t size;      /* of value, including the NUL */
  size_t matched;   /* bytes of name that the current entry begins with */
  size_t value_len;
  enum { ENVIRON_NAME, ENVIRON_VALUE, ENVIRON_OTHER, ENVIRON_DONE } state;
  bool too_long;
};

/* Returns 0, or -EINVAL if no variable can have this name or size is 0. */
int environ_search_start(struct environ_search *search, struct span name, char *value,
                         size_t size);

/* Parses the next chunk. Returns true when no more are needed. */
bool environ_search_feed(struct environ_search *search, struct span piece);

/*
 * There are no more chunks. Returns 0 with the value stored, the first if the variable occurs
 * twice; -ENODATA when it is not set; -ENAMETOOLONG when it does not fit (value is "" then). An
 * unterminated entry at the end counts as complete.
 */
int environ_search_finish(struct environ_search *search);

#endif
