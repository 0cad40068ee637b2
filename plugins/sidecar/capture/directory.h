/*
 * Directories and files below the capture folder, safe against other users: opened without
 * following links, made with mode 0700 or 0600 whatever the umask, and refused when another
 * user owns them or may write to them. Everything below the capture folder is reached through
 * these descriptors. What is in there is inventory.h's and writer.h's business.
 */
#ifndef SIDECAR_CAPTURE_DIRECTORY_H
#define SIDECAR_CAPTURE_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/scan.h"

struct stat;

/*
 * Opens the directory at an absolute path; its last component is made when it does not exist.
 * Links on the way are followed only in directories that nobody but root and this user may
 * write to. Returns 0 with *ret_fd, which the caller closes; -EPERM when the directory belongs
 * to another user or others may write to it; -ELOOP or -ENOTDIR when it is a link or no
 * directory; -EINVAL for "/"; -ENOMEM; -errno.
 */
int directory_open_path(const char *path, int *ret_fd);

/* The same for a name in an open directory; makes it only if `make`. */
int directory_open(int parent, const char *name, bool make, int *ret_fd);

/* A new file of mode 0600, open for writing. Returns its descriptor; -EEXIST; -errno. */
int directory_create_file(int directory, const char *name);

/* fsync(2) of a file or directory; that a file system cannot do it is no error. Returns 0 or
 * -errno. */
int directory_sync(int fd);

/* Replaces a file of this name, in one step and never through a link, and brings the new one to
 * the disk. Names of up to 128 bytes. Returns 0, or -errno with the old file in its place. */
int directory_replace_file(int directory, const char *name, struct span text);

/* What a file takes on its disk: its blocks, or its size where that is more. */
uint64_t directory_file_bytes(const struct stat *st);

/* Called for each name but "." and ".."; what it returns, if not 0, ends the walk. */
typedef int (*directory_entry_fn)(void *context, const char *name);

/* Returns 0, what the function returned, or -errno. */
int directory_walk(int directory, directory_entry_fn on_entry, void *context);

/* Removes a directory and the files in it, but no directories in it. One that does not exist is
 * no error. Returns 0 or -errno. */
int directory_remove(int parent, const char *name);

/*
 * The prefix of names that are being written or removed: hidden, and removed by
 * directory_sweep() if the daemon ended before the work was done.
 */
#define DIRECTORY_TEMPORARY ".tmp-"

/* Removes leftovers with that prefix; those that cannot be removed stay. */
void directory_sweep(int directory);

/* What an administrator can do about an error of the functions above (a negative errno), for
 * one line in the log. Never NULL. */
const char *directory_error_hint(int error);

#endif
