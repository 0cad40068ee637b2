/*
 * The response parser with every response cut at every byte, and fed byte by byte: the
 * pieces must make no difference. How whole transfers end is judged by test_http.c.
 */
#include "common/http_response.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/buffer.h"

enum { MAX_BYTES = 100, CLOSED = 1000 /* 0 was returned, then the connection closed */ };

struct row {
  const char *name;
  const char *response;
  int end; /* what feed returns at last; CLOSED + what close returns */
  long status;
  const char *body;
};

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"
#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
#define LONG_NAME FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY

static const struct row ROWS[] = {
    {"a length", OK "Content-Length: 5\r\n\r\nhello", 1, 200, "hello"},
    {"header names in any case", OK "cONTENT-lENGTH:5\r\n\r\nhello", 1, 200, "hello"},
    {"blanks around a value", OK "Content-Length: \t 5 \t \r\n\r\nhello", 1, 200, "hello"},
    {"the same length twice", OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 1, 200,
     "hello"},
    {"no reason", "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", 1, 200, "hello"},
    {"HTTP/1.0, to the end of the connection", "HTTP/1.0 200 OK\r\n\r\nhello", CLOSED, 200,
     "hello"},
    {"chunks", CHUNKED "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", 1, 200, "hello"},
    {"chunks with extensions, upper case and leading zeros",
     CHUNKED "00A;name=\"value\"\r\n" TEN "\r\n1 ;x\r\n!\r\n000\r\nTrailer: x\r\n\r\n", 1, 200,
     TEN "!"},
    {"chunks without CR", CHUNKED "5\nhello\n0\n\n", 1, 200, "hello"},
    {"chunks win over a length",
     OK "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 1,
     200, "hello"},
    {"interim responses are skipped, with what they say",
     "HTTP/1.1 103 Early Hints\r\nContent-Length: 99\r\n\r\n" OK
     "Content-Length: 5\r\n\r\nhello",
     1, 200, "hello"},
    {"204 ends with its head", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 1, 204,
     ""},
    {"304 ends with its head", "HTTP/1.1 304 Not Modified\r\n\r\n", 1, 304, ""},
    {"an error's body is not passed on", "HTTP/1.1 500 X\r\nContent-Length: 5\r\n\r\nhello", 1,
     500, ""},
    {"long header lines that are not ours",
     OK "X-" LONG_NAME ": " LONG_NAME "\r\n"
        "Content-Length: 5\r\n\r\nhello",
     1, 200, "hello"},
    {"a long reason", "HTTP/1.1 200 " LONG_NAME "\r\nContent-Length: 5\r\n\r\nhello", 1, 200,
     "hello"},
    {"a body of exactly the limit", CHUNKED "64\r\n" FIFTY FIFTY "\r\n0\r\n\r\n", 1, 200,
     FIFTY FIFTY},

    {"cut in the body", OK "Content-Length: 5\r\n\r\nhell", CLOSED - ECONNRESET, 200, "hell"},
    {"cut in a chunk", CHUNKED "5\r\nhell", CLOSED - ECONNRESET, 200, "hell"},
    {"cut in the trailers", CHUNKED "0\r\nX: y\r\n", CLOSED - ECONNRESET, 200, ""},
    {"cut in the head", OK "Content-Length: 5\r\n", CLOSED - ECONNRESET, 200, ""},
    {"only an interim response", "HTTP/1.1 100 Continue\r\n\r\n", CLOSED - ECONNRESET, 100, ""},
    {"a byte over the limit, announced", OK "Content-Length: 101\r\n\r\n", -EMSGSIZE, 200, ""},
    {"a byte over the limit, in a chunk", CHUNKED "65\r\n", -EMSGSIZE, 200, ""},
    {"a byte over the limit, in a second chunk",
     CHUNKED "63\r\n" FIFTY TEN TEN TEN TEN "012345678\r\n2\r\n", -EMSGSIZE, 200,
     FIFTY TEN TEN TEN TEN "012345678"},
    {"two lengths", OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", -EPROTO, 200, ""},
    {"a negative length", OK "Content-Length: -1\r\n\r\n", -EPROTO, 200, ""},
    {"a length with a sign", OK "Content-Length: +5\r\n\r\n", -EPROTO, 200, ""},
    {"a length past 2^64", OK "Content-Length: 18446744073709551616\r\n\r\n", -EPROTO, 200, ""},
    {"no length at all", OK "Content-Length:\r\n\r\n", -EPROTO, 200, ""},
    {"a length longer than our line", OK "Content-Length: " LONG_NAME "\r\n\r\n", -EPROTO, 200,
     ""},
    {"another transfer encoding", OK "Transfer-Encoding: gzip, chunked\r\n\r\n", -EPROTO, 200,
     ""},
    {"chunked twice", OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
     -EPROTO, 200, ""},
    {"a chunk of no number", CHUNKED "five\r\n", -EPROTO, 200, ""},
    {"a chunk of a negative number", CHUNKED "-5\r\n", -EPROTO, 200, ""},
    {"a chunk past 2^64", CHUNKED "10000000000000005\r\n", -EPROTO, 200, ""},
    {"a chunk with 0x", CHUNKED "0x5\r\n", -EPROTO, 200, ""},
    {"a chunk that goes on", CHUNKED "5\r\nhello!\r\n", -EPROTO, 200, "hello"},
    {"a header without a colon", OK "Content-Length 5\r\n\r\n", -EPROTO, 200, ""},
    {"101 that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\n\r\n", -EPROTO, 101, ""},
    {"a status of two digits", "HTTP/1.1 20 OK\r\n", -EPROTO, 0, ""},
    {"a status of four digits", "HTTP/1.1 2000 OK\r\n", -EPROTO, 0, ""},
    {"a status below 100", "HTTP/1.1 099 OK\r\n", -EPROTO, 0, ""},
    {"a status with a tail", "HTTP/1.1 200x\r\n", -EPROTO, 0, ""},
    {"HTTP/2", "HTTP/2 200 OK\r\n", -EPROTO, 0, ""},
    {"HTML", "<html>", -EPROTO, 0, ""},
    {"a blank line first", "\r\n" OK "\r\n", -EPROTO, 0, ""},
};

static int collect(void *context, const char *bytes, size_t len) {
  return buffer_append(context, bytes, len);
}

static const struct http_request REQUEST = {.max_bytes = MAX_BYTES, .on_body = collect};

/* Feeds the response in pieces: first, then step bytes at a time. */
static void check(const struct row *row, size_t first, size_t step) {
  struct http_request request = REQUEST;
  struct http_response response;
  autobuffer body;
  size_t len = strlen(row->response), at = 0;
  int end = 0;

  buffer_init(&body, 1000);
  request.context = &body;
  http_response_init(&response, &request);
  for (size_t piece = first; at < len && end == 0; piece = step) {
    if (piece > len - at)
      piece = len - at;
    end = http_response_feed(&response, row->response + at, piece);
    at += piece;
  }
  if (end == 0)
    end = CLOSED + http_response_close(&response);
  if (end != row->end || response.status != row->status ||
      strcmp(buffer_string(&body), row->body) != 0)
    fail_msg("%s (cut at %zu, then every %zu): %d, status %ld, body \"%s\"", row->name, first,
             step, end, response.status, buffer_string(&body));
}

static void pieces_make_no_difference(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof(ROWS) / sizeof(*ROWS); i++) {
    size_t len = strlen(ROWS[i].response);
    for (size_t cut = 1; cut <= len; cut++)
      check(&ROWS[i], cut, len);
    check(&ROWS[i], 1, 1);
    check(&ROWS[i], 3, 3);
  }
}

