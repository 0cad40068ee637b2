/*
 * The notifications that a plugin dispatches, recorded: one more side of the collectd for
 * tests (fake_collectd.h).
 */
#ifndef TESTS_FAKE_TOLD_H
#define TESTS_FAKE_TOLD_H

#include "common/collectd.h"

/* Forgets what was recorded. */
void fake_told_reset(void);

size_t fake_told_len(void);

/* The notification told as number index; its meta data are its own. NULL when there is none. */
const notification_t *fake_told(size_t index);

/* The latest one of a red flag, or NULL. */
const notification_t *fake_told_of(const char *plugin_instance, const char *type_instance);

/* The text of a meta datum, numbers written out; NULL when there is none of the name. */
const char *fake_told_meta(const notification_t *notification, const char *name);

#endif
