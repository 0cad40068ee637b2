/*
 * Reading files, links and directories below a held directory descriptor, in as few
 * system calls as procfs allows, and what host.c and process.c keep to do so. For the
 * files of this folder only: whoever implements another contract of the operating system
 * (descriptors, memory map, listener) reaches a process through here.
 */
#ifndef SIDECAR_LINUX_PROCFS_H
#define SIDECAR_LINUX_PROCFS_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "sidecar/os/host.h"
#include "sidecar/os/process.h"

/* Whether the size of /proc/PID/fd is the number of descriptors (Linux 6.2 and newer). */
enum fd_count_source { FD_COUNT_UNCERTAIN, FD_COUNT_IS_SIZE, FD_COUNT_IS_ENTRIES };

struct host {
  int directory;  /* of the process table; its position belongs to whoever scans it */
  bool is_procfs; /* not a captured copy */
  enum fd_count_source fd_count;
  uint64_t ticks_per_second;
  size_t kept_files;     /* descriptors that processes keep open besides their directory */
  size_t kept_files_max; /* together, so that the daemon is never short of descriptors */
  struct buffer text;    /* scratch: what was read last, until the next read */
  char *entries;         /* scratch of PROCFS_ENTRIES_SIZE bytes for procfs_entries */
};

enum { PROCFS_ENTRIES_SIZE = 64 * 1024 };

/* Of a process: the host it was opened on; its directory, a descriptor opened with O_PATH
 * that the process keeps (do not close it). */
struct host *process_host(const struct process *process);
int process_directory(const struct process *process);

/* What the contracts call an errno met below a process's directory: no permission is
 * -EACCES, no such file or process is -ESRCH, the rest is -error. */
int procfs_process_error(int error);

/*
 * The same of a process that is held, for a status of 0 or -errno. To us without privileges, a
 * process that has just ended looks like another user's, and like one without an environment:
 * the kernel gives the files of what has no memory to root. So -EACCES and -ENODATA are believed
 * of a living process only.
 */
int process_explain_error(struct process *process, int status);

/*
 * Reads all of a file into *buffer (reset before; NUL-terminated): procfs_read from an
 * open descriptor's start, procfs_read_file by name below a directory. A read shorter
 * than the room ends the file when is_one_record: true of what the kernel writes in one
 * go (stat, status, io, limits, comm, cmdline, uptime), which spares a system call; not of
 * lists (maps, net/tcp, locks). Returns 0, -EMSGSIZE when the file does not fit below the
 * buffer's cap (the buffer then holds its beginning), or -errno.
 */
int procfs_read(int fd, bool is_one_record, struct buffer *buffer);
int procfs_read_file(int directory, const char *name, bool is_one_record,
                     struct buffer *buffer);

/* The target of a link, NUL-terminated. size includes the NUL. Returns 0, -ENAMETOOLONG
 * when it does not fit or the kernel cannot name it, or -errno. ret_len may be NULL. */
int procfs_read_link(int directory, const char *name, char *target, size_t size,
                     size_t *ret_len);

/*
 * The entries of a directory, "." and ".." among them, by getdents64(2): readdir(3) would
 * allocate and copy. buffer is PROCFS_ENTRIES_SIZE bytes, aligned as malloc does.
 */
struct procfs_entries {
  int fd;
  char *buffer;
  size_t len, at;
};

/* Starts at the beginning of the directory open as fd. */
int procfs_entries_start(struct procfs_entries *entries, int fd, char *buffer);

/* Returns 1 with the next entry (valid until the next call), 0 at the end, -errno. */
int procfs_entries_next(struct procfs_entries *entries, const struct dirent64 **ret);

#endif
