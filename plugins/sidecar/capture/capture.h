/*
 * Evidence kept as files: a baseline of each process and a bundle for each red flag that
 * turned. Written by a thread of its own, so that no reading waits for a disk or for a Go
 * runtime that writes a profile; a bundle is whole or absent.
 */
#ifndef SIDECAR_CAPTURE_H
#define SIDECAR_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
  CAPTURE_FOLDER_MAX = 255, /* bytes of the folder's path, its NUL not counted */
  CAPTURE_PATH_MAX = 512,   /* of a bundle's path, with its NUL */
  CAPTURE_REASON_MAX = 48,
};

/* Borrowed until capture_free(). */
struct capture_options {
  const char *folder; /* absolute; made with mode 0700 when it is not there */
  const char *proc_root;
  uint64_t smaps_max_rss_bytes; /* above it the memory map is listed without its sums */
  uint64_t process_max_bytes, process_max_bundles; /* kept for each instance name */
  uint64_t total_max_bytes;
  uint64_t min_interval_ms;     /* between two bundles of one flag of one process */
  uint64_t cpu_profile_seconds; /* 0: none */
  uint64_t pprof_max_bytes, pprof_timeout_ms; /* of each profile; a CPU profile's own
                                                 seconds come on top */
  void (*say)(void *context, int severity, const char *line); /* severity as in syslog(3);
                                                                 called on the thread */
  void *context;
};

struct capture; /* the writer and its thread */

/*
 * Starts the thread, with all signals blocked, which says where the captures go. A folder that
 * cannot be used is said with its remedy, and tried again at the next request: it is no reason
 * not to start. Returns 0; -EINVAL when the folder's path is not absolute or too long; -errno.
 * The caller owns *ret. Call it from the plugin's init callback (http_loop_new()).
 */
int capture_new(const struct capture_options *options, struct capture **ret);

/* Cancels what is under way, leaves nothing half-written, takes milliseconds. NULL is fine. */
void capture_free(struct capture *capture);

/* Copied by capture_request(). */
struct capture_request {
  const char *instance; /* names the process's folder, after being made harmless */
  pid_t pid;
  uint64_t start_ticks;  /* proves that it is still the same process */
  const char *reason;    /* "baseline", or the name of a red flag */
  const char *headline;  /* the notification's line; "" for a baseline */
  const char *pprof_url; /* "http://127.0.0.1:6060", proved to be the process's; NULL: none */
  bool want_goroutine_dump; /* false: more than GoroutineDumpMax, or not known how many */
  bool want_cpu_profile;
  const char *metrics;   /* text: the values of the moment */
  const char *summary;   /* text: what grew since the baseline; see overnight.h */
  int64_t wall_time_ms;  /* since the epoch: names the bundle */
  uint64_t monotonic_ms; /* for the rate limit */
};

/*
 * Asks for a bundle; never blocks and never touches a disk. Returns 0 with the absolute path
 * that the bundle will have in ret_path; -EAGAIN within min_interval_ms of the last bundle of
 * this flag and process, while a baseline waits to be written, and for a minute after that
 * failed; -EALREADY for a baseline that is on the disk, also from before a restart of ours;
 * -ENOBUFS when too many wait; -EINVAL when the reason is no name of a-z, 0-9 and _; -ENOMEM.
 * Any thread may call it.
 *
 * Ask for the baseline until it is -EALREADY: that is cheap, and the way to get one after a
 * disk was full. No bundle comes of a process that ends meanwhile.
 */
int capture_request(struct capture *capture, const struct capture_request *request,
                    char ret_path[CAPTURE_PATH_MAX]);

#endif
