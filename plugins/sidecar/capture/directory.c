/*
 * Directories below the capture directory; see directory.h. Every step uses a descriptor
 * (openat(2) and its family), so that a path cannot change between check and use.
 */
#include "sidecar/capture/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"

static int verify(int fd) {
  struct stat st;
  if (fstat(fd, &st) != 0)
    return -errno;
  return st.st_uid == geteuid() && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0 ? 0 : -EPERM;
}

/* --- opening --- */

/*
 * The umask may have removed the bits that are needed to open a new directory, hence O_PATH,
 * and the way through /proc, which leads to the very directory that was opened. fchmodat(2)
 * follows a link that another user puts in its place.
 */
static int set_mode(int parent, const char *name) {
  char path[64];
  struct stat st;
  autoclose(fd, openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd < 0 || fstat(fd, &st) != 0)
    return -errno;
  if (st.st_uid != geteuid() || (st.st_mode & 0077) != 0)
    return -EPERM; /* not the one that was created */
  if ((st.st_mode & 07777) == 0700)
    return 0;
  snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
  return chmod(path, 0700) == 0 ? 0 : -errno;
}

static int make_directory(int parent, const char *name) {
  if (mkdirat(parent, name, 0700) == 0)
    return set_mode(parent, name);
  return errno == EEXIST ? 0 : -errno;
}

int directory_open(int parent, const char *name, bool make, int *ret_fd) {
  int status = make ? make_directory(parent, name) : 0;
  if (status != 0)
    return status;
  autoclose(fd, openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd < 0)
    return -errno;
  status = verify(fd);
  if (status == 0)
    *ret_fd = steal_fd(&fd);
  return status;
}

/* --- the way there --- */

enum {
  LAST_SYSTEM_GROUP = 999, /* login.defs(5), SYS_GID_MAX */
  OVERFLOW_ID = 65534,     /* user_namespaces(7): what ids look like that have none here */
  LINKS_MAX = 8,
};

/* Is it the id of a user or group who has none in this user namespace? map: uid_map or gid_map
 * in proc(5), lines of first id inside, first id outside, number of ids. */
static bool is_unmapped(uint64_t id, const char *map) {
  char text[4096];
  if (id != OVERFLOW_ID)
    return false;
  autoclose(fd, open(map, O_RDONLY | O_CLOEXEC));
  ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text));
  if (len < 0)
    return false;
  struct span rest = span_make(text, (size_t)len), line;
  while (scan_line(&rest, &line)) {
    uint64_t inside, outside, count;
    scan_blanks(&line);
    if (scan_u64(&line, &inside) != 0)
      continue;
    scan_blanks(&line);
    if (scan_u64(&line, &outside) != 0)
      continue;
    scan_blanks(&line);
    if (scan_u64(&line, &count) == 0 && id >= inside && id - inside < count)
      return false;
  }
  return true;
}

static bool is_ours_or_roots(const struct stat *st) {
  return st->st_uid == 0 || st->st_uid == geteuid();
}

/* May others not replace what is in it? See directory_open_path(). */
static bool is_safe_parent(const struct stat *st) {
  if (!is_ours_or_roots(st) && !is_unmapped(st->st_uid, "/proc/self/uid_map"))
    return false;
  if ((st->st_mode & S_ISVTX) != 0 || (st->st_mode & (S_IWGRP | S_IWOTH)) == 0)
    return true;
  return (st->st_mode & S_IWOTH) == 0 &&
         (st->st_gid <= LAST_SYSTEM_GROUP || st->st_gid == getegid() ||
          is_unmapped(st->st_gid, "/proc/self/gid_map"));
}

