/* Whose locks lie on the files that a process has open: real locks of several processes. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"
#include "held_process.h"

static struct held_folder folder;
static struct descriptors_reading reading;

static const char *in_folder(const char *name) {
  static char paths[2][PATH_MAX];
  static unsigned turn;
  char *path = paths[turn++ % 2];
  snprintf(path, PATH_MAX, "%s/%s", folder.path, name);
  return path;
}

/* The watched process and another, and the reading of the first. */
struct pair {
  struct held_process one, other;
  struct descriptors *descriptors;
  struct lock_table *locks;
};

static void start_pair(struct pair *pair) {
  held_process_start(&pair->one);
  held_process_start(&pair->other);
  assert_int_equal(descriptors_new(NULL, 0, 0, &pair->descriptors), 0);
  assert_int_equal(lock_table_new(&pair->locks), 0);
}

static void end_pair(struct pair *pair) {
  held_process_end(&pair->one);
  held_process_end(&pair->other);
  descriptors_free(pair->descriptors);
  lock_table_free(pair->locks);
}

static void read_locks(struct pair *pair) {
  assert_int_equal(lock_table_refresh(pair->locks, pair->one.host), 0);
  assert_int_equal(descriptors_read(pair->descriptors, pair->one.process, pair->locks, NULL, 0,
                                    NULL, &reading),
                   0);
}

/* The kernel lists locks a page at a time: if another program takes or releases one between two
 * pages, the reader sees a lock twice or not at all. So a long list is read again. */
static void check_locks(struct pair *pair, const char *name, unsigned held, unsigned foreign) {
  enum { LOOKS = 20 };
  for (int i = 0; i < LOOKS; i++) {
    read_locks(pair);
    if (reading.locks_held == held && reading.locks_foreign == foreign)
      break;
  }
  check_int(name, reading.locks_held, held);
  check_int(name, reading.locks_foreign, foreign);
  if (foreign == 0) {
    check_int(name, reading.foreign_lock_pid, 0);
    assert_string_equal(reading.foreign_lock_path, "");
  }
}

/* --- steps --- */

static int open_db(void *argument) {
  (void)argument;
  return open(in_folder("td.db"), O_RDWR | O_CREAT, 0600);
}

/* The file opened last by a step, which is the descriptor with the highest number. */
static int last_fd(void) {
  int fd = dup(0);
  close(fd);
  return fd - 1;
}

static int lock_range(int command, short type, off_t start, off_t len) {
  struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
  return fcntl(last_fd(), command, &lock);
}

static int lock_record(void *argument) {
  return lock_range(F_SETLK, F_WRLCK, (off_t)(uintptr_t)argument * 10, 5);
}

static int lock_record_to_read(void *argument) {
  return lock_range(F_SETLK, F_RDLCK, (off_t)(uintptr_t)argument * 10, 5);
}

/* The bytes that SQLite locks: of a transaction before its commit, and of the commit. */
static int lock_reserved(void *argument) {
  (void)argument;
  return lock_range(F_SETLK, F_WRLCK, 0x40000001, 1);
}

static int lock_pending(void *argument) {
  (void)argument;
  return lock_range(F_SETLK, F_WRLCK, 0x40000000, 2);
}

static int lock_exclusive(void *argument) {
  (void)argument;
  return lock_range(F_SETLK, F_WRLCK, 0x40000000, 512);
}

/* In WAL mode, on the -shm file. */
static int lock_wal_writer(void *argument) {
  (void)argument;
  return lock_range(F_SETLK, F_WRLCK, 120, 1);
}

static int lock_wal_recovery(void *argument) {
  (void)argument;
  return lock_range(F_SETLK, F_WRLCK, 122, 1);
}

static int open_shm(void *argument) {
  (void)argument;
  return open(in_folder("td.db-shm"), O_RDWR | O_CREAT, 0600);
}

static int lock_open_file(void *argument) {
  return lock_range(F_OFD_SETLK, F_WRLCK, (off_t)(uintptr_t)argument * 10, 5);
}

static int lock_open_file_to_read(void *argument) {
  return lock_range(F_OFD_SETLK, F_RDLCK, (off_t)(uintptr_t)argument * 10, 5);
}

