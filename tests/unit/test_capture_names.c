/* The pure parts of captures: names of files, identities, when a bundle is due. */
#include <errno.h>
#include <stdio.h>

#include "cases.h"
#include "sidecar/capture/directory.h"
#include "sidecar/capture/ledger.h"
#include "sidecar/capture/name.h"
#include "sidecar/redflag/red_flag.h"

static const struct {
  const char *name, *instance, *expected;
} instances[] = {
    {"a plain name is itself", "my-project_2.0", "my-project_2.0"},
    {"letters of other alphabets are themselves", "h\xc3\xb6lle", "h\xc3\xb6lle"},
    {"a path upwards is no path", "../../x", "%2E.%2F..%2Fx"},
    {"the folder itself", ".", "%2E"},
    {"the folder above", "..", "%2E."},
    {"no name is hidden", ".tmp-x", "%2Etmp-x"},
    {"no name is an option", "-rf", "%2Drf"},
    {"an empty name", "", "%unnamed"},
    {"and what looks like it", "%unnamed", "%25unnamed"},
    {"blanks and quotes", "a b'\"", "a%20b%27%22"},
    {"control characters", "\n\033[", "%0A%1B%5B"},
    {"bytes that are not UTF-8", "\xff\xc3", "%FF%C3"},
    {"characters that turn text around", "\xe2\x80\xae", "%E2%80%AE"},
    {"an escape of ours", "%2E", "%252E"},
    {"a demand for captures", "capture-now", "%63apture-now"},
    {"a demand for one", "capture-now.web", "%63apture-now.web"},
    {"no demand", "capture-no", "capture-no"},
};

static void an_instance_becomes_a_safe_name(void **state) {
  (void)state;
  char name[CAPTURE_FILE_NAME_MAX];
  for (size_t i = 0; i < ARRAY_LENGTH(instances); i++) {
    capture_name_instance(instances[i].instance, name);
    check_span(instances[i].name, span_of(name), span_of(instances[i].expected));
  }
}

static void long_instances_have_unique_names(void **state) {
  (void)state;
  char long_name[300], first[CAPTURE_FILE_NAME_MAX], second[CAPTURE_FILE_NAME_MAX];
  for (size_t len = 100; len < sizeof(long_name); len++) {
    memset(long_name, len % 2 == 0 ? '/' : 'x', len - 1);
    long_name[len - 1] = 'a';
    long_name[len] = '\0';
    capture_name_instance(long_name, first);
    long_name[len - 1] = 'b';
    capture_name_instance(long_name, second);
    assert_true(strlen(first) < CAPTURE_FILE_NAME_MAX);
    assert_null(strchr(first, '/'));
    assert_string_not_equal(first, second);
  }
}

static void names_of_bundles_are_made_and_recognised(void **state) {
  (void)state;
  char name[CAPTURE_BUNDLE_NAME_MAX], reason[CAPTURE_REASON_MAX + 1];
  pid_t pid = 0;
  capture_name_bundle(INT64_C(1785542399123), 4711, "fds_growing", name);
  assert_string_equal(name, "20260731T235959.123Z-pid4711-fds_growing");
  assert_true(capture_name_parse_bundle(name, &pid, reason));
  assert_int_equal(pid, 4711);
  assert_string_equal(reason, "fds_growing");

  capture_name_bundle(INT64_MIN, 4711, "fds_growing", name);
  assert_string_equal(name, "19700101T000000.000Z-pid4711-fds_growing");
  capture_name_bundle(INT64_MAX, 4711, "fds_growing", name);
  assert_string_equal(name, "99991231T235959.999Z-pid4711-fds_growing");
}

