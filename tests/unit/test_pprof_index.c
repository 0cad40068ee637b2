/* The goroutine count from captures of real index pages (Go 1.19 and 1.26), cut at every
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
  } ROWS[] = {{"go1.19_busy", 40},
              {"go1.19_fresh", 3},
              {"go1.26_busy", 40},
              {"go1.26_fresh", 3},
              {"crlf", 40}};
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

static void a_page_cut_before_the_end_of_the_row_is_malformed(void **state) {
  (void)state;
  uint64_t goroutines = 7;
  autobuffer(body, CAPTURE_MAX);
  load("go1.26_busy", &body);
  const char *row = strstr(buffer_string(&body), "<a href='goroutine?debug=1'>");
  size_t end = (size_t)(strchr(row, '\n') + 1 - body.data);
  for (size_t len = 0; len < end; len++)
    assert_int_equal(parse_pieces(span_make(body.data, len), 64, 64, &goroutines), -EBADMSG);
  assert_int_equal(goroutines, 7);
  assert_int_equal(parse_pieces(span_make(body.data, end), 64, 64, &goroutines), 0);
  assert_int_equal(goroutines, 40);
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(captures_are_parsed_alike_in_chunks_of_any_size),
      cmocka_unit_test(a_page_cut_before_the_end_of_the_row_is_malformed),
      cmocka_unit_test(rows_that_are_none),
      cmocka_unit_test(megabyte_lines_and_nul_bytes_are_skipped),
  };
  return cmocka_run_group_tests_name("pprof_index", tests, NULL, NULL);
}
