/* The heaviest sites are found in fixed memory, and the bounds for the others are correct. */
#include "sidecar/go/site.h"

#include <stdbool.h>
#include <stdio.h>

#include "cases.h"

static struct site_table table;
static struct site_top top;

static uint64_t hash_of(uint64_t number) {
  number = (number + 1) * UINT64_C(0x9E3779B97F4A7C15);
  number = (number ^ number >> 31) * UINT64_C(0xBF58476D1CE4E5B9);
  return number ^ number >> 29;
}

static void add(uint64_t number, uint64_t weight, uint64_t minutes) {
  struct site site = {.key = hash_of(number),
                      .weight = weight,
                      .objects = 1,
                      .oldest_minutes = minutes,
                      .state = GOROUTINE_SELECT};
  snprintf(site.text, sizeof(site.text), "main.f%llu", (unsigned long long)number);
  site_table_add(&table, &site);
}

static void an_empty_table_has_no_top(void **state) {
  (void)state;
  site_table_init(&table);
  site_table_top(&table, &top);
  assert_int_equal(top.len, 0);
  assert_int_equal(top.unlisted_max, 0);
}

static void few_sites_are_counted_exactly_and_listed_by_weight(void **state) {
  (void)state;
  site_table_init(&table);
  for (uint64_t round = 0; round < 10; round++) {
    for (uint64_t i = 0; i < 20; i++)
      add(i, i + 1, i * round);
  }
  site_table_top(&table, &top);
  assert_int_equal(top.len, 20);
  assert_int_equal(top.unlisted_max, 0);
  for (uint64_t i = 0; i < 20; i++) {
    const struct site *site = &top.sites[i];
    uint64_t number = 19 - i;
    char text[32];
    snprintf(text, sizeof(text), "main.f%llu", (unsigned long long)number);
    check_int(text, site->key, hash_of(number));
    check_int(text, site->weight, 10 * (number + 1));
    check_int(text, site->uncertainty, 0);
    check_int(text, site->objects, 10);
    check_int(text, site->oldest_minutes, 9 * number);
    check_int(text, site->state, GOROUTINE_SELECT);
    assert_string_equal(site->text, text);
  }
}

static void more_sites_than_are_listed_leave_a_bound(void **state) {
  (void)state;
  site_table_init(&table);
  for (uint64_t i = 0; i < SITE_TOP_MAX + 5; i++)
    add(i, 100 + i, 0);
  site_table_top(&table, &top);
  assert_int_equal(top.len, SITE_TOP_MAX);
  assert_int_equal(top.sites[SITE_TOP_MAX - 1].weight, 105);
  assert_int_equal(top.unlisted_max, 104);
}

static void equal_weights_are_listed_in_the_same_order_whatever_the_input_order(void **s) {
  (void)s;
  struct site_top *other = malloc(sizeof(*other));
  assert_non_null(other);
  site_table_init(&table);
  for (uint64_t i = 0; i < 40; i++)
    add(i, 7, 0);
  site_table_top(&table, &top);
  site_table_init(&table);
  for (uint64_t i = 40; i-- > 0;)
    add(i, 7, 0);
  site_table_top(&table, other);
  for (size_t i = 0; i < SITE_TOP_MAX; i++)
    check_int("key", other->sites[i].key, top.sites[i].key);
  free(other);
}

static void a_heavy_site_is_found_among_any_number_of_others(void **state) {
  (void)state;
  site_table_init(&table);
  /* it is one in fifty of a million, and comes late */
  for (uint64_t i = 1; i <= 1000000; i++)
    add(i >= 500000 && i % 25 == 0 ? 0 : i, 1, 0);
  site_table_top(&table, &top);
  assert_int_equal(top.len, SITE_TOP_MAX);
  assert_int_equal(top.sites[0].key, hash_of(0));
  assert_true(top.sites[0].weight <= 20001);
  assert_true(site_weight_max(&top.sites[0]) >= 20001);
  assert_true(top.sites[0].weight > 15000);
}

/* In any order, and whatever was replaced: no weight is overestimated, no weight with its
 * uncertainty is underestimated, and no unlisted one exceeds the bound. */
static void bounds_hold_for_streams_of_any_shape(void **state) {
  (void)state;
  enum { SITES = 3000 };
  static uint64_t truth[SITES];
  uint64_t random = 1;
  for (int shape = 0; shape < 60; shape++) {
    memset(truth, 0, sizeof(truth));
    site_table_init(&table);
    for (uint64_t i = 0; i < 6000; i++) {
      random = hash_of(random);
      uint64_t number = random % (shape % 2 != 0 ? SITES : 1 + i % SITES);
      uint64_t weight = shape % 3 == 0 ? 1 : shape % 3 == 1 ? i : 6000 - i;
      truth[number] += weight;
      add(number, weight, 0);
    }
    site_table_top(&table, &top);
    for (uint64_t number = 0; number < SITES; number++) {
      const struct site *listed = NULL;
      for (size_t i = 0; i < top.len; i++) {
        if (top.sites[i].key == hash_of(number))
          listed = &top.sites[i];
      }
      if (listed == NULL)
        assert_true(truth[number] <= top.unlisted_max);
      else
        assert_true(listed->weight <= truth[number] &&
                    truth[number] <= site_weight_max(listed));
    }
  }
}

static void weights_at_the_end_of_their_range_do_not_overflow(void **state) {
  (void)state;
  site_table_init(&table);
  for (int i = 0; i < 3; i++)
    add(1, UINT64_MAX - 1, 0);
  site_table_top(&table, &top);
  assert_true(top.sites[0].weight == VALUE_UNKNOWN - 1);
  top.sites[0].uncertainty = UINT64_MAX;
  assert_true(site_weight_max(&top.sites[0]) == VALUE_UNKNOWN - 1);
}

static void a_key_of_zero_is_a_site_like_any_other(void **state) {
  (void)state;
  site_table_init(&table);
  struct site site = {.key = 0, .weight = 3};
  site_table_add(&table, &site);
  site_table_add(&table, &site);
  site_table_top(&table, &top);
  assert_int_equal(top.len, 1);
  assert_int_equal(top.sites[0].weight, 6);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_empty_table_has_no_top),
      cmocka_unit_test(few_sites_are_counted_exactly_and_listed_by_weight),
      cmocka_unit_test(more_sites_than_are_listed_leave_a_bound),
      cmocka_unit_test(equal_weights_are_listed_in_the_same_order_whatever_the_input_order),
      cmocka_unit_test(a_heavy_site_is_found_among_any_number_of_others),
      cmocka_unit_test(bounds_hold_for_streams_of_any_shape),
      cmocka_unit_test(weights_at_the_end_of_their_range_do_not_overflow),
      cmocka_unit_test(a_key_of_zero_is_a_site_like_any_other),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
