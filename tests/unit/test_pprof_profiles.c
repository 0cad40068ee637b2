/*
 * The pprof client's two profile queries with a server that sends captures of real programs,
 * complete, damaged or truncated.
 */
#include "sidecar/go/pprof.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include "cases.h"
#include "hostile_server.h"
#include "profile_files.h"
#include "sidecar/go/pprof_query.h"

enum { BOTH = PPROF_HEAP_PROFILE | PPROF_GOROUTINE_DUMP, LONG_MS = 60000 };

static const char heap_path[] = "/debug/pprof/heap?debug=1";
static const char dump_path[] = "/debug/pprof/goroutine?debug=2";

/* What the server sends for each of the two. */
struct pages {
  struct span heap, dump;
  size_t promised; /* by which Content-Length is larger than the body */
};

static void serve(struct hostile_connection *c, void *context) {
  const struct pages *pages = context;
  bool is_heap = strstr(c->request, heap_path) != NULL;
  if (!is_heap && strstr(c->request, dump_path) == NULL) {
    hostile_send_text(c, "HTTP/1.1 404 Not Found\r\n\r\n");
    return;
  }
  struct span page = is_heap ? pages->heap : pages->dump;
  char head[128];
  snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
           page.len + pages->promised);
  if (hostile_send_text(c, head))
    hostile_send(c, page.at, page.len);
}

static struct profile_patterns goroutine_patterns, heap_patterns;
static struct pages good;

static int set_up(void **state) {
  (void)state;
  profile_patterns_compile(&goroutine_patterns, stack_patterns_of_goroutines);
  profile_patterns_compile(&heap_patterns, stack_patterns_of_heap);
  good.heap = profile_file_read(TEST_SRCDIR "/profiles/sidecar-v1.3.0/heap.txt");
  good.dump = profile_file_read(TEST_SRCDIR "/profiles/sidecar-v1.3.0/goroutines.txt");
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  exact_free(good.heap);
  exact_free(good.dump);
  profile_patterns_free(&heap_patterns);
  profile_patterns_free(&goroutine_patterns);
  return 0;
}

/* A client, a server and an endpoint between them. */
struct setting {
  struct hostile_server *server;
  struct pprof *client;
  struct pprof_endpoint *endpoint;
};

static struct setting setting_new(const struct pages *pages, bool has_matchers) {
  struct setting setting;
  struct pprof_options options = {.timeout_ms = LONG_MS, .max_bytes = 1 << 20};
  if (has_matchers) {
    options.goroutine_matcher = goroutine_patterns.matcher;
    options.heap_matcher = heap_patterns.matcher;
  }
  setting.server = hostile_server_new(serve, (void *)(uintptr_t)pages);
  assert_int_equal(pprof_new(&options, &setting.client), 0);
  struct listener_proof proof = hostile_server_proof(setting.server);
  assert_int_equal(
      pprof_endpoint_new(setting.client, &proof, PPROF_DEFAULT_PATH, 0, &setting.endpoint), 0);
  return setting;
}

static void setting_free(struct setting *setting) {
  pprof_endpoint_free(setting->endpoint);
  pprof_free(setting->client);
  hostile_server_free(setting->server);
}

