/* The body of an error: the reason is one line, printable, and fits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "notify_alertmanager/alert_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char reason[RESPONSE_REASON_SIZE];
  struct span rest;
  memset(reason, 'x', sizeof(reason));
  response_reason(reason, span_make((const char *)data, size));
  if (memchr(reason, '\0', sizeof(reason)) == NULL)
    abort();
  for (rest = span_of(reason); rest.len > 0;) {
    uint32_t code;
    size_t len = text_utf8_character(rest, &code);
    if (len == 0 || (code != '\\' && !text_is_harmless(code)))
      abort();
    rest = span_make(rest.at + len, rest.len - len);
  }
  return 0;
}
