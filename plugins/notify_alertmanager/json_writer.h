/*
 * yajl's generator writing into a buffer with a cap. yajl's print callback cannot fail, so
 * the first error is kept here and asked for at the end. Pure.
 */
#ifndef NOTIFY_ALERTMANAGER_JSON_WRITER_H
#define NOTIFY_ALERTMANAGER_JSON_WRITER_H

#include <stdint.h>

#include "common/buffer.h"
#include "notify_alertmanager/alert.h"

struct yajl_gen_t;

struct json_writer {
  struct yajl_gen_t *gen;
  struct buffer *out; /* not owned */
  int status;         /* 0, or what went wrong first: -EMSGSIZE, -ENOMEM, -EINVAL */
};

/* Not to be moved afterwards. Returns 0 or -ENOMEM; end with json_writer_free. */
int json_writer_init(struct json_writer *w, struct buffer *out);
void json_writer_free(struct json_writer *w);

/* Ready for another document; what is in the buffer stays. */
void json_writer_reset(struct json_writer *w);

void json_open_map(struct json_writer *w);
void json_close_map(struct json_writer *w);
void json_open_array(struct json_writer *w);
void json_close_array(struct json_writer *w);
void json_string(struct json_writer *w, const char *string);
void json_integer(struct json_writer *w, int64_t number);

/* A key with a map of an alert's pairs. */
void json_pairs(struct json_writer *w, const char *key, alert_pairs pairs);

#endif
