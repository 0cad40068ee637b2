/*
 * Whether the collectd that loads a plugin is one that our headers describe. Its plugin
 * interface has no version: what passes through it are bare structs, and the length of the
 * names in them is a choice of whoever compiles the daemon (DATA_MAX_NAME_LEN). A daemon that
 * lacks a function is refused by the dynamic linker; this is for one that has them all and
 * lays out its structs in another way, which would be a crash at the first value.
 */
#ifndef COMMON_DAEMON_LAYOUT_H
#define COMMON_DAEMON_LAYOUT_H

#include <stdbool.h>

/* Has the daemon fill in a value list, and looks where the parts are. Where they are not, an
 * error in the log says so in the name of this plugin, which must then register nothing. */
bool daemon_layout_fits(const char *plugin);

#endif
