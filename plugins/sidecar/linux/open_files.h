/*
 * Single descriptors of a process: kind of file, inode, device, and fdinfo. They are examined
 * through /proc/PID/fd/N, never through the file's path, which may refer to another file by
 * now, or to a server that does not respond.
 */
#ifndef SIDECAR_LINUX_OPEN_FILES_H
#define SIDECAR_LINUX_OPEN_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "sidecar/linux/fd_parse.h"
#include "sidecar/os/process.h"
#include "sidecar/reading.h"

struct open_files {
  int links;        /* /proc/PID/fd; its position is used by the listing */
  int infos;        /* /proc/PID/fdinfo, opened when first needed; -1 */
  int process;      /* /proc/PID, borrowed */
  bool is_captured; /* links point nowhere */
  pid_t pid;        /* for us; 0: not known */
};

/* Returns 0, -EACCES, -ESRCH, -EMFILE. Close it with open_files_close(). */
int open_files_open(struct open_files *files, struct process *process);
void open_files_close(struct open_files *files);

/* Declares one that is not open, and is closed at the end of its scope. */
#define autoopenfiles(name)                                                                    \
  __attribute__((cleanup(open_files_close))) struct open_files name = {.links = -1, .infos = -1}

/* The class of a descriptor whose target is not a path. */
enum descriptor_class open_file_class_without_path(enum fd_link_kind kind);

struct open_file {
  enum descriptor_class class;
  bool is_deleted; /* it was unlinked */
  uint64_t inode;
  uint32_t device; /* of stat(2), device_number(); 0: unknown */
  uint32_t mount;  /* id; 0: unknown */
};

/*
 * Examines the file of the link called name, whose target is a path. In a captured tree the
 * path is that of another machine, so only fdinfo and the path itself are used. Returns 0, or
 * -ENOENT when the descriptor has been closed since.
 */
int open_file_examine(struct open_files *files, const char *name, struct span target,
                      const struct fd_link *link, struct open_file *ret);

/* Called for each lock of an open file. */
typedef void (*open_file_lock_fn)(void *context, const struct proc_lock *lock);

/* Reads fdinfo of one descriptor. on_lock may be NULL. Returns 0 or -errno; -ENOENT when
 * the descriptor has been closed since, -ENODATA when fdinfo was not captured. */
int open_file_read_info(struct open_files *files, const char *name, struct fdinfo *ret,
                        open_file_lock_fn on_lock, void *context);

/*
 * Compares two descriptors of the process by the open file that they refer to (kcmp(2)): *ret
 * is 0 for duplicates, otherwise -1 or 1 in an arbitrary order of open files. Returns 0;
 * -EPERM, -ENOSYS, or -EBADF when one of them is closed; -EXDEV when the process has another
 * pid for us than in its procfs.
 */
int open_files_compare(const struct open_files *files, int a, int b, int *ret);

#endif
