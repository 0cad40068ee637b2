/*
 * The notification side of the collectd for tests (fake_collectd.h): what a notification
 * plugin registers, and notifications to hand to it.
 */
#ifndef TESTS_FAKE_NOTIFICATIONS_H
#define TESTS_FAKE_NOTIFICATIONS_H

#include "common/collectd.h"

/* Forgets what was registered. basedir as in fake_collectd_set_base_dir(). */
void fake_notifications_reset(const char *basedir);

/* Hands a notification to the registered callback. Returns what that returns. */
int fake_notify(const notification_t *notification);

/* As the daemon's last step: frees the callback's user data. */
void fake_notifications_end(void);

#endif
