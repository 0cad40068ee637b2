/*
 * Says of one process which rule of the discovery it matches. Split from the scan, which
 * decides when that is worth asking.
 */
#ifndef SIDECAR_LINUX_DISCOVERY_JUDGE_H
#define SIDECAR_LINUX_DISCOVERY_JUDGE_H

#include <stdint.h>

#include "common/buffer.h"
#include "sidecar/os/discovery.h"

enum { DISCOVERY_NO_RULE = UINT16_MAX };

struct discovery_judge {
  struct host *host;
  const struct discovery_rule *rules; /* borrowed */
  size_t rules_len;
  struct buffer command_line; /* scratch */
};

void discovery_judge_init(struct discovery_judge *judge, struct host *host,
                          const struct discovery_rule *rules, size_t rules_len);
void discovery_judge_free(struct discovery_judge *judge);

/*
 * Sets *rule to the index of the first rule that the process matches, or to
 * DISCOVERY_NO_RULE: also for kernel threads, zombies and processes that are gone. It is
 * left as it was when there was no memory or no descriptor to find out: that is no reason
 * to lose sight of a process.
 */
void discovery_judge(struct discovery_judge *judge, pid_t pid, uint16_t *rule);

#endif
