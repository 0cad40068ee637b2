/* Options and error codes of libcurl; see http_easy.h. */
#include "common/http_easy.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "common/cleanup.h"

/* of each transfer, each way; what libcurl takes by itself is 16 and 64 KiB */
enum { BUFFER_BYTES = 16 * 1024 };

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
  /* without it the end of a transfer waits for a name server that does not answer */
  SET(CURLOPT_QUICK_EXIT, 1L);
#endif
  SET(CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
  SET(CURLOPT_UPLOAD_BUFFERSIZE, (long)BUFFER_BYTES);
  /* refuses at once what announces its size; the callback counts what does not */
  SET(CURLOPT_MAXFILESIZE_LARGE,
      (curl_off_t)(request->max_bytes > INT64_MAX ? INT64_MAX : request->max_bytes));
  return code;
}

/* libcurl's own sockets would be inherited by the programs that other plugins start. */
static curl_socket_t open_socket(void *context, curlsocktype purpose,
                                 struct curl_sockaddr *address) {
  (void)context;
  (void)purpose;
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static CURLcode set_isolation(CURL *easy) {
  CURLcode code = CURLE_OK;

  SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
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

static CURLcode set_message(CURL *easy, const struct http_request *request,
                            struct curl_slist **headers) {
  CURLcode code = CURLE_OK;

  keep_first(&code, add_header(headers, "Connection: close"));
  if (request->post_body != NULL) {
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->post_len);
    SET(CURLOPT_POSTFIELDS, request->post_body);
    /* a server that does not know 100-continue would cost a second of waiting */
    keep_first(&code, add_header(headers, "Expect:"));
  }
  if (request->post_body != NULL && request->content_type != NULL) {
    autofree(char, line, NULL);
    if (asprintf(&line, "Content-Type: %s", request->content_type) < 0) {
      line = NULL;
      return CURLE_OUT_OF_MEMORY;
    }
    keep_first(&code, add_header(headers, line));
  }
  SET(CURLOPT_HTTPHEADER, *headers);
  SET(CURLOPT_URL, request->url);
  return code;
}

#undef SET

int http_easy_set_up(CURL *easy, const struct http_request *request,
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

/* libcurl has one code for a connection that broke and for chunks that are none. */
static int error_of_receive(CURL *easy) {
  long os_error = 0;
  char *scheme = NULL;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
  curl_easy_getinfo(easy, CURLINFO_SCHEME, &scheme);
  bool is_tls = scheme != NULL && strcasecmp(scheme, "https") == 0;
  return os_error != 0 || is_tls ? -ECONNRESET : -EPROTO;
}

/* Older ones run "out of memory" when a single line of the head passes their own limit. */
static int error_of_memory(CURL *easy, bool headers_complete) {
  curl_off_t first_byte_us = 0;
  curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME_T, &first_byte_us);
  return first_byte_us > 0 && !headers_complete ? -EMSGSIZE : -ENOMEM;
}

int http_easy_error(CURL *easy, CURLcode code, bool headers_complete) {
  switch (code) {
  case CURLE_OK:
    /* libcurl is content with a head that breaks off */
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
