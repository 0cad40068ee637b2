/*
 * Checks whether the collectd that loads a plugin matches the headers that we were built with.
 * Its plugin interface is not versioned: it passes plain structs, and the length of the names
 * in them is chosen when the daemon is compiled (DATA_MAX_NAME_LEN). If the daemon lacks a
 * function, the dynamic linker does not load the plugin; this check is for one that has them
 * all but a different layout of structs, which would crash at the first value.
 */
#ifndef COMMON_DAEMON_LAYOUT_H
#define COMMON_DAEMON_LAYOUT_H

#include <stdbool.h>

/* Lets the daemon fill in a value list, and checks the positions of its fields. Logs an error
 * in the name of this plugin if they are not as expected; the plugin must then register
 * nothing. */
bool daemon_layout_fits(const char *plugin);

#endif
