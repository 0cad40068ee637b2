/* Medians of few values. Pure. */
#ifndef COMMON_MEDIAN_H
#define COMMON_MEDIAN_H

#include <stddef.h>

/* Of len > 0 values, none of them NaN, which are left in order. Of an even number: the mean of
 * the two in the middle, or the greater of them. */
double median(double *values, size_t len);
double median_upper(double *values, size_t len);

#endif