static int feed_text(struct http_response *response, const char *text) {
  return http_response_feed(response, text, strlen(text));
}

static void heads_and_chunk_lines_are_bounded(void **state) {
  (void)state;
  struct http_request request = {.max_bytes = SIZE_MAX};
  struct http_response response;
  unsigned fed = 0;

  http_response_init(&response, &request);
  assert_int_equal(feed_text(&response, OK), 0);
  while (feed_text(&response, "X: " TEN "\r\n") == 0)
    fed += 15;
  assert_in_range(fed, HTTP_HEAD_MAX_BYTES - 100, HTTP_HEAD_MAX_BYTES);

  http_response_init(&response, &request);
  assert_int_equal(feed_text(&response, CHUNKED "5;"), 0);
  for (fed = 0; feed_text(&response, TEN) == 0; fed += 10)
    ;
  assert_in_range(fed, HTTP_CHUNK_LINE_MAX_BYTES - 20, HTTP_CHUNK_LINE_MAX_BYTES);
}

static void retry_after_is_read_in_seconds_only(void **state) {
  (void)state;
  static const struct {
    const char *value;
    long seconds;
  } ROWS_RETRY[] = {{"120", 120},
                    {"0", 0},
                    {"soon", -1},
                    {"-3", -1},
                    {"Fri, 31 Dec 1999 23:59:59 GMT", -1},
                    {"99999999999999999999", -1}};
  for (size_t i = 0; i < sizeof(ROWS_RETRY) / sizeof(*ROWS_RETRY); i++) {
    struct http_request request = {.max_bytes = 0};
    struct http_response response;
    char text[200];
    snprintf(text, sizeof(text),
             "HTTP/1.1 503 X\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n",
             ROWS_RETRY[i].value);
    http_response_init(&response, &request);
    assert_int_equal(feed_text(&response, text), 1);
    assert_int_equal(response.retry_after_seconds, ROWS_RETRY[i].seconds);
  }
}

static int refuse(void *context, const char *bytes, size_t len) {
  (void)bytes;
  (void)len;
  return *(const int *)context;
}

static void what_on_body_returns_comes_back(void **state) {
  (void)state;
  int answer = -EBADMSG;
  struct http_request request = {.max_bytes = 9, .on_body = refuse, .context = &answer};
  struct http_response response;

  http_response_init(&response, &request);
  assert_int_equal(feed_text(&response, OK "\r\nhello"), -EBADMSG);
  answer = 7; /* against its contract: must not read as "complete" */
  http_response_init(&response, &request);
  assert_int_equal(feed_text(&response, OK "\r\nhello"), -EIO);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pieces_make_no_difference),
      cmocka_unit_test(heads_and_chunk_lines_are_bounded),
      cmocka_unit_test(retry_after_is_read_in_seconds_only),
      cmocka_unit_test(what_on_body_returns_comes_back),
  };
  return cmocka_run_group_tests_name("http_response", tests, NULL, NULL);
}
