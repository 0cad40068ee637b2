/*
 * The pprof client against a server that misbehaves, and against a real Go program where
 * the machine has Go. Where a test waits, it waits for something to happen, never for time
 * to pass: one that went wrong would hang rather than be late.
 */
#include "sidecar/go/pprof.h"

#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/buffer.h"
#include "common/clock.h"
#include "common/http.h"
#include "hostile_server.h"
#include "sidecar/linux/sock_diag.h"

enum { BOTH = PPROF_GOROUTINE_COUNT | PPROF_MEMSTATS, LONG_MS = 60000, MAX_BYTES = 1 << 20 };

static struct pprof *client_new(uint64_t timeout_ms) {
  struct pprof_options options = {.timeout_ms = timeout_ms, .max_bytes = MAX_BYTES};
  struct pprof *client = NULL;
  assert_int_equal(pprof_new(&options, &client), 0);
  return client;
}

static struct pprof_endpoint *endpoint_new_on(struct pprof *client, uint16_t port,
                                              uint64_t inode) {
  struct pprof_endpoint *endpoint = NULL;
  struct listener_proof proof = {
      .address = "127.0.0.1", .port = port, .inodes = {inode}, .inodes_len = 1};
  assert_int_equal(pprof_endpoint_new(client, &proof, PPROF_DEFAULT_PATH, 0, &endpoint), 0);
  return endpoint;
}

static struct pprof_endpoint *endpoint_new_of(uid_t owner, struct pprof *client,
                                              const struct hostile_server *server) {
  struct pprof_endpoint *endpoint = NULL;
  struct listener_proof proof = hostile_server_proof(server);
  assert_int_equal(pprof_endpoint_new(client, &proof, PPROF_DEFAULT_PATH, owner, &endpoint), 0);
  return endpoint;
}

static struct pprof_endpoint *endpoint_new(struct pprof *client,
                                           const struct hostile_server *server) {
  return endpoint_new_of(0, client, server);
}

static void pause_ms(unsigned ms) {
  nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

static void wait_for_accepted(struct hostile_server *server, unsigned count) {
  while (hostile_server_accepted(server) < count)
    pause_ms(1);
  assert_int_equal(hostile_server_accepted(server), count);
}

/* Collects until all of what has been answered, however late. */
static void take_all(struct pprof_endpoint *endpoint, unsigned what, struct pprof_round *ret) {
  struct pprof_round round;
  memset(ret, 0, sizeof(*ret));
  ret->goroutines = VALUE_UNKNOWN;
  while ((ret->answered & what) != what) {
    pprof_endpoint_take(endpoint, &round);
    ret->queried |= round.queried;
    ret->answered |= round.answered;
    if (round.answered & PPROF_GOROUTINE_COUNT) {
      ret->goroutine_count_answer = round.goroutine_count_answer;
      ret->goroutines = round.goroutines;
    }
    if (round.answered & PPROF_MEMSTATS) {
      ret->memstats_answer = round.memstats_answer;
      ret->memstats = round.memstats;
    }
    pause_ms(1);
  }
}

/* ---- a server that answers as Go does, from captures ---- */

static struct buffer load_capture(const char *name) {
  char path[512], bytes[4096];
  struct buffer body;
  size_t len;
  snprintf(path, sizeof(path), "%s/fuzz/corpus/%s", TEST_SRCDIR, name);
  FILE *stream = fopen(path, "rb");
  assert_non_null(stream);
  buffer_init(&body, 1 << 20);
  while ((len = fread(bytes, 1, sizeof(bytes), stream)) > 0)
    assert_int_equal(buffer_append(&body, bytes, len), 0);
  fclose(stream);
  return body;
}

static struct buffer index_page, heap_page; /* set up once, only read then */

static int load_pages(void **state) {
  (void)state;
  index_page = load_capture("pprof_index/go1.26_busy");
  heap_page = load_capture("memstats/go1.26_busy");
  return 0;
}

static int free_pages(void **state) {
  (void)state;
  buffer_free(&index_page);
  buffer_free(&heap_page);
  return 0;
}

static void send_page(struct hostile_connection *c, const struct buffer *page) {
  char head[128];
  snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", page->len);
  hostile_send_text(c, head);
  hostile_send(c, page->data, page->len);
}

static bool asks_for(const struct hostile_connection *c, const char *path) {
  char line[128];
  snprintf(line, sizeof(line), "GET %s HTTP/1.1\r\n", path);
  return strncmp(c->request, line, strlen(line)) == 0;
}

static void good(struct hostile_connection *c, void *context) {
  (void)context;
  if (asks_for(c, "/debug/pprof/"))
    send_page(c, &index_page);
  else if (asks_for(c, "/debug/pprof/heap?debug=1"))
    send_page(c, &heap_page);
  else
    hostile_send_text(c, "HTTP/1.1 418 No\r\n\r\n");
}

static void a_round_returns_both_answers_once(void **state) {
  (void)state;
  struct pprof_round round;
  struct pprof *client = client_new(LONG_MS);
  struct hostile_server *server = hostile_server_new(good, NULL);
  struct pprof_endpoint *endpoint = endpoint_new(client, server);

  pprof_endpoint_query(endpoint, BOTH);
  pprof_wait(client, LONG_MS);
  pprof_endpoint_take(endpoint, &round);
  assert_int_equal(round.queried, BOTH);
  assert_int_equal(round.answered, BOTH);
  assert_int_equal(round.goroutine_count_answer.error, 0);
  assert_string_equal(round.goroutine_count_answer.reason, "");
  assert_true(round.goroutine_count_answer.duration_ns > 0);
  assert_int_equal(round.goroutines, 40);
  assert_int_equal(round.memstats_answer.error, 0);
  assert_int_equal(round.memstats.heap_inuse_bytes, 21872640);
  assert_int_equal(round.memstats.num_gc, 303);

  pprof_endpoint_take(endpoint, &round);
  assert_int_equal(round.queried, 0);
  assert_int_equal(round.answered, 0);
  assert_int_equal(round.goroutines, VALUE_UNKNOWN);

  pprof_endpoint_query(endpoint, PPROF_GOROUTINE_COUNT);
  pprof_wait(client, LONG_MS);
  pprof_endpoint_take(endpoint, &round);
  assert_int_equal(round.answered, PPROF_GOROUTINE_COUNT);
  assert_int_equal(round.goroutines, 40);
  assert_int_equal(hostile_server_accepted(server), 3);

  pprof_endpoint_free(endpoint);
  pprof_free(client);
  hostile_server_free(server);
}

/* ---- bad responses ---- */

struct row {
  const char *name;
  hostile_behaviour behaviour;
  const char *response;
  int error;
  const char *reason; /* part of it */
  uint64_t timeout_ms;
};

static void gigabyte(struct hostile_connection *c, void *context) {
  static const char block[65536] = "heap profile: 1: 2 [3: 4] @ heap/1048576\n";
  (void)context;
  hostile_send_text(c, "HTTP/1.1 200 OK\r\n\r\n");
  for (unsigned i = 0; i < 16384 && hostile_send(c, block, sizeof(block)); i++)
    ;
}

#define ANSWER(text) .behaviour = hostile_answer, .response = (text)

static const struct row ROWS[] = {
    {"404", ANSWER("HTTP/1.1 404 Not Found\r\n\r\n404 page not found\n"), -ENOENT,
     "HTTP status 404"},
    {"500", ANSWER("HTTP/1.1 500 Oops\r\n\r\n"), -EREMOTEIO, "HTTP status 500"},
    {"401", ANSWER("HTTP/1.1 401 Who?\r\nWWW-Authenticate: Basic\r\n\r\n"), -EREMOTEIO,
     "HTTP status 401"},
    {"206", ANSWER("HTTP/1.1 206 Partial Content\r\n\r\n"), -EREMOTEIO, "HTTP status 206"},
    {"204", ANSWER("HTTP/1.1 204 No Content\r\n\r\n"), -EREMOTEIO, "HTTP status 204"},
    {"an empty page", ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), -EBADMSG,
     "not a response of Go's net/http/pprof"},
    {"HTML from another server", ANSWER("HTTP/1.1 200 OK\r\n\r\n<html>It works!</html>\n"),
     -EBADMSG, "not a response of Go's net/http/pprof"},
    {"another protocol", ANSWER("SSH-2.0-OpenSSH_9.2p1\r\n"), -EPROTO, ": "},
    {"hangs up", .behaviour = hostile_hang_up, .error = -ECONNRESET, .reason = ": "},
    {"closes in the middle", ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nheap pro"),
     -ECONNRESET, ": "},
    {"sends nothing", .behaviour = hostile_silent, .error = -ETIMEDOUT, .reason = ": ",
     .timeout_ms = 100},
};

