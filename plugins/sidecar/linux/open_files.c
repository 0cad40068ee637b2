/* The file of a descriptor; see open_files.h. */
#include "sidecar/linux/open_files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "sidecar/linux/proc_parse.h"
#include "sidecar/linux/process.h"
#include "sidecar/linux/procfs.h"

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000U
#endif

int open_files_open(struct open_files *files, struct process *process) {
  *files = (struct open_files){
      .infos = -1,
      .process = process_directory(process),
      .is_captured = !process_host(process)->is_procfs,
      .pid = process_host(process)->has_our_pids ? process_pid(process) : 0,
  };
  files->links = openat(files->process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return files->links < 0 ? process_explain_error(process, -errno) : 0;
}

void open_files_close(struct open_files *files) {
  if (files->links >= 0)
    close(files->links);
  if (files->infos >= 0)
    close(files->infos);
  files->links = files->infos = -1;
}

/* ---- fdinfo ---- */

int open_file_read_info(struct open_files *files, const char *name, struct fdinfo *ret,
                        open_file_lock_fn on_lock, void *context) {
  if (files->infos < 0) {
    files->infos = openat(files->process, "fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (files->infos < 0)
      return errno == ENOENT ? -ENODATA : -errno;
  }

  autoprocfslines(file);
  struct line line;
  struct fdinfo fdinfo;
  struct proc_lock lock;
  fdinfo_init(&fdinfo);
  int status = procfs_lines_open(&file, files->infos, name);
  while (status == 0 && (status = procfs_lines_next(&file, &line)) > 0) {
    status = 0;
    if (fdinfo_parse_line(line.text, &fdinfo, &lock) == FDINFO_LINE_LOCK && on_lock != NULL)
      on_lock(context, &lock);
  }
  if (status == 0)
    *ret = fdinfo;
  return status == -ENOENT && files->is_captured ? -ENODATA : status;
}

/* ---- the open file ---- */

int open_files_compare(const struct open_files *files, int a, int b, int *ret) {
  if (files->pid == 0)
    return -EXDEV;
  long order = syscall(SYS_kcmp, files->pid, files->pid, KCMP_FILE, a, b);
  if (order < 0)
    return -errno;
  *ret = order == 0 ? 0 : order == 1 ? -1 : 1;
  return 0;
}

/* ---- the file itself ---- */

enum descriptor_class open_file_class_without_path(enum fd_link_kind kind) {
  switch (kind) {
  case FD_LINK_SOCKET:
    return DESCRIPTOR_SOCKET;
  case FD_LINK_PIPE:
    return DESCRIPTOR_PIPE;
  case FD_LINK_INOTIFY:
    return DESCRIPTOR_INOTIFY;
  case FD_LINK_EVENTPOLL:
    return DESCRIPTOR_EVENTPOLL;
  case FD_LINK_EVENTFD:
    return DESCRIPTOR_EVENTFD;
  default:
    return DESCRIPTOR_OTHER;
  }
}

static enum descriptor_class class_of_mode(uint16_t mode) {
  switch (mode & S_IFMT) {
  case S_IFREG:
    return DESCRIPTOR_REGULAR;
  case S_IFDIR:
    return DESCRIPTOR_DIRECTORY;
  case S_IFIFO:
    return DESCRIPTOR_PIPE;
  case S_IFCHR:
  case S_IFBLK:
    return DESCRIPTOR_DEVICE;
  default: /* the name of a socket or a link, opened with O_PATH */
    return DESCRIPTOR_OTHER;
  }
}

/* AT_STATX_DONT_SYNC: cached values are good enough; a network file system with a dead server
 * must not block us. */
static int stat_cached(int directory, const char *name, int flags, struct statx *ret) {
  return statx(directory, name, flags | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
               STATX_TYPE | STATX_NLINK | STATX_INO | STATX_MNT_ID, ret);
}

/* Returns 0, with zeroes for values that the file system does not provide, or -ENOENT when the
 * descriptor is closed. */
static int stat_open_file(const struct open_files *files, const char *name, struct statx *ret) {
  if (stat_cached(files->links, name, 0, ret) == 0)
    return 0;
  memset(ret, 0, sizeof(*ret));
  if (errno != ENOENT)
    return 0;
  /* Is it closed, or does the file system report ENOENT for an open file? To find out, open our
   * own descriptor, which cannot be closed in the meantime. */
  autoclose(fd, openat(files->links, name, O_PATH | O_CLOEXEC));
  if (fd < 0)
    return errno == ENOENT ? -ENOENT : 0;
  if (stat_cached(fd, "", AT_EMPTY_PATH, ret) != 0)
    memset(ret, 0, sizeof(*ret));
  return 0;
}

static int examine_live(const struct open_files *files, const char *name,
                        const struct fd_link *link, struct open_file *ret) {
  struct statx st;
  int status = stat_open_file(files, name, &st);
  if (status != 0)
    return status;
  bool has_no_link = (st.stx_mask & STATX_NLINK) != 0 && st.stx_nlink == 0;
  *ret = (struct open_file){
      .class = class_of_mode(st.stx_mode),
      .is_deleted = has_no_link && link->says_deleted && !link->is_memfd,
      .inode = st.stx_ino,
      .device = device_number(st.stx_dev_major, st.stx_dev_minor),
      .mount = (st.stx_mask & STATX_MNT_ID) != 0 ? (uint32_t)st.stx_mnt_id : 0,
  };
  return 0;
}

static enum descriptor_class guess_class(struct span target, const struct fdinfo *fdinfo) {
  if (fdinfo->flags != VALUE_UNKNOWN && (fdinfo->flags & O_DIRECTORY) != 0)
    return DESCRIPTOR_DIRECTORY;
  if (span_starts_with(target, "/dev/") && !span_starts_with(target, "/dev/shm/"))
    return DESCRIPTOR_DEVICE;
  return DESCRIPTOR_REGULAR;
}

/* A captured tree contains only the file's fdinfo and name. */
static int examine_captured(struct open_files *files, const char *name, struct span target,
                            const struct fd_link *link, struct open_file *ret) {
  struct fdinfo fdinfo;
  if (open_file_read_info(files, name, &fdinfo, NULL, NULL) != 0)
    fdinfo_init(&fdinfo);
  *ret = (struct open_file){
      .class = guess_class(target, &fdinfo),
      .is_deleted = link->says_deleted && !link->is_memfd,
      .inode = fdinfo.ino != VALUE_UNKNOWN ? fdinfo.ino : 0,
      .mount = fdinfo.mnt_id <= UINT32_MAX ? (uint32_t)fdinfo.mnt_id : 0,
  };
  return 0;
}

int open_file_examine(struct open_files *files, const char *name, struct span target,
                      const struct fd_link *link, struct open_file *ret) {
  return files->is_captured ? examine_captured(files, name, target, link, ret)
                            : examine_live(files, name, link, ret);
}
