/* The misbehaving server; see hostile_server.h. */
#include "hostile_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 256 };

struct seat {
  struct hostile_connection connection;
  pthread_t thread;
  hostile_behaviour behaviour;
  void *context;
  bool taken;
};

struct hostile_server {
  int listener;
  uint16_t port;
  pthread_t acceptor;
  atomic_bool stopping;
  atomic_uint accepted, serving;
  pthread_mutex_t lock; /* seats' fds, behaviour, context */
  hostile_behaviour behaviour;
  void *context;
  unsigned seats_used;
  struct seat seats[CONNECTIONS_MAX];
};

static void must(bool holds, const char *what) {
  if (!holds) {
    fprintf(stderr, "hostile server: %s: %s\n", what, strerror(errno));
    abort();
  }
}

/* port 0: any. Another server may bind it next, in spite of connections that were open. */
static int bind_loopback(uint16_t port, uint16_t *ret_port) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof(address);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  must(fd >= 0, "socket");
  must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == 0, "setsockopt");
  must(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "bind");
  must(getsockname(fd, (struct sockaddr *)&address, &len) == 0, "getsockname");
  *ret_port = ntohs(address.sin_port);
  return fd;
}

int hostile_refusing_port(uint16_t *ret_port) {
  return bind_loopback(0, ret_port);
}

static bool read_request(struct hostile_connection *c) {
  size_t len = 0;
  while (len < sizeof(c->request) - 1) {
    ssize_t n = recv(c->fd, c->request + len, sizeof(c->request) - 1 - len, 0);
    if (n <= 0)
      return false;
    len += (size_t)n;
    c->request[len] = '\0';
    bool is_tls_hello = c->request[0] == 0x16;
    if (is_tls_hello || strstr(c->request, "\r\n\r\n") != NULL)
      return true;
  }
  return false;
}

static void *serve(void *argument) {
  struct seat *seat = argument;
  struct hostile_connection *c = &seat->connection;
  struct hostile_server *server = c->server;

  if (read_request(c))
    seat->behaviour(c, seat->context);
  shutdown(c->fd, SHUT_WR);
  pthread_mutex_lock(&server->lock);
  close(c->fd);
  c->fd = -1;
  pthread_mutex_unlock(&server->lock);
  atomic_fetch_sub(&server->serving, 1);
  return NULL;
}

/* A seat whose connection is over is used again. */
static struct seat *find_seat(struct hostile_server *server) {
  for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
    struct seat *seat = &server->seats[i];
    if (!seat->taken)
      return seat;
    pthread_mutex_lock(&server->lock);
    bool over = seat->connection.fd < 0;
    pthread_mutex_unlock(&server->lock);
    if (over) {
      pthread_join(seat->thread, NULL);
      seat->taken = false;
      return seat;
    }
  }
  return NULL;
}

static void *accept_all(void *argument) {
  struct hostile_server *server = argument;
  for (;;) {
    int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0 || atomic_load(&server->stopping)) {
      if (fd >= 0)
        close(fd);
      return NULL;
    }
    struct seat *seat = find_seat(server);
    must(seat != NULL, "more connections at once than a test should need");
    atomic_fetch_add(&server->accepted, 1);
    atomic_fetch_add(&server->serving, 1);
    pthread_mutex_lock(&server->lock);
    seat->taken = true;
    seat->behaviour = server->behaviour;
    seat->context = server->context;
    seat->connection.server = server;
    seat->connection.fd = fd;
    pthread_mutex_unlock(&server->lock);
    must(pthread_create(&seat->thread, NULL, serve, seat) == 0, "pthread_create");
  }
}

/* listener becomes the server's. */
static struct hostile_server *server_new(int listener, uint16_t port,
                                         hostile_behaviour behaviour, void *context) {
  struct hostile_server *server = calloc(1, sizeof(*server));
  must(server != NULL, "calloc");
  pthread_mutex_init(&server->lock, NULL);
  server->behaviour = behaviour;
  server->context = context;
  server->listener = listener;
  server->port = port;
  must(listen(server->listener, 128) == 0, "listen");
  must(pthread_create(&server->acceptor, NULL, accept_all, server) == 0, "pthread_create");
  return server;
}