static void check_answer(const struct row *row, const char *path,
                         const struct pprof_answer *answer) {
  if (answer->error != row->error || strstr(answer->reason, row->reason) == NULL ||
      strncmp(answer->reason, path, strlen(path)) != 0)
    fail_msg("%s: %d, \"%s\"", row->name, answer->error, answer->reason);
}

static void every_failure_is_reported_for_both_queries(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof(ROWS) / sizeof(*ROWS); i++) {
    const struct row *row = &ROWS[i];
    struct pprof_round round;
    struct pprof *client = client_new(row->timeout_ms > 0 ? row->timeout_ms : LONG_MS);
    struct hostile_server *server =
        hostile_server_new(row->behaviour, (void *)(uintptr_t)row->response);
    struct pprof_endpoint *endpoint = endpoint_new(client, server);

    pprof_endpoint_query(endpoint, BOTH);
    take_all(endpoint, BOTH, &round);
    check_answer(row, "/debug/pprof/: ", &round.goroutine_count_answer);
    check_answer(row, "/debug/pprof/heap?debug=1: ", &round.memstats_answer);
    assert_int_equal(round.goroutines, VALUE_UNKNOWN);

    pprof_endpoint_free(endpoint);
    pprof_free(client);
    hostile_server_free(server);
  }
}

enum { SLOW_MS = 2000 };

/* The heap page in ten parts, in all twice as long as the time allowed without progress. */
static void slow(struct hostile_connection *c, void *context) {
  if (!asks_for(c, "/debug/pprof/heap?debug=1")) {
    good(c, context);
    return;
  }
  hostile_send_text(c, "HTTP/1.1 200 OK\r\n\r\n");
  size_t part = heap_page.len / 10 + 1;
  for (size_t at = 0; at < heap_page.len; at += part) {
    size_t len = heap_page.len - at < part ? heap_page.len - at : part;
    if (!hostile_pause(c, SLOW_MS / 5) || !hostile_send(c, heap_page.data + at, len))
      return;
  }
}

