/* The configuration: accepted options, and errors that prevent the start. */
#include "config_cases.h"

static void no_block_at_all_watches_every_sidecar(void **state) {
  (void)state;
  struct config *config = config_new();
  assert_int_equal(config_complete(config), 0);
  assert_int_equal(config->blocks_len, 1);
  assert_string_equal(config->blocks[0].name, "sidecar");
  assert_string_equal(config->blocks[0].executable, "sidecar");
  assert_string_equal(config->blocks[0].instance_template, "%{cwd}");
  assert_string_equal(config->blocks[0].pprof_variable, "SIDECAR_PPROF");
  assert_int_equal(config->fd_patterns.len, 3);
  assert_int_equal(config->detail_interval_ms, 60000);
  assert_string_equal(config->proc_root, "/proc");
  config_free(config);
}

static void a_block_for_another_program_adds_to_the_sidecars(void **state) {
  (void)state;
  struct config *config = config_new();
  assert_int_equal(parse(config, "<Process \"gopls\">\n"
                                 "  CommandLine \"serve|-mode\"\n"
                                 "  MinimumAge 0.5\n"
                                 "  PprofPort 6063\n"
                                 "</Process>\n"),
                   0);
  assert_int_equal(config_complete(config), 0);
  assert_int_equal(config->blocks_len, 2);
  assert_string_equal(config->blocks[0].executable, "gopls");
  assert_string_equal(config->blocks[0].instance_template, "%{process}");
  assert_int_equal(config->blocks[0].minimum_age_ms, 500);
  assert_int_equal(config->blocks[0].pprof_port, 6063);
  assert_int_equal(regexec(&config->blocks[0].command_line_regex, "gopls serve", 0, NULL, 0),
                   0);
  assert_string_equal(config->blocks[1].name, "sidecar");
  config_free(config);
}

static void options_of_captures_are_read_in_their_units(void **state) {
  (void)state;
  struct config *config = config_new();
  assert_int_equal(parse(config, "Capture false\n"
                                 "CaptureFolder \"/srv/captures\"\n"
                                 "CaptureMaxBytes 0.5\n"),
                   -1);
  config_free(config);
  config = config_new();
  assert_int_equal(parse(config, "Capture false\n"
                                 "CaptureFolder \"/srv/captures\"\n"
                                 "CaptureInterval 0.5\n"
                                 "CaptureMaxBytes 2\n"),
                   0);
  assert_false(config->capture);
  assert_string_equal(config->capture_folder, "/srv/captures");
  assert_int_equal(config->capture_interval_ms, 500);
  assert_int_equal(config->capture_max_bytes, 2 << 20);
  config_free(config);
}

static void a_schedule_is_times_of_day_or_an_interval(void **state) {
  (void)state;
  struct config *config = config_new();
  assert_int_equal(config->capture_schedule.times_len, 0);
  assert_int_equal(config->capture_schedule.interval_ms, 0);
  assert_int_equal(
      parse(config, "CaptureSchedule \"06:00\" \"18:30\"\nCaptureSchedule \"00:00\"\n"), 0);
  assert_int_equal(config->capture_schedule.times_len, 3);
  assert_int_equal(config->capture_schedule.times[1], 18 * 60 + 30);
  config_free(config);
  config = config_new();
  assert_int_equal(parse(config, "CaptureSchedule 21600\n"), 0);
  assert_int_equal(config->capture_schedule.times_len, 0);
  assert_int_equal(config->capture_schedule.interval_ms, 21600 * 1000);
  config_free(config);
}

static void a_sidecar_block_replaces_the_built_in_one(void **state) {
  (void)state;
  struct config *config = config_new();
  assert_int_equal(parse(config, "<Process \"sidecar\">\n Enabled false\n</Process>\n"), 0);
  assert_int_equal(config_complete(config), 0);
  assert_int_equal(config->blocks_len, 1);
  assert_false(config->blocks[0].enabled);
  config_free(config);
}

static void an_fd_match_with_a_default_name_replaces_that_default(void **state) {
  (void)state;
  struct config *config = config_new();
  assert_int_equal(
      parse(config, "FdMatch \"sqlite\" \"[.]mydb$\"\nFdMatch \"logs\" \"[.]log$\"\n"), 0);
  assert_int_equal(config_complete(config), 0);
  assert_int_equal(config->fd_patterns.len, 4);
  assert_string_equal(config->fd_patterns.items[0].name, "sqlite");
  assert_int_equal(regexec(&config->fd_patterns.items[0].regex, "/x.mydb", 0, NULL, 0), 0);
  assert_int_not_equal(regexec(&config->fd_patterns.items[0].regex, "/x.db", 0, NULL, 0), 0);
  config_free(config);
}

