/* Recordings as comma-separated values: names of columns, rows, and what is no recording. */
#include <errno.h>

#include "backtest_cases.h"

/* ---- names ---- */

static enum column_error find(const struct run *run, const char *name, struct column *ret) {
  struct span copy = exact_copy(span_of(name));
  enum column_error error = column_find(copy, run->config, ret);
  exact_free(copy);
  return error;
}

static void check_metric(const struct run *run, enum metric metric, const char *instance,
                         const char *source) {
  char name[COLUMN_NAME_SIZE];
  bool is_counter = metrics[metric].kind != METRIC_GAUGE;
  struct column column;
  snprintf(name, sizeof(name), "%s%s%s%s%s%s", metrics[metric].type,
           source[0] != '\0' ? "_" : "", source, is_counter ? "_total" : "",
           instance[0] != '\0' ? ":" : "", instance);
  check_int(name, find(run, name, &column), COLUMN_FOUND);
  check_int(name, column.is_counter, is_counter);
  assert_string_equal(column.name, name);
}

/* As the README calls them; a test of tests/agreement holds it against the same table. */
static void each_metric_is_a_column(void **state) {
  (void)state;
  struct run run;
  run_init(&run);
  for (size_t i = 0; i < METRICS; i++) {
    const char *name;
    for (size_t n = 0; (name = metric_source((enum metric)i, n)) != NULL; n++)
      check_metric(&run, (enum metric)i, "", name);
    if (metric_source((enum metric)i, 0) != NULL)
      continue;
    for (size_t n = 0; (name = metric_instance((enum metric)i, n)) != NULL; n++)
      check_metric(&run, (enum metric)i, name, "");
    if (metric_has_configured_instances((enum metric)i))
      check_metric(&run, (enum metric)i, "my_pattern", "");
  }
  run_free(&run);
}

/* What a red flag is judged by is not only accepted, but used. */
static void each_signal_with_a_metric_has_a_field(void **state) {
  (void)state;
  struct run run;
  run_init(&run);
  for (size_t i = 0; i < RED_FLAGS; i++) {
    const struct red_flag_metric *metric = &red_flag_metrics[red_flags[i].signal];
    char name[COLUMN_NAME_SIZE];
    struct column column;
    if (metric->type == NULL)
      continue;
    const char *instance = strcmp(metric->type_instance, "*") == 0 ? red_flags[i].patterns[0]
                                                                   : metric->type_instance;
    snprintf(name, sizeof(name), "%s%s%s", metric->type, instance[0] != '\0' ? ":" : "",
             instance);
    check_int(name, find(&run, name, &column), COLUMN_FOUND);
    if (column.part == PART_NONE)
      fail_msg("%s, which %s is judged by, is no field of a reading", name, red_flags[i].name);
  }
  run_free(&run);
}

static void other_names_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *name;
    enum column_error error;
  } cases[] = {
      {"", COLUMN_UNKNOWN},
      {":", COLUMN_UNKNOWN},
      {"fds", COLUMN_UNKNOWN},
      {"process_open_fd", COLUMN_UNKNOWN},
      {"process_open_fds_total", COLUMN_UNKNOWN}, /* no counter */
      {"Process_open_fds", COLUMN_UNKNOWN},
      {"collectd_sidecar_process_open_fds", COLUMN_UNKNOWN},
      {"ps_cputime_idle_total", COLUMN_UNKNOWN},
      {"process_fds", COLUMN_NO_INSTANCE},
      {"process_fds:", COLUMN_NO_INSTANCE},
      {"ps_cputime", COLUMN_NO_INSTANCE},
      {"process_fds:regulars", COLUMN_BAD_INSTANCE},
      {"process_open_fds:x", COLUMN_BAD_INSTANCE},
      {"process_fds_matching:No-Name", COLUMN_BAD_INSTANCE},
  };
  struct run run;
  run_init(&run);
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct column column;
    check_int(cases[i].name, find(&run, cases[i].name, &column), cases[i].error);
  }
  run_free(&run);
}

/* ---- what is no recording ---- */

struct refused_case {
  const char *text;
  const char *words[3];
};

static void check_refused(const struct refused_case *refused) {
  struct run run;
  struct span text = span_of(refused->text);
  run_init(&run);
  if (run_from(&run, run_lines, &text, false) != -EBADMSG)
    fail_msg("accepted: %s", refused->text);
  for (size_t i = 0; i < ARRAY_LENGTH(refused->words) && refused->words[i] != NULL; i++)
    if (strstr(run.fault, refused->words[i]) == NULL)
      fail_msg("for %s: no \"%s\" in \"%s\"", refused->text, refused->words[i], run.fault);
  run_free(&run);
}

