/* /proc/pressure/memory (Documentation/accounting/psi.rst): how long tasks wait for it. */
#ifndef SIDECAR_PARSE_PROC_PRESSURE_H
#define SIDECAR_PARSE_PROC_PRESSURE_H

#include "common/scan.h"

/*
 * The share of the last 60 seconds in which some task was stalled, in percent: "avg60=" of
 * the line "some". Returns 0, or -EBADMSG when it is missing or no percentage; *ret is
 * written only on success.
 */
int proc_pressure_parse(struct span text, double *ret_percent);

#endif
