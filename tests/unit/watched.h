/*
 * Programs that the complete plugin watches, with a recording collectd: copies of a sleeping
 * program, under a name and in directories that only this test uses.
 */
#ifndef TESTS_UNIT_WATCHED_H
#define TESTS_UNIT_WATCHED_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

extern char watched_folder[];       /* of this test alone */
extern char watched_executable[64]; /* base name; holds our pid: no other test's is found */
extern char watched_program[];      /* its path */

/* ---- fixtures of cmocka: of the group, and of each test ---- */

int watched_set_up_group(void **state);
int watched_tear_down_group(void **state);

/* The plugin is registered. */
int watched_set_up(void **state);

/* It is shut down, and no program is left. */
int watched_tear_down(void **state);

/* What the plugin takes for the monotonic clock is the kernel's and so much more; 0 in each
 * test's beginning. (WATCHED_LINK in unit.am; libcurl's clock is the kernel's.) */
extern _Atomic time_t watched_ahead_seconds;

/* How long the machine has been suspended besides: the clock since boot, and so the age of a
 * process, is ahead by both. 0 in each test's beginning: then that clock is the kernel's. */
extern _Atomic time_t watched_asleep_seconds;

/* ---- the programs ---- */

/* For the next ones; NULL in each test's beginning. */
extern const char *watched_variable; /* its environment: NAME=VALUE */
extern void (*watched_hold)(void);   /* is called in the child: opens descriptors for it */

/* Starts the program in that subdirectory and waits until it runs and sleeps. */
pid_t watched_start(const char *cwd);

/* Makes it execute itself in an environment that has only this variable, and waits until it
 * sleeps again. */
void watched_restart(pid_t pid, const char *variable);

/* Kills it and waits for its end. */
void watched_end(pid_t pid);

/* It was waited for. */
void watched_forget(pid_t pid);

/* ---- the plugin ---- */

/* Configures and starts it: options, and those of its <Process> block. */
void watched_configure(const char *options, const char *process_options);

/* The value of a gauge of the last reading, which the test fails without. */
double watched_gauge(const char *instance, const char *type, const char *type_instance);

/* Were values of that instance sent in the last reading? */
bool watched_is_sent(const char *instance);

/* How many descriptors this process has open. */
unsigned watched_own_descriptors(void);

#endif
