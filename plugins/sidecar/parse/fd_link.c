/* Names of open descriptors; see fd_link.h. */
#include "sidecar/parse/fd_link.h"

static bool parse_bracketed_inode(struct span s, uint64_t *ret) {
  uint64_t inode;
  if (!scan_literal(&s, "[") || scan_u64(&s, &inode) != 0 || !span_equals(s, "]"))
    return false;
  *ret = inode;
  return true;
}

static enum fd_link_kind anonymous_kind(struct span type) {
  /* fs/notify/inotify wants no brackets, the others have them */
  if (span_equals(type, "inotify"))
    return FD_LINK_INOTIFY;
  if (span_equals(type, "[eventpoll]"))
    return FD_LINK_EVENTPOLL;
  if (span_equals(type, "[eventfd]"))
    return FD_LINK_EVENTFD;
  return FD_LINK_OTHER;
}

struct fd_link fd_link_parse(struct span target) {
  struct fd_link link = {.kind = FD_LINK_OTHER, .inode = VALUE_UNKNOWN};
  uint64_t inode;

  if (target.len > 0 && target.at[0] == '/') {
    link.kind = FD_LINK_PATH;
    link.says_deleted = span_ends_with(target, " (deleted)");
    link.is_memfd = span_starts_with(target, "/memfd:");
  } else if (scan_literal(&target, "socket:")) {
    if (parse_bracketed_inode(target, &inode)) {
      link.kind = FD_LINK_SOCKET;
      link.inode = inode;
    }
  } else if (scan_literal(&target, "pipe:")) {
    if (parse_bracketed_inode(target, &inode))
      link.kind = FD_LINK_PIPE;
  } else if (scan_literal(&target, "anon_inode:")) {
    link.kind = anonymous_kind(target);
  }
  return link;
}
