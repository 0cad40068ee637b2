/*
 * Descriptors of a real process, compared with stat(2) of each, and with lsof.
 */
#include "sidecar/os/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"
#include "held_process.h"

static struct held_folder folder;
static struct descriptors_reading reading;

/* Good until the second call after this one. */
static const char *in_folder(const char *name) {
  static char paths[2][PATH_MAX];
  static unsigned turn;
  char *path = paths[turn++ % 2];
  snprintf(path, PATH_MAX, "%s/%s", folder.path, name);
  return path;
}

static const char *numbered(const char *name, unsigned i) {
  char numbered_name[64];
  snprintf(numbered_name, sizeof(numbered_name), "%s-%u", name, i);
  return in_folder(numbered_name);
}

static int make_file(const char *path) {
  return open(path, O_RDWR | O_CREAT, 0600);
}

static struct descriptors *new_descriptors(void) {
  struct descriptors *descriptors;
  assert_int_equal(descriptors_new(NULL, 0, 0, &descriptors), 0);
  return descriptors;
}

static void read_again(struct held_process *held, struct descriptors *descriptors) {
  assert_int_equal(descriptors_read(descriptors, held->process, NULL, NULL, 0, NULL, &reading),
                   0);
  assert_int_equal(process_verify(held->process), 0);
  struct fd_count count = held_process_count(held);
  assert_int_equal(reading.total, count.total);
  for (size_t i = 0; i < DESCRIPTOR_CLASSES; i++)
    assert_int_equal(reading.by_class[i], count.by_class[i]);
}

static void read_new(struct held_process *held) {
  struct descriptors *descriptors = new_descriptors();
  read_again(held, descriptors);
  descriptors_free(descriptors);
}

/* --- many of one kind --- */

static int hold_files(void *argument) {
  for (unsigned i = 0; i < (uintptr_t)argument; i++)
    if (make_file(numbered("file", i)) < 0)
      return -1;
  return 0;
}

static int hold_same_file(void *argument) {
  for (unsigned i = 0; i < (uintptr_t)argument; i++)
    if (make_file(in_folder("same")) < 0)
      return -1;
  return 0;
}

static int hold_directories(void *argument) {
  for (unsigned i = 0; i < (uintptr_t)argument; i++)
    if (open(folder.path, O_RDONLY | O_DIRECTORY) < 0)
      return -1;
  return 0;
}

static int hold_pipes(void *argument) {
  int pair[2];
  for (unsigned i = 0; i < (uintptr_t)argument; i += 2)
    if (pipe(pair) != 0)
      return -1;
  return 0;
}

static int hold_fifos(void *argument) {
  if (mkfifo(in_folder("fifo"), 0600) != 0 && errno != EEXIST)
    return -1;
  for (unsigned i = 0; i < (uintptr_t)argument; i++)
    if (open(in_folder("fifo"), O_RDWR) < 0)
      return -1;
  return 0;
}

static int hold_sockets(void *argument) {
  for (unsigned i = 0; i < (uintptr_t)argument; i++)
    if (socket(i % 2 ? AF_UNIX : AF_INET, SOCK_STREAM, 0) < 0)
      return -1;
  return 0;
}

static int hold_copies(int fd, unsigned count) {
  if (fd < 0)
    return -1;
  for (unsigned i = 1; i < count; i++)
    if (dup(fd) < 0)
      return -1;
  return 0;
}

/* A user may have 128 inotify instances, but any number of descriptors of one. */
static int hold_inotify(void *argument) {
  return hold_copies(inotify_init1(0), (unsigned)(uintptr_t)argument);
}

static int hold_epolls(void *argument) {
  for (unsigned i = 0; i < (uintptr_t)argument; i++)
    if (epoll_create1(0) < 0)
      return -1;
  return 0;
}

static int hold_eventfds(void *argument) {
  for (unsigned i = 0; i < (uintptr_t)argument; i++)
    if (eventfd(0, 0) < 0)
      return -1;
  return 0;
}

static int hold_devices(void *argument) {
  for (unsigned i = 0; i < (uintptr_t)argument; i++)
    if (open("/dev/null", O_RDONLY) < 0)
      return -1;
  return 0;
}

static int hold_timers(void *argument) {
  for (unsigned i = 0; i < (uintptr_t)argument; i++)
    if (timerfd_create(CLOCK_MONOTONIC, 0) < 0)
      return -1;
  return 0;
}

static int close_all(void *argument) {
  unsigned keep = (unsigned)(uintptr_t)argument;
  return (int)syscall(SYS_close_range, keep, ~0u, 0); /* musl lacks the call */
}

/* The lowest number that is free, which is where new descriptors begin. */
static int find_free(void *argument) {
  (void)argument;
  int fd = dup(0);
  if (fd >= 0)
    close(fd);
  return fd;
}

