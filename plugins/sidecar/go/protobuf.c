/* Numbers, strings and messages on the wire; see protobuf.h. */
#include "sidecar/go/protobuf.h"

#include <errno.h>

enum { NUMBER = 0, FIXED_64 = 1, BYTES = 2, FIXED_32 = 5 }; /* wire types */

/* At most ten bytes of seven bits, the least significant first. */
static int take_varint(struct span *from, uint64_t *ret) {
  uint64_t value = 0;
  for (size_t i = 0; i < from->len && i < 10; i++) {
    uint64_t bits = (unsigned char)from->at[i] & 0x7F;
    if (i == 9 && bits > 1)
      return -EBADMSG;
    value |= bits << (7 * i);
    if (((unsigned char)from->at[i] & 0x80) == 0) {
      *ret = value;
      *from = span_make(from->at + i + 1, from->len - i - 1);
      return 0;
    }
  }
  return -EBADMSG;
}

static int take_bytes(struct span *from, uint64_t len, struct span *ret) {
  if (len > from->len)
    return -EBADMSG;
  *ret = span_make(from->at, len);
  *from = span_make(from->at + len, from->len - len);
  return 0;
}

/* Numbers of fixed size, the least significant byte first. */
static int take_fixed(struct span *from, size_t size, uint64_t *ret) {
  struct span bytes;
  if (take_bytes(from, size, &bytes) != 0)
    return -EBADMSG;
  *ret = 0;
  for (size_t i = size; i > 0; i--)
    *ret = *ret << 8 | (unsigned char)bytes.at[i - 1];
  return 0;
}

static int take_value(struct span *from, uint64_t wire_type, struct protobuf_field *ret) {
  ret->is_bytes = wire_type == BYTES;
  switch (wire_type) {
  case NUMBER:
    return take_varint(from, &ret->value);
  case FIXED_64:
    return take_fixed(from, 8, &ret->value);
  case FIXED_32:
    return take_fixed(from, 4, &ret->value);
  case BYTES:
    if (take_varint(from, &ret->value) != 0)
      return -EBADMSG;
    return take_bytes(from, ret->value, &ret->bytes);
  default:
    return -EBADMSG;
  }
}

int protobuf_next(struct span *message, struct protobuf_field *ret) {
  uint64_t tag;
  if (message->len == 0)
    return 0;
  *ret = (struct protobuf_field){.bytes = span_make("", 0)};
  if (take_varint(message, &tag) != 0)
    return -EBADMSG;
  ret->number = tag >> 3;
  return take_value(message, tag & 7, ret) == 0 ? 1 : -EBADMSG;
}

int protobuf_next_packed(struct span *packed, uint64_t *ret) {
  if (packed->len == 0)
    return 0;
  return take_varint(packed, ret) == 0 ? 1 : -EBADMSG;
}
