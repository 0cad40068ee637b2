/* Signals from readings: what each reading adds to what the flags are judged from. */
#include "sidecar/redflag/flags.h"

#include <math.h>

#include "cases.h"

static const uint64_t MB = 1 << 20;

struct watched {
  struct red_flag_rules rules;
  struct pattern_list fd_patterns, goroutine_patterns;
  struct flags *flags;
  uint64_t now_ms;
};

static void begin(struct watched *watched) {
  *watched = (struct watched){.now_ms = 1000 * 1000};
  red_flag_rules_init(&watched->rules);
  struct flags_options options = {&watched->rules, &watched->fd_patterns,
                                  &watched->goroutine_patterns};
  assert_int_equal(flags_new(&options, 0, watched->now_ms, &watched->flags), 0);
}

static void end(struct watched *watched) {
  flags_free(watched->flags);
}

/* Observes the parts that a reading has, ten seconds after the last one. */
static void observe(struct watched *watched, struct reading reading) {
  reading.now_ms = watched->now_ms += 10 * 1000;
  flags_observe(watched->flags, &reading);
}

static struct process_pulse pulse_of(uint64_t anon_bytes, uint64_t swap_bytes) {
  struct process_pulse pulse;
  memset(&pulse, 0xFF, sizeof(pulse)); /* VALUE_UNKNOWN */
  pulse.memory.anon_bytes = anon_bytes;
  pulse.memory.swap_bytes = swap_bytes;
  return pulse;
}

static void observe_memory(struct watched *watched, uint64_t anon_bytes, uint64_t swap_bytes) {
  struct process_pulse pulse = pulse_of(anon_bytes, swap_bytes);
  observe(watched,
          (struct reading){.parts = READING_PULSE, .pulse = &pulse, .ticks_per_second = 100});
}

static void observe_lazyfree(struct watched *watched, uint64_t lazyfree_bytes) {
  observe(watched, (struct reading){.parts = READING_MEMORY_MAP,
                                    .memory_regions = 100,
                                    .lazyfree_bytes = lazyfree_bytes});
}

/* idle_bytes is VALUE_UNKNOWN: the runtime does not respond. */
static void observe_heap(struct watched *watched, uint64_t idle_bytes) {
  struct memstats stats;
  memset(&stats, 0xFF, sizeof(stats));
  stats.heap_idle_bytes = idle_bytes;
  stats.heap_released_bytes = 0;
  observe(watched, (struct reading){.parts = READING_MEMSTATS,
                                    .memstats = idle_bytes != VALUE_UNKNOWN ? &stats : NULL});
}

static double latest(const struct watched *watched, enum red_flag_signal signal) {
  return watched->flags->trend.signals[signal].latest / (double)MB;
}

static bool was_observed_now(const struct watched *watched, enum red_flag_signal signal) {
  return watched->flags->trend.signals[signal].latest_ms == watched->now_ms;
}

static void anonymous_memory_is_resident_and_swapped(void **state) {
  (void)state;
  struct watched watched;
  begin(&watched);
  observe_memory(&watched, 80 * MB, 20 * MB);
  assert_true(latest(&watched, SIGNAL_ANONYMOUS_BYTES) == 100);
  observe_memory(&watched, 10 * MB, 90 * MB); /* swapped out: not less, and later not more */
  assert_true(latest(&watched, SIGNAL_ANONYMOUS_BYTES) == 100);
  end(&watched);
}

static void anonymous_memory_is_unknown_while_a_part_of_it_is(void **state) {
  (void)state;
  struct watched watched;
  begin(&watched);
  observe_memory(&watched, VALUE_UNKNOWN, 20 * MB);
  observe_memory(&watched, 80 * MB, VALUE_UNKNOWN);
  assert_true(isnan(watched.flags->trend.signals[SIGNAL_ANONYMOUS_BYTES].latest));
  end(&watched);
}

static void retained_memory_is_no_anonymous_memory(void **state) {
  (void)state;
  struct watched watched;
  begin(&watched);
  observe_memory(&watched, 80 * MB, 20 * MB);
  observe_lazyfree(&watched, 5 * MB);
  assert_true(latest(&watched, SIGNAL_ANONYMOUS_BYTES) == 95);
  observe_heap(&watched, 30 * MB);
  assert_true(latest(&watched, SIGNAL_ANONYMOUS_BYTES) == 65);
  observe_heap(&watched, 500 * MB); /* of another moment */
  assert_true(latest(&watched, SIGNAL_ANONYMOUS_BYTES) == 0);
  end(&watched);
}

/* So that what is retained is subtracted from what was resident at the same moment. */
static void anonymous_memory_is_observed_with_the_part_read_last(void **state) {
  (void)state;
  struct watched watched;
  begin(&watched);
  observe_memory(&watched, 80 * MB, 0);
  assert_true(was_observed_now(&watched, SIGNAL_ANONYMOUS_BYTES));
  observe_heap(&watched, 30 * MB);
  observe_memory(&watched, 60 * MB, 0);
  assert_false(was_observed_now(&watched, SIGNAL_ANONYMOUS_BYTES));
  observe_lazyfree(&watched, 0);
  assert_false(was_observed_now(&watched, SIGNAL_ANONYMOUS_BYTES));
  observe_heap(&watched, 10 * MB);
  assert_true(was_observed_now(&watched, SIGNAL_ANONYMOUS_BYTES));
  assert_true(latest(&watched, SIGNAL_ANONYMOUS_BYTES) == 50);
  observe_heap(&watched, VALUE_UNKNOWN);
  assert_false(was_observed_now(&watched, SIGNAL_ANONYMOUS_BYTES));
  observe_lazyfree(&watched, MB);
  assert_true(latest(&watched, SIGNAL_ANONYMOUS_BYTES) == 59);
  end(&watched);
}

