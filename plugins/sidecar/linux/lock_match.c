/* Locks on the files of one process; see lock_match.h. */
#include "sidecar/linux/lock_match.h"

#include <errno.h>
#include <stdlib.h>

#include "sidecar/linux/line_file.h"
#include "sidecar/linux/proc_parse.h"

enum { MOUNT_LOOKUPS_MAX = 16 };

struct lock_mark {
  int32_t fd; /* first descriptor on its file; -1: not on a file of this process */
  bool is_own;
  bool is_on_database;
  bool has_shared_lock; /* in the mark of a file's first lock: one is shared and not ours */
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

/* --- is it the same file? --- */

static int read_mount_device(const struct lock_match *match, uint32_t mount, uint32_t *ret) {
  autolinefile(file);
  struct line line;
  struct proc_mount found;
  int status = line_file_open(&file, match->process, "mountinfo");
  while (status == 0 && (status = line_file_next(&file, &line)) > 0) {
    status = 0;
    if (proc_mountinfo_parse(line.text, &found) == 0 && found.id == mount) {
      *ret = device_number(found.major, found.minor);
      return 0;
    }
  }
  return status != 0 ? status : -ENOENT;
}

/* The device that the lock list names for files on this mount; 0: unknown. A mount may be
 * one of another namespace, from which the descriptor was inherited. */
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
 * Devices without hardware (major 0) are numbered by the kernel: stat(2) may show one of a
 * subvolume or layer where the list has that of the whole file system. No number is used
 * twice, so the same number is always the same file system.
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

/* --- marks --- */

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
                      bool is_database) {
  for (size_t i = start; i < end; i++) {
    const struct proc_lock *lock = &match->table->locks[i];
    bool is_own = lock->pid == match->pid;
    match->marks[i].fd = fd;
    match->marks[i].is_own = is_own;
    match->marks[i].is_on_database = is_database;
    if (!is_own && is_shareable(lock))
      match->marks[start].has_shared_lock = true;
  }
}

int lock_match_file(struct lock_match *match, const struct open_file_id *file, int fd,
                    bool is_database, bool *ret_ask) {
  *ret_ask = false;
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
    /* another name of a file already marked must not cost as much as the first */
    if (match->marks[start].fd < 0)
      mark_file(match, start, end, fd, is_database);
    *ret_ask = *ret_ask || match->marks[start].has_shared_lock;
  }
  return 0;
}

void lock_match_own(struct lock_match *match, const struct proc_lock *lock) {
  const struct lock_table *table = match->table;
  if (match->marks == NULL || !is_shareable(lock))
    return;
  /* two that nothing tells apart are two locks of two open files */
  for (size_t i = lock_table_find(table, lock);
       i < table->len && proc_lock_compare(&table->locks[i], lock) == 0; i++) {
    if (match->marks[i].fd >= 0 && !match->marks[i].is_own) {
      match->marks[i].is_own = true;
      return;
    }
  }
}

static bool is_contended(const struct proc_lock *lock, const struct lock_mark *mark) {
  return mark->is_on_database && lock->is_write;
}

/* A better example of a foreign lock: a database's writer before other writers, those before
 * readers, an owner with a name. */
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
      sum.foreign_pid = lock->pid;
      sum.foreign_fd = mark->fd;
      sum.foreign_inode = lock->inode;
    }
  }
  return sum;
}
