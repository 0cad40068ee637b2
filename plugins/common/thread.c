/* Threads; see thread.h. */
#include "common/thread.h"

#include <stddef.h>
#include <time.h>

enum { STACK_BYTES = 512 * 1024 };

static void set_name(pthread_t thread, const char *name) {
#ifdef HAVE_THREAD_NAMES
  pthread_setname_np(thread, name);
#else
  (void)thread;
  (void)name;
#endif
}

int thread_start(pthread_t *ret, const char *name, void *(*run)(void *), void *argument) {
  pthread_attr_t attributes;
  sigset_t all, before;

  int status = pthread_attr_init(&attributes);
  if (status != 0)
    return -status;
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  /* the daemon's main thread waits for signals */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  status = pthread_create(ret, &attributes, run, argument);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  if (status == 0)
    set_name(*ret, name);
  return -status;
}

static sigset_t file_signal(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGXFSZ);
  return set;
}

static bool is_pending(void) {
  sigset_t pending;
  return sigpending(&pending) == 0 && sigismember(&pending, SIGXFSZ) == 1;
}

void thread_block_file_signal(struct thread_signals *ret) {
  sigset_t set = file_signal();
  ret->was_pending = is_pending();
  pthread_sigmask(SIG_BLOCK, &set, &ret->before);
}

void thread_unblock_file_signal(const struct thread_signals *signals) {
  sigset_t set = file_signal();
  if (!signals->was_pending && is_pending())
    sigtimedwait(&set, NULL, &(struct timespec){.tv_sec = 0});
  pthread_sigmask(SIG_SETMASK, &signals->before, NULL);
}
