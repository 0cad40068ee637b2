/*
 * The inside of a lock table, for whoever compares a process's files with it.
 */
#ifndef SIDECAR_LINUX_LOCK_LIST_H
#define SIDECAR_LINUX_LOCK_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "sidecar/linux/proc_parse.h"
#include "sidecar/os/locks.h"

struct lock_table {
  struct proc_lock *locks; /* in the order of proc_lock_compare(): by inode number first */
  size_t len, capacity;
  bool is_readable; /* the last refresh succeeded */
};

/* Position of the first lock on that inode number, on whatever device; len: none. */
size_t lock_table_find_inode(const struct lock_table *table, uint64_t inode);

/* Position behind the last lock on the same file (inode number and device) as the lock at
 * that position. */
size_t lock_table_file_end(const struct lock_table *table, size_t at);

/* Position of the first lock that equals this one in every field; len: none. */
size_t lock_table_find(const struct lock_table *table, const struct proc_lock *lock);

#endif
