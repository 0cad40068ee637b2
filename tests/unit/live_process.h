/*
 * Real processes for tests: programs started with chosen arguments, environment and directory,
 * and forks that prepare themselves and are then idle. All of them die with the test. Errors
 * fail the running test.
 */
#ifndef TESTS_UNIT_LIVE_PROCESS_H
#define TESTS_UNIT_LIVE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* Starts program with the arguments and environment (both end in NULL; environment NULL is
 * the test's own) in folder (NULL: here). Returns once it is running. */
pid_t live_process_start(const char *program, const char *const *arguments,
                         const char *const *environment, const char *folder);

/* A copy of SLEEPER, the program of the build that only waits (sleeper.c). */
pid_t live_process_start_sleeper(const char *program, const char *folder);

/* A shell that runs script, whose standard input the test writes through *ret_input. */
pid_t live_process_start_script(const char *shell, const char *script, int *ret_input);

/* Forks; the child runs prepare and is then idle. Returns when it is. */
pid_t live_process_fork(void (*prepare)(void *), void *argument);

/* A fork under a pid of one's choice; 0 when the kernel does not let us (CAP_SYS_ADMIN or
 * CAP_CHECKPOINT_RESTORE in the pid namespace). With program not NULL it becomes that. */
pid_t live_process_start_with_pid(pid_t pid, const char *program);

/* Kills it and waits for its end; live_process_kill leaves the zombie. */
void live_process_kill(pid_t pid);
void live_process_end(pid_t pid);

/*
 * Runs ask in a child, as the user nobody if we are root. It writes its result to answer, size
 * bytes in shared memory.
 */
void live_process_ask_unprivileged(void (*ask)(void *answer), void *answer, size_t size);

/* Copies a program, which may then be executed. */
void live_process_copy_program(const char *from, const char *to);

/* How many descriptors below 1024 a program would inherit that this process starts. */
unsigned live_process_inherited_fds(void);

#endif
