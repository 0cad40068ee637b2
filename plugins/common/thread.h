/* Starting a thread of a plugin's own: small, and deaf to signals, which are the daemon's. */
#ifndef COMMON_THREAD_H
#define COMMON_THREAD_H

#include <pthread.h>

/* A stack of 512 kB, all signals blocked. Returns 0 or -errno; the caller joins *ret. */
int thread_start(pthread_t *ret, void *(*run)(void *), void *argument);

#endif
