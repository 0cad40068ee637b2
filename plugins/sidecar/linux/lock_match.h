/*
 * Which locks of the machine's list lie on files that one process has open, and which of
 * those are its own: for the length of one reading. The list names the owner of a POSIX
 * lock; flock(2) and open file description locks belong to an open file, which several
 * processes may share, so there the process's descriptors are asked (fdinfo).
 */
#ifndef SIDECAR_LINUX_LOCK_MATCH_H
#define SIDECAR_LINUX_LOCK_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sidecar/linux/lock_list.h"

struct lock_mark;

struct lock_match {
  const struct lock_table *table; /* NULL: unknown */
  pid_t pid;
  int process;                  /* /proc/PID, borrowed, for mountinfo */
  struct lock_mark *marks;      /* one for each lock of the table; NULL until one matched */
  uint32_t mount, mount_device; /* translated last; 0: none */
  unsigned mount_lookups;       /* still allowed */
  bool is_uncertain;            /* of a lock nobody can say whether it is on one of our files */
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

/*
 * Descriptor fd is the first found to have this file open. *ret_ask says that fdinfo of
 * each descriptor on the file must be given to lock_match_own(). Returns 0 or -ENOMEM.
 */
int lock_match_file(struct lock_match *match, const struct open_file_id *file, int fd,
                    bool is_database, bool *ret_ask);

/* fdinfo says that a descriptor of the process has this lock. */
void lock_match_own(struct lock_match *match, const struct proc_lock *lock);

struct lock_sum {
  uint64_t held, foreign; /* VALUE_UNKNOWN when the list could not be read or compared */
  uint64_t contended;     /* of the foreign ones, those to write on databases; likewise */
  pid_t foreign_pid;      /* of one foreign lock: preferably one of those, with an owner */
  int foreign_fd;         /* a descriptor of ours on its file; -1: no foreign lock */
  uint64_t foreign_inode; /* of that file */
};

struct lock_sum lock_match_sum(const struct lock_match *match);

#endif
