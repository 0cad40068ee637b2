/*
 * Captures that cannot be written, or that another user tries to redirect: full and read-only
 * disks, missing folders, planted links, folders of other users, hostile names; and how many
 * bundles are kept.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture_fixture.h"
#include "cases.h"
#include "live_process.h"

enum { NOBODY = 65534 };

/* --- disks --- */

/* Before anything is allocated: skips the test where no file system may be mounted that this
 * program alone sees. */
static void need_own_mounts(void) {
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, "") != 0) {
    print_message("skipped: may not mount a file system here: %s\n", strerror(errno));
    skip();
  }
}

static void mount_small(const char *folder, const char *size) {
  char options[64];
  snprintf(options, sizeof(options), "size=%s,mode=0700", size);
  assert_int_equal(mount("none", folder, "tmpfs", 0, options), 0);
}

/* Breaks the test's disk in some way, and repairs it. */
struct disk {
  const char *name;
  void (*break_it)(struct capture_fixture *);
  void (*repair)(struct capture_fixture *);
  const char *hint;
};

static char filler[CAPTURE_PATH_MAX];

static void fill_disk(struct capture_fixture *f) {
  char block[1024] = {0};
  snprintf(filler, sizeof(filler), "%s/filler", f->captures);
  int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  while (write(fd, block, sizeof(block)) > 0)
    ;
  close(fd);
}

static void leave_a_page(struct capture_fixture *f) {
  fill_disk(f);
  struct stat st;
  assert_int_equal(stat(filler, &st), 0);
  assert_int_equal(truncate(filler, st.st_size - 32768), 0);
}

static void empty_disk(struct capture_fixture *f) {
  (void)f;
  assert_int_equal(unlink(filler), 0);
}

static void make_read_only(struct capture_fixture *f) {
  assert_int_equal(mount("none", f->captures, "none", MS_REMOUNT | MS_RDONLY, ""), 0);
}

static void make_writable(struct capture_fixture *f) {
  assert_int_equal(mount("none", f->captures, "none", MS_REMOUNT, ""), 0);
}

static const struct disk disks[] = {
    {"a full disk", fill_disk, empty_disk, "No space left on device; free some space there"},
    {"a disk that fills up in the middle", leave_a_page, empty_disk,
     "No space left on device; free some space there"},
    {"a read-only disk", make_read_only, make_writable,
     "Read-only file system; set CaptureFolder"},
};

static void a_disk_failure_is_logged_once_and_retried(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX];
  need_own_mounts();
  for (size_t i = 0; i < ARRAY_LENGTH(disks); i++) {
    fixture_start(&f);
    assert_int_equal(mkdir(f.captures, 0700), 0);
    mount_small(f.captures, "1m");
    fixture_open(&f);
    fixture_wait_for_log(&f, "captures go to");
    disks[i].break_it(&f);
    for (unsigned j = 0; j < 10; j++)
      assert_int_equal(fixture_request(&f, "fds", path), 0);
    fixture_wait_for_log(&f, disks[i].hint);
    fixture_close(&f);
    check_int(disks[i].name, fixture_logged(&f, "cannot be written"), 1);
    check_int(disks[i].name, count_named(f.captures, "pid"), 0);

    fixture_open(&f);
    disks[i].repair(&f);
    fixture_capture(&f, "fds", path);
    check_int(disks[i].name, count_named(f.captures, ".tmp-2"), 0);
    fixture_close(&f);
    assert_int_equal(umount2(f.captures, MNT_DETACH), 0);
    fixture_end(&f);
  }
}

static void the_first_success_after_a_failure_is_logged(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX], folder[160];
  fixture_start(&f);
  snprintf(folder, sizeof(folder), "%s/missing/captures", f.folder.path);
  f.options.folder = folder;
  fixture_open(&f);
  assert_int_equal(fixture_request(&f, "baseline", path), 0);
  fixture_wait_for_log(&f, "missing/captures: No such file or directory; create its parent");
  *strrchr(folder, '/') = '\0';
  assert_int_equal(mkdir(folder, 0700), 0);
  folder[strlen(folder)] = '/';
  fixture_capture(&f, "fds", path);
  fixture_wait_for_log(&f, "5 captures are written again, to ");
  fixture_end(&f);
}

