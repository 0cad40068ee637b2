/* Metrics, samples, samples of readings, statuses, and the summary line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/array.h"
#include "sidecar/collector.h"
#include "sidecar/go/endpoint.h"
#include "sidecar/metrics.h"
#include "sidecar/redflag/red_flag.h"
#include "sidecar/summary.h"

static struct samples samples;

static const struct sample *find(enum metric metric, const char *type_instance) {
  for (size_t i = 0; i < samples.len; i++) {
    const char *instance = samples.items[i].type_instance;
    if (samples.items[i].metric == metric &&
        (type_instance == NULL ? instance == NULL
                               : instance != NULL && strcmp(instance, type_instance) == 0))
      return &samples.items[i];
  }
  return NULL;
}

static void every_metric_has_a_type_of_plain_characters_of_its_own(void **state) {
  (void)state;
  for (size_t i = 0; i < METRICS; i++) {
    assert_non_null(metrics[i].type);
    assert_int_equal(strspn(metrics[i].type, "abcdefghijklmnopqrstuvwxyz0123456789_"),
                     strlen(metrics[i].type));
    assert_true(strlen(metrics[i].unit) > 0 && strlen(metrics[i].help) > 0);
    for (size_t j = 0; j < i; j++)
      assert_string_not_equal(metrics[i].type, metrics[j].type);
  }
}

static void unknown_values_are_not_sent(void **state) {
  (void)state;
  samples.len = 0;
  samples_add_gauge(&samples, METRIC_THREADS, NULL, VALUE_UNKNOWN);
  samples_add_gauge_double(&samples, METRIC_GC_CPU_FRACTION, NULL, NAN);
  samples_add_gauge_double(&samples, METRIC_GC_CPU_FRACTION, NULL, INFINITY);
  samples_add_counter(&samples, METRIC_MALLOCS, VALUE_UNKNOWN);
  samples_add_counter(&samples, METRIC_MALLOCS, (uint64_t)INT64_MAX + 1);
  samples_add_counter_pair(&samples, METRIC_CPU_TIME, 1, VALUE_UNKNOWN);
  assert_int_equal(samples.len, 0);
  samples_add_gauge(&samples, METRIC_THREADS, NULL, 0);
  assert_int_equal(samples.len, 1);
}

static void half_of_a_pair_is_not_sent(void **state) {
  (void)state;
  struct process_pulse pulse;
  memset(&pulse, 0xFF, sizeof(pulse));
  pulse.user_ticks = 1;
  samples.len = 0;
  samples_add_pulse(&samples, &pulse, 100);
  assert_null(find(METRIC_CPU_TIME, NULL));
  pulse.system_ticks = 1; /* in ticks of unknown length */
  samples_add_pulse(&samples, &pulse, 0);
  assert_int_equal(samples.len, 0);
}

static void what_does_not_fit_is_dropped(void **state) {
  (void)state;
  struct held_samples held = {0};
  samples.len = 0;
  samples_add_gauge(&samples, METRIC_THREADS, NULL, 1);
  assert_int_equal(samples_hold(&held, &samples), 0);
  while (samples.len < SAMPLES_MAX)
    samples_add_gauge(&samples, METRIC_THREADS, NULL, 1);
  samples_add_gauge(&samples, METRIC_OPEN_FDS, NULL, 2);
  samples_add_counter(&samples, METRIC_MALLOCS, 2);
  samples_add_counter_pair(&samples, METRIC_CPU_TIME, 2, 2);
  samples_add_held(&samples, &held, 0);
  assert_int_equal(samples.len, SAMPLES_MAX);
  for (size_t i = 0; i < SAMPLES_MAX; i++)
    assert_int_equal(samples.items[i].metric, METRIC_THREADS);
  samples_drop(&held);
}

