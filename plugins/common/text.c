/* Sanitises foreign text; see text.h. */
#include "common/text.h"

#include <stdio.h>
#include <string.h>

#include "common/array.h"

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

/*
 * Characters that hide, look like none, reorder what stands beside them, or have no agreed
 * look: Unicode's categories Cc, Cf, Zl, Zp, Cs, Co and, of "text", Zs; its
 * Default_Ignorable_Code_Point and Noncharacter_Code_Point; the empty Braille cell. Sorted.
 */
static const struct {
  uint32_t first, last;
  bool in_text; /* common in prose, where it cannot be taken for another name */
} harmful[] = {
    {0x0000, 0x001F, false},   /* C0 controls */
    {0x005C, 0x005C, false},   /* the backslash begins an escape sequence */
    {0x007F, 0x009F, false},   /* delete, C1 controls */
    {0x00A0, 0x00A0, true},    /* no-break space */
    {0x00AD, 0x00AD, false},   /* soft hyphen */
    {0x034F, 0x034F, false},   /* combining grapheme joiner */
    {0x0600, 0x0605, false},   /* signs that enclose the digits behind them */
    {0x061C, 0x061C, false},   /* Arabic letter mark */
    {0x06DD, 0x06DD, false},   /* end of ayah */
    {0x070F, 0x070F, false},   /* Syriac abbreviation mark */
    {0x0890, 0x0891, false},   /* pound and piastre marks */
    {0x08E2, 0x08E2, false},   /* disputed end of ayah */
    {0x115F, 0x1160, false},   /* Hangul fillers */
    {0x1680, 0x1680, true},    /* Ogham space */
    {0x17B4, 0x17B5, false},   /* Khmer inherent vowels */
    {0x180B, 0x180F, false},   /* Mongolian variation selectors, vowel separator */
    {0x2000, 0x200A, true},    /* spaces of various widths */
    {0x200B, 0x200F, false},   /* zero width, directional marks */
    {0x2028, 0x202E, false},   /* line and paragraph separators, embeddings and overrides */
    {0x202F, 0x202F, true},    /* narrow no-break space */
    {0x205F, 0x205F, true},    /* mathematical space */
    {0x2060, 0x206F, false},   /* word joiner, invisible operators, isolates */
    {0x2800, 0x2800, false},   /* empty Braille cell */
    {0x3000, 0x3000, true},    /* ideographic space */
    {0x3164, 0x3164, false},   /* Hangul filler */
    {0xD800, 0xF8FF, false},   /* surrogates, private use */
    {0xFDD0, 0xFDEF, false},   /* noncharacters */
    {0xFE00, 0xFE0D, false},   /* variation selectors */
    {0xFE0E, 0xFE0F, true},    /* those of emoji: without or with colours */
    {0xFEFF, 0xFEFF, false},   /* byte order mark */
    {0xFFA0, 0xFFA0, false},   /* halfwidth Hangul filler */
    {0xFFF0, 0xFFFB, false},   /* interlinear annotations, and what is ignorable before them */
    {0x110BD, 0x110BD, false}, /* Kaithi number signs */
    {0x110CD, 0x110CD, false},
    {0x13430, 0x1345F, false},    /* controls of Egyptian hieroglyphs */
    {0x1BCA0, 0x1BCA3, false},    /* controls of shorthand */
    {0x1D173, 0x1D17A, false},    /* beams, ties, slurs and phrases of music */
    {0xE0000, UINT32_MAX, false}, /* tags, variation selectors, private use, past the last */
};

static bool is_harmless(uint32_t code, bool in_text) {
  if (code > ' ' && code < 0x7F)
    return code != '\\';
  if ((code & 0xFFFE) == 0xFFFE) /* the noncharacters at the end of each plane */
    return false;
  size_t low = 0, high = ARRAY_LENGTH(harmful);
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (code > harmful[middle].last)
      low = middle + 1;
    else if (code < harmful[middle].first)
      high = middle;
    else
      return in_text && harmful[middle].in_text;
  }
  return true;
}

bool text_is_harmless(uint32_t code) {
  return is_harmless(code, true);
}

bool text_is_harmless_in_name(uint32_t code) {
  return is_harmless(code, false);
}

char *text_shorten(char *dst, size_t size, struct span s) {
  bool fits = s.len < size;
  snprintf(dst, size, "%.*s%s", (int)(fits ? s.len : text_utf8_cut(s, size - sizeof("..."))),
           s.at, fits ? "" : "...");
  return dst;
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
