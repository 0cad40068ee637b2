/*
 * What the fuzz harnesses of profiles with stacks share: a requirement, a matcher of the
 * default patterns, and where a body is cut into chunks.
 */
#ifndef FUZZ_PROFILE_FUZZING_H
#define FUZZ_PROFILE_FUZZING_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/go/site.h"
#include "sidecar/go/stack.h"

static inline void require(bool condition) {
  if (!condition)
    abort();
}

static inline struct stack_matcher *matcher_new(const struct pattern_default *defaults) {
  static struct pattern_list patterns;
  struct stack_matcher *matcher;
  require(pattern_list_add_defaults(&patterns, defaults) == 0);
  require(stack_matcher_new(&patterns, &matcher) == 0);
  return matcher;
}

/* The length of the chunk that ends at `at`, from the bytes of the body there: a long one at
 * long_at, a byte that bodies of that kind have often. */
static inline size_t next_piece(const uint8_t *data, size_t size, size_t at, char long_at) {
  size_t n = 1 + data[at] % 64 + (data[at] == (uint8_t)long_at ? 5000 : 0);
  return n < size - at ? n : size - at;
}

/* In one piece and in chunks a body has the same sites. */
static inline void require_same_sites(const struct site_top *whole,
                                      const struct site_top *pieces) {
  require(whole->len == pieces->len);
  for (size_t i = 0; i < whole->len; i++)
    require(strcmp(whole->sites[i].text, pieces->sites[i].text) == 0);
}

#endif