static void every_type_instance_of_a_metric_is_listed(void **state) {
  (void)state;
  static const char *const memory[] = {"anon", "file", "shmem", "swap"};
  for (size_t i = 0; i < ARRAY_LENGTH(memory); i++)
    assert_string_equal(metric_instance(METRIC_MEMORY_BYTES, i), memory[i]);
  assert_null(metric_instance(METRIC_MEMORY_BYTES, ARRAY_LENGTH(memory)));
  assert_string_equal(metric_instance(METRIC_THREADS, 0), "");
  assert_null(metric_instance(METRIC_THREADS, 1));
  for (size_t i = 0; i < COLLECTORS; i++)
    assert_string_equal(metric_instance(METRIC_COLLECTOR_STATUS, i), collector_name(i));
  assert_null(metric_instance(METRIC_COLLECTOR_STATUS, COLLECTORS));
  for (size_t i = 0; i < GOROUTINE_STATES; i++)
    assert_string_equal(metric_instance(METRIC_GOROUTINES_STATE, i), goroutine_state_name(i));
  assert_null(metric_instance(METRIC_GOROUTINES_STATE, GOROUTINE_STATES));
  assert_null(metric_instance(METRIC_GOROUTINES_BLOCKED, GOROUTINE_BLOCKED_AGES));
  assert_true(metric_has_configured_instances(METRIC_FDS_MATCHING));
  assert_null(metric_instance(METRIC_FDS_MATCHING, 0));
  assert_false(metric_has_configured_instances(METRIC_FDS));
}

static void an_unreadable_pulse_sends_nothing(void **state) {
  (void)state;
  struct process_pulse pulse;
  memset(&pulse, 0xFF, sizeof(pulse));
  samples.len = 0;
  samples_add_pulse(&samples, &pulse, 100);
  assert_int_equal(samples.len, 0);
}

static void cpu_ticks_become_microseconds(void **state) {
  (void)state;
  struct process_pulse pulse;
  memset(&pulse, 0xFF, sizeof(pulse));
  pulse.user_ticks = 1234567;
  pulse.system_ticks = 1;
  samples.len = 0;
  samples_add_pulse(&samples, &pulse, 100);
  const struct sample *cpu = find(METRIC_CPU_TIME, NULL);
  assert_non_null(cpu);
  assert_int_equal(cpu->values_len, 2);
  assert_int_equal(cpu->value.derive[0], 12345670000);
  assert_int_equal(cpu->value.derive[1], 10000);
}

static void all_samples_of_a_process_fit_into_one_list(void **state) {
  (void)state;
  static struct descriptors_reading reading;
  struct memory_map_rollup rollup = {0};
  struct process_pulse pulse = {0};
  struct memstats stats = {.last_gc_ns = 1, .has_pauses = true};
  static struct goroutine_profile goroutines;
  static struct heap_profile heap;
  static struct pattern_list lists = {.len = PATTERNS_MAX};
  samples.len = 0;
  samples_add_pulse(&samples, &pulse, 100);
  samples_add_descriptors(&samples, &reading, &lists, 1000);
  samples_add_rollup(&samples, &rollup);
  samples_add_memstats_gauges(&samples, &stats);
  samples_add_memstats_counters(&samples, &stats, 0);
  samples_add_goroutine_profile(&samples, &goroutines, &lists);
  samples_add_heap_profile(&samples, &heap, &lists);
  /* the states of flags and collectors, and single values */
  size_t others = RED_FLAGS + (size_t)3 * COLLECTORS + 10;
  assert_in_range(samples.len + others, SAMPLES_MAX / 2, SAMPLES_MAX);
}

static void without_a_gc_there_is_no_last_gc_time(void **state) {
  (void)state;
  struct memstats stats = {.last_gc_ns = 0};
  samples.len = 0;
  samples_add_memstats_gauges(&samples, &stats);
  assert_null(find(METRIC_LAST_GC_TIME_SECONDS, NULL));
  stats.last_gc_ns = 1500000000;
  samples_add_memstats_gauges(&samples, &stats);
  assert_true(find(METRIC_LAST_GC_TIME_SECONDS, NULL)->value.gauge == 1.5);
}

