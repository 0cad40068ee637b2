/* Names of watched processes: templates, sanitising, numbers, clashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/text.h"
#include "sidecar/instance_name.h"

static const struct {
  const char *what, *template, *cwd, *name;
} made[] = {
    {"the base name of the working directory", "%{cwd}", "/home/u/proj", "proj"},
    {"a slash at the end does not count", "%{cwd}", "/home/u/proj/", "proj"},
    {"the root directory has no name: the executable's is used", "%{cwd}", "/", "sidecar"},
    {"an unreadable working directory, likewise", "%{cwd}", NULL, "sidecar"},
    {"all facts and a percent sign", "%{process}/%{executable}:%{pid}%{%}", "/x",
     "block_sidecar:42%"},
    {"a newline, quotes, a semicolon and a backslash", "%{cwd}", "/p/a\nb\"c;d'e\\f",
     "a_b_c_d_e_f"},
    {"spaces inside stay, those around go", "%{cwd}", "/p/ my proj ", "my proj"},
    {"UTF-8 stays", "%{cwd}", "/p/pr\xC3\xB6j-\xE2\x82\xAC", "pr\xC3\xB6j-\xE2\x82\xAC"},
    {"bytes that are not UTF-8", "%{cwd}", "/p/a\xFF\xC3(b", "a__(b"},
    {"an overlong slash and a surrogate", "%{cwd}", "/p/\xC0\xAF\xED\xA0\x80", "_____"},
    {"text that would reorder a line", "%{cwd}",
     "/p/a\xE2\x80\xAE"
     "b",
     "a_b"},
    {"text that would hide in a line: a soft hyphen, an Arabic letter mark, a tag character "
     "and "
     "a variation selector",
     "%{cwd}",
     "/p/a\xC2\xAD"
     "b\xD8\x9C"
     "c\xF3\xA0\x81\x81"
     "d\xEF\xB8\x8F",
     "a_b_c_d_"},
    {"spaces that look like another name, or like none", "%{cwd}", "/p/\xC2\xA0 \xE3\x80\x80",
     "_ _"},
    {"only spaces", "%{cwd}", "/p/   ", "sidecar"},
};

static void a_template_becomes_a_safe_name(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LENGTH(made); i++) {
    struct instance_facts facts = {
        .cwd = made[i].cwd, .executable = "sidecar", .process = "block", .pid = 42};
    char name[INSTANCE_NAME_SIZE];
    instance_name_make(made[i].template, &facts, name);
    if (strcmp(name, made[i].name) != 0)
      fail_msg("%s: \"%s\", not \"%s\"", made[i].what, name, made[i].name);
  }
}

static void a_name_of_4000_bytes_is_truncated_between_characters(void **state) {
  (void)state;
  char cwd[4096] = "/p/";
  for (size_t i = 3; i + 3 < 4003; i += 3)
    memcpy(cwd + i, "\xE2\x82\xAC", 4);
  struct instance_facts facts = {.cwd = cwd, .executable = "s", .process = "p", .pid = 1};
  char name[INSTANCE_NAME_SIZE];
  instance_name_make("x%{cwd}", &facts, name);
  assert_int_equal(strlen(name), 1 + 31 * 3);
  assert_string_equal(name + 1 + 30 * 3, "\xE2\x82\xAC");

  char numbered[INSTANCE_NAME_SIZE];
  instance_name_number(name, 12, numbered);
  assert_true(strlen(numbered) < INSTANCE_NAME_SIZE);
  assert_string_equal(numbered + strlen(numbered) - 6, "\xE2\x82\xAC-12");
}

/* Whatever the bytes of a directory, the name is valid for collectd's write plugins. */
static void any_bytes_give_a_name_that_every_write_plugin_accepts(void **state) {
  (void)state;
  unsigned seed = 1;
  for (int round = 0; round < 20000; round++) {
    char cwd[300] = "/p/";
    size_t len = (size_t)rand_r(&seed) % 280;
    for (size_t i = 0; i < len; i++)
      cwd[3 + i] = (char)(1 + rand_r(&seed) % 255);
    cwd[3 + len] = '\0';
    struct instance_facts facts = {.cwd = cwd, .executable = "s", .process = "p", .pid = 1};
    char name[INSTANCE_NAME_SIZE];
    instance_name_make("%{cwd}", &facts, name);
    struct span rest = span_of(name);
    assert_true(rest.len > 0 && rest.len < INSTANCE_NAME_SIZE);
    while (rest.len > 0) {
      uint32_t code = 0;
      size_t n = text_utf8_character(rest, &code);
      assert_true(n > 0 && text_is_harmless_in_name(code));
      assert_null(n == 1 ? strchr("\"\\/;'", *rest.at) : NULL);
      assert_true(n > 1 || (unsigned char)*rest.at >= 0x20);
      rest.at += n;
      rest.len -= n;
    }
  }
}

