/*
 * Folders that nobody else can have a hand in: opened without following links, made with
 * mode 0700 whatever the umask, and refused when they belong to somebody else or others may
 * write to them. Everything below the capture folder is reached through these descriptors.
 */
#ifndef SIDECAR_CAPTURE_FOLDER_H
#define SIDECAR_CAPTURE_FOLDER_H

#include <stdbool.h>

/*
 * Opens the folder at an absolute path; its last part is made when it is not there. Links on
 * the way are followed where nobody but root and we could have put them. Returns 0; -EPERM when
 * it is another user's or others may write to it; -ELOOP or -ENOTDIR when it is a link or no
 * folder; -errno.
 */
int folder_open_path(const char *path, int *ret_fd);

/* The same for a name below an open folder; makes it only if told so. */
int folder_open(int parent, const char *name, bool make, int *ret_fd);

/* A new file of mode 0600. Returns its descriptor or -errno; -EEXIST. */
int folder_create_file(int folder, const char *name);

/* To the disk; some file systems cannot do that, which is no error. Returns 0 or -errno. */
int folder_sync(int fd);

/* Called for each name but "." and ".."; what it returns, if not 0, ends the walk. */
typedef int (*folder_entry_fn)(void *context, const char *name);

/* Returns 0, what the function returned, or -errno. */
int folder_walk(int folder, folder_entry_fn on_entry, void *context);

/* Removes a folder with the files in it; not folders in it. Returns 0 or -errno. */
int folder_remove(int parent, const char *name);

/*
 * What is being written or removed stands under such a name: hidden, and swept away if the
 * daemon ended meanwhile.
 */
#define FOLDER_TEMPORARY ".tmp-"

/* Sweeps leftovers away; what cannot be removed stays. */
void folder_sweep(int folder);

#endif
