/* Medians; see median.h. Of few values, and rarely: sorting by insertion will do. */
#include "common/median.h"

static void sort(double *values, size_t len) {
  for (size_t i = 1; i < len; i++) {
    double value = values[i];
    size_t at = i;
    for (; at > 0 && values[at - 1] > value; at--)
      values[at] = values[at - 1];
    values[at] = value;
  }
}

double median_upper(double *values, size_t len) {
  sort(values, len);
  return values[len / 2];
}

double median(double *values, size_t len) {
  double upper = median_upper(values, len);
  return len % 2 != 0 ? upper : (values[len / 2 - 1] + upper) / 2;
}
