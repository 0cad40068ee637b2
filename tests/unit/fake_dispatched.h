/*
 * Records the notifications that a plugin dispatches: part of the collectd for tests
 * (fake_collectd.h).
 */
#ifndef TESTS_FAKE_DISPATCHED_H
#define TESTS_FAKE_DISPATCHED_H

#include "common/collectd.h"

/* Discards the records. */
void fake_dispatched_reset(void);

size_t fake_dispatched_len(void);

/* The notification with this index, with its own copy of the meta data; NULL if none. */
const notification_t *fake_dispatched(size_t index);

/* The latest notification of a red flag, or NULL. */
const notification_t *fake_dispatched_of(const char *plugin_instance,
                                         const char *type_instance);

/* A meta datum as text; NULL if there is none of this name. */
const char *fake_dispatched_meta(const notification_t *notification, const char *name);

#endif