/* Asks for both and waits for both, however long it takes. */
static void ask(struct setting *setting, struct pprof_round *ret) {
  pprof_endpoint_query(setting->endpoint, BOTH);
  memset(ret, 0, sizeof(*ret));
  while ((ret->answered & BOTH) != BOTH) {
    struct pprof_round round;
    pprof_wait(setting->client, LONG_MS);
    pprof_endpoint_take(setting->endpoint, &round);
    ret->answered |= round.answered;
    if (round.answered & PPROF_HEAP_PROFILE) {
      ret->heap_profile_answer = round.heap_profile_answer;
      ret->heap_profile = round.heap_profile;
      ret->memstats = round.memstats;
    }
    if (round.answered & PPROF_GOROUTINE_DUMP) {
      ret->goroutine_dump_answer = round.goroutine_dump_answer;
      ret->goroutine_profile = round.goroutine_profile;
    }
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
}

static void a_round_returns_both_profiles_and_memstats(void **state) {
  (void)state;
  struct setting setting = setting_new(&good, true);
  for (int again = 0; again < 3; again++) {
    struct pprof_round round;
    ask(&setting, &round);
    assert_int_equal(round.heap_profile_answer.error, 0);
    assert_int_equal(round.goroutine_dump_answer.error, 0);
    assert_non_null(round.heap_profile);
    assert_non_null(round.goroutine_profile);
    assert_int_equal(round.goroutine_profile->goroutines, 27);
    assert_true(round.goroutine_profile->sites.len > 0);
    assert_true(round.heap_profile->inuse_bytes > 1000000);
    assert_true(round.memstats.heap_alloc_bytes > 1000000);
    pprof_round_free(&round);
    assert_null(round.heap_profile);
    assert_null(round.goroutine_profile);
  }
  setting_free(&setting);
}

/* Else the next query of the round, when it fails, would leave zeroes for values. */
static void memstats_are_held_as_long_as_their_heap_profile(void **state) {
  (void)state;
  struct pprof_round round;
  pprof_round_reset(&round);
  round.heap_profile = calloc(1, sizeof(*round.heap_profile));
  assert_non_null(round.heap_profile);
  round.memstats.heap_alloc_bytes = 5;
  for (size_t i = 0; i < pprof_queries_len; i++) {
    if (pprof_queries[i].bit == PPROF_MEMSTATS)
      pprof_queries[i].forget(&round);
  }
  assert_int_equal(round.memstats.heap_alloc_bytes, 5);
  pprof_round_free(&round);
}

static void an_answer_that_is_not_collected_is_freed(void **state) {
  (void)state;
  struct setting setting = setting_new(&good, true);
  for (int i = 0; i < 3; i++) {
    pprof_endpoint_query(setting.endpoint, BOTH);
    pprof_wait(setting.client, LONG_MS);
  }
  setting_free(&setting);
}

static void each_damaged_profile_is_malformed_by_itself(void **state) {
  (void)state;
  static const char html[] = "<html>\n</html>\n";
  const struct {
    const char *name;
    struct pages pages;
    int heap_error, dump_error;
  } cases[] = {
      {"a page for the dump", {good.heap, SPAN_LITERAL(html), 0}, 0, -EBADMSG},
      {"a page for the heap profile", {SPAN_LITERAL(html), good.dump, 0}, -EBADMSG, 0},
      {"each the other's", {good.dump, good.heap, 0}, -EBADMSG, -EBADMSG},
      {"nothing", {SPAN_LITERAL(""), SPAN_LITERAL(""), 0}, -EBADMSG, -EBADMSG},
      {"a heap profile without its end",
       {span_make(good.heap.at, good.heap.len / 2), good.dump, 0},
       -EBADMSG,
       0},
      {"both cut off by the server", {good.heap, good.dump, 10}, -ECONNRESET, -ECONNRESET},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct pprof_round round;
    struct setting setting = setting_new(&cases[i].pages, true);
    ask(&setting, &round);
    check_int(cases[i].name, round.heap_profile_answer.error, cases[i].heap_error);
    check_int(cases[i].name, round.goroutine_dump_answer.error, cases[i].dump_error);
    check_int(cases[i].name, round.heap_profile != NULL, cases[i].heap_error == 0);
    check_int(cases[i].name, round.goroutine_profile != NULL, cases[i].dump_error == 0);
    if (cases[i].heap_error != 0)
      assert_non_null(strstr(round.heap_profile_answer.reason, heap_path));
    if (cases[i].dump_error != 0)
      assert_non_null(strstr(round.goroutine_dump_answer.reason, dump_path));
    pprof_round_free(&round);
    setting_free(&setting);
  }
}

static void a_truncated_dump_is_marked(void **state) {
  (void)state;
  const struct pages pages = {good.heap, span_make(good.dump.at, good.dump.len - 10), 0};
  struct setting setting = setting_new(&pages, true);
  struct pprof_round round;
  ask(&setting, &round);
  assert_int_equal(round.goroutine_dump_answer.error, 0);
  assert_true(round.goroutine_profile->is_cut_short);
  pprof_round_free(&round);
  setting_free(&setting);
}

static void without_patterns_to_match_the_queries_fail(void **state) {
  (void)state;
  struct setting setting = setting_new(&good, false);
  struct pprof_round round;
  ask(&setting, &round);
  assert_int_equal(round.heap_profile_answer.error, -EINVAL);
  assert_int_equal(round.goroutine_dump_answer.error, -EINVAL);
  assert_int_equal(hostile_server_accepted(setting.server), 0);
  pprof_round_free(&round);
  setting_free(&setting);
}

static int result_of(unsigned bit, const char *page, struct pprof_round *round) {
  static _Alignas(max_align_t) char sink[1 << 20];
  struct pprof_options options = {.goroutine_matcher = goroutine_patterns.matcher};
  size_t i = 0;
  while (pprof_queries[i].bit != bit)
    i++;
  const struct pprof_query *query = &pprof_queries[i];
  assert_true(query->sink_size <= sizeof(sink));
  assert_int_equal(query->begin(sink, &options), 0);
  assert_int_equal(query->feed(sink, page, strlen(page)), 0);
  int status = query->finish(sink, round);
  query->drop(sink);
  return status;
}

/* A server that ignores which profile is asked for has no leaked goroutines. */
static void leaked_goroutines_are_not_taken_for_all_nor_all_for_leaked_ones(void **state) {
  static const char all[] =
      "goroutine profile: total 1\n1 @ 0x1\n#\t0x1\tmain.f+0x1\t/a.go:7\n\n";
  static const char leaks[] = "goroutineleak profile: total 0\n";
  struct pprof_round round;
  (void)state;
  pprof_round_reset(&round);
  assert_int_equal(result_of(PPROF_GOROUTINE_LEAKS, all, &round), -EBADMSG);
  assert_int_equal(result_of(PPROF_GOROUTINE_GROUPS, leaks, &round), -EBADMSG);
  assert_int_equal(result_of(PPROF_GOROUTINE_LEAKS, leaks, &round), 0);
  assert_int_equal(result_of(PPROF_GOROUTINE_GROUPS, all, &round), 0);
  assert_int_equal(round.goroutine_leaks->goroutines, 0);
  assert_int_equal(round.goroutine_groups->goroutines, 1);
  pprof_round_free(&round);
}

int main(void) {
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_round_returns_both_profiles_and_memstats),
      TEST(memstats_are_held_as_long_as_their_heap_profile),
      TEST(an_answer_that_is_not_collected_is_freed),
      TEST(each_damaged_profile_is_malformed_by_itself),
      TEST(a_truncated_dump_is_marked),
      TEST(leaked_goroutines_are_not_taken_for_all_nor_all_for_leaked_ones),
      TEST(without_patterns_to_match_the_queries_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
