/* The configuration of notify_alertmanager: accepted options, and errors that prevent the
 * start. */
#include <stdio.h>
#include <unistd.h>

#include "am_alerts.h"
#include "fake_collectd.h"
#include "fake_oconfig.h"
#include "notify_alertmanager/config.h"

static char folder[] = "/tmp/am-test-config-XXXXXX";
static char secret_path[sizeof(folder) + 16], empty_path[sizeof(folder) + 16];

static void write_file(char *path, size_t size, const char *name, const char *text) {
  snprintf(path, size, "%s/%s", folder, name);
  FILE *stream = fopen(path, "w");
  assert_non_null(stream);
  fputs(text, stream);
  fclose(stream);
}

static int set_up_group(void **state) {
  (void)state;
  if (mkdtemp(folder) == NULL)
    return -1;
  write_file(secret_path, sizeof(secret_path), "secret", "s3cret \r\nsecond line\n");
  write_file(empty_path, sizeof(empty_path), "empty", "\n");
  return 0;
}

static int tear_down_group(void **state) {
  (void)state;
  unlink(secret_path);
  unlink(empty_path);
  return rmdir(folder);
}

static int set_up(void **state) {
  (void)state;
  fake_collectd_reset();
  return 0;
}

static int parse(struct config *config, const char *text) {
  oconfig_item_t *root = fake_oconfig_parse(text);
  assert_non_null(root);
  int status = config_parse(config, root);
  fake_oconfig_free(root);
  return status;
}

static void without_a_block_alerts_go_to_this_host(void **state) {
  (void)state;
  struct config *config = config_new();
  assert_int_equal(config_complete(config), 0);
  assert_int_equal(config->nodes_len, 1);
  assert_string_equal(config->nodes[0].name, "local");
  assert_string_equal(config->nodes[0].url, "http://127.0.0.1:9093/api/v2/alerts");
  assert_true(config->nodes[0].verify_peer);
  assert_int_equal(config->nodes[0].timeout_ns, 10000000000);
  assert_int_equal(config->resend_ns, 60000000000);
  assert_int_equal(config->resolved_retention_ns, 900000000000);
  assert_int_equal(config->expire_ns, 0);
  assert_int_equal(config->expire_restored_ns, 21600000000000);
  assert_int_equal(config->queue_limit, 16384);
  assert_string_equal(config->state_file, "notify_alertmanager.state");
  assert_true(config->rules.severity_label);
  assert_int_equal(config->rules.plugin_labels_len, 1);
  assert_string_equal(config->rules.plugin_labels[0], "sidecar");
  config_free(config);
}