static const struct {
  const char *expression, *path;
  bool matches;
} default_matches[] = {
    {"claude_sessions", "/home/u/.claude/projects/-src-x/0f.jsonl", true},
    {"claude_sessions", "/home/u/.claude/projects", true},
    {"claude_sessions", "/home/u/.claude/projects-old/x", false},
    {"codex_sessions", "/home/u/.codex/sessions/2026/11/x.jsonl", true},
    {"codex_sessions", "/home/u/codex/sessions/x", false},
    {"sqlite", "/home/u/.todos/issues.db", true},
    {"sqlite", "/home/u/.todos/issues.db-wal", true},
    {"sqlite", "/home/u/.todos/issues.db-shm", true},
    {"sqlite", "/home/u/.todos/issues.db (deleted)", true},
    {"sqlite", "/home/u/a.sqlite3", true},
    {"sqlite", "/home/u/a.dbx", false},
};

static void the_default_patterns_match_what_the_guide_greps_for(void **state) {
  (void)state;
  struct config *config = config_new();
  assert_int_equal(config_complete(config), 0);
  for (size_t i = 0; i < ARRAY_LENGTH(default_matches); i++) {
    for (size_t j = 0; j < config->fd_patterns.len; j++) {
      if (strcmp(config->fd_patterns.items[j].name, default_matches[i].expression) != 0)
        continue;
      bool matches = regexec(&config->fd_patterns.items[j].regex, default_matches[i].path, 0,
                             NULL, 0) == 0;
      if (matches != default_matches[i].matches)
        fail_msg("%s on %s: %d", default_matches[i].expression, default_matches[i].path,
                 matches);
    }
  }
  config_free(config);
}

#define BYTES_64 "/a_path_of_64_bytes_____________________________________________"
#define LONG_PATH "\"" BYTES_64 BYTES_64 BYTES_64 BYTES_64 "\""