/* ---- descriptors ---- */

static void paths_that_hold_descriptors_are_printable_and_forgotten(void **state) {
  (void)state;
  struct watched watched;
  static struct descriptors_reading descriptors;
  begin(&watched);
  const struct flags *flags = watched.flags;
  descriptors.deleted = 11;
  descriptors.same_device_max = 12;
  descriptors.directory_paths_max = 13;
  descriptors.directory_paths_are_exact = true;
  descriptors.directory_class = DESCRIPTOR_DIRECTORY;
  strcpy(descriptors.same_device_path, "/dev/\x1b[31m");
  strcpy(descriptors.deleted_path, "/tmp/\n\xff (deleted)");
  memset(descriptors.directory_path, '/', PATH_MAX - 1);
  observe(&watched,
          (struct reading){.parts = READING_DESCRIPTORS, .descriptors = &descriptors});
  assert_int_equal(flags->now.fds_deleted, 11);
  assert_int_equal(flags->findings.same_device_opens, 12);
  assert_int_equal(flags->findings.directory_paths, 13);
  assert_true(flags->findings.directory_is_exact);
  assert_int_equal(flags->findings.directory_class, DESCRIPTOR_DIRECTORY);
  assert_string_equal(flags->findings.same_device_path, "/dev/\\x1B[31m");
  assert_string_equal(flags->findings.deleted_path, "/tmp/\\x0A\\xFF (deleted)");
  assert_true(span_ends_with(span_of(flags->findings.directory_path), "/..."));

  observe(&watched, (struct reading){.parts = READING_DESCRIPTORS});
  assert_int_equal(flags->now.fds_deleted, VALUE_UNKNOWN);
  assert_int_equal(flags->findings.same_device_opens, VALUE_UNKNOWN);
  assert_int_equal(flags->findings.directory_paths, VALUE_UNKNOWN);
  end(&watched);
}

/* ---- fetches ---- */

static void observe_blocked(struct watched *watched, const uint64_t blocked[2]) {
  static struct goroutine_profile profile;
  memset(&profile, 0, sizeof(profile));
  for (size_t i = 0; i < 2; i++) {
    profile.matching_blocked[i] = blocked[i];
    profile.longest_blocked[i] = (struct site){.weight = blocked[i] > 0, .key = i + 1};
  }
  observe(watched,
          (struct reading){.parts = READING_GOROUTINES, .goroutine_profile = &profile});
}

static void the_pattern_with_most_stuck_fetches_is_judged_and_shown(void **state) {
  (void)state;
  struct watched watched;
  begin(&watched);
  assert_int_equal(pattern_list_add(&watched.goroutine_patterns, "monitor", "m", NULL, 0), 0);
  assert_int_equal(pattern_list_add(&watched.goroutine_patterns, "fetch_data", "f", NULL, 0),
                   0);
  const struct site *shown = &watched.flags->findings.stuck_fetch;
  static const struct {
    uint64_t blocked[2], signal, key;
  } cases[] = {{{0, 0}, 0, 0}, {{0, 1}, 1, 2}, {{3, 1}, 3, 1}, {{1, 1}, 1, 1}};
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    observe_blocked(&watched, cases[i].blocked);
    assert_int_equal(watched.flags->now.fetches_stuck, cases[i].signal);
    assert_int_equal(shown->weight, cases[i].signal > 0);
    if (shown->weight > 0)
      assert_int_equal(shown->key, cases[i].key);
  }
  observe(&watched, (struct reading){.parts = READING_GOROUTINES});
  assert_true(watched.flags->now.fetches_stuck == VALUE_UNKNOWN);
  pattern_list_clear(&watched.goroutine_patterns);
  end(&watched);
}

static void without_their_patterns_stuck_fetches_are_unknown(void **state) {
  (void)state;
  struct watched watched;
  begin(&watched);
  assert_int_equal(pattern_list_add(&watched.goroutine_patterns, "tea_cmd", "t", NULL, 0), 0);
  observe_blocked(&watched, (uint64_t[]){9, 0});
  assert_true(watched.flags->now.fetches_stuck == VALUE_UNKNOWN);
  assert_int_equal(watched.flags->findings.stuck_fetch.weight, 0);
  pattern_list_clear(&watched.goroutine_patterns);
  end(&watched);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(paths_that_hold_descriptors_are_printable_and_forgotten),
      cmocka_unit_test(anonymous_memory_is_resident_and_swapped),
      cmocka_unit_test(anonymous_memory_is_unknown_while_a_part_of_it_is),
      cmocka_unit_test(retained_memory_is_no_anonymous_memory),
      cmocka_unit_test(anonymous_memory_is_observed_with_the_part_read_last),
      cmocka_unit_test(the_pattern_with_most_stuck_fetches_is_judged_and_shown),
      cmocka_unit_test(without_their_patterns_stuck_fetches_are_unknown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