struct hostile_server *hostile_server_new(hostile_behaviour behaviour, void *context) {
  return hostile_server_new_on(0, behaviour, context);
}

struct hostile_server *hostile_server_new_on(uint16_t port, hostile_behaviour behaviour,
                                             void *context) {
  int listener = bind_loopback(port, &port);
  return server_new(listener, port, behaviour, context);
}

struct hostile_server *hostile_server_new_ipv6(hostile_behaviour behaviour, void *context) {
  struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  socklen_t len = sizeof(address);
  int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return NULL;
  if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
    close(fd);
    return NULL;
  }
  must(getsockname(fd, (struct sockaddr *)&address, &len) == 0, "getsockname");
  return server_new(fd, ntohs(address.sin6_port), behaviour, context);
}

void hostile_server_free(struct hostile_server *server) {
  if (server == NULL)
    return;
  atomic_store(&server->stopping, true);
  shutdown(server->listener, SHUT_RDWR);
  pthread_join(server->acceptor, NULL);
  close(server->listener);
  for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
    struct seat *seat = &server->seats[i];
    if (!seat->taken)
      continue;
    pthread_mutex_lock(&server->lock);
    if (seat->connection.fd >= 0)
      shutdown(seat->connection.fd, SHUT_RDWR);
    pthread_mutex_unlock(&server->lock);
    pthread_join(seat->thread, NULL);
  }
  pthread_mutex_destroy(&server->lock);
  free(server);
}

void hostile_server_lend(const struct hostile_server *server) {
  must(fcntl(server->listener, F_SETFD, 0) == 0, "fcntl");
}

uint16_t hostile_server_port(const struct hostile_server *server) {
  return server->port;
}

struct listener_proof hostile_server_proof(const struct hostile_server *server) {
  struct sockaddr_storage address;
  socklen_t len = sizeof(address);
  struct stat st;
  must(getsockname(server->listener, (struct sockaddr *)&address, &len) == 0, "getsockname");
  must(fstat(server->listener, &st) == 0, "fstat");
  struct listener_proof proof = {.ipv6 = address.ss_family == AF_INET6,
                                 .port = server->port,
                                 .inodes = {st.st_ino},
                                 .inodes_len = 1};
  strcpy(proof.address, proof.ipv6 ? "::1" : "127.0.0.1");
  return proof;
}

unsigned hostile_server_accepted(struct hostile_server *server) {
  return atomic_load(&server->accepted);
}

unsigned hostile_server_serving(struct hostile_server *server) {
  return atomic_load(&server->serving);
}

void hostile_server_behave(struct hostile_server *server, hostile_behaviour behaviour,
                           void *context) {
  pthread_mutex_lock(&server->lock);
  server->behaviour = behaviour;
  server->context = context;
  pthread_mutex_unlock(&server->lock);
}

bool hostile_send(struct hostile_connection *c, const void *bytes, size_t len) {
  const char *at = bytes;
  while (len > 0) {
    ssize_t n = send(c->fd, at, len, MSG_NOSIGNAL);
    if (n <= 0)
      return false;
    at += n;
    len -= (size_t)n;
  }
  return true;
}

bool hostile_send_text(struct hostile_connection *c, const char *text) {
  return hostile_send(c, text, strlen(text));
}

void hostile_wait_for_close(struct hostile_connection *c) {
  char dropped[4096];
  while (recv(c->fd, dropped, sizeof(dropped), 0) > 0)
    ;
}

bool hostile_pause(struct hostile_connection *c, unsigned milliseconds) {
  for (unsigned passed = 0; passed < milliseconds; passed += 10) {
    if (atomic_load(&c->server->stopping))
      return false;
    nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
  }
  return !atomic_load(&c->server->stopping);
}

void hostile_silent(struct hostile_connection *c, void *context) {
  (void)context;
  hostile_wait_for_close(c);
}

void hostile_hang_up(struct hostile_connection *c, void *context) {
  (void)c;
  (void)context;
}

void hostile_answer(struct hostile_connection *c, void *context) {
  hostile_send_text(c, context);
}
