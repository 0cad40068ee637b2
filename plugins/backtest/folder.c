/* Folders of collectd's csv plugin; see folder.h. */
#include "backtest/folder.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backtest/cells.h"
#include "backtest/lines.h"
#include "common/array.h"
#include "common/cleanup.h"
#include "common/text.h"

enum {
  LINE_MAX_BYTES = 4096,
  SOURCES_MAX = 2, /* values of a line */
  FILES_MAX = 200 * 1000,
  ROW_MS = 500, /* how far the values of a row may be apart */
  NAME_SIZE = 300,
};

/* The end of a file's name. */
static const char date_shape[] = "-dddd-dd-dd";
enum { DATE_LEN = sizeof(date_shape) - 1 };

/* A metric, or all data sources of one, in files of a day each. */
struct series {
  size_t first_file, files; /* in the list of names */
  size_t file;              /* the current one */
  size_t columns[SOURCES_MAX];
  size_t sources;
  bool is_counter;
  int fd; /* of the current file; -1: none */
  struct lines lines;
  uint64_t line;    /* number of the current one */
  uint64_t time_ms; /* of the current line; 0: none yet */
  double values[SOURCES_MAX];
};

struct folder {
  int fd; /* borrowed */
  const struct config *config;
  struct merge *merge;
  char *fault;
  char **names; /* of files; those of a series are in a row, in order of date */
  size_t names_len, names_size;
  struct series *series;
  size_t series_len, series_size;
  size_t *heap; /* numbers of series; none is earlier than the one at half its place */
  size_t heap_len;
  bool has_row;
  uint64_t row_ms;
  double row[COLUMNS_MAX];
};

/* ---- errors ---- */

__attribute__((format(printf, 3, 4))) static int
refuse(const struct folder *folder, const struct series *series, const char *format, ...) {
  char file[NAME_SIZE];
  text_printable(file, sizeof(file), span_of(folder->names[series->first_file + series->file]));
  int used = snprintf(folder->fault, FAULT_SIZE, "%s: line %llu", file,
                      (unsigned long long)series->line);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(folder->fault + used, FAULT_SIZE - (size_t)used, format, arguments);
  va_end(arguments);
  return -EBADMSG;
}

/* ---- names of files ---- */

/* The length of a name without its date; 0 if it has none. */
static size_t series_len(const char *name) {
  size_t len = strlen(name);
  if (len <= DATE_LEN)
    return 0;
  const char *date = name + len - DATE_LEN;
  for (size_t i = 0; i < DATE_LEN; i++)
    if (date_shape[i] == 'd' ? !isdigit((unsigned char)date[i]) : date[i] != '-')
      return 0;
  return len - DATE_LEN;
}

static int compare_series(const char *one, const char *other) {
  size_t one_len = series_len(one), other_len = series_len(other);
  int order = memcmp(one, other, one_len < other_len ? one_len : other_len);
  return order != 0 ? order : (one_len > other_len) - (one_len < other_len);
}

static int compare_names(const void *one, const void *other) {
  const char *a = *(const char *const *)one, *b = *(const char *const *)other;
  int order = compare_series(a, b);
  return order != 0 ? order : strcmp(a, b);
}

static int add_name(struct folder *folder, const char *name) {
  if (series_len(name) == 0)
    return 0;
  if (folder->names_len == FILES_MAX)
    return -EMFILE;
  char *copy = strdup(name);
  if (copy == NULL ||
      !array_reserve(&folder->names, folder->names_len, &folder->names_size, 64)) {
    free(copy);
    return -ENOMEM;
  }
  folder->names[folder->names_len++] = copy;
  return 0;
}