static void ten_thousand_of_each_class_are_counted(void **state) {
  (void)state;
  enum { MANY = 10000 };
  static const struct {
    const char *name;
    held_process_step hold;
    enum descriptor_class class;
  } kinds[] = {
      {"files", hold_files, DESCRIPTOR_REGULAR},
      {"one file", hold_same_file, DESCRIPTOR_REGULAR},
      {"directories", hold_directories, DESCRIPTOR_DIRECTORY},
      {"pipes", hold_pipes, DESCRIPTOR_PIPE},
      {"named pipes", hold_fifos, DESCRIPTOR_PIPE},
      {"sockets", hold_sockets, DESCRIPTOR_SOCKET},
      {"inotify", hold_inotify, DESCRIPTOR_INOTIFY},
      {"epoll", hold_epolls, DESCRIPTOR_EVENTPOLL},
      {"eventfds", hold_eventfds, DESCRIPTOR_EVENTFD},
      {"devices", hold_devices, DESCRIPTOR_DEVICE},
      {"timers", hold_timers, DESCRIPTOR_OTHER},
  };
  allow_descriptors(MANY + 100);
  struct held_process held;
  struct descriptors *descriptors = new_descriptors();
  held_process_start(&held);
  uintptr_t free_fd = (uintptr_t)held_process_do(&held, find_free, NULL);
  read_again(&held, descriptors);
  struct descriptors_reading before = reading;

  for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
    const char *name = kinds[i].name;
    held_process_do(&held, kinds[i].hold, (void *)(uintptr_t)MANY);
    for (int again = 0; again < 2; again++) { /* from the memory, too */
      read_again(&held, descriptors);
      check_int(name, reading.total, before.total + MANY);
      check_int(name, reading.by_class[kinds[i].class], before.by_class[kinds[i].class] + MANY);
    }
    held_process_do(&held, close_all, (void *)free_fd);
    read_again(&held, descriptors);
    check_int(name, reading.total, before.total);
  }
  held_process_end(&held);
  descriptors_free(descriptors);
}

/* --- files: the same, deleted, special --- */

static int hold_some_twice(void *argument) {
  (void)argument;
  return make_file(in_folder("once")) < 0 || make_file(in_folder("twice")) < 0 ||
                 make_file(in_folder("thrice")) < 0 || make_file(in_folder("thrice")) < 0 ||
                 make_file(in_folder("twice")) < 0 || make_file(in_folder("thrice")) < 0
             ? -1
             : 0;
}

static int hold_folder_thrice(void *argument) {
  (void)argument;
  return hold_directories((void *)3);
}

static void the_file_opened_most_is_found(void **state) {
  (void)state;
  struct held_process held;
  held_process_start(&held);
  read_new(&held);
  uint64_t duplicate = reading.duplicate;
  held_process_do(&held, hold_folder_thrice, NULL); /* a directory is no regular file */
  held_process_do(&held, hold_some_twice, NULL);
  read_new(&held);
  assert_int_equal(reading.same_file_max, 3);
  assert_string_equal(reading.same_file_path, in_folder("thrice"));
  assert_int_equal(reading.duplicate, duplicate + 3);
  held_process_end(&held);
}

static int hold_two_alike(void *argument) {
  (void)argument;
  return make_file(in_folder("first")) < 0 || make_file(in_folder("second")) < 0 ||
                 make_file(in_folder("second")) < 0 || make_file(in_folder("second")) < 0 ||
                 make_file(in_folder("first")) < 0 || make_file(in_folder("first")) < 0
             ? -1
             : 0;
}

static void of_two_opened_most_the_first_is_named(void **state) {
  (void)state;
  struct held_process held;
  held_process_start(&held);
  held_process_do(&held, hold_two_alike, NULL);
  read_new(&held);
  assert_int_equal(reading.same_file_max, 3);
  assert_string_equal(reading.same_file_path, in_folder("first"));
  held_process_end(&held);
}

static void without_regular_files_there_is_no_file_opened_most(void **state) {
  (void)state;
  struct held_process held;
  held_process_start(&held);
  int free_fd = held_process_do(&held, find_free, NULL);
  held_process_do(&held, close_all, (void *)(intptr_t)free_fd);
  read_new(&held);
  if (reading.by_class[DESCRIPTOR_REGULAR] == 0) { /* unless a test runner left one open */
    assert_int_equal(reading.same_file_max, 0);
    assert_string_equal(reading.same_file_path, "");
    assert_int_equal(reading.duplicate, 0);
  }
  held_process_end(&held);
}

static int hold_any_bytes(void *argument) {
  (void)argument;
  return make_file(in_folder("a\nb\\c\xFF\"'; $(x) ")) < 0 ||
                 make_file(in_folder("a\nb\\c\xFF\"'; $(x) ")) < 0
             ? -1
             : 0;
}