/* Requests it once a minute until the answer differs. */
static int request_baseline(struct capture_fixture *f, int answer) {
  char path[CAPTURE_PATH_MAX];
  int status;
  while ((status = fixture_request(f, "baseline", path)) == answer) {
    f->request.monotonic_ms += 60 * 1000;
    usleep(1000);
  }
  return status;
}

static void a_baseline_that_failed_may_be_requested_again(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX];
  fixture_start(&f);
  assert_int_equal(symlink("/", f.captures), 0);
  fixture_open(&f);
  assert_int_equal(fixture_request(&f, "baseline", path), 0);
  assert_int_equal(request_baseline(&f, -EAGAIN), 0); /* it has failed by now, and will again */
  assert_int_equal(unlink(f.captures), 0);
  int status;
  while ((status = request_baseline(&f, -EAGAIN)) == 0)
    ;
  assert_int_equal(status, -EALREADY);
  fixture_settle(&f);
  assert_int_equal(count_named(f.captures, "-baseline"), 1);
  fixture_end(&f);
}

static void a_file_size_limit_is_an_error_and_does_not_kill_the_daemon(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX];
  struct rlimit before, limit;
  fixture_start(&f);
  fixture_open(&f);
  fixture_wait_for_log(&f, "captures go to");
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  limit = before;
  limit.rlim_cur = 100;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
  int status = fixture_request(&f, "fds", path);
  while (fixture_logged(&f, "raise the limit of file sizes") == 0)
    usleep(1000);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  assert_int_equal(status, 0);
  fixture_close(&f);
  assert_int_equal(count_named(f.captures, "pid"), 0);
  fixture_end(&f);
}

/* As a user who may not write there. The answer is the log. */
static void request_where_it_is_denied(void *answer) {
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX];
  fixture_start(&f);
  f.options.folder = "/root/captures";
  fixture_open(&f);
  fixture_request(&f, "fds", path);
  fixture_wait_for_log(&f, "captures cannot be written");
  fixture_close(&f);
  memcpy(answer, f.log, 512);
  fixture_end(&f);
}

/* Until a capture succeeds, with one more of `what` each time. */
static void check_each_shortage(struct capture_fixture *f, const char *what, unsigned least,
                                void (*leave)(struct capture_fixture *, unsigned)) {
  struct writer writer;
  char old[CAPTURE_PATH_MAX], path[CAPTURE_PATH_MAX];
  struct writer_failure failure = {0};
  unsigned left = 0;
  int status;
  fixture_prepare_writer(f, &writer);
  f->request.reason = "fds";
  f->request.instance = "old";
  capture_name_path(f->captures, &f->request, old);
  assert_int_equal(writer_write(&writer, &f->request, &failure), 0);
  f->request.instance = "web";
  do {
    leave(f, left++);
    f->request.wall_time_ms += 1000;
    capture_name_path(f->captures, &f->request, path);
    failure = (struct writer_failure){0};
    status = writer_write(&writer, &f->request, &failure);
    if (status != 0 && status != -ENOSPC)
      fail_msg("%u %s: %s", left - 1, what, strerror(-status));
    check_int(what, failure.error, status);
    check_int(what, count_named(f->captures, ".tmp-"), 0);
    check_int(what, count_entries(old) > 4, true);
    if (path_exists(path)) /* only the summary may be missing */
      check_int(what, status == 0 || strstr(failure.where, "summary.txt") != NULL, true);
  } while (status != 0);
  check_int(what, path_exists(path), true);
  assert_in_range(left, least, 1000);
  fixture_end_writer(&writer);
}

static void leave_pages(struct capture_fixture *f, unsigned pages) {
  if (path_exists(filler))
    unlink(filler);
  fill_disk(f);
  struct stat st;
  assert_int_equal(stat(filler, &st), 0);
  assert_int_equal(truncate(filler, st.st_size - (off_t)pages * 4096), 0);
}

