/* Growth and steps by troughs: replayed series, each with or without a leak. */
#include "cases.h"

#include <math.h>

#include "replay_flags.h"

static const double MB = 1 << 20;

/* Noise that a test can repeat: -1 to 1 by the time alone. */
static double noise(uint64_t ms) {
  uint64_t x = ms * UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 31)) * UINT64_C(0xbf58476d1ce4e5b9);
  return (double)((x ^ (x >> 29)) >> 11) / (double)(UINT64_C(1) << 52) - 1;
}

/* A heap: live memory, doubled until a collection frees the garbage. */
static double saw_tooth(uint64_t ms, double live, uint64_t period_ms) {
  return live * (1 + (double)(ms % period_ms) / (double)period_ms);
}

/* --- leaks */

static double heap_leaks_10_mb_an_hour(uint64_t ms) {
  return saw_tooth(ms, 50 * MB + 10 * MB * (double)ms / HOUR, 70 * SECOND);
}

/* A heap whose pages stay resident until the scavenger returns what was not used for a while.
 */
static double resident_saw_tooth(uint64_t ms, double live) {
  double peak = 2 * live, returned = ms % (11 * MINUTE) < 6 * MINUTE ? 0 : live / 3;
  return peak - returned + MB * noise(ms);
}

static double anonymous_leaks_10_mb_a_minute(uint64_t ms) {
  return resident_saw_tooth(ms, 40 * MB) + 10 * MB * (double)ms / MINUTE;
}

static double anonymous_leaks_12_mb_an_hour(uint64_t ms) {
  return resident_saw_tooth(ms, 40 * MB) + 12 * MB * (double)ms / HOUR;
}

static double fds_leak_one_a_minute(uint64_t ms) {
  return floor(60 + (double)ms / MINUTE + 3 * noise(ms));
}

/* One every ten minutes: 6 an hour are too few for the least rise of an hour */
static double fds_leak_slowly(uint64_t ms) {
  return floor(60 + (double)ms / (10 * MINUTE) + 2 * noise(ms));
}

static double fds_leak_from_noon(uint64_t ms) {
  return ms < 12 * HOUR ? floor(60 + 4 * noise(ms))
                        : floor(60 + (double)(ms - 12 * HOUR) / MINUTE + 4 * noise(ms));
}

static double goroutines_leak_in_bursts(uint64_t ms) {
  return 30 + floor((double)ms / (2 * MINUTE)) + (ms % (3 * MINUTE) < 30 * SECOND ? 40 : 0);
}

static double fds_jump_each_hour(uint64_t ms) {
  return 60 + 10 * floor((double)ms / HOUR);
}

static double swap_rises(uint64_t ms) {
  return (double)ms / MINUTE * MB;
}

static double more_are_stuck(uint64_t ms) {
  return floor((double)ms / (4 * MINUTE));
}