static void every_option_is_read(void **state) {
  (void)state;
  struct config *config = config_new();
  char text[4096];
  snprintf(text, sizeof(text),
           "<Node \"one\">\n"
           "  URL \"https://am.example.org/prefix/\"\n"
           "  User \"me\"\n"
           "  PasswordFile \"%s\"\n"
           "  CACert \"%s\"\n"
           "  ClientCert \"%s\"\n"
           "  ClientKey \"%s\"\n"
           "  VerifyPeer false\n"
           "  Timeout 2.5\n"
           "  Header \"X-Scope-OrgID\" \"team\"\n"
           "  Header \"x-other\" \"a b: c\"\n"
           "</Node>\n"
           "<Node \"two\">\n"
           "  URL \"http://[::1]:9093\"\n"
           "  User \"me\"\n"
           "  Password \"pw\"\n"
           "</Node>\n"
           "<Node \"three\">\n"
           "  URL \"https://mimir/alertmanager\"\n"
           "  BearerTokenFile \"/no/such/yet\"\n"
           "</Node>\n"
           "ResendInterval 30\n"
           "ResolvedRetention 600\n"
           "ExpireAfter 3600\n"
           "ExpireRestoredAfter 0\n"
           "QueueLimit 100\n"
           "StateFile \"/var/lib/x/state\"\n"
           "SeverityLabel false\n"
           "Labels \"team\" \"infra\" \"site\" \"fra 1\"\n"
           "Labels \"rack\" \"7\"\n"
           "Label \"pid\" \"%%{meta:pid}\"\n"
           "Annotation \"runbook_url\" \"https://wiki/%%{alertname}\"\n"
           "GeneratorURL \"http://grafana/d/triage?var-host=%%{host}\"\n"
           "PluginLabel \"redis\" \"df\"\n"
           "PluginLabel \"sidecar\"\n"
           "<AlertName \"DiskFull\">\n"
           "  Plugin \"df\"\n"
           "  PluginInstance \"*\"\n"
           "  Type \"percent_bytes\"\n"
           "  TypeInstance \"used\"\n"
           "</AlertName>\n",
           secret_path, secret_path, secret_path, secret_path);
  assert_int_equal(parse(config, text), 0);
  assert_int_equal(config_complete(config), 0);
  assert_int_equal(config->nodes_len, 3);
  const struct node_config *one = &config->nodes[0], *two = &config->nodes[1];
  const struct node_config *three = &config->nodes[2];
  assert_string_equal(one->url, "https://am.example.org/prefix/api/v2/alerts");
  assert_string_equal(one->user, "me");
  assert_string_equal(one->password, "s3cret ");
  assert_string_equal(one->ca_file, secret_path);
  assert_string_equal(one->client_certificate, secret_path);
  assert_string_equal(one->client_key, secret_path);
  assert_false(one->verify_peer);
  assert_int_equal(one->timeout_ns, 2500000000);
  assert_string_equal(two->url, "http://[::1]:9093/api/v2/alerts");
  assert_int_equal(one->headers_len, 2);
  assert_string_equal(one->headers[0], "X-Scope-OrgID: team");
  assert_string_equal(one->headers[1], "x-other: a b: c");
  assert_null(one->token_file);
  assert_string_equal(two->password, "pw");
  assert_int_equal(two->headers_len, 0);
  assert_string_equal(three->token_file, "/no/such/yet");
  assert_int_equal(config->resend_ns, 30000000000);
  assert_int_equal(config->resolved_retention_ns, 600000000000);
  assert_int_equal(config->expire_ns, 3600000000000);
  assert_int_equal(config->expire_restored_ns, 0);
  assert_int_equal(config->queue_limit, 100);
  assert_string_equal(config->state_file, "/var/lib/x/state");
  const struct alert_rules *rules = &config->rules;
  assert_false(rules->severity_label);
  assert_int_equal(rules->constants_len, 3);
  assert_string_equal(rules->constants[1].text, "fra 1");
  assert_int_equal(rules->labels_len, 1);
  assert_string_equal(rules->labels[0].text, "%{meta:pid}");
  assert_int_equal(rules->annotations_len, 1);
  assert_string_equal(rules->generator_url, "http://grafana/d/triage?var-host=%{host}");
  assert_int_equal(rules->plugin_labels_len, 3);
  assert_string_equal(rules->plugin_labels[0], "redis");
  assert_string_equal(rules->plugin_labels[1], "df");
  assert_string_equal(rules->plugin_labels[2], "sidecar");
  assert_int_equal(rules->names_len, 1);
  assert_string_equal(rules->names[0].alertname, "DiskFull");
  assert_string_equal(rules->names[0].type_instance, "used");
  config_free(config);
}

static void blocks_add_up(void **state) {
  (void)state;
  struct config *config = config_new();
  assert_int_equal(parse(config, "<Node \"a\">\nURL \"http://a\"\n</Node>\n"), 0);
  assert_int_equal(parse(config, "<Node \"b\">\nURL \"http://b\"\n</Node>\nStateFile \"\"\n"),
                   0);
  assert_int_equal(config->nodes_len, 2);
  assert_string_equal(config->state_file, "");
  assert_int_equal(parse(config, "StateFile \"x\"\n"), -1);
  config_free(config);
}

