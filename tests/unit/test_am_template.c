/* Templates and URLs of the configuration: accepted forms and their results. */
#include <errno.h>

#include "am_alerts.h"
#include "notify_alertmanager/template.h"
#include "notify_alertmanager/url.h"

static bool field(void *context, struct span name, struct span *ret_value) {
  (void)context;
  if (span_equals(name, "host"))
    *ret_value = SPAN_LITERAL("web 1/\xC3\xBC");
  else if (span_equals(name, "plugin"))
    *ret_value = SPAN_LITERAL("df");
  else if (span_equals(name, "meta:pid"))
    *ret_value = SPAN_LITERAL("4711");
  else
    return false;
  return true;
}

static void placeholders_are_filled_in(void **state) {
  (void)state;
  static const struct {
    const char *text;
    enum template_kind kind;
    const char *expanded;
  } cases[] = {
      {"plain", TEMPLATE_TEXT, "plain"},
      {"", TEMPLATE_TEXT, ""},
      {"%{plugin}", TEMPLATE_TEXT, "df"},
      {"a %{plugin} b %{meta:pid}!", TEMPLATE_TEXT, "a df b 4711!"},
      {"%{host}", TEMPLATE_TEXT, "web 1/\xC3\xBC"},
      {"[%{meta:other}]", TEMPLATE_TEXT, "[]"},
      {"[%{type}]", TEMPLATE_TEXT, "[]"},
      {"100 % and %% and {x}", TEMPLATE_TEXT, "100 % and %% and {x}"},
      {"%", TEMPLATE_TEXT, "%"},
      {"%{%}{host}", TEMPLATE_TEXT, "%{host}"},
      {"http://g/%{%}", TEMPLATE_URL, "http://g/%25"},
      {"http://g/d?var-host=%{host}&p=%{plugin}", TEMPLATE_URL,
       "http://g/d?var-host=web%201%2F%C3%BC&p=df"},
      {"https://g:3000/%20x", TEMPLATE_URL, "https://g:3000/%20x"},
      {"http://[::1]:80/", TEMPLATE_URL, "http://[::1]:80/"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct buffer b;
    const char *why = NULL;
    buffer_init(&b, 1000);
    check_int(cases[i].text, template_check(cases[i].text, cases[i].kind, &why), 0);
    check_int(cases[i].text, template_expand(cases[i].text, cases[i].kind, field, NULL, &b), 0);
    check_string(cases[i].text, buffer_string(&b), cases[i].expanded);
    buffer_free(&b);
  }
}

static void bad_templates_are_rejected_with_a_reason(void **state) {
  (void)state;
  static const struct {
    const char *text;
    enum template_kind kind;
    const char *why;
  } cases[] = {
      {"%{", TEMPLATE_TEXT, "no \"}\""},
      {"a %{host", TEMPLATE_TEXT, "no \"}\""},
      {"%{}", TEMPLATE_TEXT, "unknown placeholder"},
      {"%{hosts}", TEMPLATE_TEXT, "unknown placeholder"},
      {"%{Host}", TEMPLATE_TEXT, "unknown placeholder"},
      {"%{meta:}", TEMPLATE_TEXT, "unknown placeholder"},
      {"%{host plugin}", TEMPLATE_TEXT, "unknown placeholder"},
      {"", TEMPLATE_URL, "http://"},
      {"/d/x", TEMPLATE_URL, "http://"},
      {"ftp://x/", TEMPLATE_URL, "http://"},
      {"http://", TEMPLATE_URL, "host"},
      {"http://%{host}/", TEMPLATE_URL, "host"},
      {"http://a%{host}/", TEMPLATE_URL, "host"},
      {"http://a:%{host}/", TEMPLATE_URL, "port"},
      {"http://a:0/", TEMPLATE_URL, "port"},
      {"http://a:65536/", TEMPLATE_URL, "port"},
      {"http://a:99999999999999999999999/", TEMPLATE_URL, "port"},
      {"http://me:secret@a/", TEMPLATE_URL, "port"},
      {"http://me@a/", TEMPLATE_URL, "User"},
      {"http://[::1/", TEMPLATE_URL, "host"},
      {"http://a/b c", TEMPLATE_URL, "%XX"},
      {"http://a/%2", TEMPLATE_URL, "%XX"},
      {"http://a/%zz", TEMPLATE_URL, "%XX"},
      {"http://a/\xC3\xBC", TEMPLATE_URL, "%XX"},
      {"http://a/\n", TEMPLATE_URL, "%XX"},
      {"http://a/%{hosts}", TEMPLATE_URL, "unknown placeholder"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    const char *why = "";
    check_int(cases[i].text, template_check(cases[i].text, cases[i].kind, &why), -EINVAL);
    if (strstr(why, cases[i].why) == NULL)
      fail_msg("%s: the reason is \"%s\"", cases[i].text, why);
  }
}

static void a_value_past_the_limit_is_an_error(void **state) {
  (void)state;
  struct buffer b;
  buffer_init(&b, 5);
  assert_int_equal(template_expand("abc%{meta:pid}", TEMPLATE_TEXT, field, NULL, &b),
                   -EMSGSIZE);
  assert_string_equal(buffer_string(&b), "abc");
  assert_int_equal(template_expand("%{host}", TEMPLATE_URL, field, NULL, &b), -EMSGSIZE);
  buffer_free(&b);
}

static void the_url_of_a_node_becomes_that_of_its_api(void **state) {
  (void)state;
  static const struct {
    const char *url, *posted;
  } cases[] = {
      {"http://127.0.0.1:9093", "http://127.0.0.1:9093/api/v2/alerts"},
      {"http://am/", "http://am/api/v2/alerts"},
      {"https://am.example.org/prefix", "https://am.example.org/prefix/api/v2/alerts"},
      {"https://am/prefix///", "https://am/prefix/api/v2/alerts"},
      {"http://am/api/v2/alerts", "http://am/api/v2/alerts"},
      {"http://am/api/v2/alerts/", "http://am/api/v2/alerts"},
      {"http://[2001:db8::7]:9093", "http://[2001:db8::7]:9093/api/v2/alerts"},
      {"am:9093", NULL},
      {"HTTP//am", NULL},
      {"http://am:port", NULL},
      {"http://am?x=1", NULL},
      {"http://am/x?y", NULL},
      {"http://am/#a", NULL},
      {"http://user:pass@am/", NULL},
      {"http://am/ x", NULL},
      {"http://a m/", NULL},
      {"unix:/run/am.sock", NULL},
      {"", NULL},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct buffer b;
    const char *why = NULL;
    buffer_init(&b, 200);
    int status = url_of_alerts(&b, cases[i].url, &why);
    check_int(cases[i].url, status, cases[i].posted != NULL ? 0 : -EINVAL);
    check_int(cases[i].url, why != NULL, cases[i].posted == NULL);
    if (cases[i].posted != NULL)
      check_string(cases[i].url, buffer_string(&b), cases[i].posted);
    buffer_free(&b);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(placeholders_are_filled_in),
      cmocka_unit_test(bad_templates_are_rejected_with_a_reason),
      cmocka_unit_test(a_value_past_the_limit_is_an_error),
      cmocka_unit_test(the_url_of_a_node_becomes_that_of_its_api),
  };
  return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
