/* A date as text; see clock.h. */
#include "common/clock.h"

bool clock_format_utc(char *dst, size_t size, const char *format, int64_t seconds) {
  time_t date = (time_t)(seconds < 0                    ? 0
                         : seconds > CLOCK_LAST_SECONDS ? CLOCK_LAST_SECONDS
                                                        : seconds);
  struct tm parts;

  if (gmtime_r(&date, &parts) != NULL && strftime(dst, size, format, &parts) > 0)
    return true;
  dst[0] = '\0';
  return false;
}
