/*
 * Reads a folder that collectd's csv plugin has written of one instance of the plugin sidecar:
 * DataDir/HOST/sidecar-INSTANCE, with a file TYPE-TYPEINSTANCE-YYYY-MM-DD for each metric and
 * day, of lines `epoch,value`. Files of anything else, and of metrics that no red flag uses,
 * are left alone.
 */
#ifndef BACKTEST_FOLDER_H
#define BACKTEST_FOLDER_H

#include "backtest/merge.h"
#include "backtest/table.h"

#define FOLDER_PREFIX "sidecar-"

/*
 * Puts the rows of all files in order of time into merge. The files have no common times:
 * values that are less than half a second apart are one row, unless they are of the same
 * metric. fd is that of the folder, borrowed. Returns 0; -EBADMSG with file, line and column in
 * fault; -ENOMEM or another negative errno.
 */
int folder_read(int fd, const struct config *config, struct merge *merge,
                char fault[FAULT_SIZE]);

#endif
