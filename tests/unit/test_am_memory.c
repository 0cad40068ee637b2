/*
 * Every allocation of notify_alertmanager fails once, in turn: nothing crashes, nothing else is
 * lost, and all memory is freed. The linker replaces libc's allocators by ours (--wrap), only
 * in our own code.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "am_alerts.h"
#include "fake_oconfig.h"
#include "notify_alertmanager/alert_json.h"
#include "notify_alertmanager/alert_rules.h"
#include "notify_alertmanager/config.h"
#include "notify_alertmanager/sender.h"
#include "notify_alertmanager/state_saver.h"

/* ---- allocators ---- */

static bool counting;
static size_t fail_at, allocations;
static long live;

static bool fails(void) {
  return counting && allocations++ == fail_at;
}

static void *counted(void *p) {
  if (counting && p != NULL)
    live++;
  return p;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *s);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);
void __wrap_free(void *p);

void *__wrap_malloc(size_t size) {
  return fails() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size) {
  return fails() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *p, size_t size) {
  if (fails())
    return NULL;
  return p == NULL ? counted(__real_realloc(p, size)) : __real_realloc(p, size);
}

char *__wrap_strdup(const char *s) {
  return fails() ? NULL : counted(__real_strdup(s));
}

void __wrap_free(void *p) {
  if (counting && p != NULL)
    live--;
  __real_free(p);
}

/* The daemon's part: logging and global options, for the configuration. */
const char *global_option_get(const char *option) {
  (void)option;
  return NULL;
}

void plugin_log(int severity, const char *format, ...) {
  (void)severity, (void)format;
}

/* Runs what with each of its allocations failing in turn, then with none. */
static void fail_each(const char *name, void (*what)(void)) {
  for (fail_at = 0;; fail_at++) {
    allocations = 0;
    live = 0;
    counting = true;
    what();
    counting = false;
    if (live != 0)
      fail_msg("%s: allocation %zu failed, and %ld were not given back", name, fail_at, live);
    if (allocations <= fail_at)
      break;
  }
  assert_true(fail_at > 1);
}

static bool is_fine(int status) {
  return status == 0 || status == -ENOMEM;
}

/* ---- operations ---- */

static struct alert_text labels[] = {{(char *)"pid", (char *)"%{meta:pid}"}};
static char *plugin_labels[] = {(char *)"p"};
static const struct alert_rules rules = {
    .labels = labels,
    .labels_len = 1,
    .generator_url = (char *)"http://g/%{host}",
    .plugin_labels = plugin_labels,
    .plugin_labels_len = 1,
    .severity_label = true,
};

static struct alert *make(const char *plugin, enum alert_severity severity) {
  char value[600];
  memset(value, 'v', sizeof(value));
  const struct alert_meta meta[] = {{SPAN_LITERAL("pid"), SPAN_LITERAL("1")},
                                    {SPAN_LITERAL("alertname"), SPAN_LITERAL("Name")},
                                    {SPAN_LITERAL("label:l"), SPAN_LITERAL("value")},
                                    {SPAN_LITERAL("long"), span_make(value, sizeof(value))}};
  const struct alert_source source = {.severity = severity,
                                      .host = "h",
                                      .plugin = plugin,
                                      .plugin_instance = "",
                                      .type = "t",
                                      .type_instance = "",
                                      .message = "m",
                                      .meta = meta,
                                      .meta_len = ARRAY_LENGTH(meta)};
  struct alert *alert = NULL;
  int status = alert_rules_apply(&rules, &source, &alert);
  assert_true(is_fine(status));
  assert_int_equal(status == 0, alert != NULL);
  return alert;
}

static void fire(struct store *store, const char *plugin, enum alert_severity severity) {
  struct alert *alert = make(plugin, severity);
  if (alert != NULL)
    store_fire(store, alert, 5, 5);
  alert_unref(alert);
}

static const struct store_limits limits = {.alerts = 1000, .bytes = 1 << 20};

static void live_a_life(void) {
  struct store *store;
  if (store_new(limits, &store) != 0)
    return;
  char plugin[16];
  for (int i = 0; i < 70; i++) { /* the table grows */
    snprintf(plugin, sizeof(plugin), "p%d", i);
    fire(store, plugin, ALERT_WARNING);
  }
  fire(store, "p1", ALERT_CRITICAL);
  struct alert *alert = make("p2", ALERT_WARNING);
  if (alert != NULL)
    store_resolve(store, alert, 6, 6, "over");
  alert_unref(alert);
  struct store_counts counts = store_counts(store);
  /* one allocation failed, so one alert at most is missing */
  assert_in_range(counts.firing + counts.resolved, 70, 71);
  store_free(store);
}

