/*
 * The troughs of consecutive windows of time, as many as are asked for, in a fixed ring: a
 * heap is a saw-tooth, and only what its collections leave says whether it grows. A window
 * without an observation begins the ring anew. Pure.
 *
 * Go collects an idle program's garbage every two minutes; read every minute, such a heap
 * alternates between two heights of its teeth, and these drift for hours as the two periods
 * are not quite the same. The trough of readings that alternate is in doubt by as much as
 * they swing.
 */
#ifndef SIDECAR_REDFLAG_WINDOWS_H
#define SIDECAR_REDFLAG_WINDOWS_H

#include <stdbool.h>
#include <stdint.h>

enum { WINDOWS_MAX = 25 };

struct window {
  double trough; /* lowest of its observations */
  double doubt;  /* how far below that the trough may really be */
};

/* A window that is still open. */
struct open_window {
  uint64_t begin_ms;
  uint32_t readings; /* 0: it is not open */
  double trough, crest;
  double last, before_last;   /* readings */
  double moved, moved_by_two; /* from one reading to the next, and to the one after: sums */
};

struct windows {
  uint64_t width_ms;
  uint32_t capacity;    /* at most WINDOWS_MAX */
  uint32_t len, newest; /* of the closed ones */
  uint64_t closed_ms;   /* end of the newest closed one */
  struct open_window open;
  struct window closed[WINDOWS_MAX];
};

void windows_init(struct windows *windows, uint64_t width_ms, uint32_t capacity);

/* Forgets all that was observed. */
void windows_clear(struct windows *windows);

/* Takes an observation; times do not decrease. Returns whether a window was closed by it. */
bool windows_add(struct windows *windows, double value, uint64_t now_ms);

/* A closed window: 0 is the newest, len - 1 the oldest. */
const struct window *windows_at(const struct windows *windows, uint32_t back);

#endif
