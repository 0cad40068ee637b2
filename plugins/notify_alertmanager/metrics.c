/* The plugin's own metrics; see metrics.h. */
#include "notify_alertmanager/metrics.h"

const struct metric_info metrics[METRICS] = {
    [METRIC_ALERTS] = {"alerts", false, false, "firing resolved", "alerts",
                       "alerts that fire, and resolved ones whose resolution is re-sent"},
    [METRIC_NOTIFICATIONS] = {"alert_notifications", true, false, "", "notifications",
                              "notifications received from collectd"},
    [METRIC_DROPPED] = {"alerts_dropped", true, false, "firing resolved", "alerts",
                        "new alerts dropped because the store was full, and resolved ones "
                        "removed early to make room; if above 0, raise QueueLimit"},
    [METRIC_EXPIRED] = {"alerts_expired", true, false, "", "alerts",
                        "alerts resolved because their source stopped confirming them"},
    [METRIC_STATE_SAVED] = {"alert_state_saved", false, false, "", "0 or 1",
                            "whether the last attempt to write the state file succeeded"},
    [METRIC_QUEUE_LENGTH] = {"alert_queue_length", false, true, "", "alerts",
                             "alerts that changed and are not yet delivered to this node"},
    [METRIC_POSTS] = {"alert_posts", true, true, "ok failed", "posts",
                      "posts to this node, by outcome"},
    [METRIC_REJECTED] = {"alerts_rejected", true, true, "", "alerts",
                         "alerts that this node rejected although it accepts others; the log "
                         "has the reason"},
    [METRIC_POST_DURATION] = {"alert_post_duration_seconds", false, true, "", "seconds",
                              "how long the last accepted post took"},
    [METRIC_LAST_SUCCESS] = {"alert_last_success_time_seconds", false, true, "",
                             "seconds since 1970",
                             "when this node last accepted a post; absent before the first"},
};

void metrics_of_store(const struct store_counts *counts, int state_saved, metric_fn emit,
                      void *context) {
  emit(context, METRIC_ALERTS, METRICS_ALL, "firing", (double)counts->firing);
  emit(context, METRIC_ALERTS, METRICS_ALL, "resolved", (double)counts->resolved);
  emit(context, METRIC_NOTIFICATIONS, METRICS_ALL, "", (double)counts->received);
  emit(context, METRIC_DROPPED, METRICS_ALL, "firing", (double)counts->dropped_firing);
  emit(context, METRIC_DROPPED, METRICS_ALL, "resolved", (double)counts->dropped_resolved);
  emit(context, METRIC_EXPIRED, METRICS_ALL, "", (double)counts->expired);
  if (state_saved >= 0)
    emit(context, METRIC_STATE_SAVED, METRICS_ALL, "", state_saved);
}

void metrics_of_node(const char *node, const struct delivery_stats *stats, metric_fn emit,
                     void *context) {
  emit(context, METRIC_QUEUE_LENGTH, node, "", (double)stats->waiting);
  emit(context, METRIC_POSTS, node, "ok", (double)stats->posts_ok);
  emit(context, METRIC_POSTS, node, "failed", (double)stats->posts_failed);
  emit(context, METRIC_REJECTED, node, "", (double)stats->alerts_rejected);
  if (stats->last_success_ns == 0)
    return;
  emit(context, METRIC_POST_DURATION, node, "", (double)stats->last_duration_ns / 1e9);
  emit(context, METRIC_LAST_SUCCESS, node, "", (double)stats->last_success_ns / 1e9);
}
