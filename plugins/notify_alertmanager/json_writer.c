/* yajl into a capped buffer; see json_writer.h. */
#include "notify_alertmanager/json_writer.h"

#include <errno.h>
#include <yajl/yajl_gen.h>

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
