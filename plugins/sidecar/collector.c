/* Names, statuses and hints of the collectors; see collector.h. */
#include "sidecar/collector.h"

#include <errno.h>

const char *collector_name(enum collector collector) {
  static const char *const names[COLLECTORS] = {
      [COLLECTOR_PROCESS] = "process",       [COLLECTOR_DESCRIPTORS] = "descriptors",
      [COLLECTOR_SMAPS] = "smaps",           [COLLECTOR_PPROF] = "pprof",
      [COLLECTOR_GOROUTINES] = "goroutines",
  };
  return names[collector];
}

enum collector_status collector_status_of(int error) {
  switch (error) {
  case 0:
    return STATUS_OK;
  case -EACCES:
  case -EPERM:
    return STATUS_DENIED;
  case -EXDEV:
    return STATUS_FOREIGN;
  case -ECONNREFUSED:
  case -ECONNRESET:
  case -EHOSTUNREACH:
  case -ENOENT: /* HTTP 404 */
  case -EREMOTEIO:
    return STATUS_REFUSED;
  case -ETIMEDOUT:
    return STATUS_TIMEOUT;
  case -EBADMSG:
  case -EPROTO:
    return STATUS_MALFORMED;
  case -EMSGSIZE:
  case -E2BIG:
    return STATUS_CEILING;
  case -ENOSYS:
    return STATUS_UNSUPPORTED;
  case -EINPROGRESS:
  case -ETIME:
    return STATUS_LATE;
  default:
    return STATUS_ERROR;
  }
}

static const char *pprof_hint(enum collector_status status) {
  switch (status) {
  case STATUS_OFF:
  case STATUS_INVALID:
    return "restart it with SIDECAR_PPROF=1 (port 6060) or SIDECAR_PPROF=PORT, a free port "
           "from 1 to 65535";
  case STATUS_FOREIGN:
    return "restart it with SIDECAR_PPROF=PORT, its own port";
  case STATUS_TIMEOUT:
    return "the process may be stopped or starved; see PprofTimeout in collectd-sidecar(5)";
  case STATUS_MALFORMED:
    return "is it a Go program with net/http/pprof on that port?";
  case STATUS_CEILING:
    return "no page of a Go program is that long; see status 8 in collectd-sidecar(5)";
  case STATUS_DENIED:
    return "collectd needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH to find its port; see "
           "PERMISSIONS in collectd-sidecar(5)";
  default:
    return "";
  }
}

const char *collector_hint(enum collector collector, enum collector_status status) {
  if (collector == COLLECTOR_GOROUTINES && status == STATUS_CEILING)
    return "see GoroutineDumpMax in collectd-sidecar(5)";
  if (collector == COLLECTOR_PPROF || collector == COLLECTOR_GOROUTINES)
    return pprof_hint(status);
  switch (status) {
  case STATUS_DENIED:
    return collector == COLLECTOR_SMAPS
               ? "collectd needs CAP_SYS_PTRACE; see PERMISSIONS in collectd-sidecar(5)"
               : "collectd needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH; see PERMISSIONS in "
                 "collectd-sidecar(5)";
  case STATUS_CEILING:
    return collector == COLLECTOR_SMAPS
               ? "not read, because it would block the process; see SmapsMaxRSS in "
                 "collectd-sidecar(5)"
               : "";
  default:
    return "";
  }
}
