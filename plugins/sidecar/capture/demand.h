/*
 * Captures on demand: an administrator creates an empty file `capture-now`, or
 * `capture-now.NAME`, in the capture directory, to which no other user may write
 * (directory_open_path()). Only the names count: nothing is opened, read or followed. A file is
 * removed before it counts, so that it counts once.
 */
#ifndef SIDECAR_CAPTURE_DEMAND_H
#define SIDECAR_CAPTURE_DEMAND_H

#include <stddef.h>
#include <sys/types.h>
#include <time.h>

enum {
  DEMANDS_MAX = 16,       /* at once; more are taken later */
  DEMAND_NAME_SIZE = 256, /* any file name, with its NUL */
};

struct demands {
  char files[DEMANDS_MAX][DEMAND_NAME_SIZE]; /* their names */
  size_t len;
};

/* The state of the directory when it was looked at. All zero: never. */
struct demand_watch {
  dev_t device;
  ino_t inode;
  struct timespec changed;
  unsigned looks_left;
  int status; /* of the last look */
};

/*
 * Adds the demands in an open directory to *demands and removes their files. Costs one fstat(2)
 * while the directory does not change and the last look succeeded. Returns 0, or -errno with
 * the name of a file that cannot be removed, and is not added, in ret_stuck; "" if the
 * directory cannot be read.
 */
int demand_look(struct demand_watch *watch, int directory, struct demands *demands,
                char ret_stuck[DEMAND_NAME_SIZE]);

#endif
