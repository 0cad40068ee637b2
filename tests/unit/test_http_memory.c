/*
 * Each allocation of a loop and a request fails in turn: it is said at once or in the result,
 * no callback comes twice or for a request that was not taken, and nothing leaks. And requests
 * with values at their limits.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "cases.h"
#include "common/buffer.h"
#include "common/http.h"
#include "failing_allocations.h"
#include "hostile_server.h"

struct outcome {
  struct http_result result;
  unsigned done;
  struct buffer body;
};

static int collect(void *context, const char *bytes, size_t len) {
  struct outcome *outcome = context;
  return buffer_append(&outcome->body, bytes, len);
}

static void finish(void *context, const struct http_result *result) {
  struct outcome *outcome = context;
  outcome->result = *result;
  outcome->done++;
}

static struct http_request post_to(const char *url, struct outcome *outcome) {
  return (struct http_request){.url = url,
                               .post_body = "[]",
                               .post_len = 2,
                               .content_type = "application/json",
                               .user = "me",
                               .timeout_ms = 20000,
                               .max_bytes = 1000,
                               .on_body = collect,
                               .on_done = finish,
                               .context = outcome};
}

static void run_to_end(struct http_loop *loop) {
  while (http_loop_run(loop, 1000) > 0)
    ;
}

/* Returns what the loop or the request said. */
static int perform(const struct http_request *request) {
  struct http_loop *loop = NULL;
  int status = http_loop_new(&loop);
  if (status == 0)
    status = http_loop_add(loop, request);
  if (status == 0)
    run_to_end(loop);
  http_loop_free(loop);
  return status;
}

static const char *url_of(const struct hostile_server *server) {
  static char url[64];
  snprintf(url, sizeof(url), "http://127.0.0.1:%u/", hostile_server_port(server));
  return url;
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  struct hostile_server *server =
      hostile_server_new(hostile_answer, "HTTP/1.1 200 OK\r\n\r\nwelcome");
  long count = 0;
  bool has_failed;
  do {
    struct outcome outcome = {.done = 0};
    struct http_request request = post_to(url_of(server), &outcome);
    buffer_init(&outcome.body, 100);
    atomic_store(&allocations_left, count++);
    int status = perform(&request);
    has_failed = atomic_exchange(&allocations_left, -1) < 0;
    assert_int_equal(outcome.done, status == 0);
    if (status != 0) {
      assert_true(has_failed);
      assert_int_equal(status, -ENOMEM);
    } else if (has_failed) { /* of the body's callback */
      assert_int_equal(outcome.result.error, -ENOMEM);
      assert_true(outcome.result.reason[0] != '\0');
    } else {
      assert_int_equal(outcome.result.error, 0);
      assert_string_equal(buffer_string(&outcome.body), "welcome");
    }
    buffer_free(&outcome.body);
  } while (has_failed);
  assert_in_range(count, 8, 30);
  hostile_server_free(server);
}

static void values_at_their_limits_are_no_limits(void **state) {
  (void)state;
  struct hostile_server *server =
      hostile_server_new(hostile_answer, "HTTP/1.1 200 OK\r\n\r\nwelcome");
  struct outcome outcome = {.done = 0};
  struct http_request request = post_to(url_of(server), &outcome);
  buffer_init(&outcome.body, 100);
  request.timeout_ms = UINT64_MAX;
  request.max_bytes = SIZE_MAX;
  request.content_type = NULL;
  assert_int_equal(perform(&request), 0);
  assert_int_equal(outcome.result.error, 0);
  assert_string_equal(buffer_string(&outcome.body), "welcome");
  buffer_free(&outcome.body);
  hostile_server_free(server);
}

static void files_of_tls_that_do_not_exist_are_an_error_of_the_transfer(void **state) {
  (void)state;
  static const struct {
    const char *ca_file, *client_certificate, *client_key;
  } cases[] = {{"/nonexistent/ca", NULL, NULL},
               {NULL, "/nonexistent/cert", "/nonexistent/key"}};
  struct hostile_server *server = hostile_server_new(hostile_silent, NULL);
  char url[64];
  snprintf(url, sizeof(url), "https://127.0.0.1:%u/", hostile_server_port(server));
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct outcome outcome = {.done = 0};
    struct http_request request = post_to(url, &outcome);
    request.ca_file = cases[i].ca_file;
    request.client_certificate = cases[i].client_certificate;
    request.client_key = cases[i].client_key;
    request.insecure = cases[i].ca_file == NULL;
    assert_int_equal(perform(&request), 0);
    assert_int_equal(outcome.done, 1);
    assert_true(outcome.result.error == -ENOKEY || outcome.result.error == -EACCES);
    assert_true(outcome.result.reason[0] != '\0');
  }
  hostile_server_free(server);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_allocation_may_fail),
      cmocka_unit_test(values_at_their_limits_are_no_limits),
      cmocka_unit_test(files_of_tls_that_do_not_exist_are_an_error_of_the_transfer),
  };
  return cmocka_run_group_tests_name("http_memory", tests, NULL, NULL);
}
