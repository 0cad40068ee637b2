/* The wrapped calls; see wrapped_calls.h. */
#include "wrapped_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/worker.h"

/* Threads of a fixture make calls as well, which are not asked about. */
static _Thread_local bool is_asked_here, is_worker;
static _Atomic(wrapped_calls_gate) present_gate;

void wrapped_calls_set_gate(wrapped_calls_gate gate) {
  is_asked_here = gate != NULL;
  atomic_store(&present_gate, gate);
}

bool wrapped_calls_on_worker(void) {
  return is_worker;
}

static int ask(const char *call, const char *path) {
  wrapped_calls_gate gate = is_asked_here || is_worker ? atomic_load(&present_gate) : NULL;
  return gate != NULL ? gate(call, path) : 0;
}

static bool is_open(const char *call, const char *path) {
  int error = ask(call, path);
  if (error != 0)
    errno = error;
  return error == 0;
}

/* ---- workers ---- */

uint64_t wrapped_calls_patience_ms;
atomic_bool wrapped_calls_is_waiting;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of tasks */

typedef void (*run_fn)(struct worker_task *task, struct worker *worker);

/* What tasks run; one that was left behind may begin only now. */
enum { TASKS_MAX = 64 };
static struct {
  struct worker_task *task; /* NULL: free */
  run_fn run;
} tasks[TASKS_MAX];

/* The place of a task, or of none. */
static size_t place_of(const struct worker_task *task) {
  size_t i = 0;
  while (i < TASKS_MAX && tasks[i].task != task)
    i++;
  if (i == TASKS_MAX)
    abort();
  return i;
}

static void run_as_worker(struct worker_task *task, struct worker *worker) {
  pthread_mutex_lock(&lock);
  size_t i = place_of(task);
  task->run = tasks[i].run;
  tasks[i].task = NULL;
  pthread_mutex_unlock(&lock);
  is_worker = true;
  task->run(task, worker);
}

int __real_worker_run(struct worker *worker, struct worker_task *task,
                      const struct worker_patience *patience);
int __wrap_worker_run(struct worker *worker, struct worker_task *task,
                      const struct worker_patience *patience);
int __wrap_worker_run(struct worker *worker, struct worker_task *task,
                      const struct worker_patience *patience) {
  struct worker_patience other = *patience;
  pthread_mutex_lock(&lock);
  size_t i = place_of(NULL);
  tasks[i].task = task;
  tasks[i].run = task->run;
  pthread_mutex_unlock(&lock);
  task->run = run_as_worker;
  if (wrapped_calls_patience_ms > 0) {
    other.idle_ms = wrapped_calls_patience_ms;
    wrapped_calls_is_waiting = true;
  }
  int status = __real_worker_run(worker, task, &other);
  wrapped_calls_is_waiting = false;
  return status;
}

/* ---- the calls ---- */

/* WRAP(type, name, path or NULL, (declaration of parameters), (parameters)) */
#define WRAP(type, name, path, parameters, arguments)                                          \
  type __real_##name parameters;                                                               \
  type __wrap_##name parameters;                                                               \
  type __wrap_##name parameters {                                                              \
    return is_open(#name, path) ? __real_##name arguments : (type)-1;                          \
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
    return is_open(#name, path) ? __real_##name arguments : -1;                                \
  }

WRAP_OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
WRAP_OPEN(openat, (int at, const char *path, int flags, ...), (at, path, flags, mode))
WRAP(ssize_t, read, NULL, (int fd, void *bytes, size_t len), (fd, bytes, len))
WRAP(ssize_t, pread, NULL, (int fd, void *bytes, size_t len, off_t at), (fd, bytes, len, at))
WRAP(ssize_t, write, NULL, (int fd, const void *bytes, size_t len), (fd, bytes, len))
WRAP(off_t, lseek, NULL, (int fd, off_t at, int whence), (fd, at, whence))
WRAP(ssize_t, getdents64, NULL, (int fd, void *entries, size_t len), (fd, entries, len))
WRAP(ssize_t, readlinkat, path, (int at, const char *path, char *target, size_t len),
     (at, path, target, len))
WRAP(int, fstat, NULL, (int fd, struct stat *st), (fd, st))
WRAP(int, fstatat, path, (int at, const char *path, struct stat *st, int flags),
     (at, path, st, flags))
WRAP(int, fstatfs, NULL, (int fd, struct statfs *fs), (fd, fs))
WRAP(int, statx, path, (int at, const char *path, int flags, unsigned mask, struct statx *st),
     (at, path, flags, mask, st))
WRAP(int, faccessat, path, (int at, const char *path, int mode, int flags),
     (at, path, mode, flags))
WRAP(int, fchmod, NULL, (int fd, mode_t mode), (fd, mode))
WRAP(int, fsync, NULL, (int fd), (fd))
WRAP(int, link, from, (const char *from, const char *to), (from, to))
WRAP(int, mkdirat, path, (int at, const char *path, mode_t mode), (at, path, mode))
WRAP(int, rename, from, (const char *from, const char *to), (from, to))
WRAP(int, renameat, from, (int from_at, const char *from, int to_at, const char *to),
     (from_at, from, to_at, to))
WRAP(int, unlinkat, path, (int at, const char *path, int flags), (at, path, flags))
WRAP(int, socket, NULL, (int family, int type, int protocol), (family, type, protocol))
WRAP(int, setsockopt, NULL, (int fd, int level, int name, const void *value, socklen_t len),
     (fd, level, name, value, len))
WRAP(ssize_t, send, NULL, (int fd, const void *bytes, size_t len, int flags),
     (fd, bytes, len, flags))
WRAP(ssize_t, recv, NULL, (int fd, void *bytes, size_t len, int flags), (fd, bytes, len, flags))

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd) {
  int error = ask("close", NULL), status = __real_close(fd);
  if (error == 0)
    return status;
  errno = error;
  return -1;
}

/* Returns the error. */
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *), void *argument) {
  int error = ask("pthread_create", NULL);
  return error != 0 ? error : __real_pthread_create(thread, attributes, run, argument);
}
