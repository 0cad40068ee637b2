/*
 * A collectd notification as the plain strings that alert_rules.h wants: numbers among the
 * meta data become text, times become nanoseconds. The only file beside the glue that
 * knows notification_t.
 */
#ifndef NOTIFY_ALERTMANAGER_NOTIFICATION_H
#define NOTIFY_ALERTMANAGER_NOTIFICATION_H

#include <stdint.h>

#include "common/collectd.h"
#include "notify_alertmanager/alert_rules.h"

/* The view of one notification, valid as long as that is. About 10 kB, made for the stack. */
struct notification_view {
  struct alert_source source;
  struct alert_meta meta[ALERT_ANNOTATIONS_MAX];
  char numbers[ALERT_ANNOTATIONS_MAX][32];
};

/* host is taken where the notification names none. Meta data past ALERT_ANNOTATIONS_MAX are
 * counted and left out. */
void notification_view_init(struct notification_view *view, const notification_t *n,
                            const char *host);

/*
 * When what it tells of came to pass, in nanoseconds since 1970: for a red flag of the sidecar
 * plugin that turned its meta datum "since" (seconds since 1970), otherwise the
 * notification's own time; wall_ns, the present, where that is missing or lies in the future.
 */
int64_t notification_time_ns(const struct notification_view *view, const notification_t *n,
                             int64_t wall_ns);

#endif
