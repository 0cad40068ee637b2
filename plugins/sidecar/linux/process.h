/*
 * A process on Linux: its directory below the host's procfs. For the files of this directory,
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
 * As procfs_process_error(), for an open process and a status of 0 or -errno. Without
 * privileges, a process that has just ended looks like one of another user, and like one
 * without an environment: the files of a process without memory belong to root. So -EACCES and
 * -ENODATA are accepted only if the process is alive.
 */
int process_explain_error(struct process *process, int status);

#endif