static const struct {
  const char *name;
  enum red_flag flag;
  enum red_flag_signal signal;
  series_of_time series;
  uint64_t interval_ms;
  uint64_t begin_ms;   /* of the leak, or of its being judged */
  uint64_t minimum_ms; /* the rule's minimum time for it */
  uint64_t window_ms;
} leaks[] = {
    {"a heap of saw-teeth whose floor rises", RED_FLAG_HEAP_GROWING, SIGNAL_HEAP_LIVE_BYTES,
     heap_leaks_10_mb_an_hour, MINUTE, 15 * MINUTE, 3 * HOUR, 30 * MINUTE},
    {"the same, read every ten seconds", RED_FLAG_HEAP_GROWING, SIGNAL_HEAP_LIVE_BYTES,
     heap_leaks_10_mb_an_hour, 10 * SECOND, 15 * MINUTE, 3 * HOUR, 30 * MINUTE},
    {"memory that leaks fast", RED_FLAG_RSS_GROWING, SIGNAL_ANONYMOUS_BYTES,
     anonymous_leaks_10_mb_a_minute, 10 * SECOND, 15 * MINUTE, 40 * MINUTE, 3 * MINUTE},
    {"memory that would take two days to 500 MB", RED_FLAG_RSS_GROWING, SIGNAL_ANONYMOUS_BYTES,
     anonymous_leaks_12_mb_an_hour, 10 * SECOND, 15 * MINUTE, 5 * HOUR, 30 * MINUTE},
    {"a descriptor a minute", RED_FLAG_FDS_GROWING, SIGNAL_OPEN_FDS, fds_leak_one_a_minute,
     10 * SECOND, 15 * MINUTE, HOUR, 5 * MINUTE},
    {"the same, read every minute", RED_FLAG_FDS_GROWING, SIGNAL_OPEN_FDS,
     fds_leak_one_a_minute, MINUTE, 15 * MINUTE, HOUR, 5 * MINUTE},
    {"a descriptor in ten minutes, by the windows of a quarter of an hour and more",
     RED_FLAG_FDS_GROWING, SIGNAL_OPEN_FDS, fds_leak_slowly, 10 * SECOND, 15 * MINUTE, 9 * HOUR,
     45 * MINUTE},
    {"ten descriptors at once each hour", RED_FLAG_FDS_GROWING, SIGNAL_OPEN_FDS,
     fds_jump_each_hour, 10 * SECOND, 0, 3 * HOUR, 6 * MINUTE},
    {"a leak that begins after half a day", RED_FLAG_FDS_GROWING, SIGNAL_OPEN_FDS,
     fds_leak_from_noon, 10 * SECOND, 12 * HOUR, HOUR, 5 * MINUTE},
    {"goroutines below their bursts", RED_FLAG_GOROUTINES_GROWING, SIGNAL_GOROUTINES,
     goroutines_leak_in_bursts, 10 * SECOND, 15 * MINUTE, 2 * HOUR, 15 * MINUTE},
    {"swap", RED_FLAG_SWAP_GROWING, SIGNAL_SWAP_BYTES, swap_rises, 10 * SECOND, 15 * MINUTE,
     30 * MINUTE, 5 * MINUTE},
    {"blocked goroutines", RED_FLAG_GOROUTINES_STUCK, SIGNAL_GOROUTINES_STUCK, more_are_stuck,
     MINUTE, 15 * MINUTE, 90 * MINUTE, 15 * MINUTE},
};

static void a_leak_is_flagged_once_and_within_a_window_of_its_minimum_time(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LENGTH(leaks); i++) {
    struct replay replay;
    replay_begin(&replay, 0);
    replay_series(&replay, leaks[i].signal, leaks[i].series, leaks[i].interval_ms, 24 * HOUR);
    check_int(leaks[i].name, replay.turned[leaks[i].flag], 1);
    check_int(leaks[i].name, replay_state(&replay, leaks[i].flag), RED_FLAG_WARNING);
    uint64_t latest_ms =
        leaks[i].begin_ms + leaks[i].minimum_ms + leaks[i].window_ms + leaks[i].interval_ms;
    if (replay.turned_ms[leaks[i].flag] > latest_ms)
      fail_msg("%s: flagged after %llu minutes, not within %llu", leaks[i].name,
               (unsigned long long)replay.turned_ms[leaks[i].flag] / MINUTE,
               (unsigned long long)latest_ms / MINUTE);
    replay_end(&replay);
  }
}

static void growth_is_reported_with_its_start_and_amount(void **state) {
  (void)state;
  struct replay replay;
  replay_begin(&replay, 0);
  replay_series(&replay, SIGNAL_OPEN_FDS, fds_leak_from_noon, 10 * SECOND, 14 * HOUR);
  struct flag_status verdict;
  assert_true(evaluator_get(replay.evaluator, RED_FLAG_FDS_GROWING, &verdict));
  assert_in_range(verdict.since_ms, START_MS + 11 * HOUR + 40 * MINUTE,
                  START_MS + 12 * HOUR + 15 * MINUTE);
  /* a descriptor a minute, by the trough of the last window */
  double minutes = (double)verdict.rise_ms / MINUTE;
  assert_true(fabs(verdict.rise - minutes) < 20);
  assert_in_range((uint64_t)minutes, 100, 125);
  assert_true(verdict.threshold == 10);
  assert_true(verdict.value > 170);
  replay_end(&replay);
}

static double fds_leak_for_three_hours(uint64_t ms) {
  return floor(60 + (double)(ms < 3 * HOUR ? ms : 3 * HOUR) / MINUTE + 3 * noise(ms));
}

