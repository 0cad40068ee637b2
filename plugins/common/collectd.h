/*
 * The only place that includes collectd's headers. They need HAVE_CONFIG_H, and their config.h
 * silently redefines PACKAGE, PACKAGE_VERSION and VERSION: do not use those; our version is
 * SUITE_VERSION (configure.ac).
 */
#ifndef COMMON_COLLECTD_H
#define COMMON_COLLECTD_H

#ifndef HAVE_CONFIG_H
#define HAVE_CONFIG_H 1
#endif

#include "collectd/core/daemon/collectd.h"

#include "collectd/core/daemon/configfile.h"
#include "collectd/core/daemon/plugin.h"
#include "collectd/core/daemon/utils_time.h"

/* Everything else in a plugin is hidden (-fvisibility=hidden); the daemon looks up this one. */
__attribute__((visibility("default"))) void module_register(void);

#endif
