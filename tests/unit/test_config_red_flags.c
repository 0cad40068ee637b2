/* <RedFlag> blocks: accepted options, and errors that prevent the start. */
#include "config_cases.h"

#include <math.h>

static void no_block_leaves_the_defaults_of_the_table(void **state) {
  (void)state;
  struct config *config = config_new();
  for (size_t i = 0; i < RED_FLAGS; i++) {
    const struct red_flag_rule *rule = &config->red_flags.rules[i];
    check_int(red_flags[i].name, rule->disabled, false);
    check_int(red_flags[i].name, rule->hold_ms, red_flags[i].hold_s * 1000ull);
    assert_null(red_flag_rule_fault((enum red_flag)i, rule));
  }
  assert_true(config->red_flags.rules[RED_FLAG_RSS].warning == 500.0 * (1 << 20));
  assert_true(config->red_flags.rules[RED_FLAG_INOTIFY_WATCHES].failure == 0.9);
  assert_true(isnan(config->red_flags.rules[RED_FLAG_FDS_GROWING].failure));
  config_free(config);
}

static void a_block_sets_its_flag_in_the_configured_unit(void **state) {
  (void)state;
  struct config *config = config_new();
  assert_int_equal(parse(config, "<RedFlag \"rss\">\n Warning 800\n Failure 4096\n Hold 300\n"
                                 "</RedFlag>\n"
                                 "<RedFlag \"inotify_watches\">\n Warning 75\n</RedFlag>\n"
                                 "<RedFlag \"allocation_rate\">\n Failure 200\n</RedFlag>\n"
                                 "<RedFlag \"cpu\">\n Failure 2.5\n</RedFlag>\n"
                                 "<RedFlag \"fds_growing\">\n Hold 7200\n Window 600\n"
                                 " Failure 500\n</RedFlag>\n"
                                 "<RedFlag \"pprof_missing\">\n Enabled false\n</RedFlag>\n"),
                   0);
  const struct red_flag_rule *rules = config->red_flags.rules;
  assert_true(rules[RED_FLAG_RSS].warning == 800.0 * (1 << 20));
  assert_true(rules[RED_FLAG_RSS].failure == 4096.0 * (1 << 20));
  assert_int_equal(rules[RED_FLAG_RSS].hold_ms, 300000);
  assert_true(rules[RED_FLAG_INOTIFY_WATCHES].warning == 0.75);
  assert_true(rules[RED_FLAG_ALLOCATION_RATE].failure == 200.0 * (1 << 20));
  assert_true(rules[RED_FLAG_CPU].failure == 2.5);
  assert_int_equal(rules[RED_FLAG_FDS_GROWING].window_ms, 600000);
  assert_true(rules[RED_FLAG_FDS_GROWING].failure == 500);
  assert_true(rules[RED_FLAG_PPROF_MISSING].disabled);
  assert_false(rules[RED_FLAG_FDS].disabled);
  config_free(config);
}

#define BLOCK(name, options) "<RedFlag \"" name "\">\n" options "</RedFlag>\n"

static const struct refused_case refused[] = {
    {BLOCK("fdz", ""),
     {"<Plugin sidecar>: RedFlag \"fdz\"", "no such red flag", "rss, rss_growing",
      "pprof_missing"}},
    {BLOCK("FDS", ""), {"RedFlag \"FDS\"", "no such red flag"}},
    {BLOCK("", ""), {"RedFlag \"\"", "allowed is a block with the name of a red flag"}},
    {"RedFlag 5\n", {"RedFlag 5", "<RedFlag \"NAME\">"}},
    {BLOCK("fds", "Warning 1001\n"), {"RedFlag \"fds\"", "Failure is below Warning"}},
    {BLOCK("fds", "Failure 100\n"), {"RedFlag \"fds\"", "Failure is below Warning"}},
    {BLOCK("fds", "Warning -1\n"),
     {"<RedFlag \"fds\">: Warning -1", "a number in descriptors above 0"}},
    {BLOCK("fds", "Warning 0\n"),
     {"<RedFlag \"fds\">: Warning 0", "above 0, up to 1000000000"}},
    {BLOCK("fds", "Failure nan\n"), {"<RedFlag \"fds\">: Failure", "a number in descriptors"}},
    {BLOCK("fds", "Warning \"200\"\n"), {"Warning \"200\"", "a number in descriptors"}},
    {BLOCK("fds", "Warning 100 200\n"), {"Warning 100 200", "a number in descriptors"}},
    {BLOCK("inotify_watches", "Failure 101\n"),
     {"<RedFlag \"inotify_watches\">: Failure 101", "in percent above 0, up to 100"}},
    {BLOCK("rss", "Warning 1e12\n"),
     {"<RedFlag \"rss\">: Warning 1000000000000", "a number in MB"}},
    {BLOCK("fds", "Hold -1\n"), {"Hold -1", "seconds from 0 to 86400"}},
    {BLOCK("fds", "Hold nan\n"), {"Hold", "seconds from 0 to 86400"}},
    {BLOCK("fds", "Window 600\n"),
     {"<RedFlag \"fds\">: Window 600", "this flag has no window",
      "Enabled, Failure, Hold, Warning"}},
    {BLOCK("fds_growing", "Window 0\n"), {"Window 0", "seconds from 1 to 86400"}},
    {BLOCK("fds_growing", "Window 1800\n"),
     {"RedFlag \"fds_growing\"", "Hold and Window", "4 to 24 Windows"}},
    {BLOCK("fds_growing", "Hold 86400\n"),
     {"RedFlag \"fds_growing\"", "Hold and Window", "4 to 24 Windows"}},
    {BLOCK("heap_not_receding", "Window 600\n"),
     {"RedFlag \"heap_not_receding\"", "Hold is longer than Window"}},
    {BLOCK("pprof_missing", "Warning 1\n"),
     {"<RedFlag \"pprof_missing\">: Warning 1", "follows from the others", "Enabled"}},
    {BLOCK("fds", "Disable 1\n"), {"Disable 1", "true or false"}},
    {BLOCK("fds", "Disabled true\n"),
     {"<RedFlag \"fds\">: Disabled true", "unknown option",
      "Enabled, Failure, Hold, Patterns, Warning, Window"}},
    {BLOCK("fds", "Patterns \"sqlite\"\n"), {"Patterns \"sqlite\"", "has no Patterns"}},
    {BLOCK("session_files", "Patterns\n"), {"Patterns", "1 to 4 names"}},
    {BLOCK("session_files", "Patterns 5\n"), {"Patterns 5", "1 to 4 names"}},
    {BLOCK("session_files", "Patterns \"A b\"\n"), {"Patterns \"A b\"", "1 to 4 names"}},
    {BLOCK("session_files", "Patterns \"a\" \"b\" \"c\" \"d\" \"e\"\n"),
     {"Patterns \"a\"", "1 to 4 names"}},
    {BLOCK("fds", "Enabled false\nDisable true\n"), {"Disable true", "given twice"}},
    {"PprofMaxSize 1\nPprofMaxBytes 65536\n", {"PprofMaxBytes 65536", "given twice"}},
    {BLOCK("fds", "Warning 1\nWarning 2\n"), {"Warning 2", "given twice"}},
    {BLOCK("fds", "Warning 1\n") BLOCK("fds", "Warning 2\n"), {"Warning 2", "given twice"}},
};

