/*
 * What readings of a process consist of, as plain data: the operating system's contracts (os/)
 * fill these structs, the layers above turn them into metrics and red flags, and neither
 * depends on the other. Readings come in two tiers. The pulse is read at every interval of the
 * daemon: a few small files of each process. The detail tier costs more (a system call for each
 * descriptor, a walk over the memory map) and is read at a longer interval of its own. Pure. A
 * number that could not be read is VALUE_UNKNOWN (common/scan.h).
 */
#ifndef SIDECAR_READING_H
#define SIDECAR_READING_H

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/pattern.h"
#include "common/scan.h"
#include "sidecar/sqlite_lock.h"

/* The share of a whole. NaN if one of them is not known; of nothing there is no share. */
static inline double share_of(uint64_t part, uint64_t whole) {
  bool is_known = part != VALUE_UNKNOWN && whole != VALUE_UNKNOWN && whole > 0;
  return is_known ? (double)part / (double)whole : NAN;
}

/* ---- the pulse ---- */

/* Memory in RAM and swapped out. */
struct process_memory {
  uint64_t resident_peak_bytes;
  uint64_t resident_bytes; /* RSS: anonymous, file and shared memory */
  uint64_t anon_bytes, file_bytes, shmem_bytes;
  uint64_t swap_bytes;
};

struct process_pulse {
  struct process_memory memory;
  uint64_t virtual_bytes;
  uint64_t threads;
  uint64_t open_fds, max_fds; /* max_fds: the soft limit, may be out of date (os/process.h) */
  uint64_t user_ticks, system_ticks;
  uint64_t children_ticks; /* of children that have ended and were waited for; both together */
  uint64_t minor_faults, major_faults;
  uint64_t disk_read_bytes, disk_write_bytes;
  int io_error;     /* why the disk fields are unknown: 0 or -errno */
  int fds_error;    /* why open_fds is unknown */
  int limits_error; /* why max_fds is unknown; RLIM_INFINITY counts as -ENODATA */
  int status_error; /* why memory is unknown */
};

/* ---- descriptors ---- */

enum descriptor_class {
  DESCRIPTOR_REGULAR,
  DESCRIPTOR_DIRECTORY,
  DESCRIPTOR_PIPE, /* with and without a name */
  DESCRIPTOR_SOCKET,
  DESCRIPTOR_INOTIFY,
  DESCRIPTOR_EVENTPOLL,
  DESCRIPTOR_EVENTFD,
  DESCRIPTOR_DEVICE,
  DESCRIPTOR_OTHER,
  DESCRIPTOR_CLASSES
};

/* The name of a class, by its number: "regular", ...; NULL past the last. A type instance. */
const char *descriptor_class_name(size_t descriptor_class);

/*
 * A file is one path as the kernel names it (what lsof prints as NAME), " (deleted)" included:
 * two unlinked files that had the same name count as one file opened twice.
 */
struct descriptors_reading {
  uint64_t total; /* the sum over classes */
  uint64_t by_class[DESCRIPTOR_CLASSES];
  uint64_t deleted;       /* open files that were unlinked; not memfd */
  uint64_t same_file_max; /* opens of the regular file that is open most often; 0 if none */
  uint64_t duplicate;     /* opens of regular files beyond each file's first */
  uint64_t matching[PATTERNS_MAX]; /* descriptors, by pattern */
  uint64_t inotify_watches;        /* of all inotify instances, counted twice if a descriptor is
                                      duplicated and kcmp(2) is not allowed; VALUE_UNKNOWN if fdinfo
                                      cannot be read */
  uint64_t locks_held; /* locks of this process on files it has open; VALUE_UNKNOWN if the lock
                          table cannot be read or compared with a file */
  uint64_t locks_foreign;        /* other processes' locks on files it has open */
  uint64_t locks_contended;      /* of those, the write locks on databases that stop readers
                                    (sqlite_lock.h); unknown when no pattern matches databases */
  char same_file_path[PATH_MAX]; /* raw bytes of the path open most often, the one with the
                                    lowest descriptor if several are; "" if none */
  uint64_t same_database_max;    /* opens of the database that is open most often, without its
                                    -wal, -shm and -journal; 0 if none, unknown when no
                                    pattern matches databases */
  char same_database_path[PATH_MAX]; /* its path, as same_file_path */
  uint64_t same_device_max;        /* opens of the device that is open most often; 0 if none */
  char same_device_path[PATH_MAX]; /* its path, as same_file_path */
  char deleted_path[PATH_MAX];     /* one of deleted, raw bytes: of the directory that most of
                                      them were in; "" if none */
  uint64_t directory_paths_max;    /* paths of one class in the directory that has most of them
                                      open, each counted once, none of them unlinked; at least; 0
                                      if none */
  bool directory_paths_are_exact;  /* there are not more of them */
  enum descriptor_class directory_class;
  char directory_path[PATH_MAX]; /* the directory, raw bytes; "" if none */
  pid_t foreign_lock_pid; /* owner of one of locks_foreign, a contended one if there is one,
                             otherwise a write lock;
                             -1 when the kernel does not name it (open file description
                             locks); 0 if there are none */
  char foreign_lock_path[PATH_MAX];   /* the file it is on, raw bytes; "" if none, or if it was
                                         closed in the meantime */
  enum sqlite_lock foreign_lock_kind; /* OTHER if it is not a contended one */
};

/* Whether another process's write lock makes SQLite's readers wait; false when that is unknown.
 */
static inline bool descriptors_are_contended(const struct descriptors_reading *descriptors) {
  return descriptors->locks_contended != VALUE_UNKNOWN && descriptors->locks_contended > 0;
}

/* ---- the memory map ---- */

/* Sums over all regions, in bytes; VALUE_UNKNOWN if this kernel does not provide them. */
struct memory_map_rollup {
  uint64_t rss, pss, private_clean, private_dirty, lazyfree, swap_pss;
  uint64_t footprint; /* private_clean + private_dirty + swap_pss - lazyfree: what would be
                         freed if the process exited; unknown if one of them is */
};

/* One region, in bytes. Without sums all but the size are VALUE_UNKNOWN. */
struct memory_map_region {
  struct span name; /* as reported by the kernel: a path, "[heap]", "" for anonymous memory; raw
                       bytes, valid during the call */
  uint64_t size, rss, pss, private_dirty, lazyfree, swap;
};

#endif
