/* Alerts and notifications for the tests of notify_alertmanager, made in a line. */
#ifndef TESTS_UNIT_AM_ALERTS_H
#define TESTS_UNIT_AM_ALERTS_H

#include "cases.h"
#include "notify_alertmanager/alert.h"

/* The value of an annotation, or NULL. */
static inline const char *annotation_of(const struct alert *alert, const char *name) {
  alert_pairs pairs = alert_annotations(alert);
  struct alert_pair pair;
  while (alert_pair_next(&pairs, &pair))
    if (strcmp(pair.name, name) == 0)
      return pair.value;
  return NULL;
}

static inline size_t pairs_len(alert_pairs pairs) {
  struct alert_pair pair;
  size_t len = 0;
  while (alert_pair_next(&pairs, &pair))
    len++;
  return len;
}

/* An alert of that plugin, and severity as a label, with one annotation. */
static inline struct alert *make_alert(const char *plugin, const char *severity,
                                       const char *description) {
  struct alert_builder b;
  struct alert *alert = NULL;
  alert_builder_init(&b);
  assert_int_equal(alert_builder_label(&b, "instance", span_of("host")), 0);
  assert_int_equal(alert_builder_label(&b, "plugin", span_of(plugin)), 0);
  assert_int_equal(alert_builder_label(&b, "alertname", span_of("Test")), 0);
  assert_int_equal(alert_builder_label(&b, "severity", span_of(severity)), 0);
  assert_int_equal(alert_builder_annotation(&b, span_of("description"), span_of(description)),
                   0);
  assert_int_equal(alert_builder_finish(&b, &alert), 0);
  alert_builder_free(&b);
  return alert;
}

/* Fails in the name of a case when two strings differ; NULL equals only NULL. */
#define check_string(name, actual, expected)                                                   \
  do {                                                                                         \
    const char *actual_ = (actual), *expected_ = (expected);                                   \
    if ((actual_ == NULL) != (expected_ == NULL) ||                                            \
        (actual_ != NULL && strcmp(actual_, expected_) != 0))                                  \
      fail_msg("%s: %s is \"%s\", not \"%s\"", name, #actual,                                  \
               actual_ != NULL ? actual_ : "(null)",                                           \
               expected_ != NULL ? expected_ : "(null)");                                      \
  } while (0)

#endif
