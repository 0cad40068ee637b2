/*
 * The complete plugin whose allocations, or calls into the system, fail in turn when it starts
 * and takes a notification: it starts or says why not, nothing leaks, and an alert after that
 * is delivered, to a real server. And state files that cannot be read.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "am_receiver.h"
#include "cases.h"
#include "failing_allocations.h"
#include "failing_calls.h"
#include "fake_collectd.h"
#include "fake_notifications.h"
#include "pace.h"

static char folder[] = "/tmp/am-test-failures-XXXXXX";
static char state_path[sizeof(folder) + 64];
static struct receiver *receiver;
static char failure[64]; /* of the present case, for messages */

static int set_up_group(void **state) {
  (void)state;
  if (mkdtemp(folder) == NULL)
    return -1;
  snprintf(state_path, sizeof(state_path), "%s/notify_alertmanager.state", folder);
  return 0;
}

static int tear_down_group(void **state) {
  (void)state;
  char command[sizeof(folder) + 16];
  snprintf(command, sizeof(command), "rm -rf '%s'", folder);
  return system(command);
}

static int set_up(void **state) {
  (void)state;
  receiver = receiver_new();
  unlink(state_path);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  receiver_free(receiver);
  return 0;
}

static unsigned own_descriptors(void) {
  struct stat st;
  unsigned count = 0;
  for (int fd = 0; fd < 1024; fd++)
    count += fstat(fd, &st) == 0;
  return count;
}

/* ---- the daemon's part ---- */

static int status;
static char options[512];

static void load(void) {
  fake_collectd_reset();
  fake_notifications_reset(folder);
  module_register();
}

static void start(void) {
  status = fake_collectd_configure(options);
  if (status == 0)
    status = fake_collectd_init();
}

static void end(void) {
  fake_collectd_shutdown();
  fake_notifications_end();
}

static void notify(const char *plugin, int severity) {
  notification_t n = {.severity = severity, .time = cdtime()};
  snprintf(n.host, sizeof(n.host), "web1");
  snprintf(n.plugin, sizeof(n.plugin), "%s", plugin);
  snprintf(n.message, sizeof(n.message), "it is full");
  assert_int_equal(fake_notify(&n), 0);
}

static void use_options(const char *more) {
  snprintf(options, sizeof(options), "%s\n<Node \"n\">\n URL \"%s\"\n</Node>\n", more,
           receiver_url(receiver));
}

static void use_node_options(const char *more) {
  size_t len = strlen(options) - strlen("</Node>\n");
  snprintf(options + len, sizeof(options) - len, "%s\n</Node>\n", more);
}

/* ---- failures ---- */

static void start_and_notify(void) {
  start();
  if (status == 0)
    notify("first", NOTIF_FAILURE);
}

static bool fail_allocation(long count) {
  atomic_store(&allocations_left, count);
  start_and_notify();
  return atomic_exchange(&allocations_left, -1) < 0;
}

static int call_error;

static bool fail_call(long count) {
  failing_calls_arm(count, 1, call_error);
  start();
  const char *failed = failing_calls_disarm();
  if (failed != NULL)
    snprintf(failure + strlen(failure), sizeof(failure) - strlen(failure), ", %s", failed);
  if (status == 0)
    notify("first", NOTIF_FAILURE);
  return failed != NULL;
}

/* Returns how many there are that can fail. */
static long fail_each(const char *what, bool (*start_failing)(long count)) {
  long count = 0, step = 1;
  bool has_failed = true;
  while (has_failed) {
    uint64_t started_ms = pace_now_ms();
    load();
    unsigned descriptors = own_descriptors();
    snprintf(failure, sizeof(failure), "%s %ld", what, count);
    has_failed = start_failing(count);
    if (!has_failed && status != 0)
      fail_msg("%s: it does not start", failure);
    if (status != 0 && fake_collectd_logged(LOG_ERR, "") == 0)
      fail_msg("%s: it does not say why it does not start", failure);
    if (status == 0) {
      notify("second", NOTIF_WARNING);
      if (!receiver_wait_firing(receiver, "second", "warning", 1))
        fail_msg("%s: the alert does not come", failure);
      notify("second", NOTIF_OKAY);
      notify("first", NOTIF_OKAY);
      if (!receiver_wait_firing(receiver, NULL, NULL, 0))
        fail_msg("%s: the alert is not resolved", failure);
    }
    end();
    while (own_descriptors() > descriptors)
      usleep(1000); /* the server's end of a connection */
    count += step;
    step = pace_step(started_ms);
  }
  return count;
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  use_options("Label \"team\" \"%{plugin}\"\nGeneratorURL \"http://g/%{host}\"");
  use_node_options("Header \"X-Scope-OrgID\" \"team\"");
  assert_true(fail_each("allocation", fail_allocation) > 20);
}

