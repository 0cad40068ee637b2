/* Trends since a baseline; see trend.h. */
#include "sidecar/redflag/trend.h"

#include <math.h>

void trend_begin(struct trend *trend) {
  for (size_t i = 0; i < RED_FLAG_SIGNALS; i++)
    trend->signals[i] = (struct trend_signal){.baseline = NAN,
                                              .latest = NAN,
                                              .lowest = NAN,
                                              .highest = NAN,
                                              .first_trough = NAN,
                                              .last_trough = NAN};
}

static void begin_signal(struct trend_signal *signal, double value, uint64_t now_ms) {
  signal->baseline = signal->lowest = signal->highest = signal->open_trough = value;
  signal->baseline_ms = signal->open_ms = now_ms;
}

/* A pause makes a window longer; its trough is a trough all the same. */
static void close_window(struct trend_signal *signal, uint64_t now_ms) {
  signal->last_trough = signal->open_trough;
  if (isnan(signal->first_trough))
    signal->first_trough = signal->open_trough;
  if (signal->last_trough <= signal->first_trough)
    signal->since_ms = now_ms;
  signal->open_trough = INFINITY;
  signal->open_ms = now_ms;
}

void trend_observe(struct trend *trend, enum red_flag_signal signal, double value,
                   uint64_t now_ms) {
  struct trend_signal *it = &trend->signals[signal];
  if (!isfinite(value) || value < 0)
    return;
  if (isnan(it->baseline))
    begin_signal(it, value, now_ms);
  else if (now_ms < it->open_ms)
    it->open_ms = now_ms;
  else if (now_ms - it->open_ms >= TREND_WINDOW_MS)
    close_window(it, now_ms);
  it->open_trough = fmin(it->open_trough, value);
  it->lowest = fmin(it->lowest, value);
  it->highest = fmax(it->highest, value);
  it->latest = value;
  it->latest_ms = now_ms;
}
