/*
 * Evidence in files: a baseline of each process, and a bundle for each red flag that is raised.
 * A separate thread writes them, so that no reading waits for a disk or for a Go runtime that
 * writes a profile; a bundle is complete or absent.
 */
#ifndef SIDECAR_CAPTURE_H
#define SIDECAR_CAPTURE_H

#include "sidecar/capture/request.h"

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
 * last bundle of this flag and process, while a baseline waits to be written, and for a minute
 * after that failed; -EALREADY for a baseline that is on the disk, also from before a restart
 * of the daemon; -ENOBUFS when the queue is full; -EINVAL when the reason has other bytes than
 * a-z, 0-9 and _ or is too long; -ENOMEM. Any thread may call it.
 *
 * Request the baseline until the result is -EALREADY: that is cheap, and retries after the disk
 * was full. A process that ends before its bundle is complete gets none.
 */
int capture_request(struct capture *capture, const struct capture_request *request,
                    char ret_path[CAPTURE_PATH_MAX]);

#endif
