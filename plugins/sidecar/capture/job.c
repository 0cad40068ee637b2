/* A copied request; see job.h. */
#include "sidecar/capture/job.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"

/* NULL stays NULL. Returns whether it worked. */
static bool copy(const char **string) {
  if (*string == NULL)
    return true;
  *string = strdup(*string);
  return *string != NULL;
}

struct job *job_new(const struct capture_request *request) {
  struct job *job = calloc(1, sizeof(*job));
  if (job == NULL)
    return NULL;
  capture_name_instance(request->instance, job->instance);
  job->request = *request;
  const char **const strings[] = {
      &job->request.instance,   &job->request.reason,    &job->request.headline,
      &job->request.next_steps, &job->request.pprof_url, &job->request.metrics,
      &job->request.summary,
  };
  bool worked = true;
  for (size_t i = 0; i < ARRAY_LENGTH(strings); i++) {
    if (worked)
      worked = copy(strings[i]);
    else
      *strings[i] = NULL; /* not ours to free */
  }
  if (!worked) {
    job_free(job);
    return NULL;
  }
  return job;
}

void job_name(struct job *job, int64_t wall_time_ms) {
  job->request.wall_time_ms = wall_time_ms;
  capture_name_bundle(wall_time_ms, job->request.pid, job->request.reason, job->name);
}

void job_free(struct job *job) {
  if (job == NULL)
    return;
  struct capture_request *request = &job->request;
  const char *const strings[] = {request->instance,   request->reason,    request->headline,
                                 request->next_steps, request->pprof_url, request->metrics,
                                 request->summary};
  for (size_t i = 0; i < ARRAY_LENGTH(strings); i++)
    free((void *)(uintptr_t)strings[i]);
  free(job);
}
