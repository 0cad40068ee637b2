/* Amounts and durations; see format.h. */
#include "common/format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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

static inline const char *text_of_status(int status, const char *dst) {
  return status == 0 ? dst : "unknown error";
}

static inline const char *text_of_text(const char *text, const char *dst) {
  (void)dst;
  return text;
}

/* strerror_r() is POSIX's, which returns a status, or GNU's, which returns a text. */
const char *format_error(char dst[FORMAT_ERROR_SIZE], int error) {
  return _Generic(strerror_r(error, dst, FORMAT_ERROR_SIZE),
                  int: text_of_status,
                  char *: text_of_text)(strerror_r(error, dst, FORMAT_ERROR_SIZE), dst);
}
