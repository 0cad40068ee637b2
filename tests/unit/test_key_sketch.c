/* The counts of the most frequent keys, against exact ones. */
#include "sidecar/linux/key_sketch.h"

#include "cases.h"

/* splitmix64: as good as keyed hashes, and the same in each run. */
static uint64_t random_number(uint64_t *seed) {
  uint64_t z = *seed += UINT64_C(0x9E3779B97F4A7C15);
  z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
  return z ^ z >> 31;
}

static uint64_t key_of(size_t i) {
  uint64_t seed = i;
  return random_number(&seed);
}

static void few_keys_are_counted_exactly(void **state) {
  (void)state;
  struct key_sketch sketch = {0};
  static const uint64_t keys[KEY_SKETCH_WAYS] = {0, 1, 2, 3, 4, 5, 6, 7}; /* of one bucket */
  for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
    assert_false(key_sketch_is_exact(&sketch, keys[i]));
  for (uint32_t round = 1; round <= 100; round++)
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
      const struct key_count *count = key_sketch_add(&sketch, keys[i]);
      assert_int_equal(count->key, keys[i]);
      assert_int_equal(count->count, round);
      assert_int_equal(count->uncertainty, 0);
    }
  for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
    assert_true(key_sketch_is_exact(&sketch, keys[i]));
  assert_false(key_sketch_is_exact(&sketch, 8));
}

static void a_replaced_key_is_not_exact(void **state) {
  (void)state;
  struct key_sketch sketch = {0};
  for (uint64_t key = 1; key <= KEY_SKETCH_WAYS; key++)
    key_sketch_add(&sketch, key);
  for (uint64_t key = 2; key <= KEY_SKETCH_WAYS; key++)
    key_sketch_add(&sketch, key);
  const struct key_count *count = key_sketch_add(&sketch, 99); /* instead of 1, the rarest */
  assert_int_equal(count->count, 1);
  assert_int_equal(count->uncertainty, 1);
  assert_false(key_sketch_is_exact(&sketch, 99));
  assert_false(key_sketch_is_exact(&sketch, 1));
  assert_true(key_sketch_is_exact(&sketch, 2));
}

/* 100,000 keys, a few of which are frequent, in any order. */
static void a_frequent_key_is_found_among_many(void **state) {
  (void)state;
  enum { KEYS = 100000, FREQUENT = 3, ADDED = 300000 };
  static uint32_t exact[KEYS];
  static struct key_sketch sketch;
  struct key_count most = {0};
  uint64_t seed = 1;
  for (size_t i = 0; i < ADDED; i++) {
    uint64_t number = random_number(&seed);
    size_t which = number % 100 < 20 ? (number >> 32) % FREQUENT : (number >> 32) % KEYS;
    exact[which]++;
    const struct key_count *count = key_sketch_add(&sketch, key_of(which));
    assert_true(count->count <= exact[which]);
    assert_true(count->count + count->uncertainty >= exact[which]);
    if (count->count > most.count)
      most = *count;
  }
  size_t found = 0;
  while (found < FREQUENT && key_of(found) != most.key)
    found++;
  assert_true(found < FREQUENT);
  assert_true(most.count > ADDED / 100 * 20 / FREQUENT / 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(few_keys_are_counted_exactly),
      cmocka_unit_test(a_replaced_key_is_not_exact),
      cmocka_unit_test(a_frequent_key_is_found_among_many),
  };
  return cmocka_run_group_tests_name("key_sketch", tests, NULL, NULL);
}