static const struct refused_case refused[] = {
    {"Intervall 5\n", {"<Plugin sidecar>", "Intervall", "5", "allowed are BaselineDelay"}},
    {"DetailInterval -60\n", {"<Plugin sidecar>", "DetailInterval", "-60", "from 1 to 86400"}},
    {"DetailInterval \"60\"\n", {"DetailInterval", "\"60\"", "number of seconds"}},
    {"DetailInterval 60 70\n", {"DetailInterval", "60 70", "number of seconds"}},
    {"DetailInterval\n", {"DetailInterval", "number of seconds"}},
    {"DetailInterval 5\nDetailInterval 6\n", {"DetailInterval", "6", "given twice"}},
    {"DetailInterval nan\n", {"DetailInterval", "number of seconds"}},
    {"BaselineDelay 0\n", {"BaselineDelay", "0", "from 1 to 86400"}},
    {"Capture 1\n", {"Capture", "1", "true or false"}},
    {"CaptureFolder \"\"\n", {"CaptureFolder", "a path of at most 255 bytes"}},
    {"CaptureFolder " LONG_PATH "\n", {"CaptureFolder", "a path of at most 255 bytes"}},
    {"CaptureInterval -1\n", {"CaptureInterval", "-1", "from 0 to 604800"}},
    {"CaptureMaxBytes 0\n", {"CaptureMaxBytes", "0", "megabytes from 1"}},
    {"CaptureOnWarning \"yes\"\n", {"CaptureOnWarning", "\"yes\"", "true or false"}},
    {"CaptureProcessMaxBundles 1\n", {"CaptureProcessMaxBundles", "1", "from 2 to 10000"}},
    {"CaptureProcessMaxBytes 0\n", {"CaptureProcessMaxBytes", "0", "megabytes from 1"}},
    {"CaptureSchedule\n", {"CaptureSchedule", "1 to 24 times of day in quotes (\"06:00\")"}},
    {"CaptureSchedule \"6:00\"\n", {"CaptureSchedule", "\"6:00\"", "1 to 24 times of day"}},
    {"CaptureSchedule \"24:00\"\n", {"CaptureSchedule", "\"24:00\"", "1 to 24 times of day"}},
    {"CaptureSchedule \"6h\"\n", {"CaptureSchedule", "\"6h\"", "seconds from 60 to 604800"}},
    {"CaptureSchedule \"06:00\" 60\n",
     {"CaptureSchedule", "\"06:00\" 60", "1 to 24 times of day"}},
    {"CaptureSchedule 59\n", {"CaptureSchedule", "59", "seconds from 60 to 604800"}},
    {"CaptureSchedule true\n", {"CaptureSchedule", "true", "1 to 24 times of day"}},
    {"CaptureSchedule \"06:00\" \"06:00\"\n", {"CaptureSchedule", "was given before"}},
    {"CaptureSchedule \"06:00\"\nCaptureSchedule 3600\n",
     {"CaptureSchedule", "3600", "an interval is given alone"}},
    {"CaptureSchedule 3600\nCaptureSchedule \"06:00\"\n",
     {"CaptureSchedule", "\"06:00\"", "there is an interval already"}},
    {"CaptureSchedule 3600\nCaptureSchedule 7200\n",
     {"CaptureSchedule", "7200", "an interval is given alone"}},
    {"CpuProfileSeconds 301\n", {"CpuProfileSeconds", "301", "from 0 (none) to 300"}},
    {"Summary 1\n", {"Summary", "1", "true or false"}},
    {"ProcRoot \"\"\n", {"ProcRoot", "\"\"", "path"}},
    {"SmapsMaxRSS -1\n", {"SmapsMaxRSS", "-1", "megabytes"}},
    {"PprofTimeout 0\n", {"PprofTimeout", "0", "0.1 to 60"}},
    {"PprofMaxBytes 1\n", {"PprofMaxBytes", "1", "65536"}},
    {"MaxProcesses 0\n", {"MaxProcesses", "0", "1 to 10000"}},
    {"FdMatch \"a\" \"(\"\n", {"FdMatch", "\"(\"", "regular expression"}},
    {"FdMatch \"A b\" \"x\"\n", {"FdMatch", "\"A b\"", "a-z, 0-9 and _"}},
    {"FdMatch \"a\"\n", {"FdMatch", "\"a\"", "a name of"}},
    {"FdMatch \"a\" \"x\"\nFdMatch \"a\" \"y\"\n", {"FdMatch", "\"a\" \"y\"", "given before"}},
    {"GoroutineDumpInterval -1\n", {"GoroutineDumpInterval", "-1", "from 0 (never) to 86400"}},
    {"GoroutineDumpMax 0\n", {"GoroutineDumpMax", "0", "from 1 to 1000000"}},
    {"HeapProfileInterval 86401\n", {"HeapProfileInterval", "86401", "from 0 (never)"}},
    {"GoroutineMatch \"a\" \"(\"\n", {"GoroutineMatch", "\"(\"", "regular expression"}},
    {"GoroutineMatch \"a-b\" \"x\"\n", {"GoroutineMatch", "\"a-b\"", "a-z, 0-9 and _"}},
    {"HeapMatch \"a\" \"x\"\nHeapMatch \"a\" \"y\"\n",
     {"HeapMatch", "\"a\" \"y\"", "given before; each HeapMatch"}},
    {"HeapMatch 5 \"x\"\n", {"HeapMatch", "5 \"x\"", "a name of"}},
    {"<Process>\n</Process>\n", {"Process", "allowed is a block with one name"}},
    {"<Process \"\">\n</Process>\n", {"Process", "\"\"", "a block with one name"}},
    {"<Process \"a\">\n</Process>\n<Process \"a\">\n</Process>\n",
     {"Process", "\"a\"", "given before"}},
    {"<Process \"a\">\n Colour 1\n</Process>\n", {"<Process \"a\">", "Colour", "allowed are"}},
    {"<Process \"a\">\n Executable \"/bin/a\"\n</Process>\n",
     {"<Process \"a\">", "Executable", "\"/bin/a\"", "base name"}},
    {"<Process \"a\">\n CommandLine \"[\"\n</Process>\n",
     {"<Process \"a\">", "CommandLine", "\"[\"", "regular expression"}},
    {"<Process \"a\">\n Instance \"%{dir}\"\n</Process>\n",
     {"<Process \"a\">", "Instance", "\"%{dir}\"", "%{cwd}"}},
    {"<Process \"a\">\n PprofPort 65536\n</Process>\n",
     {"<Process \"a\">", "PprofPort", "65536", "1 to 65535"}},
    {"<Process \"a\">\n PprofPort 80.5\n</Process>\n", {"PprofPort", "80.5", "1 to 65535"}},
    {"<Process \"a\">\n PprofPath \"debug\"\n</Process>\n",
     {"<Process \"a\">", "PprofPath", "\"debug\"", "begins with '/'"}},
    {"<Process \"a\">\n PprofPath \"\"\n</Process>\n", {"PprofPath", "begins with '/'"}},
    {"<Process \"a\">\n PprofPath 5\n</Process>\n", {"PprofPath", "begins with '/'"}},
    {"<Process \"a\">\n PprofPath \"/a?b\"\n</Process>\n", {"PprofPath", "\"/a?b\""}},
    {"<Process \"a\">\n PprofPath \"/a b\"\n</Process>\n", {"PprofPath", "\"/a b\""}},
    {"<Process \"a\">\n PprofPath \"/../etc\"\n</Process>\n", {"PprofPath", "/../etc"}},
    {"<Process \"a\">\n PprofPath \"//host\"\n</Process>\n", {"PprofPath", "//host"}},
    {"<Process \"a\">\n PprofPath \"/a\"\n PprofPath \"/b\"\n</Process>\n",
     {"PprofPath", "\"/b\""}},
    {"<Process \"a\">\n PprofVariable \"A=b\"\n</Process>\n",
     {"PprofVariable", "\"A=b\"", "without '='"}},
    {"<Process \"a\">\n MinimumAge -1\n</Process>\n", {"MinimumAge", "-1", "0 to 86400"}},
    {"<Process \"a\">\n <Pprof>\n </Pprof>\n</Process>\n", {"Pprof", "true or false"}},
};

