/* A plugin under a collectd that its headers do not describe. */
#include "common/daemon_layout.h"

#include "cases.h"
#include "fake_collectd.h"

static void the_daemon_of_the_headers_is_accepted(void **state) {
  (void)state;
  fake_collectd_reset();
  assert_true(daemon_layout_fits("example"));
  assert_int_equal(fake_collectd_logged(0, ""), 0);
}

static void a_daemon_with_names_of_another_length_is_rejected(void **state) {
  (void)state;
  static const size_t lengths[] = {64, 127, 129, 256, 1024};
  for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
    fake_collectd_reset();
    fake_collectd_set_name_length(lengths[i]);
    assert_false(daemon_layout_fits("example"));
    assert_int_equal(fake_collectd_logged(LOG_ERR, "example plugin: it was built for another"),
                     1);
  }
}

static void if_rejected_the_plugin_registers_nothing(void **state) {
  (void)state;
  fake_collectd_reset();
  fake_collectd_set_name_length(256);
  module_register();
  assert_true(fake_collectd_configure("Summary true\n") != 0);
  assert_true(fake_collectd_read() != 0);
  assert_int_equal(fake_collectd_logged(LOG_ERR, "sidecar plugin: it was built for another"),
                   1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_daemon_of_the_headers_is_accepted),
      cmocka_unit_test(a_daemon_with_names_of_another_length_is_rejected),
      cmocka_unit_test(if_rejected_the_plugin_registers_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
