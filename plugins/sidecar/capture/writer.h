/*
 * Makes one bundle, from the process to the disk: what the operating system shows of the
 * process, profiles of its Go runtime, a README that explains how to use them, and the
 * summary next to the bundles. Also makes room for it, and surveys the folder at the start.
 * Runs on the caller's thread, keeps no state between calls and logs nothing.
 */
#ifndef SIDECAR_CAPTURE_WRITER_H
#define SIDECAR_CAPTURE_WRITER_H

#include <stdatomic.h>

#include "common/http.h"
#include "sidecar/capture/name.h"
#include "sidecar/capture/request.h"

/* All borrowed. */
struct writer {
  const struct capture_options *options;
  const char *folder;          /* the capture folder's path, without slashes at its end */
  struct http_loop *loop;      /* no other thread uses it during a call, but to wake it */
  const atomic_bool *stopping; /* cancels the work; to be set before the loop is woken */
};

/* What went wrong, for the log; all zero at first. */
struct writer_failure {
  int error;           /* 0: nothing, or the process has ended, or it was cancelled */
  bool is_of_instance; /* bundles of other instances can be written all the same */
  bool is_over_cap;    /* CaptureMaxBytes, and nothing may be deleted */
  char where[CAPTURE_PATH_MAX];
};

/* What it returns, if not 0, ends the survey. */
typedef int (*writer_baseline_fn)(void *context, pid_t pid, uint64_t start_ticks);

/*
 * Opens the capture folder, counts the bundles in it and calls on_baseline for each baseline of
 * a process of this boot. Returns 0, -ECANCELED, or the error in *failure.
 */
int writer_survey(const struct writer *writer, writer_baseline_fn on_baseline, void *context,
                  uint64_t *ret_bundles, uint64_t *ret_bytes, struct writer_failure *failure);

/*
 * Writes the bundle and the summary; the bundle's name is that of capture_name_path(). Returns
 * 0; -ESRCH when the process has ended and nothing was written; -EALREADY when the process has
 * a baseline and another is requested; -ECANCELED; or the error in *failure: there is no
 * bundle, unless only the summary could not be written.
 */
int writer_write(const struct writer *writer, const struct capture_request *request,
                 struct writer_failure *failure);

#endif
