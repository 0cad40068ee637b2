/* The layout of the daemon's structs; see daemon_layout.h. */
#include "common/daemon_layout.h"

#include <string.h>

#include "common/collectd.h"

/* Not in common/collectd.h, because it defines common names such as parse_value. */
#include "collectd/core/utils/common/common.h"

/* The daemon writes its own version of the list, which may be longer than ours. */
union probe {
  value_list_t ours;
  char daemons[16 * sizeof(value_list_t)];
};

/* hostname_g is a pointer since collectd 5.8, the first to have this function. An older one
 * lacks it, so that we cannot be loaded. */
__attribute__((used)) static void (*const since_5_8)(char const *) = hostname_set;

bool daemon_layout_fits(const char *plugin) {
  union probe probe;
  memset(&probe, 0, sizeof(probe));
  value_list_t *vl = &probe.ours;
  if (parse_identifier_vl("host/plugin-instance/type-detail", vl) == 0 &&
      strcmp(vl->host, "host") == 0 && strcmp(vl->plugin, "plugin") == 0 &&
      strcmp(vl->plugin_instance, "instance") == 0 && strcmp(vl->type, "type") == 0 &&
      strcmp(vl->type_instance, "detail") == 0)
    return true;
  ERROR("%s plugin: it was built for another collectd than this one, whose values are laid out "
        "differently in memory; it does nothing. Build it with the headers of this collectd "
        "(./configure --with-collectd-includedir=DIR).",
        plugin);
  return false;
}