static void pauses_that_are_not_known_are_not_sent(void **state) {
  (void)state;
  const struct {
    struct memstats stats;
    bool sent;
  } cases[] = {
      {{.num_gc = 3, .has_pauses = true}, true},
      {{.num_gc = 3, .has_pauses = false}, false},
      {{.num_gc = VALUE_UNKNOWN, .has_pauses = true}, false},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    samples.len = 0;
    samples_add_memstats_counters(&samples, &cases[i].stats, 0);
    assert_true((find(METRIC_GC_PAUSE_NANOSECONDS, NULL) != NULL) == cases[i].sent);
  }
}

static void a_goroutine_dump_has_a_value_for_each_state_age_and_pattern(void **state) {
  (void)state;
  static struct goroutine_profile profile = {
      .goroutines = 10,
      .by_state = {[GOROUTINE_CHAN_RECEIVE] = 7, [GOROUTINE_OTHER] = 3},
      .blocked = {[GOROUTINE_BLOCKED_1M] = 5, [GOROUTINE_BLOCKED_10M] = 2},
      .matching = {4, 0},
      .matching_blocked = {3, 0},
  };
  static const struct pattern_list patterns = {.items = {{.name = "a"}, {.name = "b"}},
                                               .len = 2};
  samples.len = 0;
  samples_add_goroutine_profile(&samples, &profile, &patterns);
  assert_int_equal(samples.len, GOROUTINE_STATES + GOROUTINE_BLOCKED_AGES + 2 + 2);
  assert_true(find(METRIC_GOROUTINES_STATE, "chan_receive")->value.gauge == 7);
  assert_true(find(METRIC_GOROUTINES_STATE, "other")->value.gauge == 3);
  assert_true(find(METRIC_GOROUTINES_STATE, "select")->value.gauge == 0);
  assert_true(find(METRIC_GOROUTINES_BLOCKED, "1m")->value.gauge == 5);
  assert_true(find(METRIC_GOROUTINES_BLOCKED, "1h")->value.gauge == 0);
  assert_true(find(METRIC_GOROUTINES_MATCHING, "a")->value.gauge == 4);
  assert_true(find(METRIC_GOROUTINES_MATCHING, "b")->value.gauge == 0);
  assert_true(find(METRIC_GOROUTINES_MATCHING_BLOCKED, "a")->value.gauge == 3);
  assert_true(find(METRIC_GOROUTINES_MATCHING_BLOCKED, "b")->value.gauge == 0);
}

static void a_heap_that_is_not_sampled_sends_nothing(void **state) {
  (void)state;
  static struct heap_profile profile = {.matching_bytes = {100, 0}};
  static const struct pattern_list patterns = {.items = {{.name = "a"}, {.name = "b"}},
                                               .len = 2};
  samples.len = 0;
  samples_add_heap_profile(&samples, &profile, &patterns);
  assert_int_equal(samples.len, 2);
  assert_true(find(METRIC_HEAP_INUSE_MATCHING_BYTES, "a")->value.gauge == 100);
  profile.matching_bytes[0] = profile.matching_bytes[1] = VALUE_UNKNOWN;
  samples.len = 0;
  samples_add_heap_profile(&samples, &profile, &patterns);
  assert_int_equal(samples.len, 0);
}

static void samples_are_held_until_others_replace_them(void **state) {
  (void)state;
  struct held_samples held = {.items = NULL};
  samples.len = 0;
  samples_add_gauge(&samples, METRIC_THREADS, NULL, 7);
  samples_add_gauge(&samples, METRIC_FDS, "pipe", 8);
  assert_int_equal(samples_hold(&held, &samples), 0);
  assert_int_equal(held.len, 2);
  samples.len = 0;
  assert_int_equal(samples_hold(&held, &samples), 0);
  assert_int_equal(held.len, 0);
  samples_drop(&held);
}

