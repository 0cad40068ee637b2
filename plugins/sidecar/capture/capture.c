/*
 * Captures as their callers see them: requests are judged, copied and queued; see capture.h.
 * The writing is done by thread.c on a thread of its own.
 */
#include "sidecar/capture/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/thread.h"
#include "sidecar/capture/capture_internal.h"

static void copy_folder(struct capture *capture, const char *folder) {
  int len = snprintf(capture->folder, sizeof(capture->folder), "%s", folder);
  while (len > 1 && capture->folder[len - 1] == '/')
    capture->folder[--len] = '\0';
}

int capture_new(const struct capture_options *options, struct capture **ret) {
  if (options->folder[0] != '/' || strlen(options->folder) > CAPTURE_FOLDER_MAX)
    return -EINVAL;
  struct capture *capture = calloc(1, sizeof(*capture));
  if (capture == NULL)
    return -ENOMEM;
  capture->options = *options;
  copy_folder(capture, options->folder);
  TAILQ_INIT(&capture->queue);
  ledger_init(&capture->ledger);
  pthread_mutex_init(&capture->lock, NULL);

  int status = http_loop_new(&capture->loop);
  if (status == 0) {
    status = thread_start(&capture->thread, capture_thread, capture);
    if (status != 0)
      http_loop_free(capture->loop);
  }
  if (status != 0) {
    pthread_mutex_destroy(&capture->lock);
    free(capture);
    return status;
  }
  *ret = capture;
  return 0;
}

void capture_free(struct capture *capture) {
  struct job *job;
  if (capture == NULL)
    return;
  atomic_store(&capture->stopping, true);
  http_loop_wake(capture->loop);
  pthread_join(capture->thread, NULL);

  while ((job = TAILQ_FIRST(&capture->queue)) != NULL) {
    TAILQ_REMOVE(&capture->queue, job, link);
    job_free(job);
  }
  http_loop_free(capture->loop);
  ledger_clear(&capture->ledger);
  pthread_mutex_destroy(&capture->lock);
  free(capture);
}

/* With the lock held. *job is taken over when it works. */
static int queue_job(struct capture *capture, struct job *job) {
  const struct capture_request *request = &job->request;
  struct ledger_key key = {request->pid, request->start_ticks, request->reason};
  uint64_t min_interval_ms = capture->options.min_interval_ms;
  int64_t wall_time_ms = request->wall_time_ms;

  int status = ledger_check(&capture->ledger, &key, request->monotonic_ms, min_interval_ms);
  if (status != 0)
    return status;
  if (capture->queued == CAPTURE_QUEUE_MAX) {
    capture->refused++;
    return -ENOBUFS;
  }
  status = ledger_record_request(&capture->ledger, &key, request->monotonic_ms, min_interval_ms,
                                 &wall_time_ms);
  if (status != 0)
    return status;
  job_name(job, wall_time_ms);
  TAILQ_INSERT_TAIL(&capture->queue, job, link);
  capture->queued++;
  return 0;
}

int capture_request(struct capture *capture, const struct capture_request *request,
                    char ret_path[CAPTURE_PATH_MAX]) {
  struct ledger_key key = {request->pid, request->start_ticks, request->reason};
  if (!capture_reason_is_valid(request->reason))
    return -EINVAL;
  /* most are answered here: a copy would be for nothing */
  pthread_mutex_lock(&capture->lock);
  int status = ledger_check(&capture->ledger, &key, request->monotonic_ms,
                            capture->options.min_interval_ms);
  pthread_mutex_unlock(&capture->lock);
  if (status != 0)
    return status;

  struct job *job = job_new(request);
  if (job == NULL)
    return -ENOMEM;
  char path[CAPTURE_PATH_MAX];
  pthread_mutex_lock(&capture->lock);
  status = queue_job(capture, job);
  if (status == 0) /* the thread may free the job as soon as it can have it */
    snprintf(path, sizeof(path), "%s/%s/%s", capture->folder, job->instance, job->name);
  pthread_mutex_unlock(&capture->lock);
  if (status == 0 || status == -ENOBUFS)
    http_loop_wake(capture->loop);
  if (status != 0)
    job_free(job);
  else
    memcpy(ret_path, path, sizeof(path));
  return status;
}
