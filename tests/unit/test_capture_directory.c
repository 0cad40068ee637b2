/*
 * Where captures may be written: whose the directories on the way are, who may write to them,
 * links in them, and another user who replaces a directory at the wrong moment.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"
#include "held_process.h"
#include "sidecar/capture/directory.h"

enum { OTHER = 65534, SYSTEM_GROUP = 4, USERS_GROUP = 1000, KEEP = -1 };

struct on_the_way {
  const char *name;
  int uid, gid; /* of the directory above; KEEP: ours */
  mode_t mode;
  bool is_safe;
};

static const struct on_the_way ways[] = {
    {"ours alone", KEEP, KEEP, 0755, true},
    {"sticky, of root, as /tmp", KEEP, KEEP, 01777, true},
    {"sticky, but another user's", OTHER, KEEP, 01777, false},
    {"another user's", OTHER, OTHER, 0755, false},
    {"writable by all", KEEP, KEEP, 0777, false},
    {"writable by a group of the system, as /var/log", KEEP, SYSTEM_GROUP, 0775, true},
    {"writable by the group of root", KEEP, 0, 0775, true},
    {"writable by a group of users", KEEP, USERS_GROUP, 0775, false},
    {"sticky and writable by a group of users", KEEP, USERS_GROUP, 01775, true},
    {"of a group of users that may not write", KEEP, USERS_GROUP, 0755, true},
    {"writable by all, and by a group of the system", KEEP, SYSTEM_GROUP, 0777, false},
};

/* Only root of a namespace with several ids can do so. */
static bool can_give_away(const char *path) {
  return geteuid() == 0 && chown(path, OTHER, USERS_GROUP) == 0 && chown(path, 0, 0) == 0;
}

static void check_way(const struct on_the_way *way, const char *outer, const char *folder) {
  char parent[DIRECTORY_PATH_MAX];
  int fd = -1;
  assert_int_equal(chown(outer, (uid_t)way->uid, (gid_t)way->gid), 0);
  assert_int_equal(chmod(outer, way->mode), 0);
  check_int(way->name, directory_open_path(folder, &fd, parent), way->is_safe ? 0 : -EPERM);
  check_span(way->name, span_of(parent), span_of(way->is_safe ? "" : outer));
  check_int(way->name, access(folder, F_OK) == 0, way->is_safe);
  if (fd >= 0)
    close(fd);
  rmdir(folder);
}

static void what_others_may_replace_is_refused(void **state) {
  (void)state;
  struct held_folder held;
  char outer[128], inner[160], folder[192];
  held_folder_create(&held);
  snprintf(outer, sizeof(outer), "%s/outer", held.path);
  snprintf(inner, sizeof(inner), "%s/inner", outer);
  assert_int_equal(mkdir(outer, 0755), 0);
  bool can = can_give_away(outer);
  for (size_t i = 0; i < ARRAY_LENGTH(ways); i++) {
    if (!can && (ways[i].uid != KEEP || ways[i].gid != KEEP))
      continue;
    assert_int_equal(chmod(outer, 0700), 0);
    assert_int_equal(chown(outer, geteuid(), getegid()), 0);
    snprintf(folder, sizeof(folder), "%s/captures", outer);
    check_way(&ways[i], outer, folder);
    assert_int_equal(mkdir(inner, 0755), 0);
    snprintf(folder, sizeof(folder), "%s/captures", inner); /* two above */
    check_way(&ways[i], outer, folder);
    assert_int_equal(rmdir(inner), 0);
  }
  held_folder_remove(&held);
  if (!can) {
    print_message("skipped: only root, of several ids, can give a directory away\n");
    skip();
  }
}

static void the_target_of_a_link_is_checked_as_well(void **state) {
  (void)state;
  struct held_folder held;
  char theirs[128], inner[160], link[128], folder[160], parent[DIRECTORY_PATH_MAX];
  int fd;
  held_folder_create(&held);
  snprintf(theirs, sizeof(theirs), "%s/theirs", held.path);
  snprintf(inner, sizeof(inner), "%s/inner", theirs);
  snprintf(link, sizeof(link), "%s/link", held.path);
  snprintf(folder, sizeof(folder), "%s/captures", link);
  assert_int_equal(mkdir(theirs, 0755), 0);
  assert_int_equal(mkdir(inner, 0755), 0);
  const char *const targets[] = {"theirs/inner", "./theirs/../theirs//inner/", inner};
  for (size_t i = 0; i < ARRAY_LENGTH(targets); i++) {
    assert_int_equal(chmod(theirs, 0755), 0);
    assert_int_equal(symlink(targets[i], link), 0);
    assert_int_equal(directory_open_path(folder, &fd, parent), 0);
    close(fd);
    assert_int_equal(chmod(theirs, 0777), 0);
    assert_int_equal(directory_open_path(folder, &fd, parent), -EPERM);
    assert_non_null(strstr(parent, "/theirs"));
    assert_int_equal(unlink(link), 0);
  }
  held_folder_remove(&held);
}