static const struct {
  int error;
  enum collector_status status;
} statuses[] = {
    {0, STATUS_OK},
    {-EACCES, STATUS_DENIED},
    {-EPERM, STATUS_DENIED},
    {-EXDEV, STATUS_FOREIGN},
    {-ECONNREFUSED, STATUS_REFUSED},
    {-ECONNRESET, STATUS_REFUSED},
    {-ENOENT, STATUS_REFUSED},
    {-EREMOTEIO, STATUS_REFUSED},
    {-ETIMEDOUT, STATUS_TIMEOUT},
    {-EBADMSG, STATUS_MALFORMED},
    {-EPROTO, STATUS_MALFORMED},
    {-EMSGSIZE, STATUS_CEILING},
    {-ENOSYS, STATUS_UNSUPPORTED},
    {-EIO, STATUS_ERROR},
};

static void an_error_has_a_status_and_a_missing_permission_a_hint(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LENGTH(statuses); i++)
    assert_int_equal(collector_status_of(statuses[i].error), statuses[i].status);
  for (enum collector collector = 0; collector < COLLECTORS; collector++)
    assert_non_null(strstr(collector_hint(collector, STATUS_DENIED), "CAP_SYS_PTRACE"));
  assert_non_null(
      strstr(collector_hint(COLLECTOR_PPROF, STATUS_FOREIGN), "SIDECAR_PPROF=PORT"));
}

static const struct {
  const char *value;
  int error;
  uint16_t port;
} ports[] = {
    {"1", 0, 6060},        {"6061", 0, 6061},     {"65535", 0, 65535},
    {"2", 0, 2},           {"", -ENODATA, 0},     {"0", -EINVAL, 0},
    {"abc", -EINVAL, 0},   {"-1", -EINVAL, 0},    {"99999", -EINVAL, 0},
    {"65536", -EINVAL, 0}, {"6060x", -EINVAL, 0}, {"localhost:6060", -EINVAL, 0},
    {" 6060", -EINVAL, 0}, {"+6060", -EINVAL, 0}, {"18446744073709557676", -EINVAL, 0},
};

static void a_value_of_sidecar_pprof_is_a_port_off_or_invalid(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LENGTH(ports); i++) {
    uint16_t port = 0;
    int error = endpoint_parse_port(ports[i].value, &port);
    if (error != ports[i].error || port != ports[i].port)
      fail_msg("\"%s\": %d, port %u", ports[i].value, error, port);
  }
}

/* What sidecar's own variable may hold, a port, is understood as well. */
static void another_programs_variable_may_hold_a_local_address(void **state) {
  (void)state;
  static const struct {
    const char *value;
    int error;
    uint16_t port;
  } rows[] = {
      {":6061", 0, 6061},
      {"localhost:6061", 0, 6061},
      {"127.0.0.1:6061", 0, 6061},
      {"[::1]:6061", 0, 6061},
      {":1", 0, 1},
      {":65535", 0, 65535},
      {"6061", 0, 6061},
      {"1", 0, 6060},
      {"", -ENODATA, 0},
      {":", -EINVAL, 0},
      {":0", -EINVAL, 0},
      {":65536", -EINVAL, 0},
      {":6061 ", -EINVAL, 0},
      {"localhost:", -EINVAL, 0},
      {"localhost", -EINVAL, 0},
      {"::1:6061", -EINVAL, 0},
      {"::6061", -EINVAL, 0},
      {"[::]:6061", -EINVAL, 0},
      {"0.0.0.0:6061", -EINVAL, 0},
      {"127.0.0.2:6061", -EINVAL, 0},
      {"example.com:6061", -EINVAL, 0},
      {"localhost.example.com:6061", -EINVAL, 0},
      {"http://localhost:6061", -EINVAL, 0},
      {"localhost:6061/debug", -EINVAL, 0},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
    uint16_t port = 0;
    int error = endpoint_parse_address(rows[i].value, &port);
    if (error != rows[i].error || port != rows[i].port)
      fail_msg("\"%s\": %d, port %u", rows[i].value, error, port);
  }
}

