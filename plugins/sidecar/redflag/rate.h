/*
 * What a counter gains in a second, over spans of at least a given width: the readings of
 * one interval alone are too coarse for CPU time. A counter that falls is a new start. Pure.
 */
#ifndef SIDECAR_REDFLAG_RATE_H
#define SIDECAR_REDFLAG_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
  bool has_begun;
  double begin;
  uint64_t begin_ms;
};

/* Observations stopped for a while: what was counted meanwhile is not known by when. */
void rate_interrupt(struct rate *rate);

/* Takes a reading. Returns true and writes the rate when one of at least width_ms is done. */
bool rate_add(struct rate *rate, double count, uint64_t width_ms, uint64_t now_ms,
              double *ret_per_second);

#endif
