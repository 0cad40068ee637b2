/*
 * The HTTP client of both plugins and the only user of libcurl: transfers driven by one of the
 * caller's threads, so that the thread can be stopped at any time even if any number of servers
 * are stuck. Every transfer has a time limit and a byte limit, and may have a limit of the time
 * without progress; redirects and proxies are never followed, and no connection is used twice.
 */
#ifndef COMMON_HTTP_H
#define COMMON_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One thread's set of transfers. Only http_loop_wake may be called by other threads. */
struct http_loop;

/*
 * Receives the next chunk of the body. Returns 0, or a negative errno that ends the transfer
 * and becomes its result. Not called for a response whose status is not 2xx unless
 * want_error_body is set. Must not call the functions below.
 */
typedef int (*http_body_fn)(void *context, const char *bytes, size_t len);

struct http_result {
  int error;   /* 0: a complete response, of any status. -ETIMEDOUT, -ECONNREFUSED, -ECONNRESET
                  (closed prematurely, or a wrong length), -EMSGSIZE (past max_bytes), -EPROTO
                  (not HTTP, bad chunks), -EHOSTUNREACH, -EACCES (TLS: certificate or its name
                  rejected), -ENOKEY (TLS: no authorities to check it with; the reason names their
                  file), -ECANCELED (http_loop_cancel or _free), -ENOMEM, -EIO, or what a
                  callback returned */
  long status; /* HTTP status, 0 if none was received */
  uint64_t bytes; /* of the body, as far as received */
  uint64_t duration_ns;
  long retry_after_seconds; /* of the Retry-After header, -1 when there is none */
  int64_t date_seconds; /* of the Date header: the server's clock, in seconds since 1970, when
                           it responded; 0 when there is none, or none of 1970 to 9999 */
  char reason[256];     /* one printable line for a log, "" when error is 0 */
};

/*
 * Called on the loop's thread exactly once for each transfer that was added, from
 * http_loop_run, http_loop_cancel or http_loop_free. It may add further transfers.
 */
typedef void (*http_done_fn)(void *context, const struct http_result *result);

/*
 * Fields marked so are copied by http_loop_add; everything else must live until done. A body
 * whose end is marked only by the close of the connection counts as complete: HTTP has no way
 * to check it.
 */
struct http_request {
  const char *url;       /* copied; http or https */
  const char *post_body; /* NULL: GET; must live until done */
  size_t post_len;
  const char *content_type; /* of post_body */
  uint64_t timeout_ms;      /* for the whole transfer, including the connection setup */
  uint64_t stall_ms; /* without progress: to connect, then to the next line of the head or part
                        of the body; 0: only timeout_ms counts */
  size_t max_bytes;  /* of the body, as transferred */
  bool want_error_body;
  /* Called when the connection is established (with TLS, after the handshake), before anything
   * of the request is sent; immediately before connecting with libcurl older than 7.80. Returns
   * 0, or a negative errno that ends the transfer and becomes its result. Must not call the
   * functions below. May be NULL. */
  int (*on_connect)(void *context);
  http_body_fn on_body; /* may be NULL: the body is read and discarded */
  http_done_fn on_done;
  void *context;
  /* for servers that need them; NULL or false otherwise; copied */
  const char *user, *password;
  const char *bearer_token;   /* instead of user and password */
  const char *const *headers; /* lines, "Name: value", in addition to those of HTTP */
  size_t headers_len;
  const char *ca_file, *client_certificate, *client_key;
  bool insecure; /* do not verify the server's certificate */
};

/* Returns 0, -ENOMEM or -EIO. The caller owns *ret. Safe to call from several threads, but not
 * while other code in the process initialises libcurl: call it from the plugin's init
 * callback. */
int http_loop_new(struct http_loop **ret);

/* Ends all transfers (their on_done gets -ECANCELED) and frees the loop. NULL is fine. */
void http_loop_free(struct http_loop *loop);

/*
 * Starts a transfer. Returns 0; -EINVAL when the request is not valid (no URL or one that is
 * not http or https, no time limit), -ENOMEM, -ECANCELED while the loop is being freed, -EMFILE
 * or another error of socket(2). On an error on_done is not called.
 */
int http_loop_add(struct http_loop *loop, const struct http_request *request);

/* Ends the transfers added with this context: their on_done gets -ECANCELED before this
 * returns. Returns how many there were. Not to be called by a body callback. */
unsigned http_loop_cancel(struct http_loop *loop, const void *context);

/*
 * Advances the transfers and calls the callbacks of those that ended; waits at most timeout_ms
 * for events, less if http_loop_wake was called (also before this call). The thread must have
 * SIGPIPE blocked, because TLS may raise it. Returns the number of transfers in progress, or
 * -EIO.
 */
int http_loop_run(struct http_loop *loop, uint64_t timeout_ms);

/* Makes http_loop_run return immediately. Any thread may call it while the loop exists. */
void http_loop_wake(struct http_loop *loop);

#endif
