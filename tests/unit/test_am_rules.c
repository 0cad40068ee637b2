/* From notification to alert: names, labels, annotations, what the configuration adds. */
#include <errno.h>

#include "am_alerts.h"
#include "notify_alertmanager/alert_name.h"
#include "notify_alertmanager/alert_rules.h"

static struct alert *apply(const struct alert_rules *rules, const struct alert_source *source) {
  struct alert *alert = NULL;
  assert_int_equal(alert_rules_apply(rules, source, &alert), 0);
  return alert;
}

static const struct alert_rules plain = {.severity_label = true};

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

static void names_say_plugin_and_type_in_camel_case(void **state) {
  (void)state;
  static const struct {
    const char *plugin, *type, *type_instance, *name;
  } cases[] = {
      {"df", "percent_bytes", "used", "CollectdDfPercentBytes"},
      {"df", "df_complex", "free", "CollectdDfComplex"},
      {"load", "load", "", "CollectdLoad"},
      {"cpu", "percent", "idle", "CollectdCpuPercent"},
      {"ping", "ping_droprate", "x", "CollectdPingDroprate"},
      {"pingx", "ping_droprate", "x", "CollectdPingxPingDroprate"},
      {"ping", "pinger", "x", "CollectdPingPinger"},
      {"exec", "", "", "CollectdExec"},
      {"", "gauge", "", "CollectdGauge"},
      {"", "", "", "CollectdNotification"},
      {"a-b.c d", "X9", "", "CollectdABCDX9"},
      {"\xC3\xBC\xFF\n", "", "", "CollectdNotification"},
      {"sidecar", "process_open_fds", "", "CollectdSidecarProcessOpenFds"},
      {"sidecar", "red_flag", "fds", "SidecarFDsHigh"},
      {"sidecar", "red_flag", "brand_new", "SidecarBrandNew"},
      {"notsidecar", "red_flag", "fds", "CollectdNotsidecarRedFlag"},
      {"averyveryverylongpluginname", "averyveryverylongtypename", "",
       "CollectdAveryveryverylongpluginnameAvery"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    char name[ALERT_NAME_MAX + 1];
    alert_name_derive(name, cases[i].plugin, cases[i].type, cases[i].type_instance);
    check_string(cases[i].name, name, cases[i].name);
  }
}

static void every_red_flag_has_a_name_as_mixins_want_it(void **state) {
  (void)state;
  /* the flags of the sidecar plugin and the names of the Prometheus rules for them */
  static const char *const flags[][2] = {
      {"rss", "SidecarRSSHigh"},
      {"swap_growing", "SidecarSwapGrowing"},
      {"memory_regions", "SidecarMemoryRegionsHigh"},
      {"fds", "SidecarFDsHigh"},
      {"fds_growing", "SidecarFDsGrowing"},
      {"same_file", "SidecarSameFileOpen"},
      {"session_files", "SidecarSessionFilesOpen"},
      {"threads", "SidecarThreadsHigh"},
      {"goroutines", "SidecarGoroutinesHigh"},
      {"goroutines_growing", "SidecarGoroutinesGrowing"},
      {"goroutines_stuck", "SidecarGoroutinesStuck"},
      {"fetch_data_piling", "SidecarFetchDataPiling"},
      {"heap_growing", "SidecarHeapGrowing"},
      {"heap_not_receding", "SidecarHeapNotReceding"},
      {"allocation_rate", "SidecarAllocationRateHigh"},
      {"cpu", "SidecarCPUHigh"},
      {"sqlite_contention", "SidecarSQLiteContention"},
      {"inotify_watches", "SidecarInotifyWatchesHigh"},
      {"pprof_missing", "SidecarPprofMissing"},
  };
  size_t rows = 0;
  for (const struct alert_flag *row = alert_flags; row->flag != NULL; row++, rows++) {
    check_int(row->flag, strlen(row->alertname) <= ALERT_NAME_MAX, 1);
    check_int(row->flag, strncmp(row->alertname, "Sidecar", 7), 0);
    check_int(row->flag, row->summary[strlen(row->summary) - 1], '.');
  }
  assert_int_equal(rows, ARRAY_LENGTH(flags));
  for (size_t i = 0; i < ARRAY_LENGTH(flags); i++) {
    const struct alert_flag *row = alert_flag_find(flags[i][0]);
    assert_non_null(row);
    check_string(flags[i][0], row->alertname, flags[i][1]);
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

static void a_red_flag_groups_with_the_alerts_of_the_prometheus_rules(void **state) {
  (void)state;
  struct alert_source source = source_of("sidecar", "proj-2", "red_flag", "goroutines_stuck");
  source.severity = ALERT_CRITICAL;
  struct alert *alert = apply(&plain, &source);
  assert_string_equal(alert_label(alert, "alertname"), "SidecarGoroutinesStuck");
  assert_string_equal(alert_label(alert, "instance"), "web1");
  assert_string_equal(alert_label(alert, "sidecar"), "proj-2");
  assert_string_equal(alert_label(alert, "flag"), "goroutines_stuck");
  assert_string_equal(alert_label(alert, "severity"), "critical");
  assert_string_equal(annotation_of(alert, "summary"),
                      "Sidecar has goroutines stuck for long.");
  alert_unref(alert);
}

static void missing_pprof_is_information_whatever_collectd_calls_it(void **state) {
  (void)state;
  struct alert_source source = source_of("sidecar", "proj", "red_flag", "pprof_missing");
  struct alert *alert = apply(&plain, &source);
  assert_string_equal(alert_label(alert, "severity"), "info");
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

static void the_first_alert_name_rule_that_matches_holds(void **state) {
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

static void the_sources_own_summary_and_description_win(void **state) {
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

static void summary_and_description_are_there_even_without_words(void **state) {
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

static void a_hundred_kilobytes_from_meta_data_fit_a_label_too(void **state) {
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

static void a_notification_about_nothing_is_refused(void **state) {
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
                                      "severity",        "sidecar",  "flag"};
  for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
    check_int(names[i], alert_is_reserved_label(span_of(names[i])), 1);
  assert_false(alert_is_reserved_label(span_of("team")));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_say_plugin_and_type_in_camel_case),
      cmocka_unit_test(every_red_flag_has_a_name_as_mixins_want_it),
      cmocka_unit_test(a_threshold_becomes_labels_and_annotations),
      cmocka_unit_test(a_red_flag_groups_with_the_alerts_of_the_prometheus_rules),
      cmocka_unit_test(missing_pprof_is_information_whatever_collectd_calls_it),
      cmocka_unit_test(other_values_of_the_sidecar_plugin_have_no_flag),
      cmocka_unit_test(severity_can_be_kept_out_of_the_labels),
      cmocka_unit_test(the_configuration_adds_labels_annotations_and_a_url),
      cmocka_unit_test(the_first_alert_name_rule_that_matches_holds),
      cmocka_unit_test(the_sources_own_summary_and_description_win),
      cmocka_unit_test(summary_and_description_are_there_even_without_words),
      cmocka_unit_test(a_hundred_kilobytes_from_meta_data_fit_a_label_too),
      cmocka_unit_test(a_notification_about_nothing_is_refused),
      cmocka_unit_test(the_plugins_own_labels_are_reserved),
  };
  return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