/* Can only root and we have made the links in it? */
static bool has_safe_links(const struct stat *st) {
  return is_ours_or_roots(st) && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

struct way {
  int fd;                           /* the directory reached */
  char reached[DIRECTORY_PATH_MAX]; /* its path, to name it; "" for "/" */
  char rest[DIRECTORY_PATH_MAX];    /* of the path */
  unsigned links;                   /* followed */
};

static int start_at_root(struct way *way) {
  int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return -errno;
  if (way->fd >= 0)
    close(way->fd);
  way->fd = fd;
  way->reached[0] = '\0';
  return 0;
}

/* Removes the next name from the rest. Returns false when there is none. */
static bool take_name(struct way *way, char name[DIRECTORY_PATH_MAX]) {
  const char *at = way->rest + strspn(way->rest, "/");
  size_t len = strcspn(at, "/");
  memcpy(name, at, len);
  name[len] = '\0';
  memmove(way->rest, at + len, strlen(at + len) + 1);
  return len > 0;
}

static bool is_last(const struct way *way) {
  return way->rest[strspn(way->rest, "/")] == '\0';
}

/* Puts the target of a link before the rest of the path. */
static int follow(struct way *way, int link) {
  char target[DIRECTORY_PATH_MAX], rest[DIRECTORY_PATH_MAX];
  ssize_t len = readlinkat(link, "", target, sizeof(target));
  if (len < 0)
    return -errno;
  memcpy(rest, way->rest, sizeof(rest));
  int whole = snprintf(way->rest, sizeof(way->rest), "%.*s/%s", (int)len, target, rest);
  if ((size_t)len == sizeof(target) || (size_t)whole >= sizeof(way->rest))
    return -ENAMETOOLONG;
  if (++way->links > LINKS_MAX)
    return -ELOOP;
  return target[0] == '/' ? start_at_root(way) : 0;
}

static int enter(struct way *way, const char *name, int *next, const struct stat *st) {
  size_t len = strlen(way->reached);
  int added = snprintf(way->reached + len, sizeof(way->reached) - len, "/%s", name);
  if ((size_t)added >= sizeof(way->reached) - len)
    return -ENAMETOOLONG;
  if (!S_ISDIR(st->st_mode))
    return -ENOTDIR;
  close(way->fd);
  way->fd = steal_fd(next);
  return is_safe_parent(st) ? 0 : -EPERM;
}

static int step(struct way *way, const char *name) {
  struct stat here, st;
  autoclose(next, openat(way->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (next < 0 || fstat(next, &st) != 0 || fstat(way->fd, &here) != 0)
    return -errno;
  if (S_ISLNK(st.st_mode) && has_safe_links(&here))
    return follow(way, next);
  return enter(way, name, &next, &st);
}

static int walk_path(struct way *way, int *ret_fd, char ret_parent[DIRECTORY_PATH_MAX]) {
  char name[DIRECTORY_PATH_MAX];
  int status = start_at_root(way);
  while (status == 0) {
    if (!take_name(way, name))
      return -EINVAL;
    if (is_last(way))
      return directory_open(way->fd, name, true, ret_fd);
    status = step(way, name);
  }
  if (status == -EPERM || status == -ENOTDIR)
    memcpy(ret_parent, way->reached, DIRECTORY_PATH_MAX);
  return status;
}

int directory_open_path(const char *path, int *ret_fd, char ret_parent[DIRECTORY_PATH_MAX]) {
  struct way way = {.fd = -1};
  ret_parent[0] = '\0';
  if (strlen(path) >= sizeof(way.rest))
    return -ENAMETOOLONG;
  memcpy(way.rest, path, strlen(path) + 1);
  int status = walk_path(&way, ret_fd, ret_parent);
  if (way.fd >= 0)
    close(way.fd);
  return status;
}

/* --- files --- */

int directory_create_file(int directory, const char *name) {
  int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  autoclose(fd, openat(directory, name, flags, 0600));
  if (fd < 0)
    return -errno;
  if (fchmod(fd, 0600) != 0) /* the umask may have removed bits */
    return -errno;
  return steal_fd(&fd);
}

int directory_sync(int fd) {
  return fsync(fd) == 0 || errno == EINVAL || errno == ENOSYS ? 0 : -errno;
}

int directory_replace_file(int directory, const char *name, struct span text) {
  char hidden[sizeof(DIRECTORY_TEMPORARY) + 128];
  snprintf(hidden, sizeof(hidden), DIRECTORY_TEMPORARY "%s", name);
  if (unlinkat(directory, hidden, 0) != 0 && errno != ENOENT)
    return -errno;
  int fd = directory_create_file(directory, hidden);
  if (fd < 0)
    return fd;
  int status = file_write_all(fd, text);
  if (status == 0)
    status = directory_sync(fd);
  close(fd);
  if (status == 0 && renameat(directory, hidden, directory, name) != 0)
    status = -errno;
  if (status != 0)
    unlinkat(directory, hidden, 0);
  return status;
}

uint64_t directory_file_bytes(const struct stat *st) {
  uint64_t size = (uint64_t)st->st_size, on_disk = (uint64_t)st->st_blocks * 512;
  return on_disk > size ? on_disk : size;
}

int directory_walk(int directory, directory_entry_fn on_entry, void *context) {
  /* a separate open file description: the position is not shared */
  autoclose(fd, openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd < 0)
    return -errno;
  autoclosedir(dir, fdopendir(fd));
  if (dir == NULL)
    return -errno;
  fd = -1;
  for (;;) {
    errno = 0;
    const struct dirent *entry = readdir(dir);
    if (entry == NULL)
      return -errno;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
      continue;
    int status = on_entry(context, entry->d_name);
    if (status != 0)
      return status;
  }
}

static int remove_file(void *context, const char *name) {
  const int *directory = context;
  return unlinkat(*directory, name, 0) == 0 || errno == ENOENT ? 0 : -errno;
}

int directory_remove(int parent, const char *name) {
  autoclose(fd, openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd < 0)
    return errno == ENOENT ? 0 : -errno;
  int status = directory_walk(fd, remove_file, &fd);
  if (status != 0)
    return status;
  return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
}

static int sweep_entry(void *context, const char *name) {
  const int *directory = context;
  if (span_starts_with(span_of(name), DIRECTORY_TEMPORARY) &&
      unlinkat(*directory, name, 0) != 0)
    directory_remove(*directory, name);
  return 0;
}

void directory_sweep(int directory) {
  directory_walk(directory, sweep_entry, &directory);
}

const char *directory_error_hint(int error, bool is_parent) {
  if (is_parent && error == -EPERM)
    return "others than root and the user that collectd runs as may write to it, and could "
           "replace CaptureFolder: chown it to root and chmod go-w, or set CaptureFolder to "
           "another place";
  switch (-error) {
  case ENOSPC:
  case EDQUOT:
    return "free some space there, lower CaptureMaxSize, or set CaptureFolder to another disk";
  case EFBIG:
    return "raise the limit of file sizes that collectd runs with (LimitFSIZE=, ulimit -f)";
  case EROFS:
    return "set CaptureFolder to a writable directory";
  case EACCES:
    return "make it writable for the user that collectd runs as, or set CaptureFolder";
  case ENOENT:
    return "create its parent directory, or set CaptureFolder";
  case EPERM:
    return "it must belong to the user that collectd runs as, and must not be writable by "
           "others: chown and chmod go-w, or remove it";
  case ELOOP:
  case ENOTDIR:
    return "it must be a directory and not a link: remove it, or set CaptureFolder to its "
           "target";
  case EEXIST:
    return "remove it; was the clock set back?";
  case EMFILE:
  case ENFILE:
    return "raise the limit of open files that collectd runs with (LimitNOFILE=, ulimit -n)";
  case ENOMEM:
    return "the machine is short of memory";
  default:
    return "see CaptureFolder in collectd-sidecar(5)";
  }
}
