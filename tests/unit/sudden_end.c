/* Processes that end before a chosen call; see sudden_end.h. */
#include "sudden_end.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static _Thread_local struct {
  pid_t pid; /* 0: no process is to end */
  long calls_left;
  bool reap;
} victim;

void sudden_end_arm(pid_t pid, long calls, bool reap) {
  victim.pid = pid;
  victim.calls_left = calls;
  victim.reap = reap;
}

bool sudden_end_disarm(void) {
  bool had_ended = victim.pid == 0;
  victim.pid = 0;
  return had_ended;
}

static void count_call(void) {
  siginfo_t info;
  if (victim.pid == 0 || victim.calls_left-- > 0)
    return;
  pid_t pid = victim.pid;
  victim.pid = 0;
  if (kill(pid, SIGKILL) != 0 ||
      waitid(P_PID, (id_t)pid, &info, WEXITED | (victim.reap ? 0 : WNOWAIT)) != 0)
    abort();
}

/* WRAP(type, name, (declaration of parameters), (parameters)) */
#define WRAP(type, name, parameters, arguments)                                                \
  type __real_##name parameters;                                                               \
  type __wrap_##name parameters;                                                               \
  type __wrap_##name parameters {                                                              \
    count_call();                                                                              \
    return __real_##name arguments;                                                            \
  }

/* open(2) and openat(2) have a mode argument only if they may create a file. */
#define WRAP_OPEN(name, parameters, arguments)                                                 \
  int __real_##name parameters;                                                                \
  int __wrap_##name parameters;                                                                \
  int __wrap_##name parameters {                                                               \
    va_list more;                                                                              \
    va_start(more, flags);                                                                     \
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;                           \
    va_end(more);                                                                              \
    count_call();                                                                              \
    return __real_##name arguments;                                                            \
  }

WRAP_OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
WRAP_OPEN(openat, (int at, const char *path, int flags, ...), (at, path, flags, mode))
WRAP(int, close, (int fd), (fd))
WRAP(ssize_t, read, (int fd, void *bytes, size_t len), (fd, bytes, len))
WRAP(ssize_t, pread, (int fd, void *bytes, size_t len, off_t at), (fd, bytes, len, at))
WRAP(ssize_t, write, (int fd, const void *bytes, size_t len), (fd, bytes, len))
WRAP(off_t, lseek, (int fd, off_t at, int whence), (fd, at, whence))
WRAP(ssize_t, getdents64, (int fd, void *entries, size_t len), (fd, entries, len))
WRAP(ssize_t, readlinkat, (int at, const char *path, char *target, size_t len),
     (at, path, target, len))
WRAP(int, fstat, (int fd, struct stat *st), (fd, st))
WRAP(int, fstatat, (int at, const char *path, struct stat *st, int flags),
     (at, path, st, flags))
WRAP(int, statx, (int at, const char *path, int flags, unsigned mask, struct statx *st),
     (at, path, flags, mask, st))
WRAP(int, faccessat, (int at, const char *path, int mode, int flags), (at, path, mode, flags))
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(int, fsync, (int fd), (fd))
WRAP(int, mkdirat, (int at, const char *path, mode_t mode), (at, path, mode))
WRAP(int, renameat, (int from_at, const char *from, int to_at, const char *to),
     (from_at, from, to_at, to))
WRAP(int, unlinkat, (int at, const char *path, int flags), (at, path, flags))
