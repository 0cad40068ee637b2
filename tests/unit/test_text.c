/* Foreign bytes made into valid, harmless UTF-8, cut between characters only. */
#include "common/text.h"

#include "cases.h"

static void characters_are_those_of_rfc_3629(void **state) {
  (void)state;
  static const struct {
    const char *name;
    struct span text;
    size_t len;
    uint32_t code;
  } cases[] = {
      {"nothing", SPAN_LITERAL(""), 0, 0},
      {"ASCII", SPAN_LITERAL("ab"), 1, 'a'},
      {"a NUL is a character", SPAN_LITERAL("\0"), 1, 0},
      {"two bytes", SPAN_LITERAL("\xC3\xA9x"), 2, 0xE9},
      {"three bytes", SPAN_LITERAL("\xE2\x82\xAC"), 3, 0x20AC},
      {"four bytes", SPAN_LITERAL("\xF0\x9F\x98\x80"), 4, 0x1F600},
      {"the last of all", SPAN_LITERAL("\xF4\x8F\xBF\xBF"), 4, 0x10FFFF},
      {"past the last", SPAN_LITERAL("\xF4\x90\x80\x80"), 0, 0},
      {"a continuation byte alone", SPAN_LITERAL("\x80"), 0, 0},
      {"cut off", SPAN_LITERAL("\xE2\x82"), 0, 0},
      {"interrupted", SPAN_LITERAL("\xE2\x82x"), 0, 0},
      {"overlong slash", SPAN_LITERAL("\xC0\xAF"), 0, 0},
      {"overlong in three bytes", SPAN_LITERAL("\xE0\x9F\xBF"), 0, 0},
      {"overlong in four bytes", SPAN_LITERAL("\xF0\x8F\xBF\xBF"), 0, 0},
      {"a surrogate", SPAN_LITERAL("\xED\xA0\x80"), 0, 0},
      {"just below the surrogates", SPAN_LITERAL("\xED\x9F\xBF"), 3, 0xD7FF},
      {"five bytes were never in use", SPAN_LITERAL("\xF8\x88\x80\x80\x80"), 0, 0},
      {"a byte that UTF-8 does not have", SPAN_LITERAL("\xFF"), 0, 0},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span copy = exact_copy(cases[i].text);
    uint32_t code = 4711;
    check_int(cases[i].name, text_utf8_character(copy, &code), cases[i].len);
    check_int(cases[i].name, code, cases[i].len > 0 ? cases[i].code : 4711);
    check_int(cases[i].name, text_utf8_character(copy, NULL), cases[i].len);
    exact_free(copy);
  }
}

static void a_cut_never_splits_a_character(void **state) {
  (void)state;
  static const struct {
    const char *name;
    struct span text;
    size_t max, cut;
  } cases[] = {
      {"what fits is not cut", SPAN_LITERAL("abc"), 3, 3},
      {"nor what is shorter", SPAN_LITERAL("abc"), 100, 3},
      {"between ASCII", SPAN_LITERAL("abc"), 2, 2},
      {"to nothing", SPAN_LITERAL("abc"), 0, 0},
      {"after the first byte of two", SPAN_LITERAL("a\xC3\xA9"), 2, 1},
      {"before it", SPAN_LITERAL("a\xC3\xA9"), 1, 1},
      {"after the third byte of four", SPAN_LITERAL("\xF0\x9F\x98\x80"), 3, 0},
      {"between two of four", SPAN_LITERAL("\xF0\x9F\x98\x80\xF0\x9F\x98\x80"), 4, 4},
      {"inside the second of them", SPAN_LITERAL("\xF0\x9F\x98\x80\xF0\x9F\x98\x80"), 7, 4},
      {"stray continuation bytes belong to nothing", SPAN_LITERAL("ab\x80\x80\x80"), 3, 3},
      {"not even after a complete character", SPAN_LITERAL("\xC3\xA9\x80\x80"), 3, 3},
      {"nor at the very beginning", SPAN_LITERAL("\x80\x80\x80\x80\x80\x80"), 5, 5},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span copy = exact_copy(cases[i].text);
    check_int(cases[i].name, text_utf8_cut(copy, cases[i].max), cases[i].cut);
    exact_free(copy);
  }
}

