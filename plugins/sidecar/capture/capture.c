/*
 * The queue of captures and the thread that works on it; see capture.h. A request is checked
 * against the ledger, copied and queued; the thread dequeues it, lets writer.h write the
 * bundle, and logs failures. Both sides share one lock that is never held during I/O.
 */
#include "sidecar/capture/capture.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "common/array.h"
#include "common/backoff.h"
#include "common/clock.h"
#include "common/http.h"
#include "common/text.h"
#include "common/thread.h"
#include "sidecar/capture/directory.h"
#include "sidecar/capture/ledger.h"
#include "sidecar/capture/name.h"
#include "sidecar/capture/writer.h"

enum {
  QUEUE_MAX = 64,
  ERRORS_MAX = 64, /* kinds of failure: errnos modulo this */
};

/* A queued request. */
struct job {
  TAILQ_ENTRY(job) link;
  struct capture_request request; /* its strings are owned */
};

TAILQ_HEAD(job_queue, job);

struct capture {
  struct capture_options options;
  char folder[CAPTURE_FOLDER_MAX + 1]; /* without slashes at its end */
  struct http_loop *loop;              /* used by the thread; others only wake it */
  pthread_t thread;
  atomic_bool stopping;

  pthread_mutex_t lock; /* protects the next four; never held during I/O */
  struct job_queue queue;
  unsigned queued;
  uint64_t refused; /* requests that found the queue full, not yet logged */
  struct ledger ledger;

  /* used only by the thread */
  struct writer writer;
  struct backoff queue_backoff;
  struct backoff backoffs[2][ERRORS_MAX]; /* of all captures, and of single instances */
};

/* --- requests --- */

enum { JOB_STRINGS = 7 };

static void list_strings(struct job *job, const char **ret[JOB_STRINGS]) {
  struct capture_request *request = &job->request;
  const char **const strings[JOB_STRINGS] = {
      &request->instance,  &request->reason,  &request->headline, &request->next_steps,
      &request->pprof_url, &request->metrics, &request->summary,
  };
  memcpy(ret, strings, sizeof(strings));
}

/* NULL is fine. */
static void job_free(struct job *job) {
  const char **strings[JOB_STRINGS];
  if (job == NULL)
    return;
  list_strings(job, strings);
  for (size_t i = 0; i < ARRAY_LENGTH(strings); i++)
    free((void *)(uintptr_t)*strings[i]);
  free(job);
}

/* Returns NULL when out of memory. */
static struct job *job_new(const struct capture_request *request) {
  struct job *job = calloc(1, sizeof(*job));
  const char **strings[JOB_STRINGS];
  if (job == NULL)
    return NULL;
  job->request = *request;
  list_strings(job, strings);
  bool is_complete = true;
  for (size_t i = 0; i < ARRAY_LENGTH(strings); i++) {
    const char *borrowed = *strings[i];
    *strings[i] = borrowed != NULL && is_complete ? strdup(borrowed) : NULL;
    is_complete = is_complete && (borrowed == NULL) == (*strings[i] == NULL);
  }
  if (is_complete)
    return job;
  job_free(job);
  return NULL;
}

static struct ledger_key key_of(const struct capture_request *request) {
  return (struct ledger_key){request->pid, request->start_ticks, request->reason};
}

/* With the lock held. The thread may free the job once this has returned 0 and the lock is
 * released. */
static int queue_job(struct capture *capture, struct job *job,
                     char ret_path[CAPTURE_PATH_MAX]) {
  struct capture_request *request = &job->request;
  struct ledger_key key = key_of(request);
  uint64_t min_interval_ms = capture->options.min_interval_ms;

  int status = ledger_check(&capture->ledger, &key, request->monotonic_ms, min_interval_ms);
  if (status != 0)
    return status;
  if (capture->queued == QUEUE_MAX) {
    capture->refused++;
    return -ENOBUFS;
  }
  status = ledger_record_request(&capture->ledger, &key, request->monotonic_ms, min_interval_ms,
                                 &request->wall_time_ms);
  if (status != 0)
    return status;
  capture_name_path(capture->folder, request, ret_path);
  TAILQ_INSERT_TAIL(&capture->queue, job, link);
  capture->queued++;
  return 0;
}