static void names_of_any_bytes_are_unchanged(void **state) {
  (void)state;
  struct held_process held;
  held_process_start(&held);
  held_process_do(&held, hold_any_bytes, NULL);
  read_new(&held);
  assert_int_equal(reading.same_file_max, 2);
  assert_string_equal(reading.same_file_path, in_folder("a\nb\\c\xFF\"'; $(x) "));
  held_process_end(&held);
}

static int hold_deleted(void *argument) {
  (void)argument;
  int fd = make_file(in_folder("gone"));
  if (fd < 0 || unlink(in_folder("gone")) != 0)
    return -1;
  /* really called so, and one that still has another name */
  if (make_file(in_folder("really (deleted)")) < 0 || make_file(in_folder("linked")) < 0 ||
      link(in_folder("linked"), numbered("linked", 2)) != 0)
    return -1;
  if (unlink(in_folder("linked")) != 0)
    return -1;
  if (mkdir(in_folder("folder"), 0700) != 0 ||
      open(in_folder("folder"), O_RDONLY | O_DIRECTORY) < 0 || rmdir(in_folder("folder")) != 0)
    return -1;
  return memfd_create("shared", 0) < 0 ? -1 : 0;
}

static int delete_last_name(void *argument) {
  (void)argument;
  return unlink(numbered("linked", 2));
}

static void deleted_files_are_those_without_a_link(void **state) {
  (void)state;
  struct held_process held;
  struct descriptors *descriptors = new_descriptors();
  held_process_start(&held);
  read_again(&held, descriptors);
  uint64_t before = reading.deleted, regular = reading.by_class[DESCRIPTOR_REGULAR];
  held_process_do(&held, hold_deleted, NULL);
  read_again(&held, descriptors);
  assert_int_equal(reading.deleted, before + 2);
  assert_int_equal(reading.by_class[DESCRIPTOR_REGULAR], regular + 4);

  /* the name in the link does not change with its other name's end */
  held_process_do(&held, delete_last_name, NULL);
  read_again(&held, descriptors);
  assert_int_equal(reading.deleted, before + 3);
  held_process_end(&held);
  descriptors_free(descriptors);
}

/* --- what holds many --- */

static int hold_in(const char *name, const char *file, unsigned count) {
  char path[PATH_MAX];
  if (mkdir(in_folder(name), 0700) != 0 && errno != EEXIST)
    return -1;
  for (unsigned i = 0; i < count; i++) {
    snprintf(path, sizeof(path), "%s/%s-%u", in_folder(name), file, i);
    if (make_file(path) < 0)
      return -1;
  }
  return 0;
}

static int delete_in(const char *name, const char *file, unsigned count) {
  char path[PATH_MAX];
  for (unsigned i = 0; i < count; i++) {
    snprintf(path, sizeof(path), "%s/%s-%u", in_folder(name), file, i);
    if (unlink(path) != 0)
      return -1;
  }
  return 0;
}

/* 9 files in one directory, 7 in another, one of which is open 20 times; and 30 memory files,
 * which are in none. */
static int hold_in_directories(void *argument) {
  (void)argument;
  char name[16];
  if (hold_in("few", "file", 4) != 0 || hold_in("most\n\x1b (deleted)", "file", 9) != 0 ||
      hold_in("few", "file", 7) != 0)
    return -1;
  for (unsigned i = 0; i < 20; i++)
    if (hold_in("few", "file", 1) != 0)
      return -1;
  for (unsigned i = 0; i < 30; i++) {
    snprintf(name, sizeof(name), "memory-%u", i);
    if (memfd_create(name, 0) < 0)
      return -1;
  }
  return 0;
}

static void the_directory_with_most_files_is_found(void **state) {
  (void)state;
  struct held_process held;
  struct descriptors *descriptors = new_descriptors();
  held_process_start(&held);
  held_process_do(&held, hold_in_directories, NULL);
  for (unsigned again = 0; again < 2; again++) {
    read_again(&held, descriptors);
    assert_int_equal(reading.directory_paths_max, 9);
    assert_true(reading.directory_paths_are_exact);
    assert_int_equal(reading.directory_class, DESCRIPTOR_REGULAR);
    assert_string_equal(reading.directory_path, in_folder("most\n\x1b (deleted)"));
  }
  held_process_end(&held);
  descriptors_free(descriptors);
}

static int hold_nested_directories(void *argument) {
  (void)argument;
  for (unsigned i = 0; i < 12; i++) {
    const char *path = numbered("nested", i);
    if (mkdir(path, 0700) != 0 || open(path, O_RDONLY | O_DIRECTORY) < 0)
      return -1;
  }
  return hold_in("few", "other", 11);
}

static void directories_in_a_directory_are_counted_by_themselves(void **state) {
  (void)state;
  struct held_process held;
  held_process_start(&held);
  held_process_do(&held, hold_nested_directories, NULL);
  read_new(&held);
  assert_int_equal(reading.directory_paths_max, 12);
  assert_int_equal(reading.directory_class, DESCRIPTOR_DIRECTORY);
  assert_string_equal(reading.directory_path, folder.path);
  held_process_end(&held);
}

