/*
 * The text files of Linux's procfs (proc(5)), each parsed by one pure function: short files as
 * a whole, lists one line at a time. Nothing here reads a file; see procfs.h. In alphabetical
 * order of the files, after the common part. Unless noted otherwise, a function returns 0 or
 * -EBADMSG and writes its result only on success. Pure.
 */
#ifndef SIDECAR_LINUX_PROC_PARSE_H
#define SIDECAR_LINUX_PROC_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/scan.h"
#include "sidecar/reading.h"

/* One number for a device, as the kernel numbers them. */
static inline uint32_t device_number(uint32_t major, uint32_t minor) {
  return major << 20 | (minor & 0xFFFFF);
}

static inline uint32_t device_major(uint32_t device) {
  return device >> 20;
}

/* ---- /proc/PID/io: bytes that a process read from and wrote to storage ---- */

struct proc_io {
  uint64_t read_bytes, write_bytes; /* of all threads, including ended ones */
};

/* -EBADMSG when either is missing or not a number. */
int proc_io_parse(struct span text, struct proc_io *ret);

/* ---- /proc/PID/limits: the limit of open descriptors ---- */

/* The soft limit. -ENODATA when there is none ("unlimited"). */
int proc_limits_parse_open_files(struct span text, uint64_t *ret_soft);

/* ---- /proc/locks, and the "lock:" lines of /proc/PID/fdinfo/N, which have the same format
 * ---- */

enum proc_lock_kind {
  PROC_LOCK_POSIX, /* fcntl(2) F_SETLK: belongs to a process */
  PROC_LOCK_FLOCK, /* flock(2): belongs to an open file description; names the process that
                      locked */
  PROC_LOCK_OFD    /* fcntl(2) F_OFD_SETLK: likewise, without a process */
};

struct proc_lock {
  uint64_t inode;        /* number of the inode inside the kernel */
  uint64_t start, end;   /* bytes; end is UINT64_MAX for "EOF" */
  uint32_t major, minor; /* device of the file system's superblock: not what stat(2) shows
                            on file systems that give each subvolume a device of its own */
  int32_t pid;           /* in the pid namespace of the procfs; -1 if there is none, other
                            negative numbers: of another machine */
  enum proc_lock_kind kind;
  bool is_write;
};

/*
 * A line of the list. -ENODATA for a line that is not a lock held on a file: a waiter ("->"), a
 * lease, a delegation, a lock without a file.
 */
int proc_lock_parse(struct span line, struct proc_lock *ret);

/* A total order: by inode number first, equal only when every field is. */
int proc_lock_compare(const struct proc_lock *a, const struct proc_lock *b);

/*
 * ---- /proc/PID/maps, smaps and smaps_rollup: the memory map ---- A line for each region,
 * followed in smaps by lines "Name:  123 kB" with its resident memory; in smaps_rollup one
 * heading and the sums over all regions.
 */

/*
 * The line of a region: "start-end perms offset device inode  name". Sets size and name (a
 * part of the line, "" where it has none) and leaves the rest unknown.
 */
int proc_maps_parse_region(struct span line, struct memory_map_region *ret);

/* A line of smaps after that of its region: sets that field of the region. Other lines are
 * ignored. */
void proc_maps_parse_sum(struct span line, struct memory_map_region *region);

/* Is it a sum of the last region, rather than the line of the next one? */
bool proc_maps_is_sum(struct span line);

/* The whole of smaps_rollup. VALUE_UNKNOWN for a sum that is missing or malformed; -EBADMSG
 * when Rss is. */
int proc_smaps_parse_rollup(struct span text, struct memory_map_rollup *ret);

/*
 * ---- /proc/PID/mountinfo: which device a mount is ---- This is the device in the lock list;
 * stat(2) may show another.
 */

struct proc_mount {
  uint64_t id; /* mnt_id of fdinfo, stx_mnt_id of statx(2) */
  uint32_t major, minor;
};

/* A line. */
int proc_mountinfo_parse(struct span line, struct proc_mount *ret);

/* ---- /proc/PID/net/tcp and tcp6 (the kernel's networking/proc_net_tcp.rst) ---- */

enum { PROC_NET_TCP_SYN_RECV = 0x03, PROC_NET_TCP_LISTEN = 0x0A };

struct proc_net_tcp {
  bool ipv6;           /* the format of the line: may be a mapped IPv4 address */
  uint8_t address[16]; /* local address in network byte order; the first 4 bytes for IPv4 */
  uint16_t port;       /* local port, in host order */
  uint8_t state;
  uint64_t inode; /* of the socket; 0 when no descriptor belongs to it */
};

/*
 * A line. Addresses are 32-bit words in host byte order. -EBADMSG for any other line, including
 * the heading.
 */
int proc_net_tcp_parse(struct span line, struct proc_net_tcp *ret);

/* ---- /proc/pressure/memory (Documentation/accounting/psi.rst) ---- */

/* The share of the last 60 seconds in which some task waited for memory, in percent: "avg60="
 * of the line "some". */
int proc_pressure_parse(struct span text, double *ret_percent);

/*
 * ---- /proc/PID/stat: one line of fields by position ---- Numbered as in proc(5). The second
 * is the name of the program in parentheses, which may itself contain spaces, parentheses and
 * newlines, so the fields are counted from the last ")".
 */

struct proc_stat {
  struct span name;                    /* 2: into the text; at most 15 bytes of a program */
  char state;                          /* 3: R S D T t I Z X ... */
  uint64_t flags;                      /* 9: PF_* */
  uint64_t minor_faults, major_faults; /* 10, 12: not those of its children */
  uint64_t user_ticks, system_ticks;   /* 14, 15: of all threads, including ended ones */
  /* 16, 17: of children, and theirs, that have ended and were waited for */
  uint64_t children_user_ticks, children_system_ticks;
  uint64_t threads;       /* 20 */
  uint64_t start_ticks;   /* 22: since boot */
  uint64_t virtual_bytes; /* 23 */
};

/* -EBADMSG when a field of the struct is missing, truncated or not a number. */
int proc_stat_parse(struct span text, struct proc_stat *ret);

/*
 * It has ended: only its exit status is left (state Z), or not even that (X); or it is exiting
 * and has freed its memory, which is the first step of do_exit() in the kernel.
 */
bool proc_stat_is_dead(const struct proc_stat *stat);

/* A kernel thread (PF_KTHREAD). */
bool proc_stat_is_kernel_thread(const struct proc_stat *stat);

/*
 * ---- /proc/PID/status: the memory of a process, context switches of a single thread ----
 * Lines are found by their key, because not all kernels have all of them.
 */

/* VmHWM, VmRSS, RssAnon, RssFile, RssShmem, VmSwap, in bytes; VALUE_UNKNOWN for a missing line
 * (the split: before Linux 4.5). -ENODATA when there is no line of resident memory (a kernel
 * thread, a zombie); -EBADMSG when a line is not a number of kB. */
int proc_status_parse(struct span text, struct process_memory *ret);

/* The real user id, the first number of the line "Uid:". -EBADMSG when there is none. */
int proc_status_parse_uid(struct span text, uint32_t *ret);

/* The sum of voluntary_ctxt_switches and nonvoluntary_ctxt_switches of a thread. */
int proc_status_parse_switches(struct span text, uint64_t *ret_voluntary,
                               uint64_t *ret_involuntary);

#endif
