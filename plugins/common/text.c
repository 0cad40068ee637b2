/* Sanitises foreign text; see text.h. */
#include "common/text.h"

#include <stdio.h>
#include <string.h>

static bool is_continuation(unsigned char c) {
  return (c & 0xC0) == 0x80;
}

size_t text_utf8_character(struct span s, uint32_t *ret_code_point) {
  if (s.len == 0)
    return 0;
  const unsigned char *p = (const unsigned char *)s.at;
  size_t len;
  uint32_t code, smallest;

  if (p[0] < 0x80) {
    len = 1, code = p[0], smallest = 0;
  } else if ((p[0] & 0xE0) == 0xC0) {
    len = 2, code = p[0] & 0x1Fu, smallest = 0x80;
  } else if ((p[0] & 0xF0) == 0xE0) {
    len = 3, code = p[0] & 0x0Fu, smallest = 0x800;
  } else if ((p[0] & 0xF8) == 0xF0) {
    len = 4, code = p[0] & 0x07u, smallest = 0x10000;
  } else {
    return 0;
  }
  if (s.len < len)
    return 0;
  for (size_t i = 1; i < len; i++) {
    if (!is_continuation(p[i]))
      return 0;
    code = code << 6 | (p[i] & 0x3Fu);
  }
  if (code < smallest || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
    return 0;
  if (ret_code_point != NULL)
    *ret_code_point = code;
  return len;
}

size_t text_utf8_cut(struct span s, size_t max) {
  if (s.len <= max)
    return s.len;
  size_t n = max;
  /* a character has at most three continuation bytes; more of them are not UTF-8 */
  for (size_t back = 0; back < 3 && n > 0 && is_continuation((unsigned char)s.at[n]); back++)
    n--;
  /* stray continuation bytes after a complete character */
  return n + text_utf8_character(span_make(s.at + n, s.len - n), NULL) > max ? n : max;
}

bool text_is_harmless(uint32_t code) {
  if (code < 0x20 || (code >= 0x7F && code < 0xA0) || code == '\\')
    return false;
  bool hides = (code >= 0x200B && code <= 0x200F) || (code >= 0x2060 && code <= 0x206F) ||
               (code >= 0xFFF9 && code <= 0xFFFB) || (code >= 0xE0000 && code <= 0xE007F) ||
               code == 0xFEFF || code == 0x00AD || code == 0x180E;
  bool reorders = (code >= 0x2028 && code <= 0x202E) || code == 0x061C;
  return !hides && !reorders;
}

char *text_printable(char *dst, size_t size, struct span s) {
  static const char dots[] = "...";
  size_t used = 0;
  size_t cut = 0; /* the last position after which the dots fit */

  while (s.len > 0) {
    char piece[4 * 4 + 1];
    uint32_t code = 0;
    size_t taken = text_utf8_character(s, &code);
    size_t len = 0;
    if (taken > 0 && text_is_harmless(code)) {
      memcpy(piece, s.at, taken);
      len = taken;
    } else {
      taken = taken > 0 ? taken : 1;
      for (size_t i = 0; i < taken; i++)
        len += (size_t)snprintf(piece + len, sizeof(piece) - len, "\\x%02X",
                                (unsigned char)s.at[i]);
    }
    if (used + len > size - 1) {
      memcpy(dst + cut, dots, sizeof(dots));
      return dst;
    }
    memcpy(dst + used, piece, len);
    used += len;
    if (used + sizeof(dots) <= size)
      cut = used;
    s.at += taken;
    s.len -= taken;
  }
  dst[used] = '\0';
  return dst;
}
