/*
 * Any bytes as a CPU profile: the functions that are listed used no more than the whole, and
 * each has a text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/go/cpu_profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
  if (!condition)
    abort();
}

static void check(const struct cpu_profile *profile) {
  uint64_t left_ns = profile->cpu_ns;
  require(profile->len <= CPU_USERS_MAX);
  for (size_t i = 0; i < profile->len; i++) {
    const struct cpu_user *user = &profile->users[i];
    require(user->ns > 0 && user->ns <= left_ns);
    require(i == 0 || user->ns <= profile->users[i - 1].ns);
    require(strlen(user->text) < SITE_TEXT_MAX);
    left_ns -= user->ns;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const struct pattern_list no_patterns;
  static struct stack_matcher *matcher;
  struct cpu_profile profile;
  if (matcher == NULL)
    require(stack_matcher_new(&no_patterns, &matcher) == 0);
  int status = cpu_profile_parse(span_make((const char *)data, size), matcher, &profile);
  if (status == 0)
    check(&profile);
  return 0;
}
