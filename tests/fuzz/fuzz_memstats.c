/* The last byte also determines the chunks; in one piece and in chunks the values must be the
 * same, and allowed by the contract. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/go/memstats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run(const char *bytes, size_t len, size_t step, struct memstats *ret) {
  static struct memstats_parser parser;
  memstats_parser_init(&parser);
  for (size_t at = 0; at < len; at += step) {
    int status = memstats_parser_feed(&parser, bytes + at, len - at < step ? len - at : step);
    if (status != 0)
      return status;
  }
  return memstats_parser_finish(&parser, ret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct memstats whole, cut;
  if (size < 1)
    return 0;
  memset(&whole, 0, sizeof(whole));
  memset(&cut, 0, sizeof(cut));
  int status = run((const char *)data, size, size, &whole);
  if (run((const char *)data, size, data[size - 1] + 1u, &cut) != status ||
      memcmp(&whole, &cut, sizeof(whole)) != 0)
    abort();
  if (status != 0)
    return 0;
  if (whole.heap_inuse_bytes > whole.heap_sys_bytes || whole.num_gc == VALUE_UNKNOWN)
    abort();
  if (!isnan(whole.gc_cpu_fraction) &&
      !(whole.gc_cpu_fraction >= 0 && whole.gc_cpu_fraction <= 1))
    abort();
  uint64_t lost;
  memstats_new_pauses_ns(&whole, data[size - 1], &lost);
  return 0;
}