static void a_token_that_cannot_be_read_holds_the_posts(void **state) {
  (void)state;
  char path[sizeof(folder) + 16], option[sizeof(path) + 32];
  snprintf(path, sizeof(path), "%s/token", folder);
  snprintf(option, sizeof(option), "BearerTokenFile \"%s\"", path);
  FILE *stream = fopen(path, "w");
  assert_non_null(stream);
  assert_int_equal(fputs("s3cret\n", stream) >= 0 && fclose(stream) == 0, true);
  use_options("");
  use_node_options(option);
  load();
  start();
  assert_int_equal(status, 0);
  notify("first", NOTIF_FAILURE);
  assert_true(receiver_wait_firing(receiver, "first", NULL, 1));
  assert_int_equal(truncate(path, 0), 0);
  notify("first", NOTIF_OKAY);
  while (fake_collectd_logged(LOG_ERR, "/token: it is empty; nothing is sent") == 0)
    usleep(1000);
  assert_int_equal(receiver_firing(receiver, "first", NULL), 1);
  end();
  assert_int_equal(fake_collectd_logged(0, "s3cret"), 0);
}

static void every_call_of_the_start_may_fail(void **state) {
  static const int errors[] = {EIO, ENOMEM, EAGAIN, EINTR};
  (void)state;
  use_options("");
  for (size_t i = 0; i < ARRAY_LENGTH(errors); i++) {
    call_error = errors[i];
    assert_true(fail_each(strerror(errors[i]), fail_call) > 3);
  }
}

static bool fail_allocation_without_blocks(long count) {
  atomic_store(&allocations_left, count);
  status = fake_collectd_init();
  bool has_failed = atomic_exchange(&allocations_left, -1) < 0;
  assert_int_equal(status != 0, fake_collectd_logged(LOG_ERR, "") > 0);
  end();
  return has_failed;
}

/* With the default node, of which nothing is known here: no alert is sent. */
static void every_allocation_of_the_default_may_fail(void **state) {
  (void)state;
  for (long count = 0;; count++) {
    load();
    unsigned descriptors = own_descriptors();
    bool has_failed = fail_allocation_without_blocks(count);
    assert_int_equal(own_descriptors(), descriptors);
    if (!has_failed)
      break;
  }
  assert_int_equal(status, 0);
}

/* ---- state files ---- */

static void write_state(const char *mode, const char *text) {
  FILE *stream = fopen(state_path, mode);
  assert_non_null(stream);
  assert_true(fputs(text, stream) >= 0);
  assert_int_equal(fclose(stream), 0);
}

static void start_after(const char *mode, const char *text) {
  use_options("");
  write_state(mode, text);
  load();
  start();
  assert_int_equal(status, 0);
}

static void a_file_of_another_kind_is_replaced_and_kept_aside(void **state) {
  (void)state;
  start_after("w", "these are my notes\n");
  assert_int_equal(fake_collectd_logged(LOG_WARNING,
                                        "is no state file of this version and will "
                                        "be replaced (old file: /"),
                   1);
  notify("first", NOTIF_FAILURE);
  assert_true(receiver_wait_firing(receiver, "first", NULL, 1));
  end();
}

static void a_damaged_line_costs_only_its_alert(void **state) {
  (void)state;
  use_options("");
  load();
  start();
  notify("first", NOTIF_FAILURE);
  assert_true(receiver_wait_firing(receiver, "first", NULL, 1));
  end();
  start_after("a", "half a li\n");
  assert_int_equal(fake_collectd_logged(LOG_WARNING, "1 damaged lines in the state file"), 1);
  assert_int_equal(fake_collectd_logged(LOG_INFO, "1 alerts restored from"), 1);
  end();
}

static void a_file_that_cannot_be_read_is_told(void **state) {
  (void)state;
  use_options("");
  write_state("w", "");
  load();
  failing_calls_of(state_path, EIO);
  start();
  failing_calls_disarm();
  assert_int_equal(status, 0);
  assert_int_equal(fake_collectd_logged(LOG_ERR, "cannot be read: Input/output error; alerts "
                                                 "that fired before are lost"),
                   1);
  notify("first", NOTIF_FAILURE);
  assert_true(receiver_wait_firing(receiver, "first", NULL, 1));
  end();
}

static void a_file_that_can_be_written_again_is_told(void **state) {
  (void)state;
  char path[sizeof(folder) + 32], option[sizeof(path) + 32];
  snprintf(path, sizeof(path), "%s/late", folder);
  snprintf(option, sizeof(option), "StateFile \"%s/state\"", path);
  use_options(option);
  load();
  start();
  notify("first", NOTIF_FAILURE);
  while (fake_collectd_logged(LOG_ERR, "cannot be written: No such file") == 0)
    usleep(1000);
  assert_int_equal(mkdir(path, 0700), 0);
  end(); /* writes it again */
  assert_int_equal(fake_collectd_logged(LOG_NOTICE, "is writable again"), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(every_allocation_may_fail, set_up, tear_down),
      cmocka_unit_test_setup_teardown(every_call_of_the_start_may_fail, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_token_that_cannot_be_read_holds_the_posts, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(every_allocation_of_the_default_may_fail, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(a_file_of_another_kind_is_replaced_and_kept_aside, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(a_damaged_line_costs_only_its_alert, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_file_that_cannot_be_read_is_told, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_file_that_can_be_written_again_is_told, set_up,
                                      tear_down),
  };
  return cmocka_run_group_tests_name("am_failures", tests, set_up_group, tear_down_group);
}