static void the_first_plugin_label_replaces_the_default(void **state) {
  (void)state;
  struct config *config = config_new();
  assert_int_equal(parse(config, "PluginLabel \"redis\"\n"), 0);
  /* also in another block */
  assert_int_equal(parse(config, "PluginLabel \"df\"\nLabels \"sidecar\" \"x\"\n"), 0);
  assert_int_equal(config->rules.plugin_labels_len, 2);
  assert_string_equal(config->rules.plugin_labels[0], "redis");
  assert_string_equal(config->rules.plugin_labels[1], "df");
  config_free(config);
}

#define NODE(lines) "<Node \"n\">\nURL \"http://a\"\n" lines "</Node>\n"

static void mistakes_are_rejected_with_block_option_value_and_what_is_allowed(void **state) {
  (void)state;
  static const struct {
    const char *name, *text;
    const char *words[4];
  } cases[] = {
      {"an unknown option",
       "Colour 3\n",
       {"<Plugin notify_alertmanager>: Colour 3", "unknown option", "ResendInterval"}},
      {"an unknown option of a node",
       NODE("Colour 3\n"),
       {"<Node \"n\">: Colour 3", "unknown option", "VerifyPeer"}},
      {"an unknown option of an alert name",
       "<AlertName \"X\">\nHost \"a\"\n</AlertName>\n",
       {"<AlertName \"X\">: Host \"a\"", "unknown option", "PluginInstance"}},
      {"an option twice", "QueueLimit 5\nQueueLimit 6\n", {"QueueLimit 6", "given twice"}},
      {"a node's option twice",
       NODE("URL \"http://b\"\n"),
       {"<Node \"n\">: URL \"http://b\"", "given twice"}},
      {"a negative interval",
       "ResendInterval -60\n",
       {"ResendInterval -60", "allowed is a number of seconds from 1 to 150"}},
      {"an interval Alertmanager would not wait for",
       "ResendInterval 300\n",
       {"ResendInterval 300", "allowed is"}},
      {"an interval in words", "ResendInterval \"soon\"\n", {"ResendInterval \"soon\""}},
      {"two numbers", "ResendInterval 1 2\n", {"ResendInterval 1 2", "allowed is"}},
      {"no number", "ResendInterval\n", {"ResendInterval", "allowed is"}},
      {"no retention", "ResolvedRetention 0\n", {"ResolvedRetention 0", "allowed is"}},
      {"a negative age", "ExpireAfter -1\n", {"ExpireAfter -1", "allowed is"}},
      {"a negative age after a restart", "ExpireRestoredAfter -1\n", {"-1", "allowed is"}},
      {"no queue", "QueueLimit 0\n", {"QueueLimit 0", "allowed is"}},
      {"a queue of not a number", "QueueLimit nan\n", {"QueueLimit", "allowed is"}},
      {"a switch in words",
       "SeverityLabel \"yes\"\n",
       {"SeverityLabel \"yes\"", "true or false"}},
      {"a number for a path", "StateFile 7\n", {"StateFile 7", "allowed is a path"}},
      {"a node without a name", "<Node>\nURL \"http://a\"\n</Node>\n", {"Node", "allowed is"}},
      {"a node with a bad name",
       "<Node \"a b\">\nURL \"http://a\"\n</Node>\n",
       {"Node \"a b\"", "letters, digits"}},
      {"a node's name twice", NODE("") NODE(""), {"Node \"n\"", "given before"}},
      {"a node without a URL", "<Node \"n\">\n</Node>\n", {"Node \"n\"", "no URL"}},
      {"a bad URL",
       "<Node \"n\">\nURL \"am:9093\"\n</Node>\n",
       {"<Node \"n\">: URL \"am:9093\"", "http://", "https://HOST:PORT"}},
      {"a user in the URL",
       "<Node \"n\">\nURL \"http://u:p@am\"\n</Node>\n",
       {"URL \"http://u:p@am\"", "port", "allowed is"}},
      {"a number for a URL", "<Node \"n\">\nURL 5\n</Node>\n", {"URL 5", "allowed is"}},
      {"a password without a user", NODE("Password \"pw\"\n"), {"Node", "no User"}},
      {"two passwords",
       NODE("User \"u\"\nPassword \"pw\"\nPasswordFile \"/etc/hostname\"\n"),
       {"PasswordFile", "keep one"}},
      {"a number for a password",
       NODE("User \"u\"\nPassword 12345\n"),
       {"Password (not shown)", "allowed is"}},
      {"a password file that is not there",
       NODE("User \"u\"\nPasswordFile \"/no/such\"\n"),
       {"PasswordFile \"/no/such\"", "cannot be read", "No such file"}},
      {"certificates that are not there",
       NODE("CACert \"/no/such\"\n"),
       {"CACert \"/no/such\"", "cannot be read", "No such file"}},
      {"a key without its certificate",
       NODE("ClientKey \"/etc/hostname\"\n"),
       {"Node", "no ClientCert"}},
      {"a header without a value",
       NODE("Header \"X\"\n"),
       {"Header (not shown)", "a name and"}},
      {"a header in one text",
       NODE("Header \"Authorization: Bearer s3cret\"\n"),
       {"<Node \"n\">: Header (not shown)", "a name and a value"}},
      {"a number for a value", NODE("Header \"X\" 5\n"), {"Header (not shown)", "in quotes"}},
      {"a header with a bad name",
       NODE("Header \"X Scope s3cret\" \"x\"\n"),
       {"Header (not shown): it has a name that is none in HTTP", "allowed is a name"}},
      {"a header with a control character",
       NODE("Header \"X\" \"s3cret\x01\"\n"),
       {"Header (not shown): X has a line break or another control", "allowed is"}},
      {"a header of the plugin's own",
       NODE("Header \"content-length\" \"s3cret\"\n"),
       {"Header (not shown): content-length is part of how", "allowed is"}},
      {"a header that URL has", NODE("Header \"Host\" \"s3cret\"\n"), {"Host is that of URL"}},
      {"a header twice",
       NODE("Header \"X-A\" \"s3cret\"\nHeader \"x-a\" \"s3cret\"\n"),
       {"Header (not shown): x-a was given before"}},
      {"an authorization and a user",
       NODE("Header \"Authorization\" \"s3cret\"\nUser \"u\"\n"),
       {"Node \"n\"", "Authorization", "keep one"}},
      {"an authorization and a token",
       NODE("BearerTokenFile \"/t\"\nHeader \"authorization\" \"s3cret\"\n"),
       {"Node \"n\"", "Authorization", "keep one"}},
      {"a user and a token",
       NODE("BearerTokenFile \"/t\"\nUser \"u\"\n"),
       {"Node \"n\"", "BearerTokenFile", "User", "keep one"}},
      {"a token in place of its file",
       NODE("BearerTokenFile \"s3cret\"\n"),
       {"BearerTokenFile (not shown)", "the path of a file"}},
      {"a number for a token's file", NODE("BearerTokenFile 5\n"), {"the path of a file"}},
      {"a misspelt header",
       NODE("Headers \"Authorization\" \"s3cret\"\n"),
       {"Headers (not shown)", "unknown option", "Header"}},
      {"a misspelt token", NODE("BearerToken \"s3cret\"\n"), {"BearerToken (not shown)"}},
      {"a misspelt password", NODE("Passwd \"s3cret\"\n"), {"Passwd (not shown)", "unknown"}},
      {"a header outside of a node",
       "Header \"X\" \"s3cret\"\n",
       {"<Plugin notify_alertmanager>: Header (not shown)", "unknown option"}},
      {"no time at all", NODE("Timeout 0\n"), {"Timeout 0", "0.1 to 300"}},
      {"too much time", NODE("Timeout 301\n"), {"Timeout 301", "0.1 to 300"}},
      {"a block for an option",
       NODE("<Timeout 5>\nx 1\n</Timeout>\n"),
       {"Timeout", "allowed is"}},
      {"half a pair of labels", "Labels \"team\"\n", {"Labels \"team\"", "pairs"}},
      {"no labels", "Labels\n", {"Labels", "pairs"}},
      {"a label without a value", "Labels \"team\" \"\"\n", {"Labels \"team\" \"\"", "pairs"}},
      {"a number for a label", "Labels \"rack\" 7\n", {"Labels \"rack\" 7", "in quotes"}},
      {"a label with a bad name", "Labels \"my-team\" \"x\"\n", {"\"my-team\"", "a-z"}},
      {"a label of the plugin's own",
       "Labels \"severity\" \"x\"\n",
       {"\"severity\"", "none of the plugin's own"}},
      {"a label twice", "Labels \"a\" \"1\" \"a\" \"2\"\n", {"\"a\"", "not given before"}},
      {"a label on both ways",
       "Labels \"a\" \"1\"\nLabel \"a\" \"%{host}\"\n",
       {"Label \"a\" \"%{host}\"", "not given before"}},
      {"a label of the name of a plugin with a label",
       "Labels \"sidecar\" \"x\"\n",
       {"Labels \"sidecar\" \"x\"", "none of the plugin's own"}},
      {"a label of the name of a plugin that was given",
       "PluginLabel \"df\"\nLabel \"df\" \"%{host}\"\n",
       {"Label \"df\" \"%{host}\"", "none of the plugin's own"}},
      {"no plugin", "PluginLabel\n", {"PluginLabel", "names of plugins"}},
      {"a number for a plugin", "PluginLabel 7\n", {"PluginLabel 7", "in quotes"}},
      {"an empty plugin", "PluginLabel \"\"\n", {"PluginLabel \"\"", "a-z"}},
      {"a plugin that is no label", "PluginLabel \"my-df\"\n", {"\"my-df\"", "a-z"}},
      {"a plugin of the name of an own label",
       "PluginLabel \"df\" \"severity\"\n",
       {"\"severity\"", "no name of another label"}},
      {"a plugin twice", "PluginLabel \"a\" \"a\"\n", {"\"a\" \"a\"", "not given before"}},
      {"a plugin twice in two options",
       "PluginLabel \"a\"\nPluginLabel \"a\"\n",
       {"PluginLabel \"a\"", "not given before"}},
      {"a plugin of the name of a label",
       "Labels \"df\" \"x\"\nPluginLabel \"df\"\n",
       {"PluginLabel \"df\"", "no name of another label"}},
      {"an unknown placeholder",
       "Label \"a\" \"%{hostname}\"\n",
       {"Label \"a\" \"%{hostname}\"", "are: host plugin"}},
      {"a label without its text", "Label \"a\"\n", {"Label \"a\"", "allowed is"}},
      {"an annotation with a bad name", "Annotation \"a b\" \"x\"\n", {"\"a b\"", "a-z"}},
      {"an annotation twice",
       "Annotation \"a\" \"x\"\nAnnotation \"a\" \"y\"\n",
       {"\"a\" \"y\"", "not given before"}},
      {"an annotation with half a placeholder",
       "Annotation \"a\" \"%{meta:x\"\n",
       {"%{meta:x", "no \"}\""}},
      {"a generator URL that is none",
       "GeneratorURL \"grafana/d/x\"\n",
       {"GeneratorURL \"grafana/d/x\"", "http://"}},
      {"a placeholder for the host of a URL",
       "GeneratorURL \"http://%{host}/\"\n",
       {"GeneratorURL", "host name"}},
      {"an alert name without a name",
       "<AlertName>\nPlugin \"df\"\n</AlertName>\n",
       {"AlertName", "<AlertName \"NAME\">"}},
      {"an alert name that matches nothing in particular",
       "<AlertName \"X\">\n</AlertName>\n",
       {"AlertName \"X\"", "at least one"}},
      {"an empty pattern",
       "<AlertName \"X\">\nPlugin \"\"\n</AlertName>\n",
       {"<AlertName \"X\">: Plugin \"\"", "shell pattern"}},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct config *config = config_new();
    fake_collectd_reset();
    check_int(cases[i].name, parse(config, cases[i].text), -1);
    check_int(cases[i].name, fake_collectd_logged(0, ""), 1);
    check_int(cases[i].name, fake_collectd_logged(LOG_ERR, "notify_alertmanager plugin: "), 1);
    check_int(cases[i].name, fake_collectd_logged(0, "s3cret"), 0);
    for (size_t w = 0; w < 4 && cases[i].words[w] != NULL; w++)
      if (fake_collectd_logged(LOG_ERR, cases[i].words[w]) != 1)
        fail_msg("%s: no \"%s\" in: %s", cases[i].name, cases[i].words[w],
                 fake_collectd_log_line(""));
    config_free(config);
  }
}

