/*
 * Why a server refused a post, out of the body of its answer: Alertmanager's JSON string
 * ("...") or object ({"code":..,"message":".."}), or whatever a proxy in front of it says.
 * Pure.
 */
#ifndef NOTIFY_ALERTMANAGER_RESPONSE_H
#define NOTIFY_ALERTMANAGER_RESPONSE_H

#include "common/scan.h"

enum {
  RESPONSE_BYTES_MAX = 16 * 1024, /* more of a body is not looked at */
  RESPONSE_REASON_SIZE = 512,
};

/*
 * Writes the reason to dst (RESPONSE_REASON_SIZE bytes) as one printable line: the JSON
 * string; the object's "message" or "error"; otherwise the first line that is not blank.
 * "" when there is none. A body that was cut off is read as far as it goes. Returns dst.
 */
char *response_reason(char *dst, struct span body);

#endif
