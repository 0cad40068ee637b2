/*
 * Lines of names and values, in turn, as a notification's identity and meta data: for any input
 * the alert can be posted, has its summary and description, is within its limits, and has the
 * same labels for the same meta data in another order. Meta data cannot forge an identity.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "notify_alertmanager/alert_json.h"
#include "notify_alertmanager/alert_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS = 6, META_MAX = 200 };

static void must(bool holds) {
  if (!holds)
    abort();
}

static void check_pairs(alert_pairs pairs, size_t value_max) {
  struct alert_pair pair;
  while (alert_pair_next(&pairs, &pair)) {
    must(alert_is_label_name(span_of(pair.name)));
    must(pair.value[0] != '\0' && strlen(pair.value) <= value_max);
  }
}

static bool has(alert_pairs pairs, const char *name) {
  struct alert_pair pair;
  while (alert_pair_next(&pairs, &pair))
    if (strcmp(pair.name, name) == 0)
      return true;
  return false;
}

static void check_alert(const struct alert *alert, const struct alert_rules *rules) {
  struct alert_json *json;
  check_pairs(alert_labels(alert), ALERT_LABEL_BYTES);
  check_pairs(alert_annotations(alert), ALERT_ANNOTATION_BYTES);
  must(has(alert_annotations(alert), "summary"));
  must(has(alert_annotations(alert), "description"));
  must(has(alert_labels(alert), "alertname"));
  must(!has(alert_annotations(alert), "alertname"));
  must(has(alert_labels(alert), "severity") == rules->severity_label);
  must(has(alert_annotations(alert), "severity") == !rules->severity_label);
  must(alert_bytes(alert) <= ALERT_BYTES_MAX + 64);
  must(alert_json_new(ALERT_JSON_BYTES_MAX, &json) == 0);
  must(alert_json_begin(json) == 0);
  must(alert_json_add(json, alert, 1, 0) == 0);
  must(alert_json_end(json) == 0);
  struct span body = alert_json_body(json);
  yajl_handle handle = yajl_alloc(NULL, NULL, NULL);
  must(yajl_parse(handle, (const unsigned char *)body.at, body.len) == yajl_status_ok);
  must(yajl_complete_parse(handle) == yajl_status_ok);
  yajl_free(handle);
  alert_json_free(json);
}

static void check_reversed(const struct alert *alert, const struct alert_rules *rules,
                           struct alert_source source) {
  struct alert_meta reversed[META_MAX];
  struct alert *other;
  for (size_t i = 0; i < source.meta_len; i++)
    reversed[i] = source.meta[source.meta_len - 1 - i];
  source.meta = reversed;
  must(alert_rules_apply(rules, &source, &other) == 0);
  must(alert_same_labels(alert, other));
  alert_unref(other);
}

static void check_without_meta(const struct alert *alert, const struct alert_rules *rules,
                               struct alert_source source) {
  struct alert *other;
  source.meta_len = 0;
  must(alert_rules_apply(rules, &source, &other) == 0);
  alert_pairs a = alert_identity(alert), b = alert_identity(other);
  must(a.len == b.len && memcmp(a.at, b.at, a.len) == 0);
  alert_unref(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *plugin_labels[] = {(char *)"sidecar"};
  struct alert_text labels[] = {{(char *)"first", (char *)"<%{meta:a}%{message}>"}};
  struct alert_text annotations[] = {{(char *)"second", (char *)"%{meta:b}%{alertname}"}};
  const struct alert_rules rules = {
      .labels = labels,
      .labels_len = 1,
      .annotations = annotations,
      .annotations_len = 1,
      .generator_url = (char *)"http://g/%{plugin}?%{type_instance}",
      .plugin_labels = plugin_labels,
      .plugin_labels_len = 1,
      .severity_label = size % 2 == 0,
  };
  struct span rest = span_make((const char *)data, size), line;
  char *fields[FIELDS];
  struct alert_meta meta[META_MAX];
  size_t meta_len = 0;

  for (size_t i = 0; i < FIELDS; i++) {
    line = span_make("", 0);
    scan_line(&rest, &line);
    fields[i] = strndup(line.at, line.len);
    must(fields[i] != NULL);
  }
  while (meta_len < META_MAX && scan_line(&rest, &meta[meta_len].name)) {
    meta[meta_len].value = span_make("", 0);
    scan_line(&rest, &meta[meta_len].value);
    meta_len++;
  }
  const struct alert_source source = {
      .severity = (enum alert_severity)(size % 3),
      .host = fields[0],
      .plugin = fields[1],
      .plugin_instance = fields[2],
      .type = fields[3],
      .type_instance = fields[4],
      .message = fields[5],
      .meta = meta,
      .meta_len = meta_len,
  };
  struct alert *alert;
  if (alert_rules_apply(&rules, &source, &alert) == 0) {
    check_alert(alert, &rules);
    check_reversed(alert, &rules, source);
    check_without_meta(alert, &rules, source);
    alert_unref(alert);
  }
  for (size_t i = 0; i < FIELDS; i++)
    free(fields[i]);
  return 0;
}
