/*
 * A recording as comma-separated values: the first line has the names of the columns, `time`
 * and metrics, each further line a row. An error says in which line and column. Pure.
 */
#ifndef BACKTEST_TABLE_H
#define BACKTEST_TABLE_H

#include <stdint.h>

#include "backtest/merge.h"
#include "common/scan.h"

enum { TABLE_LINE_MAX = 64 * 1024, FAULT_SIZE = 512 };

struct table;

/* Rows are put into merge, borrowed. Returns NULL without memory; the caller owns it. */
struct table *table_new(const struct config *config, struct merge *merge);
void table_free(struct table *table); /* NULL is fine */

/*
 * The next line, without its "\n". Returns 0; -EBADMSG with an error in fault: where and what
 * is wrong, and what is allowed; -ENOMEM.
 */
int table_line(struct table *table, struct span line, char fault[FAULT_SIZE]);

/* There are no more lines. Returns as table_line(). */
int table_end(struct table *table, char fault[FAULT_SIZE]);

/* Seconds since the epoch, as a cell, in milliseconds. Returns 0 or -EINVAL. */
int table_time(struct span cell, uint64_t *ret_ms);

#endif
