/* Which goroutines are stuck: those of a leak, and not those that wait by design. */
#include "sidecar/redflag/stuck.h"

#include <stdio.h>

#include "cases.h"
#include "profile_files.h"
#include "sidecar/redflag/flags.h"

static struct stuck stuck;
static struct site_top top;

static int begin(void **state) {
  (void)state;
  memset(&stuck, 0, sizeof(stuck));
  memset(&top, 0, sizeof(top));
  return 0;
}

/* So many goroutines of that stack, of which some have been blocked for ten minutes. */
static void add(uint64_t key, uint64_t weight, uint64_t blocked) {
  top.sites[top.len++] = (struct site){.key = key, .weight = weight, .blocked = blocked};
}

/* Ends a dump; the next one begins empty. */
static void dump(void) {
  stuck_observe(&stuck, &top);
  top.len = 0;
}

static void check_worst(const char *name, uint64_t key) {
  const struct stuck_group *worst = stuck_worst(&stuck);
  check_int(name, worst != NULL ? worst->key : 0, key);
}

static void those_of_the_baseline_that_turn_ten_minutes_old_are_not_stuck(void **state) {
  (void)state;
  add(1, 19, 0);
  add(2, 5, 5);
  dump();
  add(1, 19, 12);
  add(2, 5, 5);
  dump();
  check_int("ageing", stuck_count(&stuck), 0);
  add(1, 19, 19);
  add(2, 5, 5);
  dump();
  check_int("aged", stuck_count(&stuck), 0);
  check_worst("aged", 0);
}

static void a_leak_counts_in_full_and_is_named(void **state) {
  (void)state;
  for (uint64_t minute = 0; minute < 60; minute++) {
    uint64_t leaked = minute / 2;
    add(1, 19, minute < 10 ? 0 : 19);
    add(2, 3 + leaked, minute < 10 ? 0 : 3 + (minute - 10) / 2);
    dump();
  }
  check_int("leaked", stuck_count(&stuck), 24);
  check_worst("leaked", 2);
}

static void a_marked_baseline_allows_what_is_there_then(void **state) {
  (void)state;
  add(1, 4, 0);
  dump();
  add(1, 14, 9);
  dump();
  check_int("before", stuck_count(&stuck), 5);
  stuck_mark_baseline(&stuck);
  check_int("marked", stuck_count(&stuck), 0);
  add(1, 16, 16);
  dump();
  check_int("after", stuck_count(&stuck), 2);
}

/* Started after the baseline; idle at noon, busy again, and more and more idle in the evening.
 */
static void workers_that_came_back_once_may_all_be_idle_again(void **state) {
  (void)state;
  enum { POOL = 12, WORKER = 7 };
  add(1, 5, 5);
  dump();
  for (uint64_t idle = 0; idle <= POOL; idle++) { /* noon */
    add(1, 5, 5);
    add(WORKER, 1 + idle, idle);
    dump();
  }
  check_int("it cannot be known yet", stuck_count(&stuck), POOL);
  add(1, 5, 5);
  dump(); /* all are busy, with other stacks */
  check_int("busy", stuck_count(&stuck), 0);
  for (uint64_t idle = 0; idle <= POOL; idle++) { /* evening */
    add(1, 5, 5);
    add(WORKER, 1 + idle, idle);
    dump();
    check_int("evening", stuck_count(&stuck), 0);
  }
}

static void a_leak_beside_such_a_pool_is_found(void **state) {
  (void)state;
  for (uint64_t hour = 0; hour < 24; hour++) {
    uint64_t idle = hour < 8 || hour >= 18 ? 9 : hour % 4;
    add(1, idle + 1, idle);
    if (hour >= 12)
      add(2, hour - 11, hour - 12);
    dump();
  }
  check_int("count", stuck_count(&stuck), 11);
  check_worst("name", 2);
}

static void one_that_comes_back_allows_one(void **state) {
  (void)state;
  add(1, 1, 0);
  dump();
  add(1, 11, 10);
  dump();
  check_int("first", stuck_count(&stuck), 9);
  add(1, 10, 9);
  dump();
  check_int("one less, and one allowed", stuck_count(&stuck), 7);
  add(1, 15, 14);
  dump();
  check_int("more", stuck_count(&stuck), 12);
}

