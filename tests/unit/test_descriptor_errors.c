/* Descriptors that cannot be read, that change during a reading, or that are too many. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"
#include "held_process.h"
#include "sidecar/linux/descriptors.h"
#include "sidecar/os/listener.h"
#include "sidecar/os/memory_map.h"

static struct descriptors_reading reading;

static struct descriptors *new_descriptors(void) {
  struct descriptors *descriptors;
  assert_int_equal(descriptors_new(NULL, 0, 0, &descriptors), 0);
  return descriptors;
}

static int read_into(struct descriptors *descriptors, struct process *process) {
  return descriptors_read(descriptors, process, NULL, NULL, 0, NULL, &reading);
}

/* --- permission --- */

static int read_descriptors(struct process *process) {
  struct descriptors *descriptors = new_descriptors();
  int status = read_into(descriptors, process);
  descriptors_free(descriptors);
  return status;
}

static int read_regions(struct process *process) {
  uint64_t regions;
  return memory_map_count_regions(process, &regions);
}

static int read_rollup(struct process *process) {
  struct memory_map_rollup rollup;
  return memory_map_read_rollup(process, &rollup);
}

static int read_listeners(struct process *process) {
  struct listener listeners[LISTENERS_MAX];
  size_t len;
  return listener_find(process, 6060, listeners, &len);
}

static void another_users_process_is_denied(void **state) {
  (void)state;
  struct held_process held;
  held_process_start(&held);
  assert_int_equal(call_as_nobody(read_descriptors, held.process), -EACCES);
  assert_int_equal(call_as_nobody(read_regions, held.process), -EACCES);
  assert_int_equal(call_as_nobody(read_rollup, held.process), -EACCES);
  assert_int_equal(call_as_nobody(read_listeners, held.process), -EACCES);
  held_process_end(&held);
}

/* --- ends --- */

static void a_process_that_ended_is_gone(void **state) {
  (void)state;
  struct held_process held;
  struct descriptors *descriptors = new_descriptors();
  held_process_start(&held);
  assert_int_equal(read_into(descriptors, held.process), 0);
  held_process_kill(&held);
  memset(&reading, 0x5A, sizeof(reading));
  assert_int_equal(read_into(descriptors, held.process), -ESRCH);
  assert_int_equal(reading.total, 0x5A5A5A5A5A5A5A5A);
  assert_int_equal(read_regions(held.process), -ESRCH);
  assert_int_equal(read_rollup(held.process), -ESRCH);
  held_process_end(&held);
  descriptors_free(descriptors);
}

/* One that has ended and was not waited for. */
static void start_zombie(struct held_process *held) {
  siginfo_t info;
  held_process_start(held);
  kill(held->pid, SIGKILL);
  assert_int_equal(waitid(P_PID, (id_t)held->pid, &info, WEXITED | WNOWAIT), 0);
}

static void a_zombie_has_neither_descriptors_nor_memory(void **state) {
  (void)state;
  struct held_process held;
  struct descriptors *descriptors = new_descriptors();
  start_zombie(&held);

  int status = read_into(descriptors, held.process);
  assert_true(status == -ESRCH || (status == 0 && reading.total == 0));
  assert_int_equal(process_verify(held.process), -ESRCH);
  assert_int_equal(read_regions(held.process), -ESRCH);
  assert_int_equal(read_rollup(held.process), -ESRCH);
  held_process_end(&held);
  descriptors_free(descriptors);
}

/* The kernel gives a zombie's files to root, and so denies them to its own user. */
static void a_zombie_has_ended_even_if_its_files_are_denied(void **state) {
  (void)state;
  struct held_process held;
  start_zombie(&held);
  assert_int_equal(call_as_nobody(read_descriptors, held.process), -ESRCH);
  assert_int_equal(call_as_nobody(read_regions, held.process), -ESRCH);
  assert_int_equal(call_as_nobody(read_rollup, held.process), -ESRCH);
  assert_int_equal(call_as_nobody(read_listeners, held.process), -ESRCH);
  held_process_end(&held);
}