static double fds_leak_until_closed(uint64_t ms) {
  return ms < 3 * HOUR ? fds_leak_one_a_minute(ms) : 60;
}

static void growth_that_stops_is_cleared_after_its_minimum_time(void **state) {
  (void)state;
  struct replay replay;
  replay_begin(&replay, 0);
  replay_series(&replay, SIGNAL_OPEN_FDS, fds_leak_for_three_hours, 10 * SECOND, 24 * HOUR);
  assert_int_equal(replay.turned[RED_FLAG_FDS_GROWING], 2);
  assert_int_equal(replay.last[RED_FLAG_FDS_GROWING].state, RED_FLAG_OK);
  assert_int_equal(replay.last[RED_FLAG_FDS_GROWING].before, RED_FLAG_WARNING);
  assert_in_range(replay.turned_ms[RED_FLAG_FDS_GROWING], 3 * HOUR + 30 * MINUTE, 6 * HOUR);
  replay_end(&replay);
}

static double fds_jump_for_six_hours(uint64_t ms) {
  return fds_jump_each_hour(ms < 6 * HOUR ? ms : 6 * HOUR);
}

static void a_leak_in_jumps_is_one_alert_until_they_stop(void **state) {
  (void)state;
  struct replay replay;
  struct flag_status status;
  replay_begin(&replay, 0);
  replay_series(&replay, SIGNAL_OPEN_FDS, fds_jump_for_six_hours, 10 * SECOND, 4 * HOUR);
  assert_true(evaluator_get(replay.evaluator, RED_FLAG_FDS_GROWING, &status));
  assert_int_equal(status.state, RED_FLAG_WARNING);
  assert_true(status.rise == 30);
  assert_in_range(status.rise_ms, 3 * HOUR, 4 * HOUR); /* with the gap before the first */
  replay_series(&replay, SIGNAL_OPEN_FDS, fds_jump_for_six_hours, 10 * SECOND, 20 * HOUR);
  assert_int_equal(replay.turned[RED_FLAG_FDS_GROWING], 2);
  assert_in_range(replay.turned_ms[RED_FLAG_FDS_GROWING], 7 * HOUR, 9 * HOUR + 10 * MINUTE);
  assert_true(replay.last[RED_FLAG_FDS_GROWING].has_levelled_off);
  replay_end(&replay);
}

/* Fills to two and a half times what it was, and levels off. */
static double a_cache_that_fills(uint64_t ms) {
  double hours = (double)ms / HOUR;
  return saw_tooth(ms, 80 * MB + 120 * MB * (hours < 8 ? hours / 8 : 1), 70 * SECOND);
}

static void growth_that_levels_off_says_so(void **state) {
  (void)state;
  struct replay replay;
  struct flag_status status;
  replay_begin(&replay, 0);
  replay_series(&replay, SIGNAL_HEAP_LIVE_BYTES, a_cache_that_fills, MINUTE, 7 * HOUR);
  assert_true(evaluator_get(replay.evaluator, RED_FLAG_HEAP_GROWING, &status));
  assert_int_equal(status.state, RED_FLAG_WARNING);
  assert_true(status.may_level_off && !status.has_levelled_off);
  replay_series(&replay, SIGNAL_HEAP_LIVE_BYTES, a_cache_that_fills, MINUTE, 72 * HOUR);
  assert_int_equal(replay.turned[RED_FLAG_HEAP_GROWING], 2);
  assert_in_range(replay.turned_ms[RED_FLAG_HEAP_GROWING], 9 * HOUR, 12 * HOUR);
  const struct flag_status *last = &replay.last[RED_FLAG_HEAP_GROWING];
  assert_true(last->has_levelled_off && !last->may_level_off);
  assert_true(last->rise > 100 * MB && last->rise < 130 * MB);
  replay_end(&replay);
}

/* Day and night, by a third of the mean: on the first morning it looks like a leak. */
static double day_and_night(uint64_t ms) {
  double angle = (double)ms / (24 * HOUR) * 2 * 3.14159265358979;
  return saw_tooth(ms, 100 * MB * (1 - 0.33 * cos(angle)), 70 * SECOND);
}

