/*
 * Shared by the tests of captures: a live process, a pprof server that serves real profiles, a
 * capture directory, and the log. Requests have default values that a test changes as needed.
 */
#ifndef TESTS_UNIT_CAPTURE_FIXTURE_H
#define TESTS_UNIT_CAPTURE_FIXTURE_H

#include <pthread.h>

#include "held_process.h"
#include "hostile_server.h"
#include "sidecar/capture/capture.h"
#include "sidecar/capture/writer.h"

struct capture_fixture {
  struct held_folder folder; /* a temporary one; the captures go to captures/ in it */
  char captures[96];
  struct held_process held;
  struct hostile_server *server;
  struct listener_proof proof; /* of the server */
  char url[64];
  struct capture_options options;
  struct capture_request request;
  struct capture *capture; /* NULL: not started */
  atomic_bool stopping;    /* of a writer on the test's own thread */
  pthread_mutex_t lock;    /* guards log */
  char log[16384];         /* lines "SEVERITY text" */
};

/* Everything but the captures' thread, so that a test may change the options. */
void fixture_start(struct capture_fixture *fixture);
void fixture_open(struct capture_fixture *fixture); /* starts the thread */
void fixture_close(struct capture_fixture *fixture);
void fixture_end(struct capture_fixture *fixture);

/* For writer_write() on the test's own thread. */
void fixture_prepare_writer(struct capture_fixture *fixture, struct writer *ret);
void fixture_end_writer(struct writer *writer);

/* fixture->request with this reason, a second after the last one. */
int fixture_request(struct capture_fixture *fixture, const char *reason,
                    char path[CAPTURE_PATH_MAX]);

/* Requests a bundle and waits until it is complete. */
void fixture_capture(struct capture_fixture *fixture, const char *reason,
                     char path[CAPTURE_PATH_MAX]);

/* Waits until the thread has worked on all requests so far. */
void fixture_settle(struct capture_fixture *fixture);

/* Waits for at most some seconds; fails the test when it does not come. */
void fixture_wait_for_path(const char *path);
void fixture_wait_for_log(struct capture_fixture *fixture, const char *text);

/* How many lines of the log have this text. */
unsigned fixture_logged(struct capture_fixture *fixture, const char *text);

bool path_exists(const char *path);

/* A file of a bundle; the caller frees it. NULL: it does not exist. */
char *bundle_read(const char *bundle, const char *file);

/* The number of entries of a directory, including hidden ones; of all those below it whose name
 * contains this. */
unsigned count_entries(const char *folder);
unsigned count_named(const char *folder, const char *part);

/* A behaviour of the server: answers as a Go runtime does, with real profiles. */
void answer_as_go(struct hostile_connection *connection, void *context);

#endif
