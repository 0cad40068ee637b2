/* The body of a post, read back with another parser than wrote it; times; error bodies. */
#include <errno.h>
#include <stdio.h>
#include <yajl/yajl_tree.h>

#include "am_alerts.h"
#include "notify_alertmanager/alert_json.h"

static const char *string_at(yajl_val value, const char *first, const char *second) {
  const char *path[] = {first, second, NULL};
  return YAJL_GET_STRING(yajl_tree_get(value, path, yajl_t_string));
}

static yajl_val parse(struct span body) {
  char error[256] = "";
  char *text = strndup(body.at, body.len);
  yajl_val tree = yajl_tree_parse(text, error, sizeof(error));
  free(text);
  if (tree == NULL)
    fail_msg("not JSON: %s", error);
  return tree;
}

static void a_body_contains_the_alerts_in_alertmanagers_format(void **state) {
  (void)state;
  struct alert_json *json;
  struct alert *alert = make_alert("df", "warning", "quotes \" \\ and\nbreaks \x01");
  assert_int_equal(alert_json_new(100000, &json), 0);
  assert_int_equal(alert_json_begin(json), 0);
  assert_int_equal(alert_json_add(json, alert, 1700000000123456789, 0), 0);
  assert_int_equal(alert_json_add(json, alert, 1700000000000000000, 1700000001000000000), 0);
  assert_int_equal(alert_json_end(json), 0);

  yajl_val tree = parse(alert_json_body(json));
  assert_true(YAJL_IS_ARRAY(tree));
  assert_int_equal(YAJL_GET_ARRAY(tree)->len, 2);
  yajl_val one = YAJL_GET_ARRAY(tree)->values[0], two = YAJL_GET_ARRAY(tree)->values[1];
  assert_string_equal(string_at(one, "labels", "plugin"), "df");
  assert_string_equal(string_at(one, "labels", "alertname"), "Test");
  assert_string_equal(string_at(one, "annotations", "description"),
                      "quotes \" \\ and\nbreaks \\x01");
  assert_string_equal(string_at(one, "startsAt", NULL), "2023-11-14T22:13:20.123456789Z");
  const char *ends[] = {"endsAt", NULL}, *url[] = {"generatorURL", NULL};
  assert_null(yajl_tree_get(one, ends, yajl_t_any));
  assert_null(yajl_tree_get(one, url, yajl_t_any));
  assert_string_equal(string_at(two, "endsAt", NULL), "2023-11-14T22:13:21.000000000Z");
  yajl_tree_free(tree);
  alert_json_free(json);
  alert_unref(alert);
}

static void a_configured_url_is_included(void **state) {
  (void)state;
  struct alert_builder b;
  struct alert *alert;
  struct alert_json *json;
  alert_builder_init(&b);
  assert_int_equal(alert_builder_label(&b, "plugin", span_of("p")), 0);
  assert_int_equal(alert_builder_url(&b, span_of("http://g/d?x=%20")), 0);
  assert_int_equal(alert_builder_finish(&b, &alert), 0);
  assert_int_equal(alert_json_new(100000, &json), 0);
  assert_int_equal(alert_json_begin(json), 0);
  assert_int_equal(alert_json_add(json, alert, 1, 0), 0);
  assert_int_equal(alert_json_end(json), 0);
  yajl_val tree = parse(alert_json_body(json));
  assert_string_equal(string_at(YAJL_GET_ARRAY(tree)->values[0], "generatorURL", NULL),
                      "http://g/d?x=%20");
  yajl_tree_free(tree);
  alert_json_free(json);
  alert_builder_free(&b);
  alert_unref(alert);
}

static void a_body_can_be_restarted_and_be_empty(void **state) {
  (void)state;
  struct alert_json *json;
  struct alert *alert = make_alert("df", "warning", "x");
  assert_int_equal(alert_json_new(100000, &json), 0);
  assert_int_equal(alert_json_begin(json), 0);
  assert_int_equal(alert_json_add(json, alert, 1, 0), 0);
  assert_int_equal(alert_json_begin(json), 0);
  assert_int_equal(alert_json_end(json), 0);
  check_span("after an unfinished one", alert_json_body(json), SPAN_LITERAL("[]"));
  assert_int_equal(alert_json_begin(json), 0);
  assert_int_equal(alert_json_end(json), 0);
  check_span("after a finished one", alert_json_body(json), SPAN_LITERAL("[]"));
  alert_json_free(json);
  alert_unref(alert);
}

static void a_full_body_is_an_error_and_the_next_one_works(void **state) {
  (void)state;
  struct alert_json *json;
  struct alert *alert = make_alert("df", "warning", "x");
  assert_int_equal(alert_json_new(300, &json), 0);
  assert_int_equal(alert_json_begin(json), 0);
  assert_int_equal(alert_json_add(json, alert, 1, 0), 0);
  assert_int_equal(alert_json_add(json, alert, 1, 0), -EMSGSIZE);
  assert_int_equal(alert_json_end(json), -EMSGSIZE);
  assert_int_equal(alert_json_begin(json), 0);
  assert_int_equal(alert_json_add(json, alert, 1, 0), 0);
  assert_int_equal(alert_json_end(json), 0);
  yajl_tree_free(parse(alert_json_body(json)));
  alert_json_free(json);
  alert_unref(alert);
}

