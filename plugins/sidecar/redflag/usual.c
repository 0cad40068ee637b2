/* A process's own usual; see usual.h. */
#include "sidecar/redflag/usual.h"

#include <math.h>

void usual_init(struct usual *usual) {
  *usual = (struct usual){.median = NAN};
}

/* Of few values, and rarely: sorting by insertion will do. */
static double median_of(const double *values, uint32_t len) {
  double sorted[USUAL_SPANS];
  for (uint32_t i = 0; i < len; i++) {
    uint32_t at = i;
    for (; at > 0 && sorted[at - 1] > values[i]; at--)
      sorted[at] = sorted[at - 1];
    sorted[at] = values[i];
  }
  return len % 2 != 0 ? sorted[len / 2] : (sorted[len / 2 - 1] + sorted[len / 2]) / 2;
}

void usual_add(struct usual *usual, double mean, uint64_t duration_ms, uint64_t span_ms) {
  usual->sum += mean * (double)duration_ms;
  usual->sum_ms += duration_ms;
  if (usual->sum_ms < span_ms)
    return;
  usual->means[usual->next] = usual->sum / (double)usual->sum_ms;
  usual->next = (usual->next + 1) % USUAL_SPANS;
  if (usual->len < USUAL_SPANS)
    usual->len++;
  usual->sum = 0;
  usual->sum_ms = 0;
  if (usual->len >= USUAL_SPANS_MIN)
    usual->median = median_of(usual->means, usual->len);
}
