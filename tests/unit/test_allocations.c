/* Which stacks allocated lately, from profiles that count since the start of the program. */
#include "sidecar/go/allocations.h"

#include <stdio.h>

#include "cases.h"

enum { MINUTE_MS = 60 * 1000 };

static struct allocations allocations;

/* A profile with so many bytes allocated by each site so far. */
static void take(uint64_t minute, const uint64_t *bytes, size_t len) {
  static struct heap_profile profile;
  memset(&profile, 0, sizeof(profile));
  for (size_t i = 0; i < len; i++) {
    struct site *site = &profile.allocated.sites[profile.allocated.len++];
    site->key = i + 1;
    site->weight = bytes[i];
    snprintf(site->text, sizeof(site->text), "f%zu", i);
    profile.allocated_bytes += bytes[i];
  }
  allocations_update(&allocations, &profile, minute * MINUTE_MS);
}

static void check_lately(const char *name, uint64_t minutes, uint64_t bytes,
                         const char *expected) {
  const struct allocations_lately *lately = allocations_get(&allocations);
  if (lately == NULL)
    fail_msg("%s: nothing is known", name);
  char text[2048] = "";
  for (size_t i = 0; i < lately->len; i++) {
    size_t used = strlen(text);
    snprintf(text + used, sizeof(text) - used, "%s+%llu ", lately->sites[i].text,
             (unsigned long long)lately->sites[i].weight);
  }
  check_int(name, lately->span_ms, minutes * MINUTE_MS);
  check_int(name, lately->bytes, bytes);
  if (strcmp(text, expected) != 0)
    fail_msg("%s: %s, not %s", name, text, expected);
}

static void one_profile_says_nothing_about_lately(void **state) {
  (void)state;
  memset(&allocations, 0, sizeof(allocations));
  assert_null(allocations_get(&allocations));
  take(0, (const uint64_t[]){1000, 2000}, 2);
  assert_null(allocations_get(&allocations));
}

static void the_stack_that_allocates_now_is_named_not_the_one_that_once_did(void **state) {
  (void)state;
  memset(&allocations, 0, sizeof(allocations));
  take(0, (const uint64_t[]){900000, 10}, 2);
  take(1, (const uint64_t[]){900002, 1010}, 2);
  check_lately("a second profile", 1, 1002, "f1+1000 f0+2 ");
}

static void what_was_allocated_long_ago_is_forgotten(void **state) {
  (void)state;
  memset(&allocations, 0, sizeof(allocations));
  for (uint64_t minute = 0; minute <= 60; minute++) {
    uint64_t first = minute < 30 ? minute : 30, second = minute - first;
    take(minute, (const uint64_t[]){1000 * first, 500 * second}, 2);
  }
  const struct allocations_lately *lately = allocations_get(&allocations);
  assert_non_null(lately);
  assert_in_range(lately->span_ms, ALLOCATIONS_SPAN_MS, 2 * ALLOCATIONS_SPAN_MS);
  assert_int_equal(lately->len, 1);
  assert_string_equal(lately->sites[0].text, "f1");
  assert_int_equal(lately->sites[0].weight, 500 * lately->span_ms / MINUTE_MS);
}

static void the_span_stays_between_the_bounds(void **state) {
  (void)state;
  memset(&allocations, 0, sizeof(allocations));
  for (uint64_t minute = 0; minute < 200; minute++) {
    take(minute, (const uint64_t[]){1 + minute}, 1);
    const struct allocations_lately *lately = allocations_get(&allocations);
    if (lately == NULL)
      continue;
    uint64_t all_ms = minute * MINUTE_MS;
    assert_true(lately->span_ms >=
                (all_ms < ALLOCATIONS_SPAN_MS ? all_ms : ALLOCATIONS_SPAN_MS));
    assert_true(lately->span_ms <= 2 * ALLOCATIONS_SPAN_MS + MINUTE_MS);
    assert_int_equal(lately->bytes, lately->span_ms / MINUTE_MS);
  }
}

static void rare_profiles_are_compared_with_those_before(void **state) {
  (void)state;
  memset(&allocations, 0, sizeof(allocations));
  for (uint64_t hour = 0; hour < 5; hour++) {
    take(60 * hour, (const uint64_t[]){100 * hour}, 1);
    if (hour > 0)
      check_lately("an hour each", hour < 2 ? 60 : 120, hour < 2 ? 100 : 200,
                   hour < 2 ? "f0+100 " : "f0+200 ");
  }
}

static void a_program_that_does_not_sample_has_no_sites(void **state) {
  (void)state;
  static const struct heap_profile unknown = {.allocated_bytes = VALUE_UNKNOWN};
  memset(&allocations, 0, sizeof(allocations));
  allocations_update(&allocations, &unknown, 0);
  allocations_update(&allocations, &unknown, MINUTE_MS);
  assert_null(allocations_get(&allocations));
}

/* A week of other work in 400 stacks, then a new one: it is named, and never overestimated. */
static void a_new_stack_is_found_after_days_of_other_work(void **state) {
  (void)state;
  static struct site_table table;
  static struct heap_profile profile;
  memset(&allocations, 0, sizeof(allocations));
  for (uint64_t minute = 0; minute < 20; minute++) {
    site_table_init(&table);
    for (uint64_t i = 1; i <= 400; i++)
      site_table_add(&table, &(struct site){.key = i * UINT64_C(0x9E3779B97F4A7C15),
                                            .weight = 1000000 / i + minute * 100 / i,
                                            .text = "other"});
    if (minute > 10)
      site_table_add(&table,
                     &(struct site){.key = 7, .weight = (minute - 10) * 3000, .text = "new"});
    profile.allocated_bytes = 6500000 + minute * 650 + (minute > 10 ? (minute - 10) * 3000 : 0);
    profile.allocated.len = site_table_list(&table, profile.allocated.sites, HEAP_ALLOCATED_MAX,
                                            &profile.allocated.unlisted_max);
    allocations_update(&allocations, &profile, minute * MINUTE_MS);
  }
  const struct allocations_lately *lately = allocations_get(&allocations);
  assert_string_equal(lately->sites[0].text, "new");
  assert_in_range(lately->sites[0].weight, 9 * 3000 / 2, 9 * 3000);
}

/* Whatever a program answers: nothing is negative. */
static void counters_that_go_back_are_no_allocations(void **state) {
  (void)state;
  memset(&allocations, 0, sizeof(allocations));
  take(0, (const uint64_t[]){5000, 7}, 2);
  take(1, (const uint64_t[]){10, 9}, 2);
  check_lately("less than before", 1, 0, "f1+2 ");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_profile_says_nothing_about_lately),
      cmocka_unit_test(the_stack_that_allocates_now_is_named_not_the_one_that_once_did),
      cmocka_unit_test(what_was_allocated_long_ago_is_forgotten),
      cmocka_unit_test(the_span_stays_between_the_bounds),
      cmocka_unit_test(rare_profiles_are_compared_with_those_before),
      cmocka_unit_test(a_program_that_does_not_sample_has_no_sites),
      cmocka_unit_test(a_new_stack_is_found_after_days_of_other_work),
      cmocka_unit_test(counters_that_go_back_are_no_allocations),
  };
  return cmocka_run_group_tests_name("allocations", tests, NULL, NULL);
}
