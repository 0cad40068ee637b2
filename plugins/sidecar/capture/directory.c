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

/* The umask may have removed the bits needed to open a new directory: O_PATH. */
static int make_directory(int parent, const char *name) {
  if (mkdirat(parent, name, 0700) != 0)
    return errno == EEXIST ? 0 : -errno;
  autoclose(fd, openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat st;
  if (fd < 0 || fstat(fd, &st) != 0)
    return -errno;
  if ((st.st_mode & 07777) == 0700)
    return 0;
  return fchmodat(parent, name, 0700, 0) == 0 ? 0 : -errno;
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

/* Opens the next directory of a path. A link may have been created by another user, so it is
 * followed only in directories that only root or we may write to. */
static int step_into(int *fd, const char *name) {
  struct stat st;
  if (fstat(*fd, &st) != 0)
    return -errno;
  bool is_safe =
      (st.st_uid == 0 || st.st_uid == geteuid()) && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
  int next = openat(*fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC | (is_safe ? 0 : O_NOFOLLOW));
  if (next < 0)
    return -errno;
  close(*fd);
  *fd = next;
  return 0;
}

int directory_open_path(const char *path, int *ret_fd) {
  autofree(char, copy, strdup(path));
  if (copy == NULL)
    return -ENOMEM;
  autoclose(fd, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (fd < 0)
    return -errno;
  char *rest = NULL, *name = strtok_r(copy, "/", &rest), *next;
  if (name == NULL)
    return -EINVAL;
  while ((next = strtok_r(NULL, "/", &rest)) != NULL) {
    int status = step_into(&fd, name);
    if (status != 0)
      return status;
    name = next;
  }
  return directory_open(fd, name, true, ret_fd);
}

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

const char *directory_error_hint(int error) {
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