/* Names in a folder of their own. */
static void leave_inodes(struct capture_fixture *f, unsigned inodes) {
  char path[CAPTURE_PATH_MAX];
  int fd;
  snprintf(path, sizeof(path), "%s/filler", f->captures);
  mkdir(path, 0700);
  unsigned made = 0;
  do {
    snprintf(path, sizeof(path), "%s/filler/%u", f->captures, made++);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
      close(fd);
  } while (fd >= 0);
  assert_int_equal(errno, ENOSPC);
  for (unsigned i = 0; inodes > 0 && i < 60; i++) { /* some are a bundle's by now */
    snprintf(path, sizeof(path), "%s/filler/%u", f->captures, i);
    inodes -= unlink(path) == 0;
  }
  assert_int_equal(inodes, 0);
}

static void a_disk_that_is_full_at_any_point_leaves_no_part_of_a_bundle(void **state) {
  (void)state;
  static const struct {
    const char *what, *size;
    unsigned least;
    void (*leave)(struct capture_fixture *, unsigned);
  } shortages[] = {
      {"pages", "1m", 10, leave_pages},
      {"inodes", "8m,nr_inodes=60", 8, leave_inodes},
  };
  need_own_mounts();
  for (size_t i = 0; i < ARRAY_LENGTH(shortages); i++) {
    struct capture_fixture f;
    fixture_start(&f);
    assert_int_equal(mkdir(f.captures, 0700), 0);
    mount_small(f.captures, shortages[i].size);
    filler[0] = '\0';
    check_each_shortage(&f, shortages[i].what, shortages[i].least, shortages[i].leave);
    assert_int_equal(umount2(f.captures, MNT_DETACH), 0);
    fixture_end(&f);
  }
}

static void a_file_size_limit_at_any_point_leaves_no_part_of_a_bundle(void **state) {
  (void)state;
  struct capture_fixture f;
  char old[CAPTURE_PATH_MAX], path[CAPTURE_PATH_MAX];
  struct rlimit before, limit;
  unsigned failed = 0;
  fixture_start(&f);
  f.options.min_interval_ms = 0;
  f.request.instance = "old";
  fixture_open(&f);
  fixture_capture(&f, "fds", old);
  fixture_settle(&f);
  f.request.instance = "web";
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  limit = before;
  for (limit.rlim_cur = 1; limit.rlim_cur < 1 << 20; limit.rlim_cur *= 2) {
    fixture_close(&f); /* or it would pause */
    f.log[0] = '\0';
    fixture_open(&f);
    fixture_wait_for_log(&f, "captures go to");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int status = fixture_request(&f, "fds", path);
    while (fixture_logged(&f, "raise the limit of file sizes") == 0 && !path_exists(path))
      usleep(1000);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, 0);
    failed += !path_exists(path);
    assert_int_equal(count_named(f.captures, ".tmp-2"), 0);
    assert_true(count_entries(old) > 4);
  }
  assert_in_range(failed, 5, 18);
  assert_true(path_exists(path));
  fixture_end(&f);
}

static void count_and_answer(struct hostile_connection *c, void *context) {
  atomic_fetch_add((atomic_uint *)context, 1);
  answer_as_go(c, NULL);
}

/* Profiles that cannot be kept would only cost the process. */
static void captures_of_a_user_pause_while_the_disk_is_full(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX];
  atomic_uint asked = 0;
  need_own_mounts();
  fixture_start(&f);
  assert_int_equal(mkdir(f.captures, 0700), 0);
  mount_small(f.captures, "1m");
  hostile_server_behave(f.server, count_and_answer, &asked);
  fixture_open(&f);
  fixture_wait_for_log(&f, "captures go to");
  leave_a_page(&f);
  f.request.owner = 1000;
  for (unsigned i = 0; i < 10; i++)
    assert_int_equal(fixture_request(&f, "fds", path), 0);
  fixture_wait_for_log(&f, "No space left on device; free some space there");
  empty_disk(&f);
  f.request.owner = 1001; /* does not wait for the other */
  fixture_capture(&f, "rss", path);
  assert_in_range(atomic_load(&asked), 3, 4); /* two profiles, of which one or both fit */
  f.request.owner = 1000;
  do {
    assert_int_equal(fixture_request(&f, "fds", path), 0);
    usleep(200 * 1000);
  } while (!path_exists(path));
  fixture_wait_for_log(&f, "captures are written again");
  assert_int_equal(fixture_logged(&f, "cannot be written"), 1);
  fixture_close(&f);
  assert_int_equal(umount2(f.captures, MNT_DETACH), 0);
  fixture_end(&f);
}

