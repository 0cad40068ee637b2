/* The machine's lock list: captured ones, too long ones, unreadable ones, and the real one. */
#include "sidecar/os/locks.h"

#include <errno.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cases.h"
#include "common/buffer.h"
#include "replay_tree.h"
#include "sidecar/linux/locks.h"

struct captured {
  struct replay_tree tree;
  struct host *host;
  struct lock_table *table;
};

static void open_captured(struct captured *captured) {
  replay_tree_create(&captured->tree);
  assert_int_equal(host_open(captured->tree.root, &captured->host), 0);
  assert_int_equal(lock_table_new(&captured->table), 0);
}

static int refresh(struct captured *captured, struct span content) {
  replay_tree_add_file(&captured->tree, "locks", content);
  return lock_table_refresh(captured->table, captured->host);
}

static void close_captured(struct captured *captured) {
  lock_table_free(captured->table);
  host_close(captured->host);
  replay_tree_remove(&captured->tree);
}

static void locks_are_found_by_file(void **state) {
  (void)state;
  struct captured captured;
  open_captured(&captured);
  const struct lock_table *table = captured.table;
  assert_int_equal(refresh(&captured, SPAN_LITERAL("")), 0);
  assert_int_equal(table->len, 0);
  assert_int_equal(lock_table_find_inode(table, 20), table->len);

  assert_int_equal(
      refresh(&captured, SPAN_LITERAL("1: POSIX  ADVISORY  WRITE 7 fe:01:30 0 EOF\n"
                                      "1: -> POSIX  ADVISORY  WRITE 8 fe:01:30 0 EOF\n"
                                      "2: FLOCK  ADVISORY  WRITE 7 fe:01:20 0 EOF\n"
                                      "nonsense\n"
                                      "3: OFDLCK ADVISORY  READ  -1 fe:02:20 0 EOF\n"
                                      "4: LEASE  ACTIVE    READ  7 fe:01:20 0 EOF\n"
                                      "5: POSIX  ADVISORY  READ  9 fe:01:20 5 6\n"
                                      "6: POSIX  ADVISORY  READ  9 fe:01:10 0 EOF")),
      0);
  assert_int_equal(table->len, 5);
  assert_true(table->is_readable);
  assert_int_equal(lock_table_find_inode(table, 10), 0);
  assert_int_equal(lock_table_find_inode(table, 20), 1);
  assert_int_equal(lock_table_find_inode(table, 30), 4);
  assert_int_equal(lock_table_find_inode(table, 9), table->len);
  assert_int_equal(lock_table_find_inode(table, 25), table->len);
  assert_int_equal(lock_table_find_inode(table, 31), table->len);
  assert_int_equal(lock_table_file_end(table, 0), 1);
  assert_int_equal(lock_table_file_end(table, 1), 3); /* two on fe:01, one on fe:02 */
  assert_int_equal(lock_table_file_end(table, 2), 3);
  assert_int_equal(lock_table_file_end(table, 3), 4);
  for (size_t i = 0; i < table->len; i++)
    assert_int_equal(lock_table_find(table, &table->locks[i]), i);
  struct proc_lock other = table->locks[2];
  other.pid++;
  assert_int_equal(lock_table_find(table, &other), table->len);
  close_captured(&captured);
}

static void append_locks(struct buffer *list, unsigned count, const char *mark) {
  buffer_reset(list);
  for (unsigned i = 0; i < count; i++)
    assert_int_equal(
        buffer_printf(list, "1: %sPOSIX  ADVISORY  READ 7 fe:01:%u 0 EOF\n", mark, i), 0);
}

static void too_many_locks_are_rejected_until_there_are_fewer(void **state) {
  (void)state;
  struct captured captured;
  autobuffer(list, 32 * 1024 * 1024);
  open_captured(&captured);
  append_locks(&list, LOCK_TABLE_MAX, "");
  assert_int_equal(refresh(&captured, buffer_span(&list)), 0);
  assert_int_equal(captured.table->len, LOCK_TABLE_MAX);
  append_locks(&list, LOCK_TABLE_MAX + 1, "");
  assert_int_equal(refresh(&captured, buffer_span(&list)), -E2BIG);
  assert_false(captured.table->is_readable);
  assert_int_equal(captured.table->len, 0);
  assert_true(captured.table->capacity <= 64); /* the memory is given back */
  append_locks(&list, 4 * LOCK_TABLE_MAX + 1, "-> ");
  assert_int_equal(refresh(&captured, buffer_span(&list)), -E2BIG);
  append_locks(&list, 3, "");
  assert_int_equal(refresh(&captured, buffer_span(&list)), 0);
  assert_int_equal(captured.table->len, 3);
  assert_true(captured.table->is_readable);
  close_captured(&captured);
}

static void a_missing_table_is_an_error(void **state) {
  (void)state;
  struct captured captured;
  open_captured(&captured);
  assert_int_equal(lock_table_refresh(captured.table, captured.host), -ENOENT);
  assert_false(captured.table->is_readable);
  close_captured(&captured);
}

static void our_own_lock_is_in_the_real_list(void **state) {
  (void)state;
  struct host *host;
  struct lock_table *table;
  FILE *file = tmpfile();
  struct stat st;
  assert_non_null(file);
  assert_int_equal(flock(fileno(file), LOCK_EX), 0);
  assert_int_equal(fstat(fileno(file), &st), 0);
  assert_int_equal(host_open("/proc", &host), 0);
  assert_int_equal(lock_table_new(&table), 0);
  assert_int_equal(lock_table_refresh(table, host), 0);
  bool found = false;
  for (size_t i = lock_table_find_inode(table, st.st_ino);
       i < table->len && table->locks[i].inode == st.st_ino; i++)
    found = found || (table->locks[i].pid == getpid() && table->locks[i].is_write &&
                      table->locks[i].kind == PROC_LOCK_FLOCK);
  assert_true(found);
  lock_table_free(table);
  host_close(host);
  fclose(file);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(locks_are_found_by_file),
      cmocka_unit_test(too_many_locks_are_rejected_until_there_are_fewer),
      cmocka_unit_test(a_missing_table_is_an_error),
      cmocka_unit_test(our_own_lock_is_in_the_real_list),
  };
  return cmocka_run_group_tests_name("lock_table", tests, NULL, NULL);
}
