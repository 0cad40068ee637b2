/*
 * A process that ends at a chosen moment of our work on it: right before the nth call into the
 * system that our own code makes, on the thread that arms it or on a worker of it
 * (wrapped_calls.h).
 */
#ifndef TESTS_UNIT_SUDDEN_END_H
#define TESTS_UNIT_SUDDEN_END_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * From now on the victim, a child of ours, lives for `calls` calls; then it is
 * killed, and waited for if `reap`, else it stays a zombie. The call before which it ended
 * finds it ended.
 */
void sudden_end_arm(pid_t victim, long calls, bool reap);

/* Lets a victim live that has not ended yet. Returns whether it had ended. */
bool sudden_end_disarm(void);

/*
 * A process that blocks its reader: from now on, the nth call of a worker does not return until
 * it is released.
 */
void sudden_block_arm(long calls);

/* Lets it return, if it was made; otherwise none will block. Returns whether it was made. */
bool sudden_block_release(void);

#endif
