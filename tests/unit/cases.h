/*
 * Shared by the tests of pure modules: cmocka with the headers it requires, checks that name
 * the failed case of a table, and copies of a text in memory of exactly its size, so that a
 * sanitizer or valgrind detects a read of one byte too many.
 */
#ifndef TESTS_UNIT_CASES_H
#define TESTS_UNIT_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/array.h"
#include "common/scan.h"

/* Fails with the name of the case when two numbers differ. */
#define check_int(name, actual, expected)                                                      \
  do {                                                                                         \
    long long actual_ = (long long)(actual), expected_ = (long long)(expected);                \
    if (actual_ != expected_)                                                                  \
      fail_msg("%s: %s is %lld, not %lld", name, #actual, actual_, expected_);                 \
  } while (0)

/* As check_int, for bytes. */
#define check_span(name, actual, expected)                                                     \
  do {                                                                                         \
    struct span actual_ = (actual), expected_ = (expected);                                    \
    if (actual_.len != expected_.len ||                                                        \
        (expected_.len > 0 && memcmp(actual_.at, expected_.at, expected_.len) != 0))           \
      fail_msg("%s: %s is \"%.*s\", not \"%.*s\"", name, #actual, (int)actual_.len,            \
               actual_.at, (int)expected_.len, expected_.at);                                  \
  } while (0)

/* A copy of exactly this size; free it with exact_free(). */
static inline struct span exact_copy(struct span s) {
  char *copy = malloc(s.len > 0 ? s.len : 1);
  assert_non_null(copy);
  if (s.len > 0)
    memcpy(copy, s.at, s.len);
  return span_make(copy, s.len);
}

static inline void exact_free(struct span copy) {
  free((void *)(uintptr_t)copy.at);
}

#endif
