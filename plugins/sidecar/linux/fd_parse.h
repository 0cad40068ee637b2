/*
 * Parses what the kernel shows of one open descriptor: the target of its link in /proc/PID/fd
 * and the lines of /proc/PID/fdinfo/N (proc(5)). They are read by open_files.h. Pure.
 */
#ifndef SIDECAR_LINUX_FD_PARSE_H
#define SIDECAR_LINUX_FD_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/scan.h"
#include "sidecar/linux/proc_parse.h"

/*
 * ---- the link ---- It is a path, "type:[inode]" or "anon_inode:type". Only a path needs more
 * than the link to be classified.
 */

enum fd_link_kind {
  FD_LINK_PATH, /* starts with "/": any file that has a name, and memfds */
  FD_LINK_SOCKET,
  FD_LINK_PIPE, /* without a name */
  FD_LINK_INOTIFY,
  FD_LINK_EVENTPOLL,
  FD_LINK_EVENTFD,
  FD_LINK_OTHER
};

struct fd_link {
  enum fd_link_kind kind;
  uint64_t inode;    /* of a socket; VALUE_UNKNOWN for the rest */
  bool says_deleted; /* a path that ends in " (deleted)", which may also be its real name */
  bool is_memfd;     /* memfd_create(2); always "deleted", because it never had a link */
};

/* Never fails: an unknown form is FD_LINK_OTHER. */
struct fd_link fd_link_parse(struct span target);

/*
 * ---- fdinfo ---- Line by line, because an inotify descriptor has a line for each watch,
 * possibly a hundred thousand.
 */

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
  FDINFO_LINE_LOCK   /* a lock of this open file, in *ret_lock */
};

/* Before the first line: all unknown, no watches. */
void fdinfo_init(struct fdinfo *fdinfo);

/* Parses the next line, without its newline. Returns its kind; *ret_lock is written only for a
 * lock. */
enum fdinfo_line fdinfo_parse_line(struct span line, struct fdinfo *fdinfo,
                                   struct proc_lock *ret_lock);

#endif
