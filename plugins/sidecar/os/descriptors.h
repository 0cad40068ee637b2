/*
 * What a process has open: descriptors by class, files opened more than once, unlinked
 * files, files whose path matches a named pattern, inotify watches, and the locks on
 * those files, its own and other processes'; and, for a capture, one descriptor after the
 * other, as lsof lists them. Between readings it remembers per distinct path what it found,
 * so that steady readings cost little more than the readlinks.
 */
#ifndef SIDECAR_OS_DESCRIPTORS_H
#define SIDECAR_OS_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/pattern.h"
#include "sidecar/os/locks.h"
#include "sidecar/os/process.h"
#include "sidecar/reading.h"

enum {
  DESCRIPTORS_MAX = 1000000,        /* of one process; more are -E2BIG */
  DESCRIPTORS_RECHECK_MAX = 500,    /* remembered paths examined again in each reading */
  DESCRIPTORS_LOCK_INFO_MAX = 1000, /* in each reading: descriptors whose fdinfo is read for
                                       the locks they hold, and locks found there */
  DESCRIPTORS_SOCKETS_MAX = 64
};

struct descriptors; /* what is remembered of one process; ca. 60 bytes a distinct path */

/* patterns are searched in the whole path as the kernel names it; borrowed, at most
 * PATTERNS_MAX. Bit i of database_patterns: what pattern i matches is a database. Returns 0,
 * -EINVAL for more, or -ENOMEM; the caller owns *ret. */
int descriptors_new(const struct pattern *patterns, size_t patterns_len,
                    uint32_t database_patterns, struct descriptors **ret);

/* NULL is fine. */
void descriptors_free(struct descriptors *descriptors);

/*
 * Reads them all. socket_inodes (may be NULL; at most DESCRIPTORS_SOCKETS_MAX) are inode
 * numbers looked for among the socket descriptors; ret_owned[i] says whether the process has
 * socket_inodes[i] open. locks may be NULL: the lock counts are unknown then. The reading is
 * large (two paths): one for all processes is enough.
 *
 * Class, patterns and link count of a path are found at first sight and examined again in
 * turn, DESCRIPTORS_RECHECK_MAX paths a reading: exact in each reading of a process with up
 * to that many files open, and n / DESCRIPTORS_RECHECK_MAX readings old at most in one with
 * n. That matters only to a path that comes to mean another file while it stays open, or to
 * a descriptor that was exchanged at the very moment when its path was first seen.
 *
 * A lock is held when the list names this process as its owner or, for flock(2) and open
 * file description locks, which forked processes share, when one of its descriptors has
 * it; past DESCRIPTORS_LOCK_INFO_MAX look-ups of that kind the pid in the list decides. Files
 * are matched by inode number and device, on file systems whose stat(2) shows another device
 * than the lock list (btrfs, overlayfs) by the device of the mount; there two subvolumes that
 * use the same inode number cannot be told apart.
 *
 * Returns 0; -EACCES, -ESRCH, -ENOMEM, -EMFILE, -E2BIG past DESCRIPTORS_MAX, -EINVAL.
 * Descriptors that close during the reading are left out. A process that ends during it may
 * look as if it had none: believe the reading after process_verify. Nothing is written on
 * an error.
 */
int descriptors_read(struct descriptors *descriptors, struct process *process,
                     const struct lock_table *locks, const uint64_t *socket_inodes,
                     size_t socket_inodes_len, bool *ret_owned,
                     struct descriptors_reading *ret);

struct listed_descriptor {
  int fd;
  enum descriptor_class class;
  struct span target; /* as the kernel names it, raw bytes: a path, "socket:[1]", ...; "" for a
                         path that is too long for it; valid during the call */
};

/* What it returns, if not 0, ends the walk. */
typedef int (*descriptor_list_fn)(void *context, const struct listed_descriptor *descriptor);

/*
 * Lists them in the order of the kernel, which is that of their numbers. Those that close
 * during the walk are left out. Returns 0, what the function returned, -EACCES, -ESRCH,
 * -EMFILE.
 */
int descriptor_list(struct process *process, descriptor_list_fn on_descriptor, void *context);

#endif