static void an_unwritable_directory_is_logged_once(void **state) {
  (void)state;
  char log[512] = "";
  if (geteuid() != 0) {
    print_message("skipped: only root can become another user\n");
    skip();
  }
  live_process_ask_unprivileged(request_where_it_is_denied, log, sizeof(log));
  assert_non_null(strstr(log, "/root/captures: Permission denied; make it writable"));
}

/* --- links and folders of other users --- */

static void plant_folder(struct capture_fixture *f, const char *outside) {
  assert_int_equal(symlink(outside, f->captures), 0);
}

static char way[160];

/* Our directory, in one that is world-writable, is replaced by a link. */
static void plant_on_the_way(struct capture_fixture *f, const char *outside) {
  char open_to_all[128];
  snprintf(open_to_all, sizeof(open_to_all), "%s/open", f->folder.path);
  assert_int_equal(mkdir(open_to_all, 0700), 0);
  assert_int_equal(chmod(open_to_all, 01777), 0);
  snprintf(way, sizeof(way), "%s/way", open_to_all);
  assert_int_equal(symlink(outside, way), 0);
  strcat(way, "/captures");
  f->options.folder = way;
}

static void leave_open_above(struct capture_fixture *f, const char *outside) {
  (void)outside;
  snprintf(way, sizeof(way), "%s/open", f->folder.path);
  assert_int_equal(mkdir(way, 0700), 0);
  assert_int_equal(chmod(way, 0777), 0);
  strcat(way, "/captures");
  f->options.folder = way;
}

static void plant_instance(struct capture_fixture *f, const char *outside) {
  char path[160];
  assert_int_equal(mkdir(f->captures, 0700), 0);
  snprintf(path, sizeof(path), "%s/web", f->captures);
  assert_int_equal(symlink(outside, path), 0);
}

static void plant_bundle(struct capture_fixture *f, const char *outside) {
  char path[160];
  assert_int_equal(mkdir(f->captures, 0700), 0);
  snprintf(path, sizeof(path), "%s/web", f->captures);
  assert_int_equal(mkdir(path, 0700), 0);
  snprintf(path, sizeof(path), "%s/web/20260801T000000.123Z-pid%d-fds", f->captures,
           (int)f->held.pid);
  assert_int_equal(symlink(outside, path), 0);
}

static void leave_writable(struct capture_fixture *f, const char *outside) {
  (void)outside;
  assert_int_equal(mkdir(f->captures, 0700), 0);
  assert_int_equal(chmod(f->captures, 0770), 0);
}

static void leave_foreign(struct capture_fixture *f, const char *outside) {
  (void)outside;
  assert_int_equal(mkdir(f->captures, 0700), 0);
  assert_int_equal(chown(f->captures, NOBODY, NOBODY), 0);
}

static void leave_a_file(struct capture_fixture *f, const char *outside) {
  (void)outside;
  int fd = open(f->captures, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  close(fd);
}

static const struct {
  const char *name;
  void (*plant)(struct capture_fixture *, const char *outside);
  const char *hint;
} traps[] = {
    {"the capture folder is a link", plant_folder, "captures: Not a directory; it must be"},
    {"a link on the way is another user's", plant_on_the_way,
     "/open/way: Not a directory; it must be"},
    {"others may replace what is above", leave_open_above,
     "/open: Operation not permitted; others than root"},
    {"an instance's folder is a link", plant_instance,
     "captures/web: Not a directory; it must"},
    {"a bundle is a link", plant_bundle, "-fds: File exists; remove it"},
    {"others may write to the capture folder", leave_writable,
     "captures: Operation not permitted; it must belong to the user"},
    {"the capture folder is another user's", leave_foreign,
     "captures: Operation not permitted; it must belong to the user"},
    {"the capture folder is a file", leave_a_file, "captures: Not a directory; it must be"},
};

static void paths_through_unsafe_directories_are_rejected_with_a_hint(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX], outside[160];
  for (size_t i = 0; i < ARRAY_LENGTH(traps); i++) {
    if (traps[i].plant == leave_foreign && geteuid() != 0)
      continue; /* only root can change the owner of a directory */
    fixture_start(&f);
    snprintf(outside, sizeof(outside), "%s/outside", f.folder.path);
    assert_int_equal(mkdir(outside, 0700), 0);
    traps[i].plant(&f, outside);
    fixture_open(&f);
    assert_int_equal(fixture_request(&f, "fds", path), 0);
    fixture_wait_for_log(&f, traps[i].hint);
    fixture_close(&f);
    check_int(traps[i].name, count_entries(outside), 0);
    check_int(traps[i].name, count_named(f.folder.path, ".tmp-"), 0);
    fixture_end(&f);
  }
}

