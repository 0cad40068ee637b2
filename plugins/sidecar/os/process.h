/*
 * One process, held by its directory so that a reused pid can never be read in its place,
 * and what the pulse tier reads of it. Identity is pid and start time.
 */
#ifndef SIDECAR_OS_PROCESS_H
#define SIDECAR_OS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sidecar/os/host.h"
#include "sidecar/reading.h"

struct process; /* opaque */

/*
 * Takes hold of a process. Returns 0; -ESRCH when it is gone or a zombie; -EMFILE,
 * -EACCES, -ENOMEM, -EBADMSG (its stat is malformed). The caller owns *ret.
 */
int process_open(struct host *host, pid_t pid, struct process **ret);
void process_close(struct process *process);

pid_t process_pid(const struct process *process);

/* Start time in clock ticks since boot (field 22 of stat, proc(5)). */
uint64_t process_start_ticks(const struct process *process);

/* How long ago that was. Returns 0, or -errno when the time since boot cannot be read. */
int process_age_ms(const struct process *process, uint64_t *ret_ms);

/*
 * Is it still the process that was opened, and alive? Called after a round of reads,
 * before their values are believed. Returns 0, -ESRCH when it ended, is a zombie, or the
 * pid belongs to another process now.
 */
int process_verify(struct process *process);

/* Limits hardly ever change: they are read at the first pulse and at every 16th after. */
enum { PROCESS_LIMITS_EVERY = 16 };

/*
 * Reads status, io, limits, the number of open descriptors, and stat last, whose start
 * time proves that all of them came from this process: no process_verify is needed after
 * it. Returns 0 when at least stat could be read, with the reason for every other gap in
 * the struct; -ESRCH when the process ended or became a zombie (also when that was seen
 * after the reads); otherwise what reading stat gave (-EMFILE, -ENOMEM, -EBADMSG, ...).
 */
int process_read_pulse(struct process *process, struct process_pulse *ret);

/*
 * Context switches of all its threads added up. The kernel counts them per thread, and
 * what /proc/PID/status shows is the first thread's alone: next to nothing in a Go
 * program. A file has to be opened for each thread, so this belongs to the detail tier.
 * A thread that ended takes its count with it: the sum may fall. Returns 0; -ESRCH;
 * -EACCES; -E2BIG above PROCESS_THREADS_MAX threads; -EMFILE, -ENOMEM.
 */
enum { PROCESS_THREADS_MAX = 10000 };
int process_read_context_switches(struct process *process, uint64_t *ret_voluntary,
                                  uint64_t *ret_involuntary);

/*
 * Working directory and executable as the kernel names them, raw bytes, NUL-terminated,
 * with " (deleted)" taken off where the link says so. size includes the NUL. Return 0,
 * -EACCES, -ESRCH, -ENAMETOOLONG.
 */
int process_read_cwd(struct process *process, char *path, size_t size);
int process_read_executable(struct process *process, char *path, size_t size);

/*
 * The value that a variable had in the environment when the process started: the first, if
 * it is there twice, as Go's os.Getenv has it. The rest of the environment is secret:
 * it is wiped from memory before this returns. Returns 0; -ENODATA when not set; -EACCES;
 * -ESRCH; -ENAMETOOLONG when the value does not fit; -E2BIG above 16 MB of environment;
 * -EINVAL when name is empty or holds "=".
 */
int process_read_environment(struct process *process, const char *name, char *value,
                             size_t size);

#endif
