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
      cmocka_unit_test(a_pattern_that_cannot_be_added_leaves_the_list_unchanged),
      cmocka_unit_test(defaults_are_replaced_by_patterns_of_their_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
