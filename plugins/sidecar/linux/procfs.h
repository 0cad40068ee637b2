/*
 * Reads procfs below a directory descriptor, with as few system calls as possible: a whole
 * file, a file line by line, a link, the entries of a directory. Deals with descriptors and
 * bytes only; the files are parsed by proc_parse.h, and belong to host.h and process.h.
 */
#ifndef SIDECAR_LINUX_PROCFS_H
#define SIDECAR_LINUX_PROCFS_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/buffer.h"
#include "common/line_reader.h"

/* The return value of os/ contracts for an errno below a process's directory: no permission is
 * -EACCES, no such file or process is -ESRCH, others are -error. */
int procfs_process_error(int error);

/*
 * Reads all of a file into *buffer (reset before; NUL-terminated): procfs_read from an open
 * descriptor's start, procfs_read_file by name below a directory. A short read is the end of
 * the file if is_one_record, which saves a system call. That is true for files that the kernel
 * writes in one call (stat, status, io, limits, comm, cmdline, uptime), not for lists (maps,
 * net/tcp, locks). Returns 0, -EMSGSIZE when the file does not fit below the buffer's cap (the
 * buffer then holds its beginning), or -errno.
 */
int procfs_read(int fd, bool is_one_record, struct buffer *buffer);
int procfs_read_file(int directory, const char *name, bool is_one_record,
                     struct buffer *buffer);

/*
 * A file line by line in bounded memory, for lists of any length: locks, sockets, watches,
 * mounts. Short files are better read whole.
 */

/* The kernel fills at most a page of a list per read(2), however large the buffer. */
enum { PROCFS_LINES_PIECE = 4096 };

struct procfs_lines {
  int fd;
  struct span piece; /* the rest of the bytes read last */
  struct line_reader reader;
  char bytes[PROCFS_LINES_PIECE];
};

/* Returns 0 or -errno. Close it with procfs_lines_close(), or declare it with
 * autoprocfslines(). */
int procfs_lines_open(struct procfs_lines *lines, int directory, const char *name);
void procfs_lines_close(struct procfs_lines *lines);

/* Returns 1 with the next line, valid until the next call; 0 at the end; -errno. */
int procfs_lines_next(struct procfs_lines *lines, struct line *ret);

/* Declares one that is not open, and is closed at the end of its scope. The bytes are not
 * initialised, because clearing them at each call would cost as much as reading them. */
#define autoprocfslines(name)                                                                  \
  __attribute__((cleanup(procfs_lines_close))) struct procfs_lines name;                       \
  name.fd = -1

/* The target of a link, NUL-terminated. size includes the NUL. Returns 0, -ENAMETOOLONG
 * when it does not fit or the kernel cannot name it, or -errno. ret_len may be NULL. */
int procfs_read_link(int directory, const char *name, char *target, size_t size,
                     size_t *ret_len);

/* The suffix that the kernel appends to the path of an unlinked file. It may also be part of a
 * real name. */
#define PROCFS_DELETED " (deleted)"

/* Removes it from the end of a path of len bytes, if present. */
void procfs_strip_deleted(char *path, size_t len);

/* musl's dirent is the kernel's; the other name may be missing. */
#if !defined(__GLIBC__) && !defined(dirent64)
#define dirent64 dirent
#endif

enum { PROCFS_ENTRIES_SIZE = 64 * 1024 };

/*
 * The entries of a directory, including "." and "..", by getdents64(2): readdir(3) would
 * allocate and copy. buffer is PROCFS_ENTRIES_SIZE bytes, aligned as malloc does.
 */
struct procfs_entries {
  int fd;
  char *buffer;
  size_t len, at;
};

/* Starts behind the entry whose d_off is position, 0: at the beginning, of the directory open
 * as fd. In /proc/PID/fd the position of an entry is the same for each descriptor of the
 * directory. */
int procfs_entries_start(struct procfs_entries *entries, int fd, off_t position, char *buffer);

/* Returns 1 with the next entry (valid until the next call), 0 at the end, -errno. */
int procfs_entries_next(struct procfs_entries *entries, const struct dirent64 **ret);

#endif
