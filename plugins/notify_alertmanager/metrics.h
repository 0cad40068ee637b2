/*
 * The plugin's own metrics in one table: collectd type, kind, type instances, unit and meaning.
 * Tests compare it with the data sets, notify_alertmanager.types.db and the man page. Pure;
 * plugin.c makes value lists of the values.
 *
 * plugin_instance is the node's name, or "all" for what does not belong to one node.
 */
#ifndef NOTIFY_ALERTMANAGER_METRICS_H
#define NOTIFY_ALERTMANAGER_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "notify_alertmanager/delivery.h"
#include "notify_alertmanager/store.h"

enum metric {
  METRIC_ALERTS,
  METRIC_NOTIFICATIONS,
  METRIC_DROPPED,
  METRIC_EXPIRED,
  METRIC_STATE_SAVED,
  METRIC_QUEUE_LENGTH,
  METRIC_POSTS,
  METRIC_REJECTED,
  METRIC_POST_DURATION,
  METRIC_LAST_SUCCESS,
  METRICS
};

struct metric_info {
  const char *type; /* in Prometheus collectd_notify_alertmanager_<type> */
  bool derive;      /* counts up; otherwise a gauge */
  bool of_node;
  const char *instances; /* type instances, space-separated; "" none */
  const char *unit;
  const char *help;
};

extern const struct metric_info metrics[METRICS];

#define METRICS_ALL "all"

/* Called with one value; that of a derive is a whole number. */
typedef void (*metric_fn)(void *context, enum metric metric, const char *plugin_instance,
                          const char *type_instance, double value);

/* state_saved is 1 or 0, or negative if no state is kept (then it is absent). */
void metrics_of_store(const struct store_counts *counts, int state_saved, metric_fn emit,
                      void *context);

/* What has not happened yet, such as a last success, is absent. */
void metrics_of_node(const char *node, const struct delivery_stats *stats, metric_fn emit,
                     void *context);

#endif