static void the_failure_of_one_instance_does_not_affect_the_others(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX];
  fixture_start(&f);
  plant_instance(&f, "/");
  fixture_open(&f);
  for (unsigned i = 0; i < 3; i++) {
    assert_int_equal(fixture_request(&f, "fds", path), 0);
    fixture_settle(&f);
  }
  assert_int_equal(fixture_logged(&f, "cannot be written"), 1);
  assert_int_equal(fixture_logged(&f, "written again"), 0);
  fixture_end(&f);
}

static void a_link_in_the_path_that_only_we_could_create_is_followed(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX], outside[160], folder[160];
  fixture_start(&f);
  snprintf(outside, sizeof(outside), "%s/disk", f.folder.path);
  assert_int_equal(mkdir(outside, 0700), 0);
  snprintf(folder, sizeof(folder), "%s/link", f.folder.path);
  assert_int_equal(symlink(outside, folder), 0);
  strcat(folder, "/captures//");
  f.options.folder = folder;
  fixture_open(&f);
  fixture_capture(&f, "fds", path);
  assert_non_null(strstr(path, "/link/captures/web/"));
  fixture_end(&f);
}

static void a_summary_that_is_a_link_is_replaced_and_not_followed(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX], outside[160], summary[160];
  fixture_start(&f);
  fixture_open(&f);
  snprintf(outside, sizeof(outside), "%s/outside", f.folder.path);
  close(open(outside, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  fixture_capture(&f, "fds", path);
  fixture_settle(&f);
  snprintf(summary, sizeof(summary), "%s/web/summary.txt", f.captures);
  assert_int_equal(unlink(summary), 0);
  assert_int_equal(symlink(outside, summary), 0);
  snprintf(summary, sizeof(summary), "%s/web/.tmp-summary.txt", f.captures);
  assert_int_equal(symlink(outside, summary), 0);
  fixture_capture(&f, "fds", path);
  fixture_settle(&f);
  struct stat st;
  snprintf(summary, sizeof(summary), "%s/web/summary.txt", f.captures);
  assert_int_equal(lstat(summary, &st), 0);
  assert_true(S_ISREG(st.st_mode));
  assert_int_equal(stat(outside, &st), 0);
  assert_int_equal(st.st_size, 0);
  fixture_end(&f);
}

static int check_mode(const char *path, mode_t expected) {
  struct stat st;
  assert_int_equal(lstat(path, &st), 0);
  if ((st.st_mode & 07777) != expected)
    fail_msg("%s has mode %o", path, st.st_mode & 07777);
  return 0;
}

static void modes_do_not_depend_on_the_umask(void **state) {
  (void)state;
  static const mode_t masks[] = {0, 022, 077, 0777};
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX], file[CAPTURE_PATH_MAX + 32];
  for (size_t i = 0; i < ARRAY_LENGTH(masks); i++) {
    fixture_start(&f);
    mode_t before = umask(masks[i]);
    fixture_open(&f);
    fixture_capture(&f, "fds", path);
    fixture_settle(&f);
    umask(before);
    static const char *const files[] = {"README.txt", "heap.pb.gz", "fds.txt", "identity.txt",
                                        "../summary.txt"};
    for (size_t j = 0; j < ARRAY_LENGTH(files); j++) {
      snprintf(file, sizeof(file), "%s/%s", path, files[j]);
      check_mode(file, 0600);
    }
    check_mode(path, 0700);
    *strrchr(path, '/') = '\0';
    check_mode(path, 0700);
    check_mode(f.captures, 0700);
    fixture_end(&f);
  }
}

/* --- names --- */

