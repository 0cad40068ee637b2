/*
 * The last byte also says how the bytes are cut; whole and cut must give the same answer and
 * the same body, and no more of it than allowed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/http_response.h"

enum { MAX_BYTES = 2048 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
  int end, close;
  long status, retry_after_seconds;
  size_t len;
  char body[MAX_BYTES];
};

static int collect(void *context, const char *bytes, size_t len) {
  struct outcome *outcome = context;
  if (len > sizeof(outcome->body) - outcome->len)
    abort();
  memcpy(outcome->body + outcome->len, bytes, len);
  outcome->len += len;
  return 0;
}

static void run(const char *bytes, size_t len, size_t step, struct outcome *ret) {
  struct http_request request = {.max_bytes = MAX_BYTES, .on_body = collect, .context = ret};
  struct http_response response;

  memset(ret, 0, sizeof(*ret));
  http_response_init(&response, &request);
  for (size_t at = 0; at < len && ret->end == 0; at += step)
    ret->end = http_response_feed(&response, bytes + at, len - at < step ? len - at : step);
  if (ret->end == 0)
    ret->close = http_response_close(&response);
  ret->status = response.status;
  ret->retry_after_seconds = response.retry_after_seconds;
  if (response.body_bytes > MAX_BYTES)
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct outcome whole, cut;
  if (size < 1)
    return 0;
  run((const char *)data, size, size, &whole);
  run((const char *)data, size, data[size - 1] + 1u, &cut);
  /* where a limit is met, what was passed on before depends on the pieces */
  if (whole.end != cut.end || whole.close != cut.close || whole.status != cut.status ||
      (whole.end >= 0 && (whole.len != cut.len || memcmp(whole.body, cut.body, cut.len) != 0)))
    abort();
  return 0;
}
