/* Lines of comma-separated values; see cells.h. */
#include "backtest/cells.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const double NUMBER_MAX = 1e18; /* what red flags are judged up to */

enum {
  NUMBER_SIZE = 64,    /* of a number as text, with the NUL */
  EXACT_DIGITS = 15,   /* of a number that is exact as a double */
  EXACT_FRACTION = 15, /* as are the powers of ten up to 1e22 */
};

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/* ---- lines ---- */

static struct span trim(struct span text) {
  scan_blanks(&text);
  while (text.len > 0 && is_blank(text.at[text.len - 1]))
    text.len--;
  return text;
}

/* Removes a cell in quotes and blanks behind it from *rest. */
static int take_quoted(struct span *rest, struct span *ret) {
  const char *end = memchr(rest->at + 1, '"', rest->len - 1);
  if (end == NULL)
    return -EINVAL;
  *ret = span_make(rest->at + 1, (size_t)(end - rest->at - 1));
  *rest = span_make(end + 1, rest->len - ret->len - 2);
  scan_blanks(rest);
  return rest->len == 0 || rest->at[0] == ',' ? 0 : -EINVAL;
}

static int take_plain(struct span *rest, struct span *ret) {
  const char *comma = memchr(rest->at, ',', rest->len);
  size_t len = comma != NULL ? (size_t)(comma - rest->at) : rest->len;
  *ret = trim(span_make(rest->at, len));
  *rest = span_make(rest->at + len, rest->len - len);
  return ret->len > 0 && memchr(ret->at, '"', ret->len) != NULL ? -EINVAL : 0;
}

int cells_split(struct span line, struct span *cells, size_t max, size_t *ret_len) {
  struct span rest = line;
  for (*ret_len = 0;; (*ret_len)++) {
    if (*ret_len == max)
      return -E2BIG;
    scan_blanks(&rest);
    bool is_quoted = rest.len > 0 && rest.at[0] == '"';
    struct span *cell = &cells[*ret_len];
    int status = is_quoted ? take_quoted(&rest, cell) : take_plain(&rest, cell);
    if (status != 0)
      return status;
    if (rest.len == 0)
      break;
    rest = span_make(rest.at + 1, rest.len - 1); /* the comma */
  }
  (*ret_len)++;
  return 0;
}

/* ---- numbers ---- */

/* Most numbers: few digits, perhaps with a fraction. Returns whether it is one. Where doubles
 * are divided with more digits than they have, as on i386, the result would be rounded twice.
 */
static bool parse_short(struct span text, double *ret) {
  static const double powers[EXACT_FRACTION + 1] = {
      1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  uint64_t digits = 0;
  size_t fraction = 0;
  bool has_point = false;
  if (text.len == 0 || text.len > EXACT_DIGITS || !is_digit(text.at[0]))
    return false;
  for (size_t i = 0; i < text.len; i++) {
    if (text.at[i] == '.' && !has_point) {
      has_point = true;
      continue;
    }
    if (!is_digit(text.at[i]))
      return false;
    digits = digits * 10 + (uint64_t)(text.at[i] - '0');
    fraction += has_point;
  }
  *ret = (double)digits / powers[fraction];
  return fraction == 0 || FLT_EVAL_METHOD == 0;
}

/* strtod(3) also knows hexadecimal numbers, infinity and white space: they are not numbers
 * here. The program has no locale but C. */
static int parse_long(struct span text, double *ret) {
  char copy[NUMBER_SIZE], *end;
  if (text.len >= sizeof(copy))
    return -EINVAL;
  for (size_t i = 0; i < text.len; i++) {
    if (!is_digit(text.at[i]) && (text.at[i] == '\0' || strchr("+-.eE", text.at[i]) == NULL))
      return -EINVAL;
    copy[i] = text.at[i];
  }
  copy[text.len] = '\0';
  *ret = strtod(copy, &end);
  return end == copy + text.len && end != copy ? 0 : -EINVAL;
}

int cells_number(struct span cell, double *ret) {
  double number;
  if (cell.len == 0 || (cell.len == 3 && strncasecmp(cell.at, "nan", 3) == 0)) {
    *ret = NAN;
    return 0;
  }
  if (!parse_short(cell, &number)) {
    int status = parse_long(cell, &number);
    if (status != 0)
      return status;
  }
  if (!(number >= 0 && number <= NUMBER_MAX))
    return -ERANGE;
  *ret = number;
  return 0;
}

/* ---- output ---- */

void cells_write(FILE *out, const char *text) {
  if (text[strcspn(text, ",\"\r\n")] == '\0') {
    fputs(text, out);
    return;
  }
  fputc('"', out);
  for (; *text != '\0'; text++) {
    if (*text == '"')
      fputc('"', out);
    fputc(*text, out);
  }
  fputc('"', out);
}