static void a_server_that_progresses_is_waited_for(void **state) {
  (void)state;
  struct pprof_round round;
  struct pprof *client = client_new(SLOW_MS);
  struct hostile_server *server = hostile_server_new(slow, NULL);
  struct pprof_endpoint *endpoint = endpoint_new(client, server);
  pprof_endpoint_query(endpoint, BOTH);
  take_all(endpoint, BOTH, &round);
  assert_int_equal(round.memstats_answer.error, 0);
  assert_int_equal(round.memstats.heap_inuse_bytes, 21872640);
  assert_true(round.memstats_answer.duration_ns > SLOW_MS * UINT64_C(1000000));
  pprof_endpoint_free(endpoint);
  pprof_free(client);
  hostile_server_free(server);
}

/* A heap page of so many bytes: records of stacks that have nothing in use, and the MemStats of
 * the captured one. */
static void long_page(struct hostile_connection *c, void *context) {
  size_t size = *(const size_t *)context;
  char block[65536] = "";
  size_t len = 0;
  while (len + 64 < sizeof(block))
    len += (size_t)snprintf(block + len, sizeof(block) - len,
                            "0: 0 [1: 32] @ 0x1 0x2\n#\t0x1\tmain.f+0x1\t/x.go:1\n\n");
  hostile_send_text(c, "HTTP/1.1 200 OK\r\n\r\nheap profile: 0: 0 [1: 32] @ heap/1048576\n");
  for (size_t sent = 0; sent < size; sent += len)
    if (!hostile_send(c, block, len))
      return;
  const char *memstats = strstr(heap_page.data, "\n# runtime.MemStats");
  hostile_send_text(c, memstats);
}

static void what_is_read_is_not_limited_by_what_is_kept(void **state) {
  (void)state;
  static const struct {
    size_t size;
    int error;
  } cases[] = {{40 << 20, 0}, {PPROF_RESPONSE_MAX_BYTES + 1, -EMSGSIZE}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
    struct pprof_round round;
    struct pprof_options options = {.timeout_ms = LONG_MS,
                                    .max_bytes = PPROF_RESPONSE_MAX_BYTES};
    struct pprof *client = NULL;
    assert_int_equal(pprof_new(&options, &client), 0);
    struct hostile_server *server = hostile_server_new(long_page, (void *)&cases[i].size);
    struct pprof_endpoint *endpoint = endpoint_new(client, server);
    pprof_endpoint_query(endpoint, PPROF_MEMSTATS);
    take_all(endpoint, PPROF_MEMSTATS, &round);
    assert_int_equal(round.memstats_answer.error, cases[i].error);
    if (cases[i].error == 0)
      assert_int_equal(round.memstats.heap_inuse_bytes, 21872640);
    pprof_endpoint_free(endpoint);
    pprof_free(client);
    hostile_server_free(server);
  }
}

static void a_gigabyte_is_not_read_to_its_end(void **state) {
  (void)state;
  struct pprof_round round;
  struct pprof *client = client_new(LONG_MS);
  struct hostile_server *server = hostile_server_new(gigabyte, NULL);
  struct pprof_endpoint *endpoint = endpoint_new(client, server);
  pprof_endpoint_query(endpoint, BOTH);
  take_all(endpoint, BOTH, &round);
  assert_int_equal(round.goroutine_count_answer.error, -EMSGSIZE);
  assert_int_equal(round.memstats_answer.error, -EMSGSIZE);
  pprof_endpoint_free(endpoint);
  pprof_free(client);
  hostile_server_free(server);
}

static void a_refused_connection_is_reported_as_such(void **state) {
  (void)state;
  uint16_t port;
  struct pprof_round round;
  int fd = hostile_refusing_port(&port);
  struct pprof *client = client_new(LONG_MS);
  struct pprof_endpoint *endpoint = endpoint_new_on(client, port, 0);
  pprof_endpoint_query(endpoint, BOTH);
  take_all(endpoint, BOTH, &round);
  assert_int_equal(round.goroutine_count_answer.error, -ECONNREFUSED);
  assert_int_equal(round.memstats_answer.error, -ECONNREFUSED);
  pprof_endpoint_free(endpoint);
  pprof_free(client);
  close(fd);
}

static void count_and_answer(struct hostile_connection *c, void *context) {
  atomic_uint *requests = context;
  atomic_fetch_add(requests, 1);
  good(c, NULL);
}

/* The process closes its socket, and another program has the port before it is verified
 * again. */
static void whoever_has_the_port_next_gets_no_request(void **state) {
  (void)state;
  atomic_uint requests = 0;
  struct pprof_round round;
  struct pprof *client = client_new(LONG_MS);
  struct hostile_server *server = hostile_server_new(good, NULL);
  struct pprof_endpoint *endpoint = endpoint_new(client, server);
  pprof_endpoint_query(endpoint, BOTH);
  take_all(endpoint, BOTH, &round);
  assert_int_equal(round.goroutines, 40);

  uint16_t port = hostile_server_port(server);
  hostile_server_free(server);
  server = hostile_server_new_on(port, count_and_answer, &requests);
  pprof_endpoint_query(endpoint, BOTH);
  take_all(endpoint, BOTH, &round);
  wait_for_accepted(server, 2);
  assert_int_equal(requests, 0);
  assert_int_equal(round.goroutine_count_answer.error, -EXDEV);
  assert_int_equal(round.memstats_answer.error, -EXDEV);
  assert_non_null(strstr(round.memstats_answer.reason, "no longer belongs to the process"));
  assert_int_equal(round.goroutines, VALUE_UNKNOWN);
  pprof_endpoint_free(endpoint);

  endpoint = endpoint_new(client, server); /* verified anew */
  pprof_endpoint_query(endpoint, BOTH);
  take_all(endpoint, BOTH, &round);
  assert_int_equal(round.goroutines, 40);
  assert_int_equal(requests, 2);
  pprof_endpoint_free(endpoint);
  pprof_free(client);
  hostile_server_free(server);
}

