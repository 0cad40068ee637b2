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
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/format.h"
#include "common/http.h"
#include "common/text.h"
#include "common/thread.h"
#include "sidecar/capture/directory.h"
#include "sidecar/capture/ledger.h"
#include "sidecar/capture/name.h"
#include "sidecar/capture/reading.h"
#include "sidecar/capture/writer.h"
#include "sidecar/os/listener.h"

enum {
  QUEUE_MAX = 64,
  ERRORS_MAX = 64, /* kinds of failure: errnos modulo this */
  PAUSES_MAX = 16, /* users whose captures are paused */
  CPU_MAX = 16,    /* CPU profiles that were not taken yet */
};

static const uint64_t FIRST_PAUSE_NS = 1000 * UINT64_C(1000000);
static const uint64_t LONGEST_PAUSE_NS = 60 * 1000 * UINT64_C(1000000);

/* The disk was full: profiles that cannot be kept are not taken. Of a user, because it may be
 * only his that are too large. */
struct pause {
  uid_t owner;
  uint64_t length_ns, ends_ns; /* 0: no pause */
};

/* A queued request. */
struct job {
  TAILQ_ENTRY(job) link;
  struct capture_request request;     /* its strings are owned */
  struct listener_proof pprof_server; /* the request's */
};

TAILQ_HEAD(job_queue, job);

struct capture {
  struct capture_options options;
  char folder[CAPTURE_FOLDER_MAX + 1]; /* without slashes at its end */
  struct http_loop *loop;              /* used by the thread; others only wake it */
  struct watchdog *watchdog;           /* used by the thread */
  pthread_t thread;
  atomic_bool stopping;

  atomic_bool wants_look;

  pthread_mutex_t lock;   /* protects the next eight; never held during I/O */
  struct job_queue queue; /* in the order of requests */
  unsigned queued;
  uid_t last_owner; /* whose turn was last */
  uint64_t refused; /* requests that found the queue full, not yet logged */
  struct ledger ledger;
  struct demands demands;           /* found, and not yet taken */
  struct captured_cpu cpu[CPU_MAX]; /* pid 0: none */
  size_t next_cpu;                  /* where the next one is kept */

  /* used only by the thread */
  struct writer writer;
  struct backoff queue_backoff;
  struct backoff backoffs[2][ERRORS_MAX]; /* of all captures, and of single instances */
  struct pause pauses[PAUSES_MAX];
  struct demand_watch demand_watch;
  int look_error; /* of the last look; 0: none */
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
  if (request->pprof_server != NULL) {
    job->pprof_server = *request->pprof_server;
    job->request.pprof_server = &job->pprof_server;
  }
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
  return (struct ledger_key){.pid = request->pid,
                             .start_ticks = request->start_ticks,
                             .reason = request->reason,
                             .is_failure = request->is_failure,
                             .round = request->round};
}

static unsigned queued_of(const struct capture *capture, uid_t owner) {
  const struct job *job;
  unsigned queued = 0;
  TAILQ_FOREACH(job, &capture->queue, link) {
    queued += job->request.owner == owner;
  }
  return queued;
}

static void unqueue(struct capture *capture, struct job *job) {
  TAILQ_REMOVE(&capture->queue, job, link);
  capture->queued--;
}

/* With the lock held. A user may start any number of processes: of a full queue each user has
 * his share. Returns whether there is room for one more of this user. */
static bool make_room(struct capture *capture, uid_t owner, uint64_t monotonic_ms) {
  struct job *job, *dropped = NULL;
  unsigned most = queued_of(capture, owner) + 1;
  if (capture->queued < QUEUE_MAX)
    return true;
  capture->refused++;
  TAILQ_FOREACH(job, &capture->queue, link) {
    unsigned queued = queued_of(capture, job->request.owner);
    if (queued > most || (queued == most && dropped != NULL)) { /* the newest of them */
      most = queued;
      dropped = job;
    }
  }
  if (dropped == NULL)
    return false;
  struct ledger_key key = key_of(&dropped->request);
  ledger_record_failure(&capture->ledger, &key, monotonic_ms);
  unqueue(capture, dropped);
  job_free(dropped);
  return true;
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
  if (!make_room(capture, request->owner, request->monotonic_ms))
    return -ENOBUFS;
  status = ledger_record_request(&capture->ledger, &key, request->monotonic_ms, min_interval_ms,
                                 &request->wall_time_ms);
  if (status != 0)
    return status;
  capture_name_path(capture->folder, request, ret_path);
  TAILQ_INSERT_TAIL(&capture->queue, job, link);
  capture->queued++;
  return 0;
}

int capture_check(struct capture *capture, const struct capture_request *request) {
  if (!capture_reason_is_valid(request->reason))
    return -EINVAL;
  struct ledger_key key = key_of(request);
  pthread_mutex_lock(&capture->lock);
  int status = ledger_check(&capture->ledger, &key, request->monotonic_ms,
                            capture->options.min_interval_ms);
  pthread_mutex_unlock(&capture->lock);
  return status;
}

