/* From notification to alert; see alert_rules.h. */
#include "notify_alertmanager/alert_rules.h"

#include <errno.h>
#include <fnmatch.h>

#include "common/array.h"
#include "notify_alertmanager/alert_name.h"
#include "notify_alertmanager/template.h"

const char *alert_severity_name(enum alert_severity severity) {
  switch (severity) {
  case ALERT_INFO:
    return "info";
  case ALERT_WARNING:
    return "warning";
  default:
    return "critical";
  }
}

bool alert_is_reserved_label(struct span name) {
  static const char *const reserved[] = {
      "alertname", "instance", "plugin", "plugin_instance", "type", "type_instance",
      "severity",  "sidecar",  "flag",
  };
  for (size_t i = 0; i < ARRAY_LENGTH(reserved); i++)
    if (span_equals(name, reserved[i]))
      return true;
  return false;
}

enum { EXPANDED_MAX = 1024 * 1024 }; /* of a template, before it is cut for the alert */

/* One notification on its way. */
struct application {
  const struct alert_rules *rules;
  const struct alert_source *source;
  const struct alert_flag *flag; /* NULL unless it is a known red flag */
  const char *severity;
  char alertname_derived[ALERT_NAME_MAX + 1];
  const char *alertname;
  struct buffer expanded;
  struct alert_builder builder;
};

static bool find_meta(const struct alert_source *source, struct span name,
                      struct span *ret_value) {
  for (size_t i = 0; i < source->meta_len; i++) {
    if (source->meta[i].name.len == name.len &&
        memcmp(source->meta[i].name.at, name.at, name.len) == 0) {
      *ret_value = source->meta[i].value;
      return true;
    }
  }
  return false;
}

static bool field_value(void *context, struct span field, struct span *ret_value) {
  const struct application *a = context;
  const struct {
    const char *name, *value;
  } fields[] = {
      {"host", a->source->host},
      {"plugin", a->source->plugin},
      {"plugin_instance", a->source->plugin_instance},
      {"type", a->source->type},
      {"type_instance", a->source->type_instance},
      {"message", a->source->message},
      {"alertname", a->alertname},
      {"severity", a->severity},
  };
  if (scan_literal(&field, "meta:"))
    return find_meta(a->source, field, ret_value);
  for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
    if (span_equals(field, fields[i].name)) {
      *ret_value = span_of(fields[i].value);
      return true;
    }
  }
  return false;
}

static int expand(struct application *a, const char *text, enum template_kind kind) {
  buffer_reset(&a->expanded);
  int status = template_expand(text, kind, field_value, a, &a->expanded);
  /* text of a megabyte goes without the values that came too late */
  return status == -EMSGSIZE && kind == TEMPLATE_TEXT ? 0 : status;
}

static bool pattern_matches(const char *pattern, const char *value) {
  return pattern == NULL || fnmatch(pattern, value, 0) == 0;
}

static const char *alertname_of(struct application *a) {
  const struct alert_source *s = a->source;
  for (size_t i = 0; i < a->rules->names_len; i++) {
    const struct alert_name_rule *rule = &a->rules->names[i];
    if (pattern_matches(rule->plugin, s->plugin) &&
        pattern_matches(rule->plugin_instance, s->plugin_instance) &&
        pattern_matches(rule->type, s->type) &&
        pattern_matches(rule->type_instance, s->type_instance))
      return rule->alertname;
  }
  alert_name_derive(a->alertname_derived, s->plugin, s->type, s->type_instance);
  return a->alertname_derived;
}

/* ---- labels ---- */

static int add_own_labels(struct application *a) {
  const struct alert_source *s = a->source;
  bool of_sidecar = strcmp(s->plugin, "sidecar") == 0;
  const struct {
    const char *name, *value;
  } labels[] = {
      {"instance", s->host},
      {"plugin", s->plugin},
      {"plugin_instance", s->plugin_instance},
      {"type", s->type},
      {"type_instance", s->type_instance},
      {"alertname", a->alertname},
      {"severity", a->rules->severity_label ? a->severity : ""},
      {"sidecar", of_sidecar ? s->plugin_instance : ""},
      {"flag", alert_is_red_flag(s->plugin, s->type) ? s->type_instance : ""},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(labels); i++) {
    int status = alert_builder_label(&a->builder, labels[i].name, span_of(labels[i].value));
    if (status != 0)
      return status;
  }
  return 0;
}

static int add_labels_of_rules(struct application *a) {
  int status = 0;
  for (size_t i = 0; i < a->rules->constants_len && status == 0; i++)
    status = alert_builder_label(&a->builder, a->rules->constants[i].name,
                                 span_of(a->rules->constants[i].text));
  for (size_t i = 0; i < a->rules->labels_len && status == 0; i++) {
    status = expand(a, a->rules->labels[i].text, TEMPLATE_TEXT);
    if (status == 0)
      status =
          alert_builder_label(&a->builder, a->rules->labels[i].name, buffer_span(&a->expanded));
  }
  return status;
}

