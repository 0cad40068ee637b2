/* Files read line by line in bounded memory. */
#include "sidecar/linux/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cases.h"
#include "replay_tree.h"

static void lines_are_returned_unchanged(void **state) {
  (void)state;
  enum { LONG = 3 * LINE_READER_MAX };
  struct replay_tree tree;
  static char content[LONG + 64 * 1024];
  size_t len = 0;
  replay_tree_create(&tree);

  /* lines of every length up to beyond a piece, one far too long, one without an end */
  for (size_t i = 0; i < 300; i++) {
    memset(content + len, 'a' + (int)(i % 26), i);
    len += i;
    content[len++] = '\n';
  }
  memset(content + len, '#', LONG);
  len += LONG;
  content[len++] = '\n';
  memcpy(content + len, "last", 4);
  len += 4;
  replay_tree_add_file(&tree, "list", span_make(content, len));

  autoprocfslines(file);
  struct line line;
  int directory = open(tree.root, O_RDONLY | O_DIRECTORY);
  assert_int_equal(procfs_lines_open(&file, directory, "list"), 0);
  for (size_t i = 0; i < 300; i++) {
    assert_int_equal(procfs_lines_next(&file, &line), 1);
    assert_int_equal(line.text.len, i);
    assert_false(line.is_long);
    for (size_t at = 0; at < i; at++)
      assert_int_equal(line.text.at[at], 'a' + (int)(i % 26));
  }
  assert_int_equal(procfs_lines_next(&file, &line), 1);
  assert_true(line.is_long);
  assert_int_equal(line.text.len, LINE_READER_MAX);
  assert_int_equal(procfs_lines_next(&file, &line), 1);
  check_span("a last line without a newline", line.text, SPAN_LITERAL("last"));
  assert_int_equal(procfs_lines_next(&file, &line), 0);
  assert_int_equal(procfs_lines_next(&file, &line), 0);
  close(directory);
  replay_tree_remove(&tree);
}

static void errors_are_returned(void **state) {
  (void)state;
  struct procfs_lines file;
  struct line line;
  assert_int_equal(procfs_lines_open(&file, AT_FDCWD, "/proc/self/no such file"), -ENOENT);
  procfs_lines_close(&file);
  assert_int_equal(procfs_lines_open(&file, AT_FDCWD, "/proc/self"), 0);
  assert_int_equal(procfs_lines_next(&file, &line), -EISDIR);
  procfs_lines_close(&file);
  assert_int_equal(procfs_lines_open(&file, AT_FDCWD, "/dev/null"), 0);
  assert_int_equal(procfs_lines_next(&file, &line), 0);
  procfs_lines_close(&file);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_are_returned_unchanged),
      cmocka_unit_test(errors_are_returned),
  };
  return cmocka_run_group_tests_name("line_file", tests, NULL, NULL);
}
