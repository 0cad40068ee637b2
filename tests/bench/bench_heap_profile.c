/*
 * The cost of parsing a heap profile, compared with `LC_ALL=C grep -c '^[0-9]'` on the same
 * file, which counts its records: both are children that read the file and do nothing else.
 *
 *   bench_heap_profile [megabytes [rounds]]
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profile_bench.h"
#include "sidecar/go/heap_profile.h"

/* The records of a capture again and again, with a first line to match. */
static FILE *repeat_capture(const char *capture, size_t size) {
  size_t len;
  char *text = bench_read_capture(capture, &len);
  char *records = strchr(text, '\n'), *memstats = strstr(text, "\n# runtime.MemStats");
  unsigned long long counts[4], rate;
  if (records == NULL || memstats == NULL ||
      sscanf(text, "heap profile: %llu: %llu [%llu: %llu] @ heap/%llu", &counts[0], &counts[1],
             &counts[2], &counts[3], &rate) != 5)
    bench_fail(capture);
  size_t records_len = (size_t)(memstats - ++records), times = size / records_len + 1;

  FILE *file = bench_temporary_file();
  fprintf(file, "heap profile: %llu: %llu [%llu: %llu] @ heap/%llu\n", counts[0] * times,
          counts[1] * times, counts[2] * times, counts[3] * times, rate);
  for (size_t i = 0; i < times; i++)
    fwrite(records, 1, records_len, file);
  fputs(memstats, file);
  free(text);
  if (fflush(file) != 0)
    bench_fail("the profile");
  return file;
}

static void parse(int fd, void *context) {
  enum { PIECE = 16384 }; /* the size of libcurl's chunks */
  static char piece[PIECE];
  static struct heap_profile profile;
  struct heap_profile_parser *parser = malloc(sizeof(*parser));
  ssize_t n;
  if (parser == NULL || lseek(fd, 0, SEEK_SET) != 0)
    bench_fail("malloc or lseek");
  heap_profile_parser_init(parser, context);
  while ((n = read(fd, piece, sizeof(piece))) > 0) {
    if (heap_profile_parser_feed(parser, piece, (size_t)n) != 0)
      bench_fail("the parser");
  }
  if (heap_profile_parser_finish(parser, &profile) != 0 || profile.records == 0)
    bench_fail("the parser");
  free(parser);
}

static unsigned parse_argument(const char *text, unsigned max) {
  uint64_t value;
  if (scan_whole_u64(span_of(text), 1, max, &value) != 0) {
    fprintf(stderr, "bench_heap_profile: not a number from 1 to %u: %s\n", max, text);
    exit(2);
  }
  return (unsigned)value;
}

int main(int argc, char **argv) {
  size_t size = (argc > 1 ? parse_argument(argv[1], 4096) : 100) * (size_t)1000000;
  unsigned rounds = argc > 2 ? parse_argument(argv[2], 101) : 11;
  printf("heap profiles of %zu MB: CPU time, medians of %u rounds\n", size / 1000000, rounds);

  FILE *real = repeat_capture("sidecar-v1.3.0/heap.txt", size);
  struct stack_matcher *matcher = bench_matcher(stack_patterns_of_heap);
  const struct bench_comparison comparison = {
      .name = "records of the real sidecar, default patterns",
      .regex = "^[0-9]",
      .parse = parse,
      .context = matcher,
  };
  bench_compare(&comparison, real, rounds);
  bench_memory("memory", parse, matcher, real);
  stack_matcher_free(matcher);
  fclose(real);
  return 0;
}
