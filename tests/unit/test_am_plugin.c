/*
 * The complete plugin under a recording collectd, with real servers on loopback instead of an
 * Alertmanager. The sanitizers check its threads here.
 */
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "am_alerts.h"
#include "am_receiver.h"
#include "common/clock.h"
#include "fake_collectd.h"
#include "fake_notifications.h"
#include "hostile_server.h"
#include "notify_alertmanager/metrics.h"
#include "notify_alertmanager/notification.h"

static char folder[] = "/tmp/am-test-plugin-XXXXXX";
static char state_path[sizeof(folder) + 64];

static int set_up_group(void **state) {
  (void)state;
  if (mkdtemp(folder) == NULL)
    return -1;
  snprintf(state_path, sizeof(state_path), "%s/notify_alertmanager.state", folder);
  return 0;
}

static int tear_down_group(void **state) {
  (void)state;
  return rmdir(folder);
}

static int clean(void **state) {
  (void)state;
  unlink(state_path);
  return 0;
}

/* ---- the daemon's part ---- */

static int load(const char *text) {
  fake_collectd_reset();
  fake_notifications_reset(folder);
  module_register();
  int status = text != NULL ? fake_collectd_configure(text) : 0;
  return status == 0 ? fake_collectd_init() : status;
}

static void begin(const struct receiver *const *receivers, size_t len, const char *options) {
  char text[2000];
  size_t used = (size_t)snprintf(text, sizeof(text), "%s", options);
  for (size_t i = 0; i < len; i++)
    used += (size_t)snprintf(text + used, sizeof(text) - used,
                             "<Node \"n%zu\">\nURL \"%s\"\nTimeout 30\n</Node>\n", i,
                             receiver_url(receivers[i]));
  assert_int_equal(load(text), 0);
}

static void begin_one(const struct receiver *receiver, const char *options) {
  begin(&receiver, 1, options);
}

/* In the daemon's order: reading ends, shutdown, then the notification callback is freed.
 * Returns the milliseconds it took. */
static uint64_t end(void) {
  uint64_t before_ns = clock_monotonic_ns();
  fake_collectd_shutdown();
  fake_notifications_end();
  return (clock_monotonic_ns() - before_ns) / 1000000;
}

static notification_t notification(int severity, const char *plugin) {
  notification_t n = {.severity = severity, .time = cdtime()};
  snprintf(n.host, sizeof(n.host), "web1");
  snprintf(n.plugin, sizeof(n.plugin), "%s", plugin);
  snprintf(n.message, sizeof(n.message), "severity is %d", severity);
  return n;
}

static void notify(int severity, const char *plugin) {
  notification_t n = notification(severity, plugin);
  assert_int_equal(fake_notify(&n), 0);
}

static double value_of(const char *instance, const char *type, const char *type_instance) {
  assert_int_equal(fake_collectd_read(), 0);
  const struct fake_value *value = fake_collectd_find(instance, type, type_instance);
  if (value == NULL)
    return NAN;
  assert_true(value->ds_type >= 0);
  return value->ds_type == DS_TYPE_GAUGE ? value->values[0].gauge
                                         : (double)value->values[0].derive;
}

static bool wait_for_value(double expected, const char *instance, const char *type,
                           const char *type_instance) {
  for (int i = 0; i < 1000; i++) {
    if (value_of(instance, type, type_instance) == expected)
      return true;
    usleep(10000);
  }
  return false;
}

/* ---- the tests ---- */

static void an_alert_fires_changes_severity_and_is_resolved(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  begin_one(r, "");
  notify(NOTIF_WARNING, "df");
  assert_true(receiver_wait_firing(r, "df", "warning", 1));
  notify(NOTIF_FAILURE, "df");
  assert_true(receiver_wait_firing(r, "df", "critical", 1));
  assert_int_equal(receiver_firing(r, "df", NULL), 1);
  notify(NOTIF_OKAY, "df");
  assert_true(receiver_wait_firing(r, "df", NULL, 0));
  assert_int_equal(receiver_resolved(r, "df"), 2);
  assert_true(end() < 20000);
  receiver_free(r);
}

/* With the first date that the node gives the post is repeated at once. */
static void an_alert_that_fires_ends_by_itself_unless_it_is_renewed(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  receiver_give_date(r);
  begin_one(r, "ResendInterval 100\n");
  notify(NOTIF_WARNING, "df");
  assert_true(receiver_wait_firing(r, "df", NULL, 1));
  for (int i = 0; i < 1000 && receiver_end_ahead(r, "df") == 0; i++)
    usleep(10000);
  double ahead = receiver_end_ahead(r, "df");
  assert_true(ahead > 350 && ahead <= 400);
  assert_int_equal(receiver_posts(r), 2);
  notify(NOTIF_WARNING, "other");
  assert_true(receiver_wait_firing(r, "other", NULL, 1));
  assert_true(receiver_end_ahead(r, "other") > 350);
  assert_int_equal(receiver_posts(r), 3);
  notify(NOTIF_OKAY, "df");
  assert_true(receiver_wait_firing(r, "df", NULL, 0));
  assert_int_equal(receiver_resolved(r, "df"), 1);
  end();
  receiver_free(r);
}

