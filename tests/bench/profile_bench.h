/*
 * Shared by the benches of the profile parsers: a large file made from a captured one, and the
 * CPU time that grep and a parser spend on it, each in a child of its own, in turns.
 */
#ifndef TESTS_BENCH_PROFILE_BENCH_H
#define TESTS_BENCH_PROFILE_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sidecar/go/stack.h"

/* Prints the failure and exits. */
_Noreturn void bench_fail(const char *what);

/* The contents of a file below tests/profiles; *ret_len without the terminating NUL. */
char *bench_read_capture(const char *name, size_t *ret_len);

/* A file without a name that is gone when the program ends, to be filled by the caller. */
FILE *bench_temporary_file(void);

/* Names that end with NULL, compiled into a matcher that lives as long as the program. */
struct stack_matcher *bench_matcher(const struct pattern_default *defaults);

/* Reads fd from its beginning, in pieces as an HTTP client gets them, and parses it. Ends
 * the program if that fails. */
typedef void bench_parse(int fd, void *context);

struct bench_comparison {
  const char *name;  /* printed at the front of the line */
  const char *regex; /* grep -c counts its lines in LC_ALL=C */
  double limit;      /* limit of the ratio; 0: for information */
  bench_parse *parse;
  void *context;
};

/* Prints CPU times (medians of so many rounds, parser and grep in turns) and their ratio. */
void bench_compare(const struct bench_comparison *comparison, FILE *file, unsigned rounds);

/* Prints by how much parsing raised the most memory that a process ever had in use. */
void bench_memory(const char *name, bench_parse *parse, void *context, FILE *file);

#endif
