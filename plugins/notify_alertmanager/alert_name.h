/*
 * The name an alert goes by in Alertmanager when the configuration gives none. The red
 * flags of the sidecar plugin have the names, and the summaries, of the Prometheus rules
 * for the same flags, so that one silence or route holds for both ways; everything else is
 * named after its collectd plugin and type. Pure.
 */
#ifndef NOTIFY_ALERTMANAGER_ALERT_NAME_H
#define NOTIFY_ALERTMANAGER_ALERT_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Mixins keep names within 40 characters; their linters say so. */
enum { ALERT_NAME_MAX = 40 };

struct alert_flag {
  const char *flag;      /* type_instance of the notification */
  const char *alertname; /* at most ALERT_NAME_MAX characters */
  const char *summary;   /* one static sentence */
  bool information;      /* severity is "info", whatever collectd's is */
};

/* Every red flag of the sidecar plugin, ended by one whose flag is NULL. */
extern const struct alert_flag alert_flags[];

/* The row of a red flag, or NULL when the table has none. */
const struct alert_flag *alert_flag_find(const char *flag);

/*
 * Writes the name of a notification to dst, which has room for ALERT_NAME_MAX + 1 bytes:
 * the table's for a red flag, otherwise "Collectd" with the words of plugin and type in
 * CamelCase, the plugin's not said twice: df/percent_bytes is CollectdDfPercentBytes,
 * ping/ping_droprate is CollectdPingDroprate. What is no ASCII letter or digit ends a
 * word. Never empty.
 */
void alert_name_derive(char *dst, const char *plugin, const char *type,
                       const char *type_instance);

/* Is this notification a red flag of the sidecar plugin? */
bool alert_is_red_flag(const char *plugin, const char *type);

#endif