static double day_and_night_and_a_leak(uint64_t ms) {
  uint64_t begin = 50 * HOUR;
  return day_and_night(ms) + (ms < begin ? 0 : 5 * MB * (double)(ms - begin) / HOUR);
}

static void a_day_is_compared_with_those_before(void **state) {
  (void)state;
  struct replay replay;
  replay_begin(&replay, 0);
  replay_series(&replay, SIGNAL_HEAP_LIVE_BYTES, day_and_night, MINUTE, 24 * HOUR);
  unsigned first_day = replay.turned[RED_FLAG_HEAP_GROWING];
  assert_int_equal(replay_state(&replay, RED_FLAG_HEAP_GROWING), RED_FLAG_OK);
  replay_series(&replay, SIGNAL_HEAP_LIVE_BYTES, day_and_night_and_a_leak, MINUTE, 50 * HOUR);
  assert_int_equal(replay.turned[RED_FLAG_HEAP_GROWING], first_day);
  replay_series(&replay, SIGNAL_HEAP_LIVE_BYTES, day_and_night_and_a_leak, MINUTE, 60 * HOUR);
  assert_int_equal(replay.turned[RED_FLAG_HEAP_GROWING], first_day + 1);
  assert_int_equal(replay_state(&replay, RED_FLAG_HEAP_GROWING), RED_FLAG_WARNING);
  assert_false(replay.last[RED_FLAG_HEAP_GROWING].may_level_off);
  replay_end(&replay);
}

/* What is idle is swapped out by and by, and nothing waits for it. */
static void swap_without_pressure_is_not_growth(void **state) {
  (void)state;
  for (int pressure = 0; pressure <= 5; pressure += 5) {
    struct replay replay;
    replay_begin(&replay, 0);
    for (; replay.now_ms < START_MS + 6 * HOUR; replay.now_ms += 10 * SECOND) {
      replay_observe(&replay, SIGNAL_MEMORY_PRESSURE, pressure);
      replay_observe(&replay, SIGNAL_SWAP_BYTES, swap_rises(replay.now_ms - START_MS));
    }
    assert_int_equal(replay_state(&replay, RED_FLAG_SWAP_GROWING),
                     pressure > 0 ? RED_FLAG_WARNING : RED_FLAG_OK);
    replay_end(&replay);
  }
}

static void growth_that_recedes_is_cleared_within_a_window(void **state) {
  (void)state;
  struct replay replay;
  replay_begin(&replay, 0);
  replay_series(&replay, SIGNAL_OPEN_FDS, fds_leak_until_closed, 10 * SECOND, 24 * HOUR);
  assert_int_equal(replay.turned[RED_FLAG_FDS_GROWING], 2);
  assert_in_range(replay.turned_ms[RED_FLAG_FDS_GROWING], 3 * HOUR,
                  3 * HOUR + 5 * MINUTE + 10 * SECOND);
  replay_end(&replay);
}

/* --- no leaks */

static double flat_floor(uint64_t ms) {
  return saw_tooth(ms, 60 * MB, 97 * SECOND);
}

/* Memory of a program with GOGC's default whose scavenger returns pages now and then. */
static double resident_of_a_steady_heap(uint64_t ms) {
  return resident_saw_tooth(ms, 60 * MB);
}

/* Without a scavenger: it stays at the height of the teeth, which an hour of work raises. */
static double resident_of_a_busy_hour(uint64_t ms) {
  double live = ms >= 9 * HOUR && ms < 10 * HOUR ? 140 * MB : 60 * MB;
  return (ms < 9 * HOUR ? 120 * MB : 280 * MB) + 0.02 * saw_tooth(ms, live, 97 * SECOND);
}

/* Collections that are forced every two minutes and a bit, or nearly: read every minute, the
 * readings wander up or down the teeth for hours. */
static double forced_collections(uint64_t ms) {
  return saw_tooth(ms, 100 * MB, 120 * SECOND + 150);
}

static double forced_early(uint64_t ms) {
  return saw_tooth(ms, 100 * MB, 120 * SECOND - 150);
}

