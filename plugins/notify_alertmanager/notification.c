/* Views of notifications; see notification.h. */
#include "notify_alertmanager/notification.h"

static struct span number_text(const notification_meta_t *meta, char *dst, size_t size) {
  int len = 0;
  switch (meta->type) {
  case NM_TYPE_SIGNED_INT:
    len = snprintf(dst, size, "%" PRIi64, meta->nm_value.nm_signed_int);
    break;
  case NM_TYPE_UNSIGNED_INT:
    len = snprintf(dst, size, "%" PRIu64, meta->nm_value.nm_unsigned_int);
    break;
  case NM_TYPE_DOUBLE:
    len = snprintf(dst, size, "%.15g", meta->nm_value.nm_double);
    break;
  case NM_TYPE_BOOLEAN:
    len = snprintf(dst, size, "%s", meta->nm_value.nm_boolean ? "true" : "false");
    break;
  default:
    break;
  }
  return span_make(dst, len > 0 ? (size_t)len : 0);
}

static struct span meta_text(const notification_meta_t *meta, char *dst, size_t size) {
  if (meta->type != NM_TYPE_STRING)
    return number_text(meta, dst, size);
  return span_of(meta->nm_value.nm_string != NULL ? meta->nm_value.nm_string : "");
}

void notification_view_init(struct notification_view *view, const notification_t *n,
                            const char *host) {
  size_t len = 0, left_out = 0;
  for (const notification_meta_t *meta = n->meta; meta != NULL; meta = meta->next) {
    if (len == NOTIFICATION_META_MAX) {
      left_out++;
      continue;
    }
    view->meta[len].name = span_of(meta->name);
    view->meta[len].value = meta_text(meta, view->numbers[len], sizeof(view->numbers[len]));
    len++;
  }
  view->source = (struct alert_source){
      .severity = n->severity == NOTIF_FAILURE ? ALERT_CRITICAL : ALERT_WARNING,
      .host = n->host[0] != '\0' ? n->host : host,
      .plugin = n->plugin,
      .plugin_instance = n->plugin_instance,
      .type = n->type,
      .type_instance = n->type_instance,
      .message = n->message,
      .meta = view->meta,
      .meta_len = len,
      .meta_left_out = left_out,
  };
}

/* The whole seconds of "1700000000" and of "1700000000.25"; 0 for anything else. */
static uint64_t seconds_of(struct span s) {
  uint64_t seconds = 0;
  if (scan_u64(&s, &seconds) != 0 || (s.len > 0 && s.at[0] != '.'))
    return 0;
  return seconds;
}

/* The earliest of the meta data "since" that is not in the future; 0 if there is none. */
static uint64_t since_seconds(const struct alert_source *source, uint64_t now_seconds) {
  uint64_t since = 0;
  for (size_t i = 0; i < source->meta_len; i++) {
    if (!span_equals(source->meta[i].name, "since"))
      continue;
    uint64_t seconds = seconds_of(source->meta[i].value);
    if (seconds > 0 && seconds <= now_seconds && (since == 0 || seconds < since))
      since = seconds;
  }
  return since;
}

int64_t notification_time_ns(const struct notification_view *view, const notification_t *n,
                             int64_t wall_ns) {
  uint64_t now_ns = (uint64_t)wall_ns;
  uint64_t since =
      n->severity == NOTIF_OKAY ? 0 : since_seconds(&view->source, now_ns / 1000000000);
  if (since > 0)
    return (int64_t)(since * 1000000000);
  uint64_t time_ns = CDTIME_T_TO_NS(n->time);
  return time_ns > 0 && time_ns < now_ns ? (int64_t)time_ns : wall_ns;
}
