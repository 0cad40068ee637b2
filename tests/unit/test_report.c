/* The report comparison as a page. */
#include "sidecar/redflag/report.h"

#include <math.h>
#include <stdio.h>

#include "cases.h"

enum { HOUR_MS = 3600 * 1000 };

static const int64_t MORNING_MS = INT64_C(1795500000000); /* 2026-11-24 06:00:00 UTC */

struct night {
  struct red_flag_rules rules;
  struct evaluator *evaluator;
  struct snapshot now, baseline;
  struct findings findings;
  struct site_history heap_sites, goroutine_sites;
  struct flag_changes changes;
  struct trend trend;
  struct evidence_facts facts;
  struct report report;
};

static void begin(struct night *night) {
  memset(night, 0, sizeof(*night));
  red_flag_rules_init(&night->rules);
  assert_int_equal(evaluator_new(&night->rules, HOUR_MS, HOUR_MS, &night->evaluator), 0);
  snapshot_init(&night->now);
  snapshot_init(&night->baseline);
  trend_begin(&night->trend);
  site_history_init(&night->heap_sites);
  site_history_init(&night->goroutine_sites);
  night->facts = (struct evidence_facts){
      .instance = "proj",
      .pid = 4711,
      .now_ms = 9 * HOUR_MS,
      .now = &night->now,
      .baseline = &night->baseline,
      .findings = &night->findings,
      .heap_sites = &night->heap_sites,
      .goroutine_sites = &night->goroutine_sites,
  };
  night->report = (struct report){
      .facts = &night->facts,
      .evaluator = night->evaluator,
      .changes = &night->changes,
      .trend = &night->trend,
      .start_time_seconds = NAN,
      .now_wall_ms = MORNING_MS,
  };
}

static const char *page_of(struct night *night) {
  static struct buffer page;
  buffer_free(&page);
  buffer_init(&page, 64 * 1024);
  report_write(&page, &night->report);
  return buffer_string(&page);
}

static void end(struct night *night) {
  evaluator_free(night->evaluator);
}

static void update(struct site_history *history, uint64_t weight, const char *text,
                   enum goroutine_state state, uint64_t minutes) {
  struct site_top top = {.len = 1};
  top.sites[0] =
      (struct site){.key = 7, .weight = weight, .state = state, .oldest_minutes = minutes};
  snprintf(top.sites[0].text, sizeof(top.sites[0].text), "%s", text);
  site_history_update(history, &top);
}

static void a_page_without_a_baseline_is_marked(void **state) {
  (void)state;
  struct night night;
  begin(&night);
  const char *page = page_of(&night);
  assert_non_null(strstr(page, "proj (pid 4711)\nnow       2026-11-24 06:00:00 UTC\n"
                               "baseline  not taken yet: the process has not settled\n"));
  assert_non_null(strstr(page, "Red flags now\n  none\n"));
  end(&night);
}

static void growth_is_shown_next_to_the_baseline(void **state) {
  (void)state;
  struct night night;
  begin(&night);
  night.report.baseline_wall_ms = MORNING_MS - 8 * HOUR_MS;
  night.report.start_time_seconds = (double)(MORNING_MS / 1000) - 9 * 3600;
  night.baseline.memory.resident_bytes = 50ull << 20;
  night.now.memory.resident_bytes = 600ull << 20;
  night.baseline.fds = night.now.fds = 80;
  night.baseline.threads = 40;
  night.now.threads = 30;
  const char *page = page_of(&night);
  assert_non_null(strstr(page, "started 2026-11-23 21:00:00 UTC\n"));
  assert_non_null(strstr(page, "baseline  2026-11-23 22:00:00 UTC, 8 h 0 min ago\n"));
  assert_non_null(
      strstr(page, "RSS                       50.0 MB     600.0 MB    +550.0 MB\n"));
  assert_non_null(
      strstr(page, "FDs                            80           80             \n"));
  assert_non_null(
      strstr(page, "threads                        40           30          -10\n"));
  assert_null(strstr(page, "swap")); /* unknown values are not shown */
  end(&night);
}

