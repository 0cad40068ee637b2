/* Makes alerts from notifications; see alert_rules.h. */
#include "notify_alertmanager/alert_rules.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>

#include "common/array.h"
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
      "alertname", "instance", "plugin", "plugin_instance", "type", "type_instance", "severity",
  };
  for (size_t i = 0; i < ARRAY_LENGTH(reserved); i++)
    if (span_equals(name, reserved[i]))
      return true;
  return false;
}

bool alert_rules_own_label(const struct alert_rules *rules, struct span name) {
  for (size_t i = 0; i < rules->plugin_labels_len; i++)
    if (span_equals(name, rules->plugin_labels[i]))
      return true;
  return alert_is_reserved_label(name);
}

enum { EXPANDED_MAX = 1024 * 1024 }; /* bytes of a template's result, before it is cut */

/* A notification while an alert is made from it. */
struct application {
  const struct alert_rules *rules;
  const struct alert_source *source;
  const char *severity;
  char alertname_made[ALERT_NAME_MAX + 1];
  const char *alertname;
  struct buffer expanded;
  struct alert_builder builder;
};

/* ---- meta data ---- */

#define LABEL_PREFIX "label:"

/* As strcmp, by bytes. */
static int compare(struct span a, struct span b) {
  int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);
  return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static bool is_any(struct span value) {
  return value.len > 0;
}

static bool is_alert_name(struct span value) {
  return value.len <= ALERT_NAME_MAX && alert_is_label_name(value) && value.at[0] != '_';
}

static const char *severity_word(struct span value) {
  for (enum alert_severity i = ALERT_INFO; i <= ALERT_CRITICAL; i++)
    if (span_equals(value, alert_severity_name(i)))
      return alert_severity_name(i);
  return NULL;
}

static bool is_severity(struct span value) {
  return severity_word(value) != NULL;
}

/* The meta datum of that name with a valid value, the first in the order of values. */
static const struct alert_meta *find_meta(const struct alert_source *source, struct span name,
                                          bool (*is_valid)(struct span)) {
  const struct alert_meta *found = NULL;
  for (size_t i = 0; i < source->meta_len; i++) {
    const struct alert_meta *meta = &source->meta[i];
    if (compare(meta->name, name) == 0 && is_valid(meta->value) &&
        (found == NULL || compare(meta->value, found->value) < 0))
      found = meta;
  }
  return found;
}

/* Does it control the alert, instead of being an annotation? */
static bool is_control(struct span name) {
  return span_equals(name, "alertname") || span_equals(name, "severity") ||
         span_starts_with(name, LABEL_PREFIX);
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
  if (scan_literal(&field, "meta:")) {
    const struct alert_meta *meta = find_meta(a->source, field, is_any);
    if (meta != NULL)
      *ret_value = meta->value;
    return meta != NULL;
  }
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
  /* text is cut anyway */
  return status == -EMSGSIZE && kind == TEMPLATE_TEXT ? 0 : status;
}

/* ---- names ---- */

/* Not <ctype.h>: that follows the locale. */
static bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

