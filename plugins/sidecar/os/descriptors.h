/*
 * The open descriptors of a process: counts by class, files opened more than once, unlinked
 * files, files whose path matches a named pattern, inotify watches, and the locks on those
 * files, its own and those of other processes; and, for a capture, a listing as by lsof.
 * Between readings the properties of each path are cached, so that steady readings cost little
 * more than the readlinks.
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
  DESCRIPTORS_MAX = 1000000,        /* of one process; above that -E2BIG */
  DESCRIPTORS_RECHECK_MAX = 500,    /* remembered paths examined again in each reading */
  DESCRIPTORS_LOCK_INFO_MAX = 1000, /* per reading: descriptors whose fdinfo is read for their
                                       locks, and locks found there */
  DESCRIPTORS_SOCKETS_MAX = 64
};

struct descriptors; /* the state of one process; about 60 bytes per path */

/* patterns are matched against the whole path as the kernel reports it; borrowed, at most
 * PATTERNS_MAX. Bit i of database_patterns: pattern i matches databases. Returns 0, -EINVAL for
 * more, or -ENOMEM; the caller owns *ret. */
int descriptors_new(const struct pattern *patterns, size_t patterns_len,
                    uint32_t database_patterns, struct descriptors **ret);

/* NULL is fine. */
void descriptors_free(struct descriptors *descriptors);

/*
 * Reads them all. socket_inodes (may be NULL; at most DESCRIPTORS_SOCKETS_MAX) are inode
 * numbers looked for among the socket descriptors; ret_owned[i]: the process has
 * socket_inodes[i] open. locks may be NULL: the lock counts are unknown then. The reading is
 * large (six paths): use one for all processes.
 *
 * Class, patterns and link count of a path are determined when it is first seen and checked
 * again in turn, DESCRIPTORS_RECHECK_MAX paths per reading: they are exact for a process with
 * up to that many open files, and at most n / DESCRIPTORS_RECHECK_MAX readings old for one with
 * n. That matters only if a path comes to refer to another file while it stays open, or if a
 * descriptor was replaced at the moment when its path was first seen.
 *
 * A lock is held if this process is its owner in the list or, for flock(2) and open file
 * description locks, which forked processes share, if one of its descriptors has it; after
 * DESCRIPTORS_LOCK_INFO_MAX such look-ups the pid in the list is used. Files are matched by
 * inode number and device or, on file systems whose stat(2) shows another device than the lock
 * list (btrfs, overlayfs), by the device of the mount; two subvolumes that use the same inode
 * number cannot be distinguished there.
 *
 * If the host's deadline (os/host.h) passes before all descriptors have been read,
 * the reading is in progress: the next call continues it, with the same socket_inodes, and
 * counts some hundred more descriptors at least. A reading that took several calls is not a
 * snapshot, and its lock counts are unknown.
 *
 * Returns 0; -EINPROGRESS; -EACCES, -ESRCH, -ENOMEM, -EMFILE, -E2BIG past DESCRIPTORS_MAX,
 * -EINVAL. Descriptors that are closed during the reading are omitted. A process that ends
 * during it may appear to have none: use the reading only after process_verify. Nothing is
 * written on an error.
 */
int descriptors_read(struct descriptors *descriptors, struct process *process,
                     const struct lock_table *locks, const uint64_t *socket_inodes,
                     size_t socket_inodes_len, bool *ret_owned,
                     struct descriptors_reading *ret);

/* Is a reading in progress, which the next call will continue? */
bool descriptors_in_progress(const struct descriptors *descriptors);

struct listed_descriptor {
  int fd;
  enum descriptor_class class;
  struct span target; /* as reported by the kernel, raw bytes: a path, "socket:[1]", ...; "" for
                         a path that is too long for it; valid during the call */
};

/* A return value other than 0 ends the walk. */
typedef int (*descriptor_list_fn)(void *context, const struct listed_descriptor *descriptor);

/*
 * Lists them in the order of the kernel, by number. Those that are closed during the walk are
 * omitted. Returns 0, the function's return value, -EACCES, -ESRCH, -EMFILE.
 */
int descriptor_list(struct process *process, descriptor_list_fn on_descriptor, void *context);

#endif
