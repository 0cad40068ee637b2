/* Which process; see identity.h. */
#include "sidecar/capture/identity.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

void identity_print(const struct identity *identity, char ret[IDENTITY_TEXT_MAX]) {
  snprintf(ret, IDENTITY_TEXT_MAX, "pid %d, start %" PRIu64 ", boot %s\n", (int)identity->pid,
           identity->start_ticks, identity->boot);
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
  memcpy(identity.boot, line.at, line.len);
  *ret = identity;
  return 0;
}

bool identity_equals(const struct identity *a, const struct identity *b) {
  return a->pid == b->pid && a->start_ticks == b->start_ticks && strcmp(a->boot, b->boot) == 0;
}
