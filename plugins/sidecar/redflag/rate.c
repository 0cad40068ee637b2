/* Rates of counters; see rate.h. */
#include "sidecar/redflag/rate.h"

void rate_interrupt(struct rate *rate) {
  rate->has_begun = false;
}

bool rate_add(struct rate *rate, double count, uint64_t width_ms, uint64_t now_ms,
              double *ret_per_second) {
  bool is_new_start = !rate->has_begun || count < rate->begin;
  if (!is_new_start) {
    uint64_t passed_ms = now_ms - rate->begin_ms;
    if (passed_ms == 0 || passed_ms < width_ms)
      return false;
    *ret_per_second = (count - rate->begin) * 1000 / (double)passed_ms;
  }
  *rate = (struct rate){true, count, now_ms};
  return !is_new_start;
}
