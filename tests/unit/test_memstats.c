/*
 * MemStats from captures of real programs (Go 1.19 and 1.26), complete and truncated at every
 * byte, and from lines that no Go program would write.
 */
#include "sidecar/go/memstats.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buffer.h"

enum { CAPTURE_MAX = 1 << 20 };

static void load(const char *name, struct buffer *ret) {
  char path[512], bytes[4096];
  size_t len;
  snprintf(path, sizeof(path), "%s/fuzz/corpus/memstats/%s", TEST_SRCDIR, name);
  FILE *stream = fopen(path, "rb");
  assert_non_null(stream);
  while ((len = fread(bytes, 1, sizeof(bytes), stream)) > 0)
    assert_int_equal(buffer_append(ret, bytes, len), 0);
  fclose(stream);
}

static int parse_pieces(struct span body, size_t first, size_t step, struct memstats *ret) {
  struct memstats_parser parser;
  memstats_parser_init(&parser);
  for (size_t at = 0, piece = first; at < body.len; at += piece, piece = step) {
    if (piece > body.len - at)
      piece = body.len - at;
    int status = memstats_parser_feed(&parser, body.at + at, piece);
    if (status != 0)
      return status;
  }
  return memstats_parser_finish(&parser, ret);
}

static int parse(struct span body, struct memstats *ret) {
  return parse_pieces(body, body.len, body.len, ret);
}

/* ---- captures ---- */

static uint64_t sum_of_pauses(const struct memstats *stats) {
  uint64_t sum = 0;
  for (size_t i = 0; i < MEMSTATS_PAUSES; i++)
    sum += stats->pause_ns[i];
  return sum;
}

/* The numbers are those grep shows in the file. */
static void a_capture_of_go_1_19_is_parsed_exactly(void **state) {
  (void)state;
  struct memstats stats;
  autobuffer(body, CAPTURE_MAX);
  load("go1.19_busy", &body);
  assert_int_equal(parse(buffer_span(&body), &stats), 0);
  assert_int_equal(stats.alloc_bytes_total, 21320864);
  assert_int_equal(stats.sys_bytes, 35763464);
  assert_int_equal(stats.mallocs, 1635);
  assert_int_equal(stats.frees, 606);
  assert_int_equal(stats.heap_alloc_bytes, 21251152);
  assert_int_equal(stats.heap_sys_bytes, 24739840);
  assert_int_equal(stats.heap_idle_bytes, 2719744);
  assert_int_equal(stats.heap_inuse_bytes, 22020096);
  assert_int_equal(stats.heap_released_bytes, 2449408);
  assert_int_equal(stats.heap_objects, 1029);
  assert_int_equal(stats.stack_inuse_bytes, 425984);
  assert_int_equal(stats.stack_sys_bytes, 425984);
  assert_int_equal(stats.mspan_inuse_bytes, 39312);
  assert_int_equal(stats.mspan_sys_bytes, 48816);
  assert_int_equal(stats.mcache_inuse_bytes, 2400);
  assert_int_equal(stats.mcache_sys_bytes, 15600);
  assert_int_equal(stats.buck_hash_sys_bytes, 1444587);
  assert_int_equal(stats.gc_sys_bytes, 8515592);
  assert_int_equal(stats.other_sys_bytes, 573045);
  assert_int_equal(stats.lookups, 0);
  assert_int_equal(stats.next_gc_bytes, 42498128);
  assert_int_equal(stats.last_gc_ns, 1795432815783664253);
  assert_int_equal(stats.num_gc, 303);
  assert_true(fabs(stats.gc_cpu_fraction - 0.17985125564279292) < 1e-16);
  assert_true(stats.has_pauses);
  assert_int_equal(sum_of_pauses(&stats), 21622983);
  assert_int_equal(stats.pause_ns[(303 + 255) % 256], 10109);
}

static void a_capture_of_go_1_26_is_parsed_exactly(void **state) {
  (void)state;
  struct memstats stats;
  autobuffer(body, CAPTURE_MAX);
  load("go1.26_busy", &body);
  assert_int_equal(parse(buffer_span(&body), &stats), 0);
  assert_int_equal(stats.heap_alloc_bytes, 21242152);
  assert_int_equal(stats.heap_sys_bytes, 28966912);
  assert_int_equal(stats.heap_inuse_bytes, 21872640);
  assert_int_equal(stats.stack_inuse_bytes, 393216);
  assert_int_equal(stats.num_gc, 303);
  assert_true(fabs(stats.gc_cpu_fraction - 0.143126809760476) < 1e-16);
  assert_int_equal(sum_of_pauses(&stats), 12180366);
  assert_int_equal(stats.pause_ns[(303 + 255) % 256], 8937);
}

