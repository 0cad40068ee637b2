/*
 * The collectors (each reads one kind of data of a process), the status of their last reading,
 * and hints for the log. Pure.
 */
#ifndef SIDECAR_COLLECTOR_H
#define SIDECAR_COLLECTOR_H

#include <stddef.h>

/* In the order in which they are read. */
enum collector {
  COLLECTOR_PROCESS,     /* stat, status, io, limits, FD count */
  COLLECTOR_DESCRIPTORS, /* fd/, fdinfo/, locks */
  COLLECTOR_SMAPS,       /* smaps_rollup, maps */
  COLLECTOR_PPROF,       /* the Go runtime: goroutine count, MemStats, heap profile */
  COLLECTOR_GOROUTINES,  /* the goroutine dump */
  COLLECTORS
};

/* The numbers are what collector_status sends: an API. */
enum collector_status {
  STATUS_OK = 0,
  STATUS_OFF = 1,     /* not configured, or the process was started without pprof */
  STATUS_DENIED = 2,  /* a permission or capability is missing */
  STATUS_FOREIGN = 3, /* the port belongs to another process */
  STATUS_REFUSED = 4, /* no listener, closed prematurely, or an HTTP error */
  STATUS_TIMEOUT = 5,
  STATUS_MALFORMED = 6,   /* the response cannot be parsed */
  STATUS_INVALID = 7,     /* the process's own setting (SIDECAR_PPROF) is not valid */
  STATUS_CEILING = 8,     /* not read, because it would cost too much */
  STATUS_UNSUPPORTED = 9, /* this kernel does not have it */
  STATUS_ERROR = 10,      /* anything else; see the log */
  STATUS_LATE = 11,       /* there was no time to read all of it in one reading */
  COLLECTOR_STATUSES
};

/* "process", "descriptors", ...: the type instance. */
const char *collector_name(enum collector collector);

/* The status that an I/O error (0 or negative errno) amounts to. */
enum collector_status collector_status_of(int error);

/*
 * A hint how to fix it: a clause for the end of a log line, "" when there is none.
 */
const char *collector_hint(enum collector collector, enum collector_status status);

#endif
