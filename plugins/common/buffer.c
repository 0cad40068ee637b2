/*
 * The capped buffer; see buffer.h. Growth doubles, so that appending byte by byte stays
 * linear; the cap is checked before any memory is allocated.
 */
#include "common/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 256 };

struct buffer buffer_make(size_t max) {
  /* one byte is for the NUL, and doubling must not wrap */
  return (struct buffer){.max = max < SIZE_MAX / 2 ? max : SIZE_MAX / 2 - 1};
}

void buffer_init(struct buffer *b, size_t max) {
  *b = buffer_make(max);
}

struct buffer buffer_in(char *memory, size_t size) {
  memory[0] = '\0';
  return (struct buffer){.data = memory, .capacity = size, .max = size - 1};
}

void buffer_reset(struct buffer *b) {
  b->len = 0;
  if (b->data != NULL)
    b->data[0] = '\0';
}

void buffer_free(struct buffer *b) {
  if (b == NULL)
    return;
  free(b->data);
  buffer_init(b, b->max);
}

static int buffer_grow(struct buffer *b, size_t more) {
  if (more > b->max || b->len > b->max - more)
    return -EMSGSIZE;
  size_t needed = b->len + more + 1;
  if (needed <= b->capacity)
    return 0;

  size_t capacity = b->capacity > 0 ? b->capacity : FIRST_CAPACITY;
  while (capacity < needed)
    capacity *= 2;
  if (capacity > b->max + 1)
    capacity = b->max + 1;

  char *data = realloc(b->data, capacity);
  if (data == NULL)
    return -ENOMEM;
  b->data = data;
  b->capacity = capacity;
  b->data[b->len] = '\0';
  return 0;
}

int buffer_append(struct buffer *b, const char *bytes, size_t len) {
  int status = buffer_grow(b, len);
  if (status != 0)
    return status;
  if (len > 0) /* bytes may be NULL in that case */
    memcpy(b->data + b->len, bytes, len);
  b->len += len;
  b->data[b->len] = '\0';
  return 0;
}

int buffer_append_string(struct buffer *b, const char *string) {
  return buffer_append(b, string, strlen(string));
}

char *buffer_reserve(struct buffer *b, size_t len) {
  return buffer_grow(b, len) == 0 ? b->data + b->len : NULL;
}

int buffer_printf(struct buffer *b, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int len = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (len < 0)
    return -EINVAL;

  int status = buffer_grow(b, (size_t)len);
  if (status != 0)
    return status;
  va_start(arguments, format);
  vsnprintf(b->data + b->len, (size_t)len + 1, format, arguments);
  va_end(arguments);
  b->len += (size_t)len;
  return 0;
}