int capture_request(struct capture *capture, const struct capture_request *request,
                    char ret_path[CAPTURE_PATH_MAX]) {
  if (!capture_reason_is_valid(request->reason))
    return -EINVAL;
  /* most end here, without a copy */
  struct ledger_key key = key_of(request);
  pthread_mutex_lock(&capture->lock);
  int status = ledger_check(&capture->ledger, &key, request->monotonic_ms,
                            capture->options.min_interval_ms);
  pthread_mutex_unlock(&capture->lock);
  if (status != 0)
    return status;

  struct job *job = job_new(request);
  if (job == NULL)
    return -ENOMEM;
  pthread_mutex_lock(&capture->lock);
  status = queue_job(capture, job, ret_path);
  pthread_mutex_unlock(&capture->lock);
  if (status == 0 || status == -ENOBUFS)
    http_loop_wake(capture->loop);
  if (status != 0)
    job_free(job);
  return status;
}

/* --- the log --- */

__attribute__((format(printf, 3, 4))) static void
log_line(const struct capture *capture, int severity, const char *format, ...) {
  char line[2048];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof(line), format, arguments);
  va_end(arguments);
  capture->options.log(capture->options.context, severity, line);
}

static const char *suppressed_text(uint32_t suppressed, char *dst, size_t size) {
  dst[0] = '\0';
  if (suppressed > 0)
    snprintf(dst, size, " (%" PRIu32 " more like this since the last line)", suppressed);
  return dst;
}

/* Each kind of failure is logged immediately, and then less and less often. */
static void log_failure(struct capture *capture, const struct writer_failure *failure) {
  char where[CAPTURE_PATH_MAX + 64], error[128], more[64];
  uint32_t suppressed;
  struct backoff *backoff =
      &capture->backoffs[failure->is_of_instance][-failure->error % ERRORS_MAX];
  if (!backoff_due(backoff, clock_monotonic_ns(), &suppressed))
    return;
  log_line(capture, LOG_ERR, "captures cannot be written: %s: %s; %s. It will be tried again%s",
           text_printable(where, sizeof(where), span_of(failure->where)),
           failure->is_over_cap ? "CaptureMaxSize is reached by captures of running processes"
                                : strerror_r(-failure->error, error, sizeof(error)),
           failure->is_over_cap ? "raise it, or delete some"
                                : directory_error_hint(failure->error),
           suppressed_text(suppressed, more, sizeof(more)));
}

static void log_recovery(struct capture *capture) {
  char where[CAPTURE_FOLDER_MAX * 4 + 1];
  bool has_failed = false;
  for (size_t i = 0; i < ERRORS_MAX; i++)
    has_failed = backoff_reset(&capture->backoffs[0][i]) || has_failed;
  if (has_failed)
    log_line(capture, LOG_NOTICE, "captures are written again, to %s",
             text_printable(where, sizeof(where), span_of(capture->folder)));
}

static void log_refused(struct capture *capture) {
  char more[64];
  uint32_t suppressed;
  pthread_mutex_lock(&capture->lock);
  uint64_t refused = capture->refused;
  capture->refused = 0;
  pthread_mutex_unlock(&capture->lock);
  if (refused == 0 || !backoff_due(&capture->queue_backoff, clock_monotonic_ns(), &suppressed))
    return;
  log_line(capture, LOG_WARNING,
           "%" PRIu64 " captures are left out: %d wait already; raise CaptureInterval if flags "
           "are raised so often%s",
           refused, QUEUE_MAX, suppressed_text(suppressed, more, sizeof(more)));
}

/* --- the thread --- */

static int record_baseline(void *context, pid_t pid, uint64_t start_ticks) {
  struct capture *capture = context;
  pthread_mutex_lock(&capture->lock);
  int status = ledger_record_baseline(&capture->ledger, pid, start_ticks);
  pthread_mutex_unlock(&capture->lock);
  return status;
}

