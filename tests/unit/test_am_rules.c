/* From notification to alert: names, labels, annotations, additions by the configuration. */
#include <errno.h>
#include <stdio.h>

#include "am_alerts.h"
#include "notify_alertmanager/alert_rules.h"

static struct alert *apply(const struct alert_rules *rules, const struct alert_source *source) {
  struct alert *alert = NULL;
  assert_int_equal(alert_rules_apply(rules, source, &alert), 0);
  return alert;
}

static char sidecar[] = "sidecar", mine[] = "mine";
static char *plugin_labels[] = {sidecar, mine};
static const struct alert_rules plain = {
    .severity_label = true, .plugin_labels = plugin_labels, .plugin_labels_len = 1};

static struct alert_source source_of(const char *plugin, const char *plugin_instance,
                                     const char *type, const char *type_instance) {
  return (struct alert_source){.severity = ALERT_WARNING,
                               .host = "web1",
                               .plugin = plugin,
                               .plugin_instance = plugin_instance,
                               .type = type,
                               .type_instance = type_instance,
                               .message = "something happened"};
}

static void names_are_plugin_and_type_in_camel_case(void **state) {
  (void)state;
  static const struct {
    const char *plugin, *type, *name;
  } cases[] = {
      {"df", "percent_bytes", "CollectdDfPercentBytes"},
      {"df", "df_complex", "CollectdDfComplex"},
      {"load", "load", "CollectdLoad"},
      {"cpu", "percent", "CollectdCpuPercent"},
      {"ping", "ping_droprate", "CollectdPingDroprate"},
      {"pingx", "ping_droprate", "CollectdPingxPingDroprate"},
      {"ping", "pinger", "CollectdPingPinger"},
      {"exec", "", "CollectdExec"},
      {"", "gauge", "CollectdGauge"},
      {"", "", "CollectdNotification"},
      {"a-b.c d", "X9", "CollectdABCDX9"},
      {"\xC3\xBC\xFF\n", "", "CollectdNotification"},
      {"sidecar", "process_open_fds", "CollectdSidecarProcessOpenFds"},
      {"sidecar", "red_flag", "CollectdSidecarRedFlag"},
      {"notsidecar", "red_flag", "CollectdNotsidecarRedFlag"},
      {"averyveryverylongpluginname", "averyveryverylongtypename",
       "CollectdAveryveryverylongpluginnameAvery"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    char name[ALERT_NAME_MAX + 1];
    alert_name_derive(name, cases[i].plugin, cases[i].type);
    check_string(cases[i].name, name, cases[i].name);
  }
}

static void a_threshold_becomes_labels_and_annotations(void **state) {
  (void)state;
  const struct alert_meta meta[] = {
      {SPAN_LITERAL("DataSource"), SPAN_LITERAL("value")},
      {SPAN_LITERAL("CurrentValue"), SPAN_LITERAL("97.5")},
  };
  struct alert_source source = source_of("df", "root", "percent_bytes", "");
  source.meta = meta;
  source.meta_len = 2;
  struct alert *alert = apply(&plain, &source);

  static const char *const labels[][2] = {
      {"alertname", "CollectdDfPercentBytes"},
      {"instance", "web1"},
      {"plugin", "df"},
      {"plugin_instance", "root"},
      {"type", "percent_bytes"},
      {"type_instance", NULL},
      {"severity", "warning"},
      {"sidecar", NULL},
      {"flag", NULL},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(labels); i++)
    check_string(labels[i][0], alert_label(alert, labels[i][0]), labels[i][1]);
  assert_int_equal(pairs_len(alert_labels(alert)), 6);
  assert_string_equal(annotation_of(alert, "summary"),
                      "collectd's plugin df reports a problem of root with percent_bytes.");
  assert_string_equal(annotation_of(alert, "description"), "something happened");
  assert_string_equal(annotation_of(alert, "DataSource"), "value");
  assert_string_equal(annotation_of(alert, "CurrentValue"), "97.5");
  assert_int_equal(pairs_len(alert_annotations(alert)), 4);
  alert_unref(alert);
}

/* A name and a value of meta data, from literals. */
#define META(name, value)                                                                      \
  { SPAN_LITERAL(name), SPAN_LITERAL(value) }

static void set_meta(struct alert_source *source, const struct alert_meta *meta, size_t len) {
  source->meta = meta;
  source->meta_len = len;
}

/* Fails unless the alert's labels are exactly these, in any order. */
static void check_labels(const struct alert *alert, const char *const labels[][2], size_t len) {
  for (size_t i = 0; i < len; i++)
    check_string(labels[i][0], alert_label(alert, labels[i][0]), labels[i][1]);
  assert_int_equal(pairs_len(alert_labels(alert)), len);
}

static void a_red_flag_groups_with_the_alerts_of_the_prometheus_rules(void **state) {
  (void)state;
  static const struct alert_meta meta[] = {
      META("alertname", "SidecarGoroutinesStuck"),
      META("summary", "Sidecar has goroutines stuck for long."),
      META("label:flag", "goroutines_stuck"),
      META("since", "1700000000"),
      META("pid", "4711"),
  };
  struct alert_source source = source_of("sidecar", "proj-2", "red_flag", "goroutines_stuck");
  source.severity = ALERT_CRITICAL;
  set_meta(&source, meta, ARRAY_LENGTH(meta));
  struct alert *alert = apply(&plain, &source);
  static const char *const labels[][2] = {
      {"alertname", "SidecarGoroutinesStuck"},
      {"instance", "web1"},
      {"plugin", "sidecar"},
      {"plugin_instance", "proj-2"},
      {"type", "red_flag"},
      {"type_instance", "goroutines_stuck"},
      {"sidecar", "proj-2"},
      {"flag", "goroutines_stuck"},
      {"severity", "critical"},
  };
  check_labels(alert, labels, ARRAY_LENGTH(labels));
  assert_string_equal(annotation_of(alert, "summary"),
                      "Sidecar has goroutines stuck for long.");
  assert_string_equal(annotation_of(alert, "description"), "something happened");
  assert_string_equal(annotation_of(alert, "since"), "1700000000");
  assert_string_equal(annotation_of(alert, "pid"), "4711");
  assert_int_equal(pairs_len(alert_annotations(alert)), 4);
  alert_unref(alert);
}

static void missing_pprof_is_information_whatever_its_collectd_severity(void **state) {
  (void)state;
  static const struct alert_meta meta[] = {
      META("alertname", "SidecarPprofMissing"),
      META("severity", "info"),
      META("label:flag", "pprof_missing"),
  };
  struct alert_source source = source_of("sidecar", "proj", "red_flag", "pprof_missing");
  set_meta(&source, meta, ARRAY_LENGTH(meta));
  struct alert *alert = apply(&plain, &source);
  assert_string_equal(alert_label(alert, "severity"), "info");
  assert_null(annotation_of(alert, "severity"));
  alert_unref(alert);
}

static void any_plugin_names_its_alert_and_adds_labels(void **state) {
  (void)state;
  static const struct alert_meta meta[] = {
      META("label:queue", "orders"), META("alertname", "QueueIsStuck"),
      META("severity", "critical"),  META("summary", "A queue does not move."),
      META("length", "17"),          META("label:_shard", "3"),
      META("since", "1700000000"),
  };
  static const struct alert_rules rules = {
      .severity_label = true, .plugin_labels = plugin_labels, .plugin_labels_len = 2};
  struct alert_source source = source_of("mine", "eu", "queue_length", "");
  set_meta(&source, meta, ARRAY_LENGTH(meta));
  struct alert *alert = apply(&rules, &source);
  static const char *const labels[][2] = {
      {"alertname", "QueueIsStuck"}, {"instance", "web1"},     {"plugin", "mine"},
      {"plugin_instance", "eu"},     {"type", "queue_length"}, {"mine", "eu"},
      {"severity", "critical"},      {"queue", "orders"},      {"_shard", "3"},
  };
  check_labels(alert, labels, ARRAY_LENGTH(labels));
  static const char *const annotations[][2] = {{"summary", "A queue does not move."},
                                               {"description", "something happened"},
                                               {"length", "17"},
                                               {"since", "1700000000"}};
  for (size_t i = 0; i < ARRAY_LENGTH(annotations); i++)
    check_string(annotations[i][0], annotation_of(alert, annotations[i][0]), annotations[i][1]);
  assert_int_equal(pairs_len(alert_annotations(alert)), ARRAY_LENGTH(annotations));
  alert_unref(alert);
}

static void placeholders_use_name_and_severity_from_meta_data(void **state) {
  (void)state;
  static const struct alert_meta meta[] = {META("alertname", "Mine"), META("severity", "info"),
                                           META("label:queue", "orders")};
  struct alert_text annotations[] = {{"what", "%{alertname} %{severity} %{meta:label:queue}"}};
  const struct alert_rules rules = {.annotations = annotations, .annotations_len = 1};
  struct alert_source source = source_of("x", "", "", "");
  set_meta(&source, meta, ARRAY_LENGTH(meta));
  struct alert *alert = apply(&rules, &source);
  assert_string_equal(annotation_of(alert, "what"), "Mine info orders");
  assert_string_equal(annotation_of(alert, "severity"), "info");
  alert_unref(alert);
}

static void a_matching_alert_name_block_overrides_the_source(void **state) {
  (void)state;
  static const struct alert_meta meta[] = {META("alertname", "Mine")};
  struct alert_name_rule names[] = {{.alertname = "Theirs", .plugin = "x"}};
  const struct alert_rules rules = {.names = names, .names_len = 1};
  struct alert_source source = source_of("x", "", "", "");
  set_meta(&source, meta, 1);
  struct alert *alert = apply(&rules, &source);
  assert_string_equal(alert_label(alert, "alertname"), "Theirs");
  alert_unref(alert);
  source.plugin = "y";
  alert = apply(&rules, &source);
  assert_string_equal(alert_label(alert, "alertname"), "Mine");
  alert_unref(alert);
}

#define FORTY "A234567890123456789012345678901234567890"

static void invalid_names_and_severities_are_ignored(void **state) {
  (void)state;
  static const struct {
    const char *value, *name; /* NULL: the name made from the plugin */
  } names[] = {
      {"QueueIsStuck", "QueueIsStuck"},
      {"a_1", "a_1"},
      {FORTY, FORTY},
      {FORTY "1", NULL},
      {"", NULL},
      {"_Queue", NULL},
      {"1Queue", NULL},
      {"Queue stuck", NULL},
      {"Queue-stuck", NULL},
      {"Queue\n", NULL},
      {"Qu\xC3\xA9ue", NULL},
      {"%{host}", NULL},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
    const struct alert_meta meta[] = {{SPAN_LITERAL("alertname"), span_of(names[i].value)}};
    struct alert_source source = source_of("x", "", "", "");
    set_meta(&source, meta, 1);
    struct alert *alert = apply(&plain, &source);
    check_string(names[i].value, alert_label(alert, "alertname"),
                 names[i].name != NULL ? names[i].name : "CollectdX");
    check_string(names[i].value, annotation_of(alert, "alertname"), NULL);
    alert_unref(alert);
  }
  static const char *const severities[][2] = {
      {"info", "info"},    {"warning", "warning"}, {"critical", "critical"},
      {"Info", "warning"}, {"failure", "warning"}, {"critical ", "warning"},
      {"okay", "warning"}, {"", "warning"},        {"\xFF", "warning"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(severities); i++) {
    const struct alert_meta meta[] = {{SPAN_LITERAL("severity"), span_of(severities[i][0])}};
    struct alert_source source = source_of("x", "", "", "");
    set_meta(&source, meta, 1);
    struct alert *alert = apply(&plain, &source);
    check_string(severities[i][0], alert_label(alert, "severity"), severities[i][1]);
    check_string(severities[i][0], annotation_of(alert, "severity"), NULL);
    alert_unref(alert);
  }
}

static void invalid_and_reserved_labels_are_omitted(void **state) {
  (void)state;
  static const struct alert_meta meta[] = {
      META("label:good", "kept"),      META("label:", "no name"),
      META("label:1st", "x"),          META("label:a-b", "x"),
      META("label:a b", "x"),          META("label:\xC3\xBC", "x"),
      META("label:empty", ""),         META("label:instance", "forged"),
      META("label:plugin", "forged"),  META("label:plugin_instance", "forged"),
      META("label:type", "forged"),    META("label:type_instance", "forged"),
      META("label:severity", "info"),  META("label:alertname", "Forged"),
      META("label:sidecar", "forged"), META("label:team", "forged"),
      META("label:made", "forged"),    META("Label:upper", "an annotation"),
  };
  struct alert_text constants[] = {{"team", "infra"}}, made[] = {{"made", "%{meta:none}"}};
  const struct alert_rules rules = {
      .severity_label = true,
      .constants = constants,
      .constants_len = 1,
      .labels = made,
      .labels_len = 1,
      .plugin_labels = plugin_labels,
      .plugin_labels_len = 1,
  };
  struct alert_source source = source_of("df", "", "", "");
  set_meta(&source, meta, ARRAY_LENGTH(meta));
  struct alert *alert = apply(&rules, &source);
  static const char *const labels[][2] = {
      {"alertname", "CollectdDf"}, {"instance", "web1"}, {"plugin", "df"},
      {"severity", "warning"},     {"team", "infra"},    {"good", "kept"}};
  check_labels(alert, labels, ARRAY_LENGTH(labels));
  assert_int_equal(pairs_len(alert_annotations(alert)), 3);
  assert_string_equal(annotation_of(alert, "Label_upper"), "an annotation");
  alert_unref(alert);
}

static void values_of_labels_are_sanitised_and_truncated(void **state) {
  (void)state;
  char value[2000];
  memset(value, 'v', sizeof(value));
  const struct alert_meta meta[] = {META("label:odd", "a\xFF\x1B[31m\xE2\x80\xAE"),
                                    {SPAN_LITERAL("label:long"), span_make(value, 2000)}};
  struct alert_source source = source_of("x", "", "", "");
  set_meta(&source, meta, ARRAY_LENGTH(meta));
  struct alert *alert = apply(&plain, &source);
  assert_string_equal(alert_label(alert, "odd"), "a\\xFF\\x1B[31m\\xE2\\x80\\xAE");
  assert_true(strlen(alert_label(alert, "long")) <= ALERT_LABEL_BYTES);
  alert_unref(alert);
}

static void the_order_of_meta_data_and_doubles_change_no_label(void **state) {
  (void)state;
  static const struct alert_meta meta[] = {
      META("label:b", "2"),         META("label:a", "9"),        META("label:a", "1"),
      META("label:a", ""),          META("alertname", "Second"), META("alertname", "not one"),
      META("alertname", "First"),   META("severity", "warning"), META("severity", "critical"),
      META("severity", "whatever"),
  };
  enum { LEN = ARRAY_LENGTH(meta) };
  struct alert_source source = source_of("x", "", "", "");
  struct alert_meta turned[LEN];
  for (size_t i = 0; i < LEN; i++)
    turned[i] = meta[LEN - 1 - i];
  set_meta(&source, meta, LEN);
  struct alert *alert = apply(&plain, &source);
  static const char *const labels[][2] = {
      {"alertname", "First"},   {"instance", "web1"}, {"plugin", "x"},
      {"severity", "critical"}, {"a", "1"},           {"b", "2"}};
  check_labels(alert, labels, ARRAY_LENGTH(labels));
  set_meta(&source, turned, LEN);
  struct alert *other = apply(&plain, &source);
  assert_true(alert_same_labels(alert, other));
  alert_unref(alert);
  alert_unref(other);
}

static void of_too_many_labels_the_first_by_name_are_kept(void **state) {
  (void)state;
  enum { LEN = 100 };
  char names[LEN][16];
  struct alert_meta meta[LEN];
  struct alert_text constants[32];
  char constant_names[32][16];
  for (size_t i = 0; i < LEN; i++) {
    snprintf(names[i], sizeof(names[i]), "label:m%02zu", LEN - 1 - i);
    meta[i] = (struct alert_meta){span_of(names[i]), SPAN_LITERAL("x")};
  }
  for (size_t i = 0; i < ARRAY_LENGTH(constants); i++) {
    snprintf(constant_names[i], sizeof(constant_names[i]), "c%zu", i);
    constants[i] = (struct alert_text){constant_names[i], constant_names[i]};
  }
  const struct alert_rules rules = {
      .severity_label = true,
      .constants = constants,
      .constants_len = ARRAY_LENGTH(constants),
      .plugin_labels = plugin_labels,
      .plugin_labels_len = 1,
  };
  struct alert_source source = source_of("sidecar", "p", "t", "i");
  set_meta(&source, meta, LEN);
  struct alert *alert = apply(&rules, &source);
  assert_int_equal(pairs_len(alert_labels(alert)), 8 + 32 + ALERT_META_LABELS_MAX);
  assert_non_null(alert_label(alert, "m00"));
  assert_non_null(alert_label(alert, "m15"));
  assert_null(alert_label(alert, "m16"));
  assert_string_equal(alert_label(alert, "sidecar"), "p");
  assert_null(annotation_of(alert, ALERT_LEFT_OUT));
  alert_unref(alert);
}

static void the_identity_is_the_same_whatever_the_meta_data(void **state) {
  (void)state;
  static const struct alert_meta meta[] = {
      META("alertname", "Mine"),        META("severity", "critical"),
      META("label:flag", "x"),          META("label:type_instance", "forged"),
      META("label:instance", "forged"),
  };
  struct alert_source source = source_of("x", "y", "", "");
  struct alert *bare = apply(&plain, &source);
  set_meta(&source, meta, ARRAY_LENGTH(meta));
  struct alert *alert = apply(&plain, &source);
  alert_pairs a = alert_identity(bare), b = alert_identity(alert);
  assert_int_equal(a.len, b.len);
  assert_memory_equal(a.at, b.at, a.len);
  assert_false(alert_same_labels(bare, alert));
  alert_unref(bare);
  alert_unref(alert);
}

static void summary_and_description_take_precedence_over_other_meta_data(void **state) {
  (void)state;
  enum { LEN = 20 };
  static char value[ALERT_ANNOTATION_BYTES];
  memset(value, 'v', sizeof(value));
  struct alert_meta meta[LEN];
  for (size_t i = 0; i < LEN; i++)
    meta[i] = (struct alert_meta){SPAN_LITERAL("big"), span_make(value, sizeof(value))};
  meta[LEN - 1] = (struct alert_meta)META("summary", "last and first");
  struct alert_source source = source_of("x", "", "", "");
  set_meta(&source, meta, LEN);
  struct alert *alert = apply(&plain, &source);
  assert_string_equal(annotation_of(alert, "summary"), "last and first");
  assert_string_equal(annotation_of(alert, "description"), "something happened");
  assert_non_null(annotation_of(alert, ALERT_LEFT_OUT));
  alert_unref(alert);
}

static void other_values_of_the_sidecar_plugin_have_no_flag(void **state) {
  (void)state;
  struct alert_source source = source_of("sidecar", "proj", "process_open_fds", "");
  struct alert *alert = apply(&plain, &source);
  assert_string_equal(alert_label(alert, "sidecar"), "proj");
  assert_null(alert_label(alert, "flag"));
  alert_unref(alert);
}

static void severity_can_be_kept_out_of_the_labels(void **state) {
  (void)state;
  const struct alert_rules rules = {.severity_label = false};
  struct alert_source source = source_of("df", "root", "df_complex", "");
  struct alert *warning = apply(&rules, &source);
  source.severity = ALERT_CRITICAL;
  struct alert *critical = apply(&rules, &source);
  assert_true(alert_same_labels(warning, critical));
  assert_string_equal(annotation_of(critical, "severity"), "critical");
  alert_unref(warning);
  alert_unref(critical);
}

static void the_configuration_adds_labels_annotations_and_a_url(void **state) {
  (void)state;
  struct alert_text constants[] = {{"team", "infra"}};
  struct alert_text labels[] = {{"pid", "%{meta:pid}"},
                                {"where", "%{host}:%{plugin_instance}"},
                                {"nothing", "%{meta:none}"}};
  struct alert_text annotations[] = {{"runbook_url", "https://wiki/%{alertname}"},
                                     {"summary", "%{severity}: %{message}"},
                                     {"evidence", "pid %{meta:pid}"}};
  struct alert_rules rules = {
      .constants = constants,
      .constants_len = 1,
      .labels = labels,
      .labels_len = 3,
      .annotations = annotations,
      .annotations_len = 3,
      .generator_url = "http://grafana/d/triage?var-host=%{host}&var-i=%{plugin_instance}",
      .severity_label = true,
  };
  const struct alert_meta meta[] = {
      {SPAN_LITERAL("pid"), SPAN_LITERAL("4711")},
      {SPAN_LITERAL("evidence"), SPAN_LITERAL("of the source")},
  };
  struct alert_source source = source_of("df", "a b", "df_complex", "");
  source.meta = meta;
  source.meta_len = 2;
  struct alert *alert = apply(&rules, &source);
  assert_string_equal(alert_label(alert, "team"), "infra");
  assert_string_equal(alert_label(alert, "pid"), "4711");
  assert_string_equal(alert_label(alert, "where"), "web1:a b");
  assert_null(alert_label(alert, "nothing"));
  assert_string_equal(annotation_of(alert, "runbook_url"), "https://wiki/CollectdDfComplex");
  assert_string_equal(annotation_of(alert, "summary"), "warning: something happened");
  assert_string_equal(annotation_of(alert, "evidence"), "pid 4711");
  assert_null(annotation_of(alert, "evidence_2"));
  assert_string_equal(annotation_of(alert, "pid"), "4711");
  assert_string_equal(alert_generator_url(alert),
                      "http://grafana/d/triage?var-host=web1&var-i=a%20b");
  alert_unref(alert);
}

static void the_first_matching_alert_name_rule_applies(void **state) {
  (void)state;
  struct alert_name_rule names[] = {
      {.alertname = "RootFull", .plugin = "df", .plugin_instance = "root"},
      {.alertname = "DiskFull", .plugin = "df", .type = "percent_*"},
      {.alertname = "AnyBlock", .type_instance = "[a-f]*"},
  };
  const struct alert_rules rules = {.names = names, .names_len = 3, .severity_label = true};
  static const struct {
    const char *plugin, *plugin_instance, *type, *type_instance, *name;
  } cases[] = {
      {"df", "root", "percent_bytes", "used", "RootFull"},
      {"df", "home", "percent_bytes", "used", "DiskFull"},
      {"df", "home", "df_complex", "free", "AnyBlock"},
      {"df", "home", "df_complex", "used", "CollectdDfComplex"},
      {"dfx", "root", "percent_bytes", "", "CollectdDfxPercentBytes"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct alert_source source = source_of(cases[i].plugin, cases[i].plugin_instance,
                                           cases[i].type, cases[i].type_instance);
    struct alert *alert = apply(&rules, &source);
    check_string(cases[i].name, alert_label(alert, "alertname"), cases[i].name);
    alert_unref(alert);
  }
}

static void summary_and_description_of_the_source_take_precedence(void **state) {
  (void)state;
  const struct alert_meta meta[] = {
      {SPAN_LITERAL("summary"), SPAN_LITERAL("mine")},
      {SPAN_LITERAL("description"), SPAN_LITERAL("mine too")},
  };
  struct alert_source source = source_of("x", "", "", "");
  source.meta = meta;
  source.meta_len = 2;
  struct alert *alert = apply(&plain, &source);
  assert_string_equal(annotation_of(alert, "summary"), "mine");
  assert_string_equal(annotation_of(alert, "description"), "mine too");
  assert_int_equal(pairs_len(alert_annotations(alert)), 2);
  alert_unref(alert);
}

static void summary_and_description_exist_even_without_a_message(void **state) {
  (void)state;
  const struct alert_meta meta[] = {{SPAN_LITERAL("summary"), SPAN_LITERAL("")}};
  struct alert_source source = source_of("", "", "", "");
  source.message = "";
  source.meta = meta;
  source.meta_len = 1;
  struct alert *alert = apply(&plain, &source);
  assert_string_equal(annotation_of(alert, "summary"), "collectd sent a notification.");
  assert_string_equal(annotation_of(alert, "description"), "collectd sent a notification.");
  alert_unref(alert);
}

static void meta_data_of_a_hundred_kilobytes_are_cut_to_fit_a_label(void **state) {
  (void)state;
  enum { LEN = 100 * 1024 };
  char *text = malloc(LEN);
  memset(text, 'x', LEN);
  struct alert_text labels[] = {{"huge", "<%{meta:huge}>"}};
  struct alert_rules rules = {.labels = labels, .labels_len = 1, .severity_label = true};
  const struct alert_meta meta[] = {{SPAN_LITERAL("huge"), span_make(text, LEN)}};
  struct alert_source source = source_of("x", "", "", "");
  source.meta = meta;
  source.meta_len = 1;
  struct alert *alert = apply(&rules, &source);
  const char *label = alert_label(alert, "huge");
  assert_true(strlen(label) <= ALERT_LABEL_BYTES);
  assert_non_null(strstr(label, "(cut, 102402 bytes)"));
  assert_non_null(strstr(annotation_of(alert, "huge"), "(cut, 102400 bytes)"));
  alert_unref(alert);
  free(text);
}

static void a_notification_without_a_source_is_rejected(void **state) {
  (void)state;
  struct alert_source source = source_of("", "", "", "");
  struct alert *alert;
  source.host = "";
  assert_int_equal(alert_rules_apply(&plain, &source, &alert), -EINVAL);
}

static void the_plugins_own_labels_are_reserved(void **state) {
  (void)state;
  static const char *const names[] = {"alertname",       "instance", "plugin",
                                      "plugin_instance", "type",     "type_instance",
                                      "severity"};
  for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
    check_int(names[i], alert_is_reserved_label(span_of(names[i])), 1);
    check_int(names[i], alert_rules_own_label(&plain, span_of(names[i])), 1);
  }
  assert_false(alert_is_reserved_label(span_of("sidecar")));
  assert_true(alert_rules_own_label(&plain, span_of("sidecar")));
  assert_false(alert_rules_own_label(&plain, span_of("team")));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_are_plugin_and_type_in_camel_case),
      cmocka_unit_test(a_threshold_becomes_labels_and_annotations),
      cmocka_unit_test(a_red_flag_groups_with_the_alerts_of_the_prometheus_rules),
      cmocka_unit_test(missing_pprof_is_information_whatever_its_collectd_severity),
      cmocka_unit_test(any_plugin_names_its_alert_and_adds_labels),
      cmocka_unit_test(placeholders_use_name_and_severity_from_meta_data),
      cmocka_unit_test(a_matching_alert_name_block_overrides_the_source),
      cmocka_unit_test(invalid_names_and_severities_are_ignored),
      cmocka_unit_test(invalid_and_reserved_labels_are_omitted),
      cmocka_unit_test(values_of_labels_are_sanitised_and_truncated),
      cmocka_unit_test(the_order_of_meta_data_and_doubles_change_no_label),
      cmocka_unit_test(of_too_many_labels_the_first_by_name_are_kept),
      cmocka_unit_test(the_identity_is_the_same_whatever_the_meta_data),
      cmocka_unit_test(summary_and_description_take_precedence_over_other_meta_data),
      cmocka_unit_test(other_values_of_the_sidecar_plugin_have_no_flag),
      cmocka_unit_test(severity_can_be_kept_out_of_the_labels),
      cmocka_unit_test(the_configuration_adds_labels_annotations_and_a_url),
      cmocka_unit_test(the_first_matching_alert_name_rule_applies),
      cmocka_unit_test(summary_and_description_of_the_source_take_precedence),
      cmocka_unit_test(summary_and_description_exist_even_without_a_message),
      cmocka_unit_test(meta_data_of_a_hundred_kilobytes_are_cut_to_fit_a_label),
      cmocka_unit_test(a_notification_without_a_source_is_rejected),
      cmocka_unit_test(the_plugins_own_labels_are_reserved),
  };
  return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
