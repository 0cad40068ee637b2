/* Thresholds from a file of collectd's and from options: syntax, what counts, what is refused.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "backtest/config_text.h"
#include "backtest/settings.h"
#include "cases.h"
#include "fake_collectd.h"

/* ---- the syntax ---- */

static void write_items(FILE *out, const oconfig_item_t *item) {
  for (int i = 0; i < item->children_num; i++) {
    const oconfig_item_t *child = &item->children[i];
    fprintf(out, "%s(", child->key);
    for (int n = 0; n < child->values_num; n++) {
      const oconfig_value_t *value = &child->values[n];
      if (value->type == OCONFIG_TYPE_STRING)
        fprintf(out, "'%s'", value->value.string);
      else if (value->type == OCONFIG_TYPE_NUMBER)
        fprintf(out, "%g", value->value.number);
      else
        fputs(value->value.boolean ? "true" : "false", out);
    }
    fputs("){", out);
    write_items(out, child);
    fputc('}', out);
  }
}

static void the_syntax_is_collectds(void **state) {
  (void)state;
  static const struct {
    const char *text, *tree;
  } cases[] = {
      {"", ""},
      {"\n # a comment\n\n", ""},
      {"LoadPlugin sidecar", "LoadPlugin('sidecar'){}"},
      {"A 1 # a comment\nB -2.5\n", "A(1){}B(-2.5){}"},
      {"A 0x10 010 +3 .5 1.5e+2", "A(161030.5150){}"},
      {"A 1e3 10abc 1.2.3.4 ::1", "A('1e3''10abc''1.2.3.4''::1'){}"},
      {"A true YES On false no OFF truth", "A(truetruetruefalsefalsefalse'truth'){}"},
      {"A \"a \\\"b\\\" \\\\ # c\"", "A('a \"b\" \\ # c'){}"},
      {"A \"two \\\nlines\" \\\n 3\r\nB 4\r\n", "A('two lines'3){}B(4){}"},
      {"<A>\n</A>", "A(){}"},
      {"<A \"x\" y>\n  B 1\n  <C>\n  </C>\n</A>\nD\n", "A('x''y'){B(1){}C(){}}D(){}"},
      {"<A> # a\n</a > # b\n", "A(){}"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span text = exact_copy(span_of(cases[i].text));
    struct config_text_error error = {.why = ""};
    oconfig_item_t root;
    char *tree;
    size_t len;
    if (config_text_parse(text, &root, &error) != 0)
      fail_msg("%s: line %u: %s", cases[i].text, error.line, error.why);
    FILE *out = open_memstream(&tree, &len);
    assert_non_null(out);
    write_items(out, &root);
    fclose(out);
    check_span(cases[i].text, span_of(tree), span_of(cases[i].tree));
    free(tree);
    config_tree_clear(&root);
    exact_free(text);
  }
}

static void bad_syntax_is_refused_with_its_line(void **state) {
  (void)state;
  static const struct {
    const char *text;
    unsigned line;
    const char *word;
  } cases[] = {
      {"A 1\n\"B\" 2\n", 2, "name of an option"},
      {"A \"x\n", 1, "not closed"},
      {"A \"x", 1, "not closed"},
      {"A \"x\\", 1, "not closed"},
      {"A a/b\n", 1, "quotes"},
      {"A 1 > 2\n", 1, "quotes"},
      {"<A\n", 1, "> of a block"},
      {"<A 1", 1, "> of a block"},
      {"<A>\n\nB 1\n", 4, "no end"},
      {"<A>\n</B>\n", 2, "not the end of the block"},
      {"</A>\n", 1, "not the end of the block"},
      {"<A>\n</A\n", 2, "> of a block"},
      {"<>\n", 1, "name of an option"},
      {"<a>\n<a>\n<a>\n<a>\n<a>\n<a>\n<a>\n<a>\n<a>\n<a>\n<a>\n<a>\n<a>\n<a>\n<a>\n<a>\n<a>\n",
       17, "too many blocks"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span text = exact_copy(span_of(cases[i].text));
    struct config_text_error error = {.why = ""};
    oconfig_item_t root;
    check_int(cases[i].text, config_text_parse(text, &root, &error), -EINVAL);
    check_int(cases[i].text, error.line, cases[i].line);
    if (strstr(error.why, cases[i].word) == NULL)
      fail_msg("%s: no \"%s\" in \"%s\"", cases[i].text, cases[i].word, error.why);
    exact_free(text);
  }
}

static void a_nul_is_refused(void **state) {
  (void)state;
  struct config_text_error error;
  oconfig_item_t root;
  assert_int_equal(config_text_parse(SPAN_LITERAL("A \"a\0b\"\n"), &root, &error), -EINVAL);
  assert_int_equal(config_text_parse(SPAN_LITERAL("A \0\n"), &root, &error), -EINVAL);
  assert_int_equal(config_text_parse(SPAN_LITERAL("\0"), &root, &error), -EINVAL);
}

/* ---- settings ---- */

enum { OPTIONS_MAX = 4 };

/* Reads text as a file, unless it is NULL, and the options. */
static int read_settings(const char *text, const char *const options[OPTIONS_MAX],
                         struct config **ret) {
  char path[] = "/tmp/backtest-settings-XXXXXX";
  struct settings settings = {.options = options};
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  if (text != NULL) {
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    settings.file = path;
  }
  close(fd);
  while (settings.options_len < OPTIONS_MAX && options[settings.options_len] != NULL)
    settings.options_len++;
  fake_collectd_reset();
  int status = settings_read(&settings, ret);
  unlink(path);
  return status;
}

static const char *const no_options[OPTIONS_MAX] = {NULL};

static struct config *accepted(const char *text, const char *const options[OPTIONS_MAX]) {
  struct config *config;
  if (read_settings(text, options, &config) != 0)
    fail_msg("refused: %s", fake_collectd_log_line(""));
  return config;
}

static void without_settings_there_are_the_defaults(void **state) {
  (void)state;
  struct red_flag_rules rules;
  struct config *config = accepted(NULL, no_options);
  red_flag_rules_init(&rules);
  for (size_t i = 0; i < RED_FLAGS; i++) {
    const struct red_flag_rule *one = &config->red_flags.rules[i], *other = &rules.rules[i];
    assert_true(one->warning == other->warning ||
                (isnan(one->warning) && isnan(other->warning)));
    assert_int_equal(one->hold_ms, other->hold_ms);
  }
  assert_true(pattern_list_has(&config->fd_patterns, "claude_sessions"));
  config_free(config);
}

static void blocks_stand_alone_or_in_the_plugins(void **state) {
  (void)state;
  static const char *const texts[] = {
      "<RedFlag \"fds\">\n  Warning 300\n  Hold 5\n</RedFlag>\n",
      "<Plugin sidecar>\n  <RedFlag \"fds\">\n    Warning 300\n    Hold 5\n  </RedFlag>\n"
      "</Plugin>\n",
      "Hostname \"h\"\n<LoadPlugin sidecar>\n  Interval 10\n</LoadPlugin>\n"
      "<Plugin \"csv\">\n  Unheard \"of\"\n</Plugin>\n"
      "<plugin \"Sidecar\">\n  DetailInterval 30\n  <RedFlag \"fds\">\n    Hold 5\n"
      "  </RedFlag>\n</plugin>\n"
      "<Plugin sidecar>\n  <RedFlag fds>\n    Warning 300\n  </RedFlag>\n</Plugin>\n",
  };
  for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
    struct config *config = accepted(texts[i], no_options);
    const struct red_flag_rule *rule = &config->red_flags.rules[RED_FLAG_FDS];
    assert_true(rule->warning == 300);
    assert_int_equal(rule->hold_ms, 5000);
    assert_int_equal(config->detail_interval_ms, i == 2 ? 30000 : 60000);
    config_free(config);
  }
}

static void options_are_in_the_units_of_the_configuration(void **state) {
  (void)state;
  static const char *const options[OPTIONS_MAX] = {"rss.Warning=300", "rss.hold=7",
                                                   "cpu.Enabled=false", "WarmUp=0"};
  struct config *config = accepted(NULL, options);
  assert_true(config->red_flags.rules[RED_FLAG_RSS].warning == 300.0 * (1 << 20));
  assert_int_equal(config->red_flags.rules[RED_FLAG_RSS].hold_ms, 7000);
  assert_true(config->red_flags.rules[RED_FLAG_CPU].disabled);
  assert_int_equal(config->red_flags.warm_up_ms, 0);
  config_free(config);
}

static void options_replace_those_of_the_file(void **state) {
  (void)state;
  /* only together are they consistent: the file's Failure is below the new Warning */
  static const char *const options[OPTIONS_MAX] = {"fds.Warning=3000", "threads.Warning=70",
                                                   "fds.Failure=4000"};
  struct config *config = accepted(
      "<RedFlag \"fds\">\n  Warning 100\n  Failure 2000\n  Hold 5\n</RedFlag>\n", options);
  const struct red_flag_rule *rule = &config->red_flags.rules[RED_FLAG_FDS];
  assert_true(rule->warning == 3000 && rule->failure == 4000);
  assert_int_equal(rule->hold_ms, 5000);
  assert_true(config->red_flags.rules[RED_FLAG_THREADS].warning == 70);
  config_free(config);
}

static void patterns_may_have_other_names(void **state) {
  (void)state;
  static const char *const options[OPTIONS_MAX] = {"session_files.Patterns=logs \"sqlite\""};
  struct config *config =
      accepted("<Plugin sidecar>\n  FdMatch \"logs\" \"[.]log$\"\n</Plugin>\n", options);
  const char *const *patterns = config->red_flags.rules[RED_FLAG_SESSION_FILES].patterns;
  assert_string_equal(patterns[0], "logs");
  assert_string_equal(patterns[1], "sqlite");
  assert_null(patterns[2]);
  config_free(config);
}

static void what_the_plugin_refuses_is_refused_in_its_words(void **state) {
  (void)state;
  static const struct {
    const char *text, *option;
    const char *words[3];
  } cases[] = {
      {NULL, "fds.Warning=0", {"<RedFlag \"fds\">: Warning 0: ", "above 0, up to 1000000000"}},
      {NULL, "fds.Wrning=3", {"Wrning 3: unknown option; allowed are ", "Warning"}},
      {NULL, "fd.Warning=3", {"RedFlag \"fd\": no such red flag; allowed are rss, "}},
      {NULL, "RSS.Warning=3", {"no such red flag"}},
      {NULL, "fds.Warning=many", {"Warning \"many\"", "a number in descriptors"}},
      {NULL, "fds.Warning=1 2", {"Warning 1 2"}},
      {NULL, "fds.Warning=", {"Warning: ", "a number in descriptors"}},
      {NULL, "fds.Window=60", {"no window"}},
      {NULL, "fds.Failure=100", {"Failure is below Warning"}},
      {NULL, "fds_growing.Hold=60", {"4 to 24 Windows"}},
      {NULL, "session_files.Patterns=logs", {"\"logs\" is not the name of an FdMatch"}},
      {NULL, "WarmUp=-1", {"WarmUp -1", "from 0 to 86400"}},
      {NULL, "fds.Warning", {"-o fds.Warning: ", "FLAG.OPTION=VALUE", "fds.Warning=300"}},
      {NULL, "Capture=true", {"-o Capture=true: ", "WarmUp=SECONDS"}},
      {NULL, "=3", {"-o =3: "}},
      {NULL, ".=3", {"-o .=3: ", "name of an option"}},
      {NULL, "fds.Warning=3\nHold 4", {"-o fds.Warning=3\\x0AHold 4: ", "one line"}},
      {NULL, "fds.Warning=\"3", {"not closed"}},
      {"<RedFlag \"fds\">\n  Warning 0\n</RedFlag>\n", NULL, {"Warning 0: ", "above 0"}},
      {"<RedFlag \"fds\">\n  Warning 3\n  Warning 4\n</RedFlag>\n", NULL, {"given twice"}},
      {"<RedFlag \"fds\">\n", NULL, {": line 2: ", "no end"}},
      {"LoadPlugin sidecar\n", NULL, {"no <Plugin sidecar> block", "Include"}},
      {"", NULL, {"no <Plugin sidecar> block"}},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    const char *const options[OPTIONS_MAX] = {cases[i].option};
    const char *name = cases[i].option != NULL ? cases[i].option : cases[i].text;
    struct config *config;
    check_int(name, read_settings(cases[i].text, options, &config), -1);
    check_int(name, fake_collectd_logged(LOG_ERR, ""), 1);
    const char *line = fake_collectd_log_line("");
    for (size_t n = 0; n < 3 && cases[i].words[n] != NULL; n++)
      if (strstr(line, cases[i].words[n]) == NULL)
        fail_msg("for %s: no \"%s\" in \"%s\"", name, cases[i].words[n], line);
  }
}

static void options_may_not_be_given_twice(void **state) {
  (void)state;
  static const char *const options[OPTIONS_MAX] = {"fds.Warning=3", "fds.warning=4"};
  struct config *config;
  assert_int_equal(read_settings(NULL, options, &config), -1);
  assert_non_null(fake_collectd_log_line("given twice"));
}

static void a_file_that_is_none_is_refused(void **state) {
  (void)state;
  struct config *config;
  struct settings settings = {.file = "/nonexistent/file"};
  fake_collectd_reset();
  assert_int_equal(settings_read(&settings, &config), -1);
  assert_non_null(fake_collectd_log_line("/nonexistent/file: No such file"));
  settings.file = "/tmp";
  assert_int_equal(settings_read(&settings, &config), -1);
  assert_non_null(fake_collectd_log_line("/tmp: Is a directory"));
  settings.file = "/dev/zero"; /* endless */
  assert_int_equal(settings_read(&settings, &config), -1);
  assert_non_null(fake_collectd_log_line("/dev/zero: File too large"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_syntax_is_collectds),
      cmocka_unit_test(bad_syntax_is_refused_with_its_line),
      cmocka_unit_test(a_nul_is_refused),
      cmocka_unit_test(without_settings_there_are_the_defaults),
      cmocka_unit_test(blocks_stand_alone_or_in_the_plugins),
      cmocka_unit_test(options_are_in_the_units_of_the_configuration),
      cmocka_unit_test(options_replace_those_of_the_file),
      cmocka_unit_test(patterns_may_have_other_names),
      cmocka_unit_test(what_the_plugin_refuses_is_refused_in_its_words),
      cmocka_unit_test(options_may_not_be_given_twice),
      cmocka_unit_test(a_file_that_is_none_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
