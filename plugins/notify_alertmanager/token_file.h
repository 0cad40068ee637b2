/*
 * The file with a bearer token. It is opened by its name for each post, and so followed when it
 * is written, replaced by rename(2), or reached over symbolic links that change, as Kubernetes
 * rotates its tokens. Whatever it is, reading ends: it does not wait for a FIFO's writer, and
 * is limited in size.
 */
#ifndef NOTIFY_ALERTMANAGER_TOKEN_FILE_H
#define NOTIFY_ALERTMANAGER_TOKEN_FILE_H

#include "notify_alertmanager/header.h"

enum { TOKEN_FILE_SIZE = HEADER_TOKEN_MAX + 1 }; /* of the token with its NUL */

/*
 * Reads the token to dst, which has TOKEN_FILE_SIZE bytes. Returns 0; -errno of open(2),
 * fstat(2) or read(2); -EINVAL with the reason in *ret_why, a static text that follows "it",
 * where the file is none or has no token. *ret_why is NULL otherwise, and dst "" after an
 * error.
 */
int token_file_read(const char *path, char *dst, const char **ret_why);

#endif
