/* Lists of named regular expressions; see pattern.h. */
#include "common/pattern.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool pattern_name_is_valid(const char *name) {
  size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
  return len > 0 && len <= 63 && name[len] == '\0';
}

bool pattern_list_has(const struct pattern_list *list, const char *name) {
  for (size_t i = 0; i < list->len; i++) {
    if (strcmp(list->items[i].name, name) == 0)
      return true;
  }
  return false;
}

/* glibc's extension; in POSIX they are undefined. */
static bool has_back_reference(const char *expression) {
  const char *at = expression;
  while ((at = strchr(at, '\\')) != NULL && at[1] != '\0') {
    if (at[1] >= '1' && at[1] <= '9')
      return true;
    at += 2;
  }
  return false;
}

/* regexec(3) tries a match from each byte on, and an attempt may last to the end of the text.
 * Behind "^.*" there is a single attempt. */
static int compile_for_one_attempt(const char *expression, regex_t *ret) {
  char *anchored;
  if (asprintf(&anchored, "^.*(%s)", expression) < 0)
    return REG_ESPACE;
  int status = regcomp(ret, anchored, REG_EXTENDED | REG_NOSUB);
  free(anchored);
  return status;
}

int pattern_compile(const char *expression, regex_t *ret) {
  locale_t bytes = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (bytes == (locale_t)0)
    return REG_ESPACE;
  locale_t usual = uselocale(bytes);
  int status = regcomp(ret, expression, REG_EXTENDED | REG_NOSUB);
  if (status == 0 && !has_back_reference(expression)) {
    regfree(ret);
    status = compile_for_one_attempt(expression, ret);
  }
  uselocale(usual);
  freelocale(bytes);
  return status;
}

int pattern_list_add(struct pattern_list *list, const char *name, const char *expression,
                     char *reason, size_t reason_size) {
  if (pattern_list_has(list, name))
    return -EEXIST;
  if (list->len >= PATTERNS_MAX)
    return -ENOSPC;

  struct pattern *pattern = &list->items[list->len];
  int status = pattern_compile(expression, &pattern->regex);
  if (status == REG_ESPACE)
    return -ENOMEM;
  if (status != 0) {
    regerror(status, &pattern->regex, reason, reason_size);
    return -EINVAL;
  }
  pattern->name = strdup(name);
  if (pattern->name == NULL) {
    regfree(&pattern->regex);
    return -ENOMEM;
  }
  list->len++;
  return 0;
}

int pattern_list_add_defaults(struct pattern_list *list,
                              const struct pattern_default *defaults) {
  for (; defaults->name != NULL; defaults++) {
    int status = pattern_list_add(list, defaults->name, defaults->expression, NULL, 0);
    if (status != 0 && status != -EEXIST)
      return status;
  }
  return 0;
}

void pattern_list_clear(struct pattern_list *list) {
  for (size_t i = 0; i < list->len; i++) {
    free((char *)list->items[i].name);
    regfree(&list->items[i].regex);
  }
  list->len = 0;
}