int capture_request(struct capture *capture, const struct capture_request *request,
                    char ret_path[CAPTURE_PATH_MAX]) {
  int status = capture_check(capture, request); /* most end here, without a copy */
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

unsigned capture_waiting(struct capture *capture) {
  pthread_mutex_lock(&capture->lock);
  unsigned queued = capture->queued;
  pthread_mutex_unlock(&capture->lock);
  return queued;
}

void capture_look(struct capture *capture) {
  atomic_store(&capture->wants_look, true);
  http_loop_wake(capture->loop);
}

struct demands capture_take_demands(struct capture *capture) {
  pthread_mutex_lock(&capture->lock);
  struct demands demands = capture->demands;
  capture->demands.len = 0;
  pthread_mutex_unlock(&capture->lock);
  return demands;
}

bool capture_take_cpu(struct capture *capture, pid_t pid, uint64_t start_ticks,
                      struct captured_cpu *ret) {
  bool is_found = false;
  pthread_mutex_lock(&capture->lock);
  for (size_t i = 0; i < CPU_MAX; i++) {
    struct captured_cpu *cpu =
        &capture->cpu[(capture->next_cpu + i) % CPU_MAX]; /* oldest first */
    if (cpu->pid != pid || cpu->start_ticks != start_ticks)
      continue;
    is_found = true;
    *ret = *cpu;
    cpu->pid = 0;
  }
  pthread_mutex_unlock(&capture->lock);
  return is_found;
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
  char where[CAPTURE_PATH_MAX + 64], error[FORMAT_ERROR_SIZE], more[64];
  uint32_t suppressed;
  struct backoff *backoff =
      &capture->backoffs[failure->is_of_instance][-failure->error % ERRORS_MAX];
  if (!backoff_due(backoff, clock_monotonic_ns(), &suppressed))
    return;
  log_line(capture, LOG_ERR, "captures cannot be written: %s: %s; %s. It will be tried again%s",
           text_printable(where, sizeof(where), span_of(failure->where)),
           failure->is_over_cap ? "CaptureMaxSize is reached by captures of running processes"
                                : format_error(error, -failure->error),
           failure->is_over_cap ? "raise it, or delete some"
                                : directory_error_hint(failure->error, failure->is_parent),
           suppressed_text(suppressed, more, sizeof(more)));
}

static void log_recovery(struct capture *capture) {
  char where[CAPTURE_FOLDER_MAX * 4 + 1];
  bool has_failed = false;
  for (size_t i = 0; i < ERRORS_MAX; i++)
    has_failed = backoff_success(&capture->backoffs[0][i]) || has_failed;
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
  struct ledger_key key = {.pid = pid, .start_ticks = start_ticks, .reason = CAPTURE_BASELINE};
  pthread_mutex_lock(&capture->lock);
  int status = ledger_record_written(&capture->ledger, &key);
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

/* A file that cannot be removed is not a demand: otherwise it would be one at each look. */
static void log_stuck(struct capture *capture, const char *file, int error) {
  char path[CAPTURE_FOLDER_MAX + DEMAND_NAME_SIZE + 1], where[sizeof(path) * 4];
  char text[FORMAT_ERROR_SIZE];
  snprintf(path, sizeof(path), "%s/%s", capture->folder, file);
  log_line(capture, LOG_ERR,
           "%s cannot be removed: %s; nothing is captured for it until that is possible",
           text_printable(where, sizeof(where), span_of(path)), format_error(text, -error));
}

static int find_demands(struct capture *capture, struct demands *ret) {
  struct writer_failure failure = {0};
  char stuck[DEMAND_NAME_SIZE];
  autoclose(folder, -1);
  int status = writer_open_folder(&capture->writer, &folder, &failure);
  if (status != 0) {
    if (status != capture->look_error && failure.error != 0)
      log_failure(capture, &failure);
    return status;
  }
  status = demand_look(&capture->demand_watch, folder, ret, stuck);
  if (status != 0 && status != capture->look_error)
    log_stuck(capture, stuck, status);
  return status;
}

/* What was found before is taken first. */
static void look(struct capture *capture) {
  struct demands found = {.len = 0};
  pthread_mutex_lock(&capture->lock);
  bool is_full = capture->demands.len > 0;
  pthread_mutex_unlock(&capture->lock);
  if (is_full || !atomic_exchange(&capture->wants_look, false))
    return;
  capture->look_error = find_demands(capture, &found);
  if (found.len == 0)
    return;
  pthread_mutex_lock(&capture->lock);
  capture->demands = found;
  pthread_mutex_unlock(&capture->lock);
}

/* For the answers to later requests. */
static void record_result(struct capture *capture, const struct capture_request *request,
                          int status) {
  struct ledger_key key = key_of(request);
  pthread_mutex_lock(&capture->lock);
  if (status != 0 && status != -EALREADY)
    ledger_record_failure(&capture->ledger, &key, request->monotonic_ms);
  else if (capture_bundle_kind(request->reason) != BUNDLE_OF_FLAG) /* usually has an entry */
    ledger_record_written(&capture->ledger, &key);
  pthread_mutex_unlock(&capture->lock);
}

/* The user's, or the one that ended first, which is none if there is one left. */
static struct pause *pause_of(struct capture *capture, uid_t owner) {
  struct pause *first = &capture->pauses[0];
  for (size_t i = 0; i < PAUSES_MAX; i++) {
    struct pause *pause = &capture->pauses[i];
    if (pause->ends_ns > 0 && pause->owner == owner)
      return pause;
    if (pause->ends_ns < first->ends_ns)
      first = pause;
  }
  *first = (struct pause){.owner = owner};
  return first;
}

static bool disk_is_full(const struct writer_failure *failure) {
  int error = -failure->error;
  return (error == ENOSPC || error == EDQUOT || error == EFBIG) && !failure->is_over_cap;
}

static void lengthen(struct pause *pause) {
  pause->length_ns = pause->length_ns == 0 ? FIRST_PAUSE_NS : pause->length_ns * 2;
  if (pause->length_ns > LONGEST_PAUSE_NS)
    pause->length_ns = LONGEST_PAUSE_NS;
  pause->ends_ns = clock_monotonic_ns() + pause->length_ns;
}

/* The failure that led to a pause was logged: what is left out is not. */
static int write_unless_paused(struct capture *capture, const struct capture_request *request,
                               struct writer_failure *failure) {
  struct pause *pause = pause_of(capture, request->owner);
  if (clock_monotonic_ns() < pause->ends_ns)
    return -EAGAIN;
  int status = writer_write(&capture->writer, request, failure);
  if (status == 0)
    *pause = (struct pause){0};
  else if (disk_is_full(failure))
    lengthen(pause);
  return status;
}

/* For capture_take_cpu(), once the bundle is there. */
static void keep_cpu(struct capture *capture, const struct capture_request *request) {
  if (capture->writer.cpu.len == 0)
    return;
  pthread_mutex_lock(&capture->lock);
  struct captured_cpu *cpu = &capture->cpu[capture->next_cpu];
  *cpu = (struct captured_cpu){
      .pid = request->pid, .start_ticks = request->start_ticks, .profile = capture->writer.cpu};
  capture_name_path(capture->folder, request, cpu->path);
  capture->next_cpu = (capture->next_cpu + 1) % CPU_MAX;
  pthread_mutex_unlock(&capture->lock);
}

static void work(struct capture *capture, const struct capture_request *request) {
  struct writer_failure failure = {0};
  int status = write_unless_paused(capture, request, &failure);
  record_result(capture, request, status);
  if (status == 0)
    keep_cpu(capture, request);
  if (status == 0)
    log_recovery(capture);
  else if (failure.error != 0)
    log_failure(capture, &failure);
}

/* Users take turns in the order of their ids: how many come before this one. */
static uid_t turn_of(const struct capture *capture, const struct job *job) {
  return job->request.owner - capture->last_owner - 1;
}

static struct job *take_job(struct capture *capture) {
  struct job *job, *next = NULL;
  pthread_mutex_lock(&capture->lock);
  TAILQ_FOREACH(job, &capture->queue, link) {
    if (next == NULL || turn_of(capture, job) < turn_of(capture, next))
      next = job;
  }
  if (next != NULL) {
    capture->last_owner = next->request.owner;
    unqueue(capture, next);
  }
  pthread_mutex_unlock(&capture->lock);
  return next;
}

static void *run(void *argument) {
  struct capture *capture = argument;
  survey(capture);
  while (!atomic_load(&capture->stopping)) {
    log_refused(capture);
    watchdog_begin(capture->watchdog); /* closes what was left behind and has returned */
    look(capture);
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
  status = capture_watchdog_new(&capture->watchdog);
  if (status != 0) {
    http_loop_free(capture->loop);
    return status;
  }
  capture->writer = (struct writer){
      .options = &capture->options,
      .folder = capture->folder,
      .loop = capture->loop,
      .stopping = &capture->stopping,
      .watchdog = capture->watchdog,
  };
  status = thread_start(&capture->thread, "sidecar-capture", run, capture);
  if (status != 0) {
    watchdog_free(capture->watchdog, free, NULL);
    http_loop_free(capture->loop);
  }
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
  writer_end(&capture->writer);
  http_loop_free(capture->loop);
  ledger_clear(&capture->ledger);
  pthread_mutex_destroy(&capture->lock);
  /* what it left behind looks at stopping */
  if (watchdog_free(capture->watchdog, free, capture))
    free(capture);
}
