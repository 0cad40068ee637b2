/*
 * The alert as one block of packed pairs, and its builder; see alert.h. Values come from
 * anywhere: a path, a command's output, a notification from the network. The builder makes
 * them UTF-8 that neither breaks the JSON nor misleads a terminal or a mail.
 */
#include "notify_alertmanager/alert.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/text.h"

enum {
  CUT_NOTE_BYTES = 48,  /* reserved for the note behind a value that was cut */
  LAST_NOTE_BYTES = 64, /* reserved for the annotation ALERT_LEFT_OUT */
};

struct alert {
  atomic_uint references;
  uint32_t identity_len, labels_len, annotations_len, len; /* len includes the URL's NUL */
  char bytes[]; /* identity, other labels by name, annotations, URL */
};

/* In this order, before all other labels. */
static const char *const identity_names[] = {
    "instance", "plugin", "plugin_instance", "type", "type_instance",
};

bool alert_pair_next(alert_pairs *pairs, struct alert_pair *ret) {
  if (pairs->len == 0)
    return false;
  ret->name = pairs->at;
  ret->value = ret->name + strlen(ret->name) + 1;
  const char *end = ret->value + strlen(ret->value) + 1;
  pairs->len -= (size_t)(end - pairs->at);
  pairs->at = end;
  return true;
}

alert_pairs alert_labels(const struct alert *alert) {
  return span_make(alert->bytes, alert->labels_len);
}

alert_pairs alert_identity(const struct alert *alert) {
  return span_make(alert->bytes, alert->identity_len);
}

alert_pairs alert_annotations(const struct alert *alert) {
  return span_make(alert->bytes + alert->labels_len, alert->annotations_len);
}

const char *alert_generator_url(const struct alert *alert) {
  return alert->bytes + alert->labels_len + alert->annotations_len;
}

const char *alert_label(const struct alert *alert, const char *name) {
  alert_pairs labels = alert_labels(alert);
  struct alert_pair pair;
  while (alert_pair_next(&labels, &pair))
    if (strcmp(pair.name, name) == 0)
      return pair.value;
  return NULL;
}

bool alert_same_labels(const struct alert *a, const struct alert *b) {
  return a->labels_len == b->labels_len && memcmp(a->bytes, b->bytes, a->labels_len) == 0;
}

size_t alert_bytes(const struct alert *alert) {
  return sizeof(*alert) + alert->len;
}

struct alert *alert_ref(struct alert *alert) {
  atomic_fetch_add_explicit(&alert->references, 1, memory_order_relaxed);
  return alert;
}

void alert_unref(struct alert *alert) {
  if (alert != NULL &&
      atomic_fetch_sub_explicit(&alert->references, 1, memory_order_acq_rel) == 1)
    free(alert);
}

/* ---- building ---- */

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

/* Backslashes stay: they are common in messages, and nothing decodes these escapes. */
static bool is_allowed(uint32_t code) {
  return code == '\n' || code == '\t' || code == '\\' || text_is_harmless(code);
}

/* The length of the prefix of s, up to max bytes, that needs no escape. */
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
    if (len == 0 || n + len > max || !is_allowed(code))
      break;
    n += len;
  }
  return n;
}

/* Removes one character, or one invalid byte, from *s and writes it as \xNN. */
static size_t escape(char *dst, struct span *s) {
  size_t taken = text_utf8_character(*s, NULL);
  size_t len = 0;
  taken = taken > 0 ? taken : 1;
  for (size_t i = 0; i < taken; i++)
    len += (size_t)snprintf(dst + len, 5, "\\x%02X", (unsigned char)s->at[i]);
  *s = span_make(s->at + taken, s->len - taken);
  return len;
}

/* To the value that starts at begin, which has at most max bytes including the note. */
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
    bool clean = len > 0 && is_allowed(code);
    if (!clean)
      len = escape(escaped, &rest);
    if (clean || b->text.len + len > begin + limit)
      break; /* full: clean_run stopped at an allowed character */
    status = buffer_append(&b->text, escaped, len);
    value = rest;
  }
  if (value.len > 0 && status == 0)
    status = append_cut_note(b, begin, max, whole);
  return status != 0 ? status : buffer_append(&b->text, "", 1);
}

/* Removes what was appended since begin if not all of it fitted. */
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

