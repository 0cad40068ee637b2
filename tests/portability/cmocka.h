/*
 * A stand-in for cmocka on platforms for which Debian 12 has no package of it: of its
 * interface, what the unit tests use. The report is TAP.
 */
#ifndef TESTS_PORTABILITY_CMOCKA_H
#define TESTS_PORTABILITY_CMOCKA_H

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct CMUnitTest {
  const char *name;
  void (*test_func)(void **state);
  int (*setup_func)(void **state);
  int (*teardown_func)(void **state);
};

enum { CASE_FAILED = 1, CASE_SKIPPED };

/* One for the whole program, whichever file fails. */
__attribute__((weak)) jmp_buf case_end;

#define cmocka_unit_test(f) cmocka_unit_test_setup_teardown(f, NULL, NULL)
#define cmocka_unit_test_setup(f, setup) cmocka_unit_test_setup_teardown(f, setup, NULL)
#define cmocka_unit_test_teardown(f, teardown)                                                 \
  cmocka_unit_test_setup_teardown(f, NULL, teardown)
#define cmocka_unit_test_setup_teardown(f, setup, teardown)                                    \
  { #f, f, setup, teardown }

#define print_message(...) printf(__VA_ARGS__)
#define skip() longjmp(case_end, CASE_SKIPPED)
#define fail_msg(...)                                                                          \
  (printf("# %s:%d: ", __FILE__, __LINE__), printf(__VA_ARGS__), putchar('\n'),                \
   longjmp(case_end, CASE_FAILED))
#define fail() fail_msg("failed")

#define check_that(condition, text)                                                            \
  do {                                                                                         \
    if (!(condition))                                                                          \
      fail_msg("not so: %s", text);                                                            \
  } while (0)

#define assert_true(c) check_that(c, #c)
#define assert_false(c) check_that(!(c), "!(" #c ")")
#define assert_null(p) check_that((p) == NULL, #p " == NULL")
#define assert_non_null(p) check_that((p) != NULL, #p " != NULL")
#define assert_ptr_equal(a, b) check_that((const void *)(a) == (const void *)(b), #a " == " #b)

/* As cmocka, which compares the bits. */
#define assert_int_equal(a, b)                                                                 \
  do {                                                                                         \
    unsigned long long a_ = (unsigned long long)(a), b_ = (unsigned long long)(b);             \
    if (a_ != b_)                                                                              \
      fail_msg("%s is %llu, not %llu", #a, a_, b_);                                            \
  } while (0)
#define assert_int_not_equal(a, b)                                                             \
  check_that((unsigned long long)(a) != (unsigned long long)(b), #a " != " #b)
#define assert_in_range(a, low, high)                                                          \
  do {                                                                                         \
    unsigned long long a_ = (a), low_ = (low), high_ = (high);                                 \
    check_that(a_ >= low_ && a_ <= high_, #a " in " #low " to " #high);                        \
  } while (0)

#define assert_string_equal(a, b)                                                              \
  do {                                                                                         \
    const char *a_ = (a), *b_ = (b);                                                           \
    if (strcmp(a_, b_) != 0)                                                                   \
      fail_msg("%s is \"%s\", not \"%s\"", #a, a_, b_);                                        \
  } while (0)
#define assert_string_not_equal(a, b) check_that(strcmp(a, b) != 0, #a " != " #b)
#define assert_memory_equal(a, b, n) check_that(memcmp(a, b, n) == 0, #a " == " #b)
#define assert_memory_not_equal(a, b, n) check_that(memcmp(a, b, n) != 0, #a " != " #b)

static inline int case_run(const struct CMUnitTest *test, void **state) {
  volatile int outcome = 0;
  if (test->setup_func != NULL && test->setup_func(state) != 0)
    return CASE_FAILED;
  int jumped = setjmp(case_end);
  if (jumped == 0)
    test->test_func(state);
  else
    outcome = jumped;
  if (test->teardown_func != NULL && test->teardown_func(state) != 0)
    return CASE_FAILED;
  return outcome;
}

static inline int case_run_all(const struct CMUnitTest *tests, size_t len,
                               int (*setup)(void **), int (*teardown)(void **)) {
  static const char *const before[] = {"ok", "not ok", "ok"}, *const behind[] = {"", "",
                                                                                 " # SKIP"};
  void *state = NULL;
  int failed = 0;
  printf("1..%zu\n", len);
  if (setup != NULL && setup(&state) != 0)
    return 1;
  for (size_t i = 0; i < len; i++) {
    void *own = state;
    int outcome = case_run(&tests[i], &own);
    printf("%s %zu - %s%s\n", before[outcome], i + 1, tests[i].name, behind[outcome]);
    fflush(stdout);
    failed += outcome == CASE_FAILED;
  }
  return failed + (teardown != NULL && teardown(&state) != 0);
}

#define cmocka_run_group_tests(tests, setup, teardown)                                         \
  case_run_all(tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)
#define cmocka_run_group_tests_name(name, tests, setup, teardown)                              \
  cmocka_run_group_tests(tests, setup, teardown)

#endif
