/* The evaluator with any table: each flag has its own state, each row can be of any kind. */
#include "sidecar/redflag/evaluator.h"

#include <math.h>
#include <string.h>

#include "cases.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, STEP = 10 * SECOND };

static const enum red_flag_kind kinds[] = {RED_FLAG_BY_LEVEL,  RED_FLAG_BY_RATE,
                                           RED_FLAG_BY_GROWTH, RED_FLAG_BY_STEP,
                                           RED_FLAG_BY_USUAL,  RED_FLAG_BY_BASELINE};

/* A row that is judged by a signal in this way, with a threshold of 10. */
static void set_row(struct red_flag_info table[RED_FLAGS], struct red_flag_rules *rules,
                    enum red_flag flag, enum red_flag_kind kind, enum red_flag_signal signal) {
  table[flag].kind = kind;
  table[flag].signal = signal;
  table[flag].discount = SIGNAL_NONE;
  rules->rules[flag] = (struct red_flag_rule){
      .warning = 10, .failure = NAN, .hold_ms = HOUR, .window_ms = 5 * MINUTE};
  if (kind == RED_FLAG_BY_STEP)
    rules->rules[flag].window_ms = 6 * HOUR;
}

/* What raises a flag of each kind within eight hours, by minutes since the start. */
static double series_of(enum red_flag_kind kind, double minutes) {
  switch (kind) {
  case RED_FLAG_BY_LEVEL:
    return 20;
  case RED_FLAG_BY_RATE: /* a counter: 20 a second */
    return 20 * 60 * minutes;
  case RED_FLAG_BY_GROWTH:
    return 10 + minutes;
  case RED_FLAG_BY_STEP:
    return minutes < 240 ? 100 : 200;
  case RED_FLAG_BY_BASELINE:
    return minutes < 60 ? 20 : 300;
  default: /* a counter: 1 a second, then 30 */
    return minutes < 240 ? 60 * minutes : 60 * 240 + 30 * 60 * (minutes - 240);
  }
}

/* Observes a signal for so long, and returns the highest state that the flag had. */
static enum red_flag_state run(struct evaluator *evaluator, enum red_flag flag,
                               enum red_flag_signal signal, enum red_flag_kind kind,
                               uint64_t for_ms) {
  enum red_flag_state highest = RED_FLAG_OK;
  for (uint64_t now_ms = 0; now_ms <= for_ms; now_ms += STEP) {
    struct flag_status changes[RED_FLAGS], status;
    evaluator_observe(evaluator, signal, series_of(kind, (double)now_ms / MINUTE), now_ms);
    evaluator_judge(evaluator, now_ms, changes);
    if (evaluator_get(evaluator, flag, &status) && status.state > highest)
      highest = status.state;
  }
  return highest;
}

static void each_row_can_be_of_each_kind(void **state) {
  (void)state;
  for (size_t flag = 0; flag < RED_FLAGS; flag++) {
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
      struct red_flag_info table[RED_FLAGS];
      struct red_flag_rules rules;
      struct evaluator *evaluator;
      memcpy(table, red_flags, sizeof(table));
      red_flag_rules_init(&rules);
      set_row(table, &rules, flag, kinds[i], SIGNAL_THREADS);
      assert_int_equal(evaluator_new_of(table, &rules, HOUR, 0, &evaluator), 0);
      if (run(evaluator, flag, SIGNAL_THREADS, kinds[i], 8 * HOUR) != RED_FLAG_WARNING)
        fail_msg("%s as kind %d is not raised", red_flags[flag].name, (int)kinds[i]);
      evaluator_free(evaluator);
    }
  }
}

/* All rows of one kind, of two signals in turn: only those of the one that shows it are raised.
 */
static void flags_of_one_kind_do_not_share_their_state(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
    struct red_flag_info table[RED_FLAGS];
    struct red_flag_rules rules;
    struct evaluator *evaluator;
    memcpy(table, red_flags, sizeof(table));
    red_flag_rules_init(&rules);
    for (size_t flag = 0; flag < RED_FLAGS; flag++)
      set_row(table, &rules, flag, kinds[i],
              flag % 2 == 0 ? SIGNAL_THREADS : SIGNAL_GOROUTINES);
    assert_int_equal(evaluator_new_of(table, &rules, HOUR, 0, &evaluator), 0);
    struct flag_status changes[RED_FLAGS], status;
    for (uint64_t now_ms = 0; now_ms <= 6 * HOUR; now_ms += STEP) {
      evaluator_observe(evaluator, SIGNAL_THREADS, series_of(kinds[i], (double)now_ms / MINUTE),
                        now_ms);
      evaluator_observe(evaluator, SIGNAL_GOROUTINES, 1, now_ms);
      evaluator_judge(evaluator, now_ms, changes);
    }
    for (size_t flag = 0; flag < RED_FLAGS; flag++) {
      assert_true(evaluator_get(evaluator, flag, &status));
      check_int(red_flags[flag].name, status.state, flag % 2 == 0);
    }
    evaluator_free(evaluator);
  }
}

static void the_table_is_complete(void **state) {
  (void)state;
  for (size_t i = 0; i < RED_FLAGS; i++) {
    const struct red_flag_info *info = &red_flags[i];
    assert_true(info->name != NULL && info->alert != NULL && info->summary != NULL);
    assert_true(info->subject != NULL && info->why != NULL && info->next_steps != NULL);
    assert_true(info->signal != SIGNAL_NONE && info->tuning != NULL);
    bool has_command = info->confirm != NULL || info->confirm_pprof != NULL;
    check_int(info->name, has_command, info->kind != RED_FLAG_BY_OTHERS);
    check_int(info->name, red_flag_find(info->name), i);
    assert_string_equal(red_flag_name(i), info->name);
    for (size_t j = 0; j < i; j++)
      assert_string_not_equal(info->alert, red_flags[j].alert);
  }
  assert_null(red_flag_name(RED_FLAGS));
  assert_int_equal(red_flag_find("no such flag"), RED_FLAGS);
}

static void one_process_takes_less_than_64_kilobytes(void **state) {
  (void)state;
  assert_in_range(evaluator_size(), 1, 64 * 1024);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_table_is_complete),
      cmocka_unit_test(each_row_can_be_of_each_kind),
      cmocka_unit_test(flags_of_one_kind_do_not_share_their_state),
      cmocka_unit_test(one_process_takes_less_than_64_kilobytes),
  };
  return cmocka_run_group_tests_name("evaluator", tests, NULL, NULL);
}