/* The whole of Unicode is compared in tests/agreement/test_characters.py. */
static void characters_that_mislead_are_found(void **state) {
  (void)state;
  static const struct {
    const char *name;
    uint32_t code;
    bool in_text, in_name;
  } cases[] = {
      {"a letter", 'a', true, true},
      {"a space", ' ', true, true},
      {"a backslash", '\\', false, false},
      {"the last control character", 0x1F, false, false},
      {"delete", 0x7F, false, false},
      {"the first of C1", 0x80, false, false},
      {"the last of C1", 0x9F, false, false},
      {"a no-break space", 0xA0, true, false},
      {"a soft hyphen", 0xAD, false, false},
      {"behind it", 0xAE, true, true},
      {"a combining grapheme joiner", 0x34F, false, false},
      {"Arabic letter mark", 0x61C, false, false},
      {"an Arabic letter", 0x627, true, true},
      {"a Hangul filler", 0x115F, false, false},
      {"a Khmer inherent vowel", 0x17B4, false, false},
      {"a Mongolian variation selector", 0x180F, false, false},
      {"an en quad", 0x2000, true, false},
      {"zero width joiner", 0x200D, false, false},
      {"a paragraph separator", 0x2029, false, false},
      {"right to left override", 0x202E, false, false},
      {"a narrow no-break space", 0x202F, true, false},
      {"left to right isolate", 0x2066, false, false},
      {"an empty Braille cell", 0x2800, false, false},
      {"an ideographic space", 0x3000, true, false},
      {"a compatibility Hangul filler", 0x3164, false, false},
      {"a surrogate", 0xD800, false, false},
      {"private use", 0xE000, false, false},
      {"the last of it", 0xF8FF, false, false},
      {"a CJK ideograph", 0xF900, true, true},
      {"not a character", 0xFDD0, false, false},
      {"the first variation selector", 0xFE00, false, false},
      {"the one of text", 0xFE0E, true, false},
      {"the one of emoji", 0xFE0F, true, false},
      {"a byte order mark", 0xFEFF, false, false},
      {"a halfwidth Hangul filler", 0xFFA0, false, false},
      {"an annotation's anchor", 0xFFF9, false, false},
      {"the replacement character", 0xFFFD, true, true},
      {"the last of the first plane", 0xFFFF, false, false},
      {"a shorthand format control", 0x1BCA0, false, false},
      {"a musical format control", 0x1D173, false, false},
      {"an emoji", 0x1F600, true, true},
      {"not a character of the second plane", 0x1FFFE, false, false},
      {"a tag character", 0xE0041, false, false},
      {"a supplementary variation selector", 0xE0100, false, false},
      {"private use in the last plane", 0x10FFFD, false, false},
      {"past the last", 0x110000, false, false},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    check_int(cases[i].name, text_is_harmless(cases[i].code), cases[i].in_text);
    check_int(cases[i].name, text_is_harmless_in_name(cases[i].code), cases[i].in_name);
  }
}

