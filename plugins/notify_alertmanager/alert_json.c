/* Alerts as JSON; see alert_json.h. */
#include "notify_alertmanager/alert_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <yajl/yajl_gen.h>
#include <yajl/yajl_parse.h>

#include "common/clock.h"
#include "common/text.h"

/* ---- the writer ---- */

static void on_print(void *context, const char *bytes, size_t len) {
  struct json_writer *w = context;
  if (w->status == 0)
    w->status = buffer_append(w->out, bytes, len);
}

int json_writer_init(struct json_writer *w, struct buffer *out) {
  *w = (struct json_writer){.gen = yajl_gen_alloc(NULL), .out = out};
  if (w->gen == NULL)
    return -ENOMEM;
  yajl_gen_config(w->gen, yajl_gen_print_callback, on_print, w);
  return 0;
}

void json_writer_free(struct json_writer *w) {
  if (w->gen != NULL)
    yajl_gen_free(w->gen);
  w->gen = NULL;
}

void json_writer_reset(struct json_writer *w) {
  yajl_gen_reset(w->gen, NULL);
  w->status = 0;
}

static void check(struct json_writer *w, yajl_gen_status status) {
  if (status != yajl_gen_status_ok && w->status == 0)
    w->status = -EINVAL;
}

void json_open_map(struct json_writer *w) {
  check(w, yajl_gen_map_open(w->gen));
}

void json_close_map(struct json_writer *w) {
  check(w, yajl_gen_map_close(w->gen));
}

void json_open_array(struct json_writer *w) {
  check(w, yajl_gen_array_open(w->gen));
}

void json_close_array(struct json_writer *w) {
  check(w, yajl_gen_array_close(w->gen));
}

void json_string(struct json_writer *w, const char *string) {
  check(w, yajl_gen_string(w->gen, (const unsigned char *)string, strlen(string)));
}

void json_integer(struct json_writer *w, int64_t number) {
  check(w, yajl_gen_integer(w->gen, number));
}

void json_pairs(struct json_writer *w, const char *key, alert_pairs pairs) {
  struct alert_pair pair;
  json_string(w, key);
  json_open_map(w);
  while (alert_pair_next(&pairs, &pair)) {
    json_string(w, pair.name);
    json_string(w, pair.value);
  }
  json_close_map(w);
}

/* ---- the body of a post ---- */

struct alert_json {
  struct buffer body;
  struct json_writer writer;
};

int alert_json_new(size_t max_bytes, struct alert_json **ret) {
  struct alert_json *json = calloc(1, sizeof(*json));
  if (json == NULL)
    return -ENOMEM;
  buffer_init(&json->body, max_bytes);
  int status = json_writer_init(&json->writer, &json->body);
  if (status != 0) {
    free(json);
    return status;
  }
  *ret = json;
  return 0;
}

void alert_json_free(struct alert_json *json) {
  if (json == NULL)
    return;
  json_writer_free(&json->writer);
  buffer_free(&json->body);
  free(json);
}

struct span alert_json_body(const struct alert_json *json) {
  return buffer_span(&json->body);
}

static void write_time(struct json_writer *w, const char *key, int64_t time_ns) {
  char time[ALERT_TIME_SIZE];
  alert_time_write(time, time_ns);
  json_string(w, key);
  json_string(w, time);
}

int alert_json_begin(struct alert_json *json) {
  buffer_reset(&json->body);
  json_writer_reset(&json->writer);
  json_open_array(&json->writer);
  return json->writer.status;
}

int alert_json_add(struct alert_json *json, const struct alert *alert, int64_t starts_ns,
                   int64_t ends_ns) {
  struct json_writer *w = &json->writer;
  const char *url = alert_generator_url(alert);

  json_open_map(w);
  json_pairs(w, "labels", alert_labels(alert));
  json_pairs(w, "annotations", alert_annotations(alert));
  write_time(w, "startsAt", starts_ns);
  if (ends_ns != 0)
    write_time(w, "endsAt", ends_ns);
  if (url[0] != '\0') {
    json_string(w, "generatorURL");
    json_string(w, url);
  }
  json_close_map(w);
  return w->status;
}

int alert_json_end(struct alert_json *json) {
  json_close_array(&json->writer);
  return json->writer.status;
}

void alert_time_write(char *dst, int64_t time_ns) {
  char date[ALERT_TIME_SIZE];
  time_ns = time_ns < 0 ? 0 : time_ns;
  clock_format_utc(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", time_ns / 1000000000);
  snprintf(dst, ALERT_TIME_SIZE, "%.19s.%09uZ", date, (unsigned)(time_ns % 1000000000));
}

/* ---- responses ---- */

struct reader {
  char *dst;
  unsigned depth; /* of open maps and arrays */
  bool wanted;    /* the next value is the reason */
  bool found;
};

static int on_string(void *context, const unsigned char *bytes, size_t len) {
  struct reader *r = context;
  if (r->depth != 0 && !(r->depth == 1 && r->wanted))
    return 1;
  text_printable(r->dst, RESPONSE_REASON_SIZE, span_make((const char *)bytes, len));
  r->found = true;
  return 0;
}

static int on_key(void *context, const unsigned char *bytes, size_t len) {
  struct reader *r = context;
  struct span key = span_make((const char *)bytes, len);
  r->wanted = span_equals(key, "message") || span_equals(key, "error");
  return 1;
}

static int on_open(void *context) {
  struct reader *r = context;
  r->depth++;
  return 1;
}

static int on_close(void *context) {
  struct reader *r = context;
  r->depth--;
  return 1;
}

static const yajl_callbacks callbacks = {
    .yajl_string = on_string,
    .yajl_start_map = on_open,
    .yajl_map_key = on_key,
    .yajl_end_map = on_close,
    .yajl_start_array = on_open,
    .yajl_end_array = on_close,
};

static bool find_in_json(char *dst, struct span body) {
  struct reader r = {.dst = dst};
  yajl_handle handle = yajl_alloc(&callbacks, NULL, &r);
  if (handle == NULL)
    return false;
  yajl_parse(handle, (const unsigned char *)body.at, body.len);
  yajl_free(handle);
  return r.found;
}

char *response_reason(char *dst, struct span body) {
  struct span line;
  dst[0] = '\0';
  if (body.len > RESPONSE_BYTES_MAX)
    body.len = RESPONSE_BYTES_MAX;
  if (find_in_json(dst, body))
    return dst;
  while (scan_line(&body, &line)) {
    scan_blanks(&line);
    if (line.len > 0)
      return text_printable(dst, RESPONSE_REASON_SIZE, line);
  }
  return dst;
}
