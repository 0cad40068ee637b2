/*
 * The HTTP client over libcurl's multi interface; see http.h. What libcurl leaves open is
 * closed here: the bytes of headers and body are counted, and a head that breaks off is an
 * error. Options and the meaning of libcurl's error codes stand in http_easy.h.
 */
#include "common/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/http_easy.h"
#include "common/text.h"

enum {
  HEADERS_MAX_BYTES = 64 * 1024, /* all of a response's; Go's own limit is 1 MiB */
  RUN_MAX_MS = 3600 * 1000,
};

struct transfer {
  struct transfer *next;
  struct http_loop *loop;
  CURL *easy;
  struct curl_slist *headers;
  http_body_fn on_body;
  http_done_fn on_done;
  void *context;
  size_t max_bytes;
  bool want_error_body;
  bool headers_complete;
  bool canceled;
  uint64_t started_ns;
  uint64_t header_bytes, body_bytes;
  int error; /* why a callback ended the transfer */
  char curl_reason[CURL_ERROR_SIZE];
};

struct http_loop {
  CURLM *multi;
  struct transfer *transfers;
  unsigned active;
  bool closing;
};

/* ---- what libcurl calls ---- */

static size_t transfer_on_header(char *line, size_t size, size_t count, void *user) {
  struct transfer *t = user;
  size_t len = size * count;

  t->header_bytes += len;
  if (t->header_bytes > HEADERS_MAX_BYTES) {
    t->error = -EMSGSIZE;
    return 0;
  }
  /* "100 Continue" ends in an empty line too: what counts is the last head */
  if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
    t->headers_complete = false;
  else if (len == 0 || line[0] == '\r' || line[0] == '\n')
    t->headers_complete = true;
  return len;
}

static size_t transfer_on_body(char *bytes, size_t size, size_t count, void *user) {
  struct transfer *t = user;
  size_t len = size * count;

  if (len > t->max_bytes - t->body_bytes) {
    t->error = -EMSGSIZE;
    return 0;
  }
  t->body_bytes += len;
  if (t->on_body == NULL || len == 0)
    return len;
  if (!t->want_error_body) {
    long status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200 || status > 299)
      return len;
  }
  t->error = t->on_body(t->context, bytes, len);
  /* any number but len ends the transfer */
  return t->error == 0 ? len : 0;
}

/* ---- one transfer ---- */

static void transfer_free(struct transfer *t) {
  if (t == NULL)
    return;
  if (t->easy != NULL)
    curl_easy_cleanup(t->easy);
  curl_slist_free_all(t->headers);
  free(t);
}

static int transfer_set_up(struct transfer *t, const struct http_request *request) {
  if (curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t) != CURLE_OK ||
      curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->curl_reason) != CURLE_OK ||
      curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, transfer_on_header) != CURLE_OK ||
      curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t) != CURLE_OK ||
      curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, transfer_on_body) != CURLE_OK ||
      curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t) != CURLE_OK)
    return -EINVAL;
  return http_easy_set_up(t->easy, request, &t->headers);
}

static void describe(const struct transfer *t, CURLcode code, struct http_result *result) {
  char text[128];
  const char *reason = t->curl_reason;

  if (result->error == 0)
    return;
  if (result->error == -EMSGSIZE)
    reason = t->headers_complete ? "the response is too long" : "the headers are too long";
  else if (t->error != 0)
    reason = strerror_r(-t->error, text, sizeof(text));
  else if (code == CURLE_OK)
    reason = "connection closed within the headers";
  else if (reason[0] == '\0')
    reason = curl_easy_strerror(code);
  text_printable(result->reason, sizeof(result->reason), span_of(reason));
}

static void transfer_unlink(struct transfer *t) {
  struct transfer **link = &t->loop->transfers;
  while (*link != t)
    link = &(*link)->next;
  *link = t->next;
  t->loop->active--;
}

/* The transfer is over: it is gone from the loop before the caller hears of it. */
static void transfer_finish(struct transfer *t, CURLcode code) {
  struct http_result result = {.retry_after_seconds = -1};
  curl_off_t retry_after = 0;

  result.error = t->error != 0 ? t->error : http_easy_error(t->easy, code, t->headers_complete);
  result.bytes = t->body_bytes;
  result.duration_ns = clock_monotonic_ns() - t->started_ns;
  curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &result.status);
  if (curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &retry_after) == CURLE_OK &&
      retry_after > 0)
    result.retry_after_seconds = retry_after > LONG_MAX ? LONG_MAX : (long)retry_after;
  describe(t, code, &result);

  curl_multi_remove_handle(t->loop->multi, t->easy);
  transfer_unlink(t);
  http_done_fn on_done = t->on_done;
  void *context = t->context;
  transfer_free(t);
  on_done(context, &result);
}

