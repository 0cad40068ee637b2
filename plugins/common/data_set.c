/* Types of values; see data_set.h. */
#include "common/data_set.h"

#include "common/collectd.h"

static bool has_sources(const data_set_t *set, size_t sources, int ds_type) {
  if (set->ds_num != sources)
    return false;
  for (size_t i = 0; i < sources; i++)
    if (set->ds[i].type != ds_type)
      return false;
  return true;
}

static bool register_own(const char *plugin, const char *type, int ds_type) {
  data_source_t source = {.name = "value", .type = ds_type, .min = 0, .max = NAN};
  data_set_t set = {.ds_num = 1, .ds = &source};
  snprintf(set.type, sizeof(set.type), "%s", type);
  if (plugin_register_data_set(&set) == 0)
    return true;
  ERROR("%s plugin: the type %s cannot be registered: its values are not sent", plugin, type);
  return false;
}

bool data_set_provide(const char *plugin, const char *type, int ds_type) {
  const data_set_t *set = plugin_get_ds(type);
  if (set == NULL)
    return register_own(plugin, type, ds_type);
  if (has_sources(set, 1, ds_type) && strcmp(set->ds[0].name, "value") == 0)
    return true;
  ERROR(
      "%s plugin: a file of TypesDB has another type %s than this plugin's: its values are not "
      "sent. Remove the line of that type there, or replace it by \"%s value:%s:0:U\"",
      plugin, type, type, ds_type == DS_TYPE_GAUGE ? "GAUGE" : "DERIVE");
  return false;
}

bool data_set_is_stock(const char *plugin, const char *type, size_t sources) {
  const data_set_t *set = plugin_get_ds(type);
  if (set != NULL && has_sources(set, sources, DS_TYPE_DERIVE))
    return true;
  if (set == NULL)
    ERROR("%s plugin: no file of TypesDB has the type %s: its values are not sent. Name "
          "collectd's own types.db, usually /usr/share/collectd/types.db, in a TypesDB line",
          plugin, type);
  else
    ERROR("%s plugin: a file of TypesDB has another type %s than collectd's own types.db: its "
          "values are not sent. Remove the line of that type there",
          plugin, type);
  return false;
}