static void quantiles_are_those_of_the_pauses_in_the_ring(void **state) {
  (void)state;
  uint64_t quantiles[MEMSTATS_QUANTILES] = {7};
  struct memstats stats = {.num_gc = 0, .has_pauses = true};
  assert_false(memstats_pause_quantiles_ns(&stats, quantiles));
  stats.num_gc = VALUE_UNKNOWN;
  assert_false(memstats_pause_quantiles_ns(&stats, quantiles));
  for (size_t i = 0; i < MEMSTATS_PAUSES; i++)
    stats.pause_ns[i] = 1000 - i;
  stats.num_gc = 1000;
  stats.has_pauses = false;
  assert_false(memstats_pause_quantiles_ns(&stats, quantiles));
  assert_int_equal(quantiles[0], 7);

  stats.has_pauses = true;
  static const struct {
    uint64_t num_gc, quantiles[MEMSTATS_QUANTILES];
  } rows[] = {
      {1, {1000, 1000, 1000, 1000, 1000}}, {2, {999, 999, 1000, 1000, 1000}},
      {5, {996, 997, 998, 999, 1000}},     {256, {745, 809, 873, 937, 1000}},
      {1000, {745, 809, 873, 937, 1000}},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    stats.num_gc = rows[i].num_gc;
    assert_true(memstats_pause_quantiles_ns(&stats, quantiles));
    assert_memory_equal(quantiles, rows[i].quantiles, sizeof(quantiles));
  }
}

static void before_the_first_collection_zeros_are_valid(void **state) {
  (void)state;
  static const char *const FILES[] = {"go1.19_fresh", "go1.26_fresh"};
  for (size_t i = 0; i < 2; i++) {
    struct memstats stats;
    autobuffer(body, CAPTURE_MAX);
    load(FILES[i], &body);
    assert_int_equal(parse(buffer_span(&body), &stats), 0);
    assert_int_equal(stats.num_gc, 0);
    assert_int_equal(stats.last_gc_ns, 0);
    assert_true(stats.gc_cpu_fraction == 0);
    assert_true(stats.has_pauses);
    assert_int_equal(sum_of_pauses(&stats), 0);
  }
}

static void chunks_make_no_difference(void **state) {
  (void)state;
  struct memstats whole, cut;
  autobuffer(body, CAPTURE_MAX);
  load("go1.19_busy", &body);
  assert_int_equal(parse(buffer_span(&body), &whole), 0);
  for (size_t at = 1; at < body.len; at++) {
    assert_int_equal(parse_pieces(buffer_span(&body), at, body.len, &cut), 0);
    assert_memory_equal(&cut, &whole, sizeof(cut));
  }
  for (size_t step = 1; step < 9; step++) {
    assert_int_equal(parse_pieces(buffer_span(&body), step, step, &cut), 0);
    assert_memory_equal(&cut, &whole, sizeof(cut));
  }
}

static void carriage_returns_make_no_difference(void **state) {
  (void)state;
  struct memstats whole, other;
  autobuffer(body, CAPTURE_MAX);
  autobuffer(with_returns, CAPTURE_MAX);
  load("go1.19_busy", &body);
  load("crlf", &with_returns);
  assert_int_equal(parse(buffer_span(&body), &whole), 0);
  assert_int_equal(parse(buffer_span(&with_returns), &other), 0);
  assert_memory_equal(&other, &whole, sizeof(other));
}

static void a_page_truncated_at_any_byte_up_to_num_gc_is_malformed(void **state) {
  (void)state;
  struct memstats stats;
  autobuffer(body, CAPTURE_MAX);
  load("go1.26_busy", &body);
  const char *num_gc = strstr(buffer_string(&body), "# NumGC = ");
  size_t end = (size_t)(strchr(num_gc, '\n') + 1 - body.data);
  for (size_t len = 0; len < end; len++)
    assert_int_equal(parse(span_make(body.data, len), &stats), -EBADMSG);
  assert_int_equal(parse(span_make(body.data, end), &stats), 0);
}

