/* Fields of stat by position, whatever the program's name. */
#include "sidecar/linux/proc_parse.h"

#include <errno.h>

#include "cases.h"

/* From "S" on; the wanted fields have values of their own. */
#define TAIL                                                                                   \
  " S 1 2 3 0 -1 4194560 1011 7 12 8 1314 15 9 6 20 0 20 0 2122 2359296 24 "                   \
  "18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"

static void check_tail(const char *name, const struct proc_stat *stat) {
  check_int(name, stat->state, 'S');
  check_int(name, stat->flags, 4194560);
  check_int(name, stat->minor_faults, 1011);
  check_int(name, stat->major_faults, 12);
  check_int(name, stat->user_ticks, 1314);
  check_int(name, stat->system_ticks, 15);
  check_int(name, stat->children_user_ticks, 9);
  check_int(name, stat->children_system_ticks, 6);
  check_int(name, stat->threads, 20);
  check_int(name, stat->start_ticks, 2122);
  check_int(name, stat->virtual_bytes, 2359296);
}

static void names_of_any_kind_shift_no_field(void **state) {
  (void)state;
  static const struct {
    const char *name;
    struct span text, program;
  } cases[] = {
      {"a plain name", SPAN_LITERAL("4711 (sidecar)" TAIL), SPAN_LITERAL("sidecar")},
      {"blanks", SPAN_LITERAL("4711 (a b  c)" TAIL), SPAN_LITERAL("a b  c")},
      {"parentheses", SPAN_LITERAL("4711 ((sd-pam))" TAIL), SPAN_LITERAL("(sd-pam)")},
      {"a name like the fields after it", SPAN_LITERAL("4711 (x) Z 1 2 3)" TAIL),
       SPAN_LITERAL("x) Z 1 2 3")},
      {"newlines", SPAN_LITERAL("4711 (a\nb\n)" TAIL), SPAN_LITERAL("a\nb\n")},
      {"bytes that are no text", SPAN_LITERAL("4711 (\xFF\x01)" TAIL),
       SPAN_LITERAL("\xFF\x01")},
      {"no name at all", SPAN_LITERAL("4711 ()" TAIL), SPAN_LITERAL("")},
      {"opening parentheses only", SPAN_LITERAL("4711 ((((((()" TAIL), SPAN_LITERAL("((((((")},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span copy = exact_copy(cases[i].text);
    struct proc_stat stat;
    check_int(cases[i].name, proc_stat_parse(copy, &stat), 0);
    check_span(cases[i].name, stat.name, cases[i].program);
    check_tail(cases[i].name, &stat);
    exact_free(copy);
  }
}

static void other_texts_are_not_stat(void **state) {
  (void)state;
  static const struct {
    const char *name;
    struct span text;
  } cases[] = {
      {"nothing", SPAN_LITERAL("")},
      {"no name", SPAN_LITERAL("4711 S 1 2 3")},
      {"a name that does not end", SPAN_LITERAL("4711 (sidecar S 1 2 3")},
      {"a name that does not begin", SPAN_LITERAL("4711 sidecar)" TAIL)},
      {"parentheses the wrong way round", SPAN_LITERAL(")(")},
      {"a state of two letters", SPAN_LITERAL("1 (a) SS 1 2 3 0 -1 1 1 1 1 1 1 1 1 1 1 1 1 1 "
                                              "1 1 1 1\n")},
      {"a number with a letter", SPAN_LITERAL("1 (a) S 1 2 3 0 -1 1 1 1 1 1 1x 1 1 1 1 1 1 1 "
                                              "1 1 1\n")},
      {"a negative count", SPAN_LITERAL("1 (a) S 1 2 3 0 -1 1 1 1 1 1 -1 1 1 1 1 1 1 1 1 1 "
                                        "1\n")},
      {"a number past 64 bits",
       SPAN_LITERAL("1 (a) S 1 2 3 0 -1 1 1 1 1 1 99999999999999999999 1 1 1 1 1 1 1 1 1\n")},
      {"a field too few", SPAN_LITERAL("1 (a) S 1 2 3 0 -1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n")},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span copy = exact_copy(cases[i].text);
    struct proc_stat stat = {.threads = 4711};
    check_int(cases[i].name, proc_stat_parse(copy, &stat), -EBADMSG);
    check_int(cases[i].name, stat.threads, 4711);
    exact_free(copy);
  }
}

/* A number that lost its last digits would be the worst: wrong, and believed. */
static void a_truncated_text_is_rejected_or_correct(void **state) {
  (void)state;
  const struct span whole = SPAN_LITERAL("4711 (side car)" TAIL);
  size_t right = 0;
  for (size_t len = 0; len <= whole.len; len++) {
    struct span copy = exact_copy(span_make(whole.at, len));
    struct proc_stat stat;
    if (proc_stat_parse(copy, &stat) == 0) {
      check_tail("cut", &stat);
      right++;
    }
    exact_free(copy);
  }
  assert_true(right > 0 && right < whole.len);
}

static void states_and_kinds_are_distinguished(void **state) {
  (void)state;
  static const struct {
    const char *name;
    struct proc_stat stat;
    bool is_dead, is_kernel_thread;
  } cases[] = {
      {"running", {.state = 'R', .flags = 0x400100, .virtual_bytes = 1}, false, false},
      {"stopped", {.state = 'T', .virtual_bytes = 1}, false, false},
      {"in an uninterruptible wait", {.state = 'D', .virtual_bytes = 1}, false, false},
      {"ending: its memory is gone", {.state = 'R', .flags = 0x40010c}, true, false},
      {"a zombie", {.state = 'Z'}, true, false},
      {"dead", {.state = 'X'}, true, false},
      {"dead, as in Linux 2.6", {.state = 'x'}, true, false},
      {"a kernel thread that is idle", {.state = 'I', .flags = 69238880}, false, true},
      {"kthreadd", {.state = 'S', .flags = 0x208040}, false, true},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    check_int(cases[i].name, proc_stat_is_dead(&cases[i].stat), cases[i].is_dead);
    check_int(cases[i].name, proc_stat_is_kernel_thread(&cases[i].stat),
              cases[i].is_kernel_thread);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_of_any_kind_shift_no_field),
      cmocka_unit_test(other_texts_are_not_stat),
      cmocka_unit_test(a_truncated_text_is_rejected_or_correct),
      cmocka_unit_test(states_and_kinds_are_distinguished),
  };
  return cmocka_run_group_tests_name("proc_stat", tests, NULL, NULL);
}
