/* Recordings as comma-separated values; see table.h. */
#include "backtest/table.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backtest/cells.h"
#include "common/text.h"

enum { NAME_SIZE = 80 }; /* of a name or cell in an error */

struct table {
  const struct config *config;
  struct merge *merge;
  uint64_t line;    /* number of the current one */
  size_t len;       /* columns, with that of the time */
  size_t time_at;   /* which of them is the time */
  uint64_t time_ms; /* of the last row; 0: none */
  struct span cells[COLUMNS_MAX + 1];
  double values[COLUMNS_MAX];
};

struct table *table_new(const struct config *config, struct merge *merge) {
  struct table *table = calloc(1, sizeof(*table));
  if (table == NULL)
    return NULL;
  table->config = config;
  table->merge = merge;
  return table;
}

void table_free(struct table *table) {
  free(table);
}

/* ---- errors ---- */

__attribute__((format(printf, 3, 4))) static int
refuse(const struct table *table, char fault[FAULT_SIZE], const char *format, ...) {
  int used = snprintf(fault, FAULT_SIZE, "line %llu", (unsigned long long)table->line);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(fault + used, FAULT_SIZE - (size_t)used, format, arguments);
  va_end(arguments);
  return -EBADMSG;
}

static const char *printable(char dst[NAME_SIZE], struct span text) {
  return text_printable(dst, NAME_SIZE, text);
}

static int refuse_split(const struct table *table, int status, size_t len,
                        char fault[FAULT_SIZE]) {
  if (status == -E2BIG)
    return refuse(table, fault, ": more than %d columns; leave out those that are not needed",
                  COLUMNS_MAX + 1);
  return refuse(
      table, fault,
      ", column %zu: a quote in a cell, or without its end; write cells without quotes",
      len + 1);
}

/* ---- the first line ---- */

static int refuse_name(const struct table *table, size_t at, enum column_error error,
                       char fault[FAULT_SIZE]) {
  static const char *const reasons[] = {
      [COLUMN_UNKNOWN] = "no metric has this name; allowed are time and the metrics of "
                         "collectd-sidecar(5), without collectd_sidecar_ in front",
      [COLUMN_NO_INSTANCE] =
          "this metric has parts; name one, as in process_fds:regular or ps_cputime_user_total "
          "(collectd-sidecar(5) lists them)",
      [COLUMN_BAD_INSTANCE] =
          "the metric does not have this type instance; collectd-sidecar(5) lists those it has",
  };
  char name[NAME_SIZE];
  return refuse(table, fault, ", column %zu \"%s\": %s", at + 1,
                printable(name, table->cells[at]), reasons[error]);
}

static int add_column(struct table *table, size_t at, char fault[FAULT_SIZE]) {
  char name[NAME_SIZE];
  struct column column;
  if (span_equals(table->cells[at], "time")) {
    if (table->time_at < table->len)
      return refuse(table, fault, ", column %zu \"time\": it is there twice; remove one",
                    at + 1);
    table->time_at = at;
    return 0;
  }
  enum column_error error = column_find(table->cells[at], table->config, &column);
  if (error != COLUMN_FOUND)
    return refuse_name(table, at, error, fault);
  if (replay_columns(table->merge->replay) == COLUMNS_MAX)
    return refuse_split(table, -E2BIG, at, fault);
  if (!replay_add_column(table->merge->replay, &column))
    return refuse(table, fault,
                  ", column %zu \"%s\": this metric is there twice; remove one of the columns",
                  at + 1, printable(name, table->cells[at]));
  return 0;
}

static int add_columns(struct table *table, struct span line, char fault[FAULT_SIZE]) {
  scan_literal(&line, "\xEF\xBB\xBF"); /* a byte order mark */
  int status = cells_split(line, table->cells, COLUMNS_MAX + 1, &table->len);
  if (status != 0)
    return refuse_split(table, status, table->len, fault);
  table->time_at = table->len;
  for (size_t i = 0; i < table->len && status == 0; i++)
    status = add_column(table, i, fault);
  if (status == 0 && table->time_at == table->len)
    return refuse(table, fault,
                  ": no column \"time\"; the first line has the names of the columns, one of "
                  "them time: seconds since the epoch");
  return status;
}

