/* What grew since the baseline, and that growth is never made up. */
#include "sidecar/go/site.h"

#include <stdio.h>

#include "cases.h"

static struct site_history history;

/* A profile with these weights by site number (0: not in it), heaviest first as a table lists
 * them; the rest only counts for the bound. */
static void take_profile(const uint64_t *weights, size_t len) {
  static struct site_table table;
  static struct site_top top;
  site_table_init(&table);
  for (size_t i = 0; i < len; i++) {
    struct site site = {.key = (i + 1) * UINT64_C(0x9E3779B97F4A7C15),
                        .weight = weights[i],
                        .objects = weights[i] / 2};
    snprintf(site.text, sizeof(site.text), "f%zu", i);
    if (weights[i] > 0)
      site_table_add(&table, &site);
  }
  site_table_top(&table, &top);
  site_history_update(&history, &top);
}

static void check_grown(const char *name, const char *expected) {
  const struct site_record *grown[4];
  size_t len = site_history_grown(&history, grown, ARRAY_LENGTH(grown));
  char text[2048] = "";
  for (size_t i = 0; i < len; i++) {
    size_t used = strlen(text);
    snprintf(text + used, sizeof(text) - used, "%s+%llu ", grown[i]->now.text,
             (unsigned long long)(grown[i]->now.weight - grown[i]->baseline_weight));
  }
  if (strcmp(text, expected) != 0)
    fail_msg("%s: grown are %s, not %s", name, text, expected);
}

static void the_first_profile_is_the_baseline(void **state) {
  (void)state;
  site_history_init(&history);
  check_grown("nothing yet", "");
  take_profile((const uint64_t[]){5, 10, 20}, 3);
  assert_true(history.has_baseline);
  check_grown("baseline", "");
  take_profile((const uint64_t[]){9, 10, 19}, 3);
  check_grown("one grew, one shrank", "f0+4 ");
}

static void the_site_that_grew_most_comes_first(void **state) {
  (void)state;
  site_history_init(&history);
  take_profile((const uint64_t[]){100, 10, 20, 30, 40, 50}, 6);
  take_profile((const uint64_t[]){101, 70, 25, 32, 43, 54}, 6);
  check_grown("at most four are requested", "f1+60 f2+5 f5+4 f4+3 ");
}

static void a_new_site_has_grown_from_nothing(void **state) {
  (void)state;
  site_history_init(&history);
  take_profile((const uint64_t[]){5, 0}, 2);
  take_profile((const uint64_t[]){5, 7}, 2);
  check_grown("new", "f1+7 ");
  take_profile((const uint64_t[]){5, 0}, 2);
  check_grown("gone again", "");
  take_profile((const uint64_t[]){5, 6}, 2);
  check_grown("back", "f1+6 ");
}

static void a_site_that_goes_and_comes_back_has_not_grown(void **state) {
  (void)state;
  site_history_init(&history);
  take_profile((const uint64_t[]){50, 1}, 2);
  take_profile((const uint64_t[]){0, 1}, 2);
  take_profile((const uint64_t[]){50, 1}, 2);
  check_grown("back to its old weight", "");
}

static void a_new_baseline_resets_the_trend(void **state) {
  (void)state;
  site_history_init(&history);
  site_history_mark_baseline(&history);
  assert_false(history.has_baseline);
  take_profile((const uint64_t[]){5, 10}, 2);
  take_profile((const uint64_t[]){50, 0}, 2);
  site_history_mark_baseline(&history);
  check_grown("at the baseline", "");
  take_profile((const uint64_t[]){51, 10}, 2);
  check_grown("after it", "f1+10 f0+1 ");
}

static void growth_of_a_site_unlisted_at_the_baseline_is_not_overestimated(void **state) {
  (void)state;
  enum { SITES = SITE_TOP_MAX + 8 };
  uint64_t weights[SITES];
  for (size_t i = 0; i < SITES; i++)
    weights[i] = 100 - i;
  site_history_init(&history);
  take_profile(weights, SITES);
  /* the lightest of the unlisted may have weighed as much as the heaviest of them: 68 */
  weights[SITES - 1] = 1000;
  take_profile(weights, SITES);
  check_grown("from unlisted to the top", "f39+932 ");
}

