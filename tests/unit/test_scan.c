/* The bounded scanners, with attention to their edges: empty, cut off, too large. */
#include <errno.h>

#include "cases.h"

static void numbers_are_removed_from_the_front(void **state) {
  (void)state;
  static const struct {
    const char *name, *text;
    int decimal, hex; /* status */
    uint64_t decimal_value, hex_value;
    const char *rest; /* after the decimal */
  } cases[] = {
      {"a digit", "7", 0, 0, 7, 7, ""},
      {"what follows stays", "12 kB", 0, 0, 12, 0x12, " kB"},
      {"leading zeros count for nothing", "00042", 0, 0, 42, 0x42, ""},
      {"letters are hexadecimal only", "1fG", 0, 0, 1, 0x1f, "fG"},
      {"capitals too", "0AF", 0, 0, 0, 0xaf, "AF"},
      {"an empty text is no number", "", -EINVAL, -EINVAL, 0, 0, ""},
      {"no sign", "-1", -EINVAL, -EINVAL, 0, 0, "-1"},
      {"no plus either", "+1", -EINVAL, -EINVAL, 0, 0, "+1"},
      {"no blank in front", " 1", -EINVAL, -EINVAL, 0, 0, " 1"},
      {"no prefix", "0x10", 0, 0, 0, 0, "x10"},
      {"the largest is one below VALUE_UNKNOWN", "18446744073709551614", 0, -ERANGE,
       VALUE_UNKNOWN - 1, 0, ""},
      {"VALUE_UNKNOWN itself is too large", "18446744073709551615;", -ERANGE, -ERANGE, 0, 0,
       ";"},
      {"2^64 does not wrap to 0", "18446744073709551616", -ERANGE, -ERANGE, 0, 0, ""},
      {"the largest hexadecimal", "fffffffffffffffe", -EINVAL, 0, 0, VALUE_UNKNOWN - 1,
       "fffffffffffffffe"},
      {"one more is too large", "ffffffffffffffff", -EINVAL, -ERANGE, 0, 0, "ffffffffffffffff"},
      {"a hundred digits are taken whole",
       "99999999999999999999999999999999999999999999999999"
       "99999999999999999999999999999999999999999999999999 x",
       -ERANGE, -ERANGE, 0, 0, " x"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span copy = exact_copy(span_of(cases[i].text));
    struct span s = copy, h = copy;
    uint64_t decimal = 4711, hex = 4711;
    check_int(cases[i].name, scan_u64(&s, &decimal), cases[i].decimal);
    check_int(cases[i].name, decimal, cases[i].decimal == 0 ? cases[i].decimal_value : 4711);
    check_span(cases[i].name, s, span_of(cases[i].rest));
    check_int(cases[i].name, scan_hex(&h, &hex), cases[i].hex);
    check_int(cases[i].name, hex, cases[i].hex == 0 ? cases[i].hex_value : 4711);
    exact_free(copy);
  }
}

static void a_whole_number_has_no_other_bytes_around_it(void **state) {
  (void)state;
  static const struct {
    const char *name, *text;
    uint64_t min, max;
    int status;
    uint64_t value;
  } cases[] = {
      {"a port", "6060", 1, 65535, 0, 6060},
      {"the smallest", "1", 1, 65535, 0, 1},
      {"the largest", "65535", 1, 65535, 0, 65535},
      {"below", "0", 1, 65535, -ERANGE, 0},
      {"above", "65536", 1, 65535, -ERANGE, 0},
      {"far above", "99999999999999999999999", 1, 65535, -ERANGE, 0},
      {"nothing", "", 0, 10, -EINVAL, 0},
      {"a tail", "6060x", 1, 65535, -EINVAL, 0},
      {"a tail after too many digits", "99999999999999999999999x", 1, 65535, -EINVAL, 0},
      {"a sign", "-1", 0, 10, -EINVAL, 0},
      {"a host", "localhost:6060", 1, 65535, -EINVAL, 0},
      {"a trailing blank", "5 ", 0, 10, -EINVAL, 0},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span copy = exact_copy(span_of(cases[i].text));
    uint64_t value = 4711;
    check_int(cases[i].name, scan_whole_u64(copy, cases[i].min, cases[i].max, &value),
              cases[i].status);
    check_int(cases[i].name, value, cases[i].status == 0 ? cases[i].value : 4711);
    exact_free(copy);
  }
}

static void lines_are_returned_without_their_ends(void **state) {
  (void)state;
  struct span copy = exact_copy(SPAN_LITERAL("one\n\ntwo\r\n\r\n\r\0\nlast"));
  static const struct {
    const char *name;
    struct span line;
  } lines[] = {
      {"a line", SPAN_LITERAL("one")},
      {"an empty line", SPAN_LITERAL("")},
      {"a carriage return before the end goes", SPAN_LITERAL("two")},
      {"alone too", SPAN_LITERAL("")},
      {"elsewhere it stays, and a NUL is a byte like others", SPAN_LITERAL("\r\0")},
      {"the last line needs no end", SPAN_LITERAL("last")},
  };
  struct span s = copy, line;
  for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
    assert_true(scan_line(&s, &line));
    check_span(lines[i].name, line, lines[i].line);
  }
  assert_false(scan_line(&s, &line));
  exact_free(copy);
}