/* Writes a valid name that is not used yet; dst has ALERT_LABEL_NAME_BYTES + 1 bytes. */
static struct span annotation_name(const struct alert_builder *b, char *dst, struct span name) {
  enum { SUFFIX_BYTES = 5 };
  size_t len = 0;
  if (name.len == 0 || !is_name_start(name.at[0]))
    dst[len++] = '_';
  /* a digit follows the "_", any other invalid character is replaced by it */
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
  /* both limits reserve space for annotations_left_out */
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

/* ---- packing ---- */

struct packing {
  const struct alert_builder *builder;
  char *at;
  uint64_t packed; /* bit n: label n is packed */
};
_Static_assert(ALERT_LABELS_MAX <= 64, "a bit for each label");

static void pack_string(struct packing *p, size_t text_at) {
  const char *string = p->builder->text.data + text_at;
  size_t size = strlen(string) + 1;
  memcpy(p->at, string, size);
  p->at += size;
}

static const char *label_name(const struct alert_builder *b, size_t i) {
  return b->text.data + b->labels[i].name_at;
}

static void pack_label(struct packing *p, size_t i) {
  pack_string(p, p->builder->labels[i].name_at);
  pack_string(p, p->builder->labels[i].value_at);
  p->packed |= (uint64_t)1 << i;
}

static void pack_identity(struct packing *p) {
  for (size_t n = 0; n < ARRAY_LENGTH(identity_names); n++)
    for (size_t i = 0; i < p->builder->labels_len; i++)
      if (strcmp(label_name(p->builder, i), identity_names[n]) == 0)
        pack_label(p, i);
}

/* Sorted by name, so that equal sets of labels are equal bytes. */
static void pack_other_labels(struct packing *p) {
  const struct alert_builder *b = p->builder;
  for (;;) {
    size_t next = b->labels_len;
    for (size_t i = 0; i < b->labels_len; i++)
      if ((p->packed >> i & 1) == 0 &&
          (next == b->labels_len || strcmp(label_name(b, i), label_name(b, next)) < 0))
        next = i;
    if (next == b->labels_len)
      return;
    pack_label(p, next);
  }
}

int alert_builder_finish(struct alert_builder *b, struct alert **ret) {
  if (b->labels_len == 0)
    return -EINVAL;
  if (b->annotations_left_out > 0) {
    char count[24];
    int len = snprintf(count, sizeof(count), "%zu", b->annotations_left_out);
    int status = alert_builder_annotation(b, SPAN_LITERAL(ALERT_LEFT_OUT),
                                          span_make(count, (size_t)len));
    if (status != 0)
      return status;
  }
  struct alert *alert = malloc(sizeof(*alert) + b->text.len + 1);
  if (alert == NULL)
    return -ENOMEM;
  atomic_init(&alert->references, 1);

  struct packing p = {.builder = b, .at = alert->bytes};
  pack_identity(&p);
  alert->identity_len = (uint32_t)(p.at - alert->bytes);
  pack_other_labels(&p);
  alert->labels_len = (uint32_t)(p.at - alert->bytes);
  for (size_t i = 0; i < b->annotations_len; i++) {
    pack_string(&p, b->annotations[i].name_at);
    pack_string(&p, b->annotations[i].value_at);
  }
  alert->annotations_len = (uint32_t)(p.at - alert->bytes) - alert->labels_len;
  if (b->url_at != SIZE_MAX)
    pack_string(&p, b->url_at);
  else
    *p.at++ = '\0';
  alert->len = (uint32_t)(p.at - alert->bytes);
  *ret = alert;
  return 0;
}

/* ---- copying ---- */

static int copy_annotations(struct alert_builder *b, const struct alert *alert,
                            const char *except) {
  alert_pairs annotations = alert_annotations(alert);
  struct alert_pair pair;
  while (alert_pair_next(&annotations, &pair)) {
    int status = strcmp(pair.name, except) == 0
                     ? 0
                     : alert_builder_annotation(b, span_of(pair.name), span_of(pair.value));
    if (status != 0)
      return status;
  }
  return 0;
}

static int copy_annotated(struct alert_builder *b, const struct alert *alert, const char *name,
                          struct span value) {
  alert_pairs labels = alert_labels(alert);
  struct alert_pair pair;
  while (alert_pair_next(&labels, &pair)) {
    int status = alert_builder_label(b, pair.name, span_of(pair.value));
    if (status != 0)
      return status;
  }
  b->verbatim = false;
  int status = alert_builder_annotation(b, span_of(name), value);
  b->verbatim = true;
  if (status == 0)
    status = copy_annotations(b, alert, name);
  struct span url = span_of(alert_generator_url(alert));
  return status == 0 && url.len > 0 ? alert_builder_url(b, url) : status;
}

int alert_annotated(const struct alert *alert, const char *name, struct span value,
                    struct alert **ret) {
  struct alert_builder b;
  alert_builder_init(&b);
  b.verbatim = true;
  int status = copy_annotated(&b, alert, name, value);
  if (status == 0)
    status = alert_builder_finish(&b, ret);
  alert_builder_free(&b);
  return status;
}
