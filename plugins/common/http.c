/*
 * The HTTP client over libcurl's multi interface; see http.h. From top to bottom: a request as
 * libcurl's options, libcurl's error codes as errno, one transfer, those without progress, the
 * loop. Checks that libcurl lacks are done here: the sizes of headers and body are limited, and
 * a truncated head is an error.
 */
#include "common/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/format.h"
#include "common/text.h"

enum {
  HEADERS_MAX_BYTES = 64 * 1024, /* of a response; Go's own limit is 1 MiB */
  BUFFER_BYTES = 16 * 1024,      /* in each direction; libcurl's defaults are 16 and 64 KiB */
  RUN_MAX_MS = 3600 * 1000,
};

struct transfer {
  struct transfer *next;
  struct http_loop *loop;
  CURL *easy;
  struct curl_slist *headers;
  int (*on_connect)(void *context);
  http_body_fn on_body;
  http_done_fn on_done;
  void *context;
  size_t max_bytes;
  bool want_error_body;
  bool headers_complete;
  bool canceled;
  uint64_t started_ns;
  uint64_t stall_ns, progress_ns; /* the limit, and when something last arrived */
  uint64_t header_bytes, body_bytes;
  int64_t date_seconds;
  int error; /* why a callback ended the transfer */
  char curl_reason[CURL_ERROR_SIZE];
};

struct http_loop {
  CURLM *multi;
  struct transfer *transfers;
  unsigned active;
  bool closing;
};

/* ---- a request as libcurl's options ---- */

/* Collects the first error of a run of setopt calls, so that each stays one line. */
static void keep_first(CURLcode *first, CURLcode code) {
  if (*first == CURLE_OK)
    *first = code;
}

#define SET(option, value) keep_first(&code, curl_easy_setopt(easy, option, value))

