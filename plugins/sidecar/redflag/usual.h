/*
 * What is usual for this process: the median of what the last spans of time had, by default the
 * half hours of a day. A median, because a night's batch or an afternoon's work is not what is
 * usual. Pure.
 */
#ifndef SIDECAR_REDFLAG_USUAL_H
#define SIDECAR_REDFLAG_USUAL_H

#include <stdint.h>

enum {
  USUAL_SPANS = 48,
  USUAL_SPANS_MIN = 4, /* before that nothing is usual */
};

struct usual {
  double means[USUAL_SPANS];
  uint32_t len, next;
  double sum; /* of the span under way: value times duration */
  uint64_t sum_ms;
  double median; /* NaN before USUAL_SPANS_MIN */
};

void usual_init(struct usual *usual);

/* Takes a mean over duration_ms, of spans of span_ms. */
void usual_add(struct usual *usual, double mean, uint64_t duration_ms, uint64_t span_ms);

#endif