static void the_largest_alert_fits_the_documented_size(void **state) {
  (void)state;
  struct alert_builder b;
  struct alert *alert;
  struct alert_json *json;
  char name[16], *quotes = malloc(9000);
  memset(quotes, '"', 9000);
  alert_builder_init(&b);
  assert_int_equal(alert_builder_label(&b, "plugin", span_of("p")), 0);
  for (int i = 0; i < 20; i++) {
    snprintf(name, sizeof(name), "a%d", i);
    assert_int_equal(alert_builder_annotation(&b, span_of(name), span_make(quotes, 9000)), 0);
  }
  assert_int_equal(alert_builder_finish(&b, &alert), 0);
  assert_int_equal(alert_json_new(ALERT_JSON_BYTES_MAX, &json), 0);
  assert_int_equal(alert_json_begin(json), 0);
  assert_int_equal(alert_json_add(json, alert, INT64_MAX, INT64_MAX), 0);
  alert_json_free(json);
  alert_builder_free(&b);
  alert_unref(alert);
  free(quotes);
}

static void times_are_written_as_rfc_3339(void **state) {
  (void)state;
  static const struct {
    int64_t time_ns;
    const char *text;
  } cases[] = {
      {0, "1970-01-01T00:00:00.000000000Z"},
      {-5, "1970-01-01T00:00:00.000000000Z"},
      {1, "1970-01-01T00:00:00.000000001Z"},
      {951782400999999999, "2000-02-29T00:00:00.999999999Z"},
      {1709164799000000000, "2024-02-28T23:59:59.000000000Z"},
      {1709164800000000000, "2024-02-29T00:00:00.000000000Z"},
      {4102444800000000000, "2100-01-01T00:00:00.000000000Z"},
      {INT64_MAX, "2262-04-11T23:47:16.854775807Z"},
      {INT64_MIN, "1970-01-01T00:00:00.000000000Z"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    char text[ALERT_TIME_SIZE];
    alert_time_write(text, cases[i].time_ns);
    check_string(cases[i].text, text, cases[i].text);
  }
}

static void the_reason_is_found_in_an_errors_body(void **state) {
  (void)state;
  static const struct {
    const char *name;
    struct span body;
    const char *reason;
  } cases[] = {
      {"Alertmanager's 400", SPAN_LITERAL("\"bad label \\\"x\\\"\"\n"), "bad label \"x\""},
      {"Alertmanager's 422",
       SPAN_LITERAL("{\"code\":601,\"message\":\"validation failure list\"}"),
       "validation failure list"},
      {"a message after other things",
       SPAN_LITERAL("{\"a\":{\"message\":\"inner\"},\"b\":[\"x\"],\"error\":\"outer\"}"),
       "outer"},
      {"a proxy's page", SPAN_LITERAL("\r\n  <html><body>nope\nmore"), "<html><body>nope"},
      {"plain words", SPAN_LITERAL("out of order"), "out of order"},
      {"a string that was cut off", SPAN_LITERAL("\"bad la"), "\"bad la"},
      {"JSON without a reason", SPAN_LITERAL("{\"code\":5}"), "{\"code\":5}"},
      {"a list", SPAN_LITERAL("[\"a\"]"), "[\"a\"]"},
      {"a message that is no string", SPAN_LITERAL("{\"message\":{\"x\":\"y\"}}"),
       "{\"message\":{\"x\":\"y\"}}"},
      {"control bytes", SPAN_LITERAL("\x1B[31mred\x07"), "\\x1B[31mred\\x07"},
      {"bytes that are not UTF-8", SPAN_LITERAL("\xFF\xFE"), "\\xFF\\xFE"},
      {"blank lines only", SPAN_LITERAL("\n \n\t\n"), ""},
      {"nothing", SPAN_LITERAL(""), ""},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    char reason[RESPONSE_REASON_SIZE];
    struct span copy = exact_copy(cases[i].body);
    check_string(cases[i].name, response_reason(reason, copy), cases[i].reason);
    exact_free(copy);
  }
}

static void a_long_reason_is_cut(void **state) {
  (void)state;
  char reason[RESPONSE_REASON_SIZE], *body = malloc(100000);
  memset(body, 'z', 100000);
  response_reason(reason, span_make(body, 100000));
  assert_int_equal(strlen(reason), RESPONSE_REASON_SIZE - 1);
  assert_string_equal(reason + strlen(reason) - 4, "z...");
  free(body);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_body_contains_the_alerts_in_alertmanagers_format),
      cmocka_unit_test(a_configured_url_is_included),
      cmocka_unit_test(a_body_can_be_restarted_and_be_empty),
      cmocka_unit_test(a_full_body_is_an_error_and_the_next_one_works),
      cmocka_unit_test(the_largest_alert_fits_the_documented_size),
      cmocka_unit_test(times_are_written_as_rfc_3339),
      cmocka_unit_test(the_reason_is_found_in_an_errors_body),
      cmocka_unit_test(a_long_reason_is_cut),
  };
  return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
