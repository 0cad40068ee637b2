/* A complete state file: each line is counted once, as good or as damaged. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "notify_alertmanager/state_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *context, const struct state_record *record) {
  size_t *len = context;
  (*len)++;
  alert_unref(record->alert);
}

static void write_file(const char *path, const uint8_t *data, size_t size) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0 || write(fd, data, size) != (ssize_t)size)
    abort();
  close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static char path[64], damaged[80];
  static const char header[] = STATE_RECORD_HEADER "\n";
  struct state_file_report report;
  size_t lines = 0, seen = 0;

  snprintf(path, sizeof(path), "/tmp/fuzz-am-state-%d", (int)getpid());
  snprintf(damaged, sizeof(damaged), "%s.damaged", path);
  write_file(path, data, size);
  if (state_file_load(path, count, &seen, &report) != 0)
    abort();
  for (size_t i = 0; i < size; i++)
    lines += data[i] == '\n';
  lines += size > 0 && data[size - 1] != '\n';
  bool ours = size >= strlen(header) && memcmp(data, header, strlen(header)) == 0;
  if (ours && (report.foreign || report.records + report.damaged != lines - 1))
    abort();
  if (seen != report.records || (report.foreign && report.records + report.damaged > 0))
    abort();
  if ((report.damaged > 0 || report.foreign) != (access(damaged, F_OK) == 0))
    abort();
  unlink(path);
  unlink(damaged);
  return 0;
}
