/*
 * Starts a plugin's thread with a small stack and all signals blocked, because signals are
 * handled by the daemon's main thread.
 */
#ifndef COMMON_THREAD_H
#define COMMON_THREAD_H

#include <pthread.h>

/* A stack of 512 KiB, all signals blocked. Returns 0 or -errno; the caller joins *ret. */
int thread_start(pthread_t *ret, void *(*run)(void *), void *argument);

#endif
