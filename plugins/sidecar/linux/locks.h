/*
 * The machine's locks on Linux: the lock table and its look-ups; and, for the duration of one
 * reading, which of those locks are on files that a process has open, and which are its own.
 * The list contains the owner of a POSIX lock; flock(2) and open file description locks belong
 * to an open file, which several processes may share, so their owner is determined from the
 * process's descriptors (fdinfo).
 */
#ifndef SIDECAR_LINUX_LOCKS_H
#define SIDECAR_LINUX_LOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sidecar/linux/proc_parse.h"
#include "sidecar/os/locks.h"
#include "sidecar/sqlite_lock.h"

/* ---- the table ---- */

struct lock_table {
  struct proc_lock *locks; /* in the order of proc_lock_compare(): by inode number first */
  size_t len, capacity;
  bool is_readable; /* the last refresh succeeded */
};

/* Position of the first lock on that inode number, on any device; len: none. */
size_t lock_table_find_inode(const struct lock_table *table, uint64_t inode);

/* Position after the last lock on the same file (inode number and device) as the lock at
 * that position. */
size_t lock_table_file_end(const struct lock_table *table, size_t at);

/* Position of the first lock that equals this one in every field; len: none. */
size_t lock_table_find(const struct lock_table *table, const struct proc_lock *lock);

/* ---- one process ---- */

struct lock_mark;

struct lock_match {
  const struct lock_table *table; /* NULL: unknown */
  pid_t pid;
  int process;                  /* /proc/PID, borrowed, for mountinfo */
  struct lock_mark *marks;      /* one for each lock of the table; NULL until one matched */
  uint32_t mount, mount_device; /* translated last; 0: none */
  unsigned mount_lookups;       /* remaining */
  bool is_uncertain; /* for some lock it is not known whether it is on one of these files */
};

/* table may be NULL or unreadable. */
void lock_match_init(struct lock_match *match, const struct lock_table *table, pid_t pid,
                     int process);
void lock_match_free(struct lock_match *match);

struct open_file_id {
  uint64_t inode;  /* 0: unknown */
  uint32_t device; /* of stat(2), device_number(); 0: unknown */
  uint32_t mount;  /* id; 0: unknown */
};

enum lock_file_kind { LOCK_FILE_PLAIN, LOCK_FILE_DATABASE, LOCK_FILE_DATABASE_SHM };

/*
 * To be called for the first descriptor (fd) found on each file. *ret_need_info: the fdinfo of
 * each descriptor on the file must be passed to lock_match_own(). Returns 0 or -ENOMEM.
 */
int lock_match_file(struct lock_match *match, const struct open_file_id *file, int fd,
                    enum lock_file_kind kind, bool *ret_need_info);

/* According to fdinfo, a descriptor of the process has this lock. */
void lock_match_own(struct lock_match *match, const struct proc_lock *lock);

struct lock_sum {
  uint64_t held, foreign; /* VALUE_UNKNOWN when the list could not be read or compared */
  uint64_t contended;     /* of the foreign ones, write locks on databases that stop readers;
                             likewise */
  pid_t foreign_pid; /* of one foreign lock, preferably a contended one with a known owner; -1:
                        none on this machine; 0: no foreign lock */
  int foreign_fd;    /* a descriptor of the process on its file; -1: no foreign lock */
  uint64_t foreign_inode; /* of that file */
  enum sqlite_lock foreign_kind;
};

struct lock_sum lock_match_sum(const struct lock_match *match);

#endif