static int lock_file(void *argument) {
  (void)argument;
  return flock(last_fd(), LOCK_EX | LOCK_NB);
}

static int lock_file_shared(void *argument) {
  (void)argument;
  return flock(last_fd(), LOCK_SH | LOCK_NB);
}

static int close_last(void *argument) {
  (void)argument;
  return close(last_fd());
}

static int duplicate_last(void *argument) {
  int fd = last_fd();
  for (unsigned i = 0; i < (uintptr_t)argument; i++)
    if (dup(fd) < 0)
      return -1;
  return 0;
}

/* A child that waits for the lock until its parent ends. */
static int let_child_wait(void *argument) {
  (void)argument;
  pid_t pid = fork();
  if (pid == 0) {
    int fd = open_db(NULL);
    flock(fd, LOCK_EX);
    _exit(0);
  }
  return (int)pid;
}

static int end_children(void *argument) {
  kill((pid_t)(intptr_t)argument, SIGKILL);
  return waitpid(-1, NULL, 0) > 0 ? 0 : -1;
}

/* --- locks of each kind --- */

static void locks_of_each_kind_are_distinguished(void **state) {
  (void)state;
  static const struct {
    const char *name;
    held_process_step lock;
    bool names_its_owner;
  } kinds[] = {
      {"a record lock", lock_record, true},
      {"a record lock to read", lock_record_to_read, true},
      {"an open file description lock", lock_open_file, false},
      {"an open file description lock to read", lock_open_file_to_read, false},
      {"flock", lock_file, true},
      {"a shared flock", lock_file_shared, true},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
    const char *name = kinds[i].name;
    struct pair pair;
    start_pair(&pair);
    check_locks(&pair, name, 0, 0);
    held_process_do(&pair.one, open_db, NULL);
    check_locks(&pair, name, 0, 0);

    held_process_do(&pair.one, kinds[i].lock, (void *)1);
    check_locks(&pair, name, 1, 0);
    held_process_do(&pair.one, close_last, NULL);
    check_locks(&pair, name, 0, 0);

    held_process_do(&pair.other, open_db, NULL);
    held_process_do(&pair.other, kinds[i].lock, (void *)1);
    check_locks(&pair, name, 0, 0); /* not a file that the first has open */
    held_process_do(&pair.one, open_db, NULL);
    check_locks(&pair, name, 0, 1);
    check_int(name, reading.foreign_lock_pid, kinds[i].names_its_owner ? pair.other.pid : -1);
    assert_string_equal(reading.foreign_lock_path, in_folder("td.db"));
    end_pair(&pair);
  }
}

static void locks_of_two_processes_on_a_file_are_counted_separately(void **state) {
  (void)state;
  static const struct {
    const char *name;
    held_process_step lock;
  } kinds[] = {{"record locks", lock_record},
               {"record locks to read", lock_record_to_read},
               {"open file description locks", lock_open_file},
               {"open file description locks to read", lock_open_file_to_read}};
  for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
    struct pair pair;
    start_pair(&pair);
    held_process_do(&pair.one, open_db, NULL);
    held_process_do(&pair.other, open_db, NULL);
    for (uintptr_t range = 0; range < 3; range++)
      held_process_do(&pair.one, kinds[i].lock, (void *)range);
    for (uintptr_t range = 3; range < 5; range++)
      held_process_do(&pair.other, kinds[i].lock, (void *)range);
    check_locks(&pair, kinds[i].name, 3, 2);
    end_pair(&pair);
  }
}

static void locks_that_look_the_same_are_counted_separately(void **state) {
  (void)state;
  struct pair pair;
  start_pair(&pair);
  held_process_do(&pair.one, open_db, NULL);
  held_process_do(&pair.other, open_db, NULL);
  held_process_do(&pair.one, lock_open_file_to_read, (void *)1);
  held_process_do(&pair.other, lock_open_file_to_read, (void *)1);
  check_locks(&pair, "the same range", 1, 1);
  end_pair(&pair);
}