static void bad_input_is_refused_with_line_column_and_remedy(void **state) {
  (void)state;
  static const struct refused_case cases[] = {
      {"", {"line 1: ", "missing", "names of the columns"}},
      {"\n", {"line 1, column 1 \"\": ", "allowed are time and the metrics"}},
      {"process_open_fds\n", {"line 1: no column \"time\"", "seconds since the epoch"}},
      {"time,foo\n", {"line 1, column 2 \"foo\": ", "collectd-sidecar(5)"}},
      {"time,a\x1b[31m\n", {"line 1, column 2 \"a\\x1B[31m\": "}},
      {"time,process_fds\n", {"line 1, column 2 \"process_fds\": ", "process_fds:regular"}},
      {"time,process_fds:x\n", {"line 1, column 2 \"process_fds:x\": ", "type instance"}},
      {"time,time\n", {"line 1, column 2 \"time\": ", "remove one"}},
      {"time,process_open_fds,process_open_fds\n",
       {"line 1, column 3 \"process_open_fds\": ", "remove one"}},
      {"time,go_memstats_alloc_bytes,go_memstats_alloc_bytes_total\n",
       {"line 1, column 3 ", "remove one"}},
      {"time,process_max_fds,process_max_fds\n", {"line 1, column 3 ", "remove one"}},
      {"time,\"a\n", {"line 1, column 2: ", "quote"}},
      {"time,process_open_fds\n1000\n", {"line 2: 1 cells", "2 columns"}},
      {"time,process_open_fds\n1000,1,2\n", {"line 2: 3 cells", "2 columns"}},
      {"time,process_open_fds\n1000,x\n",
       {"line 2, column 2 \"process_open_fds\": x ", "from 0 to 1e18", "empty cell"}},
      {"time,process_open_fds\n1000,1e400\n", {"line 2, column 2 ", "from 0 to 1e18"}},
      {"time,process_open_fds\n1000,-1\n", {"line 2, column 2 ", "from 0 to 1e18"}},
      {"time,process_open_fds\n1000,inf\n", {"line 2, column 2 ", "from 0 to 1e18"}},
      {"process_open_fds,time\n1,\n", {"line 2, column 2 \"time\": ", "1764417600"}},
      {"time,process_open_fds\n0,1\n", {"line 2, column 1 \"time\": ", "seconds"}},
      {"time,process_open_fds\n0.0001,1\n", {"line 2, column 1 \"time\": ", "seconds"}},
      {"time,process_open_fds\n1764417600000,1\n", {"line 2, column 1 \"time\": ", "seconds"}},
      {"time,process_open_fds\n1e18,1\n", {"line 2, column 1 \"time\": ", "seconds"}},
      {"time,process_open_fds\n2026-11-29,1\n", {"line 2, column 1 \"time\": ", "seconds"}},
      {"time,process_open_fds\n1000,1\n\n999,1\n",
       {"line 4, column 1 \"time\": 999 ", "not later", "sort the rows"}},
      {"time,process_open_fds\n1000,1\n1000,1\n", {"line 3, column 1 \"time\": ", "not later"}},
      {"time,go_memstats_alloc_bytes_total\n1000,12.5\n",
       {"line 2, column 2 \"go_memstats_alloc_bytes_total\": 12.5 is a rate",
        "StoreRates false"}},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
    check_refused(&cases[i]);
}

static void hostile_bytes_are_refused(void **state) {
  (void)state;
  struct run run;
  run_init(&run);
  struct span text = SPAN_LITERAL("time,process_open_fds\n1000,1\0001\n");
  assert_int_equal(run_from(&run, run_lines, &text, false), -EBADMSG);
  assert_non_null(strstr(run.fault, "line 2: a NUL byte"));
  run_free(&run);

  run_init(&run);
  char *line = malloc(TABLE_LINE_MAX + 1);
  assert_non_null(line);
  memset(line, '1', TABLE_LINE_MAX + 1);
  text = span_make(line, TABLE_LINE_MAX + 1);
  assert_int_equal(run_from(&run, run_lines, &text, false), -EBADMSG);
  assert_non_null(strstr(run.fault, "line 1: longer than 65536 bytes"));
  free(line);
  run_free(&run);
}

/* All columns that there can be, and one more. */
static void there_is_a_largest_number_of_columns(void **state) {
  (void)state;
  for (int more = 0; more < 2; more++) {
    struct run run;
    char *line;
    size_t len;
    FILE *out = open_memstream(&line, &len);
    assert_non_null(out);
    fputs("time", out);
    for (int i = 0; i < COLUMNS_MAX + more; i++)
      fprintf(out, ",process_fds_matching:p%d", i);
    fclose(out);
    struct span text = span_make(line, len);
    run_init(&run);
    check_int("status", run_from(&run, run_lines, &text, false), more ? -EBADMSG : 0);
    if (more)
      assert_non_null(strstr(run.fault, "line 1: more than 513 columns"));
    run_free(&run);
    free(line);
  }
}

/* ---- what is one ---- */

#define BREACH                                                                                 \
  "1000,250\n"                                                                                 \
  "1030,251\n"                                                                                 \
  "1060,252\n"

static void other_ways_of_writing_are_read(void **state) {
  (void)state;
  static const char *const texts[] = {
      "time,process_open_fds\n" BREACH,
      "time,process_open_fds\n1000,250\n1030,251\n1060,252", /* no last newline */
      "\xEF\xBB\xBFtime,process_open_fds\r\n1000,250\r\n\r\n1030,251\r\n1060,252\r\n",
      "\"time\" , \"process_open_fds\"\n 1000 , 250.0\n1.03e3,\"251\"\n1060,252.9\n",
      "process_open_fds,time\n250,1000\n251,1030\n252,1060\n",
      ("time,process_open_fds,red_flag:fds,go_gc_cpu_fraction\n1000,250,0,0.01\n1030,251,,\n"
       "1060,252,1,nan\n"),
  };
  for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
    struct run run;
    run_init(&run);
    assert_string_equal(run_text(&run, texts[i]),
                        "1060,fds,warning,252,200,1000,"
                        "proj: FDs: 252 (warning from 200) for 1 min\n");
    assert_true(run.output.has_risen);
    run_free(&run);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_metric_is_a_column),
      cmocka_unit_test(each_signal_with_a_metric_has_a_field),
      cmocka_unit_test(other_names_are_refused),
      cmocka_unit_test(bad_input_is_refused_with_line_column_and_remedy),
      cmocka_unit_test(hostile_bytes_are_refused),
      cmocka_unit_test(there_is_a_largest_number_of_columns),
      cmocka_unit_test(other_ways_of_writing_are_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
