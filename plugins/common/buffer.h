/*
 * A growable byte buffer with a hard cap given when it is made, so that input from other
 * programs can never make the daemon grow without bound. Always NUL-terminated after its
 * length. Pure.
 */
#ifndef COMMON_BUFFER_H
#define COMMON_BUFFER_H

#include <stddef.h>

#include "common/scan.h"

struct buffer {
  char *data; /* owned; NULL until something was appended */
  size_t len;
  size_t capacity;
  size_t max; /* never grows past this many bytes */
};

/* An empty buffer that takes at most max bytes. Allocates nothing. */
struct buffer buffer_make(size_t max);

/* Makes b such a buffer; what it held before is not freed. */
void buffer_init(struct buffer *b, size_t max);

/* Drops the bytes and keeps the memory for the next use. */
void buffer_reset(struct buffer *b);

/* Frees the memory. The buffer may be used again. NULL is fine. */
void buffer_free(struct buffer *b);

/*
 * Appends len bytes whole or not at all; not bytes of the buffer itself. Returns 0, -EMSGSIZE
 * when the cap would be exceeded, -ENOMEM.
 */
int buffer_append(struct buffer *b, const char *bytes, size_t len);

/* As buffer_append, for a string. */
int buffer_append_string(struct buffer *b, const char *string);

/* As buffer_append, for printf(3) output. -EINVAL when the format cannot be written. */
int buffer_printf(struct buffer *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes room for len more bytes after the end and returns where they go, or NULL with
 * nothing changed (cap or memory). The caller adds to b->len what it wrote. */
char *buffer_reserve(struct buffer *b, size_t len);

/* The bytes as a span; valid until the buffer changes. */
static inline struct span buffer_span(const struct buffer *b) {
  return span_make(b->data != NULL ? b->data : "", b->len);
}

/* The bytes as a NUL-terminated string, "" when empty; valid until the buffer changes. */
static inline const char *buffer_string(const struct buffer *b) {
  return b->data != NULL ? b->data : "";
}

/* Declares an empty buffer that takes at most max bytes and is freed with its scope. */
#define autobuffer(name, max)                                                                  \
  __attribute__((cleanup(buffer_free))) struct buffer name = buffer_make(max)

#endif