/* So many directories of a file each that each bucket has far more than eight of them, and then
 * one of ten files. */
enum { MANY_DIRECTORIES = 3000 };

static int hold_many_directories(void *argument) {
  (void)argument;
  char name[32];
  for (unsigned i = 0; i < MANY_DIRECTORIES; i++) {
    snprintf(name, sizeof(name), "many-%u", i);
    if (hold_in(name, "file", 1) != 0)
      return -1;
  }
  return hold_in("ten", "file", 10);
}

static void a_count_among_many_directories_is_a_lower_bound(void **state) {
  (void)state;
  struct held_process held;
  allow_descriptors(MANY_DIRECTORIES + 100);
  held_process_start(&held);
  held_process_do(&held, hold_many_directories, NULL);
  read_new(&held);
  assert_int_equal(reading.directory_paths_max, 10);
  assert_false(reading.directory_paths_are_exact);
  assert_string_equal(reading.directory_path, in_folder("ten"));
  held_process_end(&held);
}

static int hold_deleted_in_directories(void *argument) {
  (void)argument;
  return hold_in("some", "gone", 3) != 0 || hold_in("gone (deleted)", "gone", 8) != 0 ||
                 hold_in("some", "file", 5) != 0 || delete_in("some", "gone", 3) != 0 ||
                 delete_in("gone (deleted)", "gone", 8) != 0
             ? -1
             : 0;
}

static void an_example_of_deleted_files_is_of_where_most_were(void **state) {
  (void)state;
  struct held_process held;
  char expected[PATH_MAX];
  held_process_start(&held);
  read_new(&held);
  uint64_t own = reading.deleted; /* valgrind has some */
  held_process_do(&held, hold_deleted_in_directories, NULL);
  read_new(&held);
  assert_int_equal(reading.deleted, own + 11);
  snprintf(expected, sizeof(expected), "%s/", in_folder("gone (deleted)"));
  assert_memory_equal(reading.deleted_path, expected, strlen(expected));
  assert_true(span_ends_with(span_of(reading.deleted_path), " (deleted)"));
  assert_int_equal(reading.directory_paths_max, 5); /* not those that were deleted */
  assert_string_equal(reading.directory_path, in_folder("some"));
  held_process_end(&held);
}

static int hold_zero_devices(void *argument) {
  for (unsigned i = 0; i < (uintptr_t)argument; i++)
    if (open("/dev/zero", O_RDONLY) < 0)
      return -1;
  return hold_same_file((void *)2);
}

static void the_device_opened_most_is_found(void **state) {
  (void)state;
  struct held_process held;
  held_process_start(&held);
  held_process_do(&held, hold_zero_devices, (void *)40);
  read_new(&held);
  assert_int_equal(reading.same_device_max, 40);
  assert_string_equal(reading.same_device_path, "/dev/zero");
  assert_int_equal(reading.same_file_max, 2);
  held_process_end(&held);
}

static int exchange_file_for_folder(void *argument) {
  int fd = (int)(intptr_t)argument;
  close(fd);
  return unlink(in_folder("same")) != 0 || mkdir(in_folder("same"), 0700) != 0 ||
                 open(in_folder("same"), O_RDONLY | O_DIRECTORY) != fd
             ? -1
             : 0;
}

static void a_path_that_comes_to_refer_to_another_file_is_detected(void **state) {
  (void)state;
  struct held_process held;
  struct descriptors *descriptors = new_descriptors();
  held_process_start(&held);
  unlink(in_folder("same"));
  int fd = held_process_do(&held, find_free, NULL);
  held_process_do(&held, hold_same_file, (void *)1);
  read_again(&held, descriptors);
  held_process_do(&held, exchange_file_for_folder, (void *)(intptr_t)fd);
  read_again(&held, descriptors);
  held_process_end(&held);
  rmdir(in_folder("same"));
  descriptors_free(descriptors);
}

/* A path longer than a page, which readlink(2) cannot give. */
static int hold_unnameable(void *argument) {
  (void)argument;
  char name[201];
  memset(name, 'x', sizeof(name) - 1);
  name[sizeof(name) - 1] = '\0';
  if (chdir(folder.path) != 0)
    return -1;
  for (int i = 0; i < 25; i++)
    if ((mkdir(name, 0700) != 0 && errno != EEXIST) || chdir(name) != 0)
      return -1;
  for (int i = 0; i < 3; i++)
    if (make_file("deep") < 0)
      return -1;
  int fd = make_file("deep deleted");
  return fd < 0 || unlink("deep deleted") != 0 || chdir("/") != 0 ? -1 : 0;
}