/* Nothing is known of its clock. */
static void a_node_without_a_date_gets_no_end_of_an_alert_that_fires(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  begin_one(r, "ResendInterval 1\n");
  notify(NOTIF_WARNING, "df");
  assert_true(receiver_wait_firing(r, "df", NULL, 1));
  for (int i = 0; i < 1000 && receiver_posts(r) < 3; i++)
    usleep(10000);
  assert_true(receiver_end_ahead(r, "df") == 0);
  assert_int_equal(receiver_firing(r, "df", NULL), 1);
  end();
  receiver_free(r);
}

static void everything_is_sent_again_each_interval(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  begin_one(r, "ResendInterval 1\n");
  notify(NOTIF_WARNING, "a");
  assert_true(receiver_wait_firing(r, "a", NULL, 1));
  notify(NOTIF_OKAY, "a");
  for (int i = 0; i < 1000 && receiver_resolved(r, "a") < 3; i++)
    usleep(10000);
  assert_true(receiver_resolved(r, "a") >= 3);
  end();
  receiver_free(r);
}

static void a_dead_node_does_not_delay_others(void **state) {
  (void)state;
  struct receiver *r[3] = {receiver_new(), receiver_new(), receiver_new()};
  receiver_hang(r[1]);
  begin((const struct receiver *const *)r, 3, "");
  notify(NOTIF_WARNING, "df");
  assert_true(receiver_wait_firing(r[0], "df", NULL, 1));
  assert_true(receiver_wait_firing(r[2], "df", NULL, 1));
  assert_true(wait_for_value(1, "n0", "alert_posts", "ok"));
  assert_true(value_of("n0", "alert_queue_length", "") == 0);
  assert_true(value_of("n1", "alert_queue_length", "") == 1);
  assert_true(value_of("n1", "alert_posts", "ok") == 0);
  assert_true(isnan(value_of("n1", "alert_last_success_time_seconds", "")));
  /* the hanging post is given up a second after the end begins */
  uint64_t took_ms = end();
  assert_true(took_ms < 20000); /* its own timeout is 30 s */
  for (size_t i = 0; i < 3; i++)
    receiver_free(r[i]);
}

static void alerts_from_before_a_restart_are_resolved_after_it(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  begin_one(r, "");
  notify(NOTIF_FAILURE, "df");
  notify(NOTIF_WARNING, "other");
  assert_true(receiver_wait_firing(r, NULL, NULL, 2));
  end();
  begin_one(r, "");
  assert_true(value_of("all", "alerts", "firing") == 2);
  notify(NOTIF_OKAY, "df");
  assert_true(receiver_wait_firing(r, "df", NULL, 0));
  assert_int_equal(receiver_firing(r, "other", NULL), 1);
  end();
  receiver_free(r);
}

static void alerts_that_do_not_fit_after_a_restart_are_counted(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  char plugin[16];
  begin_one(r, "");
  for (int i = 0; i < 20; i++) {
    snprintf(plugin, sizeof(plugin), "p%d", i);
    notify(NOTIF_WARNING, plugin);
    if (i < 3)
      notify(NOTIF_OKAY, plugin);
  }
  end();
  begin_one(r, "QueueLimit 5\n");
  assert_int_equal(fake_collectd_logged(LOG_INFO, "plugin: 5 alerts restored from"), 1);
  assert_int_equal(fake_collectd_logged(LOG_WARNING, "plugin: 15 alerts of the state file"), 1);
  assert_true(value_of("all", "alerts", "firing") == 5);
  assert_true(value_of("all", "alerts_dropped", "firing") == 12);
  assert_true(value_of("all", "alerts_dropped", "resolved") == 3);
  end();
  receiver_free(r);
}

static void without_a_state_file_nothing_is_kept(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  begin_one(r, "StateFile \"\"\n");
  notify(NOTIF_FAILURE, "df");
  assert_true(receiver_wait_firing(r, "df", NULL, 1));
  assert_true(isnan(value_of("all", "alert_state_saved", "")));
  end();
  assert_int_equal(access(state_path, F_OK), -1);
  receiver_free(r);
}

static void a_state_file_that_cannot_be_written_is_logged_once(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  begin_one(r, "StateFile \"/no/such/folder/state\"\n");
  notify(NOTIF_FAILURE, "df");
  assert_true(wait_for_value(0, "all", "alert_state_saved", ""));
  assert_true(receiver_wait_firing(r, "df", NULL, 1));
  end();
  assert_int_equal(fake_collectd_logged(LOG_ERR, "/no/such/folder/state cannot be written: No"),
                   1);
  receiver_free(r);
}

static void a_node_that_comes_back_gets_the_current_alerts(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  receiver_answer(r, "HTTP/1.1 503 Service Unavailable\r\n\r\nlater");
  begin_one(r, "");
  notify(NOTIF_WARNING, "gone");
  notify(NOTIF_WARNING, "stays");
  assert_true(wait_for_value(1, "n0", "alert_posts", "failed"));
  notify(NOTIF_OKAY, "gone");
  notify(NOTIF_FAILURE, "stays");
  receiver_answer(r, NULL);
  assert_true(receiver_wait_firing(r, "stays", "critical", 1));
  assert_int_equal(receiver_firing(r, NULL, NULL), 1);
  end();
  assert_int_equal(fake_collectd_logged(LOG_WARNING, "answers 503: later"), 1);
  assert_int_equal(fake_collectd_logged(LOG_NOTICE, "delivered again"), 1);
  receiver_free(r);
}

