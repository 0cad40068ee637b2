/*
 * One line of the state file: an alert with the times of its start, end and last change, as
 * JSON behind a checksum: "0123456789abcdef {...}". Pure.
 *
 * The checksum (64-bit FNV-1a of the JSON, hexadecimal) detects damage by a disk or an editor;
 * it does not protect against forgery.
 */
#ifndef NOTIFY_ALERTMANAGER_STATE_RECORD_H
#define NOTIFY_ALERTMANAGER_STATE_RECORD_H

#include <stdint.h>

#include "common/buffer.h"
#include "notify_alertmanager/alert.h"
#include "notify_alertmanager/alert_json.h"

/* The first line of the file. With another one it is foreign, or of another version. */
#define STATE_RECORD_HEADER "collectd notify_alertmanager state, version 1"

enum { STATE_RECORD_BYTES_MAX = ALERT_JSON_BYTES_MAX + 256 };

struct state_record {
  struct alert *alert; /* one reference */
  int64_t starts_ns;   /* since 1970 */
  int64_t ends_ns;     /* 0 while it fires */
  int64_t changed_ns;  /* when its source confirmed it last, or when it was resolved */
};

/* Appends the line with its "\n" to the writer's buffer. Returns 0, -EMSGSIZE or -ENOMEM; on an
 * error the buffer may have a part of it. */
int state_record_write(struct json_writer *w, const struct state_record *record);

/*
 * Parses a line without its "\n". Unknown keys are ignored. Returns 0 and a reference in
 * ret->alert; -EBADMSG if the checksum is wrong, -EINVAL if it is not a record (no JSON, no
 * identity among the labels, impossible times), or -ENOMEM.
 */
int state_record_read(struct span line, struct state_record *ret);

#endif
