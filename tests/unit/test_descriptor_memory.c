/*
 * Each allocation of a round of readings fails once: the round returns an error, leaks no
 * memory, and the next one is exact.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

#include "cases.h"
#include "failing_allocations.h"
#include "held_process.h"

static struct held_folder folder;
static struct descriptors_reading reading;

static int hold_files(void *argument) {
  char path[PATH_MAX];
  for (unsigned i = 0; i < (uintptr_t)argument; i++) {
    snprintf(path, sizeof(path), "%s/%u", folder.path, i);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || flock(fd, LOCK_SH) != 0)
      return -1;
  }
  return 0;
}

/* Returns 0 or the first error. */
static int read_round(struct held_process *held) {
  struct descriptors *descriptors = NULL;
  struct lock_table *locks = NULL;
  int status = lock_table_new(&locks);
  if (status == 0)
    status = lock_table_refresh(locks, held->host);
  if (status == 0)
    status = descriptors_new(NULL, 0, 0, &descriptors);
  if (status == 0)
    status = descriptors_read(descriptors, held->process, locks, NULL, 0, NULL, &reading);
  if (descriptors != NULL && locks != NULL && status != 0) {
    allocations_left = -1;
    assert_int_equal(
        descriptors_read(descriptors, held->process, locks, NULL, 0, NULL, &reading), 0);
    assert_int_equal(reading.total, held_process_count(held).total);
  }
  descriptors_free(descriptors);
  lock_table_free(locks);
  return status;
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  enum { FILES = 300 };
  struct held_process held;
  held_folder_create(&folder);
  held_process_start(&held);
  held_process_do(&held, hold_files, (void *)FILES);

  long failed = 0;
  for (;; failed++) {
    allocations_left = failed;
    int status = read_round(&held);
    bool none_failed = allocations_left >= 0;
    allocations_left = -1;
    if (none_failed) {
      assert_int_equal(status, 0);
      break;
    }
    assert_int_equal(status, -ENOMEM);
  }
  assert_in_range(failed, 5, 100);
  /* /proc/locks is no snapshot: one may be seen twice while others on the machine change */
  for (int i = 0; i < 100 && reading.locks_held != FILES; i++)
    assert_int_equal(read_round(&held), 0);
  assert_int_equal(reading.locks_held, FILES);
  held_process_end(&held);
  held_folder_remove(&folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
  return cmocka_run_group_tests_name("descriptor_memory", tests, NULL, NULL);
}