static void an_old_name_is_accepted_with_a_warning(void **state) {
  (void)state;
  struct config *config = config_new();
  fake_collectd_forget_log();
  assert_int_equal(
      parse(config,
            BLOCK("fds", "Disable true\n") "PprofMaxBytes 1048576\n"
                                           "CaptureMaxBytes 3\nCaptureProcessMaxBytes 2\n"),
      0);
  assert_true(config->red_flags.rules[RED_FLAG_FDS].disabled);
  assert_int_equal(config->pprof_max_bytes, 1 << 20);
  assert_int_equal(config->capture_max_bytes, 3 << 20);
  assert_int_equal(config->capture_process_max_bytes, 2 << 20);
  assert_int_equal(fake_collectd_logged(LOG_WARNING,
                                        "<RedFlag \"fds\">: Disable is an old name "
                                        "and will go; use Enabled, true or false"),
                   1);
  assert_int_equal(fake_collectd_logged(LOG_WARNING,
                                        "PprofMaxBytes is an old name and will go; "
                                        "use PprofMaxSize, a number of megabytes"),
                   1);
  assert_int_equal(fake_collectd_logged(LOG_WARNING, "is an old name"), 4);
  config_free(config);
}

/* Completes the configuration, checks its fault and frees it. */
static void check_fault(struct config *config, const char *expected) {
  char text[256];
  assert_int_equal(config_complete(config), 0);
  assert_non_null(config_fault(config, text, sizeof(text)));
  assert_string_equal(text, expected);
  config_free(config);
}

static void a_flag_uses_its_configured_patterns(void **state) {
  (void)state;
  char text[256];
  struct config *config = config_new();
  const char *const *patterns = config->red_flags.rules[RED_FLAG_SESSION_FILES].patterns;
  assert_int_equal(parse(config,
                         BLOCK("session_files", "Patterns \"a_files\" \"codex_sessions\"\n")
                             BLOCK("sqlite_contention",
                                   "Patterns \"b_files\"\n") "FdMatch \"a_files\" \"a\"\n"),
                   0);
  assert_string_equal(patterns[0], "a_files");
  assert_string_equal(patterns[1], "codex_sessions");
  assert_null(patterns[2]);
  check_fault(config, "<RedFlag \"sqlite_contention\">: Patterns: \"b_files\" is not the "
                      "name of an FdMatch");

  /* those of the other kind do not count */
  config = config_new();
  assert_int_equal(parse(config, BLOCK("fetch_data_piling", "Patterns \"sqlite\"\n")), 0);
  check_fault(config, "<RedFlag \"fetch_data_piling\">: Patterns: \"sqlite\" is not the "
                      "name of a GoroutineMatch");

  config = config_new();
  assert_int_equal(parse(config, BLOCK("session_files", "Patterns \"fetch_data\"\n")), 0);
  check_fault(config, "<RedFlag \"session_files\">: Patterns: \"fetch_data\" is not the "
                      "name of an FdMatch");

  config = config_new();
  assert_int_equal(config_complete(config), 0);
  assert_null(config_fault(config, text, sizeof(text)));
  config_free(config);
}

static void
invalid_options_are_rejected_with_block_option_value_and_what_is_allowed(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LENGTH(refused); i++)
    check_refused(&refused[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_block_leaves_the_defaults_of_the_table),
      cmocka_unit_test(a_block_sets_its_flag_in_the_configured_unit),
      cmocka_unit_test(an_old_name_is_accepted_with_a_warning),
      cmocka_unit_test(a_flag_uses_its_configured_patterns),
      cmocka_unit_test(
          invalid_options_are_rejected_with_block_option_value_and_what_is_allowed),
  };
  fake_collectd_reset();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