static double start_up_ramp(uint64_t ms) {
  double loaded = ms < 40 * MINUTE ? (double)ms / (40 * MINUTE) : 1;
  return saw_tooth(ms, 20 * MB + 400 * MB * loaded, 50 * SECOND);
}

static double sessions_load_for_ten_minutes(uint64_t ms) {
  double loaded = ms < 10 * MINUTE ? (double)ms / (10 * MINUTE) : 1;
  return saw_tooth(ms, 20 * MB + 400 * MB * loaded, 50 * SECOND);
}

static double plateau_after_a_step(uint64_t ms) {
  return floor((ms < 5 * HOUR ? 60 : 130) + 4 * noise(ms));
}

/* Projects that are opened now and then, and stay. */
static double projects(uint64_t ms) {
  static const struct {
    double hour, by;
  } opened[] = {{1, 25}, {2.3, 8}, {6, 30}, {7.5, 14}, {8, 10}, {26, 40}, {29, 12}, {50, 25}};
  double value = 50 + 2 * noise(ms);
  for (size_t i = 0; i < ARRAY_LENGTH(opened); i++)
    value += (double)ms >= opened[i].hour * HOUR ? opened[i].by : 0;
  return floor(value);
}

/* Three jumps after which it stays: of other sizes, at other times, and of so few that chance
 * makes them equal. */
static double jumps_to_a_plateau(uint64_t ms, const double hours[3], const double heights[3]) {
  double value = 60;
  for (int i = 0; i < 3; i++)
    value += (double)ms >= hours[i] * HOUR ? heights[i] : 0;
  return value;
}

static double unequal_jumps(uint64_t ms) {
  return jumps_to_a_plateau(ms, (double[]){1, 2, 3}, (double[]){10, 12, 10});
}

static double jumps_at_any_time(uint64_t ms) {
  return jumps_to_a_plateau(ms, (double[]){1, 2, 3.3}, (double[]){10, 10, 10});
}

static double small_jumps(uint64_t ms) {
  return jumps_to_a_plateau(ms, (double[]){1, 2, 3}, (double[]){3, 3, 3});
}

static double jumps_and_a_way_back(uint64_t ms) {
  return jumps_to_a_plateau(ms, (double[]){1, 2, 3}, (double[]){10, 10, 10}) -
         (ms >= 2 * HOUR + 20 * MINUTE && ms < 2 * HOUR + 40 * MINUTE ? 5 : 0);
}

static double nightly_batch(uint64_t ms) {
  uint64_t of_day = ms % (24 * HOUR);
  double batch = of_day >= 3 * HOUR && of_day < 3 * HOUR + 20 * MINUTE
                     ? (double)(of_day - 3 * HOUR) / (20 * MINUTE)
                     : 0;
  return saw_tooth(ms, 60 * MB + 500 * MB * batch, 80 * SECOND);
}

static double fds_of_a_nightly_batch(uint64_t ms) {
  return nightly_batch(ms) / MB;
}

static double nothing_but_noise(uint64_t ms) {
  return floor(80 + 30 * noise(ms));
}

static double a_goroutine_for_long(uint64_t ms) {
  return ms < 11 * MINUTE ? 0 : 14;
}

static const struct {
  const char *name;
  enum red_flag_signal signal;
  series_of_time series;
} harmless[] = {
    {"a GC saw-tooth with a flat floor", SIGNAL_HEAP_LIVE_BYTES, flat_floor},
    {"a saw-tooth whose period is near twice the interval's", SIGNAL_HEAP_LIVE_BYTES,
     forced_collections},
    {"a saw-tooth whose period is just below that", SIGNAL_HEAP_LIVE_BYTES, forced_early},
    {"memory of a heap with a flat floor", SIGNAL_ANONYMOUS_BYTES, resident_of_a_steady_heap},
    {"memory that saw-teeth are visible in", SIGNAL_ANONYMOUS_BYTES, flat_floor},
    {"memory retained after an hour of work", SIGNAL_ANONYMOUS_BYTES, resident_of_a_busy_hour},
    {"a start-up ramp", SIGNAL_HEAP_LIVE_BYTES, sessions_load_for_ten_minutes},
    {"a start-up ramp of descriptors", SIGNAL_OPEN_FDS, fds_of_a_nightly_batch},
    {"a plateau after a step", SIGNAL_OPEN_FDS, plateau_after_a_step},
    {"a plateau after a step, of goroutines", SIGNAL_GOROUTINES, plateau_after_a_step},
    {"projects that are opened now and then", SIGNAL_OPEN_FDS, projects},
    {"three jumps that differ", SIGNAL_OPEN_FDS, unequal_jumps},
    {"three jumps at times that differ", SIGNAL_OPEN_FDS, jumps_at_any_time},
    {"three small jumps", SIGNAL_GOROUTINES_STUCK, small_jumps},
    {"three jumps, and a way back in between", SIGNAL_OPEN_FDS, jumps_and_a_way_back},
    {"a nightly batch that recedes", SIGNAL_HEAP_LIVE_BYTES, nightly_batch},
    {"noise", SIGNAL_OPEN_FDS, nothing_but_noise},
    {"swap that is in use and stays so", SIGNAL_SWAP_BYTES, plateau_after_a_step},
    {"goroutines that have always waited", SIGNAL_GOROUTINES_STUCK, a_goroutine_for_long},
};

