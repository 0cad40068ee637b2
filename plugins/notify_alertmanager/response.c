/* Reasons from the bodies of responses; see response.h. */
#include "notify_alertmanager/response.h"

#include <yajl/yajl_parse.h>

#include "common/text.h"

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