/* Finds the baselines of an earlier run, and logs where captures are written. */
static void survey(struct capture *capture) {
  struct writer_failure failure = {0};
  uint64_t bundles, bytes;
  char where[CAPTURE_FOLDER_MAX * 4 + 1];
  int status =
      writer_survey(&capture->writer, record_baseline, capture, &bundles, &bytes, &failure);
  if (status == -ECANCELED)
    return;
  if (status != 0) {
    log_failure(capture, &failure);
    return;
  }
  log_line(capture, LOG_INFO,
           "captures go to %s; %" PRIu64 " are there, %" PRIu64 " of at most %" PRIu64 " MB",
           text_printable(where, sizeof(where), span_of(capture->folder)), bundles, bytes >> 20,
           capture->options.total_max_bytes >> 20);
}

/* For the answers to later requests. */
static void record_result(struct capture *capture, const struct capture_request *request,
                          int status) {
  struct ledger_key key = key_of(request);
  pthread_mutex_lock(&capture->lock);
  if (status != 0 && status != -EALREADY)
    ledger_record_failure(&capture->ledger, &key, request->monotonic_ms);
  else if (strcmp(request->reason, CAPTURE_BASELINE) == 0) /* has an entry: cannot fail */
    ledger_record_baseline(&capture->ledger, request->pid, request->start_ticks);
  pthread_mutex_unlock(&capture->lock);
}

static void work(struct capture *capture, const struct capture_request *request) {
  struct writer_failure failure = {0};
  int status = writer_write(&capture->writer, request, &failure);
  record_result(capture, request, status);
  if (status == 0)
    log_recovery(capture);
  else if (failure.error != 0)
    log_failure(capture, &failure);
}

static struct job *take_job(struct capture *capture) {
  pthread_mutex_lock(&capture->lock);
  struct job *job = TAILQ_FIRST(&capture->queue);
  if (job != NULL) {
    TAILQ_REMOVE(&capture->queue, job, link);
    capture->queued--;
  }
  pthread_mutex_unlock(&capture->lock);
  return job;
}

static void *run(void *argument) {
  struct capture *capture = argument;
  survey(capture);
  while (!atomic_load(&capture->stopping)) {
    log_refused(capture);
    struct job *job = take_job(capture);
    if (job != NULL) {
      work(capture, &job->request);
      job_free(job);
    } else if (http_loop_run(capture->loop, UINT64_MAX) < 0) { /* avoids a busy loop */
      nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL);
    }
  }
  return NULL;
}

/* --- start and end --- */

static void copy_folder(struct capture *capture, const char *folder) {
  int len = snprintf(capture->folder, sizeof(capture->folder), "%s", folder);
  while (len > 1 && capture->folder[len - 1] == '/')
    capture->folder[--len] = '\0';
}

static void capture_init(struct capture *capture, const struct capture_options *options) {
  capture->options = *options;
  copy_folder(capture, options->folder);
  TAILQ_INIT(&capture->queue);
  ledger_init(&capture->ledger);
  pthread_mutex_init(&capture->lock, NULL);
}

static int start_thread(struct capture *capture) {
  int status = http_loop_new(&capture->loop);
  if (status != 0)
    return status;
  capture->writer = (struct writer){
      .options = &capture->options,
      .folder = capture->folder,
      .loop = capture->loop,
      .stopping = &capture->stopping,
  };
  status = thread_start(&capture->thread, run, capture);
  if (status != 0)
    http_loop_free(capture->loop);
  return status;
}

int capture_new(const struct capture_options *options, struct capture **ret) {
  if (options->folder[0] != '/' || strlen(options->folder) > CAPTURE_FOLDER_MAX)
    return -EINVAL;
  struct capture *capture = calloc(1, sizeof(*capture));
  if (capture == NULL)
    return -ENOMEM;
  capture_init(capture, options);
  int status = start_thread(capture);
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

  while ((job = take_job(capture)) != NULL)
    job_free(job);
  http_loop_free(capture->loop);
  ledger_clear(&capture->ledger);
  pthread_mutex_destroy(&capture->lock);
  free(capture);
}
