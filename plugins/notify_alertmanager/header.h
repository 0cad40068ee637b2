/*
 * HTTP headers that the configuration adds to posts, and the bearer token that a file holds.
 * Whatever would end a header, or contradict what the plugin sets itself, is refused here.
 * Values are secrets: none is part of a reason. Pure.
 */
#ifndef NOTIFY_ALERTMANAGER_HEADER_H
#define NOTIFY_ALERTMANAGER_HEADER_H

#include <stdbool.h>

#include "common/scan.h"

enum {
  HEADER_NAME_MAX = 128,
  HEADER_VALUE_MAX = 4096,
  HEADER_TOKEN_MAX = 16 * 1024, /* servers accept less: nginx 8 KB by default */
};

/* Is it a token, as names of headers are (RFC 9110, 5.6.2), of at most HEADER_NAME_MAX bytes?
 */
bool header_is_name(struct span name);

/*
 * May a post have this header? Returns NULL, or why not: a static text that follows "it". The
 * value has no control characters, and no blanks around it, which do not belong to a value.
 */
const char *header_refusal(struct span name, struct span value);

/*
 * The bearer token in the text of a file, from which one line break at its end is removed.
 * Returns NULL, or why there is none: a static text that follows "it". A token has 1 to
 * HEADER_TOKEN_MAX bytes, printable ASCII without blanks (RFC 6750, 2.1, has fewer).
 */
const char *header_token(struct span text, struct span *ret_token);

#endif
