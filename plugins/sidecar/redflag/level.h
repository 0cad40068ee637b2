/*
 * A level and its two thresholds: it raises what it has been at or above of for the hold,
 * and lowers it below nine tenths, or once it has been below for the hold. Pure.
 */
#ifndef SIDECAR_REDFLAG_LEVEL_H
#define SIDECAR_REDFLAG_LEVEL_H

#include <stdbool.h>
#include <stdint.h>

struct level {
  bool is_raised;
  bool is_turning;   /* on the other side of the threshold than is_raised says */
  uint64_t since_ms; /* raised: when the breach began */
  uint64_t turn_ms;  /* since when it is turning */
};

/* Observations stopped for a while: a hold that had begun begins anew. */
void level_interrupt(struct level *level);

/* threshold NaN: there is none. */
void level_judge(struct level *level, double value, double threshold, uint64_t hold_ms,
                 uint64_t now_ms);

#endif
