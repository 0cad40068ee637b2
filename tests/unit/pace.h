/*
 * How many cases a test can afford that has one for each call of a program: all of them, but
 * not where a sanitizer or valgrind makes each take long.
 */
#ifndef TESTS_UNIT_PACE_H
#define TESTS_UNIT_PACE_H

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PACE_CASE_MS = 25 }; /* a case that takes no longer is one of all */

/* The kernel's clock, whatever a test does to clock_gettime(2). */
static inline uint64_t pace_now_ms(void) {
  struct timespec now;
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The distance to the next case, at least 1, after one that began then. */
static inline long pace_step(uint64_t started_ms) {
  return 1 + (long)((pace_now_ms() - started_ms) / PACE_CASE_MS);
}

#endif