static int list_names(struct folder *folder) {
  autoclose(fd, openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  autoclosedir(directory, fd >= 0 ? fdopendir(fd) : NULL);
  if (directory == NULL)
    return -errno;
  steal_fd(&fd); /* the stream has it */
  const struct dirent *entry;
  while ((entry = readdir(directory)) != NULL) {
    int status = add_name(folder, entry->d_name);
    if (status != 0)
      return status;
  }
  if (folder->names_len > 0)
    qsort(folder->names, folder->names_len, sizeof(*folder->names), compare_names);
  return 0;
}

/* ---- columns ---- */

/* The metric of a file TYPE-TYPEINSTANCE-DATE, of one of its data sources. */
static bool find_column(const struct folder *folder, const char *file, struct span source,
                        struct column *ret) {
  char name[NAME_SIZE];
  size_t len = series_len(file);
  const char *dash = memchr(file, '-', len);
  int type = (int)(dash != NULL ? (size_t)(dash - file) : len);
  int used;
  if (!span_equals(source, "value"))
    used =
        snprintf(name, sizeof(name), "%.*s_%.*s_total", type, file, (int)source.len, source.at);
  else if (dash == NULL)
    used = snprintf(name, sizeof(name), "%.*s", type, file);
  else
    used = snprintf(name, sizeof(name), "%.*s:%.*s", type, file, (int)len - type - 1, dash + 1);
  return used < (int)sizeof(name) &&
         column_find(span_of(name), folder->config, ret) == COLUMN_FOUND;
}

/* The cells of the first line of a file, "epoch,value" or "epoch,user,syst". Returns whether
 * they are columns that there are; those are added if it is the first file of the series. */
static bool take_sources(struct folder *folder, struct series *series, const struct span *cells,
                         size_t len) {
  const char *file = folder->names[series->first_file + series->file];
  if (len < 2 || len > 1 + SOURCES_MAX || !span_equals(cells[0], "epoch") ||
      (series->sources != 0 && len - 1 != series->sources))
    return false;
  struct replay *replay = folder->merge->replay;
  for (size_t i = 0; i + 1 < len; i++) {
    struct column column;
    if (!find_column(folder, file, cells[i + 1], &column))
      return false;
    series->is_counter = column.is_counter;
    if (series->sources != 0) {
      if (!column_is_same(&column, replay_column(replay, series->columns[i])))
        return false;
      continue;
    }
    series->columns[i] = replay_columns(replay);
    if (series->columns[i] == COLUMNS_MAX || !replay_add_column(replay, &column))
      return false;
  }
  series->sources = len - 1;
  return true;
}

/* ---- files ---- */

static void close_file(struct series *series) {
  lines_close(&series->lines);
  if (series->fd >= 0)
    close(series->fd);
  series->fd = -1;
}

static int refuse_file(const struct folder *folder, const struct series *series, int error) {
  return refuse(folder, series, ": %s", strerror(error));
}

static int open_file(struct folder *folder, struct series *series) {
  const char *name = folder->names[series->first_file + series->file];
  struct stat info;
  series->line = 0;
  series->fd = openat(folder->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (series->fd < 0 || fstat(series->fd, &info) != 0)
    return refuse_file(folder, series, errno);
  if (!S_ISREG(info.st_mode))
    return refuse(folder, series, ": it is not a file; remove it from the folder");
  return lines_open(&series->lines, series->fd, LINE_MAX_BYTES);
}

/* The next line of the current file, in cells. Returns 1, 0 at the end of the file, or an
 * error. collectd may be writing the last line. */
static int next_line(struct folder *folder, struct series *series, struct span *cells,
                     size_t *ret_len) {
  struct span line;
  bool is_whole;
  int status = lines_next(&series->lines, &line, &is_whole);
  if (status < 0)
    return refuse_file(folder, series, -status);
  if (status == 0)
    return 0;
  series->line++;
  if (line.len > LINE_MAX_BYTES)
    return refuse(folder, series, ": longer than %d bytes; remove the file", LINE_MAX_BYTES);
  if (!is_whole)
    return 0;
  if (cells_split(line, cells, 1 + SOURCES_MAX, ret_len) != 0)
    return refuse(folder, series, ": it is not of collectd's csv plugin; remove the file");
  return 1;
}

/* Opens the current file and reads its first line. An empty file is as good as none. */
static int begin_file(struct folder *folder, struct series *series) {
  struct span cells[1 + SOURCES_MAX];
  size_t len;
  int status = open_file(folder, series);
  if (status == 0)
    status = next_line(folder, series, cells, &len);
  if (status <= 0)
    return status;
  if (take_sources(folder, series, cells, len))
    return 0;
  return refuse(
      folder, series,
      ": it is not of this metric; allowed is what collectd's csv plugin writes there, "
      "such as \"epoch,value\"");
}

static int refuse_cell(const struct folder *folder, const struct series *series, size_t column,
                       struct span cell, const char *why) {
  char text[40];
  text_printable(text, sizeof(text), cell);
  return refuse(folder, series, ", column %zu: %s is %s", column, text, why);
}

static int take_value(const struct folder *folder, struct series *series, size_t i,
                      struct span cell) {
  if (cells_number(cell, &series->values[i]) != 0)
    return refuse_cell(folder, series, i + 2, cell,
                       "no value; allowed are numbers from 0 to 1e18, and nan");
  /* as a rate, even 0 has a fraction: 0.000000 */
  if (series->is_counter && cell.len > 0 && memchr(cell.at, '.', cell.len) != NULL)
    return refuse_cell(folder, series, i + 2, cell,
                       "a rate, but counters are needed; set StoreRates false for collectd's "
                       "csv plugin");
  return 0;
}

static int take_line(const struct folder *folder, struct series *series,
                     const struct span *cells, size_t len) {
  uint64_t time_ms;
  if (len != series->sources + 1)
    return refuse(folder, series, ": %zu cells, but the first line has %zu", len,
                  series->sources + 1);
  if (table_time(cells[0], &time_ms) != 0)
    return refuse_cell(folder, series, 1, cells[0],
                       "no time; allowed are seconds since the epoch");
  if (time_ms <= series->time_ms)
    return refuse_cell(folder, series, 1, cells[0],
                       "not later than the value before; remove the lines of the time that was "
                       "repeated");
  for (size_t i = 0; i < series->sources; i++) {
    int status = take_value(folder, series, i, cells[i + 1]);
    if (status != 0)
      return status;
  }
  series->time_ms = time_ms;
  return 1;
}

/* The next values of a series. Returns 1, 0 at its end, or an error. */
static int next_values(struct folder *folder, struct series *series) {
  struct span cells[1 + SOURCES_MAX];
  size_t len;
  while (series->file < series->files) {
    int status = series->fd < 0 ? begin_file(folder, series) : 0;
    if (status == 0)
      status = next_line(folder, series, cells, &len);
    if (status < 0)
      return status;
    if (status > 0)
      return take_line(folder, series, cells, len);
    close_file(series);
    series->file++;
  }
  return 0;
}

/* ---- series ---- */

static int add_series(struct folder *folder, size_t first, size_t files) {
  if (!array_reserve(&folder->series, folder->series_len, &folder->series_size, 64))
    return -ENOMEM;
  folder->series[folder->series_len++] =
      (struct series){.first_file = first, .files = files, .fd = -1};
  return 0;
}

/* Finds the column of a file, whatever its data sources are. Returns whether it is a metric. */
static bool find_any_column(const struct folder *folder, const char *file, struct column *ret) {
  for (size_t i = 0; i < METRICS; i++) {
    const char *source = metric_source((enum metric)i, 0);
    if (source != NULL && find_column(folder, file, span_of(source), ret))
      return true;
  }
  return find_column(folder, file, SPAN_LITERAL("value"), ret);
}

/* Adds the series of the files from first on, if a red flag uses it. */
static int add_files(struct folder *folder, size_t first, size_t files, bool *has_any) {
  struct column column;
  if (!find_any_column(folder, folder->names[first], &column))
    return 0;
  *has_any = true;
  return column.part != PART_NONE ? add_series(folder, first, files) : 0;
}

static int find_series(struct folder *folder) {
  size_t first = 0;
  bool has_any = false;
  for (size_t i = 1; i <= folder->names_len; i++) {
    if (i < folder->names_len && compare_series(folder->names[first], folder->names[i]) == 0)
      continue;
    int status = add_files(folder, first, i - first, &has_any);
    if (status != 0)
      return status;
    first = i;
  }
  if (has_any)
    return 0;
  snprintf(
      folder->fault, FAULT_SIZE,
      "no files of the plugin sidecar's metrics; name the folder that collectd's csv plugin "
      "has written of one process: DataDir/HOST/sidecar-INSTANCE");
  return -EBADMSG;
}

/* ---- the earliest series ---- */

static bool is_earlier(const struct folder *folder, size_t one, size_t other) {
  return folder->series[folder->heap[one]].time_ms <
         folder->series[folder->heap[other]].time_ms;
}

static void swap(struct folder *folder, size_t one, size_t other) {
  size_t series = folder->heap[one];
  folder->heap[one] = folder->heap[other];
  folder->heap[other] = series;
}

/* Places begin at 1, so that the one above is half. */
static void heap_add(struct folder *folder, size_t series) {
  size_t at = ++folder->heap_len;
  folder->heap[at] = series;
  for (; at > 1 && is_earlier(folder, at, at / 2); at /= 2)
    swap(folder, at, at / 2);
}

/* The first one has become later. */
static void heap_sink(struct folder *folder) {
  size_t at = 1;
  while (2 * at <= folder->heap_len) {
    size_t below = 2 * at;
    if (below < folder->heap_len && is_earlier(folder, below + 1, below))
      below++;
    if (!is_earlier(folder, below, at))
      break;
    swap(folder, at, below);
    at = below;
  }
}

/* ---- rows ---- */

static int end_row(struct folder *folder) {
  if (!folder->has_row)
    return 0;
  folder->has_row = false;
  return merge_row(folder->merge, folder->row_ms, folder->row);
}

static bool is_in_row(const struct folder *folder, const struct series *series) {
  for (size_t i = 0; i < series->sources; i++)
    if (!isnan(folder->row[series->columns[i]]))
      return true;
  return false;
}

static int add_to_row(struct folder *folder, const struct series *series) {
  int status = 0;
  if (folder->has_row &&
      (series->time_ms - folder->row_ms >= ROW_MS || is_in_row(folder, series)))
    status = end_row(folder);
  if (!folder->has_row) {
    folder->has_row = true;
    folder->row_ms = series->time_ms;
    for (size_t i = 0; i < COLUMNS_MAX; i++)
      folder->row[i] = NAN;
  }
  for (size_t i = 0; i < series->sources; i++)
    folder->row[series->columns[i]] = series->values[i];
  return status;
}

static int begin_series(struct folder *folder) {
  folder->heap = calloc(folder->series_len + 1, sizeof(*folder->heap));
  if (folder->heap == NULL)
    return -ENOMEM;
  for (size_t i = 0; i < folder->series_len; i++) {
    int status = next_values(folder, &folder->series[i]);
    if (status < 0)
      return status;
    if (status > 0)
      heap_add(folder, i);
  }
  return 0;
}

static int read_series(struct folder *folder) {
  while (folder->heap_len > 0) {
    struct series *series = &folder->series[folder->heap[1]];
    int status = add_to_row(folder, series);
    if (status == 0)
      status = next_values(folder, series);
    if (status < 0)
      return status;
    if (status == 0)
      folder->heap[1] = folder->heap[folder->heap_len--];
    heap_sink(folder);
  }
  int status = end_row(folder);
  return status == 0 ? merge_end(folder->merge) : status;
}

static void release(struct folder *folder) {
  for (size_t i = 0; i < folder->series_len; i++)
    close_file(&folder->series[i]);
  for (size_t i = 0; i < folder->names_len; i++)
    free(folder->names[i]);
  free(folder->names);
  free(folder->series);
  free(folder->heap);
  free(folder);
}

int folder_read(int fd, const struct config *config, struct merge *merge,
                char fault[FAULT_SIZE]) {
  struct folder *folder = calloc(1, sizeof(*folder));
  if (folder == NULL)
    return -ENOMEM;
  *folder = (struct folder){.fd = fd, .config = config, .merge = merge, .fault = fault};
  int status = list_names(folder);
  if (status == 0)
    status = find_series(folder);
  if (status == 0)
    status = begin_series(folder);
  if (status == 0)
    status = read_series(folder);
  release(folder);
  return status;
}