static void unsafe_characters_are_escaped_in_a_printable_line(void **state) {
  (void)state;
  static const struct {
    const char *name;
    struct span text;
    const char *printable;
  } cases[] = {
      {"plain text stays", SPAN_LITERAL("/home/me/proj"), "/home/me/proj"},
      {"so do letters of other scripts", SPAN_LITERAL("pr\xC3\xB6j \xE6\x97\xA5"),
       "pr\xC3\xB6j \xE6\x97\xA5"},
      {"quotes and semicolons are harmless", SPAN_LITERAL("a\"b';"), "a\"b';"},
      {"a newline", SPAN_LITERAL("a\nb"), "a\\x0Ab"},
      {"a NUL", SPAN_LITERAL("a\0b"), "a\\x00b"},
      {"an escape sequence", SPAN_LITERAL("\x1B[31m"), "\\x1B[31m"},
      {"a backslash, which could fake one", SPAN_LITERAL("\\x0A"), "\\x5Cx0A"},
      {"bytes that are not UTF-8", SPAN_LITERAL("\xFF\xC3"), "\\xFF\\xC3"},
      {"a C1 control character", SPAN_LITERAL("\xC2\x9B"), "\\xC2\\x9B"},
      {"right to left override", SPAN_LITERAL("\xE2\x80\xAE"), "\\xE2\\x80\\xAE"},
      {"Arabic letter mark", SPAN_LITERAL("\xD8\x9C"), "\\xD8\\x9C"},
      {"zero width space", SPAN_LITERAL("\xE2\x80\x8B"), "\\xE2\\x80\\x8B"},
      {"line separator", SPAN_LITERAL("\xE2\x80\xA8"), "\\xE2\\x80\\xA8"},
      {"a tag character", SPAN_LITERAL("\xF3\xA0\x80\xA0"), "\\xF3\\xA0\\x80\\xA0"},
      {"a soft hyphen", SPAN_LITERAL("\xC2\xAD"), "\\xC2\\xAD"},
      {"an emoji in colour, and spaces of typography, stay",
       SPAN_LITERAL("\xE2\x9A\xA0\xEF\xB8\x8F 10\xE2\x80\xAF%"),
       "\xE2\x9A\xA0\xEF\xB8\x8F 10\xE2\x80\xAF%"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span copy = exact_copy(cases[i].text);
    char printable[64];
    check_span(cases[i].name, span_of(text_printable(printable, sizeof(printable), copy)),
               span_of(cases[i].printable));
    exact_free(copy);
  }
}

static void a_long_line_is_truncated_and_marked(void **state) {
  (void)state;
  static const struct {
    const char *name;
    struct span text;
    size_t size;
    const char *printable;
  } cases[] = {
      {"it just fits", SPAN_LITERAL("1234567"), 8, "1234567"},
      {"one too many", SPAN_LITERAL("12345678"), 8, "1234..."},
      {"no room for more than dots", SPAN_LITERAL("12345678"), 4, "..."},
      {"three fit into four", SPAN_LITERAL("123"), 4, "123"},
      {"not inside a character",
       SPAN_LITERAL("123\xC3\xA9"
                    "5678"),
       8, "123..."},
      {"not inside an escape", SPAN_LITERAL("12\n\n"), 8, "12..."},
      {"nor with a first that is too large", SPAN_LITERAL("\xF3\xA0\x80\xA0"), 8, "..."},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    char *printable = malloc(cases[i].size);
    assert_non_null(printable);
    check_span(cases[i].name, span_of(text_printable(printable, cases[i].size, cases[i].text)),
               span_of(cases[i].printable));
    free(printable);
  }
}

static void a_line_is_shortened_between_characters(void **state) {
  (void)state;
  static const struct {
    const char *text, *expected;
  } cases[] = {
      {"", ""},
      {"1234567", "1234567"},
      {"12345678", "1234..."},
      {"123\xC3\xA9"
       "567",
       "123..."},
      {"12\xC3\xA9"
       "5678",
       "12\xC3\xA9..."},
      {"a\\x0A", "a\\x0A"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    char line[8];
    assert_ptr_equal(text_shorten(line, sizeof(line), span_of(cases[i].text)), line);
    assert_string_equal(line, cases[i].expected);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(characters_are_those_of_rfc_3629),
      cmocka_unit_test(a_cut_never_splits_a_character),
      cmocka_unit_test(characters_that_mislead_are_found),
      cmocka_unit_test(unsafe_characters_are_escaped_in_a_printable_line),
      cmocka_unit_test(a_long_line_is_truncated_and_marked),
      cmocka_unit_test(a_line_is_shortened_between_characters),
  };
  return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
