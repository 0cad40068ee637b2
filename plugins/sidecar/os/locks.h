/*
 * The file locks of all processes of the machine. The kernel provides them only in a single
 * list, so it is read once per round, and every process's descriptors are compared with the
 * copy (os/descriptors.h).
 */
#ifndef SIDECAR_OS_LOCKS_H
#define SIDECAR_OS_LOCKS_H

#include "sidecar/os/host.h"

struct lock_table; /* used by one thread at a time */

enum { LOCK_TABLE_MAX = 65536 };

/* An empty table; lock counts are unknown until it has been refreshed. Returns 0 or -ENOMEM;
 * the caller owns *ret. */
int lock_table_new(struct lock_table **ret);

/* NULL is fine. */
void lock_table_free(struct lock_table *table);

/*
 * Reads the list again (proc(5), /proc/locks): fcntl(2) record locks, open file description
 * locks and flock(2) locks. Leases, delegations and waiters are omitted; the kernel omits those
 * whose owner has no pid in the pid namespace of this /proc. Call it once before a round of
 * descriptors_read. Returns 0; -EACCES, -ENOENT, -ENOMEM, -EMFILE; -E2BIG past LOCK_TABLE_MAX
 * locks; -ETIME (os/host.h): the kernel takes time in proportion to the square of their number.
 * After an error the lock counts of readings are unknown until it succeeds again.
 */
int lock_table_refresh(struct lock_table *table, struct host *host);

#endif
