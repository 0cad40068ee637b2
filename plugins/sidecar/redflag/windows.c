/* A ring of troughs; see windows.h. */
#include "sidecar/redflag/windows.h"

#include <math.h>

void windows_init(struct windows *windows, uint64_t width_ms, uint32_t capacity) {
  *windows = (struct windows){.width_ms = width_ms, .capacity = capacity};
}

void windows_clear(struct windows *windows) {
  windows->len = 0;
  windows->open.readings = 0;
}

/* Readings that alternate come back to where they were two before, and are elsewhere between.
 * Teeth read at random move by a third of their height, on average, either way. */
static double doubt_of(const struct open_window *open) {
  double swing = open->crest - open->trough;
  bool alternates = open->readings >= 4 && open->moved >= swing / 4 * (open->readings - 1) &&
                    open->moved_by_two <= swing / 8 * (open->readings - 2);
  return alternates ? swing : 0;
}

static void close_window(struct windows *windows) {
  windows->newest = (windows->newest + 1) % windows->capacity;
  windows->closed[windows->newest] =
      (struct window){windows->open.trough, doubt_of(&windows->open)};
  windows->closed_ms = windows->open.begin_ms + windows->width_ms;
  if (windows->len < windows->capacity)
    windows->len++;
}

static void open_window(struct windows *windows, double value, uint64_t begin_ms) {
  windows->open = (struct open_window){
      .begin_ms = begin_ms, .readings = 1, .trough = value, .crest = value, .last = value};
}

static void add_reading(struct open_window *open, double value) {
  open->trough = value < open->trough ? value : open->trough;
  open->crest = value > open->crest ? value : open->crest;
  open->moved += fabs(value - open->last);
  if (open->readings >= 2)
    open->moved_by_two += fabs(value - open->before_last);
  open->before_last = open->last;
  open->last = value;
  open->readings++;
}

bool windows_add(struct windows *windows, double value, uint64_t now_ms) {
  struct open_window *open = &windows->open;
  uint64_t passed_ms = now_ms - open->begin_ms;
  if (open->readings == 0) {
    open_window(windows, value, now_ms);
    return false;
  }
  if (passed_ms < windows->width_ms) {
    add_reading(open, value);
    return false;
  }
  if (passed_ms >= 2 * windows->width_ms) {
    windows->len = 0;
    open_window(windows, value, now_ms);
    return false;
  }
  close_window(windows);
  open_window(windows, value, open->begin_ms + windows->width_ms);
  return true;
}

const struct window *windows_at(const struct windows *windows, uint32_t back) {
  return &windows->closed[(windows->newest + windows->capacity - back) % windows->capacity];
}
