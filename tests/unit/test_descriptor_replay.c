/*
 * Captured processes: what is known without the files themselves, and trees made by hand.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cases.h"
#include "held_process.h"
#include "replay_tree.h"
#include "sidecar/os/descriptors.h"

struct captured {
  struct replay_tree tree;
  struct host *host;
  struct process *process;
  struct descriptors *descriptors;
  struct lock_table *locks;
};

static struct descriptors_reading reading;

static void open_captured(struct captured *captured) {
  replay_tree_create(&captured->tree);
  replay_tree_unpack(&captured->tree, "sidecar");
  assert_int_equal(host_open(captured->tree.root, &captured->host), 0);
  assert_int_equal(process_open(captured->host, 18891, &captured->process), 0);
  assert_int_equal(descriptors_new(NULL, 0, 0, &captured->descriptors), 0);
  assert_int_equal(lock_table_new(&captured->locks), 0);
}

static void close_captured(struct captured *captured) {
  lock_table_free(captured->locks);
  descriptors_free(captured->descriptors);
  process_close(captured->process);
  host_close(captured->host);
  replay_tree_remove(&captured->tree);
}

static int read_captured(struct captured *captured) {
  return descriptors_read(captured->descriptors, captured->process, captured->locks, NULL, 0,
                          NULL, &reading);
}

static void a_captured_file_is_parsed_completely(void **state) {
  (void)state;
  struct captured captured;
  open_captured(&captured);
  for (int again = 0; again < 2; again++) {
    assert_int_equal(read_captured(&captured), 0);
    assert_int_equal(reading.total, 6);
    assert_int_equal(reading.by_class[DESCRIPTOR_REGULAR], 3);
    assert_int_equal(reading.by_class[DESCRIPTOR_SOCKET], 1);
    assert_int_equal(reading.by_class[DESCRIPTOR_EVENTPOLL], 1);
    assert_int_equal(reading.by_class[DESCRIPTOR_EVENTFD], 1);
    assert_int_equal(reading.same_file_max, 2);
    assert_string_equal(reading.same_file_path, "/home/dev/out");
    assert_int_equal(reading.duplicate, 1);
    assert_int_equal(reading.inotify_watches, 0);
    assert_int_equal(reading.locks_held, VALUE_UNKNOWN); /* there is no list of locks */
  }
  close_captured(&captured);
}

static void files_are_classified_by_name_and_fdinfo(void **state) {
  (void)state;
  char directory[32]; /* the flag's value depends on the processor */
  snprintf(directory, sizeof(directory), "flags:\t0%o\n", 0100000u | O_DIRECTORY);
  const struct {
    const char *target, *fdinfo;
    enum descriptor_class class;
    bool deleted;
  } cases[] = {
      {"/home/dev/notes", "flags:\t0100002\n", DESCRIPTOR_REGULAR, false},
      {"/home/dev", directory, DESCRIPTOR_DIRECTORY, false},
      {"/home/dev/gone (deleted)", directory, DESCRIPTOR_DIRECTORY, true},
      {"/dev/pts/3", "flags:\t0100002\n", DESCRIPTOR_DEVICE, false},
      {"/dev/shm/x", "flags:\t0100002\n", DESCRIPTOR_REGULAR, false},
      {"/tmp/x (deleted)", "", DESCRIPTOR_REGULAR, true},
      {"/memfd:x (deleted)", "", DESCRIPTOR_REGULAR, false},
      {"/root", NULL, DESCRIPTOR_REGULAR, false}, /* not the directory of this machine */
      {"pipe:[1]", NULL, DESCRIPTOR_PIPE, false},
      {"anon_inode:inotify", "inotify wd:1 ino:1\ninotify wd:2 ino:2\n", DESCRIPTOR_INOTIFY,
       false},
      {"anon_inode:[timerfd]", NULL, DESCRIPTOR_OTHER, false},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct captured captured;
    open_captured(&captured);
    assert_int_equal(read_captured(&captured), 0);
    struct descriptors_reading before = reading;
    replay_tree_add_link(&captured.tree, "18891/fd/77", cases[i].target);
    if (cases[i].fdinfo != NULL)
      replay_tree_add_file(&captured.tree, "18891/fdinfo/77", span_of(cases[i].fdinfo));
    assert_int_equal(read_captured(&captured), 0);
    check_int(cases[i].target, reading.total, before.total + 1);
    check_int(cases[i].target, reading.by_class[cases[i].class],
              before.by_class[cases[i].class] + 1);
    check_int(cases[i].target, reading.deleted, before.deleted + cases[i].deleted);
    check_int(cases[i].target, reading.inotify_watches,
              cases[i].class == DESCRIPTOR_INOTIFY ? 2 : 0);
    close_captured(&captured);
  }
}

