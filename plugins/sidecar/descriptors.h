/*
 * What a process has open: descriptors by class, files opened more than once, deleted
 * files, files whose path matches a named pattern, inotify watches, and the locks on
 * those files, its own and other processes'. Between readings it remembers per distinct
 * path what it found, so that steady readings cost little more than the readlinks.
 */
#ifndef SIDECAR_DESCRIPTORS_H
#define SIDECAR_DESCRIPTORS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/pattern.h"
#include "sidecar/lock_table.h"
#include "sidecar/process.h"

enum descriptor_class {
  DESCRIPTOR_REGULAR,
  DESCRIPTOR_DIRECTORY,
  DESCRIPTOR_PIPE, /* with and without a name */
  DESCRIPTOR_SOCKET,
  DESCRIPTOR_INOTIFY,
  DESCRIPTOR_EVENTPOLL,
  DESCRIPTOR_EVENTFD,
  DESCRIPTOR_DEVICE,
  DESCRIPTOR_OTHER,
  DESCRIPTOR_CLASSES
};

enum {
  DESCRIPTORS_MAX = 1000000,        /* of one process; more are -E2BIG */
  DESCRIPTORS_RECHECK_MAX = 500,    /* remembered paths looked at again in each reading */
  DESCRIPTORS_LOCK_INFO_MAX = 1000, /* in each reading: descriptors asked which locks are
                                       their own, and locks that they answer with */
  DESCRIPTORS_SOCKETS_MAX = 64
};

/* The name of the pattern that databases match: a foreign lock to write on one of those is
 * what makes SQLite wait. One to read is not: in WAL mode every connection holds it. */
#define DESCRIPTORS_DATABASE_PATTERN "sqlite"

/*
 * A file is one path as the kernel names it (what lsof prints as NAME), " (deleted)"
 * included: two deleted files that had the same name count as one opened twice.
 */
struct descriptors_reading {
  uint64_t total; /* classified; the sum over classes */
  uint64_t by_class[DESCRIPTOR_CLASSES];
  uint64_t deleted;       /* open files whose last link is gone; not memfd */
  uint64_t same_file_max; /* opens of the regular file that is open most often; 0 if none */
  uint64_t duplicate;     /* opens of regular files beyond each file's first */
  uint64_t matching[PATTERNS_MAX]; /* descriptors, by pattern */
  uint64_t inotify_watches;        /* of all inotify descriptors, those of a duplicated one
                                      twice; VALUE_UNKNOWN where fdinfo may not be read */
  uint64_t locks_held;      /* locks of this process on files it has open; VALUE_UNKNOWN when
                               the lock table cannot be read, or not be compared with a file */
  uint64_t locks_foreign;   /* other processes' locks on files it has open */
  uint64_t locks_contended; /* of those, the ones to write on files that match
                               DESCRIPTORS_DATABASE_PATTERN; unknown without the pattern */
  char same_file_path[PATH_MAX]; /* raw bytes of the path open most often, the one with the
                                    lowest descriptor if several are; "" if none */
  pid_t foreign_lock_pid; /* owner of one of locks_foreign, a contended one if there is one,
                             otherwise a write lock;
                             -1 when the kernel does not name it (open file description
                             locks); 0 if there are none */
  char foreign_lock_path[PATH_MAX]; /* the file it is on, raw bytes; "" if none, or closed
                                       meanwhile */
};

struct descriptors; /* what is remembered of one process; ca. 60 bytes a distinct path */

/* patterns are searched in the whole path as the kernel names it; borrowed, at most
 * PATTERNS_MAX. Returns 0, -EINVAL for more, or -ENOMEM; the caller owns *ret. */
int descriptors_new(const struct pattern *patterns, size_t patterns_len,
                    struct descriptors **ret);

/* NULL is fine. */
void descriptors_free(struct descriptors *descriptors);

/*
 * Reads them all. socket_inodes (may be NULL; at most DESCRIPTORS_SOCKETS_MAX) are inode
 * numbers looked for among the socket descriptors; ret_owned[i] says whether the process has
 * socket_inodes[i] open. locks may be NULL: the lock counts are unknown then. The reading is
 * large (two paths): one for all processes is enough.
 *
 * Class, patterns and link count of a path are found at first sight and looked at again in
 * turn, DESCRIPTORS_RECHECK_MAX paths a reading: exact in each reading of a process with up
 * to that many files open, and n / DESCRIPTORS_RECHECK_MAX readings old at most in one with
 * n. That matters only to a path that comes to mean another file while it stays open, or to
 * a descriptor that was exchanged at the very moment when its path was first seen.
 *
 * A lock is held when the list names this process as its owner or, for flock(2) and open
 * file description locks, which forked processes share, when one of its descriptors has
 * it; past DESCRIPTORS_LOCK_INFO_MAX questions of that kind the pid in the list decides. Files
 * are matched by inode number and device, on file systems whose stat(2) shows another device
 * than the lock list (btrfs, overlayfs) by the device of the mount; there two subvolumes that
 * use the same inode number cannot be told apart.
 *
 * Returns 0; -EACCES, -ESRCH, -ENOMEM, -EMFILE, -E2BIG past DESCRIPTORS_MAX, -EINVAL.
 * Descriptors that close meanwhile are left out. A process that ends meanwhile may look as
 * if it had none: believe the reading after process_verify. Nothing is written on error.
 */
int descriptors_read(struct descriptors *descriptors, struct process *process,
                     const struct lock_table *locks, const uint64_t *socket_inodes,
                     size_t socket_inodes_len, bool *ret_owned,
                     struct descriptors_reading *ret);

#endif
