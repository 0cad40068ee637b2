/*
 * Bounded scanners; see scan.h. One loop parses the digits of both bases, so that overflow is
 * handled in one place.
 */
#include "common/scan.h"

#include <errno.h>

bool scan_literal(struct span *s, const char *prefix) {
  size_t n = strlen(prefix);
  if (s->len < n || memcmp(s->at, prefix, n) != 0)
    return false;
  s->at += n;
  s->len -= n;
  return true;
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

void scan_blanks(struct span *s) {
  while (s->len > 0 && is_blank(*s->at)) {
    s->at++;
    s->len--;
  }
}

bool scan_line(struct span *s, struct span *ret_line) {
  if (s->len == 0)
    return false;
  const char *newline = memchr(s->at, '\n', s->len);
  size_t len = newline != NULL ? (size_t)(newline - s->at) : s->len;
  size_t taken = newline != NULL ? len + 1 : len;

  *ret_line = span_make(s->at, len);
  if (newline != NULL && len > 0 && s->at[len - 1] == '\r')
    ret_line->len--;
  s->at += taken;
  s->len -= taken;
  return true;
}

struct span scan_whole_lines(struct span s) {
  const char *newline = s.len > 0 ? memrchr(s.at, '\n', s.len) : NULL;
  return span_make(s.at, newline != NULL ? (size_t)(newline - s.at) + 1 : 0);
}

bool scan_word(struct span *s, struct span *ret_word) {
  scan_blanks(s);
  size_t n = 0;
  while (n < s->len && !is_blank(s->at[n]))
    n++;
  if (n == 0)
    return false;
  *ret_word = span_make(s->at, n);
  s->at += n;
  s->len -= n;
  return true;
}

static inline unsigned digit_of(char c) {
  if (c >= '0' && c <= '9')
    return (unsigned)(c - '0');
  if (c >= 'a' && c <= 'f')
    return (unsigned)(c - 'a') + 10;
  if (c >= 'A' && c <= 'F')
    return (unsigned)(c - 'A') + 10;
  return 16;
}

/* Inlined into its callers, where base is a constant, which avoids divisions. */
static inline __attribute__((always_inline)) int scan_digits(struct span *s, unsigned base,
                                                             uint64_t *ret) {
  const uint64_t largest = VALUE_UNKNOWN - 1;
  uint64_t value = 0;
  bool overflow = false;
  size_t n = 0;

  for (; n < s->len; n++) {
    unsigned digit = digit_of(s->at[n]);
    if (digit >= base)
      break;
    if (value > largest / base || (value == largest / base && digit > largest % base))
      overflow = true;
    else
      value = value * base + digit;
  }
  if (n == 0)
    return -EINVAL;

  s->at += n;
  s->len -= n;
  if (overflow)
    return -ERANGE;
  *ret = value;
  return 0;
}

int scan_u64(struct span *s, uint64_t *ret) {
  return scan_digits(s, 10, ret);
}

int scan_hex(struct span *s, uint64_t *ret) {
  return scan_digits(s, 16, ret);
}

int scan_whole_u64(struct span s, uint64_t min, uint64_t max, uint64_t *ret) {
  uint64_t value;
  int status = scan_u64(&s, &value);
  if (s.len > 0)
    return -EINVAL;
  if (status != 0)
    return status;
  if (value < min || value > max)
    return -ERANGE;
  *ret = value;
  return 0;
}

int scan_whole_kilobytes(struct span s, uint64_t *ret_bytes) {
  uint64_t kilobytes;
  scan_blanks(&s);
  int status = scan_u64(&s, &kilobytes);
  if (!span_equals(s, " kB"))
    return -EINVAL;
  if (status != 0)
    return status;
  if (kilobytes >= VALUE_UNKNOWN / 1024)
    return -ERANGE;
  *ret_bytes = kilobytes * 1024;
  return 0;
}