static void the_rest_of_a_rejected_post_is_not_lost(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  char plugin[16];
  receiver_answer(r, "HTTP/1.1 503 x\r\n\r\n");
  receiver_refuse(r, "p17");
  begin_one(r, "ResendInterval 1\n");
  for (int i = 0; i < 50; i++) {
    snprintf(plugin, sizeof(plugin), "p%d", i);
    notify(NOTIF_WARNING, plugin);
  }
  assert_true(wait_for_value(1, "n0", "alert_posts", "failed"));
  receiver_answer(r, NULL);
  assert_true(receiver_wait_firing(r, NULL, NULL, 49));
  assert_true(wait_for_value(1, "n0", "alerts_rejected", ""));
  unsigned posts = receiver_posts(r);
  while (receiver_posts(r) < posts + 3) /* rounds go on, without it */
    usleep(10000);
  assert_true(value_of("n0", "alerts_rejected", "") == 1);
  end();
  assert_int_equal(fake_collectd_logged(LOG_ERR, "rejects the alert CollectdP17 of web1"), 1);
  assert_int_equal(fake_collectd_logged(LOG_ERR, "400: bad label"), 1);
  receiver_free(r);
}

static void a_rejected_alert_is_accepted_later(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  receiver_refuse(r, "bad");
  begin_one(r, "ResendInterval 1\n");
  notify(NOTIF_WARNING, "good");
  notify(NOTIF_WARNING, "bad");
  assert_true(wait_for_value(1, "n0", "alerts_rejected", ""));
  receiver_refuse(r, NULL);
  assert_true(receiver_wait_firing(r, "bad", NULL, 1));
  /* as all others from now on */
  notify(NOTIF_OKAY, "bad");
  assert_true(receiver_wait_firing(r, "bad", NULL, 0));
  end();
  receiver_free(r);
}

static atomic_bool flapping;

static void *flap(void *argument) {
  (void)argument;
  for (unsigned i = 0; atomic_load(&flapping); i++) {
    notify(i % 2 == 0 ? NOTIF_WARNING : NOTIF_OKAY, "flaps");
    usleep(100);
  }
  return NULL;
}

/* Also while a source does not stop. It takes the second of the last posts; the limit is for
 * machines that are slow. */
static void the_end_does_not_wait_for_ten_thousand_alerts(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  static char text[400];
  notification_meta_t meta = {
      .name = "text", .type = NM_TYPE_STRING, .nm_value.nm_string = text};
  memset(text, 'x', sizeof(text) - 1);
  receiver_hang(r);
  begin_one(r, "");
  for (int i = 0; i < 10000; i++) {
    notification_t n = notification(NOTIF_WARNING, "many");
    snprintf(n.plugin_instance, sizeof(n.plugin_instance), "%d", i);
    n.meta = &meta;
    assert_int_equal(fake_notify(&n), 0);
  }
  assert_true(value_of("all", "alerts", "firing") == 10000);
  pthread_t thread;
  atomic_store(&flapping, true);
  assert_int_equal(pthread_create(&thread, NULL, flap, NULL), 0);
  uint64_t before_ns = clock_monotonic_ns();
  fake_collectd_shutdown();
  uint64_t took_ms = (clock_monotonic_ns() - before_ns) / 1000000;
  atomic_store(&flapping, false);
  pthread_join(thread, NULL);
  fake_notifications_end();
  assert_true(took_ms < 60000); /* ten thousand posts would take hours */
  receiver_free(r);
}

/* A notification that makes an alert of 60 kB, with a label of its own. */
static void notify_large(const char *plugin, int number) {
  static char text[8000];
  char label[16];
  notification_meta_t meta[8] = {
      {.name = "label:number", .type = NM_TYPE_STRING, .nm_value.nm_string = label}};
  memset(text, '"', sizeof(text) - 1);
  snprintf(label, sizeof(label), "%d", number);
  for (size_t i = 0; i < 7; i++) {
    snprintf(meta[i + 1].name, sizeof(meta[i + 1].name), "text%zu", i);
    meta[i + 1].type = NM_TYPE_STRING;
    meta[i + 1].nm_value.nm_string = text;
    meta[i].next = &meta[i + 1];
  }
  notification_t n = notification(NOTIF_WARNING, plugin);
  n.meta = meta;
  assert_int_equal(fake_notify(&n), 0);
}

/* Each replaces the one before, and belongs in one post with it: more than a post can have. */
static void a_chain_of_large_alerts_is_delivered(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  receiver_answer(r, "HTTP/1.1 503 x\r\n\r\n");
  begin_one(r, "ResendInterval 1\n");
  for (int i = 0; i < 60; i++)
    notify_large("large", i);
  notify(NOTIF_WARNING, "other");
  assert_true(wait_for_value(1, "n0", "alert_posts", "failed"));
  receiver_answer(r, NULL);
  assert_true(receiver_wait_firing(r, "other", NULL, 1));
  assert_true(receiver_resolved(r, "large") >= 59);
  assert_int_equal(receiver_firing(r, "large", NULL), 1);
  assert_true(wait_for_value(0, "n0", "alert_queue_length", ""));
  end();
  assert_int_equal(fake_collectd_logged(LOG_WARNING, "too long"), 0);
  receiver_free(r);
}

