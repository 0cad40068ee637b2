/* Lines of comma-separated values: cells, quotes, numbers that are none. */
#include <errno.h>
#include <math.h>

#include "backtest/cells.h"
#include "cases.h"

enum { CELLS = 4 };

static void lines_are_split_at_commas(void **state) {
  (void)state;
  static const struct {
    const char *name, *line;
    int status;
    size_t len;
    const char *cells[CELLS];
  } cases[] = {
      {"one cell", "a", 0, 1, {"a"}},
      {"an empty line is an empty cell", "", 0, 1, {""}},
      {"empty cells", ",,", 0, 3, {"", "", ""}},
      {"blanks around a cell do not count", " a ,\tb", 0, 2, {"a", "b"}},
      {"blanks inside do", "a b", 0, 1, {"a b"}},
      {"quotes are removed", "\"a\",\"\"", 0, 2, {"a", ""}},
      {"a comma in quotes is none", "\"a,b\",c", 0, 2, {"a,b", "c"}},
      {"blanks around quotes", " \"a\" , b", 0, 2, {"a", "b"}},
      {"a quote that is not closed", "x,\"a", -EINVAL, 1, {"x"}},
      {"a quote alone", "\"", -EINVAL, 0, {""}},
      {"text behind a quote", "\"a\"b", -EINVAL, 0, {""}},
      {"a quote inside", "a,b\"c", -EINVAL, 1, {"a"}},
      {"as many as there is room for", "a,b,c,d", 0, 4, {"a", "b", "c", "d"}},
      {"one more", "a,b,c,d,e", -E2BIG, 4, {"a", "b", "c", "d"}},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span line = exact_copy(span_of(cases[i].line)), cells[CELLS];
    size_t len = 4711;
    check_int(cases[i].name, cells_split(line, cells, CELLS, &len), cases[i].status);
    check_int(cases[i].name, len, cases[i].len);
    for (size_t n = 0; n < cases[i].len; n++)
      check_span(cases[i].name, cells[n], span_of(cases[i].cells[n]));
    exact_free(line);
  }
}

static void numbers_are_decimal_and_from_0_to_1e18(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int status;
    double value;
  } cases[] = {
      {"0", 0, 0},
      {"300", 0, 300},
      {"007", 0, 7},
      {"1764417600.123", 0, 1764417600.123},
      {"12.", 0, 12},
      {".5", 0, 0.5},
      {"+5", 0, 5},
      {"-0", 0, 0},
      {"1e3", 0, 1000},
      {"2.5E+2", 0, 250},
      {"123456789012345678", 0, 123456789012345678.0},
      {"1e18", 0, 1e18},
      {"1.0000000000000000000000000000000000", 0, 1},
      {"", 0, NAN},
      {"nan", 0, NAN},
      {"NaN", 0, NAN},
      {"1e19", -ERANGE, 0},
      {"1e400", -ERANGE, 0},
      {"-1", -ERANGE, 0},
      {"-1e400", -ERANGE, 0},
      {"inf", -EINVAL, 0},
      {"Infinity", -EINVAL, 0},
      {"nanx", -EINVAL, 0},
      {"0x10", -EINVAL, 0},
      {"1_000", -EINVAL, 0},
      {"1 2", -EINVAL, 0},
      {"1.2.3", -EINVAL, 0},
      {".", -EINVAL, 0},
      {"e5", -EINVAL, 0},
      {"1e", -EINVAL, 0},
      {"--1", -EINVAL, 0},
      {"12kB", -EINVAL, 0},
      {"U", -EINVAL, 0},
      {"1111111111111111111111111111111111111111111111111111111111111111", -EINVAL, 0},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span cell = exact_copy(span_of(cases[i].text));
    double value = 4711;
    check_int(cases[i].text, cells_number(cell, &value), cases[i].status);
    if (cases[i].status == 0 && isnan(cases[i].value))
      check_int(cases[i].text, isnan(value) != 0, true);
    else if (value != (cases[i].status == 0 ? cases[i].value : 4711))
      fail_msg("%s: %.17g", cases[i].text, value);
    exact_free(cell);
  }
}

/* The fast way for short numbers gives the same as strtod(3). */
static void short_numbers_are_those_of_the_c_library(void **state) {
  (void)state;
  uint64_t random = 1;
  for (int i = 0; i < 100000; i++) {
    char text[32];
    double value;
    random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
    unsigned long long digits = random >> 20;
    unsigned point = 1 + (unsigned)(random % 14);
    snprintf(text, sizeof(text), "%llu", digits);
    text[14] = '\0';
    if (i % 2 == 0 && point < strlen(text))
      text[point] = '.';
    assert_int_equal(cells_number(span_of(text), &value), 0);
    if (value != strtod(text, NULL))
      fail_msg("%s: %.17g", text, value);
  }
}

static void a_nul_is_no_number(void **state) {
  (void)state;
  double value;
  assert_int_equal(cells_number(span_make("1\0002", 3), &value), -EINVAL);
  assert_int_equal(cells_number(span_make("\0", 1), &value), -EINVAL);
}

static void text_is_quoted_when_needed(void **state) {
  (void)state;
  static const struct {
    const char *text, *cell;
  } cases[] = {
      {"plain text", "plain text"},     {"", ""},
      {"one, two", "\"one, two\""},     {"a \"word\"", "\"a \"\"word\"\"\""},
      {"two\nlines", "\"two\nlines\""},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    char *written;
    size_t len;
    FILE *out = open_memstream(&written, &len);
    assert_non_null(out);
    cells_write(out, cases[i].text);
    fclose(out);
    check_span(cases[i].text, span_of(written), span_of(cases[i].cell));
    free(written);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_are_split_at_commas),
      cmocka_unit_test(numbers_are_decimal_and_from_0_to_1e18),
      cmocka_unit_test(short_numbers_are_those_of_the_c_library),
      cmocka_unit_test(a_nul_is_no_number),
      cmocka_unit_test(text_is_quoted_when_needed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