static void watches_that_were_not_captured_are_unknown(void **state) {
  (void)state;
  struct captured captured;
  open_captured(&captured);
  replay_tree_add_link(&captured.tree, "18891/fd/77", "anon_inode:inotify");
  replay_tree_add_link(&captured.tree, "18891/fd/78", "anon_inode:inotify");
  replay_tree_add_file(&captured.tree, "18891/fdinfo/78", SPAN_LITERAL("inotify wd:1 ino:1\n"));
  assert_int_equal(read_captured(&captured), 0);
  assert_int_equal(reading.by_class[DESCRIPTOR_INOTIFY], 2);
  assert_int_equal(reading.inotify_watches, VALUE_UNKNOWN);
  close_captured(&captured);
}

/* Returns -ENODATA when nothing but the watches is unknown. */
static int read_without_watches(struct process *process) {
  struct descriptors *descriptors;
  if (descriptors_new(NULL, 0, 0, &descriptors) != 0)
    return -1;
  int status = descriptors_read(descriptors, process, NULL, NULL, 0, NULL, &reading);
  descriptors_free(descriptors);
  if (status != 0)
    return status;
  return reading.inotify_watches == VALUE_UNKNOWN && reading.total == 7 ? -ENODATA : 0;
}

static void watches_that_cannot_be_read_are_unknown(void **state) {
  (void)state;
  struct captured captured;
  char path[128];
  open_captured(&captured);
  replay_tree_add_link(&captured.tree, "18891/fd/77", "anon_inode:inotify");
  replay_tree_add_file(&captured.tree, "18891/fdinfo/77", SPAN_LITERAL("inotify wd:1 ino:1\n"));
  assert_int_equal(read_without_watches(captured.process), 0);
  snprintf(path, sizeof(path), "%s/18891/fdinfo", captured.tree.root);
  assert_int_equal(chmod(path, 0), 0);
  int status = geteuid() == 0 ? call_as_nobody(read_without_watches, captured.process)
                              : read_without_watches(captured.process);
  assert_int_equal(status, -ENODATA);
  assert_int_equal(chmod(path, 0700), 0);
  close_captured(&captured);
}

static void names_that_are_not_descriptors_are_ignored(void **state) {
  (void)state;
  struct captured captured;
  open_captured(&captured);
  replay_tree_add_link(&captured.tree, "18891/fd/-1", "/tmp/x");
  replay_tree_add_link(&captured.tree, "18891/fd/x", "/tmp/x");
  replay_tree_add_link(&captured.tree, "18891/fd/7x", "/tmp/x");
  replay_tree_add_link(&captured.tree, "18891/fd/2147483648", "/tmp/x");
  assert_int_equal(read_captured(&captured), 0);
  assert_int_equal(reading.total, 6);
  replay_tree_add_link(&captured.tree, "18891/fd/2147483647", "/tmp/x");
  assert_int_equal(read_captured(&captured), 0);
  assert_int_equal(reading.total, 7);
  close_captured(&captured);
}

/* The capture's files: inodes 6 and 7 on the mount 63. */
static void locks_are_matched_by_mount_and_inode(void **state) {
  (void)state;
  struct captured captured;
  open_captured(&captured);
  replay_tree_add_file(&captured.tree, "18891/mountinfo",
                       SPAN_LITERAL("22 27 0:21 / /proc rw - proc proc rw\n"
                                    "63 27 254:1 / /home rw - ext4 /dev/vda1 rw\n"));
  replay_tree_add_file(&captured.tree, "locks",
                       SPAN_LITERAL("1: POSIX  ADVISORY  READ  815 fe:01:7 0 EOF\n"
                                    "2: POSIX  ADVISORY  WRITE 816 fe:01:6 0 EOF\n"
                                    "3: POSIX  ADVISORY  WRITE 18891 fe:01:6 5 9\n"
                                    "4: POSIX  ADVISORY  WRITE 817 fe:02:6 0 EOF\n"
                                    "5: POSIX  ADVISORY  WRITE 817 00:15:7 0 EOF\n"
                                    "6: FLOCK  ADVISORY  WRITE 815 fe:01:7 0 EOF\n"
                                    "7: FLOCK  ADVISORY  WRITE 815 fe:01:8 0 EOF\n"));
  replay_tree_add_file(&captured.tree, "18891/fdinfo/2",
                       SPAN_LITERAL("flags:\t0100001\nmnt_id:\t63\nino:\t7\n"
                                    "lock:\t1: FLOCK  ADVISORY  WRITE 815 fe:01:7 0 EOF\n"));
  assert_int_equal(lock_table_refresh(captured.locks, captured.host), 0);
  assert_int_equal(read_captured(&captured), 0);
  assert_int_equal(reading.locks_held, 2);
  assert_int_equal(reading.locks_foreign, 2);
  assert_int_equal(reading.foreign_lock_pid, 816);
  assert_string_equal(reading.foreign_lock_path, "/home/dev/in");
  close_captured(&captured);
}

