/* Threads; see thread.h. */
#include "common/thread.h"

#include <signal.h>

enum { STACK_BYTES = 512 * 1024 };

int thread_start(pthread_t *ret, void *(*run)(void *), void *argument) {
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
  return -status;
}
