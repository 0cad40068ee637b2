/*
 * A process on Linux: its directory below the host's procfs. For the files of this folder,
 * which read more of it (descriptors, memory map, listeners).
 */
#ifndef SIDECAR_LINUX_PROCESS_H
#define SIDECAR_LINUX_PROCESS_H

#include "sidecar/linux/host.h"
#include "sidecar/os/process.h"

/* The host it was opened on. */
struct host *process_host(const struct process *process);

/* Its directory, a descriptor opened with O_PATH that the process keeps (do not close it). */
int process_directory(const struct process *process);

/*
 * As procfs_process_error(), of a process that is held, for a status of 0 or -errno. To us
 * without privileges, a process that has just ended looks like another user's, and like one
 * without an environment: the kernel gives the files of what has no memory to root. So -EACCES
 * and -ENODATA are believed of a living process only.
 */
int process_explain_error(struct process *process, int status);

#endif
