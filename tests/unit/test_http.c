/*
 * The HTTP client against a real server that misbehaves in every way we could think of.
 * Each answer is judged by the error, the status and the bytes that got through.
 */
#include "common/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/buffer.h"
#include "hostile_server.h"
#include "live_process.h"

enum {
  SOON_MS = 200,   /* the time limit where the end is a timeout */
  LONG_MS = 20000, /* where it must not be */
  MAX_BYTES = 100000,
};

struct outcome {
  struct http_result result;
  struct buffer body;
  unsigned done;
  int stop_with; /* return value of the body callback */
};

static int collect(void *context, const char *bytes, size_t len) {
  struct outcome *outcome = context;
  if (outcome->stop_with != 0)
    return outcome->stop_with;
  return buffer_append(&outcome->body, bytes, len);
}

static void finish(void *context, const struct http_result *result) {
  struct outcome *outcome = context;
  outcome->result = *result;
  outcome->done++;
}

static struct outcome outcome_make(void) {
  struct outcome outcome = {.done = 0};
  buffer_init(&outcome.body, 10 * MAX_BYTES);
  return outcome;
}

static const char *url_of(uint16_t port, char url[64]) {
  snprintf(url, 64, "http://127.0.0.1:%u/path?debug=1", port);
  return url;
}

static struct http_request request_make(struct outcome *outcome, const char *url) {
  return (struct http_request){
      .url = url,
      .timeout_ms = LONG_MS,
      .max_bytes = MAX_BYTES,
      .on_body = collect,
      .on_done = finish,
      .context = outcome,
  };
}

static void run_to_end(struct http_loop *loop) {
  int active;
  do
    active = http_loop_run(loop, 1000);
  while (active > 0);
  assert_int_equal(active, 0);
}

static void perform(const struct http_request *request, struct outcome *outcome) {
  struct http_loop *loop = NULL;
  assert_int_equal(http_loop_new(&loop), 0);
  assert_int_equal(http_loop_add(loop, request), 0);
  run_to_end(loop);
  http_loop_free(loop);
  assert_int_equal(outcome->done, 1);
  /* a reason always comes with an error, and only then */
  assert_int_equal(outcome->result.error != 0, outcome->result.reason[0] != '\0');
}

/* ---- responses of servers, one row each ---- */

struct row {
  const char *name;
  hostile_behaviour behaviour;
  const char *response; /* context of hostile_answer */
  int error;
  long status;
  const char *body;
  uint64_t timeout_ms, stall_ms;
  bool want_error_body;
};

static void a_byte_a_pause(struct hostile_connection *c, void *context) {
  (void)context;
  const char *text = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
  for (const char *p = text; *p != '\0'; p++)
    if (!hostile_send(c, p, 1) || !hostile_pause(c, 50))
      return;
}

static void a_line_a_pause(struct hostile_connection *c, void *context) {
  (void)context;
  hostile_send_text(c, "HTTP/1.1 200 OK\r\nX: ");
  while (hostile_send(c, "x", 1) && hostile_pause(c, 10))
    ;
}

enum { SLOW_MS = 2000 };

