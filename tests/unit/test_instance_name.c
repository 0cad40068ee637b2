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
      size_t n = text_utf8_character(rest, NULL);
      assert_true(n > 0);
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
  assert_true(instance_names_clash("a.b", "a b"));
  assert_true(instance_names_clash("a(b)", "a_b_"));
  assert_true(instance_names_clash("proj", "proj"));
  assert_false(instance_names_clash("proj", "proj-2"));
  assert_false(instance_names_clash("a.b", "a-b"));
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
      cmocka_unit_test(names_clash_if_graphite_would_merge_them),
      cmocka_unit_test(the_position_of_an_error_in_a_template_is_returned),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
