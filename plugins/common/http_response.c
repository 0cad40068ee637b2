/* The response parser; see http_response.h. */
#include "common/http_response.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

static const char PROTOCOL[] = "HTTP/1.";

void http_response_init(struct http_response *r, const struct http_request *request) {
  *r = (struct http_response){
      .state = HTTP_RESPONSE_HEAD,
      .retry_after_seconds = -1,
      .max_bytes = request->max_bytes,
      .want_error_body = request->want_error_body,
      .on_body = request->on_body,
      .context = request->context,
      .content_length = VALUE_UNKNOWN,
  };
}

/* ---- lines ---- */

/* Adds bytes up to and with the next "\n" to the line. True when that came. */
static bool line_take(struct http_response *r, struct span *bytes) {
  const char *newline = memchr(bytes->at, '\n', bytes->len);
  size_t len = newline != NULL ? (size_t)(newline - bytes->at) : bytes->len;
  size_t taken = newline != NULL ? len + 1 : len;

  if (r->line_len < sizeof(r->line)) {
    size_t room = sizeof(r->line) - r->line_len;
    memcpy(r->line + r->line_len, bytes->at, len < room ? len : room);
  }
  r->line_len = len > UINT32_MAX - r->line_len ? UINT32_MAX : r->line_len + (uint32_t)len;
  bytes->at += taken;
  bytes->len -= taken;
  return newline != NULL;
}

/* The line, without "\r"; *ret_cut when it was longer than we keep. Starts the next one. */
static struct span line_end(struct http_response *r, bool *ret_cut) {
  *ret_cut = r->line_len > sizeof(r->line);
  struct span line = span_make(r->line, *ret_cut ? sizeof(r->line) : r->line_len);
  r->line_len = 0;
  if (!*ret_cut && line.len > 0 && line.at[line.len - 1] == '\r')
    line.len--;
  return line;
}

static struct span trimmed(struct span s) {
  scan_blanks(&s);
  while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
    s.len--;
  return s;
}

static bool equals_ignoring_case(struct span s, const char *literal) {
  return s.len == strlen(literal) && strncasecmp(s.at, literal, s.len) == 0;
}

/* ---- the head ---- */

/* "HTTP/1.1 200 OK": the reason is optional, the blank before it too. */
static int parse_status_line(struct http_response *r, struct span line) {
  uint64_t minor, status;

  if (!scan_literal(&line, PROTOCOL) || scan_u64(&line, &minor) != 0 || minor > 9 ||
      !scan_literal(&line, " "))
    return -EPROTO;
  scan_blanks(&line);
  size_t digits = line.len;
  if (scan_u64(&line, &status) != 0 || digits - line.len != 3 || status < 100)
    return -EPROTO;
  if (line.len > 0 && line.at[0] != ' ')
    return -EPROTO;
  r->status = (long)status;
  r->in_headers = true;
  return 0;
}

static int parse_content_length(struct http_response *r, struct span value) {
  uint64_t length;
  /* two that differ are how responses are smuggled */
  if (scan_whole_u64(value, 0, VALUE_UNKNOWN - 1, &length) != 0 ||
      (r->content_length != VALUE_UNKNOWN && r->content_length != length))
    return -EPROTO;
  r->content_length = length;
  return 0;
}

static int parse_header(struct http_response *r, struct span line, bool cut) {
  const char *colon = memchr(line.at, ':', line.len);
  if (colon == NULL)
    return cut ? 0 : -EPROTO;
  struct span name = span_make(line.at, (size_t)(colon - line.at));
  struct span value = trimmed(span_make(colon + 1, line.len - name.len - 1));
  uint64_t seconds;

  if (equals_ignoring_case(name, "Content-Length"))
    return cut ? -EPROTO : parse_content_length(r, value);
  if (equals_ignoring_case(name, "Transfer-Encoding")) {
    if (cut || r->chunked || !equals_ignoring_case(value, "chunked"))
      return -EPROTO;
    r->chunked = true;
  } else if (equals_ignoring_case(name, "Retry-After")) {
    if (scan_whole_u64(value, 0, LONG_MAX, &seconds) == 0)
      r->retry_after_seconds = (long)seconds;
  }
  return 0;
}

/* The empty line came: what follows? */
static int end_head(struct http_response *r) {
  r->in_headers = false;
  if (r->status == 101)
    return -EPROTO; /* nobody asked to switch */
  if (r->status < 200) {
    r->content_length = VALUE_UNKNOWN;
    r->chunked = false;
    return 0; /* an interim response: another head follows */
  }
  if (r->status == 204 || r->status == 304) {
    r->state = HTTP_RESPONSE_COMPLETE;
    return 0;
  }
  if (r->chunked) {
    r->state = HTTP_RESPONSE_CHUNK_SIZE;
    return 0;
  }
  if (r->content_length != VALUE_UNKNOWN && r->content_length > r->max_bytes)
    return -EMSGSIZE;
  r->left = r->content_length;
  r->state = r->left > 0 ? HTTP_RESPONSE_BODY : HTTP_RESPONSE_COMPLETE;
  return 0;
}

