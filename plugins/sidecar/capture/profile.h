/*
 * A profile of a Go runtime, from its pprof server straight to a file of a bundle, as it
 * arrives. One that is cut off, too long or something else is no profile: the file is left
 * out, and the bundle says why.
 */
#ifndef SIDECAR_CAPTURE_PROFILE_H
#define SIDECAR_CAPTURE_PROFILE_H

#include <stdatomic.h>

#include "common/http.h"
#include "sidecar/capture/bundle.h"

struct profile_request {
  const char *url;       /* of the server */
  const char *path;      /* "/debug/pprof/heap" */
  const char *file;      /* in the bundle */
  const char *begins_as; /* what a good answer begins with */
  uint64_t timeout_ms, max_bytes;
};

/*
 * Runs the loop until the answer is there, or is no good, or *stopping: whoever sets it wakes
 * the loop. Returns 0, with the file in the bundle (*ret_taken) or a note why it is not;
 * -ECANCELED; -errno when the disk is at fault.
 */
int profile_capture(struct http_loop *loop, struct bundle *bundle,
                    const struct profile_request *request, const atomic_bool *stopping,
                    bool *ret_taken);

#endif
