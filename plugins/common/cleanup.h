/*
 * Scope-bound ownership: a variable declared by one of these macros is released at the end of
 * its scope, so that early returns need no cleanup code. Each macro declares the variable
 * together with its first value, because the cleanup runs on every path out of the scope: a
 * declaration without a value does not compile. Types with their own cleanup (buffer.h and
 * others) follow the same rule, which tests/agreement/test_cleanup.py checks. To keep the
 * resource, move it out with steal_pointer() or steal_fd().
 */
#ifndef COMMON_CLEANUP_H
#define COMMON_CLEANUP_H

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *pointer_to_pointer) {
  free(*(void **)pointer_to_pointer);
}

static inline void cleanup_close(const int *fd) {
  if (*fd >= 0)
    close(*fd);
}

static inline void cleanup_closedir(DIR *const *dir) {
  if (*dir != NULL)
    closedir(*dir);
}

/* autofree(char, text, strdup("x")): a pointer to a char, or NULL */
#define autofree(type, name, value) __attribute__((cleanup(cleanup_free))) type *name = (value)

/* A descriptor; negative: none. */
#define autoclose(name, value) __attribute__((cleanup(cleanup_close))) int name = (value)

/* A directory stream, or NULL. */
#define autoclosedir(name, value) __attribute__((cleanup(cleanup_closedir))) DIR *name = (value)

static inline void *steal_pointer_(void *pointer_to_pointer) {
  void *p = *(void **)pointer_to_pointer;
  *(void **)pointer_to_pointer = NULL;
  return p;
}
#define steal_pointer(p) steal_pointer_(p)

static inline int steal_fd(int *fd) {
  int stolen = *fd;
  *fd = -1;
  return stolen;
}

#endif
