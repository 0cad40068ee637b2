/* Safe names, and the identity of a process; see name.h. */
#include "sidecar/capture/name.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/text.h"

/* --- instances --- */

/*
 * FNV-1a of 64 bits, for names that would be too long. It has no secret key, because a name
 * must be the same after a restart of the daemon. So a user can choose one that collides with
 * another's, but gains nothing by it: he can simply use the other's name while it is free.
 */
static uint64_t name_hash(struct span name) {
  uint64_t hash = 14695981039346656037u;
  for (size_t i = 0; i < name.len; i++)
    hash = (hash ^ (unsigned char)name.at[i]) * 1099511628211u;
  return hash;
}

enum {
  HASH_LEN = sizeof("%-0123456789abcdef") - 1,
  PIECE_MAX = 4 * 3 + 1, /* a character of four bytes, each escaped */
};

static bool is_kept(uint32_t code, bool is_first, bool is_reserved) {
  if (is_first && is_reserved)
    return false;
  if (code >= 0x80)
    return text_is_harmless(code);
  if ((code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') ||
      (code >= '0' && code <= '9'))
    return true;
  if (code == '.' || code == '-')
    return !is_first;
  return code != 0 && strchr("_+@=,", (int)code) != NULL;
}

/* Removes a character, or an invalid byte, from the front of *s and writes its escaped form.
 * Returns the length of that. */
static size_t take_piece(struct span *s, bool is_first, bool is_reserved,
                         char piece[PIECE_MAX]) {
  uint32_t code = 0;
  size_t taken = text_utf8_character(*s, &code), len = 0;
  if (taken > 0 && is_kept(code, is_first, is_reserved)) {
    memcpy(piece, s->at, taken);
    len = taken;
  } else {
    taken = taken > 0 ? taken : 1;
    for (size_t i = 0; i < taken; i++)
      len += (size_t)snprintf(piece + len, PIECE_MAX - len, "%%%02X", (unsigned char)s->at[i]);
  }
  *s = span_make(s->at + taken, s->len - taken);
  return len;
}

void capture_name_instance(const char *instance, char ret[CAPTURE_FILE_NAME_MAX]) {
  struct span whole = span_of(instance), s = whole;
  size_t len = 0, cut = 0; /* where to truncate, so that the hash fits */
  bool is_reserved = span_starts_with(whole, CAPTURE_DEMAND_FILE);

  while (s.len > 0) {
    char piece[PIECE_MAX];
    size_t piece_len = take_piece(&s, len == 0, is_reserved, piece);
    if (len + piece_len > CAPTURE_FILE_NAME_MAX - 1) {
      /* no escape sequence begins with "%-" */
      snprintf(ret + cut, HASH_LEN + 1, "%%-%016" PRIx64, name_hash(whole));
      return;
    }
    memcpy(ret + len, piece, piece_len);
    len += piece_len;
    if (len + HASH_LEN <= CAPTURE_FILE_NAME_MAX - 1)
      cut = len;
  }
  ret[len] = '\0';
  if (len == 0) /* not an escape sequence */
    snprintf(ret, CAPTURE_FILE_NAME_MAX, "%%unnamed");
}

/* --- bundles --- */

static bool reason_is_valid(struct span reason) {
  if (reason.len == 0 || reason.len > CAPTURE_REASON_MAX)
    return false;
  for (size_t i = 0; i < reason.len; i++) {
    char c = reason.at[i];
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
      return false;
  }
  return true;
}

bool capture_reason_is_valid(const char *reason) {
  return reason_is_valid(span_of(reason));
}

enum bundle_kind capture_bundle_kind(const char *reason) {
  if (strcmp(reason, CAPTURE_BASELINE) == 0)
    return BUNDLE_BASELINE;
  if (strcmp(reason, CAPTURE_SCHEDULED) == 0 || strcmp(reason, CAPTURE_REQUESTED) == 0)
    return BUNDLE_OF_TIME;
  return BUNDLE_OF_FLAG;
}

void capture_time_readable(int64_t wall_time_ms, char ret[CAPTURE_TIME_MAX]) {
  clock_format_utc(ret, CAPTURE_TIME_MAX, CLOCK_READABLE, wall_time_ms / 1000);
}

void capture_name_bundle(int64_t wall_time_ms, pid_t pid, const char *reason,
                         char ret[CAPTURE_BUNDLE_NAME_MAX]) {
  char date[CAPTURE_TIME_MAX];
  int64_t time_ms = wall_time_ms < 0 ? 0 : wall_time_ms;
  if (time_ms / 1000 > CLOCK_LAST_SECONDS)
    time_ms = CLOCK_LAST_SECONDS * 1000 + 999;
  clock_format_utc(date, sizeof(date), "%Y%m%dT%H%M%S", time_ms / 1000);
  snprintf(ret, CAPTURE_BUNDLE_NAME_MAX, "%s.%03dZ-pid%d-%s", date, (int)(time_ms % 1000),
           (int)pid, reason);
}

void capture_name_path(const char *folder, const struct capture_request *request,
                       char ret[CAPTURE_PATH_MAX]) {
  char instance[CAPTURE_FILE_NAME_MAX], bundle[CAPTURE_BUNDLE_NAME_MAX];
  capture_name_instance(request->instance, instance);
  capture_name_bundle(request->wall_time_ms, request->pid, request->reason, bundle);
  snprintf(ret, CAPTURE_PATH_MAX, "%s/%s/%s", folder, instance, bundle);
}

/* 'd' is any digit. */
static bool scan_form(struct span *s, const char *form) {
  size_t len = strlen(form);
  if (s->len < len)
    return false;
  for (size_t i = 0; i < len; i++) {
    bool is_digit = s->at[i] >= '0' && s->at[i] <= '9';
    if (form[i] == 'd' ? !is_digit : s->at[i] != form[i])
      return false;
  }
  *s = span_make(s->at + len, s->len - len);
  return true;
}

bool capture_name_parse_bundle(const char *name, pid_t *ret_pid,
                               char ret_reason[CAPTURE_REASON_MAX + 1]) {
  struct span s = span_of(name);
  uint64_t pid;
  if (s.len >= CAPTURE_BUNDLE_NAME_MAX || !scan_form(&s, "ddddddddTdddddd.dddZ-") ||
      !scan_literal(&s, "pid") || scan_u64(&s, &pid) != 0 || pid == 0 || pid > INT_MAX ||
      !scan_literal(&s, "-") || !reason_is_valid(s))
    return false;
  *ret_pid = (pid_t)pid;
  memcpy(ret_reason, s.at, s.len);
  ret_reason[s.len] = '\0';
  return true;
}

/* --- identity --- */

void identity_print(const struct identity *identity, char ret[IDENTITY_TEXT_MAX]) {
  snprintf(ret, IDENTITY_TEXT_MAX, "pid %d, start %" PRIu64 ", boot %s\nowner %u\n",
           (int)identity->pid, identity->start_ticks, identity->boot,
           (unsigned)identity->owner);
}

static uid_t parse_owner(struct span text) {
  struct span line;
  uint64_t owner;
  if (!scan_line(&text, &line) || !scan_literal(&line, "owner ") ||
      scan_whole_u64(line, 0, IDENTITY_OWNER_UNKNOWN, &owner) != 0)
    return IDENTITY_OWNER_UNKNOWN;
  return (uid_t)owner;
}

int identity_parse(struct span text, struct identity *ret) {
  struct identity identity = {0};
  struct span line;
  uint64_t pid;
  if (!scan_line(&text, &line) || !scan_literal(&line, "pid ") || scan_u64(&line, &pid) != 0 ||
      pid == 0 || pid > INT_MAX || !scan_literal(&line, ", start ") ||
      scan_u64(&line, &identity.start_ticks) != 0 || !scan_literal(&line, ", boot ") ||
      line.len >= sizeof(identity.boot))
    return -EBADMSG;
  identity.pid = (pid_t)pid;
  identity.owner = parse_owner(text);
  memcpy(identity.boot, line.at, line.len);
  *ret = identity;
  return 0;
}

bool identity_equals(const struct identity *a, const struct identity *b) {
  return a->pid == b->pid && a->start_ticks == b->start_ticks && strcmp(a->boot, b->boot) == 0;
}
