/* Checks and expands templates; see template.h. */
#include "notify_alertmanager/template.h"

#include <errno.h>

#include "notify_alertmanager/url.h"

/*
 * Removes the next piece from *s: a placeholder (true, its inside in *ret_field) or the text up
 * to the next one or the end (false). A "%{" without "}" gives a field with at == NULL.
 */
static bool take_piece(struct span *s, struct span *ret_field, struct span *ret_text) {
  if (scan_literal(s, "%{")) {
    const char *end = memchr(s->at, '}', s->len);
    if (end == NULL) {
      *ret_field = span_make(NULL, 0);
      *s = span_make(s->at + s->len, 0);
      return true;
    }
    *ret_field = span_make(s->at, (size_t)(end - s->at));
    s->len -= ret_field->len + 1;
    s->at = end + 1;
    return true;
  }
  const char *begin = s->at;
  do {
    s->at++;
    s->len--;
  } while (s->len > 0 && !span_starts_with(*s, "%{"));
  *ret_text = span_make(begin, (size_t)(s->at - begin));
  return false;
}

static bool is_known_field(struct span field) {
  if (span_starts_with(field, "meta:"))
    return field.len > strlen("meta:");
  struct span fields = SPAN_LITERAL(TEMPLATE_FIELDS);
  struct span word;
  while (scan_word(&fields, &word))
    if (word.len == field.len && memcmp(word.at, field.at, word.len) == 0)
      return true;
  return false;
}

int template_check(const char *text, enum template_kind kind, const char **ret_why) {
  struct span rest = span_of(text), field, piece;

  if (kind == TEMPLATE_URL) {
    int status = url_take_origin(&rest, ret_why);
    if (status != 0)
      return status;
  }
  while (rest.len > 0) {
    if (take_piece(&rest, &field, &piece)) {
      if (field.at != NULL && is_known_field(field))
        continue;
      *ret_why =
          field.at == NULL
              ? "a \"%{\" has no \"}\""
              : "unknown placeholder; allowed between \"%{\" and \"}\" are: " TEMPLATE_FIELDS;
      return -EINVAL;
    }
    if (kind == TEMPLATE_URL && !url_is_text(piece)) {
      *ret_why = "it contains a byte that a URL must not contain; write it as %XX";
      return -EINVAL;
    }
  }
  return 0;
}

static int append_encoded(struct buffer *dst, struct span value) {
  static const char digits[] = "0123456789ABCDEF";
  for (size_t i = 0; i < value.len; i++) {
    unsigned char byte = (unsigned char)value.at[i];
    const char encoded[3] = {'%', digits[byte >> 4], digits[byte & 15]};
    int status = url_is_unreserved(value.at[i]) ? buffer_append(dst, &value.at[i], 1)
                                                : buffer_append(dst, encoded, sizeof(encoded));
    if (status != 0)
      return status;
  }
  return 0;
}

static bool find_value(template_field_fn field_value, void *context, struct span field,
                       struct span *ret_value) {
  if (span_equals(field, "%")) {
    *ret_value = field;
    return true;
  }
  return field_value(context, field, ret_value);
}

int template_expand(const char *text, enum template_kind kind, template_field_fn field_value,
                    void *context, struct buffer *dst) {
  struct span rest = span_of(text), field, value;

  while (rest.len > 0) {
    int status = 0;
    if (!take_piece(&rest, &field, &value))
      status = buffer_append(dst, value.at, value.len);
    else if (field.at == NULL || !find_value(field_value, context, field, &value))
      continue;
    else if (kind == TEMPLATE_URL)
      status = append_encoded(dst, value);
    else
      status = buffer_append(dst, value.at, value.len);
    if (status != 0)
      return status;
  }
  return 0;
}