/* The flags by growth and step; levels are breached by some of these series. */
static void check_nothing_grew(const char *name, const struct replay *replay) {
  for (size_t i = 0; i < RED_FLAGS; i++)
    if (red_flags[i].kind == RED_FLAG_BY_GROWTH || red_flags[i].kind == RED_FLAG_BY_STEP)
      if (replay->turned[i] != 0)
        fail_msg("%s: %s was flagged", name, red_flags[i].name);
}

static void days_without_a_leak_are_not_flagged_at_any_interval(void **state) {
  (void)state;
  static const uint64_t intervals_ms[] = {10 * SECOND, 60 * SECOND};
  for (size_t i = 0; i < ARRAY_LENGTH(harmless); i++)
    for (size_t j = 0; j < ARRAY_LENGTH(intervals_ms); j++) {
      struct replay replay;
      replay_begin(&replay, 0);
      replay_series(&replay, harmless[i].signal, harmless[i].series, intervals_ms[j],
                    72 * HOUR);
      check_nothing_grew(harmless[i].name, &replay);
      replay_end(&replay);
    }
}

static void a_start_up_ramp_longer_than_the_warm_up_does_not_grow(void **state) {
  (void)state;
  struct replay replay;
  replay_begin(&replay, 0);
  replay_series(&replay, SIGNAL_HEAP_LIVE_BYTES, start_up_ramp, MINUTE, 24 * HOUR);
  check_nothing_grew("ramp", &replay);
  replay_end(&replay);
}

/* Fifty minutes of leak, a new process, and so on: each process gets a new evaluator. */
static void a_restart_in_the_middle_begins_again(void **state) {
  (void)state;
  for (int i = 0; i < 20; i++) {
    struct replay replay;
    replay_begin(&replay, 0);
    replay_series(&replay, SIGNAL_OPEN_FDS, fds_leak_one_a_minute, 10 * SECOND, 50 * MINUTE);
    check_nothing_grew("restart", &replay);
    replay_end(&replay);
  }
}

static double missing_by_the_half_hour(uint64_t ms) {
  return ms % HOUR < 30 * MINUTE ? NAN : nothing_but_noise(ms);
}

static double missing_at_random(uint64_t ms) {
  return noise(ms + 7) > 0 ? NAN : flat_floor(ms) / MB;
}

/* Minutes of a day long: they may be of as many different days' work. */
static double a_few_minutes_every_three_hours(uint64_t ms) {
  return ms % (3 * HOUR) < 6 * MINUTE ? 60 + 20 * floor((double)ms / (3 * HOUR)) : NAN;
}

static void missing_samples_are_not_growth(void **state) {
  (void)state;
  static const series_of_time gaps[] = {missing_by_the_half_hour, missing_at_random,
                                        a_few_minutes_every_three_hours};
  for (size_t i = 0; i < ARRAY_LENGTH(gaps); i++) {
    struct replay replay;
    replay_begin(&replay, 0);
    replay_series(&replay, SIGNAL_OPEN_FDS, gaps[i], 10 * SECOND, 48 * HOUR);
    check_nothing_grew("missing samples", &replay);
    replay_end(&replay);
  }
}