/* 200 sites wander at random, a few of them upwards; against the truth no growth is
 * overstated, and the largest grower is named. */
static void growth_is_never_overestimated(void **state) {
  (void)state;
  enum { SITES = 200 };
  uint64_t weights[SITES], baseline[SITES], random = 7;
  for (int run = 0; run < 50; run++) {
    site_history_init(&history);
    for (size_t i = 0; i < SITES; i++) {
      random = random * 6364136223846793005u + 1;
      weights[i] = baseline[i] = 1 + (random >> 52);
    }
    take_profile(weights, SITES);
    for (int step = 0; step < 100; step++) {
      for (size_t i = 0; i < SITES; i++) {
        random = random * 6364136223846793005u + 1;
        weights[i] = i == 0 ? weights[i] + 100 : random >> 52;
      }
      take_profile(weights, SITES);
      const struct site_record *grown[SITE_TOP_MAX];
      size_t len = site_history_grown(&history, grown, SITE_TOP_MAX);
      for (size_t i = 0; i < len; i++) {
        size_t number = (size_t)strtoul(grown[i]->now.text + 1, NULL, 10);
        assert_int_equal(grown[i]->now.weight, weights[number]);
        uint64_t growth = grown[i]->now.weight - grown[i]->baseline_weight;
        assert_true(weights[number] > baseline[number]);
        assert_true(growth <= weights[number] - baseline[number]);
      }
      if (step == 99) {
        assert_true(len > 0);
        assert_string_equal(grown[0]->now.text, "f0");
        assert_true(weights[0] - baseline[0] - 4096 <
                    grown[0]->now.weight - grown[0]->baseline_weight);
      }
    }
  }
}

/* One stack in two states, and one in one; then profiles by stack alone. */
static void growth_goes_on_from_dumps_to_profiles_by_stack(void **state) {
  (void)state;
  static struct site_history groups;
  struct site_top top = {.len = 3};
  site_history_init(&history);
  for (size_t i = 0; i < 3; i++) {
    top.sites[i] = (struct site){
        .key = 10 + i, .frames_key = i < 2 ? 1 : 2, .weight = 9 - i, .oldest_minutes = 5};
    snprintf(top.sites[i].text, sizeof(top.sites[i].text), "f%d", i < 2 ? 0 : 1);
  }
  site_history_update(&history, &top);
  site_history_begin_grouped(&groups, &history);
  assert_int_equal(groups.len, 2);
  assert_int_equal(groups.records[0].now.weight, 9 + 8);
  assert_int_equal(groups.records[0].now.state, GOROUTINE_STATE_UNKNOWN);
  assert_int_equal(groups.records[0].now.oldest_minutes, 0);

  struct site_top grouped = {.len = 2};
  grouped.sites[0] = (struct site){.key = 1, .frames_key = 1, .weight = 6000, .text = "f0"};
  grouped.sites[1] = (struct site){.key = 2, .frames_key = 2, .weight = 7, .text = "f1"};
  site_history_update(&groups, &grouped);
  history = groups;
  check_grown("of 17", "f0+5983 ");
  site_history_mark_baseline(&history);
  grouped.sites[0].weight = 6001;
  site_history_update(&history, &grouped);
  check_grown("a new baseline", "f0+1 ");

  groups.unlisted_baseline_max = 3;
  static struct site_history later;
  site_history_begin_grouped(&later, &groups);
  assert_int_equal(later.records[1].baseline_weight, groups.records[1].baseline_weight + 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_first_profile_is_the_baseline),
      cmocka_unit_test(the_site_that_grew_most_comes_first),
      cmocka_unit_test(a_new_site_has_grown_from_nothing),
      cmocka_unit_test(a_site_that_goes_and_comes_back_has_not_grown),
      cmocka_unit_test(a_new_baseline_resets_the_trend),
      cmocka_unit_test(growth_of_a_site_unlisted_at_the_baseline_is_not_overestimated),
      cmocka_unit_test(growth_is_never_overestimated),
      cmocka_unit_test(growth_goes_on_from_dumps_to_profiles_by_stack),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