static void a_redirect_is_not_followed(void **state) {
  (void)state;
  char response[256];
  struct pprof_round round;
  struct hostile_server *bait = hostile_server_new(good, NULL);
  snprintf(response, sizeof(response),
           "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%u/debug/pprof/\r\n\r\n",
           hostile_server_port(bait));
  struct hostile_server *server = hostile_server_new(hostile_answer, response);
  struct pprof *client = client_new(LONG_MS);
  struct pprof_endpoint *endpoint = endpoint_new(client, server);
  pprof_endpoint_query(endpoint, BOTH);
  take_all(endpoint, BOTH, &round);
  assert_int_equal(round.goroutine_count_answer.error, -EREMOTEIO);
  assert_int_equal(round.memstats_answer.error, -EREMOTEIO);
  assert_int_equal(hostile_server_accepted(bait), 0);
  pprof_endpoint_free(endpoint);
  pprof_free(client);
  hostile_server_free(server);
  hostile_server_free(bait);
}

static void an_address_must_be_numeric(void **state) {
  (void)state;
  static const struct {
    const char *address;
    bool ipv6;
    int status;
  } ADDRESSES[] = {
      {"127.0.0.1", false, 0},        {"::1", true, 0},
      {"::ffff:127.0.0.1", true, 0},  {"localhost", false, -EINVAL},
      {"", false, -EINVAL},           {"::1", false, -EINVAL},
      {"127.0.0.1", true, -EINVAL},   {"127.0.0.1@192.0.2.1", false, -EINVAL},
      {"127.0.0.1/", false, -EINVAL},
  };
  struct pprof *client = client_new(LONG_MS);
  for (size_t i = 0; i < sizeof(ADDRESSES) / sizeof(*ADDRESSES); i++) {
    struct pprof_endpoint *endpoint = NULL;
    struct listener_proof proof = {.ipv6 = ADDRESSES[i].ipv6, .port = 1};
    strcpy(proof.address, ADDRESSES[i].address);
    int status = pprof_endpoint_new(client, &proof, PPROF_DEFAULT_PATH, 0, &endpoint);
    if (status != ADDRESSES[i].status)
      fail_msg("\"%s\": %d", ADDRESSES[i].address, status);
    pprof_endpoint_free(endpoint);
  }
  pprof_free(client);
}

static void an_ipv6_address_is_queried_as_well(void **state) {
  (void)state;
  struct pprof_round round;
  struct pprof_endpoint *endpoint = NULL;
  struct hostile_server *server = hostile_server_new_ipv6(good, NULL);
  if (server == NULL) {
    print_message("skipped: no IPv6 loopback address\n");
    skip();
  }
  struct pprof *client = client_new(LONG_MS);
  struct listener_proof proof = hostile_server_proof(server);
  assert_int_equal(pprof_endpoint_new(client, &proof, PPROF_DEFAULT_PATH, 0, &endpoint), 0);
  pprof_endpoint_query(endpoint, BOTH);
  take_all(endpoint, BOTH, &round);
  assert_int_equal(round.goroutines, 40);
  pprof_endpoint_free(endpoint);
  pprof_free(client);
  hostile_server_free(server);
}

/* ---- one at a time, never twice ---- */

struct crowd {
  atomic_uint now, most;
};

static void good_alone(struct hostile_connection *c, void *context) {
  struct crowd *crowd = context;
  unsigned now = atomic_fetch_add(&crowd->now, 1) + 1;
  if (now > atomic_load(&crowd->most))
    atomic_store(&crowd->most, now);
  hostile_pause(c, 20);
  atomic_fetch_sub(&crowd->now, 1); /* from the answer on the next may come */
  good(c, NULL);
}

static void an_endpoint_has_one_connection_at_a_time(void **state) {
  (void)state;
  struct crowd crowd = {0, 0};
  struct pprof_round round;
  struct pprof *client = client_new(LONG_MS);
  struct hostile_server *server = hostile_server_new(good_alone, &crowd);
  struct pprof_endpoint *endpoint = endpoint_new(client, server);
  pprof_endpoint_query(endpoint, BOTH);
  take_all(endpoint, BOTH, &round);
  assert_int_equal(round.goroutines, 40);
  assert_int_equal(atomic_load(&crowd.most), 1);
  pprof_endpoint_free(endpoint);
  pprof_free(client);
  hostile_server_free(server);
}

struct gate {
  atomic_bool open;
};

static void good_behind_gate(struct hostile_connection *c, void *context) {
  struct gate *gate = context;
  while (!atomic_load(&gate->open) && hostile_pause(c, 10))
    ;
  good(c, NULL);
}

static void wait_until_serving(struct hostile_server *server, unsigned count) {
  while (hostile_server_serving(server) != count)
    pause_ms(1);
}

