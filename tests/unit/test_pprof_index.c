/* The goroutine count from captures of real index pages (Go 1.10 to 1.27), cut at every
 * byte, and from pages that are something else. */
#include "sidecar/go/pprof_index.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/buffer.h"

enum { CAPTURE_MAX = 1 << 20 };

static void load(const char *name, struct buffer *ret) {
  char path[512], bytes[4096];
  size_t len;
  snprintf(path, sizeof(path), "%s/fuzz/corpus/pprof_index/%s", TEST_SRCDIR, name);
  FILE *stream = fopen(path, "rb");
  assert_non_null(stream);
  while ((len = fread(bytes, 1, sizeof(bytes), stream)) > 0)
    assert_int_equal(buffer_append(ret, bytes, len), 0);
  fclose(stream);
}

static int parse_pieces(struct span body, size_t first, size_t step, uint64_t *ret) {
  struct pprof_index_parser parser;
  pprof_index_parser_init(&parser);
  for (size_t at = 0, piece = first; at < body.len; at += piece, piece = step) {
    if (piece > body.len - at)
      piece = body.len - at;
    int status = pprof_index_parser_feed(&parser, body.at + at, piece);
    if (status != 0)
      return status;
  }
  return pprof_index_parser_finish(&parser, ret);
}

static void captures_are_parsed_alike_in_chunks_of_any_size(void **state) {
  (void)state;
  static const struct {
    const char *file;
    uint64_t goroutines;
  } ROWS[] = {{"go1.19_busy", 40}, {"go1.19_fresh", 3}, {"go1.10", 28},
              {"go1.13", 28},      {"go1.16", 28},      {"go1.27", 28},
              {"go1.26_busy", 40}, {"go1.26_fresh", 3}, {"crlf", 40}};
  for (size_t i = 0; i < sizeof(ROWS) / sizeof(*ROWS); i++) {
    autobuffer(body, CAPTURE_MAX);
    load(ROWS[i].file, &body);
    for (size_t cut = 1; cut <= body.len; cut++) {
      uint64_t goroutines = 0;
      assert_int_equal(parse_pieces(buffer_span(&body), cut, body.len, &goroutines), 0);
      assert_int_equal(goroutines, ROWS[i].goroutines);
      assert_int_equal(parse_pieces(buffer_span(&body), cut, cut, &goroutines), 0);
      assert_int_equal(goroutines, ROWS[i].goroutines);
    }
  }
}

static void check_cut(const char *file, const char *link, uint64_t expected) {
  uint64_t goroutines = 7;
  autobuffer(body, CAPTURE_MAX);
  load(file, &body);
  const char *row = strstr(buffer_string(&body), link);
  assert_non_null(row);
  size_t end = (size_t)(strchr(row, '\n') + 1 - body.data);
  for (size_t len = 0; len < end; len++)
    assert_int_equal(parse_pieces(span_make(body.data, len), 64, 64, &goroutines), -EBADMSG);
  assert_int_equal(goroutines, 7);
  assert_int_equal(parse_pieces(span_make(body.data, end), 64, 64, &goroutines), 0);
  assert_int_equal(goroutines, expected);
}

static void a_page_cut_before_the_end_of_the_row_is_malformed(void **state) {
  (void)state;
  check_cut("go1.10", "<a href=\"goroutine?debug=1\">", 28);
  check_cut("go1.13", "<a href=goroutine?debug&#61;1>", 28);
  check_cut("go1.26_busy", "<a href='goroutine?debug=1'>", 40);
}

#define ROW(count)                                                                             \
  "<tr><td>" count "</td><td><a href='goroutine?debug=1'>goroutine</a></td></tr>\n"

static void rows_that_are_none(void **state) {
  (void)state;
  static const struct {
    const char *name, *body;
    int status;
    uint64_t goroutines;
  } ROWS[] = {
      {"the row alone", ROW("17"), 0, 17},
      {"the row with double quotes",
       "<tr><td>17</td><td><a href=\"goroutine?debug=1\">goroutine</a></td></tr>\n", 0, 17},
      {"a profile of a similar name before it",
       "<tr><td>9</td><td><a href='goroutineleak?debug=1'>goroutineleak</a></td></tr>\n" ROW(
           "17"),
       0, 17},
      {"the row of Go 1.10",
       "<tr><td align=right>17<td><a href=\"goroutine?debug=1\">goroutine</a>\n", 0, 17},
      {"the row of Go 1.13",
       "\t<td>17</td><td><a href=goroutine?debug&#61;1>goroutine</a></td>\n", 0, 17},
      {"the rows of two versions",
       "\t<td>17</td><td><a href=goroutine?debug&#61;1>goroutine</a></td>\n" ROW("17"),
       -EBADMSG, 0},
      {"a link that goes on",
       "<td>17</td><td><a href=goroutine?debug&#61;12>goroutine</a></td>\n", -EBADMSG, 0},
      {"a link to another page",
       "<tr><td>17</td><td><a href='goroutine?debug=2'>goroutine</a></td></tr>\n", -EBADMSG, 0},
      {"no cell before the link", "<tr><td>17</td><a href='goroutine?debug=1'>\n", -EBADMSG, 0},
      {"nothing", "", -EBADMSG, 0},
      {"a page of something else", "<html><body><h1>It works!</h1></body></html>\n", -EBADMSG,
       0},
      {"a row without a number", ROW(""), -EBADMSG, 0},
      {"a negative number", ROW("-3"), -EBADMSG, 0},
      {"a number past 2^64", ROW("99999999999999999999999"), -EBADMSG, 0},
      {"more than can be", ROW("2199023255552"), -EBADMSG, 0},
      {"none, which cannot be", ROW("0"), -EBADMSG, 0},
      {"hexadecimal", ROW("0x11"), -EBADMSG, 0},
      {"two rows", ROW("17") ROW("18"), -EBADMSG, 0},
      {"the other link only", "<a href=\"goroutine?debug=2\">full goroutine stack dump</a>\n",
       -EBADMSG, 0},
  };
  for (size_t i = 0; i < sizeof(ROWS) / sizeof(*ROWS); i++) {
    uint64_t goroutines = 0;
    int status = parse_pieces(span_of(ROWS[i].body), 5, 5, &goroutines);
    if (status != ROWS[i].status || goroutines != ROWS[i].goroutines)
      fail_msg("%s: %d, %llu", ROWS[i].name, status, (unsigned long long)goroutines);
  }
}

