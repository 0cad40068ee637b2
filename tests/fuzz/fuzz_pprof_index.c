/* The last byte also determines the chunks; in one piece and in chunks the number must be the
 * same. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint64_t whole = 0, cut = 0;
  if (size < 1)
    return 0;
  int status = run((const char *)data, size, size, &whole);
  if (run((const char *)data, size, data[size - 1] + 1u, &cut) != status || whole != cut)
    abort();
  if (status == 0 && (whole == 0 || whole == VALUE_UNKNOWN))
    abort();
  return 0;
}
