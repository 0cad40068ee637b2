/* A date as text; see clock.h. */
#include "common/clock.h"

bool clock_format_utc(char *dst, size_t size, const char *format, int64_t seconds) {
  static const int64_t LAST = 253402300799; /* 9999-12-31 23:59:59 */
  time_t date = (time_t)(seconds < 0 ? 0 : seconds > LAST ? LAST : seconds);
  struct tm parts;

  if (gmtime_r(&date, &parts) != NULL && strftime(dst, size, format, &parts) > 0)
    return true;
  dst[0] = '\0';
  return false;
}
