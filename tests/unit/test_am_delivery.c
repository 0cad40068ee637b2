/* When alerts are posted to a node, and the handling of its responses, on a simulated clock. */
#include <errno.h>
#include <limits.h>

#include "am_alerts.h"
#include "notify_alertmanager/delivery.h"
#include "notify_alertmanager/report.h"

#define SECOND 1000000000ull

static uint64_t now;
static struct delivery d;

static int set_up(void **state) {
  (void)state;
  now = 1000 * SECOND;
  delivery_init(&d, 60 * SECOND, now, 0.5);
  return 0;
}

static enum delivery_step step(bool changes) {
  uint64_t wait_ns;
  return delivery_next(&d, now, changes, &wait_ns);
}

/* What delivery_next would have us wait, in milliseconds. */
static long long wait_ms(bool changes) {
  uint64_t wait_ns = 0;
  if (delivery_next(&d, now, changes, &wait_ns) != DELIVERY_WAIT)
    return -1;
  return (long long)(wait_ns / 1000000);
}

static enum delivery_verdict answer(enum delivery_step what, size_t alerts,
                                    enum delivery_outcome outcome) {
  const struct delivery_post post = {.step = what, .alerts = alerts};
  return delivery_result(&d, now, &post, outcome, -1, 0);
}

static void an_alert_lasts_when_three_posts_in_a_row_fail(void **state) {
  (void)state;
  static const struct {
    const char *name;
    uint64_t resend_seconds, timeout_seconds, ahead_seconds;
  } cases[] = {
      {"the defaults", 60, 10, 300},      {"the shortest interval", 1, 10, 300},
      {"a longer interval", 80, 10, 320}, {"the longest interval", 150, 10, 600},
      {"a slow node", 60, 120, 480},      {"the slowest node", 1, 300, 1200},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
    check_int(cases[i].name,
              (long long)delivery_end_ahead_ns(cases[i].resend_seconds * SECOND,
                                               cases[i].timeout_seconds * SECOND),
              (long long)(cases[i].ahead_seconds * SECOND));
}

static void answers_are_classified(void **state) {
  (void)state;
  static const struct {
    const char *name;
    int error;
    long status;
    enum delivery_outcome outcome;
  } cases[] = {
      {"accepted", 0, 200, DELIVERY_OK},
      {"accepted without a body", 0, 204, DELIVERY_OK},
      {"a bad alert", 0, 400, DELIVERY_REFUSED_ALERTS},
      {"an alert of the wrong form", 0, 422, DELIVERY_REFUSED_ALERTS},
      {"too large for a proxy", 0, 413, DELIVERY_REFUSED_ALERTS},
      {"the wrong type of content", 0, 415, DELIVERY_REFUSED_NODE},
      {"no access", 0, 401, DELIVERY_REFUSED_NODE},
      {"no access at all", 0, 403, DELIVERY_REFUSED_NODE},
      {"nothing there", 0, 404, DELIVERY_REFUSED_NODE},
      {"moved", 0, 301, DELIVERY_REFUSED_NODE},
      {"moved for now", 0, 307, DELIVERY_REFUSED_NODE},
      {"too slow", 0, 408, DELIVERY_FAILED},
      {"too many", 0, 429, DELIVERY_FAILED},
      {"out of order", 0, 500, DELIVERY_FAILED},
      {"away", 0, 503, DELIVERY_FAILED},
      {"an interim answer", 0, 100, DELIVERY_FAILED},
      {"no listener", -ECONNREFUSED, 0, DELIVERY_FAILED},
      {"a certificate of another", -EACCES, 0, DELIVERY_FAILED},
      {"accepted, followed by a gigabyte", -EMSGSIZE, 200, DELIVERY_FAILED},
      {"refused, with a megabyte of reasons", -EMSGSIZE, 400, DELIVERY_REFUSED_ALERTS},
      {"broke off in the middle", -ECONNRESET, 200, DELIVERY_FAILED},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
    check_int(cases[i].name, delivery_classify(cases[i].error, cases[i].status),
              cases[i].outcome);
}

static void a_change_is_posted_immediately(void **state) {
  (void)state;
  assert_int_equal(step(true), DELIVERY_CHANGES);
}

static void changes_right_after_a_post_are_collected(void **state) {
  (void)state;
  answer(DELIVERY_CHANGES, 1, DELIVERY_OK);
  assert_int_equal(wait_ms(true), 100);
  now += SECOND / 10;
  assert_int_equal(step(true), DELIVERY_CHANGES);
}

static void a_full_post_is_followed_immediately(void **state) {
  (void)state;
  const struct delivery_post full = {
      .step = DELIVERY_CHANGES, .alerts = DELIVERY_ALERTS_MAX, .more = true};
  delivery_result(&d, now, &full, DELIVERY_OK, -1, 0);
  assert_int_equal(step(true), DELIVERY_CHANGES);
}

static void rounds_come_each_interval_the_first_at_a_random_time(void **state) {
  (void)state;
  assert_int_equal(wait_ms(false), 45000);
  now += 45 * SECOND;
  assert_int_equal(step(false), DELIVERY_ROUND_BEGIN);
  assert_int_equal(step(false), DELIVERY_ROUND);
  now += 2 * SECOND;
  assert_int_equal(answer(DELIVERY_ROUND, 256, DELIVERY_OK), DELIVERY_ADVANCE);
  assert_int_equal(step(false), DELIVERY_ROUND);
  delivery_round_done(&d, now, false);
  assert_int_equal(wait_ms(false), 58000);
}

static void a_round_longer_than_the_interval_leaves_a_pause(void **state) {
  (void)state;
  now += 60 * SECOND;
  assert_int_equal(step(false), DELIVERY_ROUND_BEGIN);
  now += 200 * SECOND;
  delivery_round_done(&d, now, false);
  assert_int_equal(wait_ms(false), 30000);
}

static void changes_go_before_the_rest_of_a_round(void **state) {
  (void)state;
  now += 60 * SECOND;
  assert_int_equal(step(true), DELIVERY_CHANGES);
  answer(DELIVERY_CHANGES, 1, DELIVERY_OK);
  assert_int_equal(step(true), DELIVERY_ROUND_BEGIN);
  assert_int_equal(step(true), DELIVERY_ROUND);
  answer(DELIVERY_ROUND, 1, DELIVERY_OK);
  now += SECOND;
  assert_int_equal(step(true), DELIVERY_CHANGES);
}

/* Somebody makes alerts change faster than they can be posted. */
static void changes_without_end_do_not_stop_the_round(void **state) {
  (void)state;
  const struct delivery_post full = {
      .step = DELIVERY_CHANGES, .alerts = DELIVERY_ALERTS_MAX, .more = true};
  unsigned posts = 0;
  now += 60 * SECOND;
  for (unsigned i = 0; i < 20; i++) {
    enum delivery_step what = step(true);
    if (what == DELIVERY_CHANGES)
      delivery_result(&d, now, &full, DELIVERY_OK, -1, 0);
    if (what == DELIVERY_ROUND)
      answer(DELIVERY_ROUND, 256, DELIVERY_OK);
    posts += what == DELIVERY_ROUND;
  }
  assert_in_range(posts, 9, 10);
}

static void failures_are_followed_by_longer_and_longer_pauses(void **state) {
  (void)state;
  static const long long pauses_ms[] = {500, 1000, 2000, 4000, 8000, 15000, 15000, 15000};
  for (size_t i = 0; i < ARRAY_LENGTH(pauses_ms); i++) {
    assert_int_equal(answer(DELIVERY_CHANGES, 1, DELIVERY_FAILED), DELIVERY_REPEAT);
    check_int("the pause", wait_ms(true), pauses_ms[i]);
    assert_true(delivery_is_held(&d, now));
    now += (uint64_t)pauses_ms[i] * 1000000;
    assert_int_equal(step(true), DELIVERY_CHANGES);
  }
  answer(DELIVERY_CHANGES, 1, DELIVERY_OK);
  now += SECOND;
  answer(DELIVERY_CHANGES, 1, DELIVERY_FAILED);
  assert_int_equal(wait_ms(true), 500);
}

static void pauses_are_spread_between_half_and_whole(void **state) {
  (void)state;
  const struct delivery_post post = {.step = DELIVERY_CHANGES, .alerts = 1};
  delivery_result(&d, now, &post, DELIVERY_FAILED, -1, 0.999999);
  assert_in_range(wait_ms(true), 990, 1000);
}

static void a_server_may_request_a_pause_of_up_to_ten_minutes(void **state) {
  (void)state;
  static const struct {
    long retry_after;
    long long ms;
  } cases[] = {{7, 7000},     {0, 500},        {-1, 500},
               {600, 600000}, {86400, 600000}, {LONG_MAX, 600000}};
  const struct delivery_post post = {.step = DELIVERY_CHANGES, .alerts = 1};
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    set_up(NULL);
    delivery_result(&d, now, &post, DELIVERY_FAILED, cases[i].retry_after, 0);
    check_int("the pause", wait_ms(true), cases[i].ms);
  }
}

static void a_node_that_was_down_gets_everything_again(void **state) {
  (void)state;
  answer(DELIVERY_CHANGES, 1, DELIVERY_FAILED);
  now += 30 * SECOND;
  assert_int_equal(step(true), DELIVERY_CHANGES);
  answer(DELIVERY_CHANGES, 1, DELIVERY_OK);
  assert_int_equal(step(false), DELIVERY_ROUND_BEGIN);
  assert_int_equal(step(false), DELIVERY_ROUND);
  answer(DELIVERY_ROUND, 1, DELIVERY_OK);
  delivery_round_done(&d, now, false);
  assert_int_equal(wait_ms(false), 60000);
}

static void without_changes_a_round_contains_only_retries(void **state) {
  (void)state;
  now += 60 * SECOND;
  assert_int_equal(step(false), DELIVERY_ROUND_BEGIN);
  answer(DELIVERY_ROUND, 5, DELIVERY_FAILED);
  assert_int_equal(wait_ms(false), 500);
  now += SECOND;
  assert_int_equal(step(false), DELIVERY_ROUND_BEGIN);
  assert_int_equal(step(false), DELIVERY_ROUND);
  answer(DELIVERY_ROUND, 5, DELIVERY_OK);
  delivery_round_done(&d, now, false);
  assert_int_equal(wait_ms(false), 60000);
}

static void a_node_that_rejects_everything_is_tried_again_after_an_interval(void **state) {
  (void)state;
  assert_int_equal(answer(DELIVERY_CHANGES, 1, DELIVERY_REFUSED_NODE), DELIVERY_REPEAT);
  assert_int_equal(wait_ms(true), 60000);
}

/* Feeds alerts of which some are bad through the rules, as the sender does. */
struct search {
  bool bad[1000];
  bool delivered[1000], rejected[1000];
  size_t len, at, posts;
  bool refuses_all;
};

static void run_search(struct search *s) {
  while (s->at < s->len && s->posts < 10000) {
    enum delivery_step what = step(true);
    if (what == DELIVERY_WAIT) {
      if (delivery_is_held(&d, now))
        return;
      now += SECOND;
      continue;
    }
    size_t n = what == DELIVERY_PROBE ? 0 : s->len - s->at;
    n = n < d.limit ? n : d.limit;
    bool refused = s->refuses_all;
    for (size_t i = 0; i < n; i++)
      refused |= s->bad[s->at + i];
    s->posts++;
    switch (answer(what, n, refused ? DELIVERY_REFUSED_ALERTS : DELIVERY_OK)) {
    case DELIVERY_ADVANCE:
      for (size_t i = 0; i < n; i++)
        s->delivered[s->at + i] = true;
      s->at += n;
      break;
    case DELIVERY_REJECT:
      assert_int_equal(n, 1);
      s->rejected[s->at++] = true;
      break;
    case DELIVERY_FORGIVE:
      memset(s->rejected, 0, sizeof(s->rejected));
      break;
    case DELIVERY_REPEAT:
      break;
    }
  }
}

static void the_bad_alerts_of_a_rejected_post_are_found_and_no_others_are_lost(void **state) {
  (void)state;
  static const struct {
    const char *name;
    size_t len, every, from, to;
    size_t posts_max;
  } cases[] = {
      {"none", 1000, 0, 0, 0, 4},
      {"the first", 1000, 1, 0, 1, 25},
      {"the last", 1000, 1, 999, 1000, 35},
      {"one in the middle", 1000, 1, 500, 501, 35},
      {"two neighbours", 1000, 1, 500, 502, 40},
      {"twenty in a row", 1000, 1, 300, 320, 70},
      {"every tenth", 1000, 10, 0, 1000, 1000},
      {"a single one", 1, 1, 0, 1, 3},
      {"all", 100, 1, 0, 100, 145},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    static struct search s;
    memset(&s, 0, sizeof(s));
    set_up(NULL);
    s.len = cases[i].len;
    for (size_t n = cases[i].from; n < cases[i].to; n += cases[i].every)
      s.bad[n] = true;
    run_search(&s);
    for (size_t n = 0; n < s.len; n++)
      if (s.delivered[n] == s.bad[n] || s.rejected[n] != s.bad[n])
        fail_msg("%s: alert %zu was %sdelivered and %srejected", cases[i].name, n,
                 s.delivered[n] ? "" : "not ", s.rejected[n] ? "" : "not ");
    if (s.posts > cases[i].posts_max)
      fail_msg("%s: %zu posts", cases[i].name, s.posts);
  }
}

static void no_alert_is_lost_if_a_node_finds_fault_with_all(void **state) {
  (void)state;
  static struct search s;
  s.len = 1000;
  s.refuses_all = true;
  run_search(&s);
  assert_true(s.posts < 30);
  for (size_t n = 0; n < s.len; n++)
    assert_false(s.rejected[n]);
  assert_int_equal(wait_ms(true), 60000);
}

static void a_single_alert_is_kept_if_the_node_refuses_everything(void **state) {
  (void)state;
  assert_int_equal(answer(DELIVERY_CHANGES, 1, DELIVERY_REFUSED_ALERTS), DELIVERY_REPEAT);
  assert_int_equal(step(true), DELIVERY_PROBE);
  assert_int_equal(answer(DELIVERY_PROBE, 0, DELIVERY_REFUSED_ALERTS), DELIVERY_FORGIVE);
  assert_int_equal(wait_ms(true), 60000);
  now += 60 * SECOND;
  assert_int_equal(step(true), DELIVERY_CHANGES);
}

static void a_single_alert_is_rejected_if_the_node_accepts_an_empty_list(void **state) {
  (void)state;
  answer(DELIVERY_CHANGES, 1, DELIVERY_REFUSED_ALERTS);
  assert_int_equal(step(true), DELIVERY_PROBE);
  assert_int_equal(answer(DELIVERY_PROBE, 0, DELIVERY_OK), DELIVERY_REPEAT);
  assert_int_equal(step(true), DELIVERY_CHANGES);
  assert_int_equal(answer(DELIVERY_CHANGES, 1, DELIVERY_REFUSED_ALERTS), DELIVERY_REJECT);
}

/* A round of nothing, and what follows until the next. Returns the number of rejected posts. */
static unsigned round_with_rejected(enum delivery_outcome outcome) {
  unsigned refused = 0;
  enum delivery_step what;
  while (step(false) == DELIVERY_WAIT)
    now += SECOND;
  assert_int_equal(step(false), DELIVERY_ROUND);
  delivery_round_done(&d, now, true);
  while ((what = step(false)) != DELIVERY_WAIT && refused < 1000)
    if (what == DELIVERY_PROBE)
      answer(what, 0, DELIVERY_OK);
    else
      refused += answer(what, 1, outcome) == DELIVERY_REJECT;
  return refused;
}

static void rejected_alerts_are_tried_again_behind_a_round(void **state) {
  (void)state;
  static const unsigned expected[] = {8, 8, 0, 8, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 8};
  for (size_t i = 0; i < ARRAY_LENGTH(expected); i++)
    check_int("retries", round_with_rejected(DELIVERY_REFUSED_ALERTS), expected[i]);
  unsigned a_day = 0;
  for (size_t i = 0; i < 24 * 60; i++)
    a_day += round_with_rejected(DELIVERY_REFUSED_ALERTS);
  assert_in_range(a_day, 8 * 23, 8 * 25);
  /* another one is rejected */
  answer(DELIVERY_CHANGES, 1, DELIVERY_OK);
  assert_int_equal(answer(DELIVERY_CHANGES, 1, DELIVERY_REFUSED_ALERTS), DELIVERY_REJECT);
  assert_int_equal(round_with_rejected(DELIVERY_REFUSED_ALERTS), 8);
}

static void retries_go_on_while_they_are_accepted(void **state) {
  (void)state;
  now += 60 * SECOND;
  assert_int_equal(step(false), DELIVERY_ROUND_BEGIN);
  delivery_round_done(&d, now, true);
  for (int i = 0; i < 100; i++) {
    assert_int_equal(step(false), DELIVERY_RETRY);
    assert_int_equal(answer(DELIVERY_RETRY, 1, DELIVERY_OK), DELIVERY_ADVANCE);
  }
  assert_int_equal(step(true), DELIVERY_CHANGES);
  delivery_retry_done(&d);
  assert_int_equal(step(false), DELIVERY_WAIT);
}

/* ---- log lines ---- */

static void a_failure_is_logged_once_with_reason_and_hint(void **state) {
  (void)state;
  static const struct {
    struct delivery_event event;
    enum report_level level;
    const char *words[3];
  } cases[] = {
      {{.kind = DELIVERY_EVENT_FAILED, .error = -ECONNREFUSED, .reason = "connection refused"},
       REPORT_WARNING,
       {"node \"am1\": http://am/api", "connection refused", "kept"}},
      {{.kind = DELIVERY_EVENT_FAILED,
        .error = -EACCES,
        .reason = "certificate subject name 'x'"},
       REPORT_WARNING,
       {"certificate subject name 'x'", "CACert", "host name"}},
      {{.kind = DELIVERY_EVENT_FAILED,
        .error = -ENOKEY,
        .reason = "error setting file: /ca.crt"},
       REPORT_WARNING,
       {"/ca.crt", "CACert", "apt-get install ca-certificates"}},
      {{.kind = DELIVERY_EVENT_FAILED, .error = -EPROTO, .reason = "bad"},
       REPORT_WARNING,
       {"http or https", "URL", "bad"}},
      {{.kind = DELIVERY_EVENT_FAILED, .status = 503, .reason = ""},
       REPORT_WARNING,
       {"answers 503;", "kept", "am1"}},
      {{.kind = DELIVERY_EVENT_REFUSED, .status = 401, .reason = "Unauthorized"},
       REPORT_ERROR,
       {"answers 401: Unauthorized", "Password", "PasswordFile"}},
      {{.kind = DELIVERY_EVENT_REFUSED, .status = 403, .reason = ""},
       REPORT_ERROR,
       {"answers 403;", "BearerTokenFile", "Header"}},
      {{.kind = DELIVERY_EVENT_NO_TOKEN, .error = -EACCES, .reason = "", .token_file = "/to\n"},
       REPORT_ERROR,
       {"no token in the file /to\\x0A: Permission denied;", "kept", "see BearerTokenFile"}},
      {{.kind = DELIVERY_EVENT_NO_TOKEN,
        .error = -EINVAL,
        .reason = "is empty",
        .token_file = "/token"},
       REPORT_ERROR,
       {"no token in the file /token: it is empty;", "am1", "nothing is sent without it"}},
      {{.kind = DELIVERY_EVENT_REFUSED, .status = 302, .reason = ""},
       REPORT_ERROR,
       {"answers 302", "redirect", "URL"}},
      {{.kind = DELIVERY_EVENT_REFUSED, .status = 404, .reason = ""},
       REPORT_ERROR,
       {"answers 404", "API", "URL"}},
      {{.kind = DELIVERY_EVENT_REFUSED, .status = 415, .reason = "x"},
       REPORT_ERROR,
       {"answers 415: x", "Alertmanager?", "URL"}},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct report report = {0};
    struct delivery_event event = cases[i].event;
    char line[REPORT_LINE_SIZE] = "", first[REPORT_LINE_SIZE];
    event.node = "am1";
    check_int("level", report_event(&report, &event, "http://am/api", 5, line), cases[i].level);
    for (size_t w = 0; w < 3; w++)
      if (strstr(line, cases[i].words[w]) == NULL)
        fail_msg("no \"%s\" in: %s", cases[i].words[w], line);
    memcpy(first, line, sizeof(line));
    check_int("again", report_event(&report, &event, "http://am/api", 6, line), REPORT_NOTHING);
    check_int("a minute later", report_event(&report, &event, "u", 70 * SECOND, line),
              cases[i].level);
    assert_non_null(strstr(line, "(1 more like this since the last line)"));
    event.kind = DELIVERY_EVENT_DELIVERED;
    check_int("well again", report_event(&report, &event, "u", 71 * SECOND, line),
              REPORT_NOTICE);
    assert_non_null(strstr(line, "delivered again"));
    check_int("and silent", report_event(&report, &event, "u", 72 * SECOND, line),
              REPORT_NOTHING);
  }
}

static void a_rejected_alert_is_logged_by_name(void **state) {
  (void)state;
  struct report report = {0};
  struct alert *alert = make_alert("df", "warning", "d");
  const struct delivery_event event = {.kind = DELIVERY_EVENT_REJECTED,
                                       .node = "am1",
                                       .status = 400,
                                       .reason = "bad label",
                                       .alert = alert};
  char line[REPORT_LINE_SIZE];
  assert_int_equal(report_event(&report, &event, "u", 5, line), REPORT_ERROR);
  assert_string_equal(line, "node \"am1\" rejects the alert Test of host, which is tried again "
                            "later: it answers 400: bad label");
  assert_int_equal(report_event(&report, &event, "u", 6, line), REPORT_NOTHING);
  alert_unref(alert);
}

static void a_clock_that_is_ahead_is_logged(void **state) {
  (void)state;
  struct report report = {0};
  struct delivery_event event = {
      .kind = DELIVERY_EVENT_CLOCK, .node = "am1", .reason = "", .ahead_ns = 86400 * SECOND};
  char line[REPORT_LINE_SIZE];
  assert_int_equal(report_event(&report, &event, "u", 5, line), REPORT_WARNING);
  assert_non_null(strstr(line, "node \"am1\": this host's clock is 86400 seconds ahead"));
  assert_int_equal(report_event(&report, &event, "u", 6, line), REPORT_NOTHING);
  assert_int_equal(report_event(&report, &event, "u", 70 * SECOND, line), REPORT_WARNING);
  event.ahead_ns = -86400 * (int64_t)SECOND;
  assert_int_equal(report_event(&report, &event, "u", 7200 * SECOND, line), REPORT_NOTHING);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup(name, set_up)
  const struct CMUnitTest tests[] = {
      TEST(an_alert_lasts_when_three_posts_in_a_row_fail),
      TEST(answers_are_classified),
      TEST(a_change_is_posted_immediately),
      TEST(changes_right_after_a_post_are_collected),
      TEST(a_full_post_is_followed_immediately),
      TEST(rounds_come_each_interval_the_first_at_a_random_time),
      TEST(a_round_longer_than_the_interval_leaves_a_pause),
      TEST(changes_go_before_the_rest_of_a_round),
      TEST(changes_without_end_do_not_stop_the_round),
      TEST(failures_are_followed_by_longer_and_longer_pauses),
      TEST(pauses_are_spread_between_half_and_whole),
      TEST(a_server_may_request_a_pause_of_up_to_ten_minutes),
      TEST(a_node_that_was_down_gets_everything_again),
      TEST(without_changes_a_round_contains_only_retries),
      TEST(a_node_that_rejects_everything_is_tried_again_after_an_interval),
      TEST(the_bad_alerts_of_a_rejected_post_are_found_and_no_others_are_lost),
      TEST(no_alert_is_lost_if_a_node_finds_fault_with_all),
      TEST(a_single_alert_is_kept_if_the_node_refuses_everything),
      TEST(a_single_alert_is_rejected_if_the_node_accepts_an_empty_list),
      TEST(rejected_alerts_are_tried_again_behind_a_round),
      TEST(retries_go_on_while_they_are_accepted),
      TEST(a_failure_is_logged_once_with_reason_and_hint),
      TEST(a_rejected_alert_is_logged_by_name),
      TEST(a_clock_that_is_ahead_is_logged),
  };
  return cmocka_run_group_tests_name("delivery", tests, NULL, NULL);
}