static const char *summary_of(struct summary summary) {
  static char line[512];
  return summary_format(line, sizeof(line), &summary);
}

static const struct summary healthy = {.instance = "proj",
                                       .pid = 4242,
                                       .resident_bytes = 100 << 20,
                                       .heap_inuse_bytes = 10 << 20,
                                       .fds = 25,
                                       .threads = 14,
                                       .goroutines = 43,
                                       .regular = 8,
                                       .pipes = 4,
                                       .directories = 1};

static void the_line_of_a_healthy_process_has_no_findings(void **state) {
  (void)state;
  assert_string_equal(summary_of(healthy),
                      "proj             pid 4242     RSS 100.0 MB  FDs  25  threads  14  "
                      "goroutines  43  heap in use  10.0 MB");
}

static void values_above_the_healthy_ranges_are_named_with_the_range(void **state) {
  (void)state;
  struct summary sick = healthy;
  sick.resident_bytes = 600u << 20;
  sick.fds = 1043;
  sick.pipes = 31;
  const char *line = summary_of(sick);
  assert_non_null(strstr(line, "HIGH: RSS (from 500 MB), FDs 1043 (15-50), pipes 31 (2-20)"));
  assert_null(strchr(line, '\n'));
}

static void values_below_the_healthy_ranges_are_not_mentioned(void **state) {
  (void)state;
  struct summary small = healthy;
  small.fds = small.threads = small.goroutines = 7;
  small.regular = small.pipes = small.directories = 0;
  assert_string_equal(summary_of(small), "proj             pid 4242     RSS 100.0 MB  FDs   7  "
                                         "threads   7  goroutines   7  heap in use  10.0 MB");
}

static void unknown_values_are_dashes_and_never_out_of_range(void **state) {
  (void)state;
  struct summary unknown = healthy;
  unknown.goroutines = unknown.heap_inuse_bytes = unknown.regular = VALUE_UNKNOWN;
  unknown.pprof_note = "SIDECAR_PPROF is not set";
  const char *line = summary_of(unknown);
  assert_non_null(strstr(line, "goroutines   -"));
  assert_non_null(strstr(line, "(SIDECAR_PPROF is not set)"));
  assert_null(strstr(line, "HIGH"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_metric_has_a_type_of_plain_characters_of_its_own),
      cmocka_unit_test(unknown_values_are_not_sent),
      cmocka_unit_test(an_unreadable_pulse_sends_nothing),
      cmocka_unit_test(half_of_a_pair_is_not_sent),
      cmocka_unit_test(what_does_not_fit_is_dropped),
      cmocka_unit_test(every_type_instance_of_a_metric_is_listed),
      cmocka_unit_test(cpu_ticks_become_microseconds),
      cmocka_unit_test(all_samples_of_a_process_fit_into_one_list),
      cmocka_unit_test(without_a_gc_there_is_no_last_gc_time),
      cmocka_unit_test(pauses_that_are_not_known_are_not_sent),
      cmocka_unit_test(a_goroutine_dump_has_a_value_for_each_state_age_and_pattern),
      cmocka_unit_test(a_heap_that_is_not_sampled_sends_nothing),
      cmocka_unit_test(samples_are_held_until_others_replace_them),
      cmocka_unit_test(an_error_has_a_status_and_a_missing_permission_a_hint),
      cmocka_unit_test(a_value_of_sidecar_pprof_is_a_port_off_or_invalid),
      cmocka_unit_test(another_programs_variable_may_hold_a_local_address),
      cmocka_unit_test(the_line_of_a_healthy_process_has_no_findings),
      cmocka_unit_test(values_above_the_healthy_ranges_are_named_with_the_range),
      cmocka_unit_test(values_below_the_healthy_ranges_are_not_mentioned),
      cmocka_unit_test(unknown_values_are_dashes_and_never_out_of_range),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
