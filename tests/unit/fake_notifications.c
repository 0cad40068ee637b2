/* Notifications for tests; see fake_notifications.h. */
#include "fake_notifications.h"

#include "fake_collectd.h"

#include <errno.h>
#include <string.h>

static plugin_notification_cb callback;
static user_data_t callback_data;

void fake_notifications_reset(const char *basedir) {
  callback = NULL;
  callback_data = (user_data_t){.data = NULL};
  fake_collectd_set_base_dir(basedir);
}

int fake_notify(const notification_t *notification) {
  return callback != NULL ? callback(notification, &callback_data) : -ENOENT;
}

void fake_notifications_end(void) {
  if (callback_data.free_func != NULL)
    callback_data.free_func(callback_data.data);
  callback = NULL;
  callback_data = (user_data_t){.data = NULL};
}

/* --- called by a plugin, with collectd's prototypes */

int plugin_register_notification(const char *name, plugin_notification_cb function,
                                 const user_data_t *user_data) {
  (void)name;
  callback = function;
  callback_data = *user_data;
  return 0;
}
