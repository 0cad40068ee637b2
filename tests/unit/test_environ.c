/* One variable out of an environment that comes in pieces cut anywhere. */
#include "sidecar/linux/environ.h"

#include <errno.h>

#include "cases.h"

/* Feeds text in two pieces cut at one place, or byte by byte where cut is past the end. */
static int search_in_pieces(struct span text, size_t cut, const char *name, char *value,
                            size_t size) {
  struct environ_search search;
  int status = environ_search_start(&search, span_of(name), value, size);
  if (status != 0)
    return status;
  size_t step = cut <= text.len ? text.len : 1;
  for (size_t at = 0; at < text.len;) {
    size_t len = at == 0 && cut <= text.len ? cut : step;
    len = len < text.len - at ? len : text.len - at;
    if (len == 0)
      len = text.len - at;
    struct span piece = exact_copy(span_make(text.at + at, len));
    bool done = environ_search_feed(&search, piece);
    exact_free(piece);
    if (done)
      break;
    at += len;
  }
  return environ_search_finish(&search);
}

static void the_variable_is_found_in_chunks_of_any_size(void **state) {
  (void)state;
  static const struct {
    const char *name;
    struct span text;
    int status;
    const char *value;
  } cases[] = {
      {"alone", SPAN_LITERAL("SIDECAR_PPROF=1\0"), 0, "1"},
      {"among others", SPAN_LITERAL("HOME=/root\0SIDECAR_PPROF=6061\0TERM=x\0"), 0, "6061"},
      {"the first of two, as in Go", SPAN_LITERAL("SIDECAR_PPROF=1\0SIDECAR_PPROF=2\0"), 0,
       "1"},
      {"empty is set", SPAN_LITERAL("A=b\0SIDECAR_PPROF=\0C=d\0"), 0, ""},
      {"empty and last", SPAN_LITERAL("A=b\0SIDECAR_PPROF=\0"), 0, ""},
      {"empty and first of two", SPAN_LITERAL("SIDECAR_PPROF=\0SIDECAR_PPROF=2\0"), 0, ""},
      {"with = in the value", SPAN_LITERAL("SIDECAR_PPROF=a=b\0"), 0, "a=b"},
      {"with any byte in the value", SPAN_LITERAL("SIDECAR_PPROF=\xFF\n\0"), 0, "\xFF\n"},
      {"without the last NUL", SPAN_LITERAL("A=b\0SIDECAR_PPROF=1"), 0, "1"},
      {"it just fits", SPAN_LITERAL("SIDECAR_PPROF=1234567\0"), 0, "1234567"},
      {"it does not", SPAN_LITERAL("SIDECAR_PPROF=12345678\0"), -ENAMETOOLONG, ""},
      {"a long one is not hidden by a short second",
       SPAN_LITERAL("SIDECAR_PPROF=123456789\0SIDECAR_PPROF=1\0"), -ENAMETOOLONG, ""},
      {"not there", SPAN_LITERAL("HOME=/root\0TERM=x\0"), -ENODATA, ""},
      {"nothing at all", SPAN_LITERAL(""), -ENODATA, ""},
      {"empty entries are skipped", SPAN_LITERAL("\0\0SIDECAR_PPROF=1\0\0"), 0, "1"},
      {"a longer name is another", SPAN_LITERAL("SIDECAR_PPROF_X=1\0"), -ENODATA, ""},
      {"a longer name in front does not hide it",
       SPAN_LITERAL("SIDECAR_PPROF_X=1\0SIDECAR_PPROF=2\0"), 0, "2"},
      {"a shorter one neither", SPAN_LITERAL("SIDECAR=1\0SIDECAR_PPROF=2\0"), 0, "2"},
      {"a name inside another is none", SPAN_LITERAL("X_SIDECAR_PPROF=1\0"), -ENODATA, ""},
      {"a name inside a value is none", SPAN_LITERAL("A=SIDECAR_PPROF=1\0"), -ENODATA, ""},
      {"letters of another case are another name", SPAN_LITERAL("sidecar_pprof=1\0"), -ENODATA,
       ""},
      {"a name without =", SPAN_LITERAL("SIDECAR_PPROF\0"), -ENODATA, ""},
      {"a name without = at the very end", SPAN_LITERAL("A=b\0SIDECAR_PPROF"), -ENODATA, ""},
      {"a name without = before the right one",
       SPAN_LITERAL("SIDECAR_PPROF\0SIDECAR_PPROF=1\0"), 0, "1"},
      {"an entry that begins with =", SPAN_LITERAL("=SIDECAR_PPROF=1\0"), -ENODATA, ""},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
    for (size_t cut = 0; cut <= cases[i].text.len + 1; cut++) {
      char value[8] = "before";
      check_int(cases[i].name,
                search_in_pieces(cases[i].text, cut, "SIDECAR_PPROF", value, sizeof(value)),
                cases[i].status);
      check_span(cases[i].name, span_of(value), span_of(cases[i].value));
    }
}

static void names_that_no_variable_can_have_are_rejected(void **state) {
  (void)state;
  struct environ_search search;
  char value[8] = "before";
  assert_int_equal(environ_search_start(&search, SPAN_LITERAL(""), value, 8), -EINVAL);
  assert_int_equal(environ_search_start(&search, SPAN_LITERAL("A=B"), value, 8), -EINVAL);
  assert_int_equal(environ_search_start(&search, SPAN_LITERAL("A\0B"), value, 8), -EINVAL);
  assert_int_equal(environ_search_start(&search, SPAN_LITERAL("A"), value, 0), -EINVAL);
  assert_string_equal(value, "before");
}

static void a_value_that_does_not_fit_is_not_stored_in_part(void **state) {
  (void)state;
  char value[8];
  struct span text = SPAN_LITERAL("A=secret-secret\0");
  for (size_t cut = 0; cut <= text.len + 1; cut++) {
    memset(value, 'x', sizeof(value));
    assert_int_equal(search_in_pieces(text, cut, "A", value, sizeof(value)), -ENAMETOOLONG);
    for (size_t i = 0; i < sizeof(value); i++)
      assert_int_equal(value[i], '\0');
  }
}

static void input_after_the_match_is_ignored(void **state) {
  (void)state;
  struct environ_search search;
  char value[8];
  assert_int_equal(environ_search_start(&search, SPAN_LITERAL("A"), value, sizeof(value)), 0);
  assert_false(environ_search_feed(&search, SPAN_LITERAL("B=1\0A=2")));
  assert_true(environ_search_feed(&search, SPAN_LITERAL("3\0A=4\0")));
  assert_true(environ_search_feed(&search, SPAN_LITERAL("A=5\0")));
  assert_int_equal(environ_search_finish(&search), 0);
  assert_string_equal(value, "23");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_variable_is_found_in_chunks_of_any_size),
      cmocka_unit_test(names_that_no_variable_can_have_are_rejected),
      cmocka_unit_test(a_value_that_does_not_fit_is_not_stored_in_part),
      cmocka_unit_test(input_after_the_match_is_ignored),
  };
  return cmocka_run_group_tests_name("environ", tests, NULL, NULL);
}