static void the_stacks_that_grew_are_named(void **state) {
  (void)state;
  struct night night;
  begin(&night);
  update(&night.heap_sites, 1 << 20, "main.leak < main.main", GOROUTINE_OTHER, 0);
  update(&night.goroutine_sites, 2, "main.wait < main.start", GOROUTINE_CHAN_RECEIVE, 0);
  site_history_mark_baseline(&night.heap_sites);
  site_history_mark_baseline(&night.goroutine_sites);
  assert_non_null(strstr(page_of(&night), "by stack\n  none\n"));
  update(&night.heap_sites, 41 << 20, "main.leak < main.main", GOROUTINE_OTHER, 0);
  update(&night.goroutine_sites, 202, "main.wait < main.start", GOROUTINE_CHAN_RECEIVE, 480);
  const char *page = page_of(&night);
  assert_non_null(strstr(page, "Heap in use that grew since the baseline, by stack\n"
                               "  +40.0 MB    now 41.0 MB    main.leak < main.main\n"));
  assert_non_null(strstr(page, "  +200    now 202    chan_receive, oldest 480 minutes: "
                               "main.wait < main.start\n"));
  end(&night);
}

static void what_was_allocated_lately_is_listed_by_stack(void **state) {
  (void)state;
  static struct allocations allocations;
  static struct heap_profile profile;
  struct night night;
  begin(&night);
  assert_null(strstr(page_of(&night), "Allocated in the last"));
  memset(&allocations, 0, sizeof(allocations));
  night.facts.allocations = &allocations;
  for (uint64_t minute = 0; minute < 3; minute++) {
    profile.allocated.len = 1;
    profile.allocated.sites[0] =
        (struct site){.key = 7, .weight = minute * (30 << 20), .text = "main.truncateLine"};
    profile.allocated_bytes = minute * (40 << 20);
    allocations_update(&allocations, &profile, minute * 60 * 1000);
  }
  assert_non_null(strstr(page_of(&night), "Allocated in the last 2 min, freed or not: 80.0 MB, "
                                          "by stack\n  60.0 MB     main.truncateLine\n"));
  end(&night);
}

static void leaked_goroutines_are_listed_by_stack(void **state) {
  (void)state;
  struct site_top leaks = {.len = 0};
  struct night night;
  begin(&night);
  assert_null(strstr(page_of(&night), "Leaked goroutines"));
  night.facts.leaks = &leaks;
  const char title[] = "Leaked goroutines, which nothing can wake, by stack\n";
  const char *at = strstr(page_of(&night), title);
  assert_non_null(at);
  assert_string_equal(at + strlen(title), "  none\n");
  leaks.len = 2;
  leaks.sites[0] = (struct site){.weight = 12, .text = "main.fetch < main.main"};
  leaks.sites[1] = (struct site){.weight = 3, .text = "main.\033wait"};
  at = strstr(page_of(&night), title);
  assert_non_null(at);
  assert_string_equal(at + strlen(title),
                      "  12     main.fetch < main.main\n  3      main.\\x1Bwait\n");
  end(&night);
}

static void flags_are_listed_with_the_time_of_their_change(void **state) {
  (void)state;
  struct night night;
  begin(&night);
  struct flag_status changed[RED_FLAGS];
  for (uint64_t ms = HOUR_MS; ms <= 9 * HOUR_MS; ms += 10000) {
    evaluator_observe(night.evaluator, SIGNAL_THREADS, 150, ms);
    evaluator_judge(night.evaluator, ms, changed);
  }
  flag_changes_add(&night.changes, &(struct flag_change){MORNING_MS - 8 * HOUR_MS,
                                                         RED_FLAG_THREADS, RED_FLAG_FAILURE});
  const char *page = page_of(&night);
  assert_non_null(strstr(
      page, "  threads              FAILURE  since 2026-11-23 22:00:00 UTC (8 h 0 min)\n"));
  assert_non_null(strstr(page, "Changes of red flags\n"
                               "  2026-11-23 22:00:00 UTC  threads              FAILURE\n"));
  end(&night);
}