static void a_clock_that_jumps_is_not_growth(void **state) {
  (void)state;
  struct replay replay;
  replay_begin(&replay, 0);
  for (int i = 0; i < 2000; i++) {
    replay_observe(&replay, SIGNAL_OPEN_FDS, nothing_but_noise(replay.now_ms));
    replay_observe(&replay, SIGNAL_HEAP_LIVE_BYTES, flat_floor(replay.now_ms));
    replay.now_ms += 10 * SECOND;
    if (i % 100 == 50)
      replay.now_ms += 9 * HOUR;
    if (i % 100 == 99)
      replay.now_ms -= 5 * HOUR;
  }
  check_nothing_grew("clock", &replay);
  replay_end(&replay);
}

/* --- a spike that stays */

static double spike_that_stays(uint64_t ms) {
  return saw_tooth(ms, ms < 5 * HOUR ? 60 * MB : 260 * MB, 80 * SECOND);
}

static double spike_that_stays_for_five_hours(uint64_t ms) {
  return ms < 10 * HOUR ? spike_that_stays(ms) : flat_floor(ms);
}

static void a_spike_that_stays_for_hours_is_flagged_within_a_window(void **state) {
  (void)state;
  struct replay replay;
  replay_begin(&replay, 0);
  replay_series(&replay, SIGNAL_HEAP_LIVE_BYTES, spike_that_stays, MINUTE, 8 * HOUR);
  const struct flag_status *last = &replay.last[RED_FLAG_HEAP_NOT_RECEDING];
  assert_int_equal(replay.turned[RED_FLAG_HEAP_NOT_RECEDING], 1);
  assert_int_equal(last->state, RED_FLAG_WARNING);
  assert_in_range(replay.turned_ms[RED_FLAG_HEAP_NOT_RECEDING], 7 * HOUR + 30 * MINUTE,
                  7 * HOUR + 41 * MINUTE);
  assert_in_range(last->since_ms, START_MS + 5 * HOUR - MINUTE,
                  START_MS + 5 * HOUR + 6 * MINUTE);
  assert_true(last->rise > 150 * MB && last->rise < 350 * MB);
  assert_int_equal(replay.turned[RED_FLAG_HEAP_GROWING], 0);
  replay_end(&replay);
}

static void a_spike_that_recedes_late_is_cleared(void **state) {
  (void)state;
  struct replay replay;
  replay_begin(&replay, 0);
  replay_series(&replay, SIGNAL_HEAP_LIVE_BYTES, spike_that_stays_for_five_hours, MINUTE,
                24 * HOUR);
  assert_int_equal(replay.turned[RED_FLAG_HEAP_NOT_RECEDING], 2);
  assert_in_range(replay.turned_ms[RED_FLAG_HEAP_NOT_RECEDING], 10 * HOUR,
                  10 * HOUR + 7 * MINUTE);
  replay_end(&replay);
}

static void a_spike_that_never_recedes_is_the_plateau_after_its_window(void **state) {
  (void)state;
  struct replay replay;
  replay_begin(&replay, 0);
  replay_series(&replay, SIGNAL_HEAP_LIVE_BYTES, spike_that_stays, MINUTE, 48 * HOUR);
  assert_int_equal(replay.turned[RED_FLAG_HEAP_NOT_RECEDING], 2);
  assert_in_range(replay.turned_ms[RED_FLAG_HEAP_NOT_RECEDING], 11 * HOUR,
                  11 * HOUR + 10 * MINUTE);
  replay_end(&replay);
}

static void growth_beyond_failure_is_a_failure(void **state) {
  (void)state;
  struct replay replay;
  replay_begin(&replay, 0);
  replay.rules.rules[RED_FLAG_FDS_GROWING].failure = 100;
  replay_series(&replay, SIGNAL_OPEN_FDS, fds_leak_one_a_minute, 10 * SECOND, 24 * HOUR);
  const struct flag_status *last = &replay.last[RED_FLAG_FDS_GROWING];
  assert_int_equal(replay.turned[RED_FLAG_FDS_GROWING], 2);
  assert_int_equal(last->before, RED_FLAG_WARNING);
  assert_int_equal(last->state, RED_FLAG_FAILURE);
  assert_true(last->threshold == 100 && last->rise >= 100 && last->rise < 110);
  replay_end(&replay);
}