static CURLcode set_limits(CURL *easy, const struct http_request *request) {
  CURLcode code = CURLE_OK;
  long timeout_ms = request->timeout_ms > LONG_MAX ? LONG_MAX : (long)request->timeout_ms;

  SET(CURLOPT_TIMEOUT_MS, timeout_ms);
  SET(CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
  SET(CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
  /* without it ending a transfer waits for a name server that does not respond */
  SET(CURLOPT_QUICK_EXIT, 1L);
#endif
  SET(CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
  SET(CURLOPT_UPLOAD_BUFFERSIZE, (long)BUFFER_BYTES);
  /* rejects a body that announces a larger size; the callback counts those that do not */
  SET(CURLOPT_MAXFILESIZE_LARGE,
      (curl_off_t)(request->max_bytes > INT64_MAX ? INT64_MAX : request->max_bytes));
  return code;
}

static CURLcode set_isolation(CURL *easy) {
  CURLcode code = CURLE_OK;

  SET(CURLOPT_PROXY, "");
  SET(CURLOPT_NOPROXY, "*");
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  SET(CURLOPT_HTTP09_ALLOWED, 0L);
  SET(CURLOPT_FRESH_CONNECT, 1L);
  SET(CURLOPT_FORBID_REUSE, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
  SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
  SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
  return code;
}

static CURLcode set_access(CURL *easy, const struct http_request *request) {
  CURLcode code = CURLE_OK;

  if (request->user != NULL) {
    SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    SET(CURLOPT_USERNAME, request->user);
    SET(CURLOPT_PASSWORD, request->password != NULL ? request->password : "");
  }
  if (request->ca_file != NULL)
    SET(CURLOPT_CAINFO, request->ca_file);
  if (request->client_certificate != NULL)
    SET(CURLOPT_SSLCERT, request->client_certificate);
  if (request->client_key != NULL)
    SET(CURLOPT_SSLKEY, request->client_key);
  if (request->insecure) {
    SET(CURLOPT_SSL_VERIFYPEER, 0L);
    SET(CURLOPT_SSL_VERIFYHOST, 0L);
  }
  return code;
}

static CURLcode add_header(struct curl_slist **headers, const char *line) {
  struct curl_slist *longer = curl_slist_append(*headers, line);
  if (longer == NULL)
    return CURLE_OUT_OF_MEMORY;
  *headers = longer;
  return CURLE_OK;
}

/* start is the name with its colon, and what belongs in front of the value. */
static CURLcode add_field(struct curl_slist **headers, const char *start, const char *value) {
  autofree(char, line, NULL);
  if (asprintf(&line, "%s %s", start, value) < 0) {
    line = NULL;
    return CURLE_OUT_OF_MEMORY;
  }
  return add_header(headers, line);
}

static CURLcode set_message(CURL *easy, const struct http_request *request,
                            struct curl_slist **headers) {
  CURLcode code = CURLE_OK;

  keep_first(&code, add_header(headers, "Connection: close"));
  if (request->post_body != NULL) {
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->post_len);
    SET(CURLOPT_POSTFIELDS, request->post_body);
    /* a server that does not support 100-continue would delay us by a second */
    keep_first(&code, add_header(headers, "Expect:"));
  }
  if (request->post_body != NULL && request->content_type != NULL)
    keep_first(&code, add_field(headers, "Content-Type:", request->content_type));
  if (request->bearer_token != NULL)
    keep_first(&code, add_field(headers, "Authorization: Bearer", request->bearer_token));
  for (size_t i = 0; i < request->headers_len; i++)
    keep_first(&code, add_header(headers, request->headers[i]));
  SET(CURLOPT_HTTPHEADER, *headers);
  SET(CURLOPT_URL, request->url);
  return code;
}

#undef SET

/* Sets all options but the callbacks. *headers must live as long as the handle, and must be
 * freed even after an error. Returns 0, -ENOMEM or -EINVAL. */
static int set_options(CURL *easy, const struct http_request *request,
                       struct curl_slist **headers) {
  CURLcode code = CURLE_OK;

  keep_first(&code, set_limits(easy, request));
  keep_first(&code, set_isolation(easy));
  keep_first(&code, set_access(easy, request));
  keep_first(&code, set_message(easy, request, headers));
  if (code == CURLE_OK)
    return 0;
  return code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
}

/* ---- libcurl's error codes as errno ---- */

static int error_of_connect(CURL *easy) {
  long os_error = 0;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
  switch (os_error) {
  case ECONNREFUSED:
  case ETIMEDOUT:
  case ECONNRESET:
    return -(int)os_error;
  default:
    return -EHOSTUNREACH;
  }
}

/* libcurl has one code for a broken connection and for malformed chunks. */
static int error_of_receive(CURL *easy) {
  long os_error = 0;
  char *scheme = NULL;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
  curl_easy_getinfo(easy, CURLINFO_SCHEME, &scheme);
  bool is_tls = scheme != NULL && strcasecmp(scheme, "https") == 0;
  return os_error != 0 || is_tls ? -ECONNRESET : -EPROTO;
}

/* Older versions report "out of memory" when a single header line exceeds their own limit. */
static int error_of_memory(CURL *easy, bool headers_complete) {
  curl_off_t first_byte_us = 0;
  curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME_T, &first_byte_us);
  return first_byte_us > 0 && !headers_complete ? -EMSGSIZE : -ENOMEM;
}

/* The error of struct http_result for the result of a transfer. headers_complete: the head of
 * the response was complete. */
static int error_of(CURL *easy, CURLcode code, bool headers_complete) {
  switch (code) {
  case CURLE_OK:
    /* libcurl accepts a truncated head */
    return headers_complete ? 0 : -ECONNRESET;
  case CURLE_OPERATION_TIMEDOUT:
    return -ETIMEDOUT;
  case CURLE_COULDNT_CONNECT:
    return error_of_connect(easy);
  case CURLE_COULDNT_RESOLVE_HOST:
    return -EHOSTUNREACH;
  case CURLE_RECV_ERROR:
    return error_of_receive(easy);
  case CURLE_PARTIAL_FILE:
  case CURLE_GOT_NOTHING:
  case CURLE_SEND_ERROR:
    return -ECONNRESET;
  case CURLE_FILESIZE_EXCEEDED:
#if LIBCURL_VERSION_NUM >= 0x080600
  case CURLE_TOO_LARGE:
#endif
    return -EMSGSIZE;
  case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9 */
  case CURLE_WEIRD_SERVER_REPLY:
  case CURLE_BAD_CONTENT_ENCODING:
  case CURLE_HTTP2:
  case CURLE_SSL_CONNECT_ERROR:
    return -EPROTO;
  case CURLE_SSL_CACERT_BADFILE:
    return -ENOKEY;
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_CRL_BADFILE:
  case CURLE_SSL_INVALIDCERTSTATUS:
    return -EACCES;
  case CURLE_OUT_OF_MEMORY:
    return error_of_memory(easy, headers_complete);
  default:
    return -EIO;
  }
}

/* ---- callbacks of libcurl ---- */

/* The date of a "Date:" line, 0 for any other line; RFC 9110, 6.6.1. */
static int64_t date_of(const char *line, size_t len) {
  static const char name[] = "Date:";
  char value[64];
  if (len < sizeof(name) || len - strlen(name) >= sizeof(value) ||
      strncasecmp(line, name, strlen(name)) != 0)
    return 0;
  len -= strlen(name);
  memcpy(value, line + strlen(name), len);
  value[len] = '\0';
  int64_t seconds = curl_getdate(value, NULL);
  return seconds > 0 && seconds <= CLOCK_LAST_SECONDS ? seconds : 0;
}

static bool may_connect(struct transfer *t) {
  t->progress_ns = clock_monotonic_ns();
  if (t->on_connect != NULL)
    t->error = t->on_connect(t->context);
  return t->error == 0;
}

#if LIBCURL_VERSION_NUM >= 0x075000
static int before_request(void *user, char *address, char *own_address, int port,
                          int own_port) {
  (void)address;
  (void)own_address;
  (void)port;
  (void)own_port;
  return may_connect(user) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}
#endif

/* libcurl's own sockets would be inherited by the programs that other plugins start. */
static curl_socket_t open_socket(void *user, curlsocktype purpose,
                                 struct curl_sockaddr *address) {
  (void)purpose;
#if LIBCURL_VERSION_NUM >= 0x075000
  (void)user;
#else
  if (!may_connect(user))
    return CURL_SOCKET_BAD;
#endif
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t transfer_on_header(char *line, size_t size, size_t count, void *user) {
  struct transfer *t = user;
  size_t len = size * count;

  t->progress_ns = clock_monotonic_ns();
  t->header_bytes += len;
  if (t->header_bytes > HEADERS_MAX_BYTES) {
    t->error = -EMSGSIZE;
    return 0;
  }
  /* "100 Continue" ends in an empty line, too: only the last head counts */
  if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
    t->headers_complete = false;
  else if (len == 0 || line[0] == '\r' || line[0] == '\n')
    t->headers_complete = true;
  else if (!t->headers_complete && t->date_seconds == 0)
    t->date_seconds = date_of(line, len);
  return len;
}

static size_t transfer_on_body(char *bytes, size_t size, size_t count, void *user) {
  struct transfer *t = user;
  size_t len = size * count;

  if (len > t->max_bytes - t->body_bytes) {
    t->error = -EMSGSIZE;
    return 0;
  }
  t->progress_ns = clock_monotonic_ns();
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
      curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) != CURLE_OK ||
      curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t) != CURLE_OK ||
#if LIBCURL_VERSION_NUM >= 0x075000
      curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, before_request) != CURLE_OK ||
      curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t) != CURLE_OK ||
