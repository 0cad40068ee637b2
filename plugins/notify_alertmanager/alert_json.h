/*
 * Alerts as JSON: a writer on top of yajl's generator that appends to a buffer with a limit,
 * and the body of a post to Alertmanager's API (v2, POST /api/v2/alerts): an array of alerts,
 * each with labels, annotations, startsAt, endsAt and generatorURL. The
 * state file's records (state_record.h) are made with the same writer. Pure.
 */
#ifndef NOTIFY_ALERTMANAGER_ALERT_JSON_H
#define NOTIFY_ALERTMANAGER_ALERT_JSON_H

#include <stdint.h>

#include "common/buffer.h"
#include "notify_alertmanager/alert.h"

/* ---- the writer ---- */

struct yajl_gen_t;

/* yajl's print callback cannot fail, so the first error is kept until the end. */
struct json_writer {
  struct yajl_gen_t *gen;
  struct buffer *out; /* not owned */
  int status;         /* 0, or the first error: -EMSGSIZE, -ENOMEM, -EINVAL */
};

/* w must not be moved afterwards. Returns 0 or -ENOMEM; to be freed by json_writer_free. */
int json_writer_init(struct json_writer *w, struct buffer *out);
void json_writer_free(struct json_writer *w);

/* Prepares for another document; the buffer keeps its content. */
void json_writer_reset(struct json_writer *w);

void json_open_map(struct json_writer *w);
void json_close_map(struct json_writer *w);
void json_open_array(struct json_writer *w);
void json_close_array(struct json_writer *w);
void json_string(struct json_writer *w, const char *string);
void json_integer(struct json_writer *w, int64_t number);

/* A key with a map of an alert's pairs. */
void json_pairs(struct json_writer *w, const char *key, alert_pairs pairs);

/* ---- the body of a post ---- */

struct alert_json;

/* Returns 0 or -ENOMEM. The caller owns *ret. A body has at most max_bytes. */
int alert_json_new(size_t max_bytes, struct alert_json **ret);

/* NULL is fine. */
void alert_json_free(struct alert_json *json);

/* Drops the last body and begins one without alerts. Returns 0, -EMSGSIZE or -ENOMEM. */
int alert_json_begin(struct alert_json *json);

/*
 * Adds an alert. Times are nanoseconds since 1970; ends_ns is 0 for one without endsAt, and in
 * the future if it fires until then unless it is renewed. Returns 0;
 * -EMSGSIZE if the limit is reached, -ENOMEM: the body is incomplete then, begin again.
 */
int alert_json_add(struct alert_json *json, const struct alert *alert, int64_t starts_ns,
                   int64_t ends_ns);

/* Ends the array. Returns as alert_json_add. */
int alert_json_end(struct alert_json *json);

/* The bytes so far; valid until the next begin. */
struct span alert_json_body(const struct alert_json *json);

/* The maximum length of an alert: each byte of it escaped, as \u00XX. */
enum { ALERT_JSON_BYTES_MAX = 6 * ALERT_BYTES_MAX + 4096 };

enum { ALERT_TIME_SIZE = sizeof("9999-12-31T23:59:59.999999999Z") };

/* Writes nanoseconds since 1970 as RFC 3339 in UTC; dst has ALERT_TIME_SIZE bytes. Times before
 * 1970 or after 9999 are written as these limits. */
void alert_time_write(char *dst, int64_t time_ns);

/* ---- responses ---- */

enum {
  RESPONSE_BYTES_MAX = 16 * 1024, /* the rest of a body is ignored */
  RESPONSE_REASON_SIZE = 512,
};

/*
 * Why a server rejected a post, from the body of its response: Alertmanager's JSON string
 * ("...") or object ({"code":..,"message":".."}), or the text of a proxy in front of it. Writes
 * the reason to dst (RESPONSE_REASON_SIZE bytes) as one printable line: the JSON string; the
 * object's "message" or "error"; otherwise the first line that is not blank; "" if there is
 * none. A truncated body is parsed as far as possible. Returns dst.
 */
char *response_reason(char *dst, struct span body);

#endif