static bool is_word_character(char c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static size_t append_camel_case(char *dst, size_t len, const char *words) {
  bool first = true;
  for (; *words != '\0' && len < ALERT_NAME_MAX; words++) {
    if (!is_word_character(*words)) {
      first = true;
      continue;
    }
    dst[len++] = first && is_lower(*words) ? (char)(*words - 'a' + 'A') : *words;
    first = false;
  }
  dst[len] = '\0';
  return len;
}

/* The type without the plugin's name in front, as in df/df_complex and load/load. */
static const char *beyond_plugin(const char *plugin, const char *type) {
  size_t len = strlen(plugin);
  if (len == 0 || strncmp(type, plugin, len) != 0 || is_word_character(type[len]))
    return type;
  return type + len;
}

void alert_name_derive(char *dst, const char *plugin, const char *type) {
  size_t prefix = append_camel_case(dst, 0, "collectd");
  size_t len = append_camel_case(dst, prefix, plugin);
  len = append_camel_case(dst, len, beyond_plugin(plugin, type));
  if (len == prefix)
    append_camel_case(dst, len, "notification");
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
  const struct alert_meta *meta = find_meta(s, SPAN_LITERAL("alertname"), is_alert_name);
  if (meta != NULL)
    snprintf(a->alertname_made, sizeof(a->alertname_made), "%.*s", (int)meta->value.len,
             meta->value.at);
  else
    alert_name_derive(a->alertname_made, s->plugin, s->type);
  return a->alertname_made;
}

static const char *severity_of(const struct alert_source *source) {
  const struct alert_meta *meta = find_meta(source, SPAN_LITERAL("severity"), is_severity);
  return meta != NULL ? severity_word(meta->value) : alert_severity_name(source->severity);
}

/* ---- labels ---- */

static int add_own_labels(struct application *a) {
  const struct alert_source *s = a->source;
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
  };
  for (size_t i = 0; i < ARRAY_LENGTH(labels); i++) {
    int status = alert_builder_label(&a->builder, labels[i].name, span_of(labels[i].value));
    if (status != 0)
      return status;
  }
  for (size_t i = 0; i < a->rules->plugin_labels_len; i++)
    if (strcmp(s->plugin, a->rules->plugin_labels[i]) == 0)
      return alert_builder_label(&a->builder, s->plugin, span_of(s->plugin_instance));
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

static bool has_text(const struct alert_text *texts, size_t len, struct span name) {
  for (size_t i = 0; i < len; i++)
    if (span_equals(name, texts[i].name))
      return true;
  return false;
}

/* The label's name, empty when the meta datum is not a label that a notification may add. */
static struct span meta_label_name(const struct alert_rules *rules,
                                   const struct alert_meta *meta) {
  struct span name = meta->name;
  if (!scan_literal(&name, LABEL_PREFIX) || meta->value.len == 0 ||
      !alert_is_label_name(name) || alert_rules_own_label(rules, name) ||
      has_text(rules->constants, rules->constants_len, name) ||
      has_text(rules->labels, rules->labels_len, name))
    return span_make("", 0);
  return name;
}

/* The label behind last in the order of names, or the first one, if last is empty. */
static struct span next_meta_label(const struct application *a, struct span last,
                                   struct span *ret_value) {
  struct span next = span_make("", 0);
  for (size_t i = 0; i < a->source->meta_len; i++) {
    struct span name = meta_label_name(a->rules, &a->source->meta[i]);
    struct span value = a->source->meta[i].value;
    if (name.len == 0 || compare(name, last) <= 0)
      continue;
    int order = next.len > 0 ? compare(name, next) : -1;
    if (order > 0 || (order == 0 && compare(value, *ret_value) >= 0))
      continue;
    next = name;
    *ret_value = value;
  }
  return next;
}

/* Which ones are taken depends on names and values alone, not on their order. */
static int add_labels_of_meta(struct application *a) {
  char name[ALERT_LABEL_NAME_BYTES + 1];
  struct span last = span_make("", 0), value;
  int status = 0;
  for (size_t i = 0; i < ALERT_META_LABELS_MAX && status == 0; i++) {
    last = next_meta_label(a, last, &value);
    if (last.len == 0)
      break;
    snprintf(name, sizeof(name), "%.*s", (int)last.len, last.at);
    status = alert_builder_label(&a->builder, name, value);
  }
  return status;
}

static int add_url(struct application *a) {
  if (a->rules->generator_url == NULL)
    return 0;
  int status = expand(a, a->rules->generator_url, TEMPLATE_URL);
  if (status == 0)
    status = alert_builder_url(&a->builder, buffer_span(&a->expanded));
  return status == -EMSGSIZE ? 0 : status; /* a cut URL would be useless */
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

/* A sentence that stays the same while the alert fires: subjects of mails are made of it. */
static int write_summary(struct application *a) {
  const struct alert_source *s = a->source;
  buffer_reset(&a->expanded);
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

/* The meta datum that takes the place of the plugin's own annotation of that name, or NULL. */
static const struct alert_meta *replacement(const struct application *a, struct span name) {
  if (has_text(a->rules->annotations, a->rules->annotations_len, name))
    return NULL;
  return find_meta(a->source, name, is_any);
}

static int add_own_annotation(struct application *a, const char *name, struct span value) {
  const struct alert_meta *meta = replacement(a, span_of(name));
  if (alert_builder_has_annotation(&a->builder, name))
    return 0;
  return alert_builder_annotation(&a->builder, span_of(name),
                                  meta != NULL ? meta->value : value);
}

static int add_meta(struct application *a) {
  const struct alert_meta *summary = replacement(a, SPAN_LITERAL("summary"));
  const struct alert_meta *description = replacement(a, SPAN_LITERAL("description"));
  int status = 0;
  a->builder.annotations_left_out += a->source->meta_left_out;
  for (size_t i = 0; i < a->source->meta_len && status == 0; i++) {
    const struct alert_meta *meta = &a->source->meta[i];
    if (meta != summary && meta != description && !is_control(meta->name) &&
        !has_text(a->rules->annotations, a->rules->annotations_len, meta->name))
      status = alert_builder_annotation(&a->builder, meta->name, meta->value);
  }
  return status;
}

/* Those that every alert has come first, so that they fit however much meta data follow. */
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
  if (status == 0 && !a->rules->severity_label &&
      !alert_builder_has_annotation(&a->builder, "severity"))
    status =
        alert_builder_annotation(&a->builder, SPAN_LITERAL("severity"), span_of(a->severity));
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
    status = add_labels_of_meta(a);
  if (status == 0)
    status = add_url(a);
  if (status == 0)
    status = add_annotations(a);
  return status != 0 ? status : alert_builder_finish(&a->builder, ret);
}

int alert_rules_apply(const struct alert_rules *rules, const struct alert_source *source,
                      struct alert **ret) {
  struct application a = {.rules = rules, .source = source};
  a.severity = severity_of(source);
  a.alertname = alertname_of(&a);
  buffer_init(&a.expanded, EXPANDED_MAX);
  alert_builder_init(&a.builder);

  int status = apply(&a, ret);
  alert_builder_free(&a.builder);
  buffer_free(&a.expanded);
  return status;
}
