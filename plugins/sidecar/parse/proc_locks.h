/*
 * One line of /proc/locks (proc(5)), or of the "lock:" lines in /proc/PID/fdinfo/N, which
 * have the same form.
 */
#ifndef SIDECAR_PARSE_PROC_LOCKS_H
#define SIDECAR_PARSE_PROC_LOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/scan.h"

enum proc_lock_kind {
  PROC_LOCK_POSIX, /* fcntl(2) F_SETLK: belongs to a process */
  PROC_LOCK_FLOCK, /* flock(2): belongs to an open file description; names who locked */
  PROC_LOCK_OFD    /* fcntl(2) F_OFD_SETLK: the same, and names nobody */
};

struct proc_lock {
  uint64_t inode;        /* number of the inode inside the kernel */
  uint64_t start, end;   /* bytes; end is UINT64_MAX for "EOF" */
  uint32_t major, minor; /* device of the file system's superblock: not what stat(2) shows
                            on file systems that give each subvolume a device of its own */
  int32_t pid;           /* in the pid namespace of the procfs; -1 when it names nobody */
  enum proc_lock_kind kind;
  bool is_write;
};

/*
 * Returns 0; -ENODATA for what is no lock on a file that somebody has: a waiter ("->"), a
 * lease, a delegation, a lock whose file is gone; -EBADMSG for what is no line of the list.
 */
int proc_lock_parse(struct span line, struct proc_lock *ret);

/* A total order: by inode number first, equal only when every field is. */
int proc_lock_compare(const struct proc_lock *a, const struct proc_lock *b);

#endif
