/* The body of a post; see alert_json.h. */
#include "notify_alertmanager/alert_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "notify_alertmanager/json_writer.h"

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
  static const int64_t last = 253402300799; /* 9999-12-31T23:59:59Z */
  time_ns = time_ns < 0 ? 0 : time_ns;
  time_t seconds = (time_t)(time_ns / 1000000000);
  unsigned long fraction = (unsigned long)(time_ns % 1000000000);
  struct tm tm;

  if (seconds > last)
    seconds = (time_t)last;
  if (gmtime_r(&seconds, &tm) == NULL)
    tm = (struct tm){.tm_year = 70, .tm_mday = 1};
  /* the remainders change nothing; they show the compiler that it fits */
  snprintf(dst, ALERT_TIME_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%09luZ",
           (unsigned)(tm.tm_year + 1900) % 10000u, (unsigned)(tm.tm_mon + 1) % 100u,
           (unsigned)tm.tm_mday % 100u, (unsigned)tm.tm_hour % 100u, (unsigned)tm.tm_min % 100u,
           (unsigned)tm.tm_sec % 100u, fraction);
}
