/*
 * Measuring two things side by side in one run: their CPU time, user and system, in turns, so
 * that other load of the machine affects both. Medians are compared.
 */
#ifndef TESTS_BENCH_MEASURE_H
#define TESTS_BENCH_MEASURE_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/scan.h"

/* One side: does its work once. */
typedef void (*measured)(void *subject);

_Noreturn static inline void bench_fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static inline uint64_t bench_cpu_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline uint64_t bench_time(measured side, void *subject, unsigned repeats) {
  uint64_t start = bench_cpu_ns();
  for (unsigned i = 0; i < repeats; i++)
    side(subject);
  return bench_cpu_ns() - start;
}

static inline int bench_compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static inline double bench_median(double *values, size_t len) {
  qsort(values, len, sizeof(*values), bench_compare);
  return values[len / 2];
}

enum { BENCH_ROUNDS_MAX = 1001 };

/* Runs both, repeats times in each of the rounds, and prints a line: name, microseconds per
 * run, ratio (the median of the rounds' ratios), and its limit. */
static inline void bench_side_by_side(const char *name, double limit, measured bare,
                                      measured ours, void *subject, unsigned rounds,
                                      unsigned repeats) {
  static double bare_us[BENCH_ROUNDS_MAX], ours_us[BENCH_ROUNDS_MAX], ratio[BENCH_ROUNDS_MAX];
  rounds = rounds < BENCH_ROUNDS_MAX ? rounds : BENCH_ROUNDS_MAX;
  for (unsigned i = 0; i < rounds; i++) {
    uint64_t b = bench_time(bare, subject, repeats);
    uint64_t o = bench_time(ours, subject, repeats);
    bare_us[i] = (double)b / 1000 / repeats;
    ours_us[i] = (double)o / 1000 / repeats;
    ratio[i] = ours_us[i] / bare_us[i];
  }
  printf("%-28s bare %8.2f us  ours %8.2f us  = %.3g x  (limit %.2f)\n", name,
         bench_median(bare_us, rounds), bench_median(ours_us, rounds),
         bench_median(ratio, rounds), limit);
  fflush(stdout);
}

/* A number on the command line. */
static inline unsigned bench_argument(const char *text, unsigned max) {
  uint64_t value;
  if (scan_whole_u64(span_of(text), 1, max, &value) != 0) {
    fprintf(stderr, "not a number from 1 to %u: %s\n", max, text);
    exit(2);
  }
  return (unsigned)value;
}

#endif