/* ---- rows ---- */

int table_time(struct span cell, uint64_t *ret_ms) {
  static const double seconds_max = 1e11; /* more are milliseconds */
  double seconds;
  if (cells_number(cell, &seconds) != 0 || !(seconds > 0 && seconds < seconds_max))
    return -EINVAL;
  *ret_ms = (uint64_t)llround(seconds * 1000);
  return *ret_ms > 0 ? 0 : -EINVAL;
}

static int take_time(struct table *table, uint64_t *ret_ms, char fault[FAULT_SIZE]) {
  char text[NAME_SIZE];
  struct span cell = table->cells[table->time_at];
  if (table_time(cell, ret_ms) != 0)
    return refuse(table, fault,
                  ", column %zu \"time\": %s is no time; allowed are seconds since the epoch, "
                  "such as 1764417600",
                  table->time_at + 1, printable(text, cell));
  if (*ret_ms <= table->time_ms)
    return refuse(table, fault,
                  ", column %zu \"time\": %s is not later than the row before; sort the rows "
                  "by time, and give each time once",
                  table->time_at + 1, printable(text, cell));
  return 0;
}

static int take_value(struct table *table, size_t at, const struct column *column, double *ret,
                      char fault[FAULT_SIZE]) {
  char text[NAME_SIZE];
  int status = cells_number(table->cells[at], ret);
  if (status != 0)
    return refuse(table, fault,
                  ", column %zu \"%s\": %s is no value; allowed are numbers from 0 to 1e18, "
                  "and an empty cell for unknown",
                  at + 1, column->name, printable(text, table->cells[at]));
  if (column->is_counter && !isnan(*ret) && *ret != floor(*ret))
    return refuse(
        table, fault,
        ", column %zu \"%s\": %s is a rate; record the counter itself (for collectd's "
        "csv plugin: StoreRates false)",
        at + 1, column->name, printable(text, table->cells[at]));
  return 0;
}

static int take_values(struct table *table, char fault[FAULT_SIZE]) {
  for (size_t at = 0, i = 0; at < table->len; at++) {
    if (at == table->time_at)
      continue;
    const struct column *column = replay_column(table->merge->replay, i);
    int status = take_value(table, at, column, &table->values[i++], fault);
    if (status != 0)
      return status;
  }
  return 0;
}

static int add_row(struct table *table, struct span line, char fault[FAULT_SIZE]) {
  size_t len;
  uint64_t time_ms;
  int status = cells_split(line, table->cells, COLUMNS_MAX + 1, &len);
  if (status != 0)
    return refuse_split(table, status, len, fault);
  if (len != table->len)
    return refuse(table, fault, ": %zu cells, but the first line has %zu columns", len,
                  table->len);
  status = take_time(table, &time_ms, fault);
  if (status == 0)
    status = take_values(table, fault);
  if (status != 0)
    return status;
  table->time_ms = time_ms;
  return merge_row(table->merge, time_ms, table->values);
}

int table_line(struct table *table, struct span line, char fault[FAULT_SIZE]) {
  table->line++;
  if (line.len > 0 && line.at[line.len - 1] == '\r')
    line.len--;
  if (line.len > TABLE_LINE_MAX)
    return refuse(table, fault, ": longer than %d bytes; is it comma-separated values?",
                  TABLE_LINE_MAX);
  if (line.len > 0 && memchr(line.at, '\0', line.len) != NULL)
    return refuse(table, fault, ": a NUL byte; allowed is text, comma-separated values");
  if (table->len == 0)
    return add_columns(table, line, fault);
  return line.len > 0 ? add_row(table, line, fault) : 0;
}

int table_end(struct table *table, char fault[FAULT_SIZE]) {
  table->line = table->len == 0 ? 1 : table->line;
  if (table->len == 0)
    return refuse(table, fault, ": it is missing; the first line has the names of the columns");
  return merge_end(table->merge);
}
