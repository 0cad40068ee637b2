/* Folders, opened with care; see folder.h. */
#include "sidecar/capture/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/scan.h"

/* A umask may have taken bits away. */
static int give_mode(int fd, mode_t mode) {
  return fchmod(fd, mode) == 0 ? 0 : -errno;
}

static int verify(int fd) {
  struct stat st;
  if (fstat(fd, &st) != 0)
    return -errno;
  return st.st_uid == geteuid() && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0 ? 0 : -EPERM;
}

/* A folder that was just made and has lost its bits to the umask cannot be opened. */
static int make_folder(int parent, const char *name) {
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

int folder_open(int parent, const char *name, bool make, int *ret_fd) {
  int status = make ? make_folder(parent, name) : 0;
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

/* Opens a folder on the way. Where somebody else can put things, a link may be his: it is
 * followed only in folders that are root's or ours alone. */
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

int folder_open_path(const char *path, int *ret_fd) {
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
  return folder_open(fd, name, true, ret_fd);
}

int folder_create_file(int folder, const char *name) {
  int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  autoclose(fd, openat(folder, name, flags, 0600));
  if (fd < 0)
    return -errno;
  int status = give_mode(fd, 0600);
  return status != 0 ? status : steal_fd(&fd);
}

int folder_sync(int fd) {
  return fsync(fd) == 0 || errno == EINVAL || errno == ENOSYS ? 0 : -errno;
}

int folder_walk(int folder, folder_entry_fn on_entry, void *context) {
  /* a description of its own: the position is not shared */
  autoclose(fd, openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
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
  const int *folder = context;
  return unlinkat(*folder, name, 0) == 0 || errno == ENOENT ? 0 : -errno;
}

int folder_remove(int parent, const char *name) {
  autoclose(fd, openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd < 0)
    return errno == ENOENT ? 0 : -errno;
  int status = folder_walk(fd, remove_file, &fd);
  if (status != 0)
    return status;
  return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
}

static int sweep_entry(void *context, const char *name) {
  const int *folder = context;
  if (span_starts_with(span_of(name), FOLDER_TEMPORARY) && unlinkat(*folder, name, 0) != 0)
    folder_remove(*folder, name);
  return 0;
}

void folder_sweep(int folder) {
  folder_walk(folder, sweep_entry, &folder);
}