static void links_that_root_made_are_followed_but_not_forever(void **state) {
  (void)state;
  struct held_folder held;
  char link[128], folder[160], parent[DIRECTORY_PATH_MAX];
  int fd;
  held_folder_create(&held);
  snprintf(link, sizeof(link), "%s/round", held.path);
  snprintf(folder, sizeof(folder), "%s/captures", link);
  assert_int_equal(symlink("round", link), 0);
  assert_int_equal(directory_open_path(folder, &fd, parent), -ELOOP);
  assert_int_equal(unlink(link), 0);
  assert_int_equal(symlink("/missing", link), 0);
  assert_int_equal(directory_open_path(folder, &fd, parent), -ENOENT);
  assert_int_equal(unlink(link), 0);
  assert_int_equal(symlink("/dev/null", link), 0);
  assert_int_equal(directory_open_path(folder, &fd, parent), -ENOTDIR);
  held_folder_remove(&held);
}

/* --- another user replaces the new directory --- */

static const char *replaced; /* at the next call of fstat(2); NULL: none */

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);

/* A link to what is not his stands in its place. */
int __wrap_fstat(int fd, struct stat *st) {
  int status = __real_fstat(fd, st);
  if (replaced != NULL) {
    assert_int_equal(rmdir(replaced), 0);
    assert_int_equal(symlink("target", replaced), 0);
    replaced = NULL;
  }
  return status;
}

/* With a umask that removes all bits, so that the mode has to be set. */
static void the_mode_of_what_stands_in_its_place_is_not_changed(void **state) {
  (void)state;
  struct held_folder held;
  char folder[128], target[128];
  struct stat st;
  int fd;
  held_folder_create(&held);
  snprintf(target, sizeof(target), "%s/target", held.path);
  snprintf(folder, sizeof(folder), "%s/captures", held.path);
  assert_int_equal(mkdir(target, 0700), 0);
  assert_int_equal(chmod(target, 0711), 0); /* whatever the umask */
  int parent = open(held.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  assert_true(parent >= 0);
  mode_t before = umask(0777);
  replaced = folder;
  assert_int_not_equal(directory_open(parent, "captures", true, &fd), 0);
  umask(before);
  assert_null(replaced);
  assert_int_equal(stat(target, &st), 0);
  assert_int_equal(st.st_mode & 07777, 0711);
  close(parent);
  held_folder_remove(&held);
}

/* --- a user namespace with a single id --- */

/* Root's directories look like nobody's there. */
static void open_in_a_namespace(const char *folder) {
  char map[64], parent[DIRECTORY_PATH_MAX];
  int fd, map_fd, uid = (int)geteuid();
  /* so that its map is still its own file */
  if (prctl(PR_SET_DUMPABLE, 1) != 0 || unshare(CLONE_NEWUSER) != 0)
    _exit(77);
  map_fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
  int len = snprintf(map, sizeof(map), "0 %d 1", uid);
  if (map_fd < 0 || write(map_fd, map, (size_t)len) != len)
    _exit(77);
  _exit(directory_open_path(folder, &fd, parent) == 0 ? 0 : 1);
}

static void ids_from_outside_a_user_namespace_are_taken_for_roots(void **state) {
  (void)state;
  struct held_folder held;
  char folder[128];
  int status;
  held_folder_create(&held);
  snprintf(folder, sizeof(folder), "%s/captures", held.path);
  bool can = geteuid() != 0 || chown(held.path, OTHER - 1, OTHER - 1) == 0;
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    if (!can || (geteuid() == 0 && setresuid(OTHER - 1, OTHER - 1, OTHER - 1) != 0))
      _exit(77);
    open_in_a_namespace(folder);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  held_folder_remove(&held);
  assert_true(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) {
    print_message("skipped: may not make a user namespace here\n");
    skip();
  }
  assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_others_may_replace_is_refused),
      cmocka_unit_test(the_target_of_a_link_is_checked_as_well),
      cmocka_unit_test(links_that_root_made_are_followed_but_not_forever),
      cmocka_unit_test(the_mode_of_what_stands_in_its_place_is_not_changed),
      cmocka_unit_test(ids_from_outside_a_user_namespace_are_taken_for_roots),
  };
  return cmocka_run_group_tests_name("capture_directory", tests, NULL, NULL);
}
