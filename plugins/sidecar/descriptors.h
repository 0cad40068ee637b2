/*
 * What a process has open: descriptors by class, files opened more than once, deleted
 * files, files whose path matches a named pattern, inotify watches, and the locks on
 * those files, its own and other processes'. Between readings it remembers per distinct
 * path what it found, so that steady readings cost little more than the readlinks.
 */
#ifndef SIDECAR_DESCRIPTORS_H
#define SIDECAR_DESCRIPTORS_H

#include <limits.h>
#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

enum { DESCRIPTOR_PATTERNS_MAX = 32 };

struct descriptor_pattern {
  const char *name; /* type instance; [a-z0-9_]+ */
  regex_t regex;    /* matched against the whole path as the kernel names it */
};

struct descriptors_reading {
  uint64_t total; /* classified; the sum over classes */
  uint64_t by_class[DESCRIPTOR_CLASSES];
  uint64_t deleted;       /* open files whose last link is gone; not memfd */
  uint64_t same_file_max; /* opens of the regular file that is open most often; 0 if none */
  uint64_t duplicate;     /* opens of regular files beyond each file's first */
  uint64_t matching[DESCRIPTOR_PATTERNS_MAX]; /* descriptors, by pattern */
  uint64_t inotify_watches;                   /* VALUE_UNKNOWN where fdinfo may not be read */
  uint64_t locks_held;    /* locks of this process on files it has open; VALUE_UNKNOWN when
                             the lock table cannot be read */
  uint64_t locks_foreign; /* other processes' locks on files it has open */
  char same_file_path[PATH_MAX]; /* raw bytes of the path open most often; "" if none */
};

struct descriptors; /* what is remembered of one process */

/* patterns are borrowed. Returns 0 or -ENOMEM; the caller owns *ret. */
int descriptors_new(const struct descriptor_pattern *patterns, size_t patterns_len,
                    struct descriptors **ret);
void descriptors_free(struct descriptors *descriptors);

/*
 * Reads them all. socket_inodes (may be NULL) are inode numbers looked for among the
 * socket descriptors; ret_owned[i] says whether the process has socket_inodes[i] open.
 * Returns 0; -EACCES, -ESRCH, -ENOMEM, -EMFILE, or -E2BIG past 1,000,000 descriptors.
 * Descriptors that close meanwhile are left out.
 */
int descriptors_read(struct descriptors *descriptors, struct process *process,
                     const uint64_t *socket_inodes, size_t socket_inodes_len, bool *ret_owned,
                     struct descriptors_reading *ret);

#endif
