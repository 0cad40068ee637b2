/* Names made from plugin and type; see alert_name.h. */
#include "notify_alertmanager/alert_name.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Not <ctype.h>: that follows the locale. */
static bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

static bool is_word_character(char c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static size_t append_camel_case(char *dst, size_t len, const char *words) {
  bool first = true;
  for (; *words != '\0' && len < ALERT_NAME_MAX; words++) {
    if (!is_word_character(*words)) {
      first = true;
      continue;
    }
    dst[len++] = first && is_lower(*words) ? (char)(*words - 'a' + 'A') : *words;
    first = false;
  }
  dst[len] = '\0';
  return len;
}

/* The type without the plugin's name in front, which df's "df_complex" and load's "load"
 * repeat. */
static const char *beyond_plugin(const char *plugin, const char *type) {
  size_t len = strlen(plugin);
  if (len == 0 || strncmp(type, plugin, len) != 0 || is_word_character(type[len]))
    return type;
  return type + len;
}

void alert_name_derive(char *dst, const char *plugin, const char *type) {
  size_t prefix = append_camel_case(dst, 0, "collectd");
  size_t len = append_camel_case(dst, prefix, plugin);
  len = append_camel_case(dst, len, beyond_plugin(plugin, type));
  if (len == prefix)
    append_camel_case(dst, len, "notification");
}
