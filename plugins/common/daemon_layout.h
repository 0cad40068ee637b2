/*
 * Whether the collectd that loads a plugin is one that our headers describe. Its plugin
 * interface has no version: bare structs pass through it, and the length of the names in them
 * is chosen when the daemon is compiled (DATA_MAX_NAME_LEN). A daemon that lacks a function is
 * refused by the dynamic linker; this is for one that has them all but lays out its structs in
 * another way, which would crash at the first value.
 */
#ifndef COMMON_DAEMON_LAYOUT_H
#define COMMON_DAEMON_LAYOUT_H

#include <stdbool.h>

/* Has the daemon fill in a value list, and looks where the parts are. Where they are not as
 * expected, an error is logged in the name of this plugin, which must then register nothing. */
bool daemon_layout_fits(const char *plugin);

#endif