static void a_writer_is_the_better_example_of_a_foreign_lock(void **state) {
  (void)state;
  struct pair pair;
  struct held_process reader;
  start_pair(&pair);
  held_process_start(&reader);
  held_process_do(&pair.one, open_db, NULL);
  held_process_do(&reader, open_db, NULL);
  held_process_do(&reader, lock_record_to_read, (void *)0);
  held_process_do(&pair.other, open_db, NULL);
  held_process_do(&pair.other, lock_record, (void *)5);
  check_locks(&pair, "a reader and a writer", 0, 2);
  assert_int_equal(reading.foreign_lock_pid, pair.other.pid);
  held_process_end(&reader);
  end_pair(&pair);
}

static void only_a_lock_that_stops_readers_of_a_database_contends(void **state) {
  (void)state;
  static const struct {
    const char *name, *expression;
    int (*open)(void *);
    int (*lock)(void *);
    uint64_t contended;
    enum sqlite_lock kind;
  } cases[] = {
      {"a writer on a database", "\\.db$", open_db, lock_record, 1, SQLITE_LOCK_OTHER},
      {"a reader on a database", "\\.db$", open_db, lock_record_to_read, 0, SQLITE_LOCK_OTHER},
      {"a writer on another file", "\\.sqlite$", open_db, lock_record, 0, SQLITE_LOCK_OTHER},
      {"flock", "\\.db$", open_db, lock_file, 1, SQLITE_LOCK_OTHER},
      {"reserved", "\\.db$", open_db, lock_reserved, 0, SQLITE_LOCK_OTHER},
      {"pending", "\\.db$", open_db, lock_pending, 1, SQLITE_LOCK_PENDING},
      {"exclusive", "\\.db$", open_db, lock_exclusive, 1, SQLITE_LOCK_EXCLUSIVE},
      {"a writer in WAL mode", "\\.db-shm$", open_shm, lock_wal_writer, 0, SQLITE_LOCK_OTHER},
      {"recovery in WAL mode", "\\.db-shm$", open_shm, lock_wal_recovery, 1,
       SQLITE_LOCK_WAL_RECOVERY},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct pair pair;
    struct pattern pattern = {.name = "databases"};
    assert_int_equal(regcomp(&pattern.regex, cases[i].expression, REG_EXTENDED | REG_NOSUB), 0);
    start_pair(&pair);
    descriptors_free(pair.descriptors);
    assert_int_equal(descriptors_new(&pattern, 1, 1, &pair.descriptors), 0);
    held_process_do(&pair.one, cases[i].open, NULL);
    held_process_do(&pair.other, cases[i].open, NULL);
    held_process_do(&pair.other, cases[i].lock, (void *)0);
    check_locks(&pair, cases[i].name, 0, 1);
    check_int(cases[i].name, reading.locks_contended, cases[i].contended);
    check_int(cases[i].name, reading.foreign_lock_kind, cases[i].kind);
    end_pair(&pair);
    regfree(&pattern.regex);
  }
}

static void without_the_pattern_contention_is_unknown(void **state) {
  (void)state;
  struct pair pair;
  start_pair(&pair);
  held_process_do(&pair.one, open_db, NULL);
  check_locks(&pair, "no lock", 0, 0);
  assert_int_equal(reading.locks_contended, VALUE_UNKNOWN);
  end_pair(&pair);
}

static void a_waiter_has_no_lock(void **state) {
  (void)state;
  struct pair pair;
  start_pair(&pair);
  held_process_do(&pair.one, open_db, NULL);
  held_process_do(&pair.one, lock_file, NULL);
  intptr_t child = held_process_do(&pair.other, let_child_wait, NULL);
  /* wait until it waits */
  char line[256];
  bool is_waiting = false;
  for (int i = 0; i < 5000 && !is_waiting; i++) {
    FILE *locks = fopen("/proc/locks", "r");
    assert_non_null(locks);
    char number[16];
    snprintf(number, sizeof(number), " %d ", (int)child);
    while (fgets(line, sizeof(line), locks) != NULL)
      is_waiting = is_waiting || (strstr(line, "->") != NULL && strstr(line, number) != NULL);
    fclose(locks);
    usleep(1000);
  }
  assert_true(is_waiting);
  check_locks(&pair, "a waiter", 1, 0);
  held_process_do(&pair.other, end_children, (void *)child);
  end_pair(&pair);
}