/* --- rules of seconds, for programs that live no longer */

static double fds_leak_three_a_second(uint64_t ms) {
  return 20 + 3 * (double)ms / SECOND;
}

static void short_rules_work_within_seconds_after_a_short_warm_up(void **state) {
  (void)state;
  struct replay replay;
  replay_begin(&replay, 0);
  replay_end(&replay);
  replay.rules.warm_up_ms = 15 * SECOND;
  replay.rules.rules[RED_FLAG_FDS_GROWING].hold_ms = 30 * SECOND;
  replay.rules.rules[RED_FLAG_FDS_GROWING].window_ms = 3 * SECOND;
  assert_int_equal(evaluator_new(&replay.rules, 0, replay.now_ms, &replay.evaluator), 0);
  replay_series(&replay, SIGNAL_OPEN_FDS, fds_leak_three_a_second, SECOND, MINUTE);
  assert_int_equal(replay_state(&replay, RED_FLAG_FDS_GROWING), RED_FLAG_WARNING);
  assert_in_range(replay.turned_ms[RED_FLAG_FDS_GROWING], 45 * SECOND, 58 * SECOND);
  replay_end(&replay);
}

static double spike_within_seconds(uint64_t ms) {
  return ms < 40 * SECOND ? 5 * MB : 85 * MB;
}

/* Hold in more parts than there are readings. */
static void a_short_hold_needs_few_readings(void **state) {
  (void)state;
  for (uint64_t interval_ms = SECOND; interval_ms <= 4 * SECOND; interval_ms += SECOND) {
    struct replay replay;
    replay_begin(&replay, 0);
    replay_end(&replay);
    replay.rules.warm_up_ms = SECOND;
    replay.rules.rules[RED_FLAG_HEAP_NOT_RECEDING].hold_ms = 12 * SECOND;
    replay.rules.rules[RED_FLAG_HEAP_NOT_RECEDING].window_ms = 600 * SECOND;
    replay.rules.rules[RED_FLAG_HEAP_NOT_RECEDING].warning = 40 * MB;
    assert_int_equal(evaluator_new(&replay.rules, 0, replay.now_ms, &replay.evaluator), 0);
    replay_series(&replay, SIGNAL_HEAP_LIVE_BYTES, spike_within_seconds, interval_ms,
                  2 * MINUTE);
    assert_int_equal(replay_state(&replay, RED_FLAG_HEAP_NOT_RECEDING), RED_FLAG_WARNING);
    replay_end(&replay);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_leak_is_flagged_once_and_within_a_window_of_its_minimum_time),
      cmocka_unit_test(growth_is_reported_with_its_start_and_amount),
      cmocka_unit_test(growth_that_stops_is_cleared_after_its_minimum_time),
      cmocka_unit_test(a_leak_in_jumps_is_one_alert_until_they_stop),
      cmocka_unit_test(growth_that_levels_off_says_so),
      cmocka_unit_test(a_day_is_compared_with_those_before),
      cmocka_unit_test(swap_without_pressure_is_not_growth),
      cmocka_unit_test(growth_that_recedes_is_cleared_within_a_window),
      cmocka_unit_test(growth_beyond_failure_is_a_failure),
      cmocka_unit_test(days_without_a_leak_are_not_flagged_at_any_interval),
      cmocka_unit_test(a_start_up_ramp_longer_than_the_warm_up_does_not_grow),
      cmocka_unit_test(a_restart_in_the_middle_begins_again),
      cmocka_unit_test(missing_samples_are_not_growth),
      cmocka_unit_test(a_clock_that_jumps_is_not_growth),
      cmocka_unit_test(a_spike_that_stays_for_hours_is_flagged_within_a_window),
      cmocka_unit_test(a_spike_that_recedes_late_is_cleared),
      cmocka_unit_test(a_spike_that_never_recedes_is_the_plateau_after_its_window),
      cmocka_unit_test(a_short_hold_needs_few_readings),
      cmocka_unit_test(short_rules_work_within_seconds_after_a_short_warm_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