static void other_names_are_not_bundles(void **state) {
  (void)state;
  static const char *const names[] = {
      "",
      "summary.txt",
      ".tmp-20260731T235959.123Z-pid4711-fds",
      "20260731T235959.123Z-pid4711-",
      "20260731T235959.123Z-pid4711-Fds",
      "20260731T235959.123Z-pid4711-fds.old",
      "20260731T235959.123Z-pid0-fds",
      "20260731T235959.123Z-pid99999999999-fds",
      "20260731T235959.123Z-pid-1-fds",
      "20260731T235959.12Z-pid4711-fds",
      "20260731T235959.123Z",
      "20260731T235959.123Z-pid1-a_reason_of_more_than_forty_eight_bytes_is_too_long",
  };
  char reason[CAPTURE_REASON_MAX + 1];
  pid_t pid;
  for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
    check_int(names[i], capture_name_parse_bundle(names[i], &pid, reason), false);
}

static void an_identity_is_read_as_it_is_printed(void **state) {
  (void)state;
  struct identity read,
      identity = {.pid = 4711, .owner = 1000, .start_ticks = 123456, .boot = "0f5c-1"};
  char text[IDENTITY_TEXT_MAX];
  identity_print(&identity, text);
  assert_int_equal(identity_parse(span_of(text), &read), 0);
  assert_true(identity_equals(&identity, &read));
  assert_int_equal(read.owner, 1000);
  read.start_ticks++;
  assert_false(identity_equals(&identity, &read));
  identity.boot[0] = '\0'; /* if the system has none */
  identity_print(&identity, text);
  assert_int_equal(identity_parse(span_of(text), &read), 0);
  assert_true(identity_equals(&identity, &read));
}

static void an_owner_that_is_missing_or_damaged_is_unknown(void **state) {
  (void)state;
  static const char *const owners[] = {
      "",         "owner ", "owner x\n", "owner 1000 \n", "owner -1\n", "owner 4294967296\n",
      "Owner 0\n"};
  struct identity read;
  char text[IDENTITY_TEXT_MAX];
  for (size_t i = 0; i < ARRAY_LENGTH(owners); i++) {
    snprintf(text, sizeof(text), "pid 1, start 2, boot 3\n%s", owners[i]);
    check_int(owners[i], identity_parse(span_of(text), &read), 0);
    check_int(owners[i], read.owner, IDENTITY_OWNER_UNKNOWN);
  }
}

static void other_texts_are_not_identities(void **state) {
  (void)state;
  static const char *const texts[] = {
      "",
      "\n",
      "pid 4711\n",
      "pid 0, start 1, boot x\n",
      "pid 99999999999, start 1, boot x\n",
      "pid 1, start x, boot x\n",
      "pid 1, start 1, boot 0123456789012345678901234567890123456789\n",
  };
  struct identity read;
  for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
    check_int(texts[i], identity_parse(span_of(texts[i]), &read), -EBADMSG);
}

/* --- the ledger --- */

static void a_flag_waits_for_its_interval(void **state) {
  (void)state;
  struct ledger ledger;
  struct ledger_key fds = {1, 100, "fds", false, 0}, rss = {1, 100, "rss", false, 0};
  struct ledger_key next = {1, 101, "fds", false, 0};
  int64_t wall = 5000;
  ledger_init(&ledger);
  assert_int_equal(ledger_check(&ledger, &fds, 1000, 60000), 0);
  assert_int_equal(ledger_record_request(&ledger, &fds, 1000, 60000, &wall), 0);
  assert_int_equal(ledger_check(&ledger, &fds, 60999, 60000), -EAGAIN);
  assert_int_equal(ledger_check(&ledger, &fds, 61000, 60000), 0);
  assert_int_equal(ledger_check(&ledger, &rss, 1000, 60000), 0);
  assert_int_equal(ledger_check(&ledger, &next, 1000, 60000), 0); /* the pid was used again */
  ledger_record_failure(&ledger, &fds, 2000);
  assert_int_equal(ledger_check(&ledger, &fds, 2000, 60000), 0);
  ledger_clear(&ledger);
}

