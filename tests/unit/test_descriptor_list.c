/* Descriptors one by one, of live processes and of captured ones. */
#include "sidecar/os/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cases.h"
#include "held_process.h"

static struct held_folder folder;

static int hold_one_of_each(void *argument) {
  (void)argument;
  char path[PATH_MAX];
  int pipe_ends[2], sockets[2];
  snprintf(path, sizeof(path), "%s/a\nb", folder.path);
  bool worked = open(path, O_RDWR | O_CREAT, 0600) >= 0 &&
                open(folder.path, O_RDONLY | O_DIRECTORY) >= 0 && pipe(pipe_ends) == 0 &&
                socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0 && inotify_init() >= 0 &&
                epoll_create1(0) >= 0 && eventfd(0, 0) >= 0 &&
                timerfd_create(CLOCK_MONOTONIC, 0) >= 0;
  return worked ? 0 : -1;
}

struct listing {
  struct fd_count count;
  bool has_file;
  int last_fd;
  unsigned stop_after;
};

static int add(void *context, const struct listed_descriptor *descriptor) {
  struct listing *listing = context;
  listing->count.total++;
  listing->count.by_class[descriptor->class]++;
  listing->has_file = listing->has_file || (descriptor->class == DESCRIPTOR_REGULAR &&
                                            span_ends_with(descriptor->target, "/a\nb"));
  assert_true(descriptor->fd > listing->last_fd);
  listing->last_fd = descriptor->fd;
  return listing->count.total == listing->stop_after ? -ECANCELED : 0;
}

static void every_descriptor_is_listed_with_its_class(void **state) {
  (void)state;
  struct held_process held;
  struct listing listing = {.last_fd = -1}, stopped = {.last_fd = -1, .stop_after = 3};
  held_folder_create(&folder);
  held_process_start(&held);
  held_process_do(&held, hold_one_of_each, NULL);
  assert_int_equal(descriptor_list(held.process, add, &listing), 0);
  struct fd_count expected = held_process_count(&held);
  assert_int_equal(listing.count.total, expected.total);
  for (size_t i = 0; i < DESCRIPTOR_CLASSES; i++)
    assert_int_equal(listing.count.by_class[i], expected.by_class[i]);
  assert_true(listing.has_file);
  assert_int_equal(descriptor_list(held.process, add, &stopped), -ECANCELED);
  assert_int_equal(stopped.count.total, 3);
  held_process_kill(&held);
  assert_int_equal(descriptor_list(held.process, add, &stopped), -ESRCH);
  held_process_end(&held);
  held_folder_remove(&folder);
}

/* Whoever cannot be looked into has no descriptors that could be listed. */
static int list_as_nobody(struct process *process) {
  struct listing listing = {.last_fd = -1};
  return descriptor_list(process, add, &listing);
}

static void another_users_descriptors_are_denied(void **state) {
  (void)state;
  struct held_process held;
  held_process_start(&held);
  assert_int_equal(call_as_nobody(list_as_nobody, held.process), -EACCES);
  held_process_end(&held);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_descriptor_is_listed_with_its_class),
      cmocka_unit_test(another_users_descriptors_are_denied),
  };
  return cmocka_run_group_tests_name("descriptor_list", tests, NULL, NULL);
}
