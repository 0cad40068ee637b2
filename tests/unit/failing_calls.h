/*
 * Calls into the system that fail: the nth that our own code makes on the calling thread or a
 * worker of it, and those after it, or those about one file (wrapped_calls.h).
 */
#ifndef TESTS_UNIT_FAILING_CALLS_H
#define TESTS_UNIT_FAILING_CALLS_H

#include <stdbool.h>

/* A call for which this returns true is not counted and never fails. call is its name, path may
 * be NULL. */
extern bool (*failing_calls_spare)(const char *call, const char *path);

/* From now on `calls` calls are made, then `failures` fail with error. */
void failing_calls_arm(long calls, long failures, int error);

/* From now on each call with this path, as it is given to the call, fails with error. */
void failing_calls_of(const char *path, int error);

/* All calls are made again. Returns the name of the first that has failed, or NULL. */
const char *failing_calls_disarm(void);

#endif
