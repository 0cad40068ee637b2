/* Any bytes as the lock list: a parsed lock is the same when written again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "sidecar/linux/proc_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct proc_lock *lock) {
  static const char *const kinds[] = {"POSIX", "FLOCK", "OFDLCK"};
  char line[256], end[32] = "EOF";
  if (lock->end != UINT64_MAX)
    snprintf(end, sizeof(end), "%llu", (unsigned long long)lock->end);
  int len = snprintf(line, sizeof(line), "1: %s  ADVISORY  %s %d %02x:%02x:%llu %llu %s",
                     kinds[lock->kind], lock->is_write ? "WRITE" : "READ", (int)lock->pid,
                     (unsigned)lock->major, (unsigned)lock->minor,
                     (unsigned long long)lock->inode, (unsigned long long)lock->start, end);
  struct proc_lock again;
  if (proc_lock_parse(span_make(line, (size_t)len), &again) != 0 ||
      proc_lock_compare(lock, &again) != 0)
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct span text = span_make((const char *)data, size), line;
  struct proc_lock lock;
  while (scan_line(&text, &line))
    if (proc_lock_parse(line, &lock) == 0)
      write_again(&lock);
  return 0;
}
