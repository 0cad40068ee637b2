/*
 * The first line is the name of a header and what follows its first tab the value; the whole is
 * the text of a token's file. What is accepted is one line of a request's head.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "notify_alertmanager/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(struct span s) {
  for (size_t i = 0; i < s.len; i++)
    if ((unsigned char)s.at[i] < 0x20 || s.at[i] == 0x7F)
      abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct span text = span_make((const char *)data, size), token = {0}, line, rest = text;
  if (header_token(text, &token) == NULL) {
    check_line(token);
    if (token.len == 0 || token.len > HEADER_TOKEN_MAX || token.at != text.at ||
        text.len - token.len > 2 || memchr(token.at, ' ', token.len) != NULL)
      abort();
  }
  if (!scan_line(&rest, &line))
    return 0;
  const char *tab = memchr(line.at, '\t', line.len);
  size_t name_len = tab != NULL ? (size_t)(tab - line.at) : line.len;
  struct span name = span_make(line.at, name_len), value = rest;
  if (tab != NULL)
    value = span_make(tab + 1, (size_t)((const char *)data + size - tab - 1));
  if (header_refusal(name, value) == NULL) {
    check_line(name);
    check_line(value);
    if (!header_is_name(name) || memchr(name.at, ':', name.len) != NULL || value.len == 0 ||
        memchr(name.at, ' ', name.len) != NULL)
      abort();
  }
  return 0;
}
