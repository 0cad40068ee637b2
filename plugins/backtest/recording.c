/* Files and folders through the red flags; see recording.h. */
#include "backtest/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backtest/folder.h"
#include "backtest/lines.h"
#include "backtest/table.h"
#include "common/cleanup.h"
#include "common/text.h"

/* ---- names ---- */

/* The last part of the path, without the ending of a file, or what collectd puts in front of an
 * instance's folder. */
static const char *name_of(const char *path, bool is_folder, char dst[RECORDING_NAME_SIZE]) {
  struct span name = span_of(path);
  while (name.len > 1 && name.at[name.len - 1] == '/')
    name.len--;
  for (size_t i = name.len; i > 0; i--)
    if (name.at[i - 1] == '/') {
      name = span_make(name.at + i, name.len - i);
      break;
    }
  if (is_folder)
    scan_literal(&name, FOLDER_PREFIX);
  else if (span_ends_with(name, ".csv") && name.len > strlen(".csv"))
    name.len -= strlen(".csv");
  if (span_equals(name, "-") || name.len == 0)
    name = span_of("sidecar");
  return text_printable(dst, RECORDING_NAME_SIZE, name);
}

/* ---- comma-separated values ---- */

static int read_lines(struct lines *lines, struct table *table, char fault[FAULT_SIZE]) {
  struct span line;
  bool is_whole;
  int status;
  while ((status = lines_next(lines, &line, &is_whole)) > 0) {
    status = table_line(table, line, fault);
    if (status != 0)
      return status;
  }
  return status == 0 ? table_end(table, fault) : status;
}

static int read_table(int fd, const struct config *config, struct merge *merge,
                      char fault[FAULT_SIZE]) {
  struct lines lines = {.bytes = NULL};
  struct table *table = table_new(config, merge);
  int status = table != NULL ? lines_open(&lines, fd, TABLE_LINE_MAX + 2) : -ENOMEM;
  if (status == 0)
    status = read_lines(&lines, table, fault);
  lines_close(&lines);
  table_free(table);
  return status;
}

/* ---- either ---- */

static int replay_fd(int fd, bool is_folder, const char *name,
                     const struct recording_options *options, char fault[FAULT_SIZE]) {
  struct merge merge;
  struct replay_options replay_options = {
      .config = options->config,
      .name = name,
      .inotify_watches_limit = options->inotify_watches_limit,
      .change = output_change,
      .context = options->output,
  };
  struct replay *replay = replay_new(&replay_options);
  if (replay == NULL)
    return -ENOMEM;
  merge_init(&merge, replay, options->interval_ms);
  int status = is_folder ? folder_read(fd, options->config, &merge, fault)
                         : read_table(fd, options->config, &merge, fault);
  if (status == 0)
    output_end_recording(options->output, replay, options->config, name);
  replay_free(replay);
  return status;
}

int recording_replay(const char *path, const struct recording_options *options,
                     char error[RECORDING_ERROR_SIZE]) {
  bool is_input = strcmp(path, "-") == 0;
  char own[RECORDING_NAME_SIZE], fault[FAULT_SIZE] = "";
  struct stat info;
  autoclose(fd, is_input ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC));
  int status = fd < 0 || fstat(fd, &info) != 0 ? -errno : 0;
  if (status == 0) {
    bool is_folder = S_ISDIR(info.st_mode);
    const char *name = options->name != NULL ? options->name : name_of(path, is_folder, own);
    status = replay_fd(fd, is_folder, name, options, fault);
  }
  if (status != 0)
    snprintf(error, RECORDING_ERROR_SIZE, "%s: %s", is_input ? "standard input" : path,
             status == -EBADMSG ? fault : strerror(-status));
  return status;
}
