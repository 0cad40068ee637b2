/*
 * A small state machine over the entries; see environ.h. memchr skips unwanted entries, so a
 * large environment costs little more than reading it.
 */
#include "sidecar/linux/environ.h"

#include <errno.h>

int environ_search_start(struct environ_search *search, struct span name, char *value,
                         size_t size) {
  if (name.len == 0 || size == 0 || memchr(name.at, '=', name.len) != NULL ||
      memchr(name.at, '\0', name.len) != NULL)
    return -EINVAL;
  *search = (struct environ_search){
      .name = name, .value = value, .size = size, .state = ENVIRON_NAME};
  value[0] = '\0';
  return 0;
}

static void drop(struct span *piece, size_t len) {
  piece->at += len;
  piece->len -= len;
}

/* Compares with the name, up to the end of the chunk. */
static void feed_name(struct environ_search *search, struct span *piece) {
  while (piece->len > 0 && search->state == ENVIRON_NAME) {
    char c = *piece->at;
    bool at_end = search->matched == search->name.len;
    if (c != (at_end ? '=' : search->name.at[search->matched])) {
      search->state = ENVIRON_OTHER; /* also skips the NUL of an empty entry */
      return;
    }
    drop(piece, 1);
    if (at_end)
      search->state = ENVIRON_VALUE;
    else
      search->matched++;
  }
}

static void feed_value(struct environ_search *search, struct span *piece) {
  const char *end = memchr(piece->at, '\0', piece->len);
  size_t len = end != NULL ? (size_t)(end - piece->at) : piece->len;

  if (len >= search->size - search->value_len) {
    search->too_long = true;
  } else {
    memcpy(search->value + search->value_len, piece->at, len);
    search->value_len += len;
    search->value[search->value_len] = '\0';
  }
  if (end != NULL || search->too_long)
    search->state = ENVIRON_DONE;
  drop(piece, len);
}

static void feed_other(struct environ_search *search, struct span *piece) {
  const char *end = memchr(piece->at, '\0', piece->len);
  drop(piece, end != NULL ? (size_t)(end - piece->at) + 1 : piece->len);
  if (end != NULL) {
    search->state = ENVIRON_NAME;
    search->matched = 0;
  }
}

bool environ_search_feed(struct environ_search *search, struct span piece) {
  while (piece.len > 0 && search->state != ENVIRON_DONE) {
    if (search->state == ENVIRON_NAME)
      feed_name(search, &piece);
    else if (search->state == ENVIRON_VALUE)
      feed_value(search, &piece);
    else
      feed_other(search, &piece);
  }
  return search->state == ENVIRON_DONE;
}

int environ_search_finish(struct environ_search *search) {
  if (search->too_long) {
    explicit_bzero(search->value, search->size);
    return -ENAMETOOLONG;
  }
  return search->state == ENVIRON_VALUE || search->state == ENVIRON_DONE ? 0 : -ENODATA;
}
