/* Alerts: foreign bytes made fit, label sets that are equal bytes, limits. */
#include <errno.h>
#include <stdio.h>

#include "am_alerts.h"
#include "common/text.h"

static void values_are_sanitised(void **state) {
  (void)state;
  static const struct {
    const char *name;
    struct span value;
    const char *fit;
  } cases[] = {
      {"plain text stays", SPAN_LITERAL("plain"), "plain"},
      {"quotes and backslashes stay", SPAN_LITERAL("a \"b\" \\n c"), "a \"b\" \\n c"},
      {"line breaks and tabs stay", SPAN_LITERAL("a\n\tb"), "a\n\tb"},
      {"other scripts stay", SPAN_LITERAL("gr\xC3\xBC\xC3\x9F \xE6\x97\xA5"),
       "gr\xC3\xBC\xC3\x9F \xE6\x97\xA5"},
      {"an escape sequence is shown", SPAN_LITERAL("\x1B[31mred"), "\\x1B[31mred"},
      {"a carriage return is shown", SPAN_LITERAL("a\rb"),
       "a\\x0D"
       "b"},
      {"a NUL is shown", SPAN_LITERAL("a\0b"),
       "a\\x00"
       "b"},
      {"bytes that are not UTF-8 are shown", SPAN_LITERAL("\xFF\xC3"), "\\xFF\\xC3"},
      {"so is a surrogate, byte by byte", SPAN_LITERAL("\xED\xA0\x80"), "\\xED\\xA0\\x80"},
      {"what turns the text round is shown",
       SPAN_LITERAL("a\xE2\x80\xAE"
                    "b"),
       "a\\xE2\\x80\\xAE"
       "b"},
      {"so is what hides: a soft hyphen, an Arabic letter mark and a tag character",
       SPAN_LITERAL("a\xC2\xAD\xD8\x9C\xF3\xA0\x81\x81"),
       "a\\xC2\\xAD\\xD8\\x9C\\xF3\\xA0\\x81\\x81"},
      {"an emoji in colour stays", SPAN_LITERAL("\xE2\x9A\xA0\xEF\xB8\x8F hot"),
       "\xE2\x9A\xA0\xEF\xB8\x8F hot"},
      {"a control character of two bytes too", SPAN_LITERAL("\xC2\x9B"), "\\xC2\\x9B"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct alert_builder b;
    struct alert *alert = NULL;
    struct span copy = exact_copy(cases[i].value);
    alert_builder_init(&b);
    check_int(cases[i].name, alert_builder_label(&b, "plugin", copy), 0);
    check_int(cases[i].name, alert_builder_annotation(&b, span_of("text"), copy), 0);
    check_int(cases[i].name, alert_builder_finish(&b, &alert), 0);
    check_string(cases[i].name, alert_label(alert, "plugin"), cases[i].fit);
    check_string(cases[i].name, annotation_of(alert, "text"), cases[i].fit);
    alert_unref(alert);
    alert_builder_free(&b);
    exact_free(copy);
  }
}

/* The value's first len bytes are unchanged, followed by its original length. */
static void check_cut(const char *name, const char *value, struct span given, size_t max) {
  char note[64];
  int note_len = snprintf(note, sizeof(note), " ... (cut, %zu bytes)", given.len);
  size_t len = strlen(value) - (size_t)note_len;
  if (strlen(value) > max || strcmp(value + len, note) != 0)
    fail_msg("%s: %zu bytes end in \"%s\"", name, strlen(value), value + strlen(value) - 30);
  check_int(name, memcmp(value, given.at, len), 0);
  check_int(name, text_utf8_cut(span_make(given.at, given.len), len), len);
}

static void long_values_are_cut_between_characters_with_a_note(void **state) {
  (void)state;
  enum { LEN = 100 * 1024 };
  static const char *const fillings[] = {"x", "\xC3\xBC", "\xE6\x97\xA5", "\xF0\x9F\x98\x80"};
  for (size_t f = 0; f < ARRAY_LENGTH(fillings); f++) {
    for (size_t shift = 0; shift < 4; shift++) {
      size_t unit = strlen(fillings[f]), len = 0;
      char *text = malloc(LEN + 8);
      while (len < shift)
        text[len++] = '.';
      while (len + unit <= LEN) {
        memcpy(text + len, fillings[f], unit);
        len += unit;
      }
      struct alert_builder b;
      struct alert *alert = NULL;
      alert_builder_init(&b);
      assert_int_equal(alert_builder_label(&b, "plugin", span_make(text, len)), 0);
      assert_int_equal(alert_builder_annotation(&b, span_of("text"), span_make(text, len)), 0);
      assert_int_equal(alert_builder_finish(&b, &alert), 0);
      check_cut(fillings[f], alert_label(alert, "plugin"), span_make(text, len),
                ALERT_LABEL_BYTES);
      check_cut(fillings[f], annotation_of(alert, "text"), span_make(text, len),
                ALERT_ANNOTATION_BYTES);
      alert_unref(alert);
      alert_builder_free(&b);
      free(text);
    }
  }
}

static void a_hundred_kilobytes_of_bad_bytes_stay_within_the_limit(void **state) {
  (void)state;
  enum { LEN = 100 * 1024 };
  char *text = malloc(LEN);
  memset(text, 0xFE, LEN);
  struct alert_builder b;
  struct alert *alert = NULL;
  alert_builder_init(&b);
  assert_int_equal(alert_builder_label(&b, "plugin", span_of("p")), 0);
  assert_int_equal(alert_builder_annotation(&b, span_of("text"), span_make(text, LEN)), 0);
  assert_int_equal(alert_builder_finish(&b, &alert), 0);
  assert_true(strlen(annotation_of(alert, "text")) <= ALERT_ANNOTATION_BYTES);
  assert_non_null(strstr(annotation_of(alert, "text"), "\\xFE ... (cut, 102400 bytes)"));
  alert_unref(alert);
  alert_builder_free(&b);
  free(text);
}

static void names_of_annotations_are_sanitised(void **state) {
  (void)state;
  static const struct {
    const char *given, *name;
  } cases[] = {
      {"CurrentValue", "CurrentValue"},
      {"a b.c-d", "a_b_c_d"},
      {"1st", "_1st"},
      {"-x", "_x"},
      {"gr\xC3\xBC"
       "n",
       "gr__n"},
      {"", "_"},
      {"quote\"d", "quote_d"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct alert_builder b;
    alert_builder_init(&b);
    check_int(cases[i].given,
              alert_builder_annotation(&b, span_of(cases[i].given), span_of("v")), 0);
    if (!alert_builder_has_annotation(&b, cases[i].name))
      fail_msg("%s: became %s, not %s", cases[i].given, b.text.data, cases[i].name);
    assert_true(alert_is_label_name(span_of(b.text.data)));
    alert_builder_free(&b);
  }
}

static void annotations_with_the_same_name_are_numbered(void **state) {
  (void)state;
  struct alert_builder b;
  struct alert *alert = NULL;
  alert_builder_init(&b);
  assert_int_equal(alert_builder_label(&b, "plugin", span_of("p")), 0);
  assert_int_equal(alert_builder_annotation(&b, span_of("a.b"), span_of("1")), 0);
  assert_int_equal(alert_builder_annotation(&b, span_of("a-b"), span_of("2")), 0);
  assert_int_equal(alert_builder_annotation(&b, span_of("a_b"), span_of("3")), 0);
  assert_int_equal(alert_builder_finish(&b, &alert), 0);
  assert_string_equal(annotation_of(alert, "a_b"), "1");
  assert_string_equal(annotation_of(alert, "a_b_2"), "2");
  assert_string_equal(annotation_of(alert, "a_b_3"), "3");
  alert_unref(alert);
  alert_builder_free(&b);
}

static void a_very_long_name_keeps_room_for_its_number(void **state) {
  (void)state;
  char name[301];
  memset(name, 'n', 300);
  name[300] = '\0';
  struct alert_builder b;
  alert_builder_init(&b);
  for (int i = 0; i < 12; i++)
    assert_int_equal(alert_builder_annotation(&b, span_of(name), span_of("v")), 0);
  assert_int_equal(b.annotations_len, 12);
  for (size_t i = 0; i < 12; i++)
    assert_true(alert_is_label_name(span_of(b.text.data + b.annotations[i].name_at)));
  alert_builder_free(&b);
}

static void label_names_are_valid_for_alertmanager(void **state) {
  (void)state;
  static const struct {
    const char *name;
    bool valid;
  } cases[] = {
      {"team", true}, {"_x9", true},  {"A", true},    {"", false},         {"9a", false},
      {"a-b", false}, {"a b", false}, {"a.b", false}, {"\xC3\xBC", false},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
    check_int(cases[i].name, alert_is_label_name(span_of(cases[i].name)), cases[i].valid);
}

static void empty_values_are_omitted(void **state) {
  (void)state;
  struct alert_builder b;
  struct alert *alert = NULL;
  alert_builder_init(&b);
  assert_int_equal(alert_builder_label(&b, "instance", span_of("")), 0);
  assert_int_equal(alert_builder_annotation(&b, span_of("a"), span_of("")), 0);
  assert_int_equal(alert_builder_finish(&b, &alert), -EINVAL);
  assert_int_equal(alert_builder_label(&b, "plugin", span_of("p")), 0);
  assert_int_equal(alert_builder_finish(&b, &alert), 0);
  assert_int_equal(pairs_len(alert_labels(alert)), 1);
  assert_int_equal(pairs_len(alert_annotations(alert)), 0);
  assert_string_equal(alert_generator_url(alert), "");
  assert_null(alert_label(alert, "instance"));
  alert_unref(alert);
  alert_builder_free(&b);
}

static struct alert *labelled(const char *const *names, size_t len) {
  struct alert_builder b;
  struct alert *alert = NULL;
  alert_builder_init(&b);
  for (size_t i = 0; i < len; i++)
    assert_int_equal(alert_builder_label(&b, names[i], span_of(names[i])), 0);
  assert_int_equal(alert_builder_finish(&b, &alert), 0);
  alert_builder_free(&b);
  return alert;
}

static void label_sets_are_equal_whatever_their_order(void **state) {
  (void)state;
  static const char *const one[] = {"zeta",  "type",     "alertname", "plugin",
                                    "alpha", "severity", "instance"};
  static const char *const two[] = {"instance", "severity",  "alpha", "plugin",
                                    "type",     "alertname", "zeta"};
  static const char *const less[] = {"instance", "severity", "plugin", "type", "alertname"};
  struct alert *a = labelled(one, 7), *b = labelled(two, 7), *c = labelled(less, 5);
  assert_true(alert_same_labels(a, b));
  assert_false(alert_same_labels(a, c));
  check_span("the identity leaves the others out", alert_identity(a), alert_identity(c));
  assert_int_equal(pairs_len(alert_identity(a)), 3);
  assert_int_equal(pairs_len(alert_labels(a)), 7);
  alert_unref(a);
  alert_unref(b);
  alert_unref(c);
}

static void a_duplicate_label_is_rejected(void **state) {
  (void)state;
  struct alert_builder b;
  alert_builder_init(&b);
  assert_int_equal(alert_builder_label(&b, "plugin", span_of("p")), 0);
  assert_int_equal(alert_builder_label(&b, "plugin", span_of("q")), -EEXIST);
  alert_builder_free(&b);
}

static void too_many_labels_are_rejected(void **state) {
  (void)state;
  struct alert_builder b;
  char name[16];
  alert_builder_init(&b);
  for (int i = 0; i < ALERT_LABELS_MAX; i++) {
    snprintf(name, sizeof(name), "l%d", i);
    assert_int_equal(alert_builder_label(&b, name, span_of("v")), 0);
  }
  assert_int_equal(alert_builder_label(&b, "more", span_of("v")), -E2BIG);
  alert_builder_free(&b);
}

static void annotations_that_do_not_fit_are_counted(void **state) {
  (void)state;
  static const struct {
    const char *name;
    size_t count, len;
  } cases[] = {
      {"too many small ones", 1000, 3},
      {"too many bytes", 30, 8000},
      {"both", 500, 1000},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct alert_builder b;
    struct alert *alert = NULL;
    char name[32], value[8001], count[24];
    memset(value, 'v', sizeof(value));
    alert_builder_init(&b);
    check_int(cases[i].name, alert_builder_label(&b, "plugin", span_of("p")), 0);
    for (size_t n = 0; n < cases[i].count; n++) {
      snprintf(name, sizeof(name), "a%zu", n);
      check_int(cases[i].name,
                alert_builder_annotation(&b, span_of(name), span_make(value, cases[i].len)), 0);
    }
    check_int(cases[i].name, alert_builder_finish(&b, &alert), 0);
    size_t in = pairs_len(alert_annotations(alert)) - 1;
    snprintf(count, sizeof(count), "%zu", cases[i].count - in);
    check_string(cases[i].name, annotation_of(alert, ALERT_LEFT_OUT), count);
    check_int(cases[i].name, alert_bytes(alert) <= ALERT_BYTES_MAX + 64, 1);
    check_int(cases[i].name, in > 6, 1);
    alert_unref(alert);
    alert_builder_free(&b);
  }
}

static void an_annotation_can_be_set_on_a_finished_alert(void **state) {
  (void)state;
  struct alert *before = make_alert("p", "warning", "it burns"), *after, *again;
  assert_int_equal(alert_annotated(before, "resolution", span_of("it is out"), &after), 0);
  assert_true(alert_same_labels(before, after));
  assert_string_equal(annotation_of(after, "description"), "it burns");
  assert_string_equal(annotation_of(after, "resolution"), "it is out");
  assert_null(annotation_of(before, "resolution"));
  assert_int_equal(alert_annotated(after, "resolution", span_of("again"), &again), 0);
  assert_string_equal(annotation_of(again, "resolution"), "again");
  assert_int_equal(pairs_len(alert_annotations(again)), 2);
  alert_unref(before);
  alert_unref(after);
  alert_unref(again);
}

/* A value that was cut when the alert was made is not cut once more in the copy. */
static void a_truncated_text_is_not_truncated_again(void **state) {
  (void)state;
  char *text = malloc(20001);
  memset(text, 't', 20000);
  text[20000] = '\0';
  struct alert *before = make_alert("p", "warning", text), *after;
  assert_int_equal(alert_annotated(before, "resolution", span_of("r"), &after), 0);
  assert_string_equal(annotation_of(after, "description"),
                      annotation_of(before, "description"));
  alert_unref(before);
  alert_unref(after);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_are_sanitised),
      cmocka_unit_test(long_values_are_cut_between_characters_with_a_note),
      cmocka_unit_test(a_hundred_kilobytes_of_bad_bytes_stay_within_the_limit),
      cmocka_unit_test(names_of_annotations_are_sanitised),
      cmocka_unit_test(annotations_with_the_same_name_are_numbered),
      cmocka_unit_test(a_very_long_name_keeps_room_for_its_number),
      cmocka_unit_test(label_names_are_valid_for_alertmanager),
      cmocka_unit_test(empty_values_are_omitted),
      cmocka_unit_test(label_sets_are_equal_whatever_their_order),
      cmocka_unit_test(a_duplicate_label_is_rejected),
      cmocka_unit_test(too_many_labels_are_rejected),
      cmocka_unit_test(annotations_that_do_not_fit_are_counted),
      cmocka_unit_test(an_annotation_can_be_set_on_a_finished_alert),
      cmocka_unit_test(a_truncated_text_is_not_truncated_again),
  };
  return cmocka_run_group_tests_name("alert", tests, NULL, NULL);
}
