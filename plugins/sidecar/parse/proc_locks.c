/*
 * The lock list; see proc_locks.h. The kernel's writer is lock_get_status in fs/locks.c:
 *   1: POSIX  ADVISORY  WRITE 4711 fe:00:1234 0 EOF
 *   1:  -> POSIX  ADVISORY  WRITE 4712 fe:00:1234 0 EOF
 */
#include "sidecar/parse/proc_locks.h"

#include <errno.h>

static int parse_kind(struct span word, enum proc_lock_kind *ret) {
  if (span_equals(word, "POSIX"))
    *ret = PROC_LOCK_POSIX;
  else if (span_equals(word, "FLOCK"))
    *ret = PROC_LOCK_FLOCK;
  else if (span_equals(word, "OFDLCK"))
    *ret = PROC_LOCK_OFD;
  else if (span_equals(word, "->") || span_equals(word, "LEASE") ||
           span_equals(word, "DELEG") || span_equals(word, "ACCESS") ||
           span_equals(word, "UNKNOWN"))
    return -ENODATA;
  else
    return -EBADMSG;
  return 0;
}

static int parse_pid(struct span word, int32_t *ret) {
  uint64_t pid;
  if (span_equals(word, "-1")) {
    *ret = -1;
    return 0;
  }
  if (scan_whole_u64(word, 0, INT32_MAX, &pid) != 0)
    return -EBADMSG;
  *ret = (int32_t)pid;
  return 0;
}

static int parse_file(struct span word, struct proc_lock *lock) {
  uint64_t major, minor;
  if (span_starts_with(word, "<none>"))
    return -ENODATA;
  if (scan_hex(&word, &major) != 0 || !scan_literal(&word, ":") ||
      scan_hex(&word, &minor) != 0 || !scan_literal(&word, ":") ||
      scan_whole_u64(word, 0, UINT64_MAX, &lock->inode) != 0)
    return -EBADMSG;
  if (major > UINT32_MAX || minor > UINT32_MAX)
    return -EBADMSG;
  lock->major = (uint32_t)major;
  lock->minor = (uint32_t)minor;
  return 0;
}

static int parse_end(struct span word, uint64_t *ret) {
  if (span_equals(word, "EOF")) {
    *ret = UINT64_MAX;
    return 0;
  }
  return scan_whole_u64(word, 0, UINT64_MAX, ret) == 0 ? 0 : -EBADMSG;
}

int proc_lock_parse(struct span line, struct proc_lock *ret) {
  struct proc_lock lock = {0};
  struct span kind, nature, access, pid, file, start, end;
  uint64_t ordinal;

  scan_blanks(&line);
  if (scan_u64(&line, &ordinal) != 0 || !scan_literal(&line, ":") || !scan_word(&line, &kind))
    return -EBADMSG;
  int status = parse_kind(kind, &lock.kind);
  if (status != 0)
    return status;

  if (!scan_word(&line, &nature) || !scan_word(&line, &access) || !scan_word(&line, &pid) ||
      !scan_word(&line, &file) || !scan_word(&line, &start) || !scan_word(&line, &end))
    return -EBADMSG;
  lock.is_write = span_equals(access, "WRITE") || span_equals(access, "RW");
  if ((status = parse_pid(pid, &lock.pid)) != 0 || (status = parse_file(file, &lock)) != 0 ||
      (status = parse_end(end, &lock.end)) != 0)
    return status;
  if (scan_whole_u64(start, 0, UINT64_MAX, &lock.start) != 0)
    return -EBADMSG;

  *ret = lock;
  return 0;
}

static int compare_u64(uint64_t a, uint64_t b) {
  return (a > b) - (a < b);
}

int proc_lock_compare(const struct proc_lock *a, const struct proc_lock *b) {
  int order = compare_u64(a->inode, b->inode);
  if (order == 0)
    order =
        compare_u64((uint64_t)a->major << 32 | a->minor, (uint64_t)b->major << 32 | b->minor);
  if (order == 0)
    order = compare_u64(a->start, b->start);
  if (order == 0)
    order = compare_u64(a->end, b->end);
  if (order == 0)
    order = (a->pid > b->pid) - (a->pid < b->pid);
  if (order == 0)
    order = (a->kind > b->kind) - (a->kind < b->kind);
  if (order == 0)
    order = (int)a->is_write - (int)b->is_write;
  return order;
}
