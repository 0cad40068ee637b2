/*
 * Log lines about a node: one with a hint when a failure begins, repeated with backoff, and one
 * when the node is back to normal. Makes lines from events; logging is up to the caller. Pure.
 */
#ifndef NOTIFY_ALERTMANAGER_REPORT_H
#define NOTIFY_ALERTMANAGER_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/backoff.h"
#include "notify_alertmanager/delivery.h"

enum { REPORT_LINE_SIZE = 1200 };

/* Of one node, all zero at first; used only by its thread. */
struct report {
  struct backoff failed, refused, rejected, clock, token;
};

enum report_level { REPORT_NOTHING, REPORT_NOTICE, REPORT_WARNING, REPORT_ERROR };

/*
 * Processes an event at now_ns (monotonic). Returns the level of the line in dst, which has
 * REPORT_LINE_SIZE bytes, or REPORT_NOTHING if none is due. url is the node's.
 */
enum report_level report_event(struct report *report, const struct delivery_event *event,
                               const char *url, uint64_t now_ns, char *dst);

#endif