static void complete_lines_end_at_the_last_newline(void **state) {
  (void)state;
  static const struct {
    const char *name, *text, *whole;
  } cases[] = {
      {"nothing has none", "", ""},
      {"a cut line is none", "12", ""},
      {"a line", "12\n", "12\n"},
      {"a truncated line after complete ones is omitted", "a\nb\n12", "a\nb\n"},
      {"an empty line is one", "\n", "\n"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span copy = exact_copy(span_of(cases[i].text));
    check_span(cases[i].name, scan_whole_lines(copy), span_of(cases[i].whole));
    exact_free(copy);
  }
}

static void words_are_separated_by_blanks(void **state) {
  (void)state;
  struct span copy = exact_copy(SPAN_LITERAL("  one\ttwo \t three\nfour "));
  static const char *const words[] = {"one", "two", "three\nfour"};
  struct span s = copy, word;
  for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
    assert_true(scan_word(&s, &word));
    check_span("a word", word, span_of(words[i]));
  }
  assert_false(scan_word(&s, &word));
  assert_int_equal(s.len, 0);
  exact_free(copy);
}

static void a_literal_is_removed_only_if_it_is_complete(void **state) {
  (void)state;
  struct span copy = exact_copy(SPAN_LITERAL("VmRSS: 1"));
  struct span s = copy;
  assert_false(scan_literal(&s, "VmSwap:"));
  assert_false(scan_literal(&s, "VmRSS: 1 kB")); /* longer than the text */
  assert_int_equal(s.len, 8);
  assert_true(scan_literal(&s, "VmRSS:"));
  assert_true(scan_literal(&s, ""));
  scan_blanks(&s);
  check_span("the rest", s, SPAN_LITERAL("1"));
  exact_free(copy);
}

static void spans_are_compared_completely_or_at_their_ends(void **state) {
  (void)state;
  struct span s = SPAN_LITERAL("a (deleted)");
  assert_true(span_equals(s, "a (deleted)"));
  assert_false(span_equals(s, "a (deleted) "));
  assert_false(span_equals(s, "a (delete"));
  assert_true(span_starts_with(s, "a "));
  assert_false(span_starts_with(s, "a (deleted)!"));
  assert_true(span_ends_with(s, " (deleted)"));
  assert_false(span_ends_with(s, "aa (deleted)"));
  assert_true(span_ends_with(s, ""));
}

static void amounts_of_memory_are_bytes(void **state) {
  (void)state;
  static const struct {
    const char *name, *text;
    int status;
    uint64_t value;
  } cases[] = {
      {"blanks and a tab", "\t   123 kB", 0, 123 * 1024},
      {"no blank in front", "0 kB", 0, 0},
      {"the largest", "18014398509481982 kB", 0, 18014398509481982u * 1024},
      {"too many bytes", "18014398509481983 kB", -ERANGE, 4711},
      {"more than any number", "99999999999999999999 kB", -ERANGE, 4711},
      {"another unit", "1 MB", -EINVAL, 4711},
      {"no unit", "1", -EINVAL, 4711},
      {"something after it", "1 kB ", -EINVAL, 4711},
      {"no number", " kB", -EINVAL, 4711},
      {"nothing", "", -EINVAL, 4711},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span s = exact_copy(span_of(cases[i].text));
    uint64_t value = 4711;
    check_int(cases[i].name, scan_whole_kilobytes(s, &value), cases[i].status);
    check_int(cases[i].name, value, cases[i].value);
    exact_free(s);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_are_removed_from_the_front),
      cmocka_unit_test(a_whole_number_has_no_other_bytes_around_it),
      cmocka_unit_test(lines_are_returned_without_their_ends),
      cmocka_unit_test(complete_lines_end_at_the_last_newline),
      cmocka_unit_test(words_are_separated_by_blanks),
      cmocka_unit_test(a_literal_is_removed_only_if_it_is_complete),
      cmocka_unit_test(spans_are_compared_completely_or_at_their_ends),
      cmocka_unit_test(amounts_of_memory_are_bytes),
  };
  return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
