/*
 * The machine's file locks from /proc/locks, sorted, and their match with the files of one
 * process; see os/locks.h and locks.h. A process with many files on a machine with many locks
 * costs one binary search for each file.
 */
#include "sidecar/linux/locks.h"

#include <errno.h>
#include <stdlib.h>

#include "sidecar/linux/host.h"
#include "sidecar/linux/procfs.h"

enum {
  FIRST_CAPACITY = 64,
  LINES_MAX = 4 * LOCK_TABLE_MAX, /* there are also lines of waiters and leases */
  LINES_ALWAYS = 512,             /* are read also after the deadline */
  LINES_A_LOOK = 64,              /* at the clock; about as many as one read(2) returns */
  MOUNT_LOOKUPS_MAX = 16
};

/* ---- the table ---- */

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
  autoprocfslines(file);
  struct line line;
  struct proc_lock lock;
  size_t lines = 0;

  int status = procfs_lines_open(&file, host->directory, "locks");
  while (status == 0 && (status = procfs_lines_next(&file, &line)) > 0) {
    status = 0;
    if (++lines > LINES_MAX)
      return -E2BIG;
    if (lines > LINES_ALWAYS && lines % LINES_A_LOOK == 0 && host_is_late(host))
      return -ETIME;
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

/* The first position at which is_before is false: it must be true for all locks before and
 * false for all after it. */
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

/* ---- one process ---- */

struct lock_mark {
  int32_t fd; /* first descriptor on its file; -1: not on a file of this process */
  bool is_own;
  enum lock_file_kind file_kind;
  bool has_shared_lock; /* set for a file's first lock: one lock is shared and not ours */
};

void lock_match_init(struct lock_match *match, const struct lock_table *table, pid_t pid,
                     int process) {
  *match = (struct lock_match){
      .table = table != NULL && table->is_readable ? table : NULL,
      .pid = pid,
      .process = process,
      .mount_lookups = MOUNT_LOOKUPS_MAX,
  };
}

void lock_match_free(struct lock_match *match) {
  free(match->marks);
  match->marks = NULL;
}

/* ---- one process: comparing files ---- */

static int read_mount_device(const struct lock_match *match, uint32_t mount, uint32_t *ret) {
  autoprocfslines(file);
  struct line line;
  struct proc_mount found;
  int status = procfs_lines_open(&file, match->process, "mountinfo");
  while (status == 0 && (status = procfs_lines_next(&file, &line)) > 0) {
    status = 0;
    if (proc_mountinfo_parse(line.text, &found) == 0 && found.id == mount) {
      *ret = device_number(found.major, found.minor);
      return 0;
    }
  }
  return status != 0 ? status : -ENOENT;
}

/* The device that the lock list has for files on this mount; 0: unknown. The mount may be in
 * another namespace, from which the descriptor was inherited. */
static uint32_t mount_device(struct lock_match *match, uint32_t mount) {
  if (mount == 0)
    return 0;
  if (match->mount == mount)
    return match->mount_device;
  if (match->mount_lookups == 0)
    return 0;
  match->mount_lookups--;
  match->mount = mount;
  if (read_mount_device(match, mount, &match->mount_device) != 0)
    match->mount_device = 0;
  return match->mount_device;
}

/*
 * Devices without hardware (major 0) are numbered by the kernel: stat(2) may show that of a
 * subvolume or layer, while the list has that of the whole file system. Numbers are unique, so
 * the same number is always the same file system.
 */
static bool is_same_device(struct lock_match *match, const struct open_file_id *file,
                           const struct proc_lock *lock) {
  uint32_t device = device_number(lock->major, lock->minor);
  if (file->device != 0 &&
      (file->device == device || device_major(file->device) != 0 || device_major(device) != 0))
    return file->device == device;
  uint32_t listed = mount_device(match, file->mount);
  if (listed == 0)
    match->is_uncertain = true;
  return listed == device;
}

/* ---- one process: its files and its own locks ---- */

static bool is_shareable(const struct proc_lock *lock) {
  return lock->kind != PROC_LOCK_POSIX;
}

static int allocate_marks(struct lock_match *match) {
  match->marks = malloc(match->table->len * sizeof(*match->marks));
  if (match->marks == NULL)
    return -ENOMEM;
  for (size_t i = 0; i < match->table->len; i++)
    match->marks[i] = (struct lock_mark){.fd = -1};
  return 0;
}

static void mark_file(struct lock_match *match, size_t start, size_t end, int fd,
                      enum lock_file_kind kind) {
  for (size_t i = start; i < end; i++) {
    const struct proc_lock *lock = &match->table->locks[i];
    bool is_own = lock->pid == match->pid;
    match->marks[i].fd = fd;
    match->marks[i].is_own = is_own;
    match->marks[i].file_kind = kind;
    if (!is_own && is_shareable(lock))
      match->marks[start].has_shared_lock = true;
  }
}

int lock_match_file(struct lock_match *match, const struct open_file_id *file, int fd,
                    enum lock_file_kind kind, bool *ret_need_info) {
  *ret_need_info = false;
  const struct lock_table *table = match->table;
  if (table == NULL || table->len == 0 || file->inode == 0)
    return 0;

  size_t end;
  for (size_t start = lock_table_find_inode(table, file->inode);
       start < table->len && table->locks[start].inode == file->inode; start = end) {
    end = lock_table_file_end(table, start);
    if (!is_same_device(match, file, &table->locks[start]))
      continue;
    if (match->marks == NULL && allocate_marks(match) != 0)
      return -ENOMEM;
    /* for another name of a marked file, the work need not be repeated */
    if (match->marks[start].fd < 0)
      mark_file(match, start, end, fd, kind);
    *ret_need_info = *ret_need_info || match->marks[start].has_shared_lock;
  }
  return 0;
}

void lock_match_own(struct lock_match *match, const struct proc_lock *lock) {
  const struct lock_table *table = match->table;
  if (match->marks == NULL || !is_shareable(lock))
    return;
  /* if two are equal in every field, they are locks of two open files */
  for (size_t i = lock_table_find(table, lock);
       i < table->len && proc_lock_compare(&table->locks[i], lock) == 0; i++) {
    if (match->marks[i].fd >= 0 && !match->marks[i].is_own) {
      match->marks[i].is_own = true;
      return;
    }
  }
}

/* ---- one process: the sums ---- */

/* SQLite's locks are record locks; one on the whole file is another program's. */
static enum sqlite_lock kind_of(const struct proc_lock *lock, const struct lock_mark *mark) {
  if (lock->kind == PROC_LOCK_FLOCK)
    return SQLITE_LOCK_OTHER;
  return sqlite_lock_of_range(lock->start, lock->end,
                              mark->file_kind == LOCK_FILE_DATABASE_SHM);
}

static bool is_contended(const struct proc_lock *lock, const struct lock_mark *mark) {
  return mark->file_kind != LOCK_FILE_PLAIN && lock->is_write &&
         sqlite_lock_stops_readers(kind_of(lock, mark));
}

/* Is it a better example of a foreign lock? One that stops readers is better than other
 * writers, those than readers, and a known owner than an unknown one. */
static int rank(const struct proc_lock *lock, const struct lock_mark *mark) {
  return 4 * is_contended(lock, mark) + 2 * lock->is_write + (lock->pid > 0);
}

struct lock_sum lock_match_sum(const struct lock_match *match) {
  struct lock_sum sum = {.foreign_fd = -1};
  if (match->table == NULL || match->is_uncertain) {
    sum.held = sum.foreign = sum.contended = VALUE_UNKNOWN;
    return sum;
  }
  if (match->marks == NULL)
    return sum;

  int best = -1;
  for (size_t i = 0; i < match->table->len; i++) {
    const struct proc_lock *lock = &match->table->locks[i];
    const struct lock_mark *mark = &match->marks[i];
    if (mark->fd < 0)
      continue;
    sum.held += mark->is_own;
    if (mark->is_own)
      continue;
    sum.foreign++;
    sum.contended += is_contended(lock, mark);
    if (rank(lock, mark) > best) {
      best = rank(lock, mark);
      sum.foreign_pid = lock->pid > 0 ? lock->pid : -1;
      sum.foreign_fd = mark->fd;
      sum.foreign_inode = lock->inode;
      sum.foreign_kind = is_contended(lock, mark) ? kind_of(lock, mark) : SQLITE_LOCK_OTHER;
    }
  }
  return sum;
}
