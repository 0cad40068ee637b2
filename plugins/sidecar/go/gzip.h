/* Decompressing a gzip file (RFC 1952) into bounded memory. The only user of zlib. */
#ifndef SIDECAR_GO_GZIP_H
#define SIDECAR_GO_GZIP_H

#include "common/buffer.h"

/*
 * Appends what the file fd contains, from its beginning; the descriptor's offset stays where it
 * is. Returns 0; -EBADMSG when it is not one complete gzip member and nothing else; -EMSGSIZE
 * when the buffer's cap would be exceeded; -ENOMEM; -errno of pread(2). After an error the
 * buffer may have a part of it.
 */
int gzip_read(int fd, struct buffer *ret);

#endif
