/*
 * Questions about single descriptors of a process: what sort of file, which inode on which
 * device, what fdinfo says. They go through /proc/PID/fd/N, never through the file's path,
 * which may mean another file by now, or lead to a server that does not answer.
 */
#ifndef SIDECAR_LINUX_OPEN_FILES_H
#define SIDECAR_LINUX_OPEN_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "sidecar/linux/fd_parse.h"
#include "sidecar/os/descriptors.h"

struct open_files {
  int links;        /* /proc/PID/fd; its position belongs to whoever lists it */
  int infos;        /* /proc/PID/fdinfo, opened when first asked for; -1 */
  int process;      /* /proc/PID, borrowed */
  bool is_captured; /* links lead nowhere */
};

/* Returns 0, -EACCES, -ESRCH, -EMFILE. Close it with open_files_close(). */
int open_files_open(struct open_files *files, struct process *process);
void open_files_close(struct open_files *files);

/* Declares one that is not open, and is closed with its scope. */
#define autoopenfiles(name)                                                                    \
  __attribute__((cleanup(open_files_close))) struct open_files name = {.links = -1, .infos = -1}

/* The class of a descriptor whose target is no path. */
enum descriptor_class open_file_class_without_path(enum fd_link_kind kind);

struct open_file {
  enum descriptor_class class;
  bool is_deleted; /* the last link is gone */
  uint64_t inode;
  uint32_t device; /* of stat(2), device_number(); 0: unknown */
  uint32_t mount;  /* id; 0: unknown */
};

/*
 * What the file behind the link called name is, whose target is a path. In a captured tree
 * the path is another machine's: there fdinfo and the path itself have to tell. Returns 0,
 * or -ENOENT when the descriptor was closed meanwhile.
 */
int open_file_examine(struct open_files *files, const char *name, struct span target,
                      const struct fd_link *link, struct open_file *ret);

/* Is called for each lock of an open file. */
typedef void (*open_file_lock_fn)(void *context, const struct proc_lock *lock);

/* Reads fdinfo of one descriptor. on_lock may be NULL. Returns 0 or -errno; -ENOENT when
 * the descriptor was closed meanwhile, -ENODATA when fdinfo was not captured. */
int open_file_read_info(struct open_files *files, const char *name, struct fdinfo *ret,
                        open_file_lock_fn on_lock, void *context);

#endif
