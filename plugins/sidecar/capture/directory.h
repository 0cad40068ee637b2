/*
 * Directories and files below the capture directory, safe against other users: opened without
 * following links, created with mode 0700 or 0600 regardless of the umask, and rejected when
 * another user owns them or may write to them. Everything below the capture directory is
 * accessed through these descriptors. Its contents are left to inventory.h and writer.h.
 */
#ifndef SIDECAR_CAPTURE_DIRECTORY_H
#define SIDECAR_CAPTURE_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/scan.h"

struct stat;

enum { DIRECTORY_PATH_MAX = 512 };

/*
 * Opens the directory at an absolute path; its last component is created if it does not exist.
 * Links in the path are followed only in directories that only root and this user may write to.
 *
 * Each directory on the way, also that of a link's target, must belong to root or this user:
 * its owner could replace what is below it. If others may write to it, it must be sticky, as
 * /tmp is, so that they cannot rename what is ours; or their group must be this process's, or
 * one of the system's, such as syslog's, which /var/log belongs to on some systems: its members
 * are daemons, and what they put in the place of our directory is not ours, which is noticed.
 * Of a user namespace, ids from outside cannot be told from each other, and are taken for
 * root's.
 *
 * Returns 0 with *ret_fd, which the caller closes; -EPERM when the directory belongs to another
 * user or others may write to it; -ELOOP or -ENOTDIR when it is a link or not a directory;
 * -EINVAL for "/"; -ENAMETOOLONG; -errno. ret_parent is "", or the directory on the way, or the
 * link, that is the reason for -EPERM or -ENOTDIR.
 */
int directory_open_path(const char *path, int *ret_fd, char ret_parent[DIRECTORY_PATH_MAX]);

/* Opens a directory by its name in an open one; creates it only if `make`. Returns as above. */
int directory_open(int parent, const char *name, bool make, int *ret_fd);

/* A new file of mode 0600, open for writing. Returns its descriptor; -EEXIST; -errno. */
int directory_create_file(int directory, const char *name);

/* fsync(2) of a file or directory; not an error if the file system does not support it. Returns
 * 0 or -errno. */
int directory_sync(int fd);

/* Replaces a file of this name atomically, never through a link, and syncs the new one to disk.
 * Names of up to 128 bytes. Returns 0, or -errno with the old file unchanged. */
int directory_replace_file(int directory, const char *name, struct span text);

/* The disk space of a file: its blocks, or its size if that is more. */
uint64_t directory_file_bytes(const struct stat *st);

/* Called for each name except "." and ".."; a return value other than 0 ends the walk. */
typedef int (*directory_entry_fn)(void *context, const char *name);

/* Returns 0, the function's return value, or -errno. */
int directory_walk(int directory, directory_entry_fn on_entry, void *context);

/* Removes a directory and the files in it, but no subdirectories. Not an error if it does not
 * exist. Returns 0 or -errno. */
int directory_remove(int parent, const char *name);

/*
 * The prefix of names that are being written or removed: hidden, and removed by
 * directory_sweep() if the daemon ended before the work was done.
 */
#define DIRECTORY_TEMPORARY ".tmp-"

/* Removes leftovers with that prefix, if possible. */
void directory_sweep(int directory);

/* A hint for the log how to fix an error (a negative errno) of the functions above, of a
 * directory on the way if is_parent. Never NULL. */
const char *directory_error_hint(int error, bool is_parent);

#endif
