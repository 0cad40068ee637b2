/*
 * The contract of http.h without libcurl, for who asks only numeric addresses over plain
 * HTTP with GET: libcurl brings some thirty libraries (8 MB resident, 1.2 MB of them the
 * process's own) into a daemon that may have no other use for them, and 40 kB a transfer.
 * Other requests are refused with -EINVAL. What a response is stands in http_response.h.
 */
#include "common/http.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http_response.h"
#include "common/http_url.h"
#include "common/text.h"

enum {
  RECEIVE_BUFFER_BYTES = 32 * 1024, /* one for all transfers */
  RECEIVES_A_TURN = 8,              /* then the other transfers get theirs */
  REQUEST_MAX_BYTES = 512,
  RUN_MAX_MS = 3600 * 1000,
};

struct transfer {
  struct transfer *next;
  int fd;
  short events; /* what poll(2) is to wait for */
  bool over;    /* to be finished in this turn */
  int error;    /* 0 while under way; ENDED_WELL when the response is complete */
  const char *doing;
  uint64_t started_ns, deadline_ns;
  size_t request_len, request_sent;
  http_done_fn on_done;
  void *context;
  struct http_response response;
  char request[REQUEST_MAX_BYTES];
};

enum { ENDED_WELL = 1 };

struct http_loop {
  struct transfer *transfers;
  unsigned active;
  bool closing;
  int wake_pipe[2];     /* both ends do not block */
  struct pollfd *polls; /* the pipe's, then one a transfer, in the list's order */
  unsigned polls_capacity;
  char received[RECEIVE_BUFFER_BYTES];
};

/* ---- one transfer ---- */

static void transfer_free(struct transfer *t) {
  if (t == NULL)
    return;
  if (t->fd >= 0)
    close(t->fd);
  free(t);
}

static int error_of_connect(int os_error) {
  switch (os_error) {
  case ECONNREFUSED:
  case ETIMEDOUT:
  case ECONNRESET:
    return -os_error;
  default:
    return -EHOSTUNREACH;
  }
}

static int write_request(struct transfer *t, const struct http_url *url) {
  int len =
      snprintf(t->request, sizeof(t->request),
               "GET %.*s HTTP/1.1\r\nHost: %.*s\r\nAccept: */*\r\nConnection: close\r\n\r\n",
               (int)url->path.len, url->path.at, (int)url->authority.len, url->authority.at);
  if (len < 0 || (size_t)len >= sizeof(t->request))
    return -EINVAL;
  t->request_len = (size_t)len;
  return 0;
}

/* What goes wrong from here on is told in the transfer's result. */
static int transfer_connect(struct transfer *t, const struct http_url *url) {
  t->fd = socket(url->address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (t->fd < 0)
    return -errno;
  t->events = POLLOUT;
  t->doing = "connecting";
  if (connect(t->fd, &url->address.any, url->address_len) != 0 && errno != EINPROGRESS)
    t->error = error_of_connect(errno);
  return 0;
}

static void transfer_send(struct transfer *t) {
  int os_error = 0;
  socklen_t len = sizeof(os_error);
  if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &os_error, &len) != 0)
    os_error = errno;
  if (os_error != 0) {
    t->error = error_of_connect(os_error);
    return;
  }

  t->doing = "sending the request";
  ssize_t n =
      send(t->fd, t->request + t->request_sent, t->request_len - t->request_sent, MSG_NOSIGNAL);
  if (n > 0)
    t->request_sent += (size_t)n;
  /* one that hangs up early may have answered all the same: read what there is */
  bool failed = n < 0 && errno != EAGAIN && errno != EINTR;
  if (failed || t->request_sent == t->request_len) {
    t->events = POLLIN;
    t->doing = "waiting for the response";
  }
}