static int take_head(struct http_response *r, struct span *bytes) {
  size_t before = bytes->len;
  bool ended = line_take(r, bytes), cut = false;

  r->head_bytes += before - bytes->len;
  if (!r->in_headers) { /* tell another protocol from its first bytes */
    size_t seen = r->line_len < sizeof(PROTOCOL) - 1 ? r->line_len : sizeof(PROTOCOL) - 1;
    if (memcmp(r->line, PROTOCOL, seen) != 0)
      return -EPROTO;
  }
  if (r->head_bytes > HTTP_HEAD_MAX_BYTES)
    return -EMSGSIZE;
  if (!ended)
    return 0;
  struct span line = line_end(r, &cut);
  if (!r->in_headers)
    return parse_status_line(r, line);
  return line.len > 0 ? parse_header(r, line, cut) : end_head(r);
}

/* ---- the body ---- */

static int take_body(struct http_response *r, struct span *bytes) {
  size_t len = bytes->len;
  bool is_success = r->status >= 200 && r->status <= 299;
  int status = 0;

  if (r->left != VALUE_UNKNOWN && len > r->left)
    len = (size_t)r->left;
  if (len > r->max_bytes - r->body_bytes)
    return -EMSGSIZE;
  r->body_bytes += len;
  if (r->on_body != NULL && len > 0 && (is_success || r->want_error_body))
    status = r->on_body(r->context, bytes->at, len);
  bytes->at += len;
  bytes->len -= len;
  if (r->left != VALUE_UNKNOWN)
    r->left -= len;
  if (r->left == 0)
    r->state = r->chunked ? HTTP_RESPONSE_CHUNK_END : HTTP_RESPONSE_COMPLETE;
  return status;
}

/* "1f" or "1f;name=value" */
static int take_chunk_size(struct http_response *r, struct span *bytes) {
  bool ended = line_take(r, bytes), cut;
  uint64_t size;

  if (r->line_len > HTTP_CHUNK_LINE_MAX_BYTES)
    return -EMSGSIZE;
  if (!ended)
    return 0;
  struct span line = line_end(r, &cut);
  if (scan_hex(&line, &size) != 0)
    return -EPROTO;
  scan_blanks(&line);
  if (line.len > 0 && line.at[0] != ';')
    return -EPROTO;
  if (size > r->max_bytes - r->body_bytes)
    return -EMSGSIZE;
  r->left = size;
  r->state = size > 0 ? HTTP_RESPONSE_CHUNK : HTTP_RESPONSE_TRAILERS;
  return 0;
}

static int take_chunk_end(struct http_response *r, struct span *bytes) {
  bool ended = line_take(r, bytes), cut;

  if (r->line_len > 1 || (r->line_len == 1 && r->line[0] != '\r'))
    return -EPROTO;
  if (ended) {
    line_end(r, &cut);
    r->state = HTTP_RESPONSE_CHUNK_SIZE;
  }
  return 0;
}

static int take_trailers(struct http_response *r, struct span *bytes) {
  size_t before = bytes->len;
  bool ended = line_take(r, bytes), cut;

  r->head_bytes += before - bytes->len;
  if (r->head_bytes > HTTP_HEAD_MAX_BYTES)
    return -EMSGSIZE;
  if (ended && line_end(r, &cut).len == 0)
    r->state = HTTP_RESPONSE_COMPLETE;
  return 0;
}

static int take(struct http_response *r, struct span *bytes) {
  switch (r->state) {
  case HTTP_RESPONSE_HEAD:
    return take_head(r, bytes);
  case HTTP_RESPONSE_BODY:
  case HTTP_RESPONSE_CHUNK:
    return take_body(r, bytes);
  case HTTP_RESPONSE_CHUNK_SIZE:
    return take_chunk_size(r, bytes);
  case HTTP_RESPONSE_CHUNK_END:
    return take_chunk_end(r, bytes);
  case HTTP_RESPONSE_TRAILERS:
    return take_trailers(r, bytes);
  case HTTP_RESPONSE_COMPLETE:
    break;
  }
  bytes->len = 0;
  return 0;
}

int http_response_feed(struct http_response *r, const char *bytes, size_t len) {
  struct span rest = span_make(bytes, len);
  while (rest.len > 0) {
    int status = take(r, &rest);
    if (status != 0)
      return status < 0 ? status : -EIO;
  }
  return r->state == HTTP_RESPONSE_COMPLETE;
}

int http_response_close(struct http_response *r) {
  bool ends_so = r->state == HTTP_RESPONSE_BODY && r->left == VALUE_UNKNOWN;
  if (!ends_so && r->state != HTTP_RESPONSE_COMPLETE)
    return -ECONNRESET;
  r->state = HTTP_RESPONSE_COMPLETE;
  return 0;
}