/* ---- the loop ---- */

static pthread_once_t global_once = PTHREAD_ONCE_INIT;
static CURLcode global_code;

static void global_init(void) {
  global_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

int http_loop_new(struct http_loop **ret) {
  pthread_once(&global_once, global_init);
  if (global_code != CURLE_OK)
    return global_code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EIO;

  struct http_loop *loop = calloc(1, sizeof(*loop));
  if (loop == NULL)
    return -ENOMEM;
  loop->multi = curl_multi_init();
  if (loop->multi == NULL) {
    free(loop);
    return -ENOMEM;
  }
  *ret = loop;
  return 0;
}

/* Marks first and ends then: what on_done adds meanwhile is not meant. */
static unsigned loop_cancel(struct http_loop *loop, const void *context, bool all) {
  unsigned count = 0;

  for (struct transfer *t = loop->transfers; t != NULL; t = t->next)
    t->canceled = all || t->context == context;

  struct transfer *t = loop->transfers;
  while (t != NULL) {
    if (!t->canceled) {
      t = t->next;
      continue;
    }
    t->error = -ECANCELED;
    transfer_finish(t, CURLE_ABORTED_BY_CALLBACK);
    count++;
    t = loop->transfers; /* on_done may have changed the list in any way */
  }
  return count;
}

unsigned http_loop_cancel(struct http_loop *loop, const void *context) {
  return loop_cancel(loop, context, false);
}

void http_loop_free(struct http_loop *loop) {
  if (loop == NULL)
    return;
  loop->closing = true;
  loop_cancel(loop, NULL, true);
  curl_multi_cleanup(loop->multi);
  free(loop);
}

static bool is_web_url(const char *url) {
  return url != NULL &&
         (strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0);
}

int http_loop_add(struct http_loop *loop, const struct http_request *request) {
  if (loop->closing)
    return -ECANCELED;
  if (!is_web_url(request->url) || request->timeout_ms == 0 || request->on_done == NULL)
    return -EINVAL;

  struct transfer *t = calloc(1, sizeof(*t));
  if (t == NULL)
    return -ENOMEM;
  t->loop = loop;
  t->on_body = request->on_body;
  t->on_done = request->on_done;
  t->context = request->context;
  t->max_bytes = request->max_bytes;
  t->want_error_body = request->want_error_body;
  t->started_ns = clock_monotonic_ns();
  t->easy = curl_easy_init();
  int status = t->easy == NULL ? -ENOMEM : transfer_set_up(t, request);
  if (status == 0) {
    CURLMcode code = curl_multi_add_handle(loop->multi, t->easy);
    if (code != CURLM_OK)
      status = code == CURLM_OUT_OF_MEMORY ? -ENOMEM : -EIO;
  }
  if (status != 0) {
    transfer_free(t);
    return status;
  }
  t->next = loop->transfers;
  loop->transfers = t;
  loop->active++;
  return 0;
}

/* Moves the transfers on. Returns how many ended, or -EIO. */
static int loop_step(struct http_loop *loop) {
  int running = 0, waiting = 0, ended = 0;
  CURLMsg *message;

  if (curl_multi_perform(loop->multi, &running) != CURLM_OK)
    return -EIO;
  while ((message = curl_multi_info_read(loop->multi, &waiting)) != NULL) {
    struct transfer *t = NULL;
    CURLcode code = message->data.result;
    if (message->msg != CURLMSG_DONE)
      continue;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
    transfer_finish(t, code); /* message is gone after this */
    ended++;
  }
  return ended;
}

int http_loop_run(struct http_loop *loop, uint64_t timeout_ms) {
  int ended = loop_step(loop);
  if (ended == 0) {
    int wait_ms = timeout_ms > RUN_MAX_MS ? RUN_MAX_MS : (int)timeout_ms;
    if (curl_multi_poll(loop->multi, NULL, 0, wait_ms, NULL) != CURLM_OK)
      return -EIO;
    ended = loop_step(loop);
  }
  return ended < 0 ? ended : (int)loop->active;
}

void http_loop_wake(struct http_loop *loop) {
  curl_multi_wakeup(loop->multi);
}
