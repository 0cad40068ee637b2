/* Decompressing a file piece by piece; see gzip.h. */
#include "sidecar/go/gzip.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>
#include <zlib.h>

enum { CHUNK = 16 * 1024, GZIP_ONLY = 16 /* for windowBits of inflateInit2() */ };

/* Inflates what there is of the input. Returns 0, with *ret_done at the end of the member. */
static int inflate_chunk(z_stream *stream, struct buffer *ret, bool *ret_done) {
  Bytef out[CHUNK];
  do {
    stream->next_out = out;
    stream->avail_out = sizeof(out);
    int result = inflate(stream, Z_NO_FLUSH);
    if (result == Z_MEM_ERROR)
      return -ENOMEM;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
      return -EBADMSG;
    int status = buffer_append(ret, (const char *)out, sizeof(out) - stream->avail_out);
    if (status != 0)
      return status;
    *ret_done = result == Z_STREAM_END;
  } while (!*ret_done && stream->avail_out == 0);
  return *ret_done && stream->avail_in > 0 ? -EBADMSG : 0;
}

static int inflate_file(z_stream *stream, int fd, struct buffer *ret) {
  Bytef in[CHUNK];
  off_t at = 0;
  bool is_done = false;
  for (;;) {
    ssize_t n = pread(fd, in, sizeof(in), at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -errno;
    if (n == 0)
      return is_done ? 0 : -EBADMSG;
    if (is_done)
      return -EBADMSG;
    stream->next_in = in;
    stream->avail_in = (uInt)n;
    at += n;
    int status = inflate_chunk(stream, ret, &is_done);
    if (status != 0)
      return status;
  }
}

int gzip_read(int fd, struct buffer *ret) {
  z_stream stream = {0};
  if (inflateInit2(&stream, GZIP_ONLY + MAX_WBITS) != Z_OK)
    return -ENOMEM;
  int status = inflate_file(&stream, fd, ret);
  inflateEnd(&stream);
  return status;
}
