/*
 * The target of a link in /proc/PID/fd, which is how the kernel names an open descriptor
 * (proc(5)): a path, or "type:[inode]", or "anon_inode:type". Only a path needs a further
 * question to tell what it is.
 */
#ifndef SIDECAR_PARSE_FD_LINK_H
#define SIDECAR_PARSE_FD_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/scan.h"

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
  bool says_deleted; /* a path that ends in " (deleted)": a file may really be called so */
  bool is_memfd;     /* memfd_create(2); always "deleted", for it never had a link */
};

/* Never fails: what is not known is FD_LINK_OTHER. */
struct fd_link fd_link_parse(struct span target);

#endif
