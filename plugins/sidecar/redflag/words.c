/* Words for amounts; see words.h. */
#include "sidecar/redflag/words.h"

#include <math.h>
#include <stdio.h>

#include "common/text.h"

char *words_bytes(char dst[WORDS_SIZE], double bytes) {
  double size = fabs(bytes);
  if (size >= 1 << 30)
    snprintf(dst, WORDS_SIZE, "%.2f GB", bytes / (1 << 30));
  else if (size >= 1 << 20)
    snprintf(dst, WORDS_SIZE, "%.1f MB", bytes / (1 << 20));
  else
    snprintf(dst, WORDS_SIZE, "%.0f kB", bytes / (1 << 10));
  return dst;
}

char *words_duration(char dst[WORDS_SIZE], uint64_t ms) {
  unsigned long long minutes = ms / 60000;
  if (minutes == 0)
    snprintf(dst, WORDS_SIZE, "%llu s", (unsigned long long)ms / 1000);
  else if (minutes < 60)
    snprintf(dst, WORDS_SIZE, "%llu min", minutes);
  else if (minutes < 24 * 60)
    snprintf(dst, WORDS_SIZE, "%llu h %llu min", minutes / 60, minutes % 60);
  else
    snprintf(dst, WORDS_SIZE, "%llu d %llu h", minutes / (24 * 60), minutes / 60 % 24);
  return dst;
}

char *words_stack(char *dst, size_t size, const struct site *site) {
  return text_printable(dst, size, span_of(site->text[0] != '\0' ? site->text : "?"));
}