static void an_empty_password_file_is_rejected(void **state) {
  (void)state;
  struct config *config = config_new();
  char text[500];
  snprintf(text, sizeof(text), NODE("User \"u\"\nPasswordFile \"%s\"\n"), empty_path);
  assert_int_equal(parse(config, text), -1);
  assert_int_equal(fake_collectd_logged(LOG_ERR, "first line"), 1);
  config_free(config);
}

static void nodes_and_labels_are_limited(void **state) {
  (void)state;
  static const struct {
    const char *format, *words;
    int allowed;
  } cases[] = {
      {"<Node \"n%d\">\nURL \"http://a\"\n</Node>\n", "too many Node blocks", CONFIG_NODES_MAX},
      {"Label \"l%d\" \"x\"\n", "too many labels", CONFIG_LABELS_MAX},
      {"Labels \"l%d\" \"x\"\n", "too many labels", CONFIG_LABELS_MAX},
      {"PluginLabel \"p%d\"\n", "too many plugins", CONFIG_PLUGIN_LABELS_MAX},
      {"Annotation \"a%d\" \"x\"\n", "too many annotations", CONFIG_ANNOTATIONS_MAX},
      {"<AlertName \"A%d\">\nPlugin \"x\"\n</AlertName>\n", "too many AlertName",
       CONFIG_ALERT_NAMES_MAX},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct config *config = config_new();
    char text[200];
    fake_collectd_reset();
    for (int n = 0; n <= cases[i].allowed; n++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
      snprintf(text, sizeof(text), cases[i].format, n);
#pragma GCC diagnostic pop
      check_int(cases[i].words, parse(config, text), n < cases[i].allowed ? 0 : -1);
    }
    check_int(cases[i].words, fake_collectd_logged(LOG_ERR, cases[i].words), 1);
    config_free(config);
  }
}

static void headers_of_a_node_are_limited(void **state) {
  (void)state;
  char text[1000] = "<Node \"n\">\nURL \"http://a\"\n";
  for (int i = 0; i <= CONFIG_HEADERS_MAX; i++)
    snprintf(text + strlen(text), sizeof(text) - strlen(text), "Header \"X-%d\" \"y\"\n", i);
  snprintf(text + strlen(text), sizeof(text) - strlen(text), "</Node>\n");
  struct config *config = config_new();
  assert_int_equal(parse(config, text), -1);
  assert_int_equal(fake_collectd_logged(LOG_ERR, "too many headers; allowed are 16"), 1);
  config_free(config);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup(name, set_up)
  const struct CMUnitTest tests[] = {
      TEST(without_a_block_alerts_go_to_this_host),
      TEST(every_option_is_read),
      TEST(blocks_add_up),
      TEST(the_first_plugin_label_replaces_the_default),
      TEST(mistakes_are_rejected_with_block_option_value_and_what_is_allowed),
      TEST(an_empty_password_file_is_rejected),
      TEST(nodes_and_labels_are_limited),
      TEST(headers_of_a_node_are_limited),
  };
  return cmocka_run_group_tests_name("config", tests, set_up_group, tear_down_group);
}
