/*
 * Values made fit for an alert; see alert.h. What comes in is anybody's bytes: a path, a
 * command's output, a notification from the network. What goes out is UTF-8 that neither
 * breaks the JSON nor plays tricks on the terminal or the mail it ends up in.
 */
#include "notify_alertmanager/alert.h"

#include <errno.h>
#include <stdio.h>

#include "common/text.h"

enum {
  CUT_NOTE_BYTES = 48,  /* room for the note behind a value that was cut */
  LAST_NOTE_BYTES = 64, /* room for the annotation ALERT_LEFT_OUT */
};

void alert_builder_init(struct alert_builder *b) {
  b->labels_len = b->annotations_len = b->annotations_left_out = 0;
  b->url_at = SIZE_MAX;
  b->verbatim = false;
  buffer_init(&b->text, ALERT_BYTES_MAX);
}

void alert_builder_free(struct alert_builder *b) {
  buffer_free(&b->text);
}

static bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name_character(char c) {
  return is_name_start(c) || (c >= '0' && c <= '9');
}

bool alert_is_label_name(struct span name) {
  if (name.len == 0 || name.len > ALERT_LABEL_NAME_BYTES || !is_name_start(name.at[0]))
    return false;
  for (size_t i = 1; i < name.len; i++)
    if (!is_name_character(name.at[i]))
      return false;
  return true;
}

/* Backslashes stay: they are common in messages, and here nobody reads the escapes back. */
static bool may_stay(uint32_t code) {
  return code == '\n' || code == '\t' || code == '\\' || text_is_harmless(code);
}

/* The length of what s starts with and may go in as it is, up to max bytes. */
static size_t clean_run(struct span s, size_t max) {
  size_t n = 0;
  while (n < s.len && n < max) {
    unsigned char byte = (unsigned char)s.at[n];
    if (byte >= 0x20 && byte < 0x7F) {
      n++;
      continue;
    }
    uint32_t code = 0;
    size_t len = text_utf8_character(span_make(s.at + n, s.len - n), &code);
    if (len == 0 || n + len > max || !may_stay(code))
      break;
    n += len;
  }
  return n;
}

/* Takes one character, or a byte that is none, off *s and writes it as \xNN. */
static size_t escape(char *dst, struct span *s) {
  size_t taken = text_utf8_character(*s, NULL);
  size_t len = 0;
  taken = taken > 0 ? taken : 1;
  for (size_t i = 0; i < taken; i++)
    len += (size_t)snprintf(dst + len, 5, "\\x%02X", (unsigned char)s->at[i]);
  *s = span_make(s->at + taken, s->len - taken);
  return len;
}

/* Behind what begins at begin and is at most max bytes long with the note. */
static int append_cut_note(struct alert_builder *b, size_t begin, size_t max, size_t whole) {
  struct span kept = span_make(b->text.data + begin, b->text.len - begin);
  b->text.len = begin + text_utf8_cut(kept, max - CUT_NOTE_BYTES);
  return buffer_printf(&b->text, " ... (cut, %zu bytes)", whole);
}

/* Appends the value, cleaned and NUL-terminated. */
static int append_value(struct alert_builder *b, struct span value, size_t max) {
  size_t begin = b->text.len;
  size_t limit = b->verbatim ? max : max - CUT_NOTE_BYTES;
  size_t whole = value.len;
  int status = 0;

  while (value.len > 0 && status == 0) {
    size_t run = clean_run(value, begin + limit - b->text.len);
    status = buffer_append(&b->text, value.at, run);
    value = span_make(value.at + run, value.len - run);
    if (value.len == 0 || status != 0)
      break;

    char escaped[4 * 4 + 1];
    struct span rest = value;
    uint32_t code = 0;
    size_t len = text_utf8_character(value, &code);
    bool clean = len > 0 && may_stay(code);
    if (!clean)
      len = escape(escaped, &rest);
    if (clean || b->text.len + len > begin + limit)
      break; /* no room: clean_run stopped at a character that may stay */
    status = buffer_append(&b->text, escaped, len);
    value = rest;
  }
  if (value.len > 0 && status == 0)
    status = append_cut_note(b, begin, max, whole);
  return status != 0 ? status : buffer_append(&b->text, "", 1);
}