static int remove_unnameable(void *argument) {
  (void)argument;
  char name[201];
  memset(name, 'x', sizeof(name) - 1);
  name[sizeof(name) - 1] = '\0';
  if (chdir(folder.path) != 0)
    return -1;
  int depth = 0;
  while (chdir(name) == 0)
    depth++;
  unlink("deep");
  while (depth-- > 0)
    if (chdir("..") != 0 || rmdir(name) != 0)
      return -1;
  return 0;
}

static void files_whose_path_is_too_long_are_counted(void **state) {
  (void)state;
  struct held_process held;
  struct descriptors *descriptors = new_descriptors();
  held_process_start(&held);
  assert_int_equal(descriptors_read(descriptors, held.process, NULL, NULL, 0, NULL, &reading),
                   0);
  uint64_t regular = reading.by_class[DESCRIPTOR_REGULAR];
  uint64_t deleted = reading.deleted, duplicate = reading.duplicate;
  held_process_do(&held, hold_unnameable, NULL);
  for (int again = 0; again < 2; again++) {
    assert_int_equal(descriptors_read(descriptors, held.process, NULL, NULL, 0, NULL, &reading),
                     0);
    assert_int_equal(reading.by_class[DESCRIPTOR_REGULAR], regular + 4);
    assert_int_equal(reading.deleted, deleted + 1);
    assert_int_equal(reading.duplicate, duplicate + 2);
    assert_int_equal(reading.same_file_max, 3);
    assert_string_equal(reading.same_file_path, "");
    if (deleted == 0)
      assert_string_equal(reading.deleted_path, "");
  }
  held_process_do(&held, remove_unnameable, NULL);
  held_process_end(&held);
  descriptors_free(descriptors);
}

/* --- patterns --- */

static int hold_sessions(void *argument) {
  (void)argument;
  mkdir(in_folder(".claude"), 0700);
  mkdir(in_folder(".claude/projects"), 0700);
  return make_file(in_folder(".claude/projects/a.jsonl")) < 0 ||
                 make_file(in_folder(".claude/projects/a.jsonl")) < 0 ||
                 make_file(in_folder("claude-projects")) < 0 ||
                 make_file(in_folder("td.db")) < 0 || make_file(in_folder("td.db-wal")) < 0
             ? -1
             : 0;
}

static void patterns_are_matched_against_whole_paths(void **state) {
  (void)state;
  struct pattern patterns[] = {{.name = "claude"}, {.name = "sqlite"}, {.name = "none"}};
  static const char *const texts[] = {"/\\.claude/projects/", "\\.db(-wal|-shm)?$", "^td"};
  for (size_t i = 0; i < ARRAY_LENGTH(patterns); i++)
    assert_int_equal(regcomp(&patterns[i].regex, texts[i], REG_EXTENDED | REG_NOSUB), 0);

  struct held_process held;
  struct descriptors *descriptors;
  assert_int_equal(descriptors_new(patterns, ARRAY_LENGTH(patterns), 0, &descriptors), 0);
  held_process_start(&held);
  held_process_do(&held, hold_sessions, NULL);
  for (int again = 0; again < 2; again++) {
    read_again(&held, descriptors);
    assert_int_equal(reading.matching[0], 2);
    assert_int_equal(reading.matching[1], 2);
    assert_int_equal(reading.matching[2], 0);
  }
  held_process_end(&held);
  descriptors_free(descriptors);
  for (size_t i = 0; i < ARRAY_LENGTH(patterns); i++)
    regfree(&patterns[i].regex);
}

/* Opens each file of a list that ends with NULL. */
static int hold_list(void *argument) {
  for (const char *const *name = argument; *name != NULL; name++)
    if (make_file(in_folder(*name)) < 0)
      return -1;
  return 0;
}

static int unlink_database(void *argument) {
  return unlink(in_folder(argument));
}

/* Bit 1: the second pattern matches databases. */
static void expect_database(struct held_process *held, uint32_t bits, uint64_t opens,
                            const char *path) {
  struct pattern patterns[] = {{.name = "logs"}, {.name = "sqlite"}};
  static const char *const texts[] = {"\\.log$",
                                      "\\.db(-wal|-shm|-journal)?( \\(deleted\\))?$"};
  struct descriptors *descriptors;
  for (size_t i = 0; i < ARRAY_LENGTH(patterns); i++)
    assert_int_equal(regcomp(&patterns[i].regex, texts[i], REG_EXTENDED | REG_NOSUB), 0);
  assert_int_equal(descriptors_new(patterns, ARRAY_LENGTH(patterns), bits, &descriptors), 0);
  for (int again = 0; again < 2; again++) {
    read_again(held, descriptors);
    assert_int_equal(reading.same_database_max, opens);
    assert_string_equal(reading.same_database_path, path);
  }
  descriptors_free(descriptors);
  for (size_t i = 0; i < ARRAY_LENGTH(patterns); i++)
    regfree(&patterns[i].regex);
}

