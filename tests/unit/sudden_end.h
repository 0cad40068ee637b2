/*
 * A process that ends at a chosen moment of our work on it: right before the nth call into the
 * system that our own code makes on the calling thread. The linker puts the functions of
 * sudden_end.c in the places of libc's (SUDDEN_END_LINK in unit.am); each makes the real call.
 */
#ifndef TESTS_UNIT_SUDDEN_END_H
#define TESTS_UNIT_SUDDEN_END_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * From now on the victim, a child of ours, lives for `calls` calls of this thread; then it is
 * killed, and waited for if `reap`, else it stays a zombie. The call before which it ended
 * finds it ended.
 */
void sudden_end_arm(pid_t victim, long calls, bool reap);

/* Lets a victim live that has not ended yet. Returns whether it had ended. */
bool sudden_end_disarm(void);

#endif
