/* Harmless names; see name.h. */
#include "sidecar/capture/name.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/scan.h"
#include "common/text.h"
#include "sidecar/capture/hash.h"

/* --- of instances --- */

enum { HASH_LEN = sizeof("%-0123456789abcdef") - 1 };

static bool stands_for_itself(uint32_t code, bool is_first) {
  if (code >= 0x80)
    return text_is_harmless(code);
  if ((code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') ||
      (code >= '0' && code <= '9'))
    return true;
  if (code == '.' || code == '-')
    return !is_first;
  return code != 0 && strchr("_+@=,", (int)code) != NULL;
}

void capture_name_instance(const char *instance, char ret[CAPTURE_FILE_NAME_MAX]) {
  struct span whole = span_of(instance), s = whole;
  size_t len = 0, cut = 0; /* cut: where the hash still fits */

  while (s.len > 0) {
    char piece[4 * 3 + 1];
    uint32_t code = 0;
    size_t taken = text_utf8_character(s, &code), piece_len = 0;
    if (taken > 0 && stands_for_itself(code, len == 0)) {
      memcpy(piece, s.at, taken);
      piece_len = taken;
    } else {
      taken = taken > 0 ? taken : 1;
      for (size_t i = 0; i < taken; i++)
        piece_len += (size_t)snprintf(piece + piece_len, sizeof(piece) - piece_len, "%%%02X",
                                      (unsigned char)s.at[i]);
    }
    if (len + piece_len > CAPTURE_FILE_NAME_MAX - 1) {
      /* no escape begins with "%-" */
      snprintf(ret + cut, HASH_LEN + 1, "%%-%016" PRIx64, hash_fnv1a(whole));
      return;
    }
    memcpy(ret + len, piece, piece_len);
    len += piece_len;
    if (len + HASH_LEN <= CAPTURE_FILE_NAME_MAX - 1)
      cut = len;
    s.at += taken;
    s.len -= taken;
  }
  ret[len] = '\0';
  if (len == 0) /* no escape is this */
    snprintf(ret, CAPTURE_FILE_NAME_MAX, "%%unnamed");
}

/* --- of bundles --- */

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

/* Times past the year 9999 or before the epoch are no times of bundles. */
static struct tm broken_down(int64_t wall_time_ms, int *ret_milliseconds) {
  static const int64_t LAST_MS = 253402300799999;
  if (wall_time_ms < 0)
    wall_time_ms = 0;
  if (wall_time_ms > LAST_MS)
    wall_time_ms = LAST_MS;
  time_t seconds = (time_t)(wall_time_ms / 1000);
  struct tm tm = {0};
  gmtime_r(&seconds, &tm);
  *ret_milliseconds = (int)(wall_time_ms % 1000);
  return tm;
}

void capture_time_compact(int64_t wall_time_ms, char ret[CAPTURE_TIME_MAX]) {
  int milliseconds;
  struct tm tm = broken_down(wall_time_ms, &milliseconds);
  size_t len = strftime(ret, CAPTURE_TIME_MAX, "%Y%m%dT%H%M%S", &tm);
  snprintf(ret + len, CAPTURE_TIME_MAX - len, ".%03dZ", milliseconds);
}

void capture_time_readable(int64_t wall_time_ms, char ret[CAPTURE_TIME_MAX]) {
  int milliseconds;
  struct tm tm = broken_down(wall_time_ms, &milliseconds);
  strftime(ret, CAPTURE_TIME_MAX, "%Y-%m-%d %H:%M:%S UTC", &tm);
}

void capture_name_bundle(const struct capture_bundle_name *bundle,
                         char ret[CAPTURE_BUNDLE_NAME_MAX]) {
  char moment[CAPTURE_TIME_MAX];
  capture_time_compact(bundle->wall_time_ms, moment);
  snprintf(ret, CAPTURE_BUNDLE_NAME_MAX, "%s-pid%d-%s", moment, (int)bundle->pid,
           bundle->reason);
}

/* 'd' stands for a digit. */
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