static int add_url(struct application *a) {
  if (a->rules->generator_url == NULL)
    return 0;
  int status = expand(a, a->rules->generator_url, TEMPLATE_URL);
  if (status == 0)
    status = alert_builder_url(&a->builder, buffer_span(&a->expanded));
  return status == -EMSGSIZE ? 0 : status; /* half a URL leads nowhere */
}

/* ---- annotations ---- */

static int add_annotations_of_rules(struct application *a) {
  int status = 0;
  for (size_t i = 0; i < a->rules->annotations_len && status == 0; i++) {
    status = expand(a, a->rules->annotations[i].text, TEMPLATE_TEXT);
    if (status == 0)
      status = alert_builder_annotation(&a->builder, span_of(a->rules->annotations[i].name),
                                        buffer_span(&a->expanded));
  }
  return status;
}

/* A sentence that stays the same while the alert lives: mail subjects are made of it. */
static int write_summary(struct application *a) {
  const struct alert_source *s = a->source;
  buffer_reset(&a->expanded);
  if (a->flag != NULL)
    return buffer_append_string(&a->expanded, a->flag->summary);
  if (s->plugin[0] == '\0')
    return buffer_append_string(&a->expanded, "collectd sent a notification.");

  const char *pieces[] = {"collectd's plugin ",
                          s->plugin,
                          " reports a problem",
                          s->plugin_instance[0] != '\0' ? " of " : "",
                          s->plugin_instance,
                          s->type[0] != '\0' ? " with " : "",
                          s->type,
                          s->type_instance[0] != '\0' ? " " : "",
                          s->type_instance,
                          "."};
  int status = 0;
  for (size_t i = 0; i < ARRAY_LENGTH(pieces) && status == 0; i++)
    status = buffer_append_string(&a->expanded, pieces[i]);
  return status;
}

static int add_own_annotation(struct application *a, const char *name, struct span value) {
  struct span meta;
  /* the source's own word comes with the meta data */
  if (alert_builder_has_annotation(&a->builder, name) ||
      (find_meta(a->source, span_of(name), &meta) && meta.len > 0))
    return 0;
  return alert_builder_annotation(&a->builder, span_of(name), value);
}

static bool has_rule(const struct alert_rules *rules, struct span name) {
  for (size_t i = 0; i < rules->annotations_len; i++)
    if (span_equals(name, rules->annotations[i].name))
      return true;
  return false;
}

static int add_meta(struct application *a) {
  int status = 0;
  a->builder.annotations_left_out += a->source->meta_left_out;
  for (size_t i = 0; i < a->source->meta_len && status == 0; i++) {
    const struct alert_meta *meta = &a->source->meta[i];
    if (!has_rule(a->rules, meta->name))
      status = alert_builder_annotation(&a->builder, meta->name, meta->value);
  }
  return status;
}

static int add_annotations(struct application *a) {
  const struct alert_source *s = a->source;
  int status = add_annotations_of_rules(a);
  if (status == 0)
    status = write_summary(a);
  if (status == 0)
    status = add_own_annotation(a, "summary", buffer_span(&a->expanded));
  if (status == 0)
    status = add_own_annotation(a, "description",
                                s->message[0] != '\0' ? span_of(s->message)
                                                      : buffer_span(&a->expanded));
  if (status == 0 && !a->rules->severity_label)
    status = add_own_annotation(a, "severity", span_of(a->severity));
  return status != 0 ? status : add_meta(a);
}

static int apply(struct application *a, struct alert **ret) {
  const struct alert_source *s = a->source;
  if (s->host[0] == '\0' && s->plugin[0] == '\0' && s->plugin_instance[0] == '\0' &&
      s->type[0] == '\0' && s->type_instance[0] == '\0')
    return -EINVAL;
  int status = add_own_labels(a);
  if (status == 0)
    status = add_labels_of_rules(a);
  if (status == 0)
    status = add_url(a);
  if (status == 0)
    status = add_annotations(a);
  return status != 0 ? status : alert_builder_finish(&a->builder, ret);
}

int alert_rules_apply(const struct alert_rules *rules, const struct alert_source *source,
                      struct alert **ret) {
  struct application a = {.rules = rules, .source = source};
  if (alert_is_red_flag(source->plugin, source->type))
    a.flag = alert_flag_find(source->type_instance);
  a.severity = alert_severity_name(a.flag != NULL && a.flag->information ? ALERT_INFO
                                                                         : source->severity);
  a.alertname = alertname_of(&a);
  buffer_init(&a.expanded, EXPANDED_MAX);
  alert_builder_init(&a.builder);

  int status = apply(&a, ret);
  alert_builder_free(&a.builder);
  buffer_free(&a.expanded);
  return status;
}
