/*
 * A line of the state file: first with its own checksum, then with the right one, so that the
 * rest is parsed. A parsed record must be the same after writing and parsing it again, and can
 * be posted.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "notify_alertmanager/alert_json.h"
#include "notify_alertmanager/state_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
  if (!holds)
    abort();
}

/* As Alertmanager would read it: well-formed, and UTF-8 throughout. */
static void check_post(const struct state_record *record) {
  struct alert_json *json;
  must(alert_json_new(ALERT_JSON_BYTES_MAX + 16, &json) == 0);
  must(alert_json_begin(json) == 0);
  must(alert_json_add(json, record->alert, record->starts_ns, record->ends_ns) == 0);
  must(alert_json_end(json) == 0);
  struct span body = alert_json_body(json);
  yajl_handle handle = yajl_alloc(NULL, NULL, NULL);
  must(yajl_parse(handle, (const unsigned char *)body.at, body.len) == yajl_status_ok);
  must(yajl_complete_parse(handle) == yajl_status_ok);
  yajl_free(handle);
  alert_json_free(json);
}

static void check_again(const struct state_record *record) {
  struct state_record again;
  struct json_writer writer;
  struct buffer line;
  buffer_init(&line, STATE_RECORD_BYTES_MAX);
  must(json_writer_init(&writer, &line) == 0);
  must(state_record_write(&writer, record) == 0);
  must(state_record_read(span_make(line.data, line.len - 1), &again) == 0);
  must(alert_same_labels(record->alert, again.alert));
  struct span before = alert_annotations(record->alert), after = alert_annotations(again.alert);
  must(before.len == after.len && memcmp(before.at, after.at, after.len) == 0);
  must(strcmp(alert_generator_url(record->alert), alert_generator_url(again.alert)) == 0);
  must(record->starts_ns == again.starts_ns && record->ends_ns == again.ends_ns &&
       record->changed_ns == again.changed_ns);
  alert_unref(again.alert);
  json_writer_free(&writer);
  buffer_free(&line);
}

static void check(struct span line) {
  struct state_record record;
  if (state_record_read(line, &record) != 0)
    return;
  check_again(&record);
  check_post(&record);
  alert_unref(record.alert);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  check(span_make((const char *)data, size));

  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < size; i++)
    hash = (hash ^ data[i]) * 0x100000001b3u;
  char *line = malloc(17 + size + 1);
  if (line == NULL)
    return 0;
  snprintf(line, 18, "%016" PRIx64 " ", hash);
  memcpy(line + 17, data, size);
  check(span_make(line, 17 + size));
  free(line);
  return 0;
}
