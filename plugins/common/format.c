/* Amounts and durations; see format.h. */
#include "common/format.h"

#include <math.h>
#include <stdio.h>

char *format_bytes(char dst[FORMAT_SIZE], double bytes) {
  double size = fabs(bytes);
  if (size >= 1 << 30)
    snprintf(dst, FORMAT_SIZE, "%.2f GB", bytes / (1 << 30));
  else if (size >= 1 << 20)
    snprintf(dst, FORMAT_SIZE, "%.1f MB", bytes / (1 << 20));
  else
    snprintf(dst, FORMAT_SIZE, "%.0f kB", bytes / (1 << 10));
  return dst;
}

char *format_duration(char dst[FORMAT_SIZE], uint64_t ms) {
  unsigned long long minutes = ms / 60000;
  if (minutes == 0)
    snprintf(dst, FORMAT_SIZE, "%llu s", (unsigned long long)ms / 1000);
  else if (minutes < 60)
    snprintf(dst, FORMAT_SIZE, "%llu min", minutes);
  else if (minutes < 24 * 60)
    snprintf(dst, FORMAT_SIZE, "%llu h %llu min", minutes / 60, minutes % 60);
  else
    snprintf(dst, FORMAT_SIZE, "%llu d %llu h", minutes / (24 * 60), minutes / 60 % 24);
  return dst;
}