/* Truth: a thousand stacks of one to three, and one that leaks, in dumps that list 32. */
static void nothing_is_overestimated_when_there_are_more_stacks_than_are_listed(void **state) {
  (void)state;
  static struct site_table table;
  uint64_t random = 5, leaked = 0;
  for (int round = 0; round < 300; round++) {
    site_table_init(&table);
    for (uint64_t i = 1; i <= 1000; i++) {
      random = random * 6364136223846793005u + 1;
      uint64_t weight = i == 500 ? 3 + leaked : 1 + (random >> 33) % 3;
      for (uint64_t n = 0; n < weight; n++)
        site_table_add(
            &table,
            &(struct site){.key = i * UINT64_C(0x9E3779B97F4A7C15), .weight = 1, .blocked = 1});
    }
    site_table_top(&table, &top);
    dump();
    check_int("at most the leak", stuck_count(&stuck) <= leaked, true);
    leaked++;
  }
  check_int("found", stuck_count(&stuck) > 200, true);
}

/* A request for goroutineleak takes their wait times away for good. */
static void the_stuck_are_still_stuck_once_go_has_found_them_leaked(void **state) {
  (void)state;
  static const char *const notes[] = {"chan send", "chan send, 12 minutes",
                                      "chan send (leaked)"};
  static const unsigned goroutines[] = {1, 6, 6};
  struct profile_patterns patterns;
  struct goroutine_profile_parser *parser = malloc(sizeof(*parser));
  struct goroutine_profile *profile = malloc(sizeof(*profile));
  assert_true(parser != NULL && profile != NULL);
  profile_patterns_compile(&patterns, stack_patterns_of_goroutines);
  for (size_t i = 0; i < ARRAY_LENGTH(notes); i++) {
    char text[128];
    int len = snprintf(text, sizeof(text), "goroutine 1 [%s]:\nmain.f()\n\t/a.go:1 +0x1\n\n",
                       notes[i]);
    goroutine_profile_parser_init(parser, patterns.matcher);
    for (unsigned n = 0; n < goroutines[i]; n++)
      assert_int_equal(goroutine_profile_parser_feed(parser, text, (size_t)len), 0);
    assert_int_equal(goroutine_profile_parser_finish(parser, profile), 0);
    stuck_observe(&stuck, &profile->sites);
    check_int(notes[i], stuck_count(&stuck), goroutines[i] - 1);
    check_int(notes[i], profile->blocked[GOROUTINE_BLOCKED_10M], i == 0 ? 0 : 6);
  }
  profile_patterns_free(&patterns);
  free(profile);
  free(parser);
}

/* The metric counts all that wait; the signal, the comparison and the trend do not. */
static void ageing_is_no_rise_in_the_comparison(void **state) {
  (void)state;
  static struct red_flag_rules rules;
  static const struct pattern_list none;
  static struct goroutine_profile profile;
  struct flags_options options = {&rules, &none, &none};
  struct flags *flags;
  red_flag_rules_init(&rules);
  assert_int_equal(flags_new(&options, 0, 1000, &flags), 0);
  for (uint64_t minute = 1; minute < 60; minute++) {
    memset(&profile, 0, sizeof(profile));
    profile.goroutines = profile.sites.sites[0].weight = 19;
    profile.blocked[GOROUTINE_BLOCKED_10M] = minute < 10 ? 0 : 19;
    profile.sites.sites[0].blocked = profile.blocked[GOROUTINE_BLOCKED_10M];
    profile.sites.len = 1;
    flags_observe(flags, &(struct reading){.parts = READING_GOROUTINES,
                                           .now_ms = minute * 60 * 1000,
                                           .goroutine_profile = &profile});
    if (minute == 5)
      flags_mark_baseline(flags, 1);
  }
  const struct trend_signal *trend = &flags->trend.signals[SIGNAL_GOROUTINES_STUCK];
  check_int("baseline", flags->baseline.goroutines_stuck, 0);
  check_int("now", flags->now.goroutines_stuck, 0);
  check_int("trend", trend->last_trough - trend->first_trough, 0);
  flags_free(flags);
}

/* Above the ceiling of dumps. */
static void without_wait_times_the_stuck_are_still_stuck_unless_they_are_gone(void **state) {
  (void)state;
  add(1, 4, 0);
  dump();
  add(1, 20, 16);
  add(2, 9, 9);
  top.sites[0].frames_key = 71;
  top.sites[1].frames_key = 72;
  stuck.groups[0].frames_key = 71;
  dump();
  check_int("stuck", stuck_count(&stuck), 16 - 4 + 9);

  /* more of one stack may be new, and of the other some have come back */
  static struct site_top grouped;
  grouped.len = 2;
  grouped.sites[0] = (struct site){.key = 71, .weight = 6000};
  grouped.sites[1] = (struct site){.key = 72, .weight = 5};
  stuck_bound(&stuck, &grouped);
  check_int("bounded", stuck_count(&stuck), 16 - 4 + 1);
  stuck_bound(&stuck, &grouped);
  check_int("bounded again", stuck_count(&stuck), 16 - 4 + 1);
  grouped.len = 0;
  grouped.unlisted_max = 100;
  stuck_bound(&stuck, &grouped);
  check_int("unlisted", stuck_count(&stuck), 16 - 4 + 1);
  grouped.unlisted_max = 0;
  stuck_bound(&stuck, &grouped);
  check_int("gone", stuck_count(&stuck), 0);
}

