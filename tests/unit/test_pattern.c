/* Lists of named regular expressions. */
#include "common/pattern.h"

#include <errno.h>
#include <stdio.h>

#include "cases.h"

static void names_are_valid_in_a_metric(void **state) {
  (void)state;
  static const struct {
    const char *name;
    bool is_valid;
  } cases[] = {{"fetch_data", true},
               {"a", true},
               {"404", true},
               {"_", true},
               {"", false},
               {"Fetch", false},
               {"fetch-data", false},
               {"fetch data", false},
               {"f\xC3\xA4tch", false},
               {"x234567890123456789012345678901234567890123456789012345678901_3", true},
               {"x234567890123456789012345678901234567890123456789012345678901__4", false}};
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
    check_int(cases[i].name, pattern_name_is_valid(cases[i].name), cases[i].is_valid);
}

static void a_pattern_is_extended_and_finds_its_match_anywhere(void **state) {
  (void)state;
  struct pattern_list list = {.len = 0};
  assert_int_equal(pattern_list_add(&list, "x", "a(b|c)+$", NULL, 0), 0);
  assert_true(pattern_list_has(&list, "x"));
  assert_false(pattern_list_has(&list, "y"));
  assert_int_equal(regexec(&list.items[0].regex, "..abcb", 0, NULL, 0), 0);
  assert_int_equal(regexec(&list.items[0].regex, "abcd", 0, NULL, 0), REG_NOMATCH);
  pattern_list_clear(&list);
  assert_int_equal(list.len, 0);
  assert_false(pattern_list_has(&list, "x"));
}

/* Of a text that makes each attempt of regexec() last to its end: 64 kB took 20 s. */
static void a_search_is_linear_in_the_length_of_the_text(void **state) {
  (void)state;
  struct pattern_list list = {.len = 0};
  static char text[4 << 20];
  memset(text, 'a', sizeof(text) - 1);
  assert_int_equal(pattern_list_add(&list, "x", "a.*b", NULL, 0), 0);
  assert_int_equal(regexec(&list.items[0].regex, text, 0, NULL, 0), REG_NOMATCH);
  text[sizeof(text) - 2] = 'b';
  assert_int_equal(regexec(&list.items[0].regex, text, 0, NULL, 0), 0);
  pattern_list_clear(&list);
}

static void expressions_mean_what_they_mean_to_regcomp(void **state) {
  (void)state;
  static const char *const expressions[] = {
      "a|b",  "^a|b$", "^a|^b", "(a)|(b)", "a*",     "(^|/)b[./]", "^$",   "",
      "a\\$", "[)(]",  "a{2,}", "\\.db",   "(a)(b)", "(a)\\1",     "a||b", "x.*y$",
  };
  static const char *const texts[] = {
      "",    "a",  "b", "ab",  "ba",      "aa",   "/b.",
      "xb/", "a$", "(", ".db", "\xFF.db", "a\nb", "x\n\xC3y",
  };
  for (size_t i = 0; i < ARRAY_LENGTH(expressions); i++) {
    regex_t usual, ours;
    int status = regcomp(&usual, expressions[i], REG_EXTENDED | REG_NOSUB);
    check_int(expressions[i], pattern_compile(expressions[i], &ours), status);
    if (status != 0)
      continue;
    for (size_t j = 0; j < ARRAY_LENGTH(texts); j++)
      check_int(expressions[i], regexec(&ours, texts[j], 0, NULL, 0),
                regexec(&usual, texts[j], 0, NULL, 0));
    regfree(&usual);
    regfree(&ours);
  }
}

static void malformed_expressions_are_not_made_valid(void **state) {
  (void)state;
  static const char *const expressions[] = {"(", ")", "a)(b", "[", "a\\", "*)(", "a{2"};
  for (size_t i = 0; i < ARRAY_LENGTH(expressions); i++) {
    regex_t usual, ours;
    int status = regcomp(&usual, expressions[i], REG_EXTENDED | REG_NOSUB);
    check_int(expressions[i], pattern_compile(expressions[i], &ours), status);
    if (status == 0) {
      regfree(&usual);
      regfree(&ours);
    }
  }
}

static void a_pattern_that_cannot_be_added_leaves_the_list_unchanged(void **state) {
  (void)state;
  struct pattern_list list = {.len = 0};
  char words[128] = "";
  assert_int_equal(pattern_list_add(&list, "x", "a", words, sizeof(words)), 0);
  assert_int_equal(pattern_list_add(&list, "x", "b", words, sizeof(words)), -EEXIST);
  assert_string_equal(words, "");
  assert_int_equal(pattern_list_add(&list, "y", "(", words, sizeof(words)), -EINVAL);
  assert_string_not_equal(words, "");
  assert_int_equal(pattern_list_add(&list, "y", "(", NULL, 0), -EINVAL);
  assert_int_equal(list.len, 1);
  for (int i = 1; i < PATTERNS_MAX; i++) {
    char name[16];
    snprintf(name, sizeof(name), "p%d", i);
    assert_int_equal(pattern_list_add(&list, name, "a", NULL, 0), 0);
  }
  assert_int_equal(pattern_list_add(&list, "last", "a", NULL, 0), -ENOSPC);
  assert_int_equal(list.len, PATTERNS_MAX);
  pattern_list_clear(&list);
}

static void defaults_are_replaced_by_patterns_of_their_name(void **state) {
  (void)state;
  static const struct pattern_default defaults[] = {{"a", "x"}, {"b", "y"}, {NULL, NULL}};
  struct pattern_list list = {.len = 0};
  assert_int_equal(pattern_list_add(&list, "b", "z", NULL, 0), 0);
  assert_int_equal(pattern_list_add_defaults(&list, defaults), 0);
  assert_int_equal(list.len, 2);
  assert_string_equal(list.items[0].name, "b");
  assert_int_equal(regexec(&list.items[0].regex, "z", 0, NULL, 0), 0);
  assert_string_equal(list.items[1].name, "a");
  pattern_list_clear(&list);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_are_valid_in_a_metric),
      cmocka_unit_test(a_pattern_is_extended_and_finds_its_match_anywhere),
      cmocka_unit_test(a_search_is_linear_in_the_length_of_the_text),
      cmocka_unit_test(expressions_mean_what_they_mean_to_regcomp),
      cmocka_unit_test(malformed_expressions_are_not_made_valid),
      cmocka_unit_test(a_pattern_that_cannot_be_added_leaves_the_list_unchanged),
      cmocka_unit_test(defaults_are_replaced_by_patterns_of_their_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
