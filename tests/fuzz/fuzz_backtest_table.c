/*
 * Any comma-separated values: each change has a message and a flag, and begins before it is
 * notified; an error says in which line. The first byte chooses an interval.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backtest/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth) {
  if (!truth)
    abort();
}

static void check_change(void *context, const struct change *change) {
  uint64_t *last_ms = context;
  require(change->time_ms >= *last_ms);
  require(change->status->since_ms <= change->time_ms);
  require((size_t)change->status->flag < RED_FLAGS);
  require(change->status->state != change->status->before);
  require(change->message[0] != '\0');
  *last_ms = change->time_ms;
}

static int read_lines(struct table *table, struct span rest, char fault[FAULT_SIZE]) {
  int status = 0;
  while (status == 0 && rest.len > 0) {
    const char *newline = memchr(rest.at, '\n', rest.len);
    size_t len = newline != NULL ? (size_t)(newline - rest.at) : rest.len;
    status = table_line(table, span_make(rest.at, len), fault);
    len += newline != NULL;
    rest = span_make(rest.at + len, rest.len - len);
  }
  return status == 0 ? table_end(table, fault) : status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct config *config;
  uint64_t last_ms = 0;
  char fault[FAULT_SIZE] = "";
  if (config == NULL) {
    config = config_new();
    require(config != NULL && config_complete(config) == 0);
  }
  if (size < 1)
    return 0;
  struct replay_options options = {.config = config,
                                   .name = "proj",
                                   .inotify_watches_limit = 8192,
                                   .change = check_change,
                                   .context = &last_ms};
  struct replay *replay = replay_new(&options);
  struct merge merge;
  require(replay != NULL);
  merge_init(&merge, replay, data[0] % 16 * UINT64_C(1000));
  struct table *table = table_new(config, &merge);
  require(table != NULL);
  int status = read_lines(table, span_make((const char *)data + 1, size - 1), fault);
  require(status == 0 || strncmp(fault, "line ", 5) == 0);
  require(strlen(fault) < FAULT_SIZE);
  table_free(table);
  replay_free(replay);
  return 0;
}
