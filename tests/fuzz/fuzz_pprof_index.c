/* The last byte also determines the chunks; in one piece and in chunks the number must be the
 * same, from either page. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "sidecar/go/pprof_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run(const char *bytes, size_t len, size_t step, uint64_t *ret) {
  static struct pprof_index_parser parser;
  pprof_index_parser_init(&parser);
  for (size_t at = 0; at < len; at += step) {
    int status =
        pprof_index_parser_feed(&parser, bytes + at, len - at < step ? len - at : step);
    if (status != 0)
      return status;
  }
  return pprof_index_parser_finish(&parser, ret);
}

static int run_total(const char *bytes, size_t len, size_t step, uint64_t *ret) {
  static struct pprof_total_parser parser;
  int status = 0;
  pprof_total_parser_init(&parser);
  for (size_t at = 0; status == 0 && at < len; at += step)
    status = pprof_total_parser_feed(&parser, bytes + at, len - at < step ? len - at : step);
  return status == 0 || status == -EALREADY ? pprof_total_parser_finish(&parser, ret) : status;
}

static void check(int (*parse)(const char *, size_t, size_t, uint64_t *), const uint8_t *data,
                  size_t size) {
  uint64_t whole = 0, cut = 0;
  int status = parse((const char *)data, size, size, &whole);
  if (parse((const char *)data, size, data[size - 1] + 1u, &cut) != status || whole != cut)
    abort();
  if (status == 0 && (whole == 0 || whole == VALUE_UNKNOWN))
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1)
    return 0;
  check(run, data, size);
  check(run_total, data, size);
  return 0;
}
