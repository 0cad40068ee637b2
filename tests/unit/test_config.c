/* The configuration: what is accepted, and what refuses the start with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/array.h"
#include "fake_collectd.h"
#include "fake_oconfig.h"
#include "sidecar/config.h"

static int parse(struct config *config, const char *text) {
  oconfig_item_t *root = fake_oconfig_parse(text);
  assert_non_null(root);
  int status = config_parse(config, root);
  fake_oconfig_free(root);
  return status;
}

static void no_block_at_all_watches_every_sidecar(void **state) {
  (void)state;
  struct config *config = config_new();
  assert_int_equal(config_complete(config), 0);
  assert_int_equal(config->blocks_len, 1);
  assert_string_equal(config->blocks[0].name, "sidecar");
  assert_string_equal(config->blocks[0].executable, "sidecar");
  assert_string_equal(config->blocks[0].instance_template, "%{cwd}");
  assert_string_equal(config->blocks[0].pprof_variable, "SIDECAR_PPROF");
  assert_int_equal(config->patterns_len, 3);
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
  assert_int_equal(config->patterns_len, 4);
  assert_string_equal(config->patterns[0].name, "sqlite");
  assert_int_equal(regexec(&config->patterns[0].regex, "/x.mydb", 0, NULL, 0), 0);
  assert_int_not_equal(regexec(&config->patterns[0].regex, "/x.db", 0, NULL, 0), 0);
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
    for (size_t j = 0; j < config->patterns_len; j++) {
      if (strcmp(config->patterns[j].name, default_matches[i].expression) != 0)
        continue;
      bool matches =
          regexec(&config->patterns[j].regex, default_matches[i].path, 0, NULL, 0) == 0;
      if (matches != default_matches[i].matches)
        fail_msg("%s on %s: %d", default_matches[i].expression, default_matches[i].path,
                 matches);
    }
  }
  config_free(config);
}

/* What refuses the start, and the words that the log must have: block, option, value and
 * what is allowed. */
static const struct {
  const char *text;
  const char *words[4];
} refused[] = {
    {"Intervall 5\n", {"<Plugin sidecar>", "Intervall", "5", "allowed are DetailInterval"}},
    {"DetailInterval -60\n", {"<Plugin sidecar>", "DetailInterval", "-60", "from 1 to 86400"}},
    {"DetailInterval \"60\"\n", {"DetailInterval", "\"60\"", "number of seconds"}},
    {"DetailInterval 60 70\n", {"DetailInterval", "60 70", "number of seconds"}},
    {"DetailInterval\n", {"DetailInterval", "number of seconds"}},
    {"DetailInterval 5\nDetailInterval 6\n", {"DetailInterval", "6", "given twice"}},
    {"DetailInterval nan\n", {"DetailInterval", "number of seconds"}},
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
    {"<Process \"a\">\n MinimumAge -1\n</Process>\n", {"MinimumAge", "-1", "0 to 86400"}},
    {"<Process \"a\">\n <Pprof>\n </Pprof>\n</Process>\n", {"Pprof", "true or false"}},
};

static void nonsense_is_refused_with_block_option_value_and_what_is_allowed(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
    fake_collectd_reset();
    struct config *config = config_new();
    if (parse(config, refused[i].text) != -1)
      fail_msg("accepted: %s", refused[i].text);
    for (size_t j = 0; j < 4 && refused[i].words[j] != NULL; j++) {
      const char *line = fake_collectd_log_line("sidecar plugin: ");
      if (line == NULL || strstr(line, refused[i].words[j]) == NULL)
        fail_msg("for %s: no \"%s\" in \"%s\"", refused[i].text, refused[i].words[j],
                 line != NULL ? line : "");
    }
    assert_int_equal(fake_collectd_logged(LOG_ERR, ""), 1);
    config_free(config);
  }
}

static void thirty_patterns_are_one_too_many(void **state) {
  (void)state;
  fake_collectd_reset();
  struct config *config = config_new();
  for (int i = 0; i < 29; i++) {
    char line[64];
    snprintf(line, sizeof(line), "FdMatch \"p%d\" \"x\"\n", i);
    assert_int_equal(parse(config, line), 0);
  }
  assert_int_equal(parse(config, "FdMatch \"more\" \"x\"\n"), -1);
  assert_int_equal(config_complete(config), 0);
  assert_int_equal(config->patterns_len, 32);
  config_free(config);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_block_at_all_watches_every_sidecar),
      cmocka_unit_test(a_block_for_another_program_adds_to_the_sidecars),
      cmocka_unit_test(a_sidecar_block_replaces_the_built_in_one),
      cmocka_unit_test(an_fd_match_with_a_default_name_replaces_that_default),
      cmocka_unit_test(the_default_patterns_match_what_the_guide_greps_for),
      cmocka_unit_test(nonsense_is_refused_with_block_option_value_and_what_is_allowed),
      cmocka_unit_test(thirty_patterns_are_one_too_many),
  };
  fake_collectd_reset();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
