/*
 * An environment in chunks must give the same result as in one piece, and as a plain walk over
 * its entries. The first byte is the length of the chunks, the second the size of the value;
 * the rest is the environment, in which AB is searched.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sidecar/linux/environ.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int search(struct span text, size_t piece, char *value, size_t size) {
  struct environ_search search;
  if (environ_search_start(&search, SPAN_LITERAL("AB"), value, size) != 0)
    abort();
  while (text.len > 0) {
    size_t len = piece < text.len ? piece : text.len;
    bool done = environ_search_feed(&search, span_make(text.at, len));
    text = span_make(text.at + len, text.len - len);
    if (done)
      break;
  }
  return environ_search_finish(&search);
}

/* The contract, in a simple implementation. */
static int walk(struct span text, size_t size, struct span *ret_value) {
  while (text.len > 0) {
    const char *end = memchr(text.at, '\0', text.len);
    struct span entry = span_make(text.at, end != NULL ? (size_t)(end - text.at) : text.len);
    size_t taken = end != NULL ? entry.len + 1 : entry.len;
    text = span_make(text.at + taken, text.len - taken);
    if (!scan_literal(&entry, "AB="))
      continue;
    *ret_value = entry;
    return entry.len < size ? 0 : -ENAMETOOLONG;
  }
  return -ENODATA;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2)
    return 0;
  struct span text = span_make((const char *)data + 2, size - 2), expected = {"", 0};
  size_t piece = (size_t)data[0] + 1, room = (size_t)data[1] % 16 + 1;
  char value[16];
  int status = walk(text, room, &expected);
  if (search(text, piece, value, room) != status ||
      (status == 0 &&
       (strlen(value) != expected.len || memcmp(value, expected.at, expected.len) != 0)) ||
      (status != 0 && value[0] != '\0'))
    abort();
  return 0;
}
