/*
 * A view of a collectd notification as the plain strings that alert_rules.h needs: numbers
 * among the meta data become text, times become nanoseconds. Part of the glue: besides plugin.c
 * the only file that uses notification_t.
 */
#ifndef NOTIFY_ALERTMANAGER_NOTIFICATION_H
#define NOTIFY_ALERTMANAGER_NOTIFICATION_H

#include <stdint.h>

#include "common/collectd.h"
#include "notify_alertmanager/alert_rules.h"

/* All annotations and labels that an alert can have, and the rest of what controls it. */
enum { NOTIFICATION_META_MAX = ALERT_ANNOTATIONS_MAX + 32 };

/* The view of one notification, valid as long as that is. About 12 kB, made for the stack. */
struct notification_view {
  struct alert_source source;
  struct alert_meta meta[NOTIFICATION_META_MAX];
  char numbers[NOTIFICATION_META_MAX][32];
};

/* host is used if the notification has none. Meta data past NOTIFICATION_META_MAX are counted
 * and left out. */
void notification_view_init(struct notification_view *view, const notification_t *n,
                            const char *host);

/*
 * When the problem began or ended, in nanoseconds since 1970: the meta datum "since" (seconds
 * since 1970, of several the earliest) unless the notification is an OKAY, else the
 * notification's own time; wall_ns, the present, where that is missing or in the future.
 */
int64_t notification_time_ns(const struct notification_view *view, const notification_t *n,
                             int64_t wall_ns);

#endif
