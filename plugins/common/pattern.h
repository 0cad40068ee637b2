/*
 * Named regular expressions from the configuration: matches are counted under the name. Pure.
 */
#ifndef COMMON_PATTERN_H
#define COMMON_PATTERN_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

enum { PATTERNS_MAX = 32 };

struct pattern {
  const char *name; /* a type instance: [a-z0-9_]+ */
  regex_t regex;    /* of pattern_compile() */
};

/* A default, unless the configuration gives that name another expression. */
struct pattern_default {
  const char *name, *expression;
};

/* All zero is an empty list. It owns its names and expressions. */
struct pattern_list {
  struct pattern items[PATTERNS_MAX];
  size_t len;
};

/*
 * Compiles a POSIX extended regular expression for regexec(3) without matches (REG_NOSUB), such
 * that a search takes time in proportion to the length of the text, whatever the text is: texts
 * are chosen by users of the machine. Expressions with back references are the exception. "."
 * is any byte, in every locale. Returns 0, or the error of regcomp(3) for regerror(3); then
 * there is nothing to free.
 */
int pattern_compile(const char *expression, regex_t *ret);

/* Returns whether a name can be a type instance: 1 to 63 of a-z, 0-9 and _. */
bool pattern_name_is_valid(const char *name);

bool pattern_list_has(const struct pattern_list *list, const char *name);

/*
 * Adds a pattern. Returns 0; -EEXIST: the name exists; -ENOSPC: the list is full; -ENOMEM;
 * -EINVAL: the expression is malformed, with an explanation in reason (of reason_size, may be
 * 0).
 */
int pattern_list_add(struct pattern_list *list, const char *name, const char *expression,
                     char *reason, size_t reason_size);

/* Adds those of the defaults (terminated by a NULL name) whose names do not exist yet. Return
 * values as of pattern_list_add(). */
int pattern_list_add_defaults(struct pattern_list *list,
                              const struct pattern_default *defaults);

/* Empties the list. */
void pattern_list_clear(struct pattern_list *list);

#endif
