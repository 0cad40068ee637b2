/* The capped buffer: completely or not at all, never above the cap, always NUL-terminated. */
#include "common/buffer.h"

#include <errno.h>

#include "cases.h"

static void an_empty_buffer_is_an_empty_string(void **state) {
  (void)state;
  autobuffer(b, 10);
  assert_null(b.data);
  assert_string_equal(buffer_string(&b), "");
  assert_int_equal(buffer_span(&b).len, 0);
  buffer_reset(&b);
  assert_int_equal(buffer_append(&b, NULL, 0), 0);
  assert_string_equal(buffer_string(&b), "");
}

static void bytes_are_appended_completely_or_not_at_all(void **state) {
  (void)state;
  autobuffer(b, 8);
  assert_int_equal(buffer_append(&b, "ab\0cd", 5), 0);
  assert_int_equal(buffer_append(&b, "efgh", 4), -EMSGSIZE);
  check_span("after a refusal", buffer_span(&b), SPAN_LITERAL("ab\0cd"));
  assert_int_equal(buffer_append_string(&b, "efg"), 0);
  assert_int_equal(buffer_append_string(&b, "h"), -EMSGSIZE);
  assert_int_equal(buffer_append_string(&b, ""), 0);
  check_span("at the cap", buffer_span(&b), SPAN_LITERAL("ab\0cdefg"));
  assert_int_equal(b.data[b.len], '\0');
}

static void it_grows_to_the_cap_and_not_further(void **state) {
  (void)state;
  enum { MAX = 100000 };
  autobuffer(b, MAX);
  for (size_t i = 0; i < MAX; i++) {
    char c = (char)('a' + i % 26);
    assert_int_equal(buffer_append(&b, &c, 1), 0);
    assert_true(b.capacity <= MAX + 1);
  }
  assert_int_equal(buffer_append(&b, "x", 1), -EMSGSIZE);
  assert_int_equal(b.len, MAX);
  for (size_t i = 0; i < MAX; i++)
    assert_int_equal(b.data[i], 'a' + (char)(i % 26));
}

static void a_reset_keeps_the_memory_and_free_releases_it(void **state) {
  (void)state;
  struct buffer b;
  buffer_init(&b, 1000);
  assert_int_equal(buffer_append_string(&b, "one"), 0);
  const char *memory = b.data;
  buffer_reset(&b);
  assert_ptr_equal(b.data, memory);
  assert_string_equal(buffer_string(&b), "");
  buffer_free(&b);
  assert_null(b.data);
  assert_int_equal(b.max, 1000);
  assert_int_equal(buffer_append_string(&b, "again"), 0);
  assert_string_equal(buffer_string(&b), "again");
  buffer_free(&b);
  buffer_free(NULL);
}

static void printf_appends_or_changes_nothing(void **state) {
  (void)state;
  autobuffer(b, 10);
  assert_int_equal(buffer_printf(&b, "%d-%s", 12, "ab"), 0);
  assert_int_equal(buffer_printf(&b, "%s", ""), 0);
  assert_int_equal(buffer_printf(&b, "%06d", 1), -EMSGSIZE);
  assert_string_equal(buffer_string(&b), "12-ab");
  assert_int_equal(buffer_printf(&b, "%05d", 1), 0);
  assert_string_equal(buffer_string(&b), "12-ab00001");
}

static void a_long_printf_is_not_cut(void **state) {
  (void)state;
  autobuffer(b, 100000);
  assert_int_equal(buffer_printf(&b, "%*d", 70000, 7), 0);
  assert_int_equal(b.len, 70000);
  assert_int_equal(b.data[69999], '7');
}

static void reserved_room_is_filled_by_the_caller(void **state) {
  (void)state;
  autobuffer(b, 600);
  assert_int_equal(buffer_append_string(&b, "head "), 0);
  char *room = buffer_reserve(&b, 500);
  assert_non_null(room);
  memset(room, 'x', 500);
  assert_int_equal(b.len, 5); /* until the caller says so */
  b.len += 500;
  room[500] = '\0';
  assert_null(buffer_reserve(&b, 96));
  assert_int_equal(b.len, 505);
  assert_non_null(buffer_reserve(&b, 95));
}

static void an_unlimited_cap_does_not_overflow(void **state) {
  (void)state;
  autobuffer(b, SIZE_MAX);
  assert_int_equal(buffer_append_string(&b, "x"), 0);
  assert_null(buffer_reserve(&b, SIZE_MAX));
  assert_null(buffer_reserve(&b, SIZE_MAX - 1));
  assert_string_equal(buffer_string(&b), "x");
}

static void a_cap_of_zero_accepts_nothing(void **state) {
  (void)state;
  autobuffer(b, 0);
  assert_int_equal(buffer_append_string(&b, "x"), -EMSGSIZE);
  assert_int_equal(buffer_append_string(&b, ""), 0);
  assert_string_equal(buffer_string(&b), "");
}

static void in_memory_of_the_callers_it_ends_where_that_ends(void **state) {
  (void)state;
  char memory[6];
  struct buffer b = buffer_in(memory, sizeof(memory));
  assert_string_equal(buffer_string(&b), "");
  assert_int_equal(buffer_append_string(&b, "123"), 0);
  assert_int_equal(buffer_append_string(&b, "456"), -EMSGSIZE);
  assert_int_equal(buffer_printf(&b, "%d", 45), 0);
  assert_int_equal(buffer_printf(&b, "%d", 6), -EMSGSIZE);
  assert_string_equal(memory, "12345");
  assert_ptr_equal(b.data, memory);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(in_memory_of_the_callers_it_ends_where_that_ends),
      cmocka_unit_test(an_empty_buffer_is_an_empty_string),
      cmocka_unit_test(bytes_are_appended_completely_or_not_at_all),
      cmocka_unit_test(it_grows_to_the_cap_and_not_further),
      cmocka_unit_test(a_reset_keeps_the_memory_and_free_releases_it),
      cmocka_unit_test(printf_appends_or_changes_nothing),
      cmocka_unit_test(a_long_printf_is_not_cut),
      cmocka_unit_test(reserved_room_is_filled_by_the_caller),
      cmocka_unit_test(an_unlimited_cap_does_not_overflow),
      cmocka_unit_test(a_cap_of_zero_accepts_nothing),
  };
  return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
