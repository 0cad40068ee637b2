/*
 * Notifications in the collectd for tests (fake_collectd.h): records the callback of a
 * notification plugin, and sends notifications to it.
 */
#ifndef TESTS_FAKE_NOTIFICATIONS_H
#define TESTS_FAKE_NOTIFICATIONS_H

#include "common/collectd.h"

/* Discards the callback. basedir as in fake_collectd_set_base_dir(). */
void fake_notifications_reset(const char *basedir);

/* Passes a notification to the registered callback, and returns its return value. */
int fake_notify(const notification_t *notification);

/* As the daemon's last step: frees the callback's user data. */
void fake_notifications_end(void);

#endif
