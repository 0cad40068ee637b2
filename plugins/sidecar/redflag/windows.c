/* A ring of troughs; see windows.h. */
#include "sidecar/redflag/windows.h"

void windows_init(struct windows *windows, uint64_t width_ms, uint32_t capacity) {
  *windows = (struct windows){.width_ms = width_ms, .capacity = capacity};
}

void windows_clear(struct windows *windows) {
  windows->len = 0;
  windows->is_open = false;
}

static void close_window(struct windows *windows) {
  windows->newest = (windows->newest + 1) % windows->capacity;
  windows->closed[windows->newest] = windows->open;
  windows->closed_ms = windows->begin_ms + windows->width_ms;
  if (windows->len < windows->capacity)
    windows->len++;
}

bool windows_add(struct windows *windows, double value, uint64_t now_ms) {
  bool has_closed = false;
  if (windows->is_open && now_ms - windows->begin_ms >= windows->width_ms) {
    uint64_t passed = (now_ms - windows->begin_ms) / windows->width_ms;
    if (passed == 1) {
      close_window(windows);
      has_closed = true;
      windows->begin_ms += windows->width_ms;
    } else {
      windows->len = 0;
      windows->begin_ms = now_ms;
    }
    windows->open = (struct window){value, value};
  } else if (!windows->is_open) {
    windows->is_open = true;
    windows->begin_ms = now_ms;
    windows->open = (struct window){value, value};
  }
  if (value < windows->open.trough)
    windows->open.trough = value;
  if (value > windows->open.crest)
    windows->open.crest = value;
  return has_closed;
}

const struct window *windows_at(const struct windows *windows, uint32_t back) {
  return &windows->closed[(windows->newest + windows->capacity - back) % windows->capacity];
}
