/*
 * The name of an alert when neither the configuration nor the notification gives one: it is
 * made from the notification's plugin and type. Pure.
 */
#ifndef NOTIFY_ALERTMANAGER_ALERT_NAME_H
#define NOTIFY_ALERTMANAGER_ALERT_NAME_H

/* Mixins keep names within 40 characters; their linters say so. */
enum { ALERT_NAME_MAX = 40 };

/*
 * Writes the name to dst, which has room for ALERT_NAME_MAX + 1 bytes: "Collectd" with the
 * words of plugin and type in CamelCase, without the plugin's name at the start of the type:
 * df/percent_bytes is CollectdDfPercentBytes, ping/ping_droprate is CollectdPingDroprate.
 * Whatever is not an ASCII letter or digit ends a word. Never empty.
 */
void alert_name_derive(char *dst, const char *plugin, const char *type);

#endif