/* Undoes what was appended since when it did not all fit. */
static int keep_or_undo(struct alert_builder *b, size_t begin, int status) {
  if (status != 0)
    b->text.len = begin;
  return status;
}

static int append_pair(struct alert_builder *b, struct span name, struct span value, size_t max,
                       uint32_t *ret_name_at, uint32_t *ret_value_at) {
  size_t begin = b->text.len;
  int status = buffer_append(&b->text, name.at, name.len);
  if (status == 0)
    status = buffer_append(&b->text, "", 1);
  size_t value_at = b->text.len;
  if (status == 0)
    status = append_value(b, value, max);
  *ret_name_at = (uint32_t)begin;
  *ret_value_at = (uint32_t)value_at;
  return keep_or_undo(b, begin, status);
}

int alert_builder_label(struct alert_builder *b, const char *name, struct span value) {
  if (value.len == 0)
    return 0;
  for (size_t i = 0; i < b->labels_len; i++)
    if (strcmp(b->text.data + b->labels[i].name_at, name) == 0)
      return -EEXIST;
  if (b->labels_len == ALERT_LABELS_MAX)
    return -E2BIG;

  int status =
      append_pair(b, span_of(name), value, ALERT_LABEL_BYTES, &b->labels[b->labels_len].name_at,
                  &b->labels[b->labels_len].value_at);
  if (status == 0)
    b->labels_len++;
  return status;
}

bool alert_builder_has_annotation(const struct alert_builder *b, const char *name) {
  for (size_t i = 0; i < b->annotations_len; i++)
    if (strcmp(b->text.data + b->annotations[i].name_at, name) == 0)
      return true;
  return false;
}

/* Writes a name that may stand in an alert and is not taken yet; dst has ALERT_LABEL_NAME_BYTES + 1. */
static struct span annotation_name(const struct alert_builder *b, char *dst, struct span name) {
  enum { SUFFIX_BYTES = 5 };
  size_t len = 0;
  if (name.len == 0 || !is_name_start(name.at[0]))
    dst[len++] = '_';
  /* a first character that may not come first can still come second, but "_" once is enough */
  size_t skip = name.len > 0 && len > 0 && !is_name_character(name.at[0]) ? 1 : 0;
  for (size_t i = skip; i < name.len && len < ALERT_LABEL_NAME_BYTES - SUFFIX_BYTES; i++)
    dst[len++] = is_name_character(name.at[i]) ? name.at[i] : '_';
  dst[len] = '\0';

  size_t base = len;
  for (unsigned n = 2; n <= ALERT_ANNOTATIONS_MAX && alert_builder_has_annotation(b, dst); n++)
    len = base + (size_t)snprintf(dst + base, SUFFIX_BYTES + 1, "_%u", n);
  return span_make(dst, len);
}

int alert_builder_annotation(struct alert_builder *b, struct span name, struct span value) {
  char fit[ALERT_LABEL_NAME_BYTES + 1];
  if (value.len == 0)
    return 0;
  /* both limits keep a place for annotations_left_out */
  bool last = span_equals(name, ALERT_LEFT_OUT);
  b->text.max = last ? ALERT_BYTES_MAX : ALERT_BYTES_MAX - LAST_NOTE_BYTES;
  if (b->annotations_len >= (last ? ALERT_ANNOTATIONS_MAX : ALERT_ANNOTATIONS_MAX - 1)) {
    b->annotations_left_out++;
    return 0;
  }
  int status = append_pair(b, annotation_name(b, fit, name), value, ALERT_ANNOTATION_BYTES,
                           &b->annotations[b->annotations_len].name_at,
                           &b->annotations[b->annotations_len].value_at);
  if (status == 0)
    b->annotations_len++;
  if (status == -EMSGSIZE)
    b->annotations_left_out++;
  return status == -EMSGSIZE ? 0 : status;
}

int alert_builder_url(struct alert_builder *b, struct span url) {
  size_t begin = b->text.len;
  int status = buffer_append(&b->text, url.at, url.len);
  if (status == 0)
    status = buffer_append(&b->text, "", 1);
  if (status == 0)
    b->url_at = begin;
  return keep_or_undo(b, begin, status);
}
