/*
 * Lines of names and values, in turn, as a notification's identity and meta data: whatever
 * comes, the alert is fit to post, has its summary and description, and keeps its limits.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "notify_alertmanager/alert_json.h"
#include "notify_alertmanager/alert_name.h"
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

static void check_alert(const struct alert *alert) {
  struct alert_json *json;
  check_pairs(alert_labels(alert), ALERT_LABEL_BYTES);
  check_pairs(alert_annotations(alert), ALERT_ANNOTATION_BYTES);
  must(has(alert_annotations(alert), "summary"));
  must(has(alert_annotations(alert), "description"));
  must(has(alert_labels(alert), "alertname"));
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct alert_text labels[] = {{(char *)"first", (char *)"<%{meta:a}%{message}>"}};
  struct alert_text annotations[] = {{(char *)"second", (char *)"%{meta:b}%{alertname}"}};
  const struct alert_rules rules = {
      .labels = labels,
      .labels_len = 1,
      .annotations = annotations,
      .annotations_len = 1,
      .generator_url = (char *)"http://g/%{plugin}?%{type_instance}",
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
    check_alert(alert);
    alert_unref(alert);
  }
  for (size_t i = 0; i < FIELDS; i++)
    free(fields[i]);
  return 0;
}
