/*
 * Lines of comma-separated values: the cells of a line, numbers in cells, and text as a cell.
 * Pure.
 */
#ifndef BACKTEST_CELLS_H
#define BACKTEST_CELLS_H

#include <stddef.h>
#include <stdio.h>

#include "common/scan.h"

/*
 * Splits a line, which is without its "\n". A cell may be in double quotes, which are removed;
 * blanks around it are removed as well. Cells are borrowed from the line. Returns 0; -E2BIG if
 * there are more than max; -EINVAL if a quote is not closed, or is inside a cell. In *ret_len
 * is always how many cells were read before that.
 */
int cells_split(struct span line, struct span *cells, size_t max, size_t *ret_len);

/*
 * A decimal number from 0 to 1e18, with or without a fraction or an exponent. An empty cell and
 * "nan" are NaN: unknown. Returns 0, -EINVAL if it is no number, -ERANGE.
 */
int cells_number(struct span cell, double *ret);

/* Writes text as one cell, in quotes where those are needed. */
void cells_write(FILE *out, const char *text);

#endif
