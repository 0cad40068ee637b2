/*
 * Shared by the tests of <Plugin sidecar>: parsing a configuration given as text, and the
 * expected errors.
 */
#ifndef TESTS_UNIT_CONFIG_CASES_H
#define TESTS_UNIT_CONFIG_CASES_H

#include "cases.h"
#include "fake_collectd.h"
#include "fake_oconfig.h"
#include "sidecar/config_options.h"

static inline int parse(struct config *config, const char *text) {
  oconfig_item_t *root = fake_oconfig_parse(text);
  assert_non_null(root);
  int status = config_parse(config, root);
  fake_oconfig_free(root);
  return status;
}

/* An invalid configuration, and the words that the log line must contain: block, option, value
 * and what is allowed. */
struct refused_case {
  const char *text;
  const char *words[4];
};

/* Rejected with one line that contains all the words. */
static inline void check_refused(const struct refused_case *refused) {
  fake_collectd_reset();
  struct config *config = config_new();
  if (parse(config, refused->text) != -1)
    fail_msg("accepted: %s", refused->text);
  for (size_t i = 0; i < 4 && refused->words[i] != NULL; i++) {
    const char *line = fake_collectd_log_line("sidecar plugin: ");
    if (line == NULL || strstr(line, refused->words[i]) == NULL)
      fail_msg("for %s: no \"%s\" in \"%s\"", refused->text, refused->words[i],
               line != NULL ? line : "");
  }
  assert_int_equal(fake_collectd_logged(LOG_ERR, ""), 1);
  config_free(config);
}

#endif