/* Flapping between the two is still two bundles in each interval. */
static void a_failure_does_not_wait_because_of_a_warning(void **state) {
  (void)state;
  struct ledger ledger;
  struct ledger_key warning = {1, 100, "cpu", false, 0}, failure = {1, 100, "cpu", true, 0};
  unsigned captured = 0;
  ledger_init(&ledger);
  for (uint64_t now_ms = 1000; now_ms < 1000 + 3 * 60000; now_ms += 1000) {
    const struct ledger_key *key = now_ms / 1000 % 2 == 1 ? &warning : &failure;
    int64_t wall = (int64_t)now_ms;
    if (ledger_check(&ledger, key, now_ms, 60000) != 0)
      continue;
    assert_int_equal(ledger_record_request(&ledger, key, now_ms, 60000, &wall), 0);
    captured++;
    if (now_ms == 2000)
      assert_int_equal(captured, 2);
  }
  assert_in_range(captured, 4, 6);
  ledger_clear(&ledger);
}

static void two_bundles_never_have_the_same_time(void **state) {
  (void)state;
  struct ledger ledger;
  struct ledger_key key = {1, 100, "fds", false, 0};
  int64_t last = 0;
  ledger_init(&ledger);
  for (int i = 0; i < 100; i++) {
    int64_t wall = 5000;
    assert_int_equal(ledger_record_request(&ledger, &key, 1000, 0, &wall), 0);
    assert_true(wall > last);
    last = wall;
  }
  ledger_clear(&ledger);
}

static void a_baseline_is_requested_until_it_is_written(void **state) {
  (void)state;
  struct ledger ledger;
  struct ledger_key key = {1, 100, "baseline", false, 0};
  int64_t wall = 5000;
  ledger_init(&ledger);
  assert_int_equal(ledger_record_request(&ledger, &key, 1000, 0, &wall), 0);
  assert_int_equal(ledger_check(&ledger, &key, UINT64_MAX, 0), -EAGAIN);
  assert_int_equal(ledger_record_written(&ledger, &key), 0);
  assert_int_equal(ledger_check(&ledger, &key, UINT64_MAX, 0), -EALREADY);
  ledger_record_failure(&ledger, &key, 2000);
  assert_int_equal(ledger_check(&ledger, &key, 2000 + LEDGER_RETRY_MS - 1, 0), -EAGAIN);
  assert_int_equal(ledger_check(&ledger, &key, 2000 + LEDGER_RETRY_MS, 0), 0);
  key = (struct ledger_key){2, 7, "baseline", false, 0};
  assert_int_equal(ledger_record_written(&ledger, &key), 0);
  assert_int_equal(ledger_check(&ledger, &key, 0, 0), -EALREADY);
  ledger_clear(&ledger);
}

static void a_round_is_requested_until_it_is_written(void **state) {
  (void)state;
  struct ledger ledger;
  struct ledger_key first = {1, 100, "scheduled", false, 1},
                    other = {1, 100, "requested", false, 1};
  struct ledger_key second = {1, 100, "scheduled", false, 2};
  int64_t wall = 5000;
  ledger_init(&ledger);
  assert_int_equal(ledger_check(&ledger, &first, 1000, 0), 0);
  assert_int_equal(ledger_record_request(&ledger, &first, 1000, 0, &wall), 0);
  assert_int_equal(ledger_check(&ledger, &first, UINT64_MAX, 0), -EAGAIN);
  assert_int_equal(ledger_check(&ledger, &second, UINT64_MAX, 0), -EAGAIN);
  assert_int_equal(ledger_check(&ledger, &other, 1000, 0), 0);
  ledger_record_failure(&ledger, &first, 2000);
  assert_int_equal(ledger_check(&ledger, &first, 2001, 0), -EAGAIN);
  assert_int_equal(ledger_check(&ledger, &first, 2000 + LEDGER_RETRY_MS, 0), 0);
  assert_int_equal(ledger_check(&ledger, &second, 2001, 0), 0); /* need not wait for that */
  assert_int_equal(ledger_record_request(&ledger, &first, 3000, 0, &wall), 0);
  assert_int_equal(ledger_record_written(&ledger, &first), 0);
  assert_int_equal(ledger_check(&ledger, &first, UINT64_MAX, 0), -EALREADY);
  assert_int_equal(ledger_check(&ledger, &second, 3000, UINT64_MAX), 0);
  ledger_clear(&ledger);
}