/* As with `flock FILE sidecar`: who locked is another process, but the lock is shared. */
static int lock_by_child(void *argument) {
  (void)argument;
  if (open_db(NULL) < 0)
    return -1;
  int fd = last_fd();
  pid_t pid = fork();
  if (pid == 0)
    _exit(flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : 1);
  int status;
  return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? -WEXITSTATUS(status) : -1;
}

static bool lists_lock_on(const char *path) {
  char line[256], number[32];
  struct stat file;
  bool found = false;
  assert_int_equal(stat(path, &file), 0);
  snprintf(number, sizeof(number), ":%llu ", (unsigned long long)file.st_ino);
  FILE *locks = fopen("/proc/locks", "r");
  assert_non_null(locks);
  while (fgets(line, sizeof(line), locks) != NULL)
    found = found || strstr(line, number) != NULL;
  fclose(locks);
  return found;
}

static void a_lock_shared_with_the_locking_process_is_its_own(void **state) {
  (void)state;
  struct pair pair;
  start_pair(&pair);
  held_process_do(&pair.one, lock_by_child, NULL);
  if (!lists_lock_on(in_folder("td.db"))) {
    check_locks(&pair, "not listed", 0, 0);
    end_pair(&pair);
    print_message("skipped: in a pid namespace /proc/locks has no lock whose locker ended\n");
    skip();
  }
  check_locks(&pair, "locked by a child that has ended", 1, 0);
  held_process_do(&pair.one, duplicate_last, (void *)20);
  check_locks(&pair, "and many descriptors of it", 1, 0);
  end_pair(&pair);
}

static int open_other_name(void *argument) {
  (void)argument;
  if (link(in_folder("td.db"), in_folder("td.db link")) != 0 && errno != EEXIST)
    return -1;
  return open(in_folder("td.db link"), O_RDWR);
}

static void the_locks_of_a_file_with_two_names_count_once(void **state) {
  (void)state;
  struct pair pair;
  start_pair(&pair);
  held_process_do(&pair.one, open_db, NULL);
  held_process_do(&pair.one, open_other_name, NULL);
  held_process_do(&pair.one, open_other_name, NULL);
  held_process_do(&pair.other, open_db, NULL);
  held_process_do(&pair.other, lock_open_file, (void *)1);
  held_process_do(&pair.other, lock_record, (void *)2);
  check_locks(&pair, "two names", 0, 2);
  end_pair(&pair);
}

static void without_a_list_locks_are_unknown(void **state) {
  (void)state;
  struct pair pair;
  start_pair(&pair);
  held_process_do(&pair.one, open_db, NULL);
  held_process_do(&pair.one, lock_record, NULL);
  assert_int_equal(
      descriptors_read(pair.descriptors, pair.one.process, NULL, NULL, 0, NULL, &reading), 0);
  assert_int_equal(reading.locks_held, VALUE_UNKNOWN);
  assert_int_equal(reading.locks_foreign, VALUE_UNKNOWN);
  assert_int_equal(
      descriptors_read(pair.descriptors, pair.one.process, pair.locks, NULL, 0, NULL, &reading),
      0); /* never refreshed */
  assert_int_equal(reading.locks_held, VALUE_UNKNOWN);
  end_pair(&pair);
}

static void many_locks_and_descriptors_are_counted(void **state) {
  (void)state;
  struct pair pair;
  start_pair(&pair);
  held_process_do(&pair.one, open_db, NULL);
  held_process_do(&pair.other, open_db, NULL);
  for (uintptr_t range = 0; range < 300; range += 2) {
    held_process_do(&pair.one, lock_open_file, (void *)range);
    held_process_do(&pair.other, lock_record, (void *)(range + 1));
  }
  held_process_do(&pair.one, duplicate_last, (void *)3);
  check_locks(&pair, "150 of each", 150, 150);
  end_pair(&pair);
}

/* --- file systems whose stat(2) shows another device than the list --- */

static int enter_own_mounts(void *argument) {
  (void)argument;
  if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
    return -1;
  return 0;
}