static void the_database_opened_most_is_found(void **state) {
  (void)state;
  static const char *const others[] = {
      "a.log",     "a.log",         "a.log",         "a.log",         "a.log",
      "td.db-wal", "td.db-wal",     "td.db-wal",     "td.db-shm",     "td.db-shm",
      "td.db-shm", "td.db-journal", "td.db-journal", "td.db-journal", NULL};
  static const char *const once[] = {"one.db", "two.db", "three.db", NULL};
  static const char *const more[] = {"td.db", "two.db", "td.db", "td.db", NULL};
  struct held_process held;
  held_process_start(&held);
  held_process_do(&held, hold_list, (void *)others);
  expect_database(&held, 2, 0, "");
  held_process_do(&held, hold_list, (void *)once);
  expect_database(&held, 2, 1, in_folder("one.db"));
  held_process_do(&held, hold_list, (void *)more);
  expect_database(&held, 2, 3, in_folder("td.db"));
  assert_int_equal(reading.same_file_max, 5);
  assert_string_equal(reading.same_file_path, in_folder("a.log"));
  held_process_do(&held, unlink_database, (void *)"td.db-wal");
  held_process_do(&held, unlink_database, (void *)"td.db");
  expect_database(&held, 2, 3, in_folder("td.db (deleted)"));
  held_process_end(&held);
}

static void without_a_pattern_of_databases_their_opens_are_unknown(void **state) {
  (void)state;
  static const char *const databases[] = {"td.db", "td.db", NULL};
  struct held_process held;
  held_process_start(&held);
  held_process_do(&held, hold_list, (void *)databases);
  expect_database(&held, 0, VALUE_UNKNOWN, "");
  held_process_end(&held);
}

static void more_patterns_than_bits_are_rejected(void **state) {
  (void)state;
  struct descriptors *descriptors = NULL;
  assert_int_equal(descriptors_new(NULL, PATTERNS_MAX + 1, 0, &descriptors), -EINVAL);
  assert_null(descriptors);
}

/* --- watches and sockets --- */

static int hold_watches(void *argument) {
  unsigned count = (unsigned)(uintptr_t)argument;
  int fd = inotify_init1(0);
  if (fd < 0)
    return -1;
  for (unsigned i = 0; i < count; i++) {
    int file = make_file(numbered("watched", i));
    if (file < 0 || inotify_add_watch(fd, numbered("watched", i), IN_MODIFY) < 0)
      return -1;
    close(file);
  }
  return 0;
}

static void watches_are_counted_over_all_instances(void **state) {
  (void)state;
  struct held_process held;
  struct descriptors *descriptors = new_descriptors();
  held_process_start(&held);
  read_again(&held, descriptors);
  assert_int_equal(reading.inotify_watches, 0);
  held_process_do(&held, hold_watches, (void *)3);
  held_process_do(&held, hold_watches, (void *)0);
  held_process_do(&held, hold_watches, (void *)5000); /* far more than one read(2) gives */
  read_again(&held, descriptors);
  assert_int_equal(reading.inotify_watches, 5003);
  held_process_end(&held);
  descriptors_free(descriptors);
}

static int hold_watched_copies(void *argument) {
  int lowest = dup(0); /* the number that the instance will get */
  close(lowest);
  return hold_watches((void *)100) != 0 ? -1
                                        : hold_copies(lowest, (unsigned)(uintptr_t)argument);
}

/* fdinfo of a duplicate costs the kernel as much as that of the first. */
static void duplicates_of_an_inotify_descriptor_are_read_once(void **state) {
  (void)state;
  struct held_process held;
  struct descriptors *descriptors = new_descriptors();
  held_process_start(&held);
  held_process_do(&held, hold_watched_copies, (void *)500);
  held_process_do(&held, hold_watched_copies, (void *)500);
  read_again(&held, descriptors);
  assert_int_equal(reading.by_class[DESCRIPTOR_INOTIFY], 1000);
  assert_int_equal(reading.inotify_watches, 200);
  held_process_end(&held);
  descriptors_free(descriptors);
}

static int hold_socket(void *argument) {
  (void)argument;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct stat st;
  return fd < 0 || fstat(fd, &st) != 0 ? -1 : (int)st.st_ino;
}

static void sockets_are_found_by_their_inode(void **state) {
  (void)state;
  struct held_process held;
  struct descriptors *descriptors = new_descriptors();
  held_process_start(&held);
  uint64_t inodes[] = {0, 1, VALUE_UNKNOWN, 0};
  inodes[1] = (uint64_t)held_process_do(&held, hold_socket, NULL);
  inodes[3] = (uint64_t)held_process_do(&held, hold_socket, NULL);
  bool owned[] = {true, false, true, false};
  assert_int_equal(descriptors_read(descriptors, held.process, NULL, inodes,
                                    ARRAY_LENGTH(inodes), owned, &reading),
                   0);
  assert_false(owned[0]);
  assert_true(owned[1]);
  assert_false(owned[2]);
  assert_true(owned[3]);
  assert_int_equal(descriptors_read(descriptors, held.process, NULL, inodes,
                                    DESCRIPTORS_SOCKETS_MAX + 1, owned, &reading),
                   -EINVAL);
  held_process_end(&held);
  descriptors_free(descriptors);
}

