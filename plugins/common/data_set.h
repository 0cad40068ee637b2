/*
 * The types of the values that a plugin sends. An administrator's types.db may have one of the
 * same name that is another: collectd would log an error for each value, or read its bits as
 * another kind of number. Such a type is logged once, with what to do, and is not to be used.
 */
#ifndef COMMON_DATA_SET_H
#define COMMON_DATA_SET_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Registers a type of the plugin's own, with one data source "value" that is not negative,
 * unless a types.db has it already: collectd would log a second definition. ds_type is
 * DS_TYPE_GAUGE or DS_TYPE_DERIVE. Returns whether values may be sent; if not, it has logged
 * why.
 */
bool data_set_provide(const char *plugin, const char *type, int ds_type);

/* Is the type, of collectd's own types.db, there with so many data sources, all DS_TYPE_DERIVE?
 * If not, it has logged why. */
bool data_set_is_stock(const char *plugin, const char *type, size_t sources);

#endif