/* ---- lines no Go program would write ---- */

#define HEAD "heap profile: 1: 2 [3: 4] @ heap/1048576\n\n# runtime.MemStats\n"
#define REQUIRED "# HeapAlloc = 10\n# HeapSys = 30\n# HeapInuse = 20\n# NumGC = 4\n"

static void required_values_must_be_valid(void **state) {
  (void)state;
  static const struct {
    const char *name, *body;
    int status;
  } ROWS[] = {
      {"all that is required", HEAD REQUIRED, 0},
      {"nothing", "", -EBADMSG},
      {"HTML", "<html><body># HeapAlloc = 1</body></html>\n", -EBADMSG},
      {"a first line with something before it", " " HEAD REQUIRED, -EBADMSG},
      {"another profile", "goroutine profile: total 40\n", -EBADMSG},
      {"values outside their section", "heap profile: 1: 2 [3: 4] @ heap/1\n" REQUIRED,
       -EBADMSG},
      {"no MemStats", HEAD, -EBADMSG},
      {"HeapAlloc missing", HEAD "# HeapSys = 30\n# HeapInuse = 20\n# NumGC = 4\n", -EBADMSG},
      {"NumGC missing", HEAD "# HeapAlloc = 10\n# HeapSys = 30\n# HeapInuse = 20\n", -EBADMSG},
      {"NumGC without its line end",
       HEAD "# HeapAlloc = 10\n# HeapSys = 30\n# HeapInuse = 20\n# NumGC = 4", -EBADMSG},
      {"NumGC negative",
       HEAD "# HeapAlloc = 10\n# HeapSys = 30\n# HeapInuse = 20\n# NumGC = -4\n", -EBADMSG},
      {"HeapSys past 2^64",
       HEAD
       "# HeapAlloc = 10\n# HeapSys = 99999999999999999999\n# HeapInuse = 20\n# NumGC = 4\n",
       -EBADMSG},
      {"more allocated than there is",
       HEAD "# HeapAlloc = 31\n# HeapSys = 30\n# HeapInuse = 20\n# NumGC = 4\n", -EBADMSG},
      {"more in use than there is",
       HEAD "# HeapAlloc = 10\n# HeapSys = 30\n# HeapInuse = 31\n# NumGC = 4\n", -EBADMSG},
      {"the same line twice", HEAD REQUIRED "# HeapAlloc = 10\n", -EBADMSG},
  };
  for (size_t i = 0; i < sizeof(ROWS) / sizeof(*ROWS); i++) {
    struct memstats stats;
    if (parse(span_of(ROWS[i].body), &stats) != ROWS[i].status)
      fail_msg("%s", ROWS[i].name);
  }
}

static void other_input_is_detected_by_its_first_bytes(void **state) {
  (void)state;
  struct memstats_parser parser;
  struct memstats stats;
  memstats_parser_init(&parser);
  assert_int_equal(memstats_parser_feed(&parser, "heap", 4), 0);
  assert_int_equal(memstats_parser_feed(&parser, "", 0), 0);
  assert_int_equal(memstats_parser_feed(&parser, "s of", 4), -EBADMSG);
  assert_int_equal(memstats_parser_feed(&parser, " profile: ", 10), -EBADMSG);
  assert_int_equal(memstats_parser_finish(&parser, &stats), -EBADMSG);
}

/* The value of one line, in addition to the required ones. */
static struct memstats parse_with(const char *line) {
  char body[1024];
  struct memstats stats;
  snprintf(body, sizeof(body), HEAD REQUIRED "%s\n", line);
  if (parse(span_of(body), &stats) != 0)
    fail_msg("%s", line);
  return stats;
}