static void write_a_post(void) {
  struct alert *alert = make("p", ALERT_WARNING);
  struct alert_json *json = NULL;
  if (alert != NULL && alert_json_new(1 << 20, &json) == 0) {
    int status = alert_json_begin(json);
    if (status == 0)
      status = alert_json_add(json, alert, 1, 2);
    if (status == 0)
      status = alert_json_end(json);
    assert_true(is_fine(status));
  }
  alert_json_free(json);
  alert_unref(alert);
}

static char state_path[64];

static void on_record(void *context, const struct state_record *record) {
  size_t *seen = context;
  (*seen)++;
  alert_unref(record->alert);
}

static void save_and_load(void) {
  struct state_file file;
  struct state_file_report report;
  struct alert *alert = make("p", ALERT_WARNING);
  size_t seen = 0;
  if (alert == NULL)
    return;
  const struct state_record record = {alert, 1, 0, 2};
  int status = state_file_begin(&file, state_path);
  if (status == 0) {
    status = state_file_add(&file, &record);
    if (status == 0)
      status = state_file_commit(&file);
    else
      state_file_abort(&file);
  }
  assert_true(is_fine(status));
  alert_unref(alert);
  /* there is one from an earlier iteration, whatever happened in this one */
  if (state_file_load(state_path, on_record, &seen, &report) == 0)
    assert_int_equal(seen + report.damaged, 1);
}

static void make_threads_objects(void) {
  struct store *store;
  struct state_saver *saver = NULL;
  struct sender *sender = NULL;
  const struct state_saver_config config = {.path = state_path};
  const struct sender_config sender_config = {
      .name = "n", .url = "http://127.0.0.1:9/", .resend_ns = 1, .timeout_ns = 1000000};
  if (store_new(limits, &store) != 0)
    return;
  assert_true(is_fine(state_saver_new(&config, store, &saver)));
  assert_true(is_fine(sender_new(&sender_config, store, &sender)));
  sender_free(sender);
  state_saver_free(saver);
  store_free(store);
}

static oconfig_item_t *configuration;

static void read_configuration(void) {
  struct config *config = config_new();
  if (config == NULL)
    return;
  if (config_parse(config, configuration) == 0)
    config_complete(config);
  config_free(config);
}

/* ---- */

static void alerts_and_store(void **state) {
  (void)state;
  fail_each("the store", live_a_life);
}

static void posts(void **state) {
  (void)state;
  fail_each("a post", write_a_post);
}

static void state_files(void **state) {
  (void)state;
  snprintf(state_path, sizeof(state_path), "/tmp/am-test-memory-%d", (int)getpid());
  counting = false;
  save_and_load();
  fail_each("the state file", save_and_load);
  char damaged[80];
  snprintf(damaged, sizeof(damaged), "%s.damaged", state_path);
  unlink(damaged);
  unlink(state_path);
}

static void threads(void **state) {
  (void)state;
  make_threads_objects(); /* libcurl keeps what it allocates at its first use */
  fail_each("saver and sender", make_threads_objects);
}

static void configurations(void **state) {
  (void)state;
  configuration = fake_oconfig_parse("<Node \"n\">\nURL \"http://a\"\nUser \"u\"\n"
                                     "Password \"p\"\nHeader \"H\" \"v\"\n</Node>\n"
                                     "<Node \"m\">\nURL \"http://a\"\n"
                                     "BearerTokenFile \"/t\"\n</Node>\n"
                                     "Labels \"a\" \"b\" \"c\" \"d\"\nLabel \"e\" \"%{host}\"\n"
                                     "Annotation \"f\" \"g\"\nGeneratorURL \"http://g\"\n"
                                     "StateFile \"x\"\nPluginLabel \"p\" \"q\"\n"
                                     "<AlertName \"A\">\nPlugin \"p\"\n</AlertName>\n");
  assert_non_null(configuration);
  fail_each("the configuration", read_configuration);
  fake_oconfig_free(configuration);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(alerts_and_store), cmocka_unit_test(posts),
      cmocka_unit_test(state_files),      cmocka_unit_test(threads),
      cmocka_unit_test(configurations),
  };
  return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
