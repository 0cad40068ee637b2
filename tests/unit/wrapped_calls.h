/*
 * The calls into the system that our own code makes, and that a test may look at or prevent:
 * the linker puts the functions of wrapped_calls.c in the places of libc's (WRAPPED_CALLS_LINK
 * in unit.am). Each makes the real call, unless the gate is closed.
 */
#ifndef TESTS_UNIT_WRAPPED_CALLS_H
#define TESTS_UNIT_WRAPPED_CALLS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Is asked before each call that the thread makes which has set the gate, or a worker that it
 * waits for (common/worker.h); these may be two at once when a worker was left behind. call is
 * its name, path its first path, or NULL where it has none. Returns 0, or the errno with which
 * the call fails instead of being made; close(2) is made in any case, as in the kernel.
 */
typedef int (*wrapped_calls_gate)(const char *call, const char *path);

/* Sets the gate of this thread and its workers; NULL: it is open. */
void wrapped_calls_set_gate(wrapped_calls_gate gate);

/* Is this thread a worker? */
bool wrapped_calls_on_worker(void);

/* How long a worker is waited for; 0: as usual. While it is, threads use the kernel's clock. */
extern uint64_t wrapped_calls_patience_ms;
extern atomic_bool wrapped_calls_is_waiting;

#endif
