/*
 * One line of the state file: an alert and when it began, ended and changed, as JSON behind
 * a checksum: "0123456789abcdef {...}". Written and read with yajl. Pure.
 *
 * The checksum (64-bit FNV-1a of the JSON, hexadecimal) finds what a disk or an editor did
 * to a line; it is no protection against anybody.
 */
#ifndef NOTIFY_ALERTMANAGER_STATE_RECORD_H
#define NOTIFY_ALERTMANAGER_STATE_RECORD_H

#include <stdint.h>

#include "common/buffer.h"
#include "notify_alertmanager/alert.h"
#include "notify_alertmanager/alert_json.h"

/* The first line of the file. A file with another one is not ours, or of another version. */
#define STATE_RECORD_HEADER "collectd notify_alertmanager state, version 1"

enum { STATE_RECORD_BYTES_MAX = ALERT_JSON_BYTES_MAX + 256 };

struct state_record {
  struct alert *alert; /* one reference */
  int64_t starts_ns;   /* since 1970 */
  int64_t ends_ns;     /* 0 while it fires */
  int64_t changed_ns;  /* last word of its source, or when it was resolved */
};

/* Appends the line with its "\n" to the writer's buffer. Returns 0, -EMSGSIZE or -ENOMEM; the
 * buffer may then hold a part of it. */
int state_record_write(struct json_writer *w, const struct state_record *record);

/*
 * Reads a line without its "\n". Keys it does not know are passed over. Returns 0 and a
 * reference in ret->alert; -EBADMSG when the checksum does not hold, -EINVAL when it is no
 * record (no JSON, no identity among the labels, times that cannot be), -ENOMEM.
 */
int state_record_read(struct span line, struct state_record *ret);

#endif
