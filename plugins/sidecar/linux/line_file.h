/*
 * A file of procfs read line by line in bounded memory, for lists of any length: locks,
 * sockets, watches, mounts. Short files are better read whole (procfs.h).
 */
#ifndef SIDECAR_LINUX_LINE_FILE_H
#define SIDECAR_LINUX_LINE_FILE_H

#include "common/line_reader.h"

/* The kernel fills at most a page of a list per read(2), however large the buffer. */
enum { LINE_FILE_PIECE = 4096 };

struct line_file {
  int fd;
  struct span piece; /* what is left of the bytes read last */
  struct line_reader reader;
  char bytes[LINE_FILE_PIECE];
};

/* Returns 0 or -errno. Close it with line_file_close(), or declare it with autolinefile(). */
int line_file_open(struct line_file *file, int directory, const char *name);
void line_file_close(struct line_file *file);

/* Returns 1 with the next line, valid until the next call; 0 at the end; -errno. */
int line_file_next(struct line_file *file, struct line *ret);

/* Declares one that is not open, and is closed with its scope. The bytes stay uninitialised:
 * clearing them at each call would cost as much as reading them. */
#define autolinefile(name)                                                                     \
  __attribute__((cleanup(line_file_close))) struct line_file name;                             \
  name.fd = -1

#endif
