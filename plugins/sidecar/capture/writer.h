/*
 * Writes one bundle: data of the process from the operating system, profiles of its Go runtime,
 * a README that explains how to use them, and the summary next to the bundles. Also makes room
 * for it, and surveys the directory at startup. Runs on the caller's thread, keeps only the
 * inventory between calls and does not log.
 */
#ifndef SIDECAR_CAPTURE_WRITER_H
#define SIDECAR_CAPTURE_WRITER_H

#include <stdatomic.h>

#include "common/http.h"
#include "sidecar/capture/inventory.h"
#include "sidecar/capture/request.h"
#include "sidecar/go/cpu_profile.h"
#include "sidecar/watchdog.h"

/* All borrowed, but the last two, which begin as zero. */
struct writer {
  const struct capture_options *options;
  const char *folder;          /* the capture directory's path, without trailing slashes */
  struct http_loop *loop;      /* other threads may only wake it during a call */
  const atomic_bool *stopping; /* cancels the work; set it before waking the loop */
  struct watchdog *watchdog;   /* capture_watchdog_new() */
  struct inventory inventory;
  struct cpu_profile cpu; /* of the last bundle; cpu_ns 0: it has none */
};

/* Frees the inventory. */
void writer_end(struct writer *writer);

/* A failure, for the log; all zero at first. */
struct writer_failure {
  int error;           /* 0: none, or the process has ended, or it was cancelled */
  bool is_of_instance; /* bundles of other instances can still be written */
  bool is_parent;      /* a directory on the way to the capture directory is the reason */
  bool is_over_cap;    /* CaptureMaxSize is reached, and nothing may be deleted */
  char where[CAPTURE_PATH_MAX];
};

/* Opens the capture directory, which is not created. Returns 0 with *ret_folder, which the
 * caller closes; -ENOENT when there is none; or the error in *failure. */
int writer_open_folder(struct writer *writer, int *ret_folder, struct writer_failure *failure);

/* A return value other than 0 ends the survey. */
typedef int (*writer_baseline_fn)(void *context, pid_t pid, uint64_t start_ticks);

/*
 * Opens the capture directory, counts the bundles in it and calls on_baseline for each baseline
 * of a process of this boot. Returns 0, -ECANCELED, or the error in *failure.
 */
int writer_survey(struct writer *writer, writer_baseline_fn on_baseline, void *context,
                  uint64_t *ret_bundles, uint64_t *ret_bytes, struct writer_failure *failure);

/*
 * Writes the bundle and the summary; the bundle's name is that of capture_name_path(). Returns
 * 0; -ESRCH when the process has ended and nothing was written; -EALREADY when the process has
 * a baseline and another is requested; -ECANCELED; or the error in *failure: there is no
 * bundle, unless only the summary could not be written.
 */
int writer_write(struct writer *writer, const struct capture_request *request,
                 struct writer_failure *failure);

#endif