static void goroutines_without_wait_times_leave_no_flag_without_a_value(void **state) {
  (void)state;
  static struct red_flag_rules rules;
  static struct pattern_list patterns;
  static const struct pattern_list none;
  static struct goroutine_profile profile;
  struct flags *flags;
  memset(&patterns, 0, sizeof(patterns));
  assert_int_equal(pattern_list_add_defaults(&patterns, stack_patterns_of_goroutines), 0);
  struct flags_options options = {&rules, &none, &patterns};
  red_flag_rules_init(&rules);
  assert_int_equal(flags_new(&options, 0, 1000, &flags), 0);
  struct reading reading = {
      .parts = READING_GOROUTINES, .now_ms = 1000, .goroutine_profile = &profile};
  memset(&profile, 0, sizeof(profile));
  profile.is_grouped = true;
  profile.matching[0] = 9;
  flags_observe(flags, &reading);
  check_int("fetches", flags->now.fetch_data, 9);
  check_int("no dump before: stuck", flags->now.goroutines_stuck, VALUE_UNKNOWN);
  check_int("no dump before: fetches", flags->now.fetches_stuck, VALUE_UNKNOWN);

  profile.is_grouped = false;
  profile.goroutines = profile.by_state[GOROUTINE_SELECT] = profile.sites.sites[0].weight = 12;
  profile.sites.len = 1;
  profile.sites.sites[0].key = profile.sites.sites[0].frames_key = 5;
  profile.matching_blocked[0] = 7;
  flags_observe(flags, &reading);
  profile.sites.sites[0].weight = profile.sites.sites[0].blocked = 20;
  flags_observe(flags, &reading);
  check_int("dump: stuck", flags->now.goroutines_stuck, 8);
  check_int("dump: fetches", flags->now.fetches_stuck, 7);

  profile.is_grouped = true;
  profile.goroutines = profile.sites.sites[0].weight = 6000;
  profile.sites.sites[0].blocked = 0;
  flags_observe(flags, &reading);
  check_int("grouped: stuck", flags->now.goroutines_stuck, 8);
  check_int("grouped: fetches", flags->now.fetches_stuck, 7);
  check_int("grouped: states", flags->now.goroutines_by_state[GOROUTINE_SELECT], VALUE_UNKNOWN);
  profile.matching[0] = 2;
  flags_observe(flags, &reading);
  check_int("fewer", flags->now.fetches_stuck, 2);
  flags_free(flags);
  pattern_list_clear(&patterns);
}

static void counts_without_stacks_are_taken_as_they_are(void **state) {
  (void)state;
  static struct red_flag_rules rules;
  static const struct pattern_list none;
  static const struct goroutine_profile profile = {.goroutines = 40,
                                                   .blocked = {[GOROUTINE_BLOCKED_10M] = 23}};
  struct flags_options options = {&rules, &none, &none};
  struct flags *flags;
  red_flag_rules_init(&rules);
  assert_int_equal(flags_new(&options, 0, 1000, &flags), 0);
  flags_observe(flags, &(struct reading){.parts = READING_GOROUTINES,
                                         .now_ms = 2000,
                                         .goroutine_profile = &profile});
  flags_mark_baseline(flags, 1);
  check_int("baseline", flags->baseline.goroutines_stuck, 23);
  flags_free(flags);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(those_of_the_baseline_that_turn_ten_minutes_old_are_not_stuck),
      TEST(a_leak_counts_in_full_and_is_named),
      TEST(a_marked_baseline_allows_what_is_there_then),
      TEST(workers_that_came_back_once_may_all_be_idle_again),
      TEST(a_leak_beside_such_a_pool_is_found),
      TEST(one_that_comes_back_allows_one),
      TEST(nothing_is_overestimated_when_there_are_more_stacks_than_are_listed),
      TEST(without_wait_times_the_stuck_are_still_stuck_unless_they_are_gone),
      TEST(goroutines_without_wait_times_leave_no_flag_without_a_value),
      TEST(the_stuck_are_still_stuck_once_go_has_found_them_leaked),
      TEST(ageing_is_no_rise_in_the_comparison),
      TEST(counts_without_stacks_are_taken_as_they_are),
  };
  return cmocka_run_group_tests_name("stuck", tests, NULL, NULL);
}
