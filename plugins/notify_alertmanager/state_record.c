/* Writes and parses lines of the state file; see state_record.h. */
#include "notify_alertmanager/state_record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <yajl/yajl_parse.h>

#include "notify_alertmanager/url.h"

enum { CHECKSUM_DIGITS = 16, DEPTH_MAX = 8 };

/* FNV-1a: detects a truncated or damaged line. It does not protect against someone who may
 * write the file: he could write whole lines. */
static uint64_t checksum(struct span s) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < s.len; i++)
    hash = (hash ^ (unsigned char)s.at[i]) * 0x100000001b3u;
  return hash;
}

/* ---- writing ---- */

static void write_number(struct json_writer *w, const char *key, int64_t number) {
  json_string(w, key);
  json_integer(w, number);
}

static void write_json(struct json_writer *w, const struct state_record *record) {
  json_open_map(w);
  json_pairs(w, "labels", alert_labels(record->alert));
  json_pairs(w, "annotations", alert_annotations(record->alert));
  json_string(w, "generatorURL");
  json_string(w, alert_generator_url(record->alert));
  write_number(w, "starts_ns", record->starts_ns);
  write_number(w, "ends_ns", record->ends_ns);
  write_number(w, "changed_ns", record->changed_ns);
  json_close_map(w);
}

int state_record_write(struct json_writer *w, const struct state_record *record) {
  struct buffer *dst = w->out;
  size_t begin = dst->len;
  int status = buffer_printf(dst, "%0*" PRIx64 " ", CHECKSUM_DIGITS, (uint64_t)0);
  if (status != 0)
    return status;
  size_t json_at = dst->len;
  json_writer_reset(w);
  write_json(w, record);
  if (w->status != 0)
    return w->status;

  char digits[CHECKSUM_DIGITS + 1];
  struct span json = span_make(dst->data + json_at, dst->len - json_at);
  snprintf(digits, sizeof(digits), "%0*" PRIx64, CHECKSUM_DIGITS, checksum(json));
  memcpy(dst->data + begin, digits, CHECKSUM_DIGITS);
  return buffer_append(dst, "\n", 1);
}

/* ---- reading ---- */

enum place { PLACE_OTHER, PLACE_LABELS, PLACE_ANNOTATIONS };

struct reader {
  struct alert_builder builder;
  struct state_record *record;
  struct buffer key;
  unsigned depth; /* of open maps and arrays */
  unsigned arrays;
  enum place place;
  int status;
};

/* Ends the parse. */
static int refuse(struct reader *r, int status) {
  r->status = status;
  return 0;
}

static bool key_is(const struct reader *r, const char *name) {
  return span_equals(buffer_span(&r->key), name);
}

static int on_open(struct reader *r) {
  if (r->depth == DEPTH_MAX)
    return refuse(r, -EINVAL);
  r->depth++;
  return 1;
}

static int on_map_open(void *context) {
  struct reader *r = context;
  if (r->depth == 1)
    r->place = key_is(r, "labels")        ? PLACE_LABELS
               : key_is(r, "annotations") ? PLACE_ANNOTATIONS
                                          : PLACE_OTHER;
  return on_open(r);
}

static int on_map_close(void *context) {
  struct reader *r = context;
  if (--r->depth == 1)
    r->place = PLACE_OTHER;
  return 1;
}

static int on_array_open(void *context) {
  struct reader *r = context;
  return r->depth == 0 ? refuse(r, -EINVAL) : on_open(r);
}

static int on_array_close(void *context) {
  struct reader *r = context;
  r->depth--;
  return 1;
}

static int on_key(void *context, const unsigned char *bytes, size_t len) {
  struct reader *r = context;
  buffer_reset(&r->key);
  /* a key that is too long is an unknown one */
  if (buffer_append(&r->key, (const char *)bytes, len) == -ENOMEM)
    return refuse(r, -ENOMEM);
  return 1;
}

static int on_string(void *context, const unsigned char *bytes, size_t len) {
  struct reader *r = context;
  struct span value = span_make((const char *)bytes, len);
  int status = 0;

  if (r->depth == 2 && r->place == PLACE_LABELS) {
    if (!alert_is_label_name(buffer_span(&r->key)))
      return refuse(r, -EINVAL);
    status = alert_builder_label(&r->builder, buffer_string(&r->key), value);
  } else if (r->depth == 2 && r->place == PLACE_ANNOTATIONS) {
    status = alert_builder_annotation(&r->builder, buffer_span(&r->key), value);
  } else if (r->depth == 1 && key_is(r, "generatorURL") && len > 0) {
    status = url_is_text(value) ? alert_builder_url(&r->builder, value) : -EINVAL;
  }
  return status == 0 ? 1 : refuse(r, status == -ENOMEM ? status : -EINVAL);
}

static int on_integer(void *context, long long number) {
  struct reader *r = context;
  if (r->depth != 1)
    return 1;
  if (key_is(r, "starts_ns"))
    r->record->starts_ns = number;
  else if (key_is(r, "ends_ns"))
    r->record->ends_ns = number;
  else if (key_is(r, "changed_ns"))
    r->record->changed_ns = number;
  return 1;
}

static const yajl_callbacks callbacks = {
    .yajl_integer = on_integer,
    .yajl_string = on_string,
    .yajl_start_map = on_map_open,
    .yajl_map_key = on_key,
    .yajl_end_map = on_map_close,
    .yajl_start_array = on_array_open,
    .yajl_end_array = on_array_close,
};

static int parse(struct reader *r, struct span json) {
  yajl_handle handle = yajl_alloc(&callbacks, NULL, r);
  if (handle == NULL)
    return -ENOMEM;
  yajl_status status = yajl_parse(handle, (const unsigned char *)json.at, json.len);
  if (status == yajl_status_ok)
    status = yajl_complete_parse(handle);
  yajl_free(handle);
  if (r->status != 0)
    return r->status;
  return status == yajl_status_ok ? 0 : -EINVAL;
}

static bool are_times_valid(const struct state_record *record) {
  return record->starts_ns > 0 && record->changed_ns > 0 &&
         (record->ends_ns == 0 || record->ends_ns >= record->starts_ns);
}

static int read_json(struct reader *r, struct span json) {
  int status = parse(r, json);
  if (status != 0)
    return status;
  if (!are_times_valid(r->record))
    return -EINVAL;
  status = alert_builder_finish(&r->builder, &r->record->alert);
  if (status == 0 && alert_identity(r->record->alert).len == 0) {
    alert_unref(r->record->alert);
    status = -EINVAL;
  }
  return status;
}

int state_record_read(struct span line, struct state_record *ret) {
  struct state_record record = {0};
  struct span json = line;
  struct span digits = span_make(line.at, line.len < CHECKSUM_DIGITS ? 0 : CHECKSUM_DIGITS);
  uint64_t expected;

  json = span_make(line.at + digits.len, line.len - digits.len);
  if (scan_hex(&digits, &expected) != 0 || digits.len > 0 || !scan_literal(&json, " "))
    return -EINVAL;
  if (checksum(json) != expected)
    return -EBADMSG;

  struct reader r = {.record = &record};
  alert_builder_init(&r.builder);
  r.builder.verbatim = true;
  buffer_init(&r.key, 256);
  int status = read_json(&r, json);
  buffer_free(&r.key);
  alert_builder_free(&r.builder);
  if (status == 0)
    *ret = record;
  return status;
}
