/*
 * Starts a plugin's thread with a name, a small stack and all signals blocked, because signals
 * are handled by the daemon's main thread; and blocks the one signal that our own work may
 * raise where it runs on a thread of the daemon's.
 */
#ifndef COMMON_THREAD_H
#define COMMON_THREAD_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

enum { THREAD_NAME_MAX = 15 }; /* bytes; Linux has no longer ones */

/*
 * A stack of 512 KiB, all signals blocked. The name, of at most THREAD_NAME_MAX bytes, is what
 * `top -H` and a debugger show; where the C library cannot set it, the thread has the daemon's.
 * It has it when this returns, so one that ends first may never have it. Returns 0 or -errno;
 * the caller joins *ret.
 */
int thread_start(pthread_t *ret, const char *name, void *(*run)(void *), void *argument);

struct thread_signals {
  sigset_t before;
  bool was_pending;
};

/*
 * For writing to a file on a thread that thread_start() has not started. A write past the limit
 * of file sizes (setrlimit(2), RLIMIT_FSIZE) raises SIGXFSZ, which ends the daemon; while that
 * is blocked the write fails with EFBIG. The signal's disposition, which belongs to the daemon,
 * is not changed, and no signal is left behind.
 */
void thread_block_file_signal(struct thread_signals *ret);
void thread_unblock_file_signal(const struct thread_signals *signals);

#endif