static void transfer_receive(struct transfer *t, char *buffer) {
  for (unsigned i = 0; i < RECEIVES_A_TURN && t->error == 0; i++) {
    ssize_t n = recv(t->fd, buffer, RECEIVE_BUFFER_BYTES, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    t->doing = "reading the response";
    if (n < 0)
      t->error = -ECONNRESET;
    else if (n > 0)
      t->error = http_response_feed(&t->response, buffer, (size_t)n);
    else if ((t->error = http_response_close(&t->response)) == 0)
      t->error = ENDED_WELL;
    if (n < RECEIVE_BUFFER_BYTES)
      return; /* most likely there is no more: let poll(2) say so */
  }
}

static void describe(const struct transfer *t, struct http_result *result) {
  char text[128], line[256];
  const char *what = strerror_r(-result->error, text, sizeof(text));
  switch (result->error) {
  case 0:
    return;
  case -EMSGSIZE:
    what = t->response.state == HTTP_RESPONSE_HEAD ? "the headers are too long"
                                                   : "the response is too long";
    break;
  case -EPROTO:
    what = "not an HTTP response";
    break;
  case -ECONNRESET:
    what = "the connection was closed too early";
    break;
  case -ETIMEDOUT:
    snprintf(line, sizeof(line), "timed out after %llu ms while %s",
             (unsigned long long)(result->duration_ns / 1000000), t->doing);
    what = line;
    break;
  default:
    break;
  }
  text_printable(result->reason, sizeof(result->reason), span_of(what));
}

/* The transfer is over: it is gone from the loop before the caller hears of it. */
static void transfer_finish(struct http_loop *loop, struct transfer *t) {
  struct http_result result = {
      .error = t->error == ENDED_WELL ? 0 : t->error,
      .status = t->response.status,
      .bytes = t->response.body_bytes,
      .duration_ns = clock_monotonic_ns() - t->started_ns,
      .retry_after_seconds = t->response.retry_after_seconds,
  };
  describe(t, &result);

  struct transfer **link = &loop->transfers;
  while (*link != t)
    link = &(*link)->next;
  *link = t->next;
  loop->active--;
  http_done_fn on_done = t->on_done;
  void *context = t->context;
  transfer_free(t);
  on_done(context, &result);
}

/* ---- the loop ---- */

/* Room to poll one more, so that http_loop_run need not ask for memory. */
static int loop_reserve(struct http_loop *loop) {
  unsigned needed = 1 + loop->active + 1;
  if (needed <= loop->polls_capacity)
    return 0;
  unsigned capacity = needed + needed / 2 + 6;
  struct pollfd *polls = reallocarray(loop->polls, capacity, sizeof(*polls));
  if (polls == NULL)
    return -ENOMEM;
  loop->polls = polls;
  loop->polls_capacity = capacity;
  return 0;
}

int http_loop_new(struct http_loop **ret) {
  struct http_loop *loop = calloc(1, sizeof(*loop));
  if (loop == NULL)
    return -ENOMEM;
  int status = loop_reserve(loop);
  if (status == 0 && pipe2(loop->wake_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
    status = -EIO;
  if (status != 0) {
    free(loop->polls);
    free(loop);
    return status;
  }
  *ret = loop;
  return 0;
}

/* Ends those that are over, and none that on_done adds meanwhile. */
static unsigned loop_finish(struct http_loop *loop) {
  unsigned count = 0;
  struct transfer *t = loop->transfers;
  while (t != NULL) {
    if (!t->over) {
      t = t->next;
      continue;
    }
    transfer_finish(loop, t);
    count++;
    t = loop->transfers; /* on_done may have changed the list in any way */
  }
  return count;
}

static unsigned loop_cancel(struct http_loop *loop, const void *context, bool all) {
  for (struct transfer *t = loop->transfers; t != NULL; t = t->next) {
    if (!all && t->context != context)
      continue;
    t->over = true;
    t->error = -ECANCELED;
  }
  return loop_finish(loop);
}

unsigned http_loop_cancel(struct http_loop *loop, const void *context) {
  return loop_cancel(loop, context, false);
}

void http_loop_free(struct http_loop *loop) {
  if (loop == NULL)
    return;
  loop->closing = true;
  loop_cancel(loop, NULL, true);
  close(loop->wake_pipe[0]);
  close(loop->wake_pipe[1]);
  free(loop->polls);
  free(loop);
}

static bool is_served(const struct http_request *r) {
  return r->timeout_ms > 0 && r->on_done != NULL && r->post_body == NULL && r->user == NULL;
}

int http_loop_add(struct http_loop *loop, const struct http_request *request) {
  struct http_url url;
  if (loop->closing)
    return -ECANCELED;
  if (!is_served(request) || http_url_parse(request->url, &url) != 0)
    return -EINVAL;
  if (loop_reserve(loop) != 0)
    return -ENOMEM;

  struct transfer *t = calloc(1, sizeof(*t));
  if (t == NULL)
    return -ENOMEM;
  uint64_t timeout_ms = request->timeout_ms > INT32_MAX ? INT32_MAX : request->timeout_ms;
  t->fd = -1;
  t->started_ns = clock_monotonic_ns();
  t->deadline_ns = t->started_ns + timeout_ms * 1000000u;
  t->on_done = request->on_done;
  t->context = request->context;
  http_response_init(&t->response, request);
  int status = write_request(t, &url);
  if (status == 0)
    status = transfer_connect(t, &url);
  if (status != 0) {
    transfer_free(t);
    return status;
  }
  t->next = loop->transfers;
  loop->transfers = t;
  loop->active++;
  return 0;
}

/* Fills in what to poll. Returns how long at most, in milliseconds. */
static int loop_prepare(struct http_loop *loop, uint64_t timeout_ms) {
  uint64_t now = clock_monotonic_ns();
  uint64_t wait_ms = timeout_ms < RUN_MAX_MS ? timeout_ms : RUN_MAX_MS;
  unsigned count = 0;

  loop->polls[count++] = (struct pollfd){.fd = loop->wake_pipe[0], .events = POLLIN};
  for (struct transfer *t = loop->transfers; t != NULL; t = t->next) {
    bool due = t->error != 0 || t->deadline_ns <= now;
    uint64_t left_ms = due ? 0 : (t->deadline_ns - now + 999999) / 1000000;
    if (left_ms < wait_ms)
      wait_ms = left_ms;
    loop->polls[count++] = (struct pollfd){.fd = t->fd, .events = t->events};
  }
  return (int)wait_ms;
}

static void loop_step(struct http_loop *loop) {
  const struct pollfd *polled = loop->polls;
  char dropped[64];

  if (polled->revents != 0)
    while (read(loop->wake_pipe[0], dropped, sizeof(dropped)) == (ssize_t)sizeof(dropped))
      ;
  uint64_t now = clock_monotonic_ns();
  for (struct transfer *t = loop->transfers; t != NULL; t = t->next) {
    polled++;
    if (t->error == 0 && polled->revents != 0 && t->events == POLLOUT)
      transfer_send(t);
    else if (t->error == 0 && polled->revents != 0)
      transfer_receive(t, loop->received);
    if (t->error == 0 && t->deadline_ns <= now)
      t->error = -ETIMEDOUT;
    t->over = t->error != 0;
  }
}

int http_loop_run(struct http_loop *loop, uint64_t timeout_ms) {
  int wait_ms = loop_prepare(loop, timeout_ms);
  if (poll(loop->polls, loop->active + 1, wait_ms) < 0) {
    if (errno != EINTR)
      return -EIO;
    return (int)loop->active;
  }
  loop_step(loop);
  loop_finish(loop);
  return (int)loop->active;
}

void http_loop_wake(struct http_loop *loop) {
  /* a full pipe wakes as well */
  ssize_t written = write(loop->wake_pipe[1], "", 1);
  (void)written;
}