static void an_impossible_number_is_unknown_and_does_not_affect_others(void **state) {
  (void)state;
  static const struct {
    const char *line;
    uint64_t value;
  } ROWS[] = {
      {"# HeapIdle = 0", 0},
      {"# HeapIdle = 9007199254740992", 1ull << 53},
      {"# HeapIdle = 9007199254740993", VALUE_UNKNOWN},
      {"# HeapIdle = 18446744073709551615", VALUE_UNKNOWN},
      {"# HeapIdle = 99999999999999999999999", VALUE_UNKNOWN},
      {"# HeapIdle = -5", VALUE_UNKNOWN},
      {"# HeapIdle = +5", VALUE_UNKNOWN},
      {"# HeapIdle = 5x", VALUE_UNKNOWN},
      {"# HeapIdle = 5 / ", VALUE_UNKNOWN},
      {"# HeapIdle = 5 ", VALUE_UNKNOWN},
      {"# HeapIdle = 0x5", VALUE_UNKNOWN},
      {"# HeapIdle = 1e3", VALUE_UNKNOWN},
      {"# HeapIdle = ", VALUE_UNKNOWN},
      {"# HeapIdle =5", VALUE_UNKNOWN},
      {"# HeapIdle  = 5", VALUE_UNKNOWN},
      {"#\tHeapIdle = 5", VALUE_UNKNOWN},
      {"HeapIdle = 5", VALUE_UNKNOWN},
      {"# heapidle = 5", VALUE_UNKNOWN},
  };
  for (size_t i = 0; i < sizeof(ROWS) / sizeof(*ROWS); i++) {
    struct memstats stats = parse_with(ROWS[i].line);
    if (stats.heap_idle_bytes != ROWS[i].value)
      fail_msg("%s", ROWS[i].line);
    assert_int_equal(stats.heap_alloc_bytes, 10);
    assert_int_equal(stats.sys_bytes, VALUE_UNKNOWN);
  }
  /* a counter may exceed the precision of a double; without GOGC there is no next collection */
  assert_int_equal(parse_with("# TotalAlloc = 9007199254740993").alloc_bytes_total,
                   (1ull << 53) + 1);
  assert_int_equal(parse_with("# NextGC = 18446744073709551615").next_gc_bytes, VALUE_UNKNOWN);
  assert_int_equal(parse_with("# Stack = 5 / 7").stack_inuse_bytes, 5);
}

static void the_fraction_is_parsed_in_gos_format_in_any_locale(void **state) {
  (void)state;
  static const struct {
    const char *text;
    double value;
  } ROWS[] = {
      {"0", 0},
      {"1", 1},
      {"0.25", 0.25},
      {"1.2345e-05", 1.2345e-05},
      {"5e-324", NAN}, /* smaller than any share of CPU time */
      {"3.141592653589793e-10", 3.141592653589793e-10},
      {"0.123456789012345678901234567890", 0.12345678901234568},
      {"NaN", NAN},
      {"+Inf", NAN},
      {"-0.1", NAN},
      {"1.1", NAN},
      {"12345678901234567890", NAN},
      {"0.", NAN},
      {".5", NAN},
      {"0,5", NAN},
      {"1e-", NAN},
      {"1e+21", NAN},
      {"1e-99999999999999999999", NAN},
      {"0.5 ", NAN},
      {"", NAN},
  };
  char *before = setlocale(LC_NUMERIC, NULL);
  before = before != NULL ? strdup(before) : NULL;
  setlocale(LC_NUMERIC, "de_DE.UTF-8"); /* where the machine has it */
  for (size_t i = 0; i < sizeof(ROWS) / sizeof(*ROWS); i++) {
    char line[128];
    snprintf(line, sizeof(line), "# GCCPUFraction = %s", ROWS[i].text);
    double value = parse_with(line).gc_cpu_fraction, expected = ROWS[i].value;
    bool same = isnan(expected) ? isnan(value) : fabs(value - expected) <= expected * 1e-15;
    if (!same)
      fail_msg("\"%s\" reads as %g", ROWS[i].text, value);
  }
  if (before != NULL)
    setlocale(LC_NUMERIC, before);
  free(before);
  assert_true(isnan(parse_with("# Other = 1").gc_cpu_fraction));
}

static void pauses_are_complete_or_unknown(void **state) {
  (void)state;
  static const struct {
    const char *opening, *closing;
    unsigned numbers;
    bool known;
  } ROWS[] = {
      {"[", "]", 256, true},   {"[", "]", 255, false},
      {"[", "]", 257, false},  {"[", "", 256, false},
      {"", "]", 256, false},   {"[-", "]", 256, false},
      {"[9", "]", 256, true},  {"[ ", "]", 256, false},
      {"[", " ]", 256, false}, {"[99999999999999999999", "]", 256, false},
  };
  for (size_t i = 0; i < sizeof(ROWS) / sizeof(*ROWS); i++) {
    struct memstats stats;
    autobuffer(body, 10000);
    buffer_append_string(&body, HEAD REQUIRED "# PauseNs = ");
    buffer_append_string(&body, ROWS[i].opening);
    for (unsigned n = 0; n < ROWS[i].numbers; n++)
      buffer_printf(&body, "%s%u", n > 0 ? " " : "", n);
    buffer_append_string(&body, ROWS[i].closing);
    buffer_append_string(&body, "\n");
    assert_int_equal(parse(buffer_span(&body), &stats), 0);
    if (stats.has_pauses != ROWS[i].known)
      fail_msg("row %zu", i);
  }
}

