/*
 * Reads one HTTP/1.x response (RFC 9112) as it streams in, in pieces cut at any byte, and
 * passes on its body. Pure: no socket, no clock, no allocation. What it keeps is bounded,
 * whatever it is fed; anything ambiguous is an error rather than a guess.
 */
#ifndef COMMON_HTTP_RESPONSE_H
#define COMMON_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/http.h"
#include "common/scan.h"

enum {
  HTTP_HEAD_MAX_BYTES = 64 * 1024, /* status lines, headers and trailers together */
  HTTP_CHUNK_LINE_MAX_BYTES = 1024,
};

enum http_response_state {
  HTTP_RESPONSE_HEAD,
  HTTP_RESPONSE_BODY, /* up to Content-Length, or to the end of the connection */
  HTTP_RESPONSE_CHUNK_SIZE,
  HTTP_RESPONSE_CHUNK,
  HTTP_RESPONSE_CHUNK_END,
  HTTP_RESPONSE_TRAILERS,
  HTTP_RESPONSE_COMPLETE,
};

struct http_response {
  enum http_response_state state;
  long status;              /* of the last status line, 0 before it came */
  long retry_after_seconds; /* -1 when there is none */
  uint64_t body_bytes;
  uint64_t max_bytes;
  bool want_error_body;
  http_body_fn on_body; /* may be NULL */
  void *context;

  /* the rest is the parser's own */
  uint64_t head_bytes;
  uint64_t content_length; /* VALUE_UNKNOWN: not said */
  uint64_t left;           /* of the body or the chunk; VALUE_UNKNOWN: until it closes */
  bool in_headers;         /* the status line has been read */
  bool chunked;
  uint32_t line_len; /* as it came; more than line holds means it is cut */
  char line[256];    /* no line we understand is longer */
};

/* max_bytes, want_error_body, on_body and context are as in struct http_request. */
void http_response_init(struct http_response *response, const struct http_request *request);

/*
 * Takes the next bytes. Returns 0 to go on, 1 when the response is complete (bytes behind
 * it are ignored), -EPROTO (not HTTP/1.x, bad lengths or chunks), -EMSGSIZE (head, chunk
 * line or body too long, also as soon as Content-Length says so), or what on_body returned.
 * Not to be called again after anything but 0.
 */
int http_response_feed(struct http_response *response, const char *bytes, size_t len);

/*
 * The connection was closed. Returns 0 when that is how this response ends, otherwise
 * -ECONNRESET.
 */
int http_response_close(struct http_response *response);

#endif
