/*
 * A real TCP server on loopback that misbehaves on command: the peer in tests of the HTTP
 * client and its users. Each connection gets a thread and a behaviour.
 */
#ifndef TESTS_HOSTILE_SERVER_H
#define TESTS_HOSTILE_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sidecar/os/listener.h"

struct hostile_server;

/* One accepted connection, its request already read up to the empty line. */
struct hostile_connection {
  struct hostile_server *server;
  int fd;
  char request[4096]; /* head (and what came of the body with it), NUL-terminated */
};

/* Serves one connection; it is closed afterwards. context is hostile_server_new's. */
typedef void (*hostile_behaviour)(struct hostile_connection *connection, void *context);

/* Never returns NULL: a test that has no server cannot go on, so it fails here. */
struct hostile_server *hostile_server_new(hostile_behaviour behaviour, void *context);

/* The same on this port of 127.0.0.1, which a server that was freed may have had before. */
struct hostile_server *hostile_server_new_on(uint16_t port, hostile_behaviour behaviour,
                                             void *context);

/* The same on [::1]. NULL where the machine has no IPv6. */
struct hostile_server *hostile_server_new_ipv6(hostile_behaviour behaviour, void *context);

/* Closes all connections, whatever their behaviours are doing, and ends the threads. */
void hostile_server_free(struct hostile_server *server);

/* For a child before it executes a program: that has the listening socket, too, until it ends,
 * or until the server is freed, when nothing listens any more. */
void hostile_server_lend(const struct hostile_server *server);

uint16_t hostile_server_port(const struct hostile_server *server);

/* That the port is this server's. */
struct listener_proof hostile_server_proof(const struct hostile_server *server);

/* How many connections have been accepted, and how many are served at this moment. */
unsigned hostile_server_accepted(struct hostile_server *server);
unsigned hostile_server_serving(struct hostile_server *server);

/* From the next connection on. */
void hostile_server_behave(struct hostile_server *server, hostile_behaviour behaviour,
                           void *context);

/* For behaviours. False when the other side or the test has ended the connection. */
bool hostile_send(struct hostile_connection *connection, const void *bytes, size_t len);
bool hostile_send_text(struct hostile_connection *connection, const char *text);
/* Blocks until the other side closes, or the server is freed. */
void hostile_wait_for_close(struct hostile_connection *connection);
/* Sleeps; false when the server is being freed. */
bool hostile_pause(struct hostile_connection *connection, unsigned milliseconds);

/* Behaviours that need no context. */
void hostile_silent(struct hostile_connection *connection, void *context);
void hostile_hang_up(struct hostile_connection *connection, void *context);
/* context is the response, a NUL-terminated string, sent verbatim. */
void hostile_answer(struct hostile_connection *connection, void *context);

/* A port on which nothing listens, reserved until the fd is closed. */
int hostile_refusing_port(uint16_t *ret_port);

#endif
