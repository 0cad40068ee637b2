/* What differs between C libraries and between 32 and 64 bits, and must not. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "cases.h"
#include "common/clock.h"
#include "common/format.h"
#include "sidecar/linux/procfs.h"

static void sizes_inodes_and_dates_have_64_bits(void **state) {
  (void)state;
  check_int("off_t", sizeof(off_t), 8);
  check_int("ino_t", sizeof(ino_t), 8);
  check_int("time_t", sizeof(time_t), 8);
  check_int("d_off", sizeof(((struct dirent64 *)NULL)->d_off), 8);
}

static void a_file_of_more_than_4_gigabytes_is_no_error(void **state) {
  (void)state;
  const int64_t size = INT64_C(5) << 30;
  char path[] = "/tmp/sidecar-test-platform-XXXXXX";
  struct stat st;
  struct statx stx;
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  unlink(path);
  if (ftruncate(fd, size) != 0) {
    print_message("skipped: /tmp holds no large files\n");
    close(fd);
    skip();
  }
  check_int("fstat", fstat(fd, &st), 0);
  check_int("its size", st.st_size, size);
  check_int("statx", statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO | STATX_SIZE, &stx),
            0);
  check_int("statx's size", stx.stx_size, size);
  check_int("statx's inode", stx.stx_ino, st.st_ino);
  check_int("lseek", lseek(fd, size - 1, SEEK_SET), size - 1);
  close(fd);
}

static void a_directory_is_read_entry_by_entry(void **state) {
  (void)state;
  struct procfs_entries entries;
  const struct dirent64 *entry;
  char *buffer = malloc(PROCFS_ENTRIES_SIZE);
  int fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool found = false;
  char name[16];
  assert_true(fd >= 0);
  snprintf(name, sizeof(name), "%d", fd);
  check_int("start", procfs_entries_start(&entries, fd, 0, buffer), 0);
  int status;
  while ((status = procfs_entries_next(&entries, &entry)) > 0)
    found |= strcmp(entry->d_name, name) == 0;
  check_int("the end", status, 0);
  check_int("its own descriptor", found, true);
  close(fd);
  free(buffer);
}

static void a_date_after_2038_is_a_date(void **state) {
  (void)state;
  char text[CLOCK_READABLE_SIZE];
  assert_true(clock_format_utc(text, sizeof(text), CLOCK_READABLE, INT64_C(1) << 32));
  assert_string_equal(text, "2106-02-07 06:28:16 UTC");
}

static void eight_bytes_are_read_and_written_at_once(void **state) {
  (void)state;
  static _Atomic uint64_t number;
  atomic_store(&number, UINT64_C(0x123456789ABCDEF0));
  assert_true(atomic_load(&number) == UINT64_C(0x123456789ABCDEF0));
}

static void an_error_has_a_text(void **state) {
  (void)state;
  char text[FORMAT_ERROR_SIZE];
  assert_string_equal(format_error(text, ENOENT), "No such file or directory");
  assert_true(format_error(text, 99999)[0] != '\0');
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sizes_inodes_and_dates_have_64_bits),
      cmocka_unit_test(a_file_of_more_than_4_gigabytes_is_no_error),
      cmocka_unit_test(a_directory_is_read_entry_by_entry),
      cmocka_unit_test(a_date_after_2038_is_a_date),
      cmocka_unit_test(eight_bytes_are_read_and_written_at_once),
      cmocka_unit_test(an_error_has_a_text),
  };
  return cmocka_run_group_tests_name("platform", tests, NULL, NULL);
}