/* --- changes --- */

/* A process that opens and closes until it is killed. */
static pid_t start_restless_process(void) {
  int ready[2];
  char byte = 0;
  assert_int_equal(pipe(ready), 0);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (write(ready[1], &byte, 1) != 1)
      _exit(1);
    for (unsigned random = 1;;) {
      random = random * 1103515245 + 12345;
      unsigned fd = 10 + (random >> 16) % 200;
      static const char *const files[] = {"/dev/null", "/", "/proc/self/stat", "/etc/passwd"};
      int opened = open(files[random >> 8 & 3], O_RDONLY);
      dup2(opened, (int)fd);
      close(opened);
      close((int)(10 + (random >> 4) % 200));
    }
  }
  assert_int_equal(read(ready[0], &byte, 1), 1);
  close(ready[0]);
  close(ready[1]);
  return pid;
}

static void descriptors_that_come_and_go_are_tolerated(void **state) {
  (void)state;
  struct host *host;
  struct process *process;
  struct descriptors *descriptors = new_descriptors();
  pid_t pid = start_restless_process();
  assert_int_equal(host_open("/proc", &host), 0);
  assert_int_equal(process_open(host, pid, &process), 0);
  for (int i = 0; i < 500; i++) {
    assert_int_equal(read_into(descriptors, process), 0);
    uint64_t sum = 0;
    for (size_t class = 0; class < DESCRIPTOR_CLASSES; class ++)
      sum += reading.by_class[class];
    assert_int_equal(sum, reading.total);
    assert_true(reading.duplicate <= reading.by_class[DESCRIPTOR_REGULAR]);
    assert_true(reading.same_file_max <= reading.by_class[DESCRIPTOR_REGULAR]);
    assert_int_equal(reading.by_class[DESCRIPTOR_INOTIFY], 0);
    assert_int_equal(reading.by_class[DESCRIPTOR_OTHER], 0);
  }
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  process_close(process);
  host_close(host);
  descriptors_free(descriptors);
}

/* --- too many --- */

static int hold_copies_of_null(void *argument) {
  for (unsigned i = 0; i < (uintptr_t)argument; i++)
    if (dup(0) < 0)
      return -1;
  return 0;
}

static int close_last(void *argument) {
  (void)argument;
  int fd = dup(0);
  close(fd);
  return close(fd - 1);
}

static void up_to_the_limit_are_read_and_more_are_rejected(void **state) {
  (void)state;
  struct held_process held;
  struct descriptors *descriptors = new_descriptors();
  assert_int_equal(descriptors->max, 1000000);
  held_process_start(&held);
  assert_int_equal(read_into(descriptors, held.process), 0);
  descriptors->max = reading.total + 300;
  held_process_do(&held, hold_copies_of_null, (void *)300);
  assert_int_equal(read_into(descriptors, held.process), 0);
  assert_int_equal(reading.total, descriptors->max);
  held_process_do(&held, hold_copies_of_null, (void *)1);
  assert_int_equal(read_into(descriptors, held.process), -E2BIG);
  held_process_do(&held, close_last, NULL);
  assert_int_equal(read_into(descriptors, held.process), 0);
  assert_int_equal(reading.total, descriptors->max);
  held_process_end(&held);
  descriptors_free(descriptors);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(another_users_process_is_denied),
      cmocka_unit_test(a_process_that_ended_is_gone),
      cmocka_unit_test(a_zombie_has_neither_descriptors_nor_memory),
      cmocka_unit_test(a_zombie_has_ended_even_if_its_files_are_denied),
      cmocka_unit_test(descriptors_that_come_and_go_are_tolerated),
      cmocka_unit_test(up_to_the_limit_are_read_and_more_are_rejected),
  };
  return cmocka_run_group_tests_name("descriptor_errors", tests, NULL, NULL);
}
