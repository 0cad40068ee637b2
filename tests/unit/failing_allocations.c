/* Allocations that fail on command; see failing_allocations.h. */
#include "failing_allocations.h"

#include <curl/curl.h>
#include <regex.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

atomic_long allocations_left = -1;

static bool fails(void) {
  return atomic_load(&allocations_left) >= 0 && atomic_fetch_sub(&allocations_left, 1) == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
char *__real_strdup(const char *string);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
char *__wrap_strdup(const char *string);

void *__wrap_malloc(size_t size) {
  return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
  return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size) {
  return fails() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size) {
  return fails() ? NULL : __real_reallocarray(old, count, size);
}

char *__wrap_strdup(const char *string) {
  return fails() ? NULL : __real_strdup(string);
}

int __wrap_asprintf(char **ret, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __real_regcomp(regex_t *regex, const char *pattern, int flags);
int __wrap_regcomp(regex_t *regex, const char *pattern, int flags);
CURL *__real_curl_easy_init(void);
CURL *__wrap_curl_easy_init(void);
CURLM *__real_curl_multi_init(void);
CURLM *__wrap_curl_multi_init(void);
struct curl_slist *__real_curl_slist_append(struct curl_slist *list, const char *line);
struct curl_slist *__wrap_curl_slist_append(struct curl_slist *list, const char *line);

int __wrap_asprintf(char **ret, const char *format, ...) {
  if (fails())
    return -1;
  va_list arguments;
  va_start(arguments, format);
  int len = vasprintf(ret, format, arguments);
  va_end(arguments);
  return len;
}

int __wrap_regcomp(regex_t *regex, const char *pattern, int flags) {
  return fails() ? REG_ESPACE : __real_regcomp(regex, pattern, flags);
}

CURL *__wrap_curl_easy_init(void) {
  return fails() ? NULL : __real_curl_easy_init();
}

CURLM *__wrap_curl_multi_init(void) {
  return fails() ? NULL : __real_curl_multi_init();
}

struct curl_slist *__wrap_curl_slist_append(struct curl_slist *list, const char *line) {
  return fails() ? NULL : __real_curl_slist_append(list, line);
}
