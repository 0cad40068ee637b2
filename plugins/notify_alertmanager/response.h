/*
 * The reason why a server rejected a post, from the body of its response: Alertmanager's JSON
 * string ("...") or object ({"code":..,"message":".."}), or the text of a proxy in front of it.
 * Pure.
 */
#ifndef NOTIFY_ALERTMANAGER_RESPONSE_H
#define NOTIFY_ALERTMANAGER_RESPONSE_H

#include "common/scan.h"

enum {
  RESPONSE_BYTES_MAX = 16 * 1024, /* the rest of a body is ignored */
  RESPONSE_REASON_SIZE = 512,
};

/*
 * Writes the reason to dst (RESPONSE_REASON_SIZE bytes) as one printable line: the JSON string;
 * the object's "message" or "error"; otherwise the first line that is not blank; "" if there is
 * none. A truncated body is parsed as far as possible. Returns dst.
 */
char *response_reason(char *dst, struct span body);

#endif
