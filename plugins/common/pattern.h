/*
 * Named regular expressions, as the configuration has them: each counts what matches it
 * under its name.
 */
#ifndef COMMON_PATTERN_H
#define COMMON_PATTERN_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

enum { PATTERNS_MAX = 32 };

struct pattern {
  char *name;    /* a type instance: [a-z0-9_]+ */
  regex_t regex; /* POSIX extended, without places of matches */
};

/* All zero is an empty list. */
struct pattern_list {
  struct pattern items[PATTERNS_MAX]; /* owned */
  size_t len;
};

/* Whether a name can be a type instance: 1 to 63 of a-z, 0-9 and _. */
bool pattern_name_is_valid(const char *name);

bool pattern_list_has(const struct pattern_list *list, const char *name);

/*
 * Adds a pattern. Returns 0; -EEXIST: the name is there; -ENOSPC: PATTERNS_MAX are; -ENOMEM;
 * -EINVAL: the expression is none, and words (of words_size, may be 0) say why.
 */
int pattern_list_add(struct pattern_list *list, const char *name, const char *expression,
                     char *words, size_t words_size);

/* Empties the list. */
void pattern_list_clear(struct pattern_list *list);

#endif