static void the_ledger_is_bounded(void **state) {
  (void)state;
  struct ledger ledger;
  ledger_init(&ledger);
  for (pid_t pid = 1; pid <= LEDGER_MAX + 100; pid++) {
    struct ledger_key key = {pid, 1, "fds", false, 0};
    int64_t wall = 0;
    assert_int_equal(ledger_record_request(&ledger, &key, 1, UINT64_MAX, &wall), 0);
  }
  assert_int_equal(ledger.len, LEDGER_MAX);
  struct ledger_key key = {LEDGER_MAX + 200, 1, "fds", false, 0};
  int64_t wall = 0;
  assert_int_equal(ledger_record_request(&ledger, &key, 1000000, 1000, &wall), 0);
  assert_int_equal(ledger.len, 1); /* the others are no longer needed */
  ledger_clear(&ledger);
}

static void baselines_of_ended_processes_do_not_displace_flags(void **state) {
  (void)state;
  struct ledger ledger;
  struct ledger_key flag = {1, 1, "fds", false, 0};
  int64_t wall = 0;
  ledger_init(&ledger);
  assert_int_equal(ledger_record_request(&ledger, &flag, 1, UINT64_MAX, &wall), 0);
  for (pid_t pid = 2; pid <= LEDGER_MAX + 100; pid++) {
    struct ledger_key key = {pid, 1, "baseline", false, 0};
    assert_int_equal(ledger_record_written(&ledger, &key), 0);
  }
  assert_int_equal(ledger.len, LEDGER_MAX);
  assert_int_equal(ledger_check(&ledger, &flag, 1000, 3600000), -EAGAIN);
  struct ledger_key last = {LEDGER_MAX + 100, 1, "baseline", false, 0};
  assert_int_equal(ledger_check(&ledger, &last, 1000, 3600000), -EALREADY);
  ledger_clear(&ledger);
  assert_int_equal(ledger.len, 0);
}

/* --- texts --- */

static void every_error_has_a_hint(void **state) {
  (void)state;
  for (int error = -1; error > -140; error--)
    for (unsigned i = 0; i < 2; i++)
      assert_true(strlen(directory_error_hint(error, i == 1)) > 10);
  assert_string_not_equal(directory_error_hint(-ENOSPC, false),
                          directory_error_hint(-EROFS, false));
}

static void every_flag_has_next_steps(void **state) {
  (void)state;
  for (size_t i = 0; i < RED_FLAGS; i++) {
    const char *steps = red_flags[i].next_steps;
    if (steps[0] == '\0' || steps[strlen(steps) - 1] != '\n')
      fail_msg("%s has no next steps", red_flags[i].name);
    for (const char *line = steps; *line != '\0'; line += strcspn(line, "\n") + 1)
      assert_in_range(strcspn(line, "\n"), 1, 96);
    check_int(red_flags[i].name, capture_reason_is_valid(red_flags[i].name), true);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_instance_becomes_a_safe_name),
      cmocka_unit_test(long_instances_have_unique_names),
      cmocka_unit_test(names_of_bundles_are_made_and_recognised),
      cmocka_unit_test(other_names_are_not_bundles),
      cmocka_unit_test(an_identity_is_read_as_it_is_printed),
      cmocka_unit_test(an_owner_that_is_missing_or_damaged_is_unknown),
      cmocka_unit_test(other_texts_are_not_identities),
      cmocka_unit_test(a_flag_waits_for_its_interval),
      cmocka_unit_test(a_failure_does_not_wait_because_of_a_warning),
      cmocka_unit_test(two_bundles_never_have_the_same_time),
      cmocka_unit_test(a_baseline_is_requested_until_it_is_written),
      cmocka_unit_test(a_round_is_requested_until_it_is_written),
      cmocka_unit_test(the_ledger_is_bounded),
      cmocka_unit_test(baselines_of_ended_processes_do_not_displace_flags),
      cmocka_unit_test(every_error_has_a_hint),
      cmocka_unit_test(every_flag_has_next_steps),
  };
  return cmocka_run_group_tests_name("capture_names", tests, NULL, NULL);
}
