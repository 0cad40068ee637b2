/*
 * What the log hears of a node: once when something goes wrong, with the remedy, then with
 * back-off, and once when it is right again. Turns events into lines; who logs them is the
 * caller's business.
 */
#ifndef NOTIFY_ALERTMANAGER_REPORT_H
#define NOTIFY_ALERTMANAGER_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/backoff.h"
#include "notify_alertmanager/sender.h"

enum { REPORT_LINE_SIZE = 1200 };

/* Of one node, all zero at first; used by its thread alone. */
struct report {
  struct backoff failed, refused, rejected;
};

enum report_level { REPORT_NOTHING, REPORT_NOTICE, REPORT_WARNING, REPORT_ERROR };

/*
 * Takes an event at now_ns (monotonic). Returns how loud the line in dst (REPORT_LINE_SIZE
 * bytes) is, or that there is nothing to say. url is the node's.
 */
enum report_level report_event(struct report *report, const struct sender_event *event,
                               const char *url, uint64_t now_ns, char *dst);

#endif