static void a_node_that_rejects_everything_is_logged_with_a_hint(void **state) {
  (void)state;
  static const struct {
    const char *response, *words;
  } cases[] = {
      {"HTTP/1.1 401 Unauthorized\r\n\r\nUnauthorized", "see User, Password"},
      {"HTTP/1.1 415 Unsupported Media Type\r\n\r\n{\"message\":\"bad type\"}",
       "415: bad type"},
      {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", "redirects are not"},
      {"HTTP/1.1 400 Bad Request\r\n\r\n\"never\"", "400: never; it accepts no alert at all"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct receiver *r = receiver_new();
    char plugin[16];
    receiver_answer(r, cases[i].response);
    begin_one(r, "");
    for (int n = 0; n < 30; n++) {
      snprintf(plugin, sizeof(plugin), "p%d", n);
      notify(NOTIF_WARNING, plugin);
    }
    for (int n = 0; n < 1000 && fake_collectd_logged(LOG_ERR, cases[i].words) == 0; n++)
      usleep(10000);
    if (fake_collectd_logged(LOG_ERR, cases[i].words) != 1)
      fail_msg("no line with %s", cases[i].words);
    end();
    clean(NULL);
    receiver_free(r);
  }
}

static void write_token(const char *path, const char *token) {
  char new_path[sizeof(folder) + 64];
  snprintf(new_path, sizeof(new_path), "%s.new", path);
  FILE *stream = fopen(new_path, "w");
  assert_non_null(stream);
  assert_true(fputs(token, stream) >= 0 && fclose(stream) == 0);
  assert_int_equal(rename(new_path, path), 0);
}

static void begin_with_node_options(const struct receiver *r, const char *options) {
  char text[1000];
  snprintf(text, sizeof(text),
           "ResendInterval 1\n<Node \"n0\">\nURL \"%s\"\nTimeout 30\n%s</Node>\n",
           receiver_url(r), options);
  assert_int_equal(load(text), 0);
}

static void wait_for_line(int severity, const char *words) {
  for (int i = 0; i < 1000 && fake_collectd_logged(severity, words) == 0; i++)
    usleep(10000);
  if (fake_collectd_logged(severity, words) != 1)
    fail_msg("%zu lines with %s", fake_collectd_logged(severity, words), words);
}

/* Each of these is repeated by the node in its response. */
static void no_secret_is_in_the_log(void **state) {
  (void)state;
  char token_path[sizeof(folder) + 16], options[300];
  snprintf(token_path, sizeof(token_path), "%s/token", folder);
  snprintf(options, sizeof(options), "Header \"X-Scope-OrgID\" \"the team\"\n%s \"%s\"\n",
           "BearerTokenFile", token_path);
  write_token(token_path, "t0ken\n");
  const char *const cases[] = {
      options, "Header \"Authorization\" \"Bearer t0ken\"\n",
      "User \"u\"\nPassword \"t0ken\"\nHeader \"X-Password\" \"t0ken\"\n"};
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct receiver *r = receiver_new();
    receiver_require(r, "X-Other: ");
    begin_with_node_options(r, cases[i]);
    notify(NOTIF_WARNING, "df");
    wait_for_line(LOG_ERR, "answers 401: POST /api/v2/alerts HTTP/1.1");
    wait_for_line(LOG_ERR, "**");
    assert_int_equal(fake_collectd_logged(0, "t0ken"), 0);
    assert_int_equal(fake_collectd_logged(0, "the team"), 0);
    end();
    clean(NULL);
    receiver_free(r);
  }
  unlink(token_path);
}

/* JSON has more than one way to write a text, and the scheme is no part of a token. */
static void a_secret_in_other_words_is_not_in_the_log(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  receiver_answer(r, "HTTP/1.1 401 x\r\n\r\n{\"message\":\"not t0k\\/\\u0065n, nor t0k/en\"}");
  begin_with_node_options(r, "Header \"authorization\" \"Bearer t0k/en\"\n");
  notify(NOTIF_WARNING, "df");
  wait_for_line(LOG_ERR, "answers 401: not ******, nor ******;");
  end();
  receiver_free(r);
}

static void a_token_that_was_rotated_is_read_again(void **state) {
  (void)state;
  char token_path[sizeof(folder) + 16], options[300];
  snprintf(token_path, sizeof(token_path), "%s/token", folder);
  snprintf(options, sizeof(options), "BearerTokenFile \"%s\"\n", token_path);
  struct receiver *r = receiver_new();
  receiver_require(r, "\r\nAuthorization: Bearer second\r\n");

  /* without a token nothing is sent */
  begin_with_node_options(r, options);
  notify(NOTIF_WARNING, "df");
  wait_for_line(LOG_ERR, "/token: No such file or directory; nothing is sent without it");
  assert_true(wait_for_value(1, "n0", "alert_posts", "failed"));
  assert_int_equal(receiver_posts(r), 0);

  write_token(token_path, "first\n");
  wait_for_line(LOG_ERR, "answers 401");
  assert_int_equal(receiver_firing(r, NULL, NULL), 0);
  write_token(token_path, "second\n");
  assert_true(receiver_wait_firing(r, "df", NULL, 1));
  wait_for_line(LOG_NOTICE, "delivered again");

  /* one that vanishes is not sent from memory */
  unlink(token_path);
  notify(NOTIF_WARNING, "other");
  notify(NOTIF_OKAY, "df");
  wait_for_line(LOG_NOTICE, "delivered again");
  usleep(1500000);
  assert_int_equal(receiver_firing(r, "df", NULL), 1);
  assert_int_equal(receiver_firing(r, "other", NULL), 0);
  write_token(token_path, "second");
  assert_true(receiver_wait_firing(r, "other", NULL, 1));
  assert_true(receiver_wait_firing(r, "df", NULL, 0));
  end();
  assert_true(fake_collectd_logged(LOG_ERR, "no token in the file") >= 1);
  assert_true(fake_collectd_logged(LOG_ERR, "no token in the file") <= 2);
  unlink(token_path);
  receiver_free(r);
}

static void meta_data_of_every_type_become_annotations(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  begin_one(r, "");
  notification_meta_t meta[] = {
      {.name = "text", .type = NM_TYPE_STRING, .nm_value.nm_string = "t\xFF"},
      {.name = "signed", .type = NM_TYPE_SIGNED_INT, .nm_value.nm_signed_int = INT64_MIN},
      {.name = "unsigned",
       .type = NM_TYPE_UNSIGNED_INT,
       .nm_value.nm_unsigned_int = UINT64_MAX},
      {.name = "double", .type = NM_TYPE_DOUBLE, .nm_value.nm_double = 0.1},
      {.name = "nan", .type = NM_TYPE_DOUBLE, .nm_value.nm_double = NAN},
      {.name = "boolean", .type = NM_TYPE_BOOLEAN, .nm_value.nm_boolean = true},
  };
  for (size_t i = 0; i + 1 < ARRAY_LENGTH(meta); i++)
    meta[i].next = &meta[i + 1];
  notification_t n = notification(NOTIF_WARNING, "df");
  n.meta = meta;
  assert_int_equal(fake_notify(&n), 0);
  assert_true(receiver_wait_firing(r, "df", NULL, 1));
  end();

  char line[4096] = "";
  FILE *stream = fopen(state_path, "r");
  assert_non_null(stream);
  while (strstr(line, "annotations") == NULL)
    assert_non_null(fgets(line, sizeof(line), stream));
  fclose(stream);
  static const char *const words[] = {
      "\"text\":\"t\\\\xFF\"",
      "\"signed\":\"-9223372036854775808\"",
      "\"unsigned\":\"18446744073709551615\"",
      "\"double\":\"0.1\"",
      "\"nan\":\"nan\"",
      "\"boolean\":\"true\"",
  };
  for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
    if (strstr(line, words[i]) == NULL)
      fail_msg("no %s in %s", words[i], line);
  receiver_free(r);
}

/* A notification of "mine" with a name, a severity, a time and a label among its meta data. */
static void notify_with_meta(int severity, const char *name, const char *level,
                             uint64_t since) {
  notification_meta_t meta[] = {
      {.name = "alertname", .type = NM_TYPE_STRING, .nm_value.nm_string = name},
      {.name = "severity", .type = NM_TYPE_STRING, .nm_value.nm_string = level},
      {.name = "label:queue", .type = NM_TYPE_STRING, .nm_value.nm_string = "orders"},
      {.name = "since", .type = NM_TYPE_UNSIGNED_INT, .nm_value.nm_unsigned_int = since},
  };
  for (size_t i = 0; i + 1 < ARRAY_LENGTH(meta); i++)
    meta[i].next = &meta[i + 1];
  notification_t n = notification(severity, "mine");
  n.meta = meta;
  assert_int_equal(fake_notify(&n), 0);
}

/* The first alert of the state file; what fires or fired. */
static void read_state(char *line, int size) {
  FILE *stream = fopen(state_path, "r");
  assert_non_null(stream);
  line[0] = '\0';
  while (strstr(line, "annotations") == NULL)
    assert_non_null(fgets(line, size, stream));
  fclose(stream);
}

static void an_okay_without_meta_data_resolves_the_same_alert(void **state) {
  (void)state;
  static const char labels[] = "\"labels\":{\"instance\":\"web1\",\"plugin\":\"mine\","
                               "\"alertname\":\"QueueIsStuck\",\"queue\":\"orders\","
                               "\"severity\":\"info\"}";
  char line[4096];
  struct receiver *r = receiver_new();
  begin_one(r, "");
  notify_with_meta(NOTIF_WARNING, "QueueIsStuck", "info", 1700000000);
  assert_true(receiver_wait_firing(r, "mine", "info", 1));
  end();
  read_state(line, sizeof(line));
  assert_non_null(strstr(line, labels));
  assert_non_null(strstr(line, "\"starts_ns\":1700000000000000000,\"ends_ns\":0,"));

  begin_one(r, "");
  notify(NOTIF_OKAY, "mine");
  assert_true(receiver_wait_firing(r, "mine", NULL, 0));
  assert_int_equal(receiver_resolved(r, "mine"), 1);
  end();
  read_state(line, sizeof(line));
  assert_non_null(strstr(line, labels));
  assert_null(strstr(line, "\"ends_ns\":0,"));
  receiver_free(r);
}

static void an_okay_resolves_now_whatever_its_meta_data(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  begin_one(r, "");
  notify(NOTIF_WARNING, "mine");
  assert_true(receiver_wait_firing(r, "mine", "warning", 1));
  notify_with_meta(NOTIF_OKAY, "AnotherName", "critical", 1);
  assert_true(receiver_wait_firing(r, "mine", NULL, 0));
  assert_int_equal(receiver_resolved(r, "mine"), 1);
  end();
  char line[4096];
  read_state(line, sizeof(line));
  assert_non_null(strstr(line, "\"alertname\":\"CollectdMine\""));
  assert_non_null(strstr(line, "\"ends_ns\":"));
  assert_null(strstr(line, "\"ends_ns\":0,"));
  assert_null(strstr(line, "\"ends_ns\":1000000000,"));
  receiver_free(r);
}

static void another_name_of_the_same_problem_replaces_the_alert(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  begin_one(r, "");
  notify_with_meta(NOTIF_WARNING, "One", "warning", 1700000000);
  assert_true(receiver_wait_firing(r, "mine", "warning", 1));
  notify_with_meta(NOTIF_WARNING, "Two", "critical", 1700000000);
  assert_true(receiver_wait_firing(r, "mine", "critical", 1));
  assert_int_equal(receiver_firing(r, "mine", NULL), 1);
  assert_int_equal(receiver_resolved(r, "mine"), 1);
  end();
  receiver_free(r);
}

static void impossible_times_are_ignored(void **state) {
  (void)state;
  static const struct {
    const char *name;
    notification_meta_t since;
  } cases[] = {
      {"none", {.type = NM_TYPE_UNSIGNED_INT, .nm_value.nm_unsigned_int = 0}},
      {"negative", {.type = NM_TYPE_SIGNED_INT, .nm_value.nm_signed_int = -1700000000}},
      {"the future", {.type = NM_TYPE_UNSIGNED_INT, .nm_value.nm_unsigned_int = 1ull << 40}},
      {"past all time", {.type = NM_TYPE_UNSIGNED_INT, .nm_value.nm_unsigned_int = UINT64_MAX}},
      {"a huge number", {.type = NM_TYPE_DOUBLE, .nm_value.nm_double = 1e300}},
      {"not a number", {.type = NM_TYPE_DOUBLE, .nm_value.nm_double = NAN}},
      {"words", {.type = NM_TYPE_STRING, .nm_value.nm_string = "1700000000 seconds"}},
      {"nothing", {.type = NM_TYPE_STRING, .nm_value.nm_string = NULL}},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct notification_view view;
    notification_meta_t meta = cases[i].since;
    notification_t n = notification(NOTIF_WARNING, "mine");
    snprintf(meta.name, sizeof(meta.name), "since");
    n.meta = &meta;
    n.time = 0;
    notification_view_init(&view, &n, "h");
    check_int(cases[i].name, notification_time_ns(&view, &n, 1800000000000000005), //
              1800000000000000005);
  }
}

static void of_several_times_the_earliest_counts(void **state) {
  (void)state;
  notification_meta_t meta[] = {
      {.name = "since", .type = NM_TYPE_STRING, .nm_value.nm_string = "1700000009"},
      {.name = "since", .type = NM_TYPE_DOUBLE, .nm_value.nm_double = 1700000000.25},
      {.name = "since", .type = NM_TYPE_UNSIGNED_INT, .nm_value.nm_unsigned_int = 1900000000},
  };
  for (size_t i = 0; i + 1 < ARRAY_LENGTH(meta); i++)
    meta[i].next = &meta[i + 1];
  struct notification_view view;
  notification_t n = notification(NOTIF_FAILURE, "mine");
  n.meta = meta;
  notification_view_init(&view, &n, "h");
  check_int("earliest", notification_time_ns(&view, &n, 1800000000000000005),
            1700000000000000000);
}

static void a_notification_without_a_host_is_from_this_host(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  begin_one(r, "");
  notification_t n = notification(NOTIF_WARNING, "df");
  n.host[0] = '\0';
  n.time = 0;
  assert_int_equal(fake_notify(&n), 0);
  assert_true(receiver_wait_firing(r, "df", NULL, 1));
  end();
  char line[4096] = "";
  FILE *stream = fopen(state_path, "r");
  while (strstr(line, "annotations") == NULL)
    assert_non_null(fgets(line, sizeof(line), stream));
  fclose(stream);
  assert_non_null(strstr(line, "\"instance\":\"fake.host\""));
  receiver_free(r);
}

static void a_full_store_drops_and_logs(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  begin_one(r, "QueueLimit 2\n");
  notify(NOTIF_WARNING, "a");
  notify(NOTIF_WARNING, "b");
  notify(NOTIF_WARNING, "c");
  notify(NOTIF_WARNING, "d");
  assert_true(value_of("all", "alerts_dropped", "firing") == 2);
  assert_true(value_of("all", "alert_notifications", "") == 4);
  assert_int_equal(fake_collectd_logged(LOG_WARNING, "raise QueueLimit"), 1);
  end();
  receiver_free(r);
}

static void an_unconfirmed_alert_expires(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  begin_one(r, "ExpireAfter 1\nResolvedRetention 2\n");
  notify(NOTIF_WARNING, "a");
  assert_true(receiver_wait_firing(r, "a", NULL, 1));
  assert_true(receiver_wait_firing(r, "a", NULL, 0));
  assert_true(value_of("all", "alerts_expired", "") == 1);
  assert_true(wait_for_value(0, "all", "alerts", "resolved"));
  end();
  receiver_free(r);
}

static void notifications_after_the_shutdown_are_kept_for_the_next_start(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  begin_one(r, "");
  fake_collectd_shutdown();
  notify(NOTIF_WARNING, "late");
  fake_notifications_end();
  begin_one(r, "");
  assert_true(receiver_wait_firing(r, "late", NULL, 1));
  end();
  receiver_free(r);
}

/* A write past the limit ends a program that does not block SIGXFSZ; this one is on the
 * daemon's own thread. */
static void a_file_size_limit_does_not_end_the_daemon(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  struct rlimit before, limit;
  sigset_t signals;
  begin_one(r, "");
  notify(NOTIF_FAILURE, "early");
  assert_true(receiver_wait_firing(r, "early", NULL, 1));
  fake_collectd_shutdown();
  notify(NOTIF_WARNING, "late");
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  limit = (struct rlimit){.rlim_cur = 20, .rlim_max = before.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
  fake_notifications_end();
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  assert_int_equal(fake_collectd_logged(LOG_ERR, "cannot be written: File too large"), 1);
  assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &signals), 0);
  assert_false(sigismember(&signals, SIGXFSZ));
  receiver_free(r);
  r = receiver_new();
  begin_one(r, "");
  assert_true(receiver_wait_firing(r, "early", NULL, 1));
  end();
  receiver_free(r);
}