/* It is past nine hours of the clock that stands still in suspend; 14 hours passed. */
static void dates_before_a_suspension_are_earlier_by_its_length(void **state) {
  (void)state;
  struct night night;
  begin(&night);
  struct suspends suspends = {.len = 0};
  suspends_note(&suspends, HOUR_MS, 0);
  suspends_note(&suspends, 8 * HOUR_MS, 5 * HOUR_MS);
  night.report.suspends = &suspends;
  struct flag_status changed[RED_FLAGS];
  for (uint64_t ms = HOUR_MS; ms <= 9 * HOUR_MS; ms += 10000) {
    evaluator_observe(night.evaluator, SIGNAL_THREADS, 150, ms);
    evaluator_observe(night.evaluator, SIGNAL_OPEN_FDS, ms <= 8 * HOUR_MS ? 50 : 300, ms);
    evaluator_judge(night.evaluator, ms, changed);
    trend_observe(&night.trend, SIGNAL_SWAP_BYTES, ms <= 5 * HOUR_MS ? 0 : 1 << 20, ms);
  }
  const char *page = page_of(&night);
  assert_non_null(strstr(
      page, "  threads              FAILURE  since 2026-11-23 17:00:00 UTC (13 h 0 min)\n"));
  assert_non_null(
      strstr(page, "  fds                  warning  since 2026-11-24 05:00:10 UTC (59 min)\n"));
  assert_non_null(strstr(
      page, "  swap                 +1.0 MB     since 2026-11-23 21:10:00 UTC (8 h 50 min)\n"));
  end(&night);
}

static void risen_floors_are_listed_with_their_start(void **state) {
  (void)state;
  struct night night;
  begin(&night);
  assert_non_null(strstr(page_of(&night), "Floors that rose, by ten minutes\n  none\n"));
  /* flat for four hours, then a leak; and a saw-tooth */
  for (uint64_t s = 3600; s <= 9 * 3600; s += 60) {
    double leaked = s > 5 * 3600 ? (double)(s - 5 * 3600) / 60 : 0;
    trend_observe(&night.trend, SIGNAL_OPEN_FDS, 80 + leaked, s * 1000);
    trend_observe(&night.trend, SIGNAL_THREADS, 30 + (double)(s / 60 % 5), s * 1000);
  }
  const char *page = page_of(&night);
  assert_non_null(strstr(page, "  FDs                  +2"));
  assert_non_null(strstr(page, " since 2026-11-24 02:"));
  assert_null(strstr(page, "threads"));
  end(&night);
}

static void only_the_latest_changes_are_kept(void **state) {
  (void)state;
  struct night night;
  begin(&night);
  for (int i = 0; i < 1000; i++)
    flag_changes_add(&night.changes,
                     &(struct flag_change){MORNING_MS + i * 1000, RED_FLAG_FDS,
                                           i % 2 == 0 ? RED_FLAG_WARNING : RED_FLAG_OK});
  const char *page = page_of(&night);
  size_t lines = 0;
  for (const char *at = page; (at = strstr(at, "UTC  fds ")) != NULL; at++)
    lines++;
  assert_int_equal(lines, REPORT_CHANGES);
  assert_non_null(strstr(page, "2026-11-24 06:16:39 UTC  fds                  okay\n"));
  end(&night);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_page_without_a_baseline_is_marked),
      cmocka_unit_test(growth_is_shown_next_to_the_baseline),
      cmocka_unit_test(the_stacks_that_grew_are_named),
      cmocka_unit_test(what_was_allocated_lately_is_listed_by_stack),
      cmocka_unit_test(leaked_goroutines_are_listed_by_stack),
      cmocka_unit_test(flags_are_listed_with_the_time_of_their_change),
      cmocka_unit_test(dates_before_a_suspension_are_earlier_by_its_length),
      cmocka_unit_test(risen_floors_are_listed_with_their_start),
      cmocka_unit_test(only_the_latest_changes_are_kept),
  };
  return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
