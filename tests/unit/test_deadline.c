/* What a user can make long ends at the deadline, and is complete again without one. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cases.h"
#include "common/buffer.h"
#include "held_process.h"
#include "live_process.h"
#include "replay_tree.h"
#include "sidecar/linux/host.h"
#include "sidecar/os/descriptors.h"
#include "sidecar/os/listener.h"
#include "sidecar/os/locks.h"
#include "sidecar/os/memory_map.h"

static int map_regions(void *argument) {
  for (unsigned i = 0; i < (uintptr_t)argument; i++)
    if (mmap(NULL, 1, i % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
        MAP_FAILED)
      return -1;
  return 0;
}

static void *wait_for_ever(void *argument) {
  pause();
  return argument;
}

static int start_threads(void *argument) {
  pthread_t thread;
  for (unsigned i = 0; i < (uintptr_t)argument; i++)
    if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
      return -1;
  return 0;
}

static int hold_descriptors(void *argument) {
  for (unsigned i = 0; i < (uintptr_t)argument; i++)
    if (dup(0) < 0)
      return -1;
  return 0;
}

static int count_regions(struct process *process) {
  uint64_t regions;
  return memory_map_count_regions(process, &regions);
}

static int read_switches(struct process *process) {
  uint64_t voluntary, involuntary;
  return process_read_context_switches(process, &voluntary, &involuntary);
}

/* As on a kernel that does not count them. */
static int count_descriptors(struct process *process) {
  struct process_pulse pulse;
  assert_int_equal(process_read_pulse(process, &pulse), 0);
  assert_true((pulse.open_fds == VALUE_UNKNOWN) == (pulse.fds_error != 0));
  return pulse.fds_error;
}

static void check(struct host *host, struct process *process,
                  int (*read)(struct process *process)) {
  assert_int_equal(read(process), 0);
  host_set_deadline(host, 0);
  assert_int_equal(read(process), -ETIME);
  host_set_deadline(host, UINT64_MAX);
  assert_int_equal(read(process), 0);
}

static void readings_of_a_process_end_at_the_deadline(void **state) {
  (void)state;
  struct held_process held;
  allow_descriptors(20000);
  held_process_start(&held);
  held_process_do(&held, map_regions, (void *)10000);
  held_process_do(&held, start_threads, (void *)100);
  held_process_do(&held, hold_descriptors, (void *)10000);
  held.host->fd_count = FD_COUNT_IS_ENTRIES;
  check(held.host, held.process, count_regions);
  check(held.host, held.process, read_switches);
  check(held.host, held.process, count_descriptors);
  held_process_end(&held);
}

static void what_usual_processes_have_is_read_after_it(void **state) {
  (void)state;
  struct held_process held;
  struct descriptors *descriptors;
  struct descriptors_reading reading;
  held_process_start(&held);
  held_process_do(&held, hold_descriptors, (void *)400);
  held_process_do(&held, map_regions, (void *)1000);
  held_process_do(&held, start_threads, (void *)30);
  held.host->fd_count = FD_COUNT_IS_ENTRIES;
  host_set_deadline(held.host, 0);
  assert_int_equal(count_descriptors(held.process), 0);
  assert_int_equal(count_regions(held.process), 0);
  assert_int_equal(read_switches(held.process), 0);
  assert_int_equal(descriptors_new(NULL, 0, 0, &descriptors), 0);
  assert_int_equal(descriptors_read(descriptors, held.process, NULL, NULL, 0, NULL, &reading),
                   0);
  descriptors_free(descriptors);
  held_process_end(&held);
}

static int read_variable(struct process *process) {
  char value[16];
  return process_read_environment(process, "LAST", value, sizeof(value));
}

static void a_long_environment_is_searched_until_the_deadline(void **state) {
  (void)state;
  static char filler[120 * 1024] = "FILLER=";
  memset(filler + strlen(filler), 'x', sizeof(filler) - strlen(filler) - 1);
  const char *const environment[] = {filler, filler, "LAST=1", NULL};
  const char *const arguments[] = {"sleeper", "1000", NULL};
  pid_t pid = live_process_start(SLEEPER, arguments, environment, NULL);
  struct host *host;
  struct process *process;
  assert_int_equal(host_open("/proc", &host), 0);
  assert_int_equal(process_open(host, pid, &process), 0);
  check(host, process, read_variable);
  process_close(process);
  host_close(host);
  live_process_end(pid);
}

/* ---- the tables of the whole machine ---- */

static int find_listeners(struct process *process) {
  struct listener listeners[LISTENERS_MAX];
  size_t len;
  return listener_find(process, 6060, listeners, &len);
}

static struct lock_table *locks;
static struct host *captured;

static int refresh_locks(struct process *process) {
  (void)process;
  return lock_table_refresh(locks, captured);
}

static void tables_of_the_machine_are_read_until_the_deadline(void **state) {
  (void)state;
  struct replay_tree tree;
  struct process *process;
  autobuffer(text, 1024 * 1024);
  replay_tree_create(&tree);
  replay_tree_unpack(&tree, "sidecar");
  for (unsigned i = 0; i < 1000; i++)
    buffer_printf(&text,
                  "%4u: 0100007F:%04X 00000000:0000 0A 00000000:00000000 00:00000000 "
                  "00000000     0        0 %u 1 0000000000000000 100 0 0 10 0\n",
                  i, i + 10000, i + 1);
  replay_tree_add_file(&tree, "18891/net/tcp", buffer_span(&text));
  buffer_reset(&text);
  for (unsigned i = 0; i < 1000; i++)
    buffer_printf(&text, "1: POSIX  ADVISORY  READ 7 fe:01:%u 0 EOF\n", i);
  replay_tree_add_file(&tree, "locks", buffer_span(&text));

  assert_int_equal(host_open(tree.root, &captured), 0);
  assert_int_equal(process_open(captured, 18891, &process), 0);
  assert_int_equal(lock_table_new(&locks), 0);
  check(captured, process, find_listeners);
  check(captured, process, refresh_locks);
  lock_table_free(locks);
  process_close(process);
  host_close(captured);
  replay_tree_remove(&tree);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(readings_of_a_process_end_at_the_deadline),
      cmocka_unit_test(what_usual_processes_have_is_read_after_it),
      cmocka_unit_test(a_long_environment_is_searched_until_the_deadline),
      cmocka_unit_test(tables_of_the_machine_are_read_until_the_deadline),
  };
  return cmocka_run_group_tests_name("deadline", tests, NULL, NULL);
}
