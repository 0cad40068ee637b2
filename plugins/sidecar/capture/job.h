/* A request of a capture, copied: what the writer's thread works on. */
#ifndef SIDECAR_CAPTURE_JOB_H
#define SIDECAR_CAPTURE_JOB_H

#include <sys/queue.h>

#include "sidecar/capture/name.h"

struct job {
  TAILQ_ENTRY(job) link;
  struct capture_request request;       /* its strings are owned */
  char instance[CAPTURE_FILE_NAME_MAX]; /* as a file name */
  char name[CAPTURE_BUNDLE_NAME_MAX];   /* of the bundle */
};

/* Returns NULL when out of memory; the caller owns it. The bundle has no name yet. */
struct job *job_new(const struct capture_request *request);

/* Gives the bundle the name of this time. */
void job_name(struct job *job, int64_t wall_time_ms);

/* NULL is fine. */
void job_free(struct job *job);

#endif