static void megabyte_lines_and_nul_bytes_are_skipped(void **state) {
  (void)state;
  struct memstats stats;
  autobuffer(body, 4 << 20);
  buffer_append_string(&body, HEAD);
  for (size_t i = 0; i < 1 << 18; i++)
    buffer_append(&body, "a\0 =", 4);
  buffer_append_string(&body, "\n# PauseNs = [");
  for (size_t i = 0; i < 1 << 18; i++)
    buffer_append_string(&body, "123 ");
  buffer_append(&body, "]\n\0\n# \0\n", 8);
  buffer_append_string(&body, REQUIRED);
  assert_int_equal(parse(buffer_span(&body), &stats), 0);
  assert_int_equal(stats.heap_inuse_bytes, 20);
  assert_false(stats.has_pauses);
  assert_int_equal(parse_pieces(buffer_span(&body), 1000, 1000, &stats), 0);
  assert_int_equal(stats.heap_inuse_bytes, 20);
}

/* ---- new pauses ---- */

static void new_pauses_are_those_since_the_last_reading(void **state) {
  (void)state;
  static struct memstats stats = {.has_pauses = true};
  static const struct {
    const char *name;
    uint64_t previous, num_gc, sum, lost;
  } ROWS[] = {
      {"none since", 10, 10, 0, 0},
      {"one", 9, 10, 9, 0},
      {"the first ones", 0, 3, 0 + 1 + 2, 0},
      {"over the end of the ring", 255, 258, 255 + 0 + 1, 0},
      {"the whole ring", 0, 256, 255 * 256 / 2, 0},
      {"more than the ring holds", 0, 1256, 255 * 256 / 2, 1000},
      {"went down: another process", 10, 9, 0, 0},
      {"unknown", 10, VALUE_UNKNOWN, 0, 0},
  };
  for (size_t i = 0; i < MEMSTATS_PAUSES; i++)
    stats.pause_ns[i] = i; /* the pause of collection n is (n - 1) % 256 */
  for (size_t i = 0; i < sizeof(ROWS) / sizeof(*ROWS); i++) {
    uint64_t lost = 12345;
    stats.num_gc = ROWS[i].num_gc;
    uint64_t sum = memstats_new_pauses_ns(&stats, ROWS[i].previous, &lost);
    if (sum != ROWS[i].sum || lost != ROWS[i].lost)
      fail_msg("%s: %llu, lost %llu", ROWS[i].name, (unsigned long long)sum,
               (unsigned long long)lost);
  }

  uint64_t lost = 0;
  stats.has_pauses = false;
  stats.num_gc = 5;
  assert_int_equal(memstats_new_pauses_ns(&stats, 2, &lost), 0);
  assert_int_equal(lost, 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_capture_of_go_1_19_is_parsed_exactly),
      cmocka_unit_test(a_capture_of_go_1_26_is_parsed_exactly),
      cmocka_unit_test(quantiles_are_those_of_the_pauses_in_the_ring),
      cmocka_unit_test(before_the_first_collection_zeros_are_valid),
      cmocka_unit_test(chunks_make_no_difference),
      cmocka_unit_test(carriage_returns_make_no_difference),
      cmocka_unit_test(a_page_truncated_at_any_byte_up_to_num_gc_is_malformed),
      cmocka_unit_test(required_values_must_be_valid),
      cmocka_unit_test(other_input_is_detected_by_its_first_bytes),
      cmocka_unit_test(an_impossible_number_is_unknown_and_does_not_affect_others),
      cmocka_unit_test(the_fraction_is_parsed_in_gos_format_in_any_locale),
      cmocka_unit_test(pauses_are_complete_or_unknown),
      cmocka_unit_test(megabyte_lines_and_nul_bytes_are_skipped),
      cmocka_unit_test(new_pauses_are_those_since_the_last_reading),
  };
  return cmocka_run_group_tests_name("memstats", tests, NULL, NULL);
}