static const char *const hostile_instances[] = {
    "../../x",
    "..",
    ".",
    "",
    ".tmp-x",
    "a/b",
    "/",
    "\n\033[31m",
    "%2E",
    "summary.txt",
    "\xff\xfe",
    "-rf",
    "a b",
    "'; rm -rf x; '",
    "\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85"
    "\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85"
    "\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85"
    "\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85"
    "\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85"
    "\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85\xd1\x85",
};

static void every_instance_stays_in_the_folder(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX];
  fixture_start(&f);
  f.request.pprof_url = NULL;
  fixture_open(&f);
  for (size_t i = 0; i < ARRAY_LENGTH(hostile_instances); i++) {
    f.request.instance = hostile_instances[i];
    fixture_capture(&f, "fds", path);
    char *text = bundle_read(path, "README.txt");
    assert_non_null(text);
    if (strchr(text, '\033') != NULL)
      fail_msg("an escape sequence in %s", text);
    free(text);
  }
  fixture_settle(&f);
  assert_int_equal(count_entries(f.folder.path), 1);
  assert_int_equal(count_entries(f.captures), ARRAY_LENGTH(hostile_instances) + 1);
  fixture_end(&f);
}

/* What a path of 4,000 bytes with newlines and escapes does to the texts. */
static int open_long_path(void *argument) {
  char part[200];
  memset(part, 'x', sizeof(part));
  memcpy(part, "\n\033]0;x\a", 7);
  part[sizeof(part) - 1] = '\0';
  if (chdir(argument) != 0)
    return -1;
  for (unsigned i = 0; i < 19; i++)
    if (mkdir(part, 0700) != 0 || chdir(part) != 0)
      return -1;
  for (unsigned i = 0; i < 5; i++)
    if (open("leaked\nfile", O_RDWR | O_CREAT, 0600) < 0)
      return -1;
  return 0;
}

static char long_path_folder[64];

static void a_path_of_4000_bytes_with_newlines_and_escapes_is_one_line(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX];
  snprintf(long_path_folder, sizeof(long_path_folder), "/tmp/held-long.XXXXXX");
  assert_non_null(mkdtemp(long_path_folder));
  fixture_start(&f);
  held_process_do(&f.held, open_long_path, long_path_folder);
  f.request.headline = "5 \xc3\x97 \n\033[2J/home/u/.claude/x";
  fixture_open(&f);
  fixture_capture(&f, "same_file", path);
  char *text = bundle_read(path, "fds.txt");
  assert_non_null(text);
  assert_null(strchr(text, '\033'));
  assert_null(strchr(text, '\a'));
  assert_non_null(strstr(text, "      5  /tmp/held-long."));
  assert_non_null(strstr(text, "/leaked\\x0Afile\n"));
  free(text);
  text = bundle_read(path, "README.txt");
  assert_null(strchr(text, '\033'));
  assert_non_null(strstr(text, "5 \xc3\x97 \\x0A\\x1B[2J/home/u/.claude/x\n"));
  free(text);
  fixture_end(&f);
  struct held_folder folder;
  snprintf(folder.path, sizeof(folder.path), "%s", long_path_folder);
  held_folder_remove(&folder);
}

/* --- how many are kept --- */

static void the_oldest_are_deleted_and_the_baseline_and_the_newest_are_kept(void **state) {
  (void)state;
  struct capture_fixture f;
  char baseline[CAPTURE_PATH_MAX], path[CAPTURE_PATH_MAX], first[CAPTURE_PATH_MAX], web[160];
  fixture_start(&f);
  f.options.process_max_bundles = 4;
  fixture_open(&f);
  fixture_capture(&f, "baseline", baseline);
  fixture_capture(&f, "fds", first);
  for (unsigned i = 0; i < 5; i++) {
    fixture_capture(&f, "fds", path);
    if (i == 2) { /* the count continues after a restart */
      fixture_close(&f);
      fixture_open(&f);
    }
  }
  fixture_settle(&f);
  assert_true(path_exists(baseline));
  assert_true(path_exists(path));
  assert_false(path_exists(first));
  snprintf(web, sizeof(web), "%s/web", f.captures);
  assert_int_equal(count_entries(web), 4 + 1);
  fixture_end(&f);
}

