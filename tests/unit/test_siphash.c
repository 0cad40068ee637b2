/* The hash, and its keys. */
#include "common/siphash.h"

#include "cases.h"
#include "common/random_key.h"

/* Values of another implementation: CPython's hash() of bytes with PYTHONHASHSEED=0. */
static void hash_is_siphash_1_3(void **state) {
  (void)state;
  static const struct {
    size_t len;
    uint64_t hash;
  } cases[] = {
      {1, 0x68a914128e01e473},  {7, 0x2f098ab0c751325a},  {8, 0xead411e67ebe2eea},
      {9, 0x75927f9d95124362},  {15, 0xf30eb725bb91c9ea}, {16, 0x8972188433a5c5b7},
      {63, 0x385d3e39e5f37359},
  };
  struct siphash_key key = {{0, 0}};
  char bytes[63];
  for (size_t i = 0; i < sizeof(bytes); i++)
    bytes[i] = (char)i;
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span copy = exact_copy(span_make(bytes, cases[i].len));
    assert_true(siphash(&key, copy) == cases[i].hash);
    exact_free(copy);
  }
}

static void names_of_any_length_hash_without_reading_past_them(void **state) {
  (void)state;
  enum { LENGTHS = 40 };
  struct siphash_key key = random_key_make();
  uint64_t hashes[LENGTHS];
  for (size_t len = 0; len < LENGTHS; len++) {
    char text[LENGTHS];
    memset(text, 0, sizeof(text));
    struct span copy = exact_copy(span_make(text, len));
    hashes[len] = siphash(&key, copy);
    exact_free(copy);
    for (size_t i = 0; i < len; i++)
      assert_true(hashes[len] != hashes[i]);
  }
}

static void keys_differ(void **state) {
  (void)state;
  struct siphash_key a = random_key_make(), b = random_key_make();
  assert_memory_not_equal(&a, &b, sizeof(a));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(hash_is_siphash_1_3),
      cmocka_unit_test(names_of_any_length_hash_without_reading_past_them),
      cmocka_unit_test(keys_differ),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
