/* Finds a process's pprof server and verifies that the process owns it; see endpoint.h. */
#include "sidecar/go/endpoint.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/scan.h"
#include "common/text.h"

enum { DEFAULT_PORT = 6060, VARIABLE_VALUE_SIZE = 64 };

int endpoint_parse_port(const char *value, uint16_t *ret_port) {
  if (value[0] == '\0')
    return -ENODATA;
  uint64_t port;
  if (scan_whole_u64(span_of(value), 1, 65535, &port) != 0)
    return -EINVAL;
  *ret_port = port == 1 ? DEFAULT_PORT : (uint16_t)port;
  return 0;
}

void endpoint_init(struct endpoint *endpoint) {
  *endpoint = (struct endpoint){.status = STATUS_OFF};
}

void endpoint_close(struct endpoint *endpoint) {
  pprof_endpoint_free(endpoint->client);
  endpoint->client = NULL;
  endpoint->listeners_len = 0;
}

__attribute__((format(printf, 3, 4))) static void endpoint_fail(struct endpoint *endpoint,
                                                                enum collector_status status,
                                                                const char *format, ...) {
  endpoint_close(endpoint);
  endpoint->status = status;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(endpoint->reason, sizeof(endpoint->reason), format, arguments);
  va_end(arguments);
}

/* A verified port is not looked up again. Any other is: the permission to read the environment
 * may change, and a process that executes itself again may have another port. */
static void find_port(struct endpoint *endpoint, const struct endpoint_options *options,
                      struct process *process) {
  char value[VARIABLE_VALUE_SIZE], printable[80];
  int status = process_read_environment(process, options->variable, value, sizeof(value));
  if (status == -ENODATA) {
    endpoint_fail(endpoint, STATUS_OFF, "%s is not set", options->variable);
    return;
  }
  if (status == -ENAMETOOLONG) {
    endpoint_fail(endpoint, STATUS_INVALID, "%s is too long to be a port", options->variable);
    return;
  }
  if (status != 0) {
    endpoint_fail(endpoint, collector_status_of(status), "its environment cannot be read: %s",
                  strerror(-status));
    return;
  }
  status = endpoint_parse_port(value, &endpoint->port);
  if (status == -ENODATA)
    endpoint_fail(endpoint, STATUS_OFF, "%s is empty", options->variable);
  else if (status != 0)
    endpoint_fail(endpoint, STATUS_INVALID, "%s=\"%s\" is not a port", options->variable,
                  text_printable(printable, sizeof(printable), span_of(value)));
}

void endpoint_find(struct endpoint *endpoint, const struct endpoint_options *options,
                   struct process *process) {
  endpoint->listeners_len = 0;
  if (!options->enabled) {
    endpoint_fail(endpoint, STATUS_OFF, "Pprof false is configured");
    return;
  }
  if (options->port != 0)
    endpoint->port = options->port;
  else if (endpoint->client == NULL) {
    endpoint->port = 0;
    find_port(endpoint, options, process);
  }
  if (endpoint->port == 0)
    return;

  size_t len = 0;
  int status = listener_find(process, endpoint->port, endpoint->listeners, &len);
  if (status == -EXDEV)
    endpoint_fail(endpoint, STATUS_FOREIGN,
                  "port %u is in a different network namespace than collectd", endpoint->port);
  else if (status != 0)
    endpoint_fail(endpoint, collector_status_of(status),
                  "the listeners on port %u cannot be read: %s", endpoint->port,
                  strerror(-status));
  else if (len == 0)
    endpoint_fail(endpoint, STATUS_REFUSED, "nothing listens on port %u", endpoint->port);
  else
    endpoint->listeners_len = len;
}

static void connect_to(struct endpoint *endpoint, const struct listener *listener,
                       struct pprof *pprof) {
  if (endpoint->client != NULL && endpoint->connected.inode == listener->inode)
    return;
  struct listener chosen = *listener;
  endpoint_close(endpoint);
  int status =
      pprof_endpoint_new(pprof, chosen.address, chosen.ipv6, endpoint->port, &endpoint->client);
  if (status != 0) {
    endpoint_fail(endpoint, collector_status_of(status), "no endpoint: %s", strerror(-status));
    return;
  }
  endpoint->connected = chosen;
  endpoint->status = STATUS_OK;
  endpoint->reason[0] = '\0';
}

void endpoint_prove(struct endpoint *endpoint, const bool *owned, int descriptors_error,
                    struct pprof *pprof) {
  if (endpoint->listeners_len == 0)
    return; /* endpoint_find has set the reason */
  if (descriptors_error != 0) {
    endpoint_fail(endpoint, collector_status_of(descriptors_error),
                  "the owner of port %u cannot be verified, the descriptors cannot be read: %s",
                  endpoint->port, strerror(-descriptors_error));
    return;
  }
  const struct listener *listener =
      listener_first_owned(endpoint->listeners, owned, endpoint->listeners_len);
  if (listener != NULL) {
    connect_to(endpoint, listener, pprof);
    return;
  }
  endpoint_fail(endpoint, STATUS_FOREIGN, "port %u belongs to another process", endpoint->port);
}