static void
invalid_options_are_rejected_with_block_option_value_and_what_is_allowed(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LENGTH(refused); i++)
    check_refused(&refused[i]);
}

static void patterns_must_leave_room_for_the_defaults(void **state) {
  (void)state;
  static const struct {
    const char *option;
    int allowed;
    size_t list;
  } cases[] = {
      {"FdMatch", 29, offsetof(struct config, fd_patterns)},
      {"GoroutineMatch", 29, offsetof(struct config, goroutine_patterns)},
      {"HeapMatch", 26, offsetof(struct config, heap_patterns)},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    char line[64];
    fake_collectd_reset();
    struct config *config = config_new();
    for (int n = 0; n < cases[i].allowed; n++) {
      snprintf(line, sizeof(line), "%s \"p%d\" \"x\"\n", cases[i].option, n);
      assert_int_equal(parse(config, line), 0);
    }
    snprintf(line, sizeof(line), "%s \"more\" \"x\"\n", cases[i].option);
    assert_int_equal(parse(config, line), -1);
    assert_int_equal(config_complete(config), 0);
    struct pattern_list *list = (void *)((char *)config + cases[i].list);
    assert_int_equal(list->len, PATTERNS_MAX);
    config_free(config);
  }
}

static void patterns_of_stacks_replace_or_extend_the_defaults(void **state) {
  (void)state;
  struct config *config = config_new();
  assert_int_equal(parse(config, "GoroutineMatch \"monitor\" \"watchdog\"\n"
                                 "HeapMatch \"yaml\" \"yaml\"\n"
                                 "GoroutineDumpInterval 0\nGoroutineDumpMax 100\n"
                                 "HeapProfileInterval 0.5\n"),
                   0);
  assert_int_equal(config_complete(config), 0);
  assert_int_equal(config->goroutine_patterns.len, 3);
  assert_int_equal(
      regexec(&config->goroutine_patterns.items[0].regex, "main.watchdog", 0, NULL, 0), 0);
  assert_true(pattern_list_has(&config->goroutine_patterns, "fetch_data"));
  assert_int_equal(config->heap_patterns.len, 7);
  assert_true(pattern_list_has(&config->heap_patterns, "json_unmarshal"));
  assert_int_equal(config->goroutine_dump_interval_ms, 0);
  assert_int_equal(config->goroutine_dump_max, 100);
  assert_int_equal(config->heap_profile_interval_ms, 500);
  config_free(config);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_block_at_all_watches_every_sidecar),
      cmocka_unit_test(a_block_for_another_program_adds_to_the_sidecars),
      cmocka_unit_test(options_of_captures_are_read_in_their_units),
      cmocka_unit_test(a_schedule_is_times_of_day_or_an_interval),
      cmocka_unit_test(a_sidecar_block_replaces_the_built_in_one),
      cmocka_unit_test(an_fd_match_with_a_default_name_replaces_that_default),
      cmocka_unit_test(the_default_patterns_match_what_the_guide_greps_for),
      cmocka_unit_test(
          invalid_options_are_rejected_with_block_option_value_and_what_is_allowed),
      cmocka_unit_test(patterns_must_leave_room_for_the_defaults),
      cmocka_unit_test(patterns_of_stacks_replace_or_extend_the_defaults),
  };
  fake_collectd_reset();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