static void a_query_in_progress_is_not_sent_again(void **state) {
  (void)state;
  struct gate gate = {false};
  struct pprof_round round;
  struct pprof *client = client_new(LONG_MS);
  struct hostile_server *server = hostile_server_new(good_behind_gate, &gate);
  struct pprof_endpoint *endpoint = endpoint_new(client, server);

  pprof_endpoint_query(endpoint, PPROF_GOROUTINE_COUNT);
  wait_until_serving(server, 1);
  for (unsigned i = 0; i < 10; i++) {
    pprof_endpoint_query(endpoint, PPROF_GOROUTINE_COUNT);
    pprof_wait(client, LONG_MS); /* waits for none: this one is late */
    pprof_endpoint_take(endpoint, &round);
    assert_int_equal(round.queried, PPROF_GOROUTINE_COUNT);
    assert_int_equal(round.answered, 0);
    assert_int_equal(round.goroutines, VALUE_UNKNOWN);
  }
  atomic_store(&gate.open, true);
  take_all(endpoint, PPROF_GOROUTINE_COUNT, &round);
  assert_int_equal(round.goroutines, 40);
  assert_int_equal(hostile_server_accepted(server), 1);

  pprof_endpoint_free(endpoint);
  pprof_free(client);
  hostile_server_free(server);
}

/* ---- the stuck and the others ---- */

static void a_late_endpoint_is_waited_for_again_once_it_is_prompt(void **state) {
  (void)state;
  struct gate gate = {false};
  struct pprof_round round;
  struct pprof *client = client_new(LONG_MS);
  struct hostile_server *server = hostile_server_new(good_behind_gate, &gate);
  struct pprof_endpoint *endpoint = endpoint_new(client, server);

  pprof_endpoint_query(endpoint, PPROF_GOROUTINE_COUNT);
  pprof_wait(client, 10);
  atomic_store(&gate.open, true);
  take_all(endpoint, PPROF_GOROUTINE_COUNT, &round);

  pprof_endpoint_query(endpoint, PPROF_GOROUTINE_COUNT); /* took long: on probation */
  pprof_wait(client, LONG_MS);
  take_all(endpoint, PPROF_GOROUTINE_COUNT, &round);

  pprof_endpoint_query(endpoint, PPROF_GOROUTINE_COUNT);
  pprof_wait(client, LONG_MS);
  pprof_endpoint_take(endpoint, &round);
  assert_int_equal(round.answered, PPROF_GOROUTINE_COUNT);

  pprof_endpoint_free(endpoint);
  pprof_free(client);
  hostile_server_free(server);
}

/* Frees endpoints whose server never answered. */
static void free_unanswered(struct pprof_endpoint **endpoints, size_t len) {
  struct pprof_round round;
  for (size_t i = 0; i < len; i++) {
    pprof_endpoint_take(endpoints[i], &round);
    assert_int_equal(round.answered, 0);
    pprof_endpoint_free(endpoints[i]);
  }
}

static void a_hundred_stuck_endpoints_do_not_delay_a_good_one(void **state) {
  (void)state;
  enum { STUCK = 100 };
  struct pprof_round round;
  struct pprof_endpoint *stuck[STUCK];
  struct pprof *client = client_new(LONG_MS);
  struct hostile_server *silent = hostile_server_new(hostile_silent, NULL);
  struct hostile_server *server = hostile_server_new(good, NULL);

  struct pprof_endpoint *endpoint = endpoint_new(client, server);
  pprof_endpoint_query(endpoint, BOTH);
  take_all(endpoint, BOTH, &round); /* known to be prompt */
  for (unsigned i = 0; i < STUCK; i++) {
    stuck[i] = endpoint_new(client, silent);
    pprof_endpoint_query(stuck[i], BOTH);
  }
  wait_for_accepted(silent, 16); /* all places for endpoints not yet known are occupied */
  for (unsigned i = 0; i < 10; i++) {
    for (unsigned k = 0; k < STUCK; k++)
      pprof_endpoint_query(stuck[k], BOTH);
    pprof_endpoint_query(endpoint, BOTH);
    pprof_wait(client, LONG_MS);
    pprof_endpoint_take(endpoint, &round);
    assert_int_equal(round.answered, BOTH);
    assert_int_equal(round.goroutines, 40);
  }
  /* they got no more than these */
  assert_int_equal(hostile_server_accepted(silent), 16);
  free_unanswered(stuck, STUCK);
  pprof_endpoint_free(endpoint);
  pprof_free(client);
  hostile_server_free(server);
  hostile_server_free(silent);
}

/* As take_all, but no longer than a test should take. */
static bool is_answered(struct pprof_endpoint *endpoint) {
  struct pprof_round round;
  for (unsigned i = 0; i < 20000; i++) {
    pprof_endpoint_take(endpoint, &round);
    if (round.answered & PPROF_GOROUTINE_COUNT)
      return round.goroutines == 40;
    pause_ms(1);
  }
  return false;
}

/* The endpoints of one user that never answer leave room for another user's, who comes later
 * and was not asked before, in every round and in each state that theirs can be in. */
static void one_users_silent_endpoints_delay_no_other_users(void **state) {
  (void)state;
  enum { SILENT = 200, ROUNDS = 10, HOSTILE = 1000, HONEST = 1001 };
  struct pprof_endpoint *silent[SILENT];
  struct pprof *client = client_new(LONG_MS);
  struct hostile_server *mute = hostile_server_new(hostile_silent, NULL);
  struct hostile_server *server = hostile_server_new(good, NULL);
  struct pprof_endpoint *honest = endpoint_new_of(HONEST, client, server);

  for (unsigned i = 0; i < SILENT; i++) {
    silent[i] = endpoint_new_of(HOSTILE, client, mute);
    pprof_endpoint_query(silent[i], BOTH);
  }
  wait_for_accepted(mute, 16);
  pprof_endpoint_query(honest, BOTH);
  pprof_wait(client, 0); /* whatever takes longer is late from now on */
  for (unsigned i = 0; i < ROUNDS; i++) {
    for (unsigned k = 0; k < SILENT; k++)
      pprof_endpoint_query(silent[k], BOTH);
    pprof_endpoint_query(honest, BOTH); /* may be late: it gets its turn nevertheless */
    if (!is_answered(honest))
      fail_msg("not answered in round %u", i);
  }
  /* theirs got no more than their share */
  assert_int_equal(hostile_server_accepted(mute), 16);
  free_unanswered(silent, SILENT);
  pprof_endpoint_free(honest);
  pprof_free(client);
  hostile_server_free(server);
  hostile_server_free(mute);
}