static void alerts_queued_at_the_end_are_still_delivered(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  begin_one(r, "");
  for (int i = 0; i < 20; i++) {
    notify(NOTIF_FAILURE, "df");
    notify(NOTIF_WARNING, "df");
  }
  end();
  assert_int_equal(receiver_firing(r, "df", "warning"), 1);
  assert_int_equal(receiver_firing(r, "df", "critical"), 0);
  receiver_free(r);
}

/* ---- many threads at once ---- */

enum { SOURCES = 4, NOTIFICATIONS = 2000, PROBLEMS = 40 };

static void *send_notifications(void *argument) {
  unsigned seed = (unsigned)(uintptr_t)argument;
  char plugin[16];
  for (int i = 0; i < NOTIFICATIONS; i++) {
    unsigned dice = (unsigned)rand_r(&seed);
    snprintf(plugin, sizeof(plugin), "s%up%u", (unsigned)(uintptr_t)argument, dice % PROBLEMS);
    static const int severities[] = {NOTIF_OKAY, NOTIF_WARNING, NOTIF_FAILURE};
    notify(severities[dice / PROBLEMS % 3], plugin);
  }
  for (unsigned p = 0; p < PROBLEMS; p++) {
    snprintf(plugin, sizeof(plugin), "s%up%u", (unsigned)(uintptr_t)argument, p);
    notify(p % 2 == 0 ? NOTIF_FAILURE : NOTIF_OKAY, plugin);
  }
  return NULL;
}

