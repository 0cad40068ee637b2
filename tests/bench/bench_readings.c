/*
 * The plugin's own memory over many readings, without collectd's memory for each series: the
 * plugin runs under a recording collectd.
 *
 *   bench_readings READINGS [EXECUTABLE]
 *
 * Watches all processes called EXECUTABLE (sidecar) and prints the heap in use after the
 * first reading, after a tenth of them and after all.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "fake_collectd.h"

static size_t heap_bytes(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

int main(int argc, char **argv) {
  long readings = argc > 1 ? atol(argv[1]) : 100000;
  char text[256];
  fake_collectd_reset();
  fake_collectd_set_interval(0.001);
  module_register();
  snprintf(text, sizeof(text),
           "DetailInterval 1\n<Process \"sidecar\">\n Executable \"%s\"\n MinimumAge 0\n"
           "</Process>\n",
           argc > 2 ? argv[2] : "sidecar");
  size_t before = heap_bytes();
  if (fake_collectd_configure(text) != 0 || fake_collectd_init() != 0)
    return 1;
  fake_collectd_read();
  const struct fake_value *count = fake_collectd_find("sidecar", "process_count", "");
  double processes = count != NULL ? count->values[0].gauge : 0;
  size_t first = heap_bytes(), tenth = 0;
  uint64_t started_ns = clock_monotonic_ns();
  for (long i = 0; i < readings; i++) {
    if (i == readings / 10)
      tenth = heap_bytes();
    fake_collectd_read();
  }
  size_t last = heap_bytes();
  printf("heap of the plugin with %.0f processes: %zu kB; after %ld readings %zu kB, after %ld "
         "%zu kB: %+ld bytes; %.1f us a reading\n",
         processes, (first - before) / 1024, readings / 10, (tenth - before) / 1024, readings,
         (last - before) / 1024, (long)last - (long)tenth,
         (double)(clock_monotonic_ns() - started_ns) / 1e3 / (double)readings);
  fake_collectd_shutdown();
  return 0;
}
