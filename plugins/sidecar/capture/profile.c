/* Profiles to files; see profile.h. */
#include "sidecar/capture/profile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"

enum { RUN_MS = 60 * 1000, HEAD_MAX = 16 };

struct fetch {
  const struct profile_request *request;
  int fd;
  int disk_error;
  char head[HEAD_MAX]; /* the first bytes, until they are all of begins_as */
  size_t head_len;
  bool is_over;
  struct http_result result;
};

/* Goes on as long as the bytes may be a profile's. */
static bool head_fits(struct fetch *fetch, struct span body) {
  size_t wanted = strlen(fetch->request->begins_as);
  size_t more = wanted - fetch->head_len < body.len ? wanted - fetch->head_len : body.len;
  memcpy(fetch->head + fetch->head_len, body.at, more);
  fetch->head_len += more;
  return memcmp(fetch->head, fetch->request->begins_as, fetch->head_len) == 0;
}

static int on_body(void *context, const char *bytes, size_t len) {
  struct fetch *fetch = context;
  struct span body = span_make(bytes, len);
  if (!head_fits(fetch, body))
    return -EBADMSG;
  fetch->disk_error = file_write_all(fetch->fd, body);
  return fetch->disk_error;
}

static void on_done(void *context, const struct http_result *result) {
  struct fetch *fetch = context;
  fetch->result = *result;
  fetch->is_over = true;
}

/* Why there is no profile; "" when there is one. */
static void explain(const struct fetch *fetch, char *why, size_t size) {
  const struct http_result *result = &fetch->result;
  why[0] = '\0';
  if (result->error == -EBADMSG)
    snprintf(why, size, "the answer is not what Go's net/http/pprof sends");
  else if (result->error == -EMSGSIZE)
    snprintf(why, size, "longer than PprofMaxBytes (%llu bytes)",
             (unsigned long long)fetch->request->max_bytes);
  else if (result->error != 0)
    snprintf(why, size, "%s", result->reason);
  else if (result->status != 200)
    snprintf(why, size, "HTTP status %ld%s", result->status,
             result->status == 500 ? "; is somebody else taking the same profile?" : "");
  else if (fetch->head_len < strlen(fetch->request->begins_as))
    snprintf(why, size, "the answer is empty or cut off");
}

static int run(struct http_loop *loop, struct fetch *fetch, const atomic_bool *stopping) {
  char url[256];
  const struct profile_request *request = fetch->request;
  int len = snprintf(url, sizeof(url), "%s%s", request->url, request->path);
  if (len < 0 || (size_t)len >= sizeof(url))
    return -EINVAL;
  struct http_request http = {
      .url = url,
      .timeout_ms = request->timeout_ms,
      .max_bytes = request->max_bytes,
      .on_body = on_body,
      .on_done = on_done,
      .context = fetch,
  };
  int status = http_loop_add(loop, &http);
  if (status != 0)
    return status;
  while (!fetch->is_over) {
    if (atomic_load(stopping)) {
      http_loop_cancel(loop, fetch);
      return -ECANCELED;
    }
    status = http_loop_run(loop, RUN_MS);
    if (status < 0) {
      http_loop_cancel(loop, fetch);
      return status;
    }
  }
  return 0;
}

int profile_capture(struct http_loop *loop, struct bundle *bundle,
                    const struct profile_request *request, const atomic_bool *stopping,
                    bool *ret_taken) {
  char why[512], text[128];
  struct fetch fetch = {.request = request};
  fetch.fd = bundle_create_file(bundle, request->file);
  if (fetch.fd < 0)
    return fetch.fd;
  int status = run(loop, &fetch, stopping);
  if (status == 0)
    status = fetch.disk_error;
  if (status == -ECANCELED || fetch.disk_error != 0) {
    bundle_drop_file(bundle, fetch.fd, request->file);
    return status;
  }
  if (status != 0)
    snprintf(why, sizeof(why), "cannot ask for it: %s",
             strerror_r(-status, text, sizeof(text)));
  else
    explain(&fetch, why, sizeof(why));
  *ret_taken = why[0] == '\0';
  if (*ret_taken)
    return bundle_close_file(bundle, fetch.fd);
  bundle_drop_file(bundle, fetch.fd, request->file);
  bundle_note(bundle, request->file, why);
  return 0;
}