static void the_first_has_no_number(void **state) {
  (void)state;
  char name[INSTANCE_NAME_SIZE];
  instance_name_number("proj", 1, name);
  assert_string_equal(name, "proj");
  instance_name_number("proj", 2, name);
  assert_string_equal(name, "proj-2");
}

static void names_clash_if_graphite_would_merge_them(void **state) {
  (void)state;
  static const struct {
    const char *taken, *base, *name;
  } cases[] = {
      {"a.b", "a b", "a b-2"},    {"a(b)", "a_b_", "a_b_-2"}, {"proj", "proj", "proj-2"},
      {"proj-2", "proj", "proj"}, {"a.b", "a-b", "a-b"},      {"a", "a.", "a."},
      {"a.", "a", "a"},           {"\xC3\xA9", "e", "e"},     {"a\xC3\xA9", "a", "a"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct instance_names names = {0};
    char name[INSTANCE_NAME_SIZE];
    assert_int_equal(instance_names_take(&names, cases[i].taken), 0);
    assert_int_equal(instance_names_find(&names, cases[i].base, name), 0);
    assert_string_equal(name, cases[i].name);
    instance_names_clear(&names);
  }
}

static void check_name(struct instance_names *names, const char *base, const char *expected) {
  char name[INSTANCE_NAME_SIZE];
  assert_int_equal(instance_names_find(names, base, name), 0);
  assert_string_equal(name, expected);
  assert_int_equal(instance_names_take(names, name), 0);
}

static void the_lowest_free_number_is_used(void **state) {
  (void)state;
  struct instance_names names = {0};
  check_name(&names, "proj", "proj");
  check_name(&names, "proj", "proj-2");
  check_name(&names, "proj-2", "proj-2-2");
  check_name(&names, "proj", "proj-3");
  instance_names_release(&names, "proj-2");
  instance_names_release(&names, "never taken");
  check_name(&names, "proj", "proj-2");
  check_name(&names, "proj", "proj-4");
  instance_names_release(&names, "proj");
  instance_names_begin(&names);
  check_name(&names, "proj", "proj");
  instance_names_clear(&names);
}

/* 100,000 names; in time that is quadratic in their number, minutes. */
static void many_of_one_name_are_numbered_in_a_row(void **state) {
  (void)state;
  struct instance_names names = {0};
  char expected[INSTANCE_NAME_SIZE];
  for (unsigned i = 1; i <= 100000; i++) {
    instance_name_number("proj", i, expected);
    check_name(&names, "proj", expected);
  }
  instance_names_clear(&names);
}

static void the_position_of_an_error_in_a_template_is_returned(void **state) {
  (void)state;
  size_t at;
  assert_int_equal(instance_template_check("%{cwd}-x", &at), 0);
  assert_true(instance_template_check("ab%{dir}", &at) < 0);
  assert_int_equal(at, 2);
  assert_true(instance_template_check("100%", &at) < 0);
  assert_int_equal(at, 3);
  assert_true(instance_template_check("", &at) < 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_template_becomes_a_safe_name),
      cmocka_unit_test(a_name_of_4000_bytes_is_truncated_between_characters),
      cmocka_unit_test(any_bytes_give_a_name_that_every_write_plugin_accepts),
      cmocka_unit_test(the_first_has_no_number),
      cmocka_unit_test(the_lowest_free_number_is_used),
      cmocka_unit_test(many_of_one_name_are_numbered_in_a_row),
      cmocka_unit_test(names_clash_if_graphite_would_merge_them),
      cmocka_unit_test(the_position_of_an_error_in_a_template_is_returned),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
