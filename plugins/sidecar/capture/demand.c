/* Captures on demand; see demand.h. */
#include "sidecar/capture/demand.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/scan.h"
#include "sidecar/capture/directory.h"
#include "sidecar/capture/name.h"

struct look {
  int directory;
  struct demands *demands;
  int status;
  char *stuck;
};

static bool is_demand(const char *file) {
  struct span name = span_of(file);
  return span_equals(name, CAPTURE_DEMAND_FILE) ||
         span_starts_with(name, CAPTURE_DEMAND_FILE ".");
}

/* unlinkat(2) removes a link, not its target, and no directory. */
static int take_file(void *context, const char *file) {
  struct look *look = context;
  struct demands *demands = look->demands;
  if (!is_demand(file) || demands->len == DEMANDS_MAX || strlen(file) >= DEMAND_NAME_SIZE)
    return 0;
  if (unlinkat(look->directory, file, 0) == 0) {
    snprintf(demands->files[demands->len++], DEMAND_NAME_SIZE, "%s", file);
  } else if (errno != ENOENT) {
    look->status = -errno;
    snprintf(look->stuck, DEMAND_NAME_SIZE, "%s", file);
  }
  return 0;
}

/* A file that is created right after a look may leave the directory with the same time, because
 * clocks of file systems are coarse: after each change it is looked at twice. */
static bool needs_look(struct demand_watch *watch, int directory) {
  struct stat st;
  if (fstat(directory, &st) != 0)
    return true;
  if (st.st_dev != watch->device || st.st_ino != watch->inode ||
      st.st_mtim.tv_sec != watch->changed.tv_sec ||
      st.st_mtim.tv_nsec != watch->changed.tv_nsec) {
    watch->device = st.st_dev;
    watch->inode = st.st_ino;
    watch->changed = st.st_mtim;
    watch->looks_left = 2;
  }
  if (watch->looks_left == 0)
    return watch->status != 0;
  watch->looks_left--;
  return true;
}

int demand_look(struct demand_watch *watch, int directory, struct demands *demands,
                char ret_stuck[DEMAND_NAME_SIZE]) {
  struct look look = {.directory = directory, .demands = demands, .stuck = ret_stuck};
  ret_stuck[0] = '\0';
  if (!needs_look(watch, directory))
    return 0;
  int status = directory_walk(directory, take_file, &look);
  watch->status = status != 0 ? status : look.status;
  return watch->status;
}
