/*
 * The body of a post to Alertmanager's API (v2, POST /api/v2/alerts), written with yajl
 * into a buffer with a cap: an array of alerts, each with labels, annotations, startsAt,
 * endsAt once it is resolved, and generatorURL. Pure.
 */
#ifndef NOTIFY_ALERTMANAGER_ALERT_JSON_H
#define NOTIFY_ALERTMANAGER_ALERT_JSON_H

#include <stdint.h>

#include "common/buffer.h"
#include "notify_alertmanager/alert.h"

struct alert_json;

/* Returns 0 or -ENOMEM. The caller owns *ret. max_bytes is the cap of a body. */
int alert_json_new(size_t max_bytes, struct alert_json **ret);

/* NULL is fine. */
void alert_json_free(struct alert_json *json);

/* Forgets the last body and begins one without alerts. Returns 0, -EMSGSIZE or -ENOMEM. */
int alert_json_begin(struct alert_json *json);

/*
 * Adds an alert. Times are nanoseconds since 1970; ends_ns is 0 while it fires. Returns 0;
 * -EMSGSIZE when the cap is full, -ENOMEM: the body is no use then, begin again.
 */
int alert_json_add(struct alert_json *json, const struct alert *alert, int64_t starts_ns,
                   int64_t ends_ns);

/* Ends the array. Returns as alert_json_add. */
int alert_json_end(struct alert_json *json);

/* The bytes so far; valid until the next begin. */
struct span alert_json_body(const struct alert_json *json);

/* The longest an alert can become: every byte of it escaped, as \u00XX. */
enum { ALERT_JSON_BYTES_MAX = 6 * ALERT_BYTES_MAX + 4096 };

enum { ALERT_TIME_SIZE = sizeof("9999-12-31T23:59:59.999999999Z") };

/* Writes nanoseconds since 1970 as RFC 3339 in UTC; dst has ALERT_TIME_SIZE bytes. What lies
 * before 1970 or after 9999 is written as those ends. */
void alert_time_write(char *dst, int64_t time_ns);

#endif