/* In all twice as long as SLOW_MS, a byte every fifth of it. */
static void a_slow_body(struct hostile_connection *c, void *context) {
  (void)context;
  if (!hostile_send_text(c, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n"))
    return;
  for (const char *p = "a slow body"; *p != '\0'; p++)
    if (!hostile_pause(c, SLOW_MS / 5) || !hostile_send(c, p, 1))
      return;
}

static void a_gigabyte(struct hostile_connection *c, bool announced) {
  static const char block[65536];
  if (!hostile_send_text(c, announced ? "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n"
                                      : "HTTP/1.1 200 OK\r\n\r\n"))
    return;
  for (unsigned i = 0; i < 16384; i++)
    if (!hostile_send(c, block, sizeof(block)))
      return;
}

static void gigabyte_announced(struct hostile_connection *c, void *context) {
  (void)context;
  a_gigabyte(c, true);
}

static void gigabyte_unannounced(struct hostile_connection *c, void *context) {
  (void)context;
  a_gigabyte(c, false);
}

static void chunks_without_end(struct hostile_connection *c, void *context) {
  (void)context;
  hostile_send_text(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  while (hostile_send_text(c, "400\r\n"))
    for (unsigned i = 0; i <= 64; i++)
      if (!hostile_send_text(c, i < 64 ? "0123456789abcdef" : "\r\n"))
        return;
}

static void chunks_that_stop(struct hostile_connection *c, void *context) {
  (void)context;
  hostile_send_text(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  hostile_wait_for_close(c);
}

static void headers_without_end(struct hostile_connection *c, void *context) {
  (void)context;
  hostile_send_text(c, "HTTP/1.1 200 OK\r\n");
  while (hostile_send_text(c, "X-Flood: yet another line that nobody asked for\r\n"))
    ;
}

static void header_line_without_end(struct hostile_connection *c, void *context) {
  (void)context;
  hostile_send_text(c, "HTTP/1.1 200 OK\r\nX-Flood: ");
  while (hostile_send_text(c, "yet more of a line that never ends "))
    ;
}

static void continue_without_end(struct hostile_connection *c, void *context) {
  (void)context;
  while (hostile_send_text(c, "HTTP/1.1 100 Continue\r\n\r\n"))
    ;
}

static void trailers_without_end(struct hostile_connection *c, void *context) {
  (void)context;
  hostile_send_text(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
  while (hostile_send_text(c, "X-Trailer: yet another line that nobody asked for\r\n"))
    ;
}

static void bytes_without_line_end(struct hostile_connection *c, void *context) {
  (void)context;
  while (hostile_send_text(c, "HTTP/1.1"))
    ;
}

static void length_that_never_comes(struct hostile_connection *c, void *context) {
  (void)context;
  hostile_send_text(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
  hostile_wait_for_close(c);
}

#define ANSWER(text) .behaviour = hostile_answer, .response = (text)

static const struct row ROWS[] = {
    {"a plain answer with its length",
     ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), 0, 200, "hello"},
    {"an answer in chunks",
     ANSWER("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nTrailer: x\r\n\r\n"),
     0, 200, "hello"},
    {"an answer that ends with the connection", ANSWER("HTTP/1.0 200 OK\r\n\r\nhello"), 0, 200,
     "hello"},
    {"lines that end without CR", ANSWER("HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"), 0, 200,
     "hello"},
    {"100 Continue before the answer",
     ANSWER("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
     0, 200, "hello"},
    {"an empty answer", ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 0, 200, ""},
    {"204 has no body", ANSWER("HTTP/1.1 204 No Content\r\n\r\n"), 0, 204, ""},
    {"404 is an answer, its body is dropped",
     ANSWER("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope"), 0, 404, ""},
    {"500 is an answer, its body is dropped",
     ANSWER("HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops"), 0, 500, ""},
    {"the body of an error is passed on where it is wanted",
     ANSWER("HTTP/1.1 400 Bad\r\nContent-Length: 4\r\n\r\nwhy!"), 0, 400, "why!",
     .want_error_body = true},
    {"HTML is a body like any other",
     ANSWER("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"), 0,
     200, "<html>"},
    {"what exceeds Content-Length is not ours",
     ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more"), 0, 200, "hello"},

    {"sends nothing at all", .behaviour = hostile_silent, .error = -ETIMEDOUT,
     .timeout_ms = SOON_MS},
    {"a byte now and then", .behaviour = a_byte_a_pause, .error = -ETIMEDOUT,
     .timeout_ms = SOON_MS},
    {"sends nothing, with a limit of the time without progress", .behaviour = hostile_silent,
     .error = -ETIMEDOUT, .stall_ms = SOON_MS},
    {"a line of the head that does not end is no progress", .behaviour = a_line_a_pause,
     .error = -ETIMEDOUT, .status = 200, .stall_ms = SOON_MS},
    {"stops between chunks, with a limit of the time without progress",
     .behaviour = chunks_that_stop, .error = -ETIMEDOUT, .status = 200, .body = "hello",
     .stall_ms = SOON_MS},
    {"progress for longer than the limit of the time without", .behaviour = a_slow_body,
     .status = 200, .body = "a slow body", .stall_ms = SLOW_MS},
    {"progress for longer than the whole limit", .behaviour = a_slow_body, .error = -ETIMEDOUT,
     .status = 200, .timeout_ms = SOON_MS, .stall_ms = LONG_MS},
    {"closes without a response", .behaviour = hostile_hang_up, .error = -ECONNRESET},
    {"closes within the status line", ANSWER("HTTP/1.1 2"), -ECONNRESET},
    {"closes within the headers", ANSWER("HTTP/1.1 200 OK\r\nContent-Le"), -ECONNRESET, 200},
    {"closes before the end of the headers", ANSWER("HTTP/1.1 200 OK\r\nX: y\r\n"), -ECONNRESET,
     200},
    {"closes in the middle of the body",
     ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"), -ECONNRESET, 200, "hello"},
    {"closes in the middle of a chunk",
     ANSWER("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhello"), -ECONNRESET,
     200, "hello"},
    {"closes before the last chunk",
     ANSWER("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), -ECONNRESET,
     200, "hello"},
    {"promises more than comes and stays", .behaviour = length_that_never_comes,
     .error = -ETIMEDOUT, .status = 200, .body = "hello", .timeout_ms = SOON_MS},
    {"stops between chunks and stays", .behaviour = chunks_that_stop, .error = -ETIMEDOUT,
     .status = 200, .body = "hello", .timeout_ms = SOON_MS},
    {"announces a gigabyte", .behaviour = gigabyte_announced, .error = -EMSGSIZE,
     .status = 200},
    {"sends a gigabyte unannounced", .behaviour = gigabyte_unannounced, .error = -EMSGSIZE,
     .status = 200},
    {"chunks without end", .behaviour = chunks_without_end, .error = -EMSGSIZE, .status = 200},
    {"headers without end", .behaviour = headers_without_end, .error = -EMSGSIZE,
     .status = 200},
    {"a header line without end", .behaviour = header_line_without_end, .error = -EMSGSIZE,
     .status = 200},
    {"100 Continue without end", .behaviour = continue_without_end, .error = -EMSGSIZE,
     .status = 100},
    {"trailers without end", .behaviour = trailers_without_end, .error = -EMSGSIZE,
     .status = 200},
    {"a status line without end", .behaviour = bytes_without_line_end, .error = -EMSGSIZE},
    {"a chunk of no number",
     ANSWER("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello"), -EPROTO, 200},
    {"a chunk longer than any memory",
     ANSWER("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            "fffffffffffffffffffffff\r\nhello"),
     -EPROTO, 200},
    {"a length that is no number",
     ANSWER("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nhello"), -EPROTO, 200},
    {"HTTP/0.9", ANSWER("<html>hello</html>"), -EPROTO},
    {"another protocol", ANSWER("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), -EPROTO},
};

static void answers_of_every_kind(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof(ROWS) / sizeof(*ROWS); i++) {
    const struct row *row = &ROWS[i];
    char url[64];
    struct outcome outcome = outcome_make();
    struct hostile_server *server =
        hostile_server_new(row->behaviour, (void *)(uintptr_t)row->response);
    struct http_request request =
        request_make(&outcome, url_of(hostile_server_port(server), url));
    if (row->timeout_ms > 0)
      request.timeout_ms = row->timeout_ms;
    request.stall_ms = row->stall_ms;
    request.want_error_body = row->want_error_body;

    perform(&request, &outcome);
    hostile_server_free(server);

    if (outcome.result.error != row->error || outcome.result.status != row->status)
      fail_msg("%s: error %d (%s), status %ld; expected error %d, status %ld", row->name,
               outcome.result.error, outcome.result.reason, outcome.result.status, row->error,
               row->status);
    if (row->body != NULL && strcmp(buffer_string(&outcome.body), row->body) != 0)
      fail_msg("%s: body is \"%s\"", row->name, buffer_string(&outcome.body));
    if (outcome.body.len > MAX_BYTES || outcome.result.bytes > MAX_BYTES)
      fail_msg("%s: %zu bytes got through", row->name, outcome.body.len);
    buffer_free(&outcome.body);
  }
}

static void a_body_of_exactly_the_limit_is_accepted(void **state) {
  (void)state;
  char url[64];
  struct outcome outcome = outcome_make();
  struct hostile_server *server =
      hostile_server_new(hostile_answer, "HTTP/1.1 200 OK\r\n\r\nhello");
  struct http_request request =
      request_make(&outcome, url_of(hostile_server_port(server), url));

  request.max_bytes = 5;
  perform(&request, &outcome);
  assert_int_equal(outcome.result.error, 0);
  assert_int_equal(outcome.result.bytes, 5);

  request.max_bytes = 4;
  outcome.done = 0;
  perform(&request, &outcome);
  assert_int_equal(outcome.result.error, -EMSGSIZE);

  hostile_server_free(server);
  buffer_free(&outcome.body);
}

static void a_refused_connection_is_reported_as_such(void **state) {
  (void)state;
  uint16_t port;
  char url[64];
  int fd = hostile_refusing_port(&port);
  struct outcome outcome = outcome_make();
  struct http_request request = request_make(&outcome, url_of(port, url));

  perform(&request, &outcome);
  assert_int_equal(outcome.result.error, -ECONNREFUSED);
  assert_int_equal(outcome.result.status, 0);
  close(fd);
}

static void a_redirect_is_never_followed(void **state) {
  (void)state;
  char url[64], response[256];
  struct outcome outcome = outcome_make();
  struct hostile_server *bait = hostile_server_new(hostile_answer, "HTTP/1.1 200 OK\r\n\r\n");
  snprintf(response, sizeof(response),
           "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%u/\r\nContent-Length: 0\r\n\r\n",
           hostile_server_port(bait));
  struct hostile_server *server = hostile_server_new(hostile_answer, response);
  struct http_request request =
      request_make(&outcome, url_of(hostile_server_port(server), url));

  perform(&request, &outcome);
  assert_int_equal(outcome.result.error, 0);
  assert_int_equal(outcome.result.status, 302);
  assert_int_equal(hostile_server_accepted(bait), 0);
  hostile_server_free(server);
  hostile_server_free(bait);
}

static void no_proxy_of_the_environment_is_used(void **state) {
  (void)state;
  char url[64], proxy[64];
  struct outcome outcome = outcome_make();
  struct hostile_server *bait = hostile_server_new(hostile_answer, "HTTP/1.1 200 OK\r\n\r\n");
  struct hostile_server *server =
      hostile_server_new(hostile_answer, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nreal");
  snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", hostile_server_port(bait));
  setenv("http_proxy", proxy, 1);
  setenv("all_proxy", proxy, 1);
  struct http_request request =
      request_make(&outcome, url_of(hostile_server_port(server), url));

  perform(&request, &outcome);
  unsetenv("http_proxy");
  unsetenv("all_proxy");
  assert_string_equal(buffer_string(&outcome.body), "real");
  assert_int_equal(hostile_server_accepted(bait), 0);
  hostile_server_free(server);
  hostile_server_free(bait);
  buffer_free(&outcome.body);
}

static void echo_request(struct hostile_connection *c, void *context) {
  (void)context;
  char head[128];
  snprintf(head, sizeof(head),
           "HTTP/1.1 200 OK\r\nRetry-After: 7\r\nContent-Length: %zu\r\n\r\n",
           strlen(c->request));
  hostile_send_text(c, head);
  hostile_send_text(c, c->request);
}

static void a_get_request_has_only_the_necessary_headers(void **state) {
  (void)state;
  char url[64], expected[256];
  struct outcome outcome = outcome_make();
  struct hostile_server *server = hostile_server_new(echo_request, NULL);
  struct http_request request =
      request_make(&outcome, url_of(hostile_server_port(server), url));

  perform(&request, &outcome);
  snprintf(expected, sizeof(expected),
           "GET /path?debug=1 HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAccept: */*\r\n"
           "Connection: close\r\n\r\n",
           hostile_server_port(server));
  assert_string_equal(buffer_string(&outcome.body), expected);
  assert_int_equal(outcome.result.retry_after_seconds, 7);
  assert_int_equal(outcome.result.bytes, strlen(expected));
  assert_true(outcome.result.duration_ns > 0);
  hostile_server_free(server);
  buffer_free(&outcome.body);
}

static void the_date_of_the_server_is_read(void **state) {
  (void)state;
  static const struct {
    const char *response;
    int64_t seconds;
  } cases[] = {
      {"HTTP/1.1 200 OK\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n\r\n", 1700000000},
      {"HTTP/1.1 400 x\r\nX: y\r\ndate:Tue, 14 Nov 2023 22:13:20 GMT\r\n\r\n", 1700000000},
      {"HTTP/1.1 200 OK\r\n\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n", 0},
      {"HTTP/1.1 200 OK\r\n\r\n", 0},
      {"HTTP/1.1 200 OK\r\nDate: yesterday\r\n\r\n", 0},
      {"HTTP/1.1 200 OK\r\nDate:\r\n\r\n", 0},
      {"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n", 0},
      {"HTTP/1.1 200 OK\r\nDate: Sat, 01 Jan 22222 00:00:00 GMT\r\n\r\n", 0},
      {"HTTP/1.1 200 OK\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT                              "
       "                                        \r\n\r\n",
       0},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
       "Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n\r\n",
       0},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    char url[64];
    struct outcome outcome = outcome_make();
    struct hostile_server *server =
        hostile_server_new(hostile_answer, (void *)(uintptr_t)cases[i].response);
    struct http_request request =
        request_make(&outcome, url_of(hostile_server_port(server), url));
    perform(&request, &outcome);
    if (outcome.result.error != 0 || outcome.result.date_seconds != cases[i].seconds)
      fail_msg("%s: error %d, date %lld", cases[i].response, outcome.result.error,
               (long long)outcome.result.date_seconds);
    hostile_server_free(server);
    buffer_free(&outcome.body);
  }
}

static void an_ipv6_address_is_in_brackets(void **state) {
  (void)state;
  char url[64], host[64];
  struct outcome outcome = outcome_make();
  struct hostile_server *server = hostile_server_new_ipv6(echo_request, NULL);
  if (server == NULL) {
    print_message("skipped: no IPv6 loopback address\n");
    skip();
  }
  snprintf(url, sizeof(url), "http://[::1]:%u/", hostile_server_port(server));
  snprintf(host, sizeof(host), "\r\nHost: [::1]:%u\r\n", hostile_server_port(server));
  struct http_request request = request_make(&outcome, url);

  perform(&request, &outcome);
  assert_int_equal(outcome.result.error, 0);
  assert_non_null(strstr(buffer_string(&outcome.body), host));
  hostile_server_free(server);
  buffer_free(&outcome.body);
}

static void an_error_of_the_body_callback_ends_the_transfer(void **state) {
  (void)state;
  char url[64];
  struct outcome outcome = outcome_make();
  struct hostile_server *server = hostile_server_new(gigabyte_unannounced, NULL);
  struct http_request request =
      request_make(&outcome, url_of(hostile_server_port(server), url));

  outcome.stop_with = -EBADMSG;
  perform(&request, &outcome);
  assert_int_equal(outcome.result.error, -EBADMSG);
  assert_int_equal(outcome.result.status, 200);
  hostile_server_free(server);
}

static void a_post_carries_body_type_and_credentials(void **state) {
  (void)state;
  char url[64];
  struct outcome outcome = outcome_make();
  struct hostile_server *server = hostile_server_new(echo_request, NULL);
  struct http_request request =
      request_make(&outcome, url_of(hostile_server_port(server), url));
  request.post_body = "[]";
  request.post_len = 2;
  request.content_type = "application/json";
  request.user = "me";
  request.password = "secret";

  perform(&request, &outcome);
  const char *sent = buffer_string(&outcome.body);
  assert_ptr_equal(strstr(sent, "POST /path?debug=1 HTTP/1.1\r\n"), sent);
  assert_non_null(strstr(sent, "\r\nContent-Type: application/json\r\n"));
  assert_non_null(strstr(sent, "\r\nContent-Length: 2\r\n"));
  assert_non_null(strstr(sent, "\r\nAuthorization: Basic bWU6c2VjcmV0\r\n"));
  assert_null(strstr(sent, "Expect"));
  hostile_server_free(server);
  buffer_free(&outcome.body);
}

static void a_post_carries_headers_and_a_token(void **state) {
  (void)state;
  static const char *const headers[] = {"X-Scope-OrgID: team", "accept: nothing"};
  char url[64];
  struct outcome outcome = outcome_make();
  struct hostile_server *server = hostile_server_new(echo_request, NULL);
  struct http_request request =
      request_make(&outcome, url_of(hostile_server_port(server), url));
  request.post_body = "[]";
  request.post_len = 2;
  request.content_type = "application/json";
  request.bearer_token = "abc";
  request.headers = headers;
  request.headers_len = 2;

  perform(&request, &outcome);
  const char *sent = buffer_string(&outcome.body);
  assert_non_null(strstr(sent, "\r\nContent-Type: application/json\r\n"));
  assert_non_null(strstr(sent, "\r\nContent-Length: 2\r\n"));
  assert_non_null(strstr(sent, "\r\nAuthorization: Bearer abc\r\n"));
  assert_non_null(strstr(sent, "\r\nX-Scope-OrgID: team\r\n"));
  assert_non_null(strstr(sent, "\r\naccept: nothing\r\n"));
  assert_null(strstr(sent, "Accept"));
  hostile_server_free(server);
  buffer_free(&outcome.body);
}

static void tls_with_a_server_without_tls_is_a_protocol_error(void **state) {
  (void)state;
  char url[64];
  struct outcome outcome = outcome_make();
  struct hostile_server *server =
      hostile_server_new(hostile_answer, "HTTP/1.1 400 Bad Request\r\n\r\n");
  snprintf(url, sizeof(url), "https://127.0.0.1:%u/", hostile_server_port(server));
  struct http_request request = request_make(&outcome, url);
  request.insecure = true; /* whatever authorities this machine trusts */

  perform(&request, &outcome);
  assert_int_equal(outcome.result.error, -EPROTO);
  hostile_server_free(server);
}

static void invalid_requests_are_rejected(void **state) {
  (void)state;
  struct http_loop *loop = NULL;
  struct outcome outcome = outcome_make();
  static const char *const URLS[] = {NULL,
                                     "",
                                     "127.0.0.1:1",
                                     "ftp://127.0.0.1/",
                                     "file:///etc/passwd",
                                     "gopher://127.0.0.1:1/"};
  assert_int_equal(http_loop_new(&loop), 0);
  for (size_t i = 0; i < sizeof(URLS) / sizeof(*URLS); i++) {
    struct http_request request = request_make(&outcome, URLS[i]);
    assert_int_equal(http_loop_add(loop, &request), -EINVAL);
  }
  struct http_request request = request_make(&outcome, "http://127.0.0.1:1/");
  request.timeout_ms = 0;
  assert_int_equal(http_loop_add(loop, &request), -EINVAL);
  assert_int_equal(http_loop_run(loop, 0), 0);
  http_loop_free(loop);
  assert_int_equal(outcome.done, 0);
}

/* ---- stopping, waking, many transfers ---- */

static void wait_until_serving(struct http_loop *loop, struct hostile_server *server,
                               unsigned count) {
  while (hostile_server_serving(server) < count)
    assert_true(http_loop_run(loop, 10) >= 0);
}

static void freeing_the_loop_cancels_what_is_stuck(void **state) {
  (void)state;
  char url[64];
  struct http_loop *loop = NULL;
  struct outcome first = outcome_make(), second = outcome_make();
  struct hostile_server *server = hostile_server_new(hostile_silent, NULL);
  url_of(hostile_server_port(server), url);
  struct http_request a = request_make(&first, url), b = request_make(&second, url);

  assert_int_equal(http_loop_new(&loop), 0);
  assert_int_equal(http_loop_add(loop, &a), 0);
  assert_int_equal(http_loop_add(loop, &b), 0);
  wait_until_serving(loop, server, 2);
  http_loop_free(loop);
  assert_int_equal(first.done, 1);
  assert_int_equal(second.done, 1);
  assert_int_equal(first.result.error, -ECANCELED);
  assert_int_equal(second.result.error, -ECANCELED);
  hostile_server_free(server);
}

static void canceling_one_leaves_the_other(void **state) {
  (void)state;
  char url[64], other_url[64];
  struct http_loop *loop = NULL;
  struct outcome stuck = outcome_make(), fine = outcome_make();
  struct hostile_server *server = hostile_server_new(hostile_silent, NULL);
  struct hostile_server *other =
      hostile_server_new(hostile_answer, "HTTP/1.1 200 OK\r\n\r\nhello");
  struct http_request a = request_make(&stuck, url_of(hostile_server_port(server), url));
  struct http_request b = request_make(&fine, url_of(hostile_server_port(other), other_url));

  assert_int_equal(http_loop_new(&loop), 0);
  assert_int_equal(http_loop_add(loop, &a), 0);
  wait_until_serving(loop, server, 1);
  assert_int_equal(http_loop_add(loop, &b), 0);
  assert_int_equal(http_loop_cancel(loop, &stuck), 1);
  assert_int_equal(http_loop_cancel(loop, &stuck), 0);
  assert_int_equal(stuck.done, 1);
  assert_int_equal(stuck.result.error, -ECANCELED);
  run_to_end(loop);
  assert_int_equal(fine.result.error, 0);
  assert_string_equal(buffer_string(&fine.body), "hello");
  http_loop_free(loop);
  hostile_server_free(server);
  hostile_server_free(other);
  buffer_free(&fine.body);
}

/* How many sockets of ours are connected to the port, and how many an exec would keep. */
static void count_sockets(uint16_t port, unsigned *ret_connected, unsigned *ret_inherited) {
  *ret_connected = *ret_inherited = 0;
  for (int fd = 0; fd < 1024; fd++) {
    struct sockaddr_in peer;
    socklen_t len = sizeof(peer);
    if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0 || len != sizeof(peer) ||
        peer.sin_family != AF_INET || ntohs(peer.sin_port) != port)
      continue;
    ++*ret_connected;
    *ret_inherited += (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0;
  }
}

/* With descriptors of others around those that libcurl will have. */
static void other_programs_do_not_inherit_a_loop(void **state) {
  (void)state;
  struct http_loop *loop = NULL;
  int fds[4], pair[2];
  for (unsigned i = 0; i < 4; i++)
    assert_true((fds[i] = dup(2)) >= 0);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  close(fds[1]);
  unsigned before = live_process_inherited_fds();
  assert_int_equal(http_loop_new(&loop), 0);
  assert_int_equal(live_process_inherited_fds(), before); /* neither more nor fewer */
  http_loop_wake(loop);
  assert_int_equal(http_loop_run(loop, LONG_MS), 0); /* it is still woken */
  assert_int_equal(live_process_inherited_fds(), before);
  http_loop_free(loop);
  assert_int_equal(live_process_inherited_fds(), before);
  close(fds[0]);
  close(fds[2]);
  close(fds[3]);
  close(pair[0]);
  close(pair[1]);
}

static void other_programs_do_not_inherit_a_connection(void **state) {
  (void)state;
  char url[64];
  unsigned connected, inherited;
  struct http_loop *loop = NULL;
  struct outcome outcome = outcome_make();
  struct hostile_server *server = hostile_server_new(hostile_silent, NULL);
  struct http_request request =
      request_make(&outcome, url_of(hostile_server_port(server), url));

  assert_int_equal(http_loop_new(&loop), 0);
  assert_int_equal(http_loop_add(loop, &request), 0);
  wait_until_serving(loop, server, 1);
  count_sockets(hostile_server_port(server), &connected, &inherited);
  assert_int_equal(connected, 1);
  assert_int_equal(inherited, 0);
  http_loop_free(loop);
  count_sockets(hostile_server_port(server), &connected, &inherited);
  assert_int_equal(connected, 0);
  hostile_server_free(server);
}

struct again {
  struct http_loop *loop;
  struct http_request request;
  unsigned left, done;
  int refused;
};

static void ask_again(void *context, const struct http_result *result) {
  struct again *again = context;
  (void)result;
  again->done++;
  if (again->left-- > 0)
    again->refused = http_loop_add(again->loop, &again->request);
}

static void on_done_may_start_another_transfer(void **state) {
  (void)state;
  char url[64];
  struct hostile_server *server = hostile_server_new(hostile_answer, "HTTP/1.1 200 OK\r\n\r\n");
  struct again again = {.left = 3};
  again.request = (struct http_request){.url = url_of(hostile_server_port(server), url),
                                        .timeout_ms = LONG_MS,
                                        .on_done = ask_again,
                                        .context = &again};
  assert_int_equal(http_loop_new(&again.loop), 0);
  assert_int_equal(http_loop_add(again.loop, &again.request), 0);
  run_to_end(again.loop);
  assert_int_equal(again.done, 4);
  assert_int_equal(again.refused, 0);

  /* also when it was canceled, and no longer when the loop is being freed */
  hostile_server_behave(server, hostile_silent, NULL);
  again.left = 2;
  assert_int_equal(http_loop_add(again.loop, &again.request), 0);
  assert_int_equal(http_loop_cancel(again.loop, &again), 1);
  assert_int_equal(http_loop_run(again.loop, 0), 1);
  http_loop_free(again.loop);
  assert_int_equal(again.done, 6);
  assert_int_equal(again.refused, -ECANCELED);
  hostile_server_free(server);
}

static void *wake_later(void *loop) {
  nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
  http_loop_wake(loop);
  return NULL;
}

static void waking_ends_a_wait_even_if_it_came_before(void **state) {
  (void)state;
  pthread_t thread;
  struct http_loop *loop = NULL;
  assert_int_equal(http_loop_new(&loop), 0);

  /* an hour each: a lost wake-up would hang the test */
  http_loop_wake(loop);
  assert_int_equal(http_loop_run(loop, UINT64_MAX), 0);
  assert_int_equal(pthread_create(&thread, NULL, wake_later, loop), 0);
  assert_int_equal(http_loop_run(loop, UINT64_MAX), 0);
  pthread_join(thread, NULL);
  http_loop_free(loop);
}

static void a_hundred_stuck_servers_do_not_delay_a_good_one(void **state) {
  (void)state;
  enum { STUCK = 100 };
  char url[64], fine_url[64];
  struct http_loop *loop = NULL;
  static struct outcome stuck[STUCK];
  struct outcome fine = outcome_make();
  struct hostile_server *server = hostile_server_new(hostile_silent, NULL);
  struct hostile_server *good =
      hostile_server_new(hostile_answer, "HTTP/1.1 200 OK\r\n\r\nhello");

  url_of(hostile_server_port(server), url);
  assert_int_equal(http_loop_new(&loop), 0);
  for (unsigned i = 0; i < STUCK; i++) {
    stuck[i] = outcome_make();
    struct http_request request = request_make(&stuck[i], url);
    assert_int_equal(http_loop_add(loop, &request), 0);
  }
  struct http_request request =
      request_make(&fine, url_of(hostile_server_port(good), fine_url));
  assert_int_equal(http_loop_add(loop, &request), 0);
  while (fine.done == 0)
    assert_true(http_loop_run(loop, 1000) >= 0);
  assert_int_equal(fine.result.error, 0);
  for (unsigned i = 0; i < STUCK; i++)
    assert_int_equal(stuck[i].done, 0);
  http_loop_free(loop);
  for (unsigned i = 0; i < STUCK; i++)
    assert_int_equal(stuck[i].result.error, -ECANCELED);
  hostile_server_free(server);
  hostile_server_free(good);
  buffer_free(&fine.body);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(answers_of_every_kind),
      cmocka_unit_test(a_body_of_exactly_the_limit_is_accepted),
      cmocka_unit_test(a_refused_connection_is_reported_as_such),
      cmocka_unit_test(a_redirect_is_never_followed),
      cmocka_unit_test(no_proxy_of_the_environment_is_used),
      cmocka_unit_test(a_get_request_has_only_the_necessary_headers),
      cmocka_unit_test(the_date_of_the_server_is_read),
      cmocka_unit_test(an_ipv6_address_is_in_brackets),
      cmocka_unit_test(an_error_of_the_body_callback_ends_the_transfer),
      cmocka_unit_test(a_post_carries_body_type_and_credentials),
      cmocka_unit_test(a_post_carries_headers_and_a_token),
      cmocka_unit_test(tls_with_a_server_without_tls_is_a_protocol_error),
      cmocka_unit_test(invalid_requests_are_rejected),
      cmocka_unit_test(freeing_the_loop_cancels_what_is_stuck),
      cmocka_unit_test(canceling_one_leaves_the_other),
      cmocka_unit_test(other_programs_do_not_inherit_a_loop),
      cmocka_unit_test(other_programs_do_not_inherit_a_connection),
      cmocka_unit_test(on_done_may_start_another_transfer),
      cmocka_unit_test(waking_ends_a_wait_even_if_it_came_before),
      cmocka_unit_test(a_hundred_stuck_servers_do_not_delay_a_good_one),
  };
  return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
