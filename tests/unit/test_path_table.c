/* The memory of paths, against a plain model of it. */
#include "sidecar/linux/path_table.h"

#include <stdio.h>

#include "cases.h"

static void keys_differ_from_table_to_table(void **state) {
  (void)state;
  struct path_table a, b;
  path_table_init(&a);
  path_table_init(&b);
  assert_true(siphash(&a.key, SPAN_LITERAL("/tmp/x")) !=
              siphash(&b.key, SPAN_LITERAL("/tmp/x")));
}

/* One reading that sees the paths from..to-1; returns how many were new. */
static unsigned read_paths(struct path_table *table, unsigned from, unsigned to,
                           unsigned checks) {
  unsigned added = 0;
  path_table_begin(table);
  for (unsigned i = from; i < to; i++) {
    char path[32];
    snprintf(path, sizeof(path), "/tmp/%u", i);
    uint64_t hash = siphash(&table->key, span_of(path));
    struct path_entry *entry = path_table_find(table, hash);
    if (entry == NULL) {
      entry = path_table_add(table, hash);
      assert_non_null(entry);
      entry->inode = i;
      entry->device = 0; /* counts the checks */
      added++;
    } else if (checks > 0 && path_table_is_due(table, entry)) {
      checks--;
      path_table_mark_checked(table, entry);
      entry->device++;
    }
    assert_int_equal(entry->inode, i);
    assert_true(path_table_see(table, entry));
    entry->opens++;
    assert_false(path_table_see(table, entry));
    assert_int_equal(entry->opens, 1);
  }
  path_table_end(table);
  assert_int_equal(table->len, to - from);
  return added;
}

static void entries_live_as_long_as_they_are_seen(void **state) {
  (void)state;
  struct path_table table;
  path_table_init(&table);
  assert_int_equal(read_paths(&table, 0, 5000, 0), 5000);
  assert_int_equal(read_paths(&table, 0, 5000, 0), 0);
  assert_int_equal(read_paths(&table, 2500, 7500, 0), 2500);
  assert_int_equal(read_paths(&table, 0, 5000, 0), 2500); /* the dropped ones are new */
  assert_int_equal(read_paths(&table, 4999, 5000, 0), 0);
  assert_int_equal(read_paths(&table, 0, 0, 0), 0);
  assert_null(table.entries);
  assert_int_equal(read_paths(&table, 0, 3, 0), 3);
  path_table_clear(&table);
}

static void readings_of_any_kind_agree_with_a_model(void **state) {
  (void)state;
  struct path_table table;
  path_table_init(&table);
  unsigned from = 0, to = 0, random = 12345;
  for (int i = 0; i < 2000; i++) {
    random = random * 1103515245 + 12345;
    unsigned new_from = (random >> 16) % 300, new_to = new_from + (random >> 8) % 200;
    unsigned common_from = new_from > from ? new_from : from;
    unsigned common_to = new_to < to ? new_to : to;
    unsigned common = common_to > common_from ? common_to - common_from : 0;
    assert_int_equal(read_paths(&table, new_from, new_to, 10), new_to - new_from - common);
    from = new_from, to = new_to;
  }
  path_table_clear(&table);
}

static void memory_is_released_after_a_leak(void **state) {
  (void)state;
  struct path_table table;
  path_table_init(&table);
  read_paths(&table, 0, 100000, 0);
  assert_true(table.capacity >= 100000);
  read_paths(&table, 0, 100, 0);
  assert_true(table.capacity <= 200);
  assert_true(table.index_size <= 512);
  assert_int_equal(read_paths(&table, 0, 100, 0), 0);
  path_table_clear(&table);
}

static void a_hundred_paths_take_little_memory(void **state) {
  (void)state;
  struct path_table table;
  path_table_init(&table);
  read_paths(&table, 0, 100, 0);
  size_t bytes = sizeof(table) + table.capacity * sizeof(*table.entries) +
                 table.index_size * sizeof(*table.index);
  assert_true(bytes <= 10 * 1024);
  path_table_clear(&table);
}

static void checks_rotate_over_all_entries(void **state) {
  (void)state;
  enum { PATHS = 1234, CHECKS = 500 };
  struct path_table table;
  path_table_init(&table);
  read_paths(&table, 0, PATHS, CHECKS);
  for (unsigned round = 1; round <= 5; round++) {
    for (int reading = 0; reading < 3; reading++) /* 500 + 500 + 234 */
      read_paths(&table, 0, PATHS, CHECKS);
    for (size_t i = 0; i < table.len; i++)
      assert_int_equal(table.entries[i].device, round);
  }
  path_table_clear(&table);
}

static void few_paths_are_checked_in_each_reading(void **state) {
  (void)state;
  struct path_table table;
  path_table_init(&table);
  read_paths(&table, 0, 500, 500);
  for (unsigned reading = 1; reading <= 5; reading++) {
    read_paths(&table, 0, 500, 500);
    for (size_t i = 0; i < table.len; i++)
      assert_int_equal(table.entries[i].device, reading);
  }
  path_table_clear(&table);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keys_differ_from_table_to_table),
      cmocka_unit_test(entries_live_as_long_as_they_are_seen),
      cmocka_unit_test(readings_of_any_kind_agree_with_a_model),
      cmocka_unit_test(memory_is_released_after_a_leak),
      cmocka_unit_test(a_hundred_paths_take_little_memory),
      cmocka_unit_test(checks_rotate_over_all_entries),
      cmocka_unit_test(few_paths_are_checked_in_each_reading),
  };
  return cmocka_run_group_tests_name("path_table", tests, NULL, NULL);
}