/* --- lsof --- */

static enum descriptor_class class_of_lsof(const char *type, const char *name) {
  static const struct {
    const char *type;
    enum descriptor_class class;
  } types[] = {
      {"REG", DESCRIPTOR_REGULAR}, {"DIR", DESCRIPTOR_DIRECTORY}, {"FIFO", DESCRIPTOR_PIPE},
      {"unix", DESCRIPTOR_SOCKET}, {"IPv4", DESCRIPTOR_SOCKET},   {"sock", DESCRIPTOR_SOCKET},
      {"CHR", DESCRIPTOR_DEVICE},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(types); i++)
    if (strcmp(type, types[i].type) == 0)
      return types[i].class;
  if (strcmp(name, "inotify") == 0)
    return DESCRIPTOR_INOTIFY;
  if (strncmp(name, "[eventpoll", strlen("[eventpoll")) == 0)
    return DESCRIPTOR_EVENTPOLL;
  if (strncmp(name, "[eventfd", strlen("[eventfd")) == 0)
    return DESCRIPTOR_EVENTFD;
  return DESCRIPTOR_OTHER;
}

static int hold_one_of_each(void *argument) {
  (void)argument;
  return hold_files((void *)7) != 0 || hold_same_file((void *)5) != 0 ||
                 hold_directories((void *)3) != 0 || hold_pipes((void *)4) != 0 ||
                 hold_fifos((void *)2) != 0 || hold_sockets((void *)6) != 0 ||
                 hold_inotify((void *)1) != 0 || hold_epolls((void *)2) != 0 ||
                 hold_eventfds((void *)3) != 0 || hold_devices((void *)4) != 0 ||
                 hold_timers((void *)1) != 0
             ? -1
             : 0;
}

static void skip_without_lsof(void) {
  if (system("lsof -v > /dev/null 2>&1") != 0) {
    print_message("skipped: there is no lsof here\n");
    skip();
  }
}

/* lsof -F: one field a line: "f" the descriptor, "t" its type, "n" its name */
static void classes_agree_with_lsof(void **state) {
  (void)state;
  skip_without_lsof();
  struct held_process held;
  held_process_start(&held);
  held_process_do(&held, hold_one_of_each, NULL);
  read_new(&held);

  char command[64], line[PATH_MAX], type[16] = "";
  snprintf(command, sizeof(command), "lsof -w -n -P -p %d -F ftn", (int)held.pid);
  FILE *lsof = popen(command, "r");
  assert_non_null(lsof);
  uint64_t by_class[DESCRIPTOR_CLASSES] = {0};
  bool is_descriptor = false;
  while (fgets(line, sizeof(line), lsof) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    if (line[0] == 'f') /* not cwd, rtd, txt, mem; "*" stands for the first digits of many */
      is_descriptor = (line[1] >= '0' && line[1] <= '9') || line[1] == '*';
    else if (line[0] == 't')
      snprintf(type, sizeof(type), "%.15s", line + 1);
    else if (line[0] == 'n' && is_descriptor)
      by_class[class_of_lsof(type, line + 1)]++;
  }
  assert_int_equal(pclose(lsof), 0);
  for (size_t i = 0; i < DESCRIPTOR_CLASSES; i++)
    assert_int_equal(reading.by_class[i], by_class[i]);
  held_process_end(&held);
}

/* The guide's way to find a file whose handles are not closed. */
static void the_file_opened_most_agrees_with_lsof(void **state) {
  (void)state;
  skip_without_lsof();
  struct held_process held;
  held_process_start(&held);
  held_process_do(&held, hold_one_of_each, NULL);
  read_new(&held);

  char command[256];
  snprintf(command, sizeof(command),
           "lsof -w -n -P -p %d | awk '$4 ~ /^[0-9*]/ && $5 == \"REG\" { print $9 }' | sort |"
           " uniq -c | sort -rn | head -1",
           (int)held.pid);
  FILE *lsof = popen(command, "r");
  assert_non_null(lsof);
  unsigned opens = 0;
  char path[PATH_MAX] = "";
  assert_int_equal(fscanf(lsof, "%u %4095s", &opens, path), 2);
  pclose(lsof);
  assert_int_equal(reading.same_file_max, opens);
  assert_string_equal(reading.same_file_path, path);
  held_process_end(&held);
}

/* --- deadlines --- */

static int hold_a_mixture(void *argument) {
  return hold_files(argument) != 0 || hold_same_file(argument) != 0 ||
                 hold_watches(argument) != 0 || hold_copies(3, 20) != 0
             ? -1
             : 0;
}