static int mount_overlay(void *argument) {
  (void)argument;
  char options[512];
  if (enter_own_mounts(NULL) != 0 || mount("tmpfs", folder.path, "tmpfs", 0, NULL) != 0 ||
      mkdir(in_folder("lower"), 0700) != 0 || mkdir(in_folder("upper"), 0700) != 0 ||
      mkdir(in_folder("work"), 0700) != 0 || mkdir(in_folder("merged"), 0700) != 0)
    return -1;
  close(open(in_folder("lower/td.db"), O_RDWR | O_CREAT, 0600));
  snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s/upper,workdir=%s/work",
           in_folder("lower"), folder.path, folder.path);
  if (mount("overlay", in_folder("merged"), "overlay", 0, options) != 0)
    return errno == ENODEV ? 1 : -1;
  return 0;
}

static int open_merged(void *argument) {
  (void)argument;
  return open(in_folder("merged/td.db"), O_RDWR);
}

/* Locks its file by a separate process, with the same mounts. */
static int let_child_lock(void *argument) {
  (void)argument;
  int ready[2];
  char byte = 0;
  if (pipe(ready) != 0)
    return -1;
  pid_t pid = fork();
  if (pid == 0) {
    if (open_merged(NULL) < 0 || lock_record(NULL) != 0 || write(ready[1], &byte, 1) != 1)
      _exit(1);
    for (;;)
      pause();
  }
  close(ready[1]);
  ssize_t len = read(ready[0], &byte, 1);
  close(ready[0]);
  return len == 1 ? (int)pid : -1;
}

/* A file in a subvolume, for which stat(2) shows a separate device. */
static int mount_btrfs(void *argument) {
  (void)argument;
  char command[1024];
  if (enter_own_mounts(NULL) != 0)
    return -1;
  snprintf(command, sizeof(command),
           "(cd %s && PATH=$PATH:/usr/sbin:/sbin && truncate -s 128M image &&"
           " mkfs.btrfs -q image && mkdir disk && mount -o loop image disk &&"
           " btrfs subvolume create disk/volume && ln -s disk/volume merged &&"
           " : > merged/td.db) > /dev/null 2>&1",
           folder.path);
  return system(command) == 0 ? 0 : 1;
}

static void check_locks_on_mount(held_process_step mount_it, const char *name) {
  if (geteuid() != 0) {
    print_message("skipped: only root may mount\n");
    skip();
  }
  struct pair pair;
  start_pair(&pair);
  if (held_process_do(&pair.one, mount_it, NULL) != 0) {
    end_pair(&pair);
    print_message("skipped: %s cannot be mounted here\n", name);
    skip();
  }
  intptr_t child = held_process_do(&pair.one, let_child_lock, NULL);
  held_process_do(&pair.one, open_merged, NULL);
  check_locks(&pair, "of another process", 0, 1);
  assert_int_equal(reading.foreign_lock_pid, child);
  held_process_do(&pair.one, end_children, (void *)child);
  held_process_do(&pair.one, lock_file, NULL);
  check_locks(&pair, "of its own", 1, 0);
  end_pair(&pair);
}

static void locks_on_an_overlay_are_found(void **state) {
  (void)state;
  check_locks_on_mount(mount_overlay, "an overlay");
}

static void locks_in_a_subvolume_are_found(void **state) {
  (void)state;
  check_locks_on_mount(mount_btrfs, "btrfs");
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
      in_a_folder(locks_of_each_kind_are_distinguished),
      in_a_folder(locks_of_two_processes_on_a_file_are_counted_separately),
      in_a_folder(locks_that_look_the_same_are_counted_separately),
      in_a_folder(a_writer_is_the_better_example_of_a_foreign_lock),
      in_a_folder(only_a_lock_that_stops_readers_of_a_database_contends),
      in_a_folder(without_the_pattern_contention_is_unknown),
      in_a_folder(a_waiter_has_no_lock),
      in_a_folder(a_lock_shared_with_the_locking_process_is_its_own),
      in_a_folder(the_locks_of_a_file_with_two_names_count_once),
      in_a_folder(without_a_list_locks_are_unknown),
      in_a_folder(many_locks_and_descriptors_are_counted),
      in_a_folder(locks_on_an_overlay_are_found),
      in_a_folder(locks_in_a_subvolume_are_found),
  };
  return cmocka_run_group_tests_name("descriptor_locks", tests, NULL, NULL);
}