static void megabyte_lines_and_nul_bytes_are_skipped(void **state) {
  (void)state;
  uint64_t goroutines = 0;
  autobuffer(body, 4 << 20);
  for (size_t i = 0; i < 1 << 19; i++)
    buffer_append(&body, "<t\0", 3);
  buffer_append(&body, "\n\0\n", 3);
  buffer_append_string(&body, ROW("17"));
  assert_int_equal(parse_pieces(buffer_span(&body), body.len, 1, &goroutines), 0);
  assert_int_equal(goroutines, 17);
  assert_int_equal(parse_pieces(buffer_span(&body), 777, 777, &goroutines), 0);
}

/* Feeds the body in pieces until the parser has enough. *ret_fed: how much that was. */
static int parse_total(const char *body, size_t len, size_t step, uint64_t *ret,
                       size_t *ret_fed) {
  struct pprof_total_parser parser;
  int status = 0;
  size_t at = 0;
  pprof_total_parser_init(&parser);
  for (; status == 0 && at < len; at += step)
    status = pprof_total_parser_feed(&parser, body + at, len - at < step ? len - at : step);
  *ret_fed = at;
  return status == 0 || status == -EALREADY ? pprof_total_parser_finish(&parser, ret) : status;
}

static void the_first_line_of_the_grouped_profile_is_enough(void **state) {
  (void)state;
  static const char line[] = "goroutine profile: total 28\n";
  static const char body[] = "goroutine profile: total 28\n26 @ 0x4337e0 0x4445d5\n"
                             "#\t0x6f5e20\tmain.main.func1+0x20\n";
  for (size_t step = 1; step < sizeof(body); step++) {
    uint64_t goroutines = 0;
    size_t fed;
    assert_int_equal(parse_total(body, strlen(body), step, &goroutines, &fed), 0);
    assert_int_equal(goroutines, 28);
    assert_true(fed < strlen(line) + step);
  }
}

static void first_lines_that_are_none(void **state) {
  (void)state;
  static const char *const bodies[] = {
      "",
      "\n",
      "goroutine profile: total 28",
      "goroutine profile: total \n",
      "goroutine profile: total 0\n",
      "goroutine profile: total -1\n",
      "goroutine profile: total 28 \n",
      "goroutine profile: total 99999999999999999999999\n",
      "goroutine profile: total 2199023255552\n",
      "goroutineleak profile: total 28\n",
      "\ngoroutine profile: total 28\n",
      "<html>\ngoroutine profile: total 28\n",
      "goroutine 1 [running]:\n",
  };
  for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
    uint64_t goroutines = 7;
    size_t fed;
    int status = parse_total(bodies[i], strlen(bodies[i]), 5, &goroutines, &fed);
    if (status != -EBADMSG || goroutines != 7)
      fail_msg("\"%s\": %d, %llu", bodies[i], status, (unsigned long long)goroutines);
  }
}

static void a_first_line_without_end_is_given_up(void **state) {
  (void)state;
  uint64_t goroutines;
  size_t fed;
  autobuffer(body, 1 << 20);
  for (size_t i = 0; i < 1 << 16; i++)
    buffer_append(&body, "xxxx\0xxx", 8);
  assert_int_equal(parse_total(body.data, body.len, 512, &goroutines, &fed), -EBADMSG);
  assert_true(fed <= LINE_READER_MAX + 1024);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(captures_are_parsed_alike_in_chunks_of_any_size),
      cmocka_unit_test(a_page_cut_before_the_end_of_the_row_is_malformed),
      cmocka_unit_test(rows_that_are_none),
      cmocka_unit_test(megabyte_lines_and_nul_bytes_are_skipped),
      cmocka_unit_test(the_first_line_of_the_grouped_profile_is_enough),
      cmocka_unit_test(first_lines_that_are_none),
      cmocka_unit_test(a_first_line_without_end_is_given_up),
  };
  return cmocka_run_group_tests_name("pprof_index", tests, NULL, NULL);
}
