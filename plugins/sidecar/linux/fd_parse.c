/* Links and fdinfo of open descriptors; see fd_parse.h. */
#include "sidecar/linux/fd_parse.h"

/* ---- the link ---- */

static bool parse_bracketed_inode(struct span s, uint64_t *ret) {
  uint64_t inode;
  if (!scan_literal(&s, "[") || scan_u64(&s, &inode) != 0 || !span_equals(s, "]"))
    return false;
  *ret = inode;
  return true;
}

static enum fd_link_kind anonymous_kind(struct span type) {
  /* fs/notify/inotify writes no brackets, the others do */
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

/* ---- fdinfo ---- */

void fdinfo_init(struct fdinfo *fdinfo) {
  *fdinfo = (struct fdinfo){
      .flags = VALUE_UNKNOWN,
      .mnt_id = VALUE_UNKNOWN,
      .ino = VALUE_UNKNOWN,
      .inotify_watches = 0,
  };
}

static bool parse_octal(struct span s, uint64_t *ret) {
  uint64_t value = 0;
  if (s.len == 0 || s.len > 21)
    return false;
  for (size_t i = 0; i < s.len; i++) {
    if (s.at[i] < '0' || s.at[i] > '7')
      return false;
    value = value << 3 | (uint64_t)(s.at[i] - '0');
  }
  *ret = value;
  return true;
}

static enum fdinfo_line parse_number(struct span s, uint64_t *ret) {
  uint64_t value;
  scan_blanks(&s);
  if (scan_whole_u64(s, 0, VALUE_UNKNOWN - 1, &value) != 0)
    return FDINFO_LINE_OTHER;
  *ret = value;
  return FDINFO_LINE_FIELD;
}

enum fdinfo_line fdinfo_parse_line(struct span line, struct fdinfo *fdinfo,
                                   struct proc_lock *ret_lock) {
  if (scan_literal(&line, "inotify wd:")) {
    fdinfo->inotify_watches++;
    return FDINFO_LINE_WATCH;
  }
  if (scan_literal(&line, "lock:"))
    return proc_lock_parse(line, ret_lock) == 0 ? FDINFO_LINE_LOCK : FDINFO_LINE_OTHER;
  if (scan_literal(&line, "flags:")) {
    scan_blanks(&line);
    return parse_octal(line, &fdinfo->flags) ? FDINFO_LINE_FIELD : FDINFO_LINE_OTHER;
  }
  if (scan_literal(&line, "mnt_id:"))
    return parse_number(line, &fdinfo->mnt_id);
  if (scan_literal(&line, "ino:"))
    return parse_number(line, &fdinfo->ino);
  return FDINFO_LINE_OTHER;
}
