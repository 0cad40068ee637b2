/*
 * The captures' thread: takes requests from the queue, has them written, and says what went
 * wrong, once; see capture.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "common/clock.h"
#include "common/text.h"
#include "sidecar/capture/directory.h"
#include "sidecar/capture/writer.h"

/* --- what is said --- */

__attribute__((format(printf, 3, 4))) static void say(struct capture *capture, int severity,
                                                      const char *format, ...) {
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

/* Each kind of trouble is said once, and then ever less often. */
static void say_trouble(struct capture *capture, const struct trouble *trouble) {
  char where[CAPTURE_PATH_MAX + 64], error[128], more[64];
  uint32_t suppressed;
  struct backoff *backoff =
      &capture->backoffs[trouble->is_of_instance][-trouble->error % CAPTURE_ERRORS];
  if (!backoff_due(backoff, clock_monotonic_ns(), &suppressed))
    return;
  say(capture, LOG_ERR, "captures cannot be written: %s: %s; %s. It is tried again%s",
      text_printable(where, sizeof(where), span_of(trouble->where)),
      trouble->is_over_cap ? "CaptureMaxBytes is reached by captures of running processes"
                           : strerror_r(-trouble->error, error, sizeof(error)),
      trouble->is_over_cap ? "raise it, or remove some" : directory_error_hint(trouble->error),
      suppressed_text(suppressed, more, sizeof(more)));
}

static void say_it_works(struct capture *capture) {
  char where[CAPTURE_FOLDER_MAX * 4 + 1];
  bool complained = false;
  for (size_t i = 0; i < CAPTURE_ERRORS; i++)
    complained = backoff_reset(&capture->backoffs[0][i]) || complained;
  if (complained)
    say(capture, LOG_NOTICE, "captures are written again, to %s",
        text_printable(where, sizeof(where), span_of(capture->folder)));
}

static void say_refused(struct capture *capture) {
  char more[64];
  uint32_t suppressed;
  pthread_mutex_lock(&capture->lock);
  uint64_t refused = capture->refused;
  capture->refused = 0;
  pthread_mutex_unlock(&capture->lock);
  if (refused == 0 || !backoff_due(&capture->queue_backoff, clock_monotonic_ns(), &suppressed))
    return;
  say(capture, LOG_WARNING,
      "%" PRIu64 " captures are left out: %d wait already; raise CaptureInterval if flags turn "
      "so often%s",
      refused, CAPTURE_QUEUE_MAX, suppressed_text(suppressed, more, sizeof(more)));
}

static void say_where(struct capture *capture) {
  struct trouble trouble = {0};
  uint64_t bundles, bytes;
  char where[CAPTURE_FOLDER_MAX * 4 + 1];
  int status = writer_look(capture, &bundles, &bytes, &trouble);
  if (status == -ECANCELED)
    return;
  if (status != 0) {
    say_trouble(capture, &trouble);
    return;
  }
  say(capture, LOG_INFO,
      "captures go to %s; %" PRIu64 " are there, %" PRIu64 " of at most %" PRIu64 " MB",
      text_printable(where, sizeof(where), span_of(capture->folder)), bundles, bytes >> 20,
      capture->options.total_max_bytes >> 20);
}

/* --- what is done --- */

/* What became of it, for the answers to later requests. */
static void remember(struct capture *capture, const struct job *job, int status) {
  const struct capture_request *request = &job->request;
  struct ledger_key key = {request->pid, request->start_ticks, request->reason};
  pthread_mutex_lock(&capture->lock);
  if (status != 0 && status != -EALREADY)
    ledger_record_failure(&capture->ledger, &key, request->monotonic_ms);
  else if (strcmp(request->reason, CAPTURE_BASELINE) == 0)
    ledger_record_baseline(&capture->ledger, request->pid,
                           request->start_ticks); /* it is known */
  pthread_mutex_unlock(&capture->lock);
}

static void work(struct capture *capture, const struct job *job) {
  struct trouble trouble = {0};
  int status = writer_write(capture, job, &trouble);
  remember(capture, job, status);
  if (status == 0)
    say_it_works(capture);
  else if (trouble.error != 0)
    say_trouble(capture, &trouble);
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

void *capture_thread(void *argument) {
  struct capture *capture = argument;
  say_where(capture);
  while (!atomic_load(&capture->stopping)) {
    say_refused(capture);
    struct job *job = take_job(capture);
    if (job != NULL) {
      work(capture, job);
      job_free(job);
    } else if (http_loop_run(capture->loop, UINT64_MAX) < 0) { /* do not spin */
      nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL);
    }
  }
  return NULL;
}
