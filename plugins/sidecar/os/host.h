/*
 * The machine whose processes are watched: on Linux a procfs, at /proc or wherever it is
 * mounted or was captured. Every reader of the process table takes a struct host, so that tests
 * can replay captured trees.
 *
 * The headers of this directory are the contract that an operating system implements; linux/ is
 * the first, another one would be a directory next to it.
 */
#ifndef SIDECAR_OS_HOST_H
#define SIDECAR_OS_HOST_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct host; /* opaque; used by one thread at a time, but for host_progress() */

/*
 * Opens the process table below root ("/proc"). Returns 0, -ENOENT, -ENOTDIR, -EACCES,
 * -ENOMEM. The caller owns *ret.
 */
int host_open(const char *root, struct host **ret);

/* How many processes may be held open (os/process.h) so that a quarter of the descriptors that
 * the daemon may open is left to others. */
size_t host_max_processes(void);

/* Closes it; every struct process opened on it must be closed before. NULL is fine. */
void host_close(struct host *host);

/*
 * When readings of this host and of its processes have to end: a time of clock_monotonic_ns(),
 * UINT64_MAX for never, which is the initial value. A user of the machine decides how much
 * there is to read, so each loop over his data looks at it. A reading that is not complete by
 * then returns -ETIME or, where its contract says so, continues with the next call. What a
 * usual process has, some milliseconds of work, is read in any case: a daemon that had to wait
 * for a processor does not report less.
 */
void host_set_deadline(struct host *host, uint64_t deadline_ns);

/* How often readings have looked at the deadline: grows as long as the kernel answers. Any
 * thread may call it. */
uint64_t host_progress(const struct host *host);

/* For loops over what was read that do not look at the deadline. */
void host_make_progress(struct host *host);

/* Clock ticks a second in which CPU times and start times are counted (sysconf(3)). */
uint64_t host_ticks_per_second(const struct host *host);

/* Time since boot in clock ticks (proc(5), /proc/uptime). Returns 0 or -errno. */
int host_uptime_ticks(struct host *host, uint64_t *ret_ticks);

/* How long the machine has been suspended since boot: by that the monotonic clock is behind
 * (clock_gettime(2), CLOCK_BOOTTIME). Returns 0 or -errno. */
int host_asleep_ms(struct host *host, uint64_t *ret_ms);

/* Boot time in seconds since the epoch (proc(5), btime of /proc/stat). 0 or -errno. */
int host_boot_time_seconds(struct host *host, uint64_t *ret_seconds);

/* The limit of inotify watches per user (proc(5), fs/inotify/max_user_watches). Returns 0 or
 * -errno; -ENOENT on a kernel without. */
int host_inotify_watches_limit(struct host *host, uint64_t *ret_watches);

/* The percentage of the last minute in which some task waited for memory (PSI,
 * /proc/pressure/memory). Returns 0 or -errno; -ENOENT or -EOPNOTSUPP on a kernel without. */
int host_memory_pressure(struct host *host, double *ret_percent);

/* The kernel's name of a process (comm): raw bytes, NUL-terminated, at most 15. Returns 0,
 * -ESRCH or another -errno. */
int host_process_name(struct host *host, pid_t pid, char *name, size_t size);

/* The real user id of a process, also of one whose other files block their readers (proc(5),
 * status). Returns 0, -ESRCH or another -errno. */
int host_process_user(struct host *host, pid_t pid, uid_t *ret);

/* Identifies the current boot of the machine (proc(5), sys/kernel/random/boot_id). ret is ""
 * after an error. Returns 0 or -errno. */
enum { HOST_BOOT_ID_MAX = 40 /* with its NUL */ };
int host_boot_id(struct host *host, char ret[HOST_BOOT_ID_MAX]);

#endif
