/* Names of alerts; see alert_name.h. */
#include "notify_alertmanager/alert_name.h"

#include <string.h>

/* clang-format off */
const struct alert_flag alert_flags[] = {
    {"rss", "SidecarRSSHigh", "Sidecar holds much resident memory.", false},
    {"swap_growing", "SidecarSwapGrowing", "Sidecar is being swapped out more and more.", false},
    {"memory_regions", "SidecarMemoryRegionsHigh", "Sidecar has many memory regions.", false},
    {"fds", "SidecarFDsHigh", "Sidecar has many open file descriptors.", false},
    {"fds_growing", "SidecarFDsGrowing", "Sidecar's open file descriptors keep growing.", false},
    {"same_file", "SidecarSameFileOpen", "Sidecar has the same file open many times.", false},
    {"session_files", "SidecarSessionFilesOpen", "Sidecar has many session files open.", false},
    {"threads", "SidecarThreadsHigh", "Sidecar has many threads.", false},
    {"goroutines", "SidecarGoroutinesHigh", "Sidecar has many goroutines.", false},
    {"goroutines_growing", "SidecarGoroutinesGrowing", "Sidecar's goroutines keep growing.", false},
    {"goroutines_stuck", "SidecarGoroutinesStuck", "Sidecar has goroutines stuck for long.", false},
    {"fetch_data_piling", "SidecarFetchDataPiling", "Sidecar's data fetches pile up.", false},
    {"heap_growing", "SidecarHeapGrowing", "Sidecar's Go heap keeps growing.", false},
    {"heap_not_receding", "SidecarHeapNotReceding", "Sidecar's Go heap does not recede after a spike.", false},
    {"allocation_rate", "SidecarAllocationRateHigh", "Sidecar allocates memory at a high rate.", false},
    {"cpu", "SidecarCPUHigh", "Sidecar uses much CPU.", false},
    {"sqlite_contention", "SidecarSQLiteContention", "Another process holds a lock on a database of sidecar's.", false},
    {"inotify_watches", "SidecarInotifyWatchesHigh", "Sidecar uses much of the user's inotify watches.", false},
    {"pprof_missing", "SidecarPprofMissing", "Sidecar has a red flag and runs without pprof.", true},
    {NULL, NULL, NULL, false},
};
/* clang-format on */

const struct alert_flag *alert_flag_find(const char *flag) {
  for (const struct alert_flag *row = alert_flags; row->flag != NULL; row++)
    if (strcmp(row->flag, flag) == 0)
      return row;
  return NULL;
}

bool alert_is_red_flag(const char *plugin, const char *type) {
  return strcmp(plugin, "sidecar") == 0 && strcmp(type, "red_flag") == 0;
}

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

void alert_name_derive(char *dst, const char *plugin, const char *type,
                       const char *type_instance) {
  if (alert_is_red_flag(plugin, type)) {
    const struct alert_flag *row = alert_flag_find(type_instance);
    if (row != NULL)
      append_camel_case(dst, 0, row->alertname);
    else
      append_camel_case(dst, append_camel_case(dst, 0, "sidecar"), type_instance);
    return;
  }
  size_t prefix = append_camel_case(dst, 0, "collectd");
  size_t len = append_camel_case(dst, prefix, plugin);
  len = append_camel_case(dst, len, beyond_plugin(plugin, type));
  if (len == prefix)
    append_camel_case(dst, len, "notification");
}