static void many_sources_and_nodes_reach_the_final_state(void **state) {
  (void)state;
  struct receiver *r[2] = {receiver_new(), receiver_new()};
  begin((const struct receiver *const *)r, 2, "ResendInterval 1\n");
  pthread_t threads[SOURCES];
  for (uintptr_t i = 0; i < SOURCES; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, send_notifications, (void *)i), 0);
  for (int i = 0; i < 20; i++) {
    fake_collectd_read();
    usleep(10000);
  }
  for (size_t i = 0; i < SOURCES; i++)
    pthread_join(threads[i], NULL);
  /* nothing changes any more: the queue only gets shorter */
  assert_true(wait_for_value(0, "n0", "alert_queue_length", ""));
  assert_true(wait_for_value(0, "n1", "alert_queue_length", ""));
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(receiver_firing(r[i], NULL, NULL), SOURCES * PROBLEMS / 2);
    assert_int_equal(receiver_firing(r[i], NULL, "critical"), SOURCES * PROBLEMS / 2);
  }
  end();
  for (size_t i = 0; i < 2; i++)
    receiver_free(r[i]);
}

static void a_plugin_that_is_never_started_leaves_nothing(void **state) {
  (void)state;
  fake_collectd_reset();
  fake_notifications_reset(folder);
  module_register();
  assert_int_equal(fake_collectd_configure("<Node \"n\">\nURL \"http://a\"\n</Node>\n"), 0);
  fake_collectd_shutdown();
}

