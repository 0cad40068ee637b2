/*
 * Makes an alert from a notification: its name, labels and annotations, by the configuration
 * and the notification's meta data. Pure: a notification is passed as plain strings, times
 * are left to the caller.
 */
#ifndef NOTIFY_ALERTMANAGER_ALERT_RULES_H
#define NOTIFY_ALERTMANAGER_ALERT_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "notify_alertmanager/alert.h"

enum {
  ALERT_NAME_MAX = 40,        /* characters; linters of mixins require it */
  ALERT_OWN_LABELS = 8,       /* the reserved ones, and that of PluginLabel */
  ALERT_META_LABELS_MAX = 16, /* from one notification's meta data */
};

enum alert_severity { ALERT_INFO, ALERT_WARNING, ALERT_CRITICAL };

/* The usual value of the label: "info", "warning", "critical". */
const char *alert_severity_name(enum alert_severity severity);

/* The parts of a notification; everything is borrowed. No string is NULL. */
struct alert_source {
  enum alert_severity severity;
  const char *host, *plugin, *plugin_instance, *type, *type_instance, *message;
  const struct alert_meta { struct span name, value; } * meta;
  size_t meta_len;
  size_t meta_left_out; /* number of further meta data */
};

/* A label or annotation of the configuration. */
struct alert_text {
  char *name;
  char *text; /* a template (template.h), or the value itself */
};

/* An <AlertName> block: each pattern is NULL (anything) or a shell pattern. */
struct alert_name_rule {
  char *alertname;
  char *plugin, *plugin_instance, *type, *type_instance;
};

/* Owned by the configuration (config.h). */
struct alert_rules {
  struct alert_name_rule *names; /* the first match is used */
  size_t names_len;
  struct alert_text *constants; /* Labels: the values themselves */
  size_t constants_len;
  struct alert_text *labels; /* Label: templates */
  size_t labels_len;
  struct alert_text *annotations; /* Annotation: templates */
  size_t annotations_len;
  char **plugin_labels; /* PluginLabel: plugins whose name becomes a label */
  size_t plugin_labels_len;
  char *generator_url; /* template, or NULL */
  bool severity_label; /* severity is a label; otherwise an annotation */
};

/* Is it a label that every alert has, and that nothing else may set? */
bool alert_is_reserved_label(struct span name);

/* Is it one of those, or the label of a plugin (PluginLabel)? */
bool alert_rules_own_label(const struct alert_rules *rules, struct span name);

/*
 * Writes the name that an alert has if nothing else gives one to dst, which has room for
 * ALERT_NAME_MAX + 1 bytes: "Collectd" with the words of plugin and type in CamelCase, without
 * the plugin's name at the start of the type: df/percent_bytes is CollectdDfPercentBytes,
 * ping/ping_droprate is CollectdPingDroprate. Characters other than ASCII letters and digits
 * end a word. Never empty.
 */
void alert_name_derive(char *dst, const char *plugin, const char *type);

/*
 * Makes the alert.
 *
 * Labels: instance, plugin, plugin_instance, type, type_instance (empty ones are left out),
 * alertname, severity; for the plugins of PluginLabel a label with the plugin's name and its
 * instance as value; those of the rules; at most ALERT_META_LABELS_MAX of the meta data
 * "label:NAME", in the order of their names, where NAME is a label's name that neither the
 * plugin nor the rules set.
 *
 * The alert's name is that of the first <AlertName> that matches, else the meta datum
 * "alertname", else made from plugin and type. The meta datum "severity" replaces the
 * source's severity. A meta datum that is not valid is ignored; of several with one name the
 * valid one whose value sorts first counts, so that their order does not matter.
 *
 * Annotations: those of the rules, summary, description, and one for each other meta datum
 * that the rules have no annotation for.
 *
 * Returns 0 and one reference in *ret, -ENOMEM, or -EINVAL when all of the identity is empty.
 */
int alert_rules_apply(const struct alert_rules *rules, const struct alert_source *source,
                      struct alert **ret);

#endif
