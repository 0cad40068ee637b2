/*
 * Lines by key; see proc_status.h. This runs once a pulse for every process: a line is
 * looked at closer only when its first letter says that it may be one of ours, and the
 * walk ends with the last line wanted, well before the lists of CPUs and memory nodes.
 */
#include "sidecar/parse/proc_status.h"

#include <errno.h>

/* Where the value of a line belongs; NULL when it is none of ours. Takes the key off. */
static uint64_t *find_field(struct proc_status *status, struct span *line) {
  if (line->len < 8)
    return NULL;
  if (line->at[0] == 'V') {
    if (scan_literal(line, "VmHWM:"))
      return &status->resident_peak;
    if (scan_literal(line, "VmRSS:"))
      return &status->resident;
    if (scan_literal(line, "VmSwap:"))
      return &status->swap;
  } else if (line->at[0] == 'R') {
    if (scan_literal(line, "RssAnon:"))
      return &status->anon;
    if (scan_literal(line, "RssFile:"))
      return &status->file;
    if (scan_literal(line, "RssShmem:"))
      return &status->shmem;
  }
  return NULL;
}

int proc_status_parse(struct span text, struct proc_status *ret) {
  struct proc_status status = {.resident_peak = VALUE_UNKNOWN,
                               .resident = VALUE_UNKNOWN,
                               .anon = VALUE_UNKNOWN,
                               .file = VALUE_UNKNOWN,
                               .shmem = VALUE_UNKNOWN,
                               .swap = VALUE_UNKNOWN};
  struct span line;

  while (status.swap == VALUE_UNKNOWN && scan_line(&text, &line)) {
    uint64_t *field = find_field(&status, &line);
    if (field != NULL && scan_whole_kilobytes(line, field) != 0)
      return -EBADMSG;
  }
  if (status.resident == VALUE_UNKNOWN)
    return -ENODATA;
  *ret = status;
  return 0;
}

static int take_count(struct span value, uint64_t *ret) {
  scan_blanks(&value);
  return scan_whole_u64(value, 0, VALUE_UNKNOWN - 1, ret) == 0 ? 0 : -EBADMSG;
}

int proc_status_parse_switches(struct span text, uint64_t *ret_voluntary,
                               uint64_t *ret_involuntary) {
  uint64_t voluntary = VALUE_UNKNOWN, involuntary = VALUE_UNKNOWN;
  struct span line;
  int status = 0;

  text = scan_whole_lines(text);
  while (status == 0 && scan_line(&text, &line)) {
    if (scan_literal(&line, "voluntary_ctxt_switches:"))
      status = take_count(line, &voluntary);
    else if (scan_literal(&line, "nonvoluntary_ctxt_switches:"))
      status = take_count(line, &involuntary);
  }
  if (voluntary == VALUE_UNKNOWN || involuntary == VALUE_UNKNOWN)
    return -EBADMSG;
  *ret_voluntary = voluntary;
  *ret_involuntary = involuntary;
  return 0;
}
