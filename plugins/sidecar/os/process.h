/*
 * One process, held by its open directory so that a reused pid can never be read in its place,
 * and the pulse of it. It is identified by pid and start time.
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
 * Opens a process. Returns 0; -ESRCH when it is gone or a zombie; -EMFILE, -EACCES, -ENOMEM,
 * -EBADMSG (its stat is malformed). The caller owns *ret.
 */
int process_open(struct host *host, pid_t pid, struct process **ret);
void process_close(struct process *process);

pid_t process_pid(const struct process *process);

/* Start time in clock ticks since boot (field 22 of stat, proc(5)). */
uint64_t process_start_ticks(const struct process *process);

/* How long ago that was. Returns 0, or -errno when the time since boot cannot be read. */
int process_age_ms(const struct process *process, uint64_t *ret_ms);

/*
 * The user to whom its resources are charged: its real user id; in a user namespace, where a
 * user has thousands of ids, the one who created the outermost namespace below ours
 * (ioctl_nsfs(2)), if that can be read. A process that other users cannot inspect (prctl(2),
 * PR_SET_DUMPABLE) is still its user's. Returns 0, -ESRCH, -EACCES, -EMFILE, -EBADMSG.
 */
int process_read_owner(struct process *process, uid_t *ret);

/*
 * Is it still the process that was opened, and alive? To be called after reads, before their
 * values are used. Returns 0, -ESRCH when it ended, is a zombie, or the pid belongs to another
 * process now.
 */
int process_verify(struct process *process);

/* The same, without anything that the process can block: whether it is alive, not whether a
 * captured copy of it has been replaced. A process without memory has ended. */
bool process_is_running(struct process *process);

/* From now on it is read with another host of the same root, whose files it counts as. The
 * other one may be in use, or closed. */
void process_move(struct process *process, struct host *host);

/* Limits rarely change: they are read at the first pulse and at every 16th after that. */
enum { PROCESS_LIMITS_EVERY = 16 };

/*
 * Reads status, io, limits, the number of open descriptors, and stat last, whose start time
 * proves that all of them came from this process, so process_verify is not needed. Returns 0
 * when at least stat could be read, with the reasons for other missing values in the struct
 * (-ETIME for the number of descriptors, which old kernels do not count);
 * -ESRCH when the process ended or became a zombie (also if that was detected after the reads);
 * otherwise the error of reading stat (-EMFILE, -ENOMEM, -EBADMSG, ...).
 */
int process_read_pulse(struct process *process, struct process_pulse *ret);

/*
 * The sum of the context switches of all threads. The kernel counts them per thread, and
 * /proc/PID/status shows only those of the first thread: almost none in a Go program. A file
 * has to be opened for each thread, so this belongs to the detail tier. The counts of ended
 * threads are lost, so the sum may decrease. Returns 0; -ESRCH; -EACCES; -E2BIG above
 * PROCESS_THREADS_MAX threads; -ETIME (os/host.h); -EMFILE, -ENOMEM.
 */
enum { PROCESS_THREADS_MAX = 10000 };
int process_read_context_switches(struct process *process, uint64_t *ret_voluntary,
                                  uint64_t *ret_involuntary);

/*
 * Working directory and executable as reported by the kernel, raw bytes, NUL-terminated,
 * without the suffix " (deleted)" of an unlinked file. size includes the NUL. Return 0,
 * -EACCES, -ESRCH, -ENAMETOOLONG.
 */
int process_read_cwd(struct process *process, char *path, size_t size);
int process_read_executable(struct process *process, char *path, size_t size);

/*
 * The value of a variable in the environment when the process started: the first, if it occurs
 * twice, as in Go's os.Getenv. The rest of the environment is secret: it is wiped from memory
 * before this returns. Returns 0; -ENODATA when not set; -EACCES; -ESRCH; -ENAMETOOLONG when
 * the value does not fit; -E2BIG above 16 MB of environment; -ETIME (os/host.h); -EINVAL when
 * name is empty or contains "=".
 */
int process_read_environment(struct process *process, const char *name, char *value,
                             size_t size);

#endif