/* Calls until it is complete, and fails when a call counts nothing. */
static unsigned read_in_pieces(struct held_process *held, struct descriptors *descriptors) {
  unsigned calls = 1, limit = 1000;
  while (descriptors_read(descriptors, held->process, NULL, NULL, 0, NULL, &reading) ==
         -EINPROGRESS) {
    assert_true(descriptors_in_progress(descriptors));
    assert_true(calls++ < limit);
  }
  assert_false(descriptors_in_progress(descriptors));
  return calls;
}

static void a_reading_that_takes_several_calls_is_the_same(void **state) {
  (void)state;
  struct held_process held;
  allow_descriptors(20000);
  struct descriptors *descriptors = new_descriptors();
  held_process_start(&held);
  held_process_do(&held, hold_a_mixture, (void *)2000);
  read_new(&held);
  struct descriptors_reading at_once = reading;

  host_set_deadline(held.host, 0);
  for (unsigned round = 0; round < 3; round++) {
    memset(&reading, 0, sizeof(reading));
    assert_in_range(read_in_pieces(&held, descriptors), 5, 10);
    at_once.locks_held = at_once.locks_foreign = at_once.locks_contended = VALUE_UNKNOWN;
    assert_memory_equal(&reading, &at_once, sizeof(reading));
  }
  host_set_deadline(held.host, UINT64_MAX);
  assert_int_equal(read_in_pieces(&held, descriptors), 1);
  held_process_end(&held);
  descriptors_free(descriptors);
}

/* A child of a thousand files, and a reading of it that has begun and is not complete. */
static struct descriptors *begin_long_reading(struct held_process *held) {
  allow_descriptors(2000);
  struct descriptors *descriptors = new_descriptors();
  held_process_start(held);
  held_process_do(held, hold_files, (void *)1000);
  host_set_deadline(held->host, 0);
  int status = descriptors_read(descriptors, held->process, NULL, NULL, 0, NULL, &reading);
  assert_int_equal(status, -EINPROGRESS);
  return descriptors;
}

static void a_process_that_ends_during_a_long_reading_has_ended(void **state) {
  (void)state;
  struct held_process held;
  struct descriptors *descriptors = begin_long_reading(&held);
  held_process_kill(&held);
  int status = descriptors_read(descriptors, held.process, NULL, NULL, 0, NULL, &reading);
  assert_int_equal(status, -ESRCH);
  assert_false(descriptors_in_progress(descriptors));
  held_process_end(&held);
  descriptors_free(descriptors);
}

static void a_long_reading_may_be_given_up(void **state) {
  (void)state;
  struct held_process held;
  struct descriptors *descriptors = begin_long_reading(&held);
  descriptors_free(descriptors); /* leaks are found by the sanitizers */
  held_process_end(&held);
}

static int create_folder(void **state) {
  (void)state;
  held_folder_create(&folder);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  held_folder_remove(&folder);
  return 0;
}

#define in_a_folder(test) cmocka_unit_test_setup_teardown(test, create_folder, remove_folder)

int main(void) {
  const struct CMUnitTest tests[] = {
      in_a_folder(ten_thousand_of_each_class_are_counted),
      in_a_folder(the_file_opened_most_is_found),
      in_a_folder(of_two_opened_most_the_first_is_named),
      in_a_folder(without_regular_files_there_is_no_file_opened_most),
      in_a_folder(names_of_any_bytes_are_unchanged),
      in_a_folder(deleted_files_are_those_without_a_link),
      in_a_folder(the_directory_with_most_files_is_found),
      in_a_folder(directories_in_a_directory_are_counted_by_themselves),
      in_a_folder(a_count_among_many_directories_is_a_lower_bound),
      in_a_folder(an_example_of_deleted_files_is_of_where_most_were),
      in_a_folder(the_device_opened_most_is_found),
      in_a_folder(a_path_that_comes_to_refer_to_another_file_is_detected),
      in_a_folder(files_whose_path_is_too_long_are_counted),
      in_a_folder(patterns_are_matched_against_whole_paths),
      in_a_folder(the_database_opened_most_is_found),
      in_a_folder(without_a_pattern_of_databases_their_opens_are_unknown),
      cmocka_unit_test(more_patterns_than_bits_are_rejected),
      in_a_folder(watches_are_counted_over_all_instances),
      in_a_folder(duplicates_of_an_inotify_descriptor_are_read_once),
      in_a_folder(sockets_are_found_by_their_inode),
      in_a_folder(a_reading_that_takes_several_calls_is_the_same),
      in_a_folder(a_process_that_ends_during_a_long_reading_has_ended),
      in_a_folder(a_long_reading_may_be_given_up),
      in_a_folder(classes_agree_with_lsof),
      in_a_folder(the_file_opened_most_agrees_with_lsof),
  };
  return cmocka_run_group_tests_name("descriptors", tests, NULL, NULL);
}
