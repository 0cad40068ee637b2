/*
 * Reads the fields of a message in protobuf's wire format, one by one
 * (protobuf.dev/programming-guides/encoding). Nothing is copied or allocated. Pure.
 */
#ifndef SIDECAR_GO_PROTOBUF_H
#define SIDECAR_GO_PROTOBUF_H

#include <stdint.h>

#include "common/scan.h"

struct protobuf_field {
  uint64_t number;
  bool is_bytes;     /* a string, a message or packed numbers */
  uint64_t value;    /* of a number; of one that is signed, its two's complement */
  struct span bytes; /* borrowed from the message */
};

/* Removes the next field from *message. Returns 1; 0 at the end; -EBADMSG, also for a group,
 * which is obsolete. */
int protobuf_next(struct span *message, struct protobuf_field *ret);

/* Removes the next number from packed ones. Return values as of protobuf_next(). */
int protobuf_next_packed(struct span *packed, uint64_t *ret);

#endif
