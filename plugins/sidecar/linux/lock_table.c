/* The machine's file locks from /proc/locks; see lock_table.h. */
#include "sidecar/os/locks.h"

#include <errno.h>
#include <stdlib.h>

#include "sidecar/linux/line_file.h"
#include "sidecar/linux/lock_list.h"
#include "sidecar/linux/procfs.h"

enum {
  FIRST_CAPACITY = 64,
  LINES_MAX = 4 * LOCK_TABLE_MAX /* waiters and leases are lines too */
};

int lock_table_new(struct lock_table **ret) {
  struct lock_table *table = calloc(1, sizeof(*table));
  if (table == NULL)
    return -ENOMEM;
  *ret = table;
  return 0;
}

void lock_table_free(struct lock_table *table) {
  if (table == NULL)
    return;
  free(table->locks);
  free(table);
}

static int resize(struct lock_table *table, size_t capacity) {
  struct proc_lock *locks = reallocarray(table->locks, capacity, sizeof(*locks));
  if (locks == NULL)
    return -ENOMEM;
  table->locks = locks;
  table->capacity = capacity;
  return 0;
}

static int append(struct lock_table *table, const struct proc_lock *lock) {
  if (table->len == LOCK_TABLE_MAX)
    return -E2BIG;
  if (table->len == table->capacity) {
    int status = resize(table, table->capacity > 0 ? table->capacity * 2 : FIRST_CAPACITY);
    if (status != 0)
      return status;
  }
  table->locks[table->len++] = *lock;
  return 0;
}

static int read_locks(struct lock_table *table, struct host *host) {
  autolinefile(file);
  struct line line;
  struct proc_lock lock;
  size_t lines = 0;

  int status = line_file_open(&file, host->directory, "locks");
  while (status == 0 && (status = line_file_next(&file, &line)) > 0) {
    status = 0;
    if (++lines > LINES_MAX)
      return -E2BIG;
    if (proc_lock_parse(line.text, &lock) == 0)
      status = append(table, &lock);
  }
  return status;
}

static int compare(const void *a, const void *b) {
  return proc_lock_compare(a, b);
}

int lock_table_refresh(struct lock_table *table, struct host *host) {
  table->len = 0;
  int status = read_locks(table, host);
  table->is_readable = status == 0;
  if (status != 0)
    table->len = 0;

  if (table->capacity > FIRST_CAPACITY && table->capacity / 4 > table->len)
    resize(table, table->len + FIRST_CAPACITY / 2); /* not shrinking does no harm */
  if (table->len > 1)
    qsort(table->locks, table->len, sizeof(*table->locks), compare);
  return status == -EPERM ? -EACCES : status;
}

/* The first position at which is_before does not hold any more: it must hold for all locks
 * up to there and for none behind. */
static size_t find_bound(const struct lock_table *table, const struct proc_lock *lock,
                         bool (*is_before)(const struct proc_lock *,
                                           const struct proc_lock *)) {
  size_t low = 0, high = table->len;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (is_before(&table->locks[middle], lock))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static bool is_before_inode(const struct proc_lock *a, const struct proc_lock *b) {
  return a->inode < b->inode;
}

static bool is_before_or_on_file(const struct proc_lock *a, const struct proc_lock *b) {
  if (a->inode != b->inode)
    return a->inode < b->inode;
  if (a->major != b->major)
    return a->major < b->major;
  return a->minor <= b->minor;
}

static bool is_before_lock(const struct proc_lock *a, const struct proc_lock *b) {
  return proc_lock_compare(a, b) < 0;
}

size_t lock_table_find_inode(const struct lock_table *table, uint64_t inode) {
  struct proc_lock key = {.inode = inode};
  size_t at = find_bound(table, &key, is_before_inode);
  return at < table->len && table->locks[at].inode == inode ? at : table->len;
}

size_t lock_table_file_end(const struct lock_table *table, size_t at) {
  return find_bound(table, &table->locks[at], is_before_or_on_file);
}

size_t lock_table_find(const struct lock_table *table, const struct proc_lock *lock) {
  size_t at = find_bound(table, lock, is_before_lock);
  return at < table->len && proc_lock_compare(&table->locks[at], lock) == 0 ? at : table->len;
}
