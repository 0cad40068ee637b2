/*
 * /proc/PID/fdinfo/N (proc(5)), line by line, because an inotify descriptor has as many
 * lines as it has watches: a hundred thousand are possible.
 */
#ifndef SIDECAR_PARSE_FDINFO_H
#define SIDECAR_PARSE_FDINFO_H

#include <stdint.h>

#include "common/scan.h"
#include "sidecar/parse/proc_locks.h"

struct fdinfo {
  uint64_t flags;  /* of open(2), in the numbers of the machine that wrote the file */
  uint64_t mnt_id; /* of the mount, first field of mountinfo */
  uint64_t ino;    /* inode number as in the lock list (Linux 5.14) */
  uint64_t inotify_watches;
};

enum fdinfo_line {
  FDINFO_LINE_OTHER,
  FDINFO_LINE_FIELD, /* stored in *fdinfo */
  FDINFO_LINE_WATCH, /* counted in *fdinfo */
  FDINFO_LINE_LOCK   /* a lock that this open file has, in *ret_lock */
};

/* No line was seen: nothing is known but that there are no watches. */
void fdinfo_init(struct fdinfo *fdinfo);

/* Takes the next line, without its newline. Says what it was; *ret_lock is written for a
 * lock only. */
enum fdinfo_line fdinfo_parse_line(struct span line, struct fdinfo *fdinfo,
                                   struct proc_lock *ret_lock);

#endif
