/*
 * A forked child that does what it is told, step by step, and then holds still, so that
 * what is read of it can be compared with what the kernel shows by other ways. Commands and
 * answers go through one socket; besides it and /dev/null as its three standard streams the
 * child has nothing open, unless valgrind runs it.
 */
#ifndef TESTS_UNIT_HELD_PROCESS_H
#define TESTS_UNIT_HELD_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sidecar/os/descriptors.h"
#include "sidecar/os/process.h"

/* Done by the child. Returns what held_process_do() returns: 0 or a number; negative when
 * it failed, which fails the test. */
typedef int (*held_process_step)(void *argument);

struct held_process {
  pid_t pid; /* 0: it has ended and was waited for */
  int control;
  struct host *host;
  struct process *process;
};

/* Starts a child that holds nothing yet, and opens it below /proc. */
void held_process_start(struct held_process *held);

/* Makes the child call step(argument). argument must exist since before the fork, or be a
 * number: the child has a copy of the memory of that time. */
int held_process_do(struct held_process *held, held_process_step step, void *argument);

/* Ends the child and closes its process. */
void held_process_end(struct held_process *held);

/* Ends the child and leaves its process open. */
void held_process_kill(struct held_process *held);

/* Calls function(process) as somebody who may not look into other users' processes, and
 * returns what it returned, 0 to -254. Skips the running test where that cannot be done. */
int call_as_nobody(int (*function)(struct process *), struct process *process);

/* What /proc/PID/fd shows when asked with stat(2) alone. */
struct fd_count {
  uint64_t total, by_class[DESCRIPTOR_CLASSES];
};
struct fd_count held_process_count(const struct held_process *held);

/* Raises the limit of open descriptors; skips the running test where that is not allowed. */
void allow_descriptors(unsigned count);

/* A folder for a test's files; both leave through held_folder_remove(). */
struct held_folder {
  char path[64];
};
void held_folder_create(struct held_folder *folder);
void held_folder_remove(struct held_folder *folder);

#endif