static void more_endpoints_than_are_queried_at_once_all_get_their_turn(void **state) {
  (void)state;
  enum { ENDPOINTS = 200 };
  struct pprof_round round;
  struct pprof_endpoint *endpoints[ENDPOINTS];
  struct pprof *client = client_new(LONG_MS);
  struct hostile_server *server = hostile_server_new(good, NULL);
  for (unsigned i = 0; i < ENDPOINTS; i++)
    endpoints[i] = endpoint_new(client, server);
  for (unsigned i = 0; i < ENDPOINTS; i++)
    pprof_endpoint_query(endpoints[i], BOTH);
  pprof_wait(client, LONG_MS);
  for (unsigned i = 0; i < ENDPOINTS; i++) {
    pprof_endpoint_take(endpoints[i], &round);
    assert_int_equal(round.answered, BOTH);
    assert_int_equal(round.goroutines, 40);
    assert_int_equal(round.memstats.num_gc, 303);
    pprof_endpoint_free(endpoints[i]);
  }
  pprof_free(client);
  hostile_server_free(server);
}

/* ---- freeing ---- */

static void the_answer_for_a_freed_endpoint_is_dropped(void **state) {
  (void)state;
  struct gate gate = {false};
  struct pprof_round round;
  struct pprof *client = client_new(LONG_MS);
  struct hostile_server *server = hostile_server_new(good_behind_gate, &gate);
  struct pprof_endpoint *endpoint = endpoint_new(client, server);

  pprof_endpoint_query(endpoint, BOTH);
  wait_until_serving(server, 1);
  pprof_endpoint_free(endpoint);
  struct pprof_endpoint *successor = endpoint_new(client, server);
  atomic_store(&gate.open, true);
  wait_until_serving(server, 0);
  pprof_endpoint_take(successor, &round);
  assert_int_equal(round.queried, 0);
  assert_int_equal(round.answered, 0);
  /* the one query that was sent; not the second */
  assert_int_equal(hostile_server_accepted(server), 1);

  pprof_endpoint_query(successor, PPROF_GOROUTINE_COUNT);
  take_all(successor, PPROF_GOROUTINE_COUNT, &round);
  assert_int_equal(round.goroutines, 40);
  pprof_endpoint_free(successor);
  pprof_free(client);
  hostile_server_free(server);
}

static void freeing_an_endpoint_closes_its_connection(void **state) {
  (void)state;
  struct pprof *client = client_new(LONG_MS);
  struct hostile_server *server = hostile_server_new(hostile_silent, NULL);
  struct pprof_endpoint *endpoint = endpoint_new(client, server);
  pprof_endpoint_query(endpoint, BOTH);
  wait_until_serving(server, 1);
  pprof_endpoint_free(endpoint);
  wait_until_serving(server, 0); /* before LONG_MS: otherwise this hangs for a minute */
  pprof_wait(client, LONG_MS);   /* waits for none */
  pprof_free(client);
  hostile_server_free(server);
}

static void the_client_terminates_whatever_the_servers_do(void **state) {
  (void)state;
  for (unsigned i = 0; i < 20; i++) {
    struct pprof *client = client_new(LONG_MS);
    struct hostile_server *server = hostile_server_new(hostile_silent, NULL);
    struct pprof_endpoint *endpoints[5];
    for (unsigned k = 0; k < 5; k++) {
      endpoints[k] = endpoint_new(client, server);
      pprof_endpoint_query(endpoints[k], BOTH);
    }
    if (i % 2 == 0)
      wait_until_serving(server, 5);
    for (unsigned k = 0; k < 5; k++)
      pprof_endpoint_free(endpoints[k]);
    pprof_free(client);
    hostile_server_free(server);
  }
  pprof_free(NULL);
  pprof_endpoint_free(NULL);
}

