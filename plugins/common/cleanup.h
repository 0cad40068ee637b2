/*
 * Scope-bound ownership: a variable marked autofree, autoclose, autoclosedir or
 * autofclose gives up what it holds when it leaves its scope, so that every early
 * return is also a clean one. To keep the resource, move it out with steal_pointer()
 * or steal_fd().
 */
#ifndef COMMON_CLEANUP_H
#define COMMON_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
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

static inline void cleanup_fclose(FILE *const *stream) {
  if (*stream != NULL)
    fclose(*stream);
}

#define autofree __attribute__((cleanup(cleanup_free)))
#define autoclose __attribute__((cleanup(cleanup_close)))
#define autoclosedir __attribute__((cleanup(cleanup_closedir)))
#define autofclose __attribute__((cleanup(cleanup_fclose)))

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