/* Kernels before 5.5 list inode numbers past 63 bits, as of overlayfs, as negative numbers. */
static void locks_are_matched_by_negative_inode_and_pid(void **state) {
  (void)state;
  struct captured captured;
  open_captured(&captured);
  replay_tree_add_file(&captured.tree, "18891/mountinfo",
                       SPAN_LITERAL("63 27 0:45 / /home rw - overlay overlay rw\n"));
  replay_tree_add_file(&captured.tree, "locks",
                       SPAN_LITERAL("1: POSIX  ADVISORY  WRITE -4711 00:2d:"
                                    "-9223372036854772112 0 EOF\n"
                                    "1: -> POSIX  ADVISORY  WRITE 4712 00:2d:"
                                    "-9223372036854772112 0 EOF\n"
                                    "2: LEASE  ACTIVE    READ  4712 00:2d:"
                                    "-9223372036854772112 0 EOF\n"));
  replay_tree_add_file(&captured.tree, "18891/fdinfo/2",
                       SPAN_LITERAL("flags:\t0100001\nmnt_id:\t63\n"
                                    "ino:\t9223372036854779504\n"));
  assert_int_equal(lock_table_refresh(captured.locks, captured.host), 0);
  assert_int_equal(read_captured(&captured), 0);
  assert_int_equal(reading.locks_held, 0);
  assert_int_equal(reading.locks_foreign, 1);
  assert_int_equal(reading.foreign_lock_pid, -1); /* of another machine */
  close_captured(&captured);
}

static void without_a_table_of_mounts_locks_are_unknown(void **state) {
  (void)state;
  struct captured captured;
  open_captured(&captured);
  replay_tree_add_file(&captured.tree, "locks",
                       SPAN_LITERAL("1: POSIX  ADVISORY  READ  815 fe:01:7 0 EOF\n"));
  assert_int_equal(lock_table_refresh(captured.locks, captured.host), 0);
  assert_int_equal(read_captured(&captured), 0);
  assert_int_equal(reading.locks_held, VALUE_UNKNOWN);
  assert_int_equal(reading.locks_foreign, VALUE_UNKNOWN);

  /* unless they are on no inode of that number */
  replay_tree_add_file(&captured.tree, "locks",
                       SPAN_LITERAL("1: POSIX  ADVISORY  READ  815 fe:01:9 0 EOF\n"));
  assert_int_equal(lock_table_refresh(captured.locks, captured.host), 0);
  assert_int_equal(read_captured(&captured), 0);
  assert_int_equal(reading.locks_held, 0);
  assert_int_equal(reading.locks_foreign, 0);
  close_captured(&captured);
}

static void a_process_without_descriptors_has_none(void **state) {
  (void)state;
  struct captured captured;
  replay_tree_create(&captured.tree);
  replay_tree_add_file(
      &captured.tree, "1/stat",
      SPAN_LITERAL("1 (init) S 0 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 4096 0 0 0 "
                   "0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"));
  assert_int_equal(host_open(captured.tree.root, &captured.host), 0);
  assert_int_equal(process_open(captured.host, 1, &captured.process), 0);
  assert_int_equal(descriptors_new(NULL, 0, 0, &captured.descriptors), 0);
  assert_int_equal(lock_table_new(&captured.locks), 0);
  assert_int_equal(read_captured(&captured), -ESRCH);
  replay_tree_add_directory(&captured.tree, "1/fd");
  assert_int_equal(read_captured(&captured), 0);
  assert_int_equal(reading.total, 0);
  close_captured(&captured);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_captured_file_is_parsed_completely),
      cmocka_unit_test(files_are_classified_by_name_and_fdinfo),
      cmocka_unit_test(watches_that_were_not_captured_are_unknown),
      cmocka_unit_test(watches_that_cannot_be_read_are_unknown),
      cmocka_unit_test(names_that_are_not_descriptors_are_ignored),
      cmocka_unit_test(locks_are_matched_by_mount_and_inode),
      cmocka_unit_test(locks_are_matched_by_negative_inode_and_pid),
      cmocka_unit_test(without_a_table_of_mounts_locks_are_unknown),
      cmocka_unit_test(a_process_without_descriptors_has_none),
  };
  return cmocka_run_group_tests_name("descriptor_replay", tests, NULL, NULL);
}
