/*
 * How far this host's clock is ahead of a node's or behind it, from the header Date of the
 * node's responses, and the times of alerts that a post to it should contain. Pure.
 *
 * Alertmanager (0.25, POST /api/v2/alerts) compares both times of an alert with its own clock.
 * To one without endsAt it adds now + resolve_timeout, and answers 400 if startsAt is after
 * that. An endsAt in its future is accepted, and the alert fires until then. So neither the
 * start nor the end of an alert may be after the node's present; a time that is too early does
 * no harm. Of a start that moves with each post Alertmanager keeps the earliest, as long as the
 * alert is renewed.
 *
 * An alert that fires gets an endsAt ahead, as Prometheus sends it, so that resolve_timeout
 * does not matter. With clocks that differ it would resolve the alert at once, or let it fire
 * long after collectd has gone: it is left out then, and resolve_timeout counts. Of two ends
 * that are given and in its future Alertmanager keeps the later one (types.Alert.Merge). So the
 * end of a resolved alert has to be one that the node's clock has passed for sure, or the end
 * ahead of the last renewal would count. Without startsAt the node would use its own clock, but
 * an end needs a time in any case.
 */
#ifndef NOTIFY_ALERTMANAGER_NODE_CLOCK_H
#define NOTIFY_ALERTMANAGER_NODE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* All zero: no response yet. */
struct node_clock {
  bool known;
  int64_t ahead_ns;     /* negative: this host's is behind; 0: they agree */
  int64_t ahead_max_ns; /* at the last response it was not more than that: Date is no later */
  int64_t offset_ns;    /* wall time minus monotonic time at the last response */
};

/*
 * Processes a response that took duration_ns and came at wall_ns (since 1970) and monotonic_ns.
 * date_seconds is its Date, 0 without one. Returns true if the times are others than in the
 * post, which may have been in the node's future, or had no end ahead because this is the first
 * Date.
 */
bool node_clock_update(struct node_clock *clock, int64_t date_seconds, uint64_t duration_ns,
                       int64_t wall_ns, uint64_t monotonic_ns);

/* The times of an alert, since 1970; ends_ns is 0 while it fires. */
struct node_times {
  int64_t starts_ns, ends_ns;
};

/*
 * The times for a post made now: neither is after the node's present, nor the start after the
 * end, which is also not after what the last Date proves to have passed. Before the first Date
 * this host's clock counts. If that was set, or the host slept, since the last response, the
 * start is left alone for once, as it may be right; node_clock_update then has the post
 * repeated.
 */
struct node_times node_clock_limit(const struct node_clock *clock, struct node_times times,
                                   int64_t wall_ns, uint64_t monotonic_ns);

/*
 * The end of an alert that fires, in a post made now: ahead_ns after the node's present. 0, for
 * none, if that is not known (no Date yet, or this host's clock was set since), or if the
 * clocks differ by more than a minute: it is not known then which of them is right, and the
 * Date may be a proxy's.
 */
int64_t node_clock_end_ahead(const struct node_clock *clock, uint64_t ahead_ns, int64_t wall_ns,
                             uint64_t monotonic_ns);

#endif
