/* Finds a process's pprof server and verifies that the process owns it; see endpoint.h. */
#include "sidecar/go/endpoint.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/array.h"
#include "common/scan.h"
#include "common/text.h"

enum { DEFAULT_PORT = 6060 };

int endpoint_parse_port(const char *value, uint16_t *ret_port) {
  if (value[0] == '\0')
    return -ENODATA;
  uint64_t port;
  if (scan_whole_u64(span_of(value), 1, 65535, &port) != 0)
    return -EINVAL;
  *ret_port = port == 1 ? DEFAULT_PORT : (uint16_t)port;
  return 0;
}

int endpoint_parse_address(const char *value, uint16_t *ret_port) {
  static const char *const hosts[] = {":", "localhost:", "127.0.0.1:", "[::1]:"};
  struct span port_text = span_of(value);
  uint64_t port;
  for (size_t i = 0; i < ARRAY_LENGTH(hosts); i++) {
    if (!scan_literal(&port_text, hosts[i]))
      continue;
    if (scan_whole_u64(port_text, 1, 65535, &port) != 0)
      return -EINVAL;
    *ret_port = (uint16_t)port;
    return 0;
  }
  return endpoint_parse_port(value, ret_port);
}

/* What sidecar itself takes is the measure of its variable. */
static int parse_variable(const char *variable, const char *value, uint16_t *ret_port) {
  return strcmp(variable, PPROF_DEFAULT_VARIABLE) == 0
             ? endpoint_parse_port(value, ret_port)
             : endpoint_parse_address(value, ret_port);
}

void endpoint_init(struct endpoint *endpoint, uid_t owner, const char *path) {
  *endpoint = (struct endpoint){.owner = owner, .path = path, .status = STATUS_OFF};
}

void endpoint_close(struct endpoint *endpoint) {
  pprof_endpoint_free(endpoint->client);
  endpoint->client = NULL;
  endpoint->listeners_len = 0;
}

void endpoint_fail(struct endpoint *endpoint, enum collector_status status, const char *format,
                   ...) {
  endpoint_close(endpoint);
  endpoint->status = status;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(endpoint->reason, sizeof(endpoint->reason), format, arguments);
  va_end(arguments);
}

/* ---- the parts of a check ---- */

void endpoint_begin(const struct endpoint *endpoint, const struct endpoint_options *options,
                    struct endpoint_search *ret) {
  ret->variable = NULL;
  ret->port = 0;
  ret->listeners_len = 0;
  if (!options->enabled)
    return;
  if (options->port != 0)
    ret->port = options->port;
  else if (endpoint->client != NULL)
    ret->port = endpoint->port;
  else
    ret->variable = options->variable;
}

void endpoint_read(struct endpoint_search *search, struct process *process) {
  search->variable_error = search->listeners_error = 0;
  search->listeners_len = 0;
  if (search->variable != NULL) {
    search->variable_error = process_read_environment(process, search->variable, search->value,
                                                      sizeof(search->value));
    if (search->variable_error == 0 &&
        parse_variable(search->variable, search->value, &search->port) != 0)
      search->port = 0;
  }
  if (search->port != 0)
    search->listeners_error =
        listener_find(process, search->port, search->listeners, &search->listeners_len);
}

static void explain_port(struct endpoint *endpoint, const struct endpoint_search *search) {
  char printable[80];
  if (search->variable_error == -ENODATA)
    endpoint_fail(endpoint, STATUS_OFF, "%s is not set", search->variable);
  else if (search->variable_error == -ENAMETOOLONG)
    endpoint_fail(endpoint, STATUS_INVALID, "%s is too long to be a port", search->variable);
  else if (search->variable_error != 0)
    endpoint_fail(endpoint, collector_status_of(search->variable_error),
                  "its environment cannot be read: %s", strerror(-search->variable_error));
  else if (search->value[0] == '\0')
    endpoint_fail(endpoint, STATUS_OFF, "%s is empty", search->variable);
  else
    endpoint_fail(endpoint, STATUS_INVALID, "%s=\"%s\" is not a port", search->variable,
                  text_printable(printable, sizeof(printable), span_of(search->value)));
}

static void explain_listeners(struct endpoint *endpoint, const struct endpoint_search *search) {
  int status = search->listeners_error;
  if (status == -EXDEV)
    endpoint_fail(endpoint, STATUS_FOREIGN,
                  "port %u is in a different network namespace than collectd", search->port);
  else if (status != 0)
    endpoint_fail(endpoint, collector_status_of(status),
                  "the listeners on port %u cannot be read: %s", search->port,
                  strerror(-status));
  else
    endpoint_fail(endpoint, STATUS_REFUSED, "nothing listens on port %u; %s", search->port,
                  pprof_error_hint(-ECONNREFUSED));
}

void endpoint_find(struct endpoint *endpoint, const struct endpoint_options *options,
                   const struct endpoint_search *search) {
  endpoint->listeners_len = 0;
  if (!options->enabled) {
    endpoint_fail(endpoint, STATUS_OFF, "Pprof false is configured");
    return;
  }
  endpoint->port = search->port;
  if (search->port == 0) {
    explain_port(endpoint, search);
  } else if (search->listeners_len == 0) {
    explain_listeners(endpoint, search);
  } else {
    endpoint->listeners_len = search->listeners_len;
    memcpy(endpoint->listeners, search->listeners,
           search->listeners_len * sizeof(*search->listeners));
  }
}

static struct listener_proof make_proof(const struct endpoint *endpoint, const bool *owned,
                                        const struct listener *chosen) {
  struct listener_proof proof = {.ipv6 = chosen->ipv6, .port = endpoint->port};
  memcpy(proof.address, chosen->address, sizeof(proof.address));
  for (size_t i = 0; i < endpoint->listeners_len; i++) {
    if (owned[i])
      proof.inodes[proof.inodes_len++] = endpoint->listeners[i].inode;
  }
  return proof;
}

static bool proofs_equal(const struct listener_proof *a, const struct listener_proof *b) {
  return a->ipv6 == b->ipv6 && a->port == b->port && strcmp(a->address, b->address) == 0 &&
         a->inodes_len == b->inodes_len &&
         memcmp(a->inodes, b->inodes, a->inodes_len * sizeof(a->inodes[0])) == 0;
}

static void connect_to(struct endpoint *endpoint, const struct listener_proof *proof,
                       struct pprof *pprof) {
  if (endpoint->client != NULL && proofs_equal(pprof_endpoint_server(endpoint->client), proof))
    return;
  endpoint_close(endpoint);
  int status =
      pprof_endpoint_new(pprof, proof, endpoint->path, endpoint->owner, &endpoint->client);
  if (status != 0) {
    endpoint_fail(endpoint, collector_status_of(status), "no endpoint: %s", strerror(-status));
    return;
  }
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
    struct listener_proof proof = make_proof(endpoint, owned, listener);
    connect_to(endpoint, &proof, pprof);
    return;
  }
  endpoint_fail(endpoint, STATUS_FOREIGN, "port %u belongs to another process", endpoint->port);
}