static void bytes_are_limited_per_process_and_in_total(void **state) {
  (void)state;
  struct capture_fixture f;
  char baseline[CAPTURE_PATH_MAX], path[CAPTURE_PATH_MAX], other[CAPTURE_PATH_MAX], web[160];
  fixture_start(&f);
  f.options.process_max_bytes = 1;
  fixture_open(&f);
  fixture_capture(&f, "baseline", baseline);
  for (unsigned i = 0; i < 4; i++)
    fixture_capture(&f, "fds", path);
  fixture_settle(&f);
  snprintf(web, sizeof(web), "%s/web", f.captures);
  assert_int_equal(count_entries(web), 2 + 1);
  assert_true(path_exists(baseline));
  assert_true(path_exists(path));
  fixture_close(&f);

  /* over all: nothing of a process that lives may go, so the new one does not come */
  f.options.total_max_bytes = 1;
  fixture_open(&f);
  f.request.instance = "other";
  assert_int_equal(fixture_request(&f, "rss", other), 0);
  fixture_wait_for_log(&f, "running processes; raise it, or delete some");
  fixture_close(&f);
  assert_false(path_exists(other));
  assert_true(path_exists(baseline));
  fixture_end(&f);
}

static void other_files_are_left_alone(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX], theirs[160];
  fixture_start(&f);
  f.options.process_max_bundles = 2;
  fixture_open(&f);
  fixture_capture(&f, "fds", path);
  snprintf(theirs, sizeof(theirs), "%s/web/notes.txt", f.captures);
  close(open(theirs, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  snprintf(theirs, sizeof(theirs), "%s/web/kept", f.captures);
  assert_int_equal(mkdir(theirs, 0700), 0);
  for (unsigned i = 0; i < 4; i++)
    fixture_capture(&f, "fds", path);
  fixture_settle(&f);
  assert_true(path_exists(theirs));
  snprintf(theirs, sizeof(theirs), "%s/web", f.captures);
  assert_int_equal(count_entries(theirs), 2 + 2 + 1);
  fixture_end(&f);
}

/* Also after a restart: the owners are read from the bundles. */
static void a_user_with_many_bundles_does_not_displace_those_of_another(void **state) {
  (void)state;
  struct capture_fixture f;
  char theirs[CAPTURE_PATH_MAX], path[CAPTURE_PATH_MAX];
  fixture_start(&f);
  f.request.pprof_url = NULL;
  f.options.total_max_bytes = 256 << 10;
  fixture_open(&f);
  f.request.owner = 1001;
  f.request.instance = "theirs";
  fixture_capture(&f, "fds", theirs);
  fixture_capture(&f, "fds", path); /* there is a newer one: the first may be deleted */
  f.request.owner = 1000;
  f.request.instance = "web";
  for (unsigned i = 0; i < 40; i++) {
    fixture_capture(&f, "fds", path);
    if (i == 10) {
      fixture_close(&f);
      fixture_open(&f);
    }
  }
  fixture_close(&f);
  assert_true(count_named(f.captures, "-fds") < 30);
  assert_true(path_exists(theirs));
  fixture_end(&f);
}

/* What an administrator deletes is no error, and nothing else is deleted in its place. */
static void bundles_deleted_by_hand_are_not_counted(void **state) {
  (void)state;
  struct capture_fixture f;
  char paths[4][CAPTURE_PATH_MAX], path[CAPTURE_PATH_MAX], command[2 * CAPTURE_PATH_MAX + 16];
  fixture_start(&f);
  f.options.process_max_bundles = 4;
  fixture_open(&f);
  fixture_capture(&f, "baseline", path);
  fixture_capture(&f, "fds", paths[0]);
  fixture_capture(&f, "fds", paths[1]);
  fixture_capture(&f, "fds", paths[2]);
  fixture_settle(&f);
  snprintf(command, sizeof(command), "rm -r '%s' '%s'", path, paths[1]);
  assert_int_equal(system(command), 0);
  fixture_capture(&f, "fds", paths[3]);
  char *readme = bundle_read(paths[3], "README.txt");
  assert_non_null(readme);
  assert_null(strstr(readme, "-baseline"));
  free(readme);
  fixture_capture(&f, "fds", path);
  fixture_settle(&f);
  assert_true(path_exists(paths[0]));
  assert_true(path_exists(paths[2]));
  assert_int_equal(fixture_logged(&f, "cannot be written"), 0);
  fixture_end(&f);
}

static void a_whole_folder_deleted_by_hand_is_created_again(void **state) {
  (void)state;
  struct capture_fixture f;
  char path[CAPTURE_PATH_MAX], command[160];
  fixture_start(&f);
  f.options.process_max_bundles = 2;
  fixture_open(&f);
  for (unsigned i = 0; i < 3; i++) {
    fixture_capture(&f, "baseline", path);
    fixture_capture(&f, "fds", path);
    fixture_settle(&f);
    snprintf(command, sizeof(command), "rm -r '%s'", f.captures);
    assert_int_equal(system(command), 0);
    f.request.start_ticks = 0; /* another process, whose capture fails */
    fixture_request(&f, "baseline", path);
    f.request.start_ticks = process_start_ticks(f.held.process);
    fixture_close(&f);
    fixture_open(&f);
  }
  assert_int_equal(fixture_logged(&f, "cannot be written"), 0);
  fixture_end(&f);
}

/* The directory is read once: a bundle that somebody puts there later is not counted. */
static void the_directory_is_read_at_the_start_only(void **state) {
  (void)state;
  struct capture_fixture f;
  char first[CAPTURE_PATH_MAX], path[CAPTURE_PATH_MAX], command[3 * CAPTURE_PATH_MAX];
  fixture_start(&f);
  f.options.process_max_bundles = 2;
  fixture_open(&f);
  fixture_capture(&f, "fds", first);
  fixture_settle(&f);
  snprintf(command, sizeof(command),
           "cp -r '%s' '%s/web/20250101T000000.000Z-pid1-fds' && "
           "cp -r '%s' '%s/web/20250101T000001.000Z-pid1-fds'",
           first, f.captures, first, f.captures);
  assert_int_equal(system(command), 0);
  fixture_capture(&f, "fds", path);
  fixture_settle(&f);
  assert_true(path_exists(first));
  assert_int_equal(count_named(f.captures, "-pid1-"), 2);
  fixture_close(&f);
  fixture_open(&f);
  fixture_capture(&f, "fds", path);
  fixture_settle(&f);
  assert_int_equal(count_named(f.captures, "-pid1-"), 0);
  fixture_end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_disk_failure_is_logged_once_and_retried),
      cmocka_unit_test(the_first_success_after_a_failure_is_logged),
      cmocka_unit_test(a_baseline_that_failed_may_be_requested_again),
      cmocka_unit_test(a_file_size_limit_is_an_error_and_does_not_kill_the_daemon),
      cmocka_unit_test(a_disk_that_is_full_at_any_point_leaves_no_part_of_a_bundle),
      cmocka_unit_test(a_file_size_limit_at_any_point_leaves_no_part_of_a_bundle),
      cmocka_unit_test(captures_of_a_user_pause_while_the_disk_is_full),
      cmocka_unit_test(an_unwritable_directory_is_logged_once),
      cmocka_unit_test(paths_through_unsafe_directories_are_rejected_with_a_hint),
      cmocka_unit_test(the_failure_of_one_instance_does_not_affect_the_others),
      cmocka_unit_test(a_link_in_the_path_that_only_we_could_create_is_followed),
      cmocka_unit_test(a_summary_that_is_a_link_is_replaced_and_not_followed),
      cmocka_unit_test(modes_do_not_depend_on_the_umask),
      cmocka_unit_test(every_instance_stays_in_the_folder),
      cmocka_unit_test(a_path_of_4000_bytes_with_newlines_and_escapes_is_one_line),
      cmocka_unit_test(the_oldest_are_deleted_and_the_baseline_and_the_newest_are_kept),
      cmocka_unit_test(bytes_are_limited_per_process_and_in_total),
      cmocka_unit_test(other_files_are_left_alone),
      cmocka_unit_test(a_user_with_many_bundles_does_not_displace_those_of_another),
      cmocka_unit_test(bundles_deleted_by_hand_are_not_counted),
      cmocka_unit_test(a_whole_folder_deleted_by_hand_is_created_again),
      cmocka_unit_test(the_directory_is_read_at_the_start_only),
  };
  return cmocka_run_group_tests_name("capture_disk", tests, NULL, NULL);
}