#endif
      curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, transfer_on_header) != CURLE_OK ||
      curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t) != CURLE_OK ||
      curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, transfer_on_body) != CURLE_OK ||
      curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t) != CURLE_OK)
    return -EINVAL;
  return set_options(t->easy, request, &t->headers);
}

static void describe(const struct transfer *t, CURLcode code, struct http_result *result) {
  char text[FORMAT_ERROR_SIZE];
  const char *reason = t->curl_reason;

  if (result->error == 0)
    return;
  if (result->error == -EMSGSIZE)
    reason = t->headers_complete ? "the response is too long" : "the headers are too long";
  else if (t->error != 0)
    reason = format_error(text, -t->error);
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

/* The transfer is complete: it is removed from the loop before the caller is notified. */
static void transfer_finish(struct transfer *t, CURLcode code) {
  struct http_result result = {.retry_after_seconds = -1};
  curl_off_t retry_after = 0;

  result.error = t->error != 0 ? t->error : error_of(t->easy, code, t->headers_complete);
  result.bytes = t->body_bytes;
  result.date_seconds = t->date_seconds;
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

/* ---- transfers without progress ---- */

enum { STALL_MAX_MS = 24 * 3600 * 1000 };

static bool is_stalled(const struct transfer *t, uint64_t now_ns) {
  return t->stall_ns > 0 && now_ns - t->progress_ns >= t->stall_ns;
}

/* Ends them. Returns how many there were. */
static int end_stalled(struct http_loop *loop) {
  uint64_t now_ns = clock_monotonic_ns();
  int ended = 0;
  struct transfer *t = loop->transfers;
  while (t != NULL) {
    if (!is_stalled(t, now_ns)) {
      t = t->next;
      continue;
    }
    snprintf(t->curl_reason, sizeof(t->curl_reason),
             "no progress for %.1f s, bytes so far: %llu",
             (double)(now_ns - t->progress_ns) / 1e9, (unsigned long long)t->body_bytes);
    transfer_finish(t, CURLE_OPERATION_TIMEDOUT);
    ended++;
    t = loop->transfers; /* on_done may have changed the list */
  }
  return ended;
}

/* Until the next one may be stalled, at most max_ms. */
static uint64_t until_stalled_ms(const struct http_loop *loop, uint64_t max_ms) {
  uint64_t now_ns = clock_monotonic_ns();
  for (const struct transfer *t = loop->transfers; t != NULL; t = t->next) {
    if (t->stall_ns == 0)
      continue;
    uint64_t passed_ns = now_ns - t->progress_ns;
    uint64_t left_ms = passed_ns < t->stall_ns ? (t->stall_ns - passed_ns) / 1000000 + 1 : 0;
    if (left_ms < max_ms)
      max_ms = left_ms;
  }
  return max_ms;
}

/* ---- the loop ---- */

static pthread_once_t global_once = PTHREAD_ONCE_INIT;
static CURLcode global_code;

static void global_init(void) {
  global_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool is_inherited(int fd) {
  int flags = fcntl(fd, F_GETFD);
  return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

static bool is_unix_socket(int fd) {
  struct sockaddr_storage address;
  socklen_t len = sizeof(address);
  return getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
         address.ss_family == AF_UNIX;
}

/*
 * libcurl makes a pair of sockets to be woken by, which other plugins' programs would inherit
 * with its older versions; they have no option for it and do not tell the numbers. So these are
 * the sockets of that kind that were not there before. If another thread makes one in the same
 * microseconds it is changed as well, which matters only if it is meant to be inherited under
 * the same number.
 */
static CURLM *multi_new(void) {
  enum { FDS_MAX = 4096 }; /* the lowest free numbers are used first */
  bool was_inherited[FDS_MAX];
  for (int fd = 0; fd < FDS_MAX; fd++)
    was_inherited[fd] = is_inherited(fd);
  CURLM *multi = curl_multi_init();
  for (int fd = 0; fd < FDS_MAX; fd++) {
    if (!was_inherited[fd] && is_inherited(fd) && is_unix_socket(fd))
      fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  return multi;
}

int http_loop_new(struct http_loop **ret) {
  pthread_once(&global_once, global_init);
  if (global_code != CURLE_OK)
    return global_code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EIO;

  struct http_loop *loop = calloc(1, sizeof(*loop));
  if (loop == NULL)
    return -ENOMEM;
  loop->multi = multi_new();
  if (loop->multi == NULL) {
    free(loop);
    return -ENOMEM;
  }
  *ret = loop;
  return 0;
}

/* First marks, then ends them, so that transfers added by on_done are not cancelled. */
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
    t = loop->transfers; /* on_done may have changed the list */
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
  t->on_connect = request->on_connect;
  t->on_body = request->on_body;
  t->on_done = request->on_done;
  t->context = request->context;
  t->max_bytes = request->max_bytes;
  t->want_error_body = request->want_error_body;
  t->started_ns = t->progress_ns = clock_monotonic_ns();
  t->stall_ns = (request->stall_ms < STALL_MAX_MS ? request->stall_ms : STALL_MAX_MS) * 1000000;
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

/* Advances the transfers. Returns how many ended, or -EIO. */
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
    transfer_finish(t, code); /* message is invalid after this */
    ended++;
  }
  return ended + end_stalled(loop);
}

int http_loop_run(struct http_loop *loop, uint64_t timeout_ms) {
  int ended = loop_step(loop);
  if (ended == 0) {
    int wait_ms =
        (int)until_stalled_ms(loop, timeout_ms > RUN_MAX_MS ? RUN_MAX_MS : timeout_ms);
    if (curl_multi_poll(loop->multi, NULL, 0, wait_ms, NULL) != CURLM_OK)
      return -EIO;
    ended = loop_step(loop);
  }
  return ended < 0 ? ended : (int)loop->active;
}

void http_loop_wake(struct http_loop *loop) {
  curl_multi_wakeup(loop->multi);
}
