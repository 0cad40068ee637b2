/* One capture from the process to the disk. */
#ifndef SIDECAR_CAPTURE_WRITER_H
#define SIDECAR_CAPTURE_WRITER_H

#include "sidecar/capture/capture_internal.h"

/* What went wrong, if something did. */
struct trouble {
  int error;           /* 0: nothing, or the process has ended, or it was cancelled */
  bool is_of_instance; /* others may be written all the same */
  bool is_over_cap;    /* CaptureMaxBytes, and nothing may be deleted */
  char where[CAPTURE_PATH_MAX];
};

/*
 * Opens the capture folder and looks at what is in it; baselines of this boot become known.
 * ret_bundles and ret_bytes are what is there. Returns 0 or what stands in *trouble.
 */
int writer_look(struct capture *capture, uint64_t *ret_bundles, uint64_t *ret_bytes,
                struct trouble *trouble);

/* Writes the bundle and the summary. Returns 0; -ESRCH when the process has ended and
 * nothing was written; -EALREADY when there is a baseline; -ECANCELED; -errno as *trouble. */
int writer_write(struct capture *capture, const struct job *job, struct trouble *trouble);

#endif
