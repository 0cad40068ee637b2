/*
 * A growable byte buffer with a hard cap set at creation, so that input from other programs can
 * never make the daemon grow without bound. Always NUL-terminated. Pure.
 */
#ifndef COMMON_BUFFER_H
#define COMMON_BUFFER_H

#include <stddef.h>

#include "common/scan.h"

struct buffer {
  char *data; /* owned, but of buffer_in(); NULL until something was appended */
  size_t len;
  size_t capacity;
  size_t max; /* never grows past this many bytes */
};

/* An empty buffer that takes at most max bytes. Allocates nothing. */
struct buffer buffer_make(size_t max);

/* Initialises b as such a buffer; previous contents are not freed. */
void buffer_init(struct buffer *b, size_t max);

/* An empty buffer in memory of the caller's, size bytes, at least 1: it takes size - 1, is
 * never without memory, and is not to be freed. */
struct buffer buffer_in(char *memory, size_t size);

/* Empties the buffer and keeps the memory for the next use. */
void buffer_reset(struct buffer *b);

/* Frees the memory. The buffer may be used again. NULL is fine. */
void buffer_free(struct buffer *b);

/*
 * Appends len bytes completely or not at all; they must not be part of the buffer itself.
 * Returns 0, -EMSGSIZE when the cap would be exceeded, -ENOMEM.
 */
int buffer_append(struct buffer *b, const char *bytes, size_t len);

/* As buffer_append, for a string. */
int buffer_append_string(struct buffer *b, const char *string);

/* As buffer_append, for printf(3) output. -EINVAL when the format cannot be written. */
int buffer_printf(struct buffer *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes room for len more bytes at the end and returns a pointer to it, or NULL with nothing
 * changed (cap or memory). The caller adds the number of bytes written to b->len. */
char *buffer_reserve(struct buffer *b, size_t len);

/* The bytes as a span; valid until the buffer changes. */
static inline struct span buffer_span(const struct buffer *b) {
  return span_make(b->data != NULL ? b->data : "", b->len);
}

/* The bytes as a NUL-terminated string, "" when empty; valid until the buffer changes. */
static inline const char *buffer_string(const struct buffer *b) {
  return b->data != NULL ? b->data : "";
}

/* Declares an empty buffer of at most max bytes that is freed at the end of its scope. */
#define autobuffer(name, max)                                                                  \
  __attribute__((cleanup(buffer_free))) struct buffer name = buffer_make(max)

#endif
