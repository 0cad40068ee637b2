/*
 * Prints which characters are harmless, for the test that compares them with Unicode's
 * categories: the first code point of each run, then where it is allowed (text name, text, -).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

static const char *where(uint32_t code) {
  if (text_is_harmless_in_name(code))
    return text_is_harmless(code) ? "text name" : "name";
  return text_is_harmless(code) ? "text" : "-";
}

int main(void) {
  const char *before = "";
  for (uint32_t code = 0; code <= 0x10FFFF; code++) {
    const char *now = where(code);
    if (strcmp(now, before) != 0)
      printf("%" PRIX32 " %s\n", code, now);
    before = now;
  }
  return 0;
}
