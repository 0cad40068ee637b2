/*
 * What the tests of the profile parsers share: the captured files of tests/profiles, the
 * default patterns compiled, and the answer of a command to compare with.
 */
#ifndef TESTS_UNIT_PROFILE_FILES_H
#define TESTS_UNIT_PROFILE_FILES_H

#include <stdbool.h>

#include "sidecar/go/stack.h"

/* The paths below tests/profiles whose file name starts with prefix and ends with ".txt", in
 * order, terminated by NULL. Fails the test if there is none. */
char **profile_files(const char *prefix);
void profile_files_free(char **paths);

/* The file's bytes in memory of exactly their size; to be freed with exact_free(). */
struct span profile_file_read(const char *path);

/* A matcher with these patterns, which end with a NULL name. */
struct profile_patterns {
  struct pattern_list list;
  struct stack_matcher *matcher;
};
void profile_patterns_compile(struct profile_patterns *patterns,
                              const struct pattern_default *defaults);
void profile_patterns_free(struct profile_patterns *patterns);
size_t profile_patterns_index(const struct profile_patterns *patterns, const char *name);

/* The number printed by a shell command (a printf(3) format). Fails the test if it prints
 * none. */
uint64_t profile_command_number(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether the shell finds the program. */
bool profile_has_program(const char *name);

#endif
