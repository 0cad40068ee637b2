/*
 * Evidence in files: a baseline of each process, and a bundle for each red flag that is raised.
 * A separate thread writes them, so that no reading waits for a disk or for a Go runtime that
 * writes a profile; a bundle is complete or absent.
 */
#ifndef SIDECAR_CAPTURE_H
#define SIDECAR_CAPTURE_H

#include "sidecar/capture/demand.h"
#include "sidecar/capture/request.h"
#include "sidecar/go/cpu_profile.h"

struct capture; /* the queue of requests and the thread that works on it */

/*
 * Starts the thread, with all signals blocked, which logs where captures are written. A
 * directory that cannot be used is logged with a hint, and tried again at the next request: it
 * does not prevent the start. Returns 0; -EINVAL when the folder's path is not absolute or too
 * long; -errno. The caller owns *ret. Call it from the plugin's init callback
 * (http_loop_new()).
 */
int capture_new(const struct capture_options *options, struct capture **ret);

/* Cancels the current work and removes incomplete bundles; takes milliseconds. NULL is fine. */
void capture_free(struct capture *capture);

/*
 * Queues a request for a bundle; never blocks and never touches a disk. Returns 0 with the
 * absolute path that the bundle will have in ret_path; -EAGAIN within min_interval_ms of the
 * last bundle of this flag and process (unless that was of a warning, and this is of a
 * failure), while a baseline waits to be written, and for a minute
 * after that failed; -EALREADY for a baseline that is on the disk, also from before a restart
 * of the daemon, and for a scheduled or requested bundle of this round that is; while that is
 * not yet written, and after it failed, -EAGAIN as for a baseline; -ENOBUFS when the queue is
 * full; -EINVAL when the reason has other bytes than a-z, 0-9 and _ or is too long; -ENOMEM.
 * Any thread may call it. Users take turns, and when the queue is full, the last request of the
 * user who has most in it is dropped for one of a user who has fewer.
 *
 * Request the baseline and the bundles of a round until the result is -EALREADY: that is cheap,
 * and retries after the disk was full. A process that ends before its bundle is complete gets
 * none.
 */
int capture_request(struct capture *capture, const struct capture_request *request,
                    char ret_path[CAPTURE_PATH_MAX]);

/* How many requests are queued, not counting the one that is being written. */
unsigned capture_waiting(struct capture *capture);

/* Makes the thread look for files that ask for captures (demand.h), once it has nothing to
 * write. Never blocks. */
void capture_look(struct capture *capture);

/* Returns the demands that were found since the last call. */
struct demands capture_take_demands(struct capture *capture);

/* A CPU profile that a capture took. */
struct captured_cpu {
  pid_t pid;
  uint64_t start_ticks;
  char path[CAPTURE_PATH_MAX]; /* of the bundle */
  struct cpu_profile profile;
};

/* Takes the latest CPU profile of this process that was not taken yet. Returns false when there
 * is none, or was, but those of many others came after it. */
bool capture_take_cpu(struct capture *capture, pid_t pid, uint64_t start_ticks,
                      struct captured_cpu *ret);

/* What capture_request() would return, but for -ENOBUFS and -ENOMEM; of the request only pid,
 * start_ticks, reason, round, is_failure and monotonic_ms are read. */
int capture_check(struct capture *capture, const struct capture_request *request);

#endif