static void drip(struct hostile_connection *c, void *context) {
  (void)context;
  hostile_send_text(c, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
  while (hostile_pause(c, 20) && hostile_send_text(c, "x"))
    ;
}

/* 200 endpoints, half of them silent and half of them slow, of as many users as it takes to
 * have all places occupied. */
static void the_client_ends_at_once_with_every_place_occupied(void **state) {
  (void)state;
  enum { ENDPOINTS = 200, USERS = 50, END_MS = 2000 };
  struct pprof_endpoint *endpoints[ENDPOINTS];
  struct pprof *client = client_new(LONG_MS);
  struct hostile_server *silent = hostile_server_new(hostile_silent, NULL);
  struct hostile_server *slow = hostile_server_new(drip, NULL);
  for (unsigned i = 0; i < ENDPOINTS; i++) {
    endpoints[i] = endpoint_new_of(i % USERS, client, i % 2 == 0 ? silent : slow);
    pprof_endpoint_query(endpoints[i], BOTH);
  }
  while (hostile_server_serving(silent) + hostile_server_serving(slow) < 32)
    pause_ms(1);
  uint64_t before_ns = clock_monotonic_ns();
  for (unsigned i = 0; i < ENDPOINTS; i++)
    pprof_endpoint_free(endpoints[i]);
  pprof_free(client);
  assert_in_range((clock_monotonic_ns() - before_ns) / 1000000, 0, END_MS);
  hostile_server_free(silent);
  hostile_server_free(slow);
}

static void now_and_then_good(struct hostile_connection *c, void *context) {
  atomic_uint *count = context;
  switch (atomic_fetch_add(count, 1) % 4) {
  case 0:
    hostile_silent(c, NULL);
    break;
  case 1:
    hostile_hang_up(c, NULL);
    break;
  default:
    good(c, NULL);
  }
}

/* Above all for the thread sanitizer and valgrind. */
static void endpoints_come_and_go_while_they_are_queried(void **state) {
  (void)state;
  enum { ENDPOINTS = 8, ROUNDS = 300 };
  atomic_uint count = 0;
  unsigned answers = 0, good_ones = 0;
  struct pprof *client = client_new(50);
  struct hostile_server *server = hostile_server_new(now_and_then_good, &count);
  struct pprof_endpoint *endpoints[ENDPOINTS] = {NULL};

  for (unsigned i = 0; i < ROUNDS; i++) {
    for (unsigned k = 0; k < ENDPOINTS; k++) {
      struct pprof_round round;
      if (endpoints[k] == NULL)
        endpoints[k] = endpoint_new(client, server);
      pprof_endpoint_query(endpoints[k], (i + k) % 3 == 0 ? BOTH : PPROF_GOROUTINE_COUNT);
      pprof_endpoint_take(endpoints[k], &round);
      if ((round.answered & PPROF_GOROUTINE_COUNT) == 0)
        continue;
      answers++;
      good_ones += round.goroutine_count_answer.error == 0;
      assert_int_equal(round.goroutine_count_answer.error == 0, round.goroutines == 40);
    }
    pprof_wait(client, 2);
    unsigned gone = i % ENDPOINTS;
    pprof_endpoint_free(endpoints[gone]);
    endpoints[gone] = NULL;
  }
  for (unsigned k = 0; k < ENDPOINTS; k++)
    pprof_endpoint_free(endpoints[k]);
  pprof_free(client);
  hostile_server_free(server);
  assert_true(answers > 0 && good_ones > 0);
}

/* 0 where the C library does not count it. */
static size_t allocated_bytes(void) {
#ifdef __GLIBC__
  return mallinfo2().uordblks;
#else
  return 0;
#endif
}

static void rounds_leave_no_memory_behind(void **state) {
  (void)state;
  enum { WARM_UP = 50, ROUNDS = 500 };
  struct pprof_round round;
  struct pprof *client = client_new(LONG_MS);
  struct hostile_server *server = hostile_server_new(good, NULL);
  struct pprof_endpoint *endpoint = endpoint_new(client, server);
  size_t before = 0;

  for (unsigned i = 0; i < WARM_UP + ROUNDS; i++) {
    pprof_endpoint_query(endpoint, BOTH);
    pprof_wait(client, LONG_MS);
    take_all(endpoint, BOTH, &round);
    if (i == WARM_UP)
      before = allocated_bytes();
  }
  /* the last request's memory may be given back a moment later than its answer shows */
  size_t after = allocated_bytes();
  assert_true(after <= before + 32768);
  pprof_endpoint_free(endpoint);
  pprof_free(client);
  hostile_server_free(server);
}

/* ---- a real Go program ---- */

struct program {
  char folder[64];
  pid_t pid;
  uint16_t port;
};

__attribute__((format(printf, 1, 2))) static int shell(const char *format, ...) {
  char command[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(command, sizeof(command), format, arguments);
  va_end(arguments);
  return system(command);
}

/* Builds it in a separate directory and reads the port it prints. False: no suitable Go. */
static bool program_start(struct program *program, const char *go) {
  int out[2];
  char path[128], text[16];

  strcpy(program->folder, "/tmp/test_pprof.XXXXXX");
  assert_non_null(mkdtemp(program->folder));
  if (shell("GO111MODULE=off GOFLAGS= GOTOOLCHAIN=local %s build -o %s/program "
            "%s/unit/data/pprof_program.go 2>%s/log",
            go, program->folder, TEST_SRCDIR, program->folder) != 0) {
    shell("rm -rf %s", program->folder);
    return false;
  }
  snprintf(path, sizeof(path), "%s/program", program->folder);
  assert_int_equal(pipe(out), 0);
  program->pid = fork();
  assert_true(program->pid >= 0);
  if (program->pid == 0) {
    dup2(out[1], STDOUT_FILENO);
    execl(path, path, (char *)NULL);
    _exit(127);
  }
  close(out[1]);
  ssize_t len = read(out[0], text, sizeof(text) - 1);
  close(out[0]);
  assert_true(len > 0);
  text[len] = '\0';
  uint64_t port;
  struct span digits = span_of(text);
  assert_int_equal(scan_u64(&digits, &port), 0);
  program->port = (uint16_t)port;
  return true;
}

static void program_end(struct program *program) {
  kill(program->pid, SIGKILL);
  waitpid(program->pid, NULL, 0);
  shell("rm -rf %s", program->folder);
}

static int append(void *context, const char *bytes, size_t len) {
  return buffer_append(context, bytes, len);
}

static void ignore_result(void *context, const struct http_result *result) {
  (void)context;
  assert_int_equal(result->error, 0);
}

/* The number printed by "curl ADDRESS/debug/pprof/goroutine?debug=1 | head -1". */
static uint64_t goroutines_by_hand(uint16_t port) {
  char url[64];
  struct http_loop *loop = NULL;
  autobuffer(body, 1 << 20);
  uint64_t total;
  snprintf(url, sizeof(url), "http://127.0.0.1:%u/debug/pprof/goroutine?debug=1", port);
  struct http_request request = {.url = url,
                                 .timeout_ms = LONG_MS,
                                 .max_bytes = 1 << 20,
                                 .on_body = append,
                                 .on_done = ignore_result,
                                 .context = &body};
  assert_int_equal(http_loop_new(&loop), 0);
  assert_int_equal(http_loop_add(loop, &request), 0);
  while (http_loop_run(loop, 1000) > 0)
    ;
  http_loop_free(loop);
  struct span text = buffer_span(&body);
  assert_true(scan_literal(&text, "goroutine profile: total "));
  assert_int_equal(scan_u64(&text, &total), 0);
  return total;
}

static void check_program(const struct program *program) {
  struct pprof_round round;
  uint64_t inode;
  assert_int_equal(sock_diag_find_listener("127.0.0.1", false, program->port, &inode), 0);
  struct pprof *client = client_new(LONG_MS);
  struct pprof_endpoint *endpoint = endpoint_new_on(client, program->port, inode);

  /* a connection's goroutine takes a moment to end */
  uint64_t by_hand = goroutines_by_hand(program->port);
  for (unsigned i = 0; i < 1000 && by_hand != 1000 + 3; i++) {
    pause_ms(10);
    by_hand = goroutines_by_hand(program->port);
  }
  assert_int_equal(by_hand, 1000 + 3); /* and main, the connection and its reader */
  round.goroutines = 0;
  for (unsigned i = 0; i < 1000 && round.goroutines != by_hand; i++) {
    pause_ms(10);
    pprof_endpoint_query(endpoint, BOTH);
    pprof_wait(client, LONG_MS);
    take_all(endpoint, BOTH, &round);
    assert_int_equal(round.goroutine_count_answer.error, 0);
    assert_int_equal(round.memstats_answer.error, 0);
    assert_in_range(round.goroutines, by_hand, by_hand + 4);
  }
  assert_int_equal(round.goroutines, by_hand);
  assert_in_range(round.memstats.heap_alloc_bytes, 64 << 20, 72 << 20);
  assert_in_range(round.memstats.heap_inuse_bytes, round.memstats.heap_alloc_bytes, 80 << 20);
  assert_true(round.memstats.num_gc >= 5);
  assert_true(round.memstats.last_gc_ns > 0);
  assert_true(round.memstats.has_pauses);
  uint64_t lost;
  assert_true(memstats_new_pauses_ns(&round.memstats, 0, &lost) > 0);
  assert_int_equal(lost, 0);
  assert_true(round.memstats.gc_cpu_fraction >= 0);
  assert_true(round.memstats.mallocs > round.memstats.frees);

  pprof_endpoint_free(endpoint);
  pprof_free(client);
}

static void a_real_program_reports_its_own_stacks_and_heap(void **state) {
  (void)state;
  static const char *const GOS[] = {"go", "/usr/bin/go"}; /* they may differ */
  unsigned checked = 0;
  for (size_t i = 0; i < sizeof(GOS) / sizeof(*GOS); i++) {
    struct program program;
    if (!program_start(&program, GOS[i]))
      continue;
    check_program(&program);
    program_end(&program);
    checked++;
  }
  if (checked == 0) {
    print_message("skipped: there is no Go that builds unit/data/pprof_program.go\n");
    skip();
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_round_returns_both_answers_once),
      cmocka_unit_test(every_failure_is_reported_for_both_queries),
      cmocka_unit_test(a_server_that_progresses_is_waited_for),
      cmocka_unit_test(what_is_read_is_not_limited_by_what_is_kept),
      cmocka_unit_test(a_gigabyte_is_not_read_to_its_end),
      cmocka_unit_test(a_refused_connection_is_reported_as_such),
      cmocka_unit_test(whoever_has_the_port_next_gets_no_request),
      cmocka_unit_test(a_redirect_is_not_followed),
      cmocka_unit_test(an_address_must_be_numeric),
      cmocka_unit_test(an_ipv6_address_is_queried_as_well),
      cmocka_unit_test(an_endpoint_has_one_connection_at_a_time),
      cmocka_unit_test(a_query_in_progress_is_not_sent_again),
      cmocka_unit_test(a_late_endpoint_is_waited_for_again_once_it_is_prompt),
      cmocka_unit_test(a_hundred_stuck_endpoints_do_not_delay_a_good_one),
      cmocka_unit_test(one_users_silent_endpoints_delay_no_other_users),
      cmocka_unit_test(more_endpoints_than_are_queried_at_once_all_get_their_turn),
      cmocka_unit_test(the_answer_for_a_freed_endpoint_is_dropped),
      cmocka_unit_test(freeing_an_endpoint_closes_its_connection),
      cmocka_unit_test(the_client_terminates_whatever_the_servers_do),
      cmocka_unit_test(the_client_ends_at_once_with_every_place_occupied),
      cmocka_unit_test(endpoints_come_and_go_while_they_are_queried),
      cmocka_unit_test(rounds_leave_no_memory_behind),
      cmocka_unit_test(a_real_program_reports_its_own_stacks_and_heap),
  };
  return cmocka_run_group_tests_name("pprof", tests, load_pages, free_pages);
}
