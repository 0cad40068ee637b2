/*
 * A forked child that executes commands step by step and is otherwise idle, so that readings of
 * it can be compared with other data from the kernel. Commands and results go through one
 * socket; apart from it and /dev/null as its three standard streams the child has no open
 * descriptors, unless it runs under valgrind.
 */
#ifndef TESTS_UNIT_HELD_PROCESS_H
#define TESTS_UNIT_HELD_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sidecar/os/descriptors.h"
#include "sidecar/os/process.h"

/* Executed by the child. Its return value is that of held_process_do(): 0 or a number; negative
 * on failure, which fails the test. */
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

/* Calls function(process) without permission for other users' processes, and returns its return
 * value, 0 to -254. Skips the running test if that is not possible. */
int call_as_nobody(int (*function)(struct process *), struct process *process);

/* The contents of /proc/PID/fd according to stat(2). */
struct fd_count {
  uint64_t total, by_class[DESCRIPTOR_CLASSES];
};
struct fd_count held_process_count(const struct held_process *held);

/* Raises the limit of open descriptors; skips the running test where that is not allowed. */
void allow_descriptors(unsigned count);

/* A directory for a test's files; held_folder_remove() removes both. */
struct held_folder {
  char path[64];
};
void held_folder_create(struct held_folder *folder);
void held_folder_remove(struct held_folder *folder);

#endif