static void every_value_it_sends_is_in_the_table_of_metrics(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  begin_one(r, "");
  notify(NOTIF_WARNING, "df");
  assert_true(wait_for_value(1, "n0", "alert_posts", "ok"));
  bool sent[METRICS] = {false};
  for (size_t i = 0; i < fake_collectd_values_len(); i++) {
    const struct fake_value *value = fake_collectd_value(i);
    size_t m = 0;
    while (m < METRICS && strcmp(metrics[m].type, value->type) != 0)
      m++;
    if (m == METRICS)
      fail_msg("%s is in no table", value->type);
    sent[m] = true;
    check_string(value->type, value->plugin, "notify_alertmanager");
    check_string(value->type, value->plugin_instance, metrics[m].of_node ? "n0" : "all");
    check_int(value->type, value->ds_type, metrics[m].derive ? DS_TYPE_DERIVE : DS_TYPE_GAUGE);
    check_int(value->type, value->type_instance[0] == '\0', metrics[m].instances[0] == '\0');
    check_int(value->type, strstr(metrics[m].instances, value->type_instance) != NULL, 1);
  }
  for (size_t m = 0; m < METRICS; m++)
    check_int(metrics[m].type, sent[m], 1);
  end();
  receiver_free(r);
}

static void another_type_of_the_same_name_is_logged_once_and_not_sent(void **state) {
  (void)state;
  struct receiver *r = receiver_new();
  char text[300];
  data_source_t sources[2] = {{.name = "value", .type = DS_TYPE_GAUGE, .max = NAN},
                              {.name = "other", .type = DS_TYPE_GAUGE, .max = NAN}};
  data_set_t set = {.type = "alerts", .ds_num = 2, .ds = sources};
  data_set_t gauge = {.type = "alert_posts", .ds_num = 1, .ds = sources};
  fake_collectd_reset();
  fake_notifications_reset(folder);
  plugin_register_data_set(&set);
  plugin_register_data_set(&gauge);
  module_register();
  snprintf(text, sizeof(text), "<Node \"n0\">\nURL \"%s\"\n</Node>\n", receiver_url(r));
  assert_int_equal(fake_collectd_configure(text), 0);
  assert_int_equal(fake_collectd_init(), 0);
  fake_collectd_read();
  fake_collectd_read();
  assert_null(fake_collectd_find("all", "alerts", "firing"));
  assert_null(fake_collectd_find("n0", "alert_posts", "ok"));
  assert_non_null(fake_collectd_find("all", "alerts_expired", ""));
  assert_int_equal(fake_collectd_logged(LOG_ERR, "alerts value:GAUGE:0:U"), 1);
  assert_int_equal(fake_collectd_logged(LOG_ERR, "alert_posts value:DERIVE:0:U"), 1);
  assert_int_equal(fake_collectd_logged(LOG_ERR, ""), 2);
  end();
  receiver_free(r);
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, clean)
  const struct CMUnitTest tests[] = {
      TEST(an_alert_fires_changes_severity_and_is_resolved),
      TEST(an_alert_that_fires_ends_by_itself_unless_it_is_renewed),
      TEST(a_node_without_a_date_gets_no_end_of_an_alert_that_fires),
      TEST(everything_is_sent_again_each_interval),
      TEST(a_dead_node_does_not_delay_others),
      TEST(alerts_from_before_a_restart_are_resolved_after_it),
      TEST(alerts_that_do_not_fit_after_a_restart_are_counted),
      TEST(without_a_state_file_nothing_is_kept),
      TEST(a_state_file_that_cannot_be_written_is_logged_once),
      TEST(a_node_that_comes_back_gets_the_current_alerts),
      TEST(the_rest_of_a_rejected_post_is_not_lost),
      TEST(a_rejected_alert_is_accepted_later),
      TEST(the_end_does_not_wait_for_ten_thousand_alerts),
      TEST(a_chain_of_large_alerts_is_delivered),
      TEST(a_node_that_rejects_everything_is_logged_with_a_hint),
      TEST(no_secret_is_in_the_log),
      TEST(a_secret_in_other_words_is_not_in_the_log),
      TEST(a_token_that_was_rotated_is_read_again),
      TEST(meta_data_of_every_type_become_annotations),
      TEST(an_okay_without_meta_data_resolves_the_same_alert),
      TEST(an_okay_resolves_now_whatever_its_meta_data),
      TEST(another_name_of_the_same_problem_replaces_the_alert),
      TEST(impossible_times_are_ignored),
      TEST(of_several_times_the_earliest_counts),
      TEST(a_notification_without_a_host_is_from_this_host),
      TEST(a_full_store_drops_and_logs),
      TEST(an_unconfirmed_alert_expires),
      TEST(notifications_after_the_shutdown_are_kept_for_the_next_start),
      TEST(a_file_size_limit_does_not_end_the_daemon),
      TEST(alerts_queued_at_the_end_are_still_delivered),
      TEST(many_sources_and_nodes_reach_the_final_state),
      TEST(a_plugin_that_is_never_started_leaves_nothing),
      TEST(every_value_it_sends_is_in_the_table_of_metrics),
      TEST(another_type_of_the_same_name_is_logged_once_and_not_sent),
  };
  return cmocka_run_group_tests_name("plugin", tests, set_up_group, tear_down_group);
}
