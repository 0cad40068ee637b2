/*
 * A pprof server as a Go program's, from captured pages, and whose socket a program that is
 * watched may have as well: to the kernel it is that program's server.
 */
#ifndef TESTS_UNIT_GO_SERVER_H
#define TESTS_UNIT_GO_SERVER_H

#include "hostile_server.h"

/* What the pages say. */
enum {
  GO_GOROUTINES = 40,
  GO_HEAP_INUSE_BYTES = 21872640,
  GO_GC_CYCLES = 303,
  GO_DUMPED = 3, /* goroutines in the dump, of these: */
  GO_DUMPED_FETCH_DATA = 2,
  GO_LEAKED = 7
};

/* Fixtures of a group whose programs have such a server: also those of watched.h. */
int go_server_set_up_group(void **state);
int go_server_tear_down_group(void **state);

/* Behaviours of a connection (hostile_server.h): all pages; all but the index page, the profile
 * of the heap, the dump, or the leaked goroutines, which are not found; a dump that ends in the
 * middle. context is not
 * used; of go_server_below it is the prefix of all pages. */
void go_server_good(struct hostile_connection *connection, void *context);
void go_server_without_index(struct hostile_connection *connection, void *context);
void go_server_without_heap(struct hostile_connection *connection, void *context);
void go_server_without_dump(struct hostile_connection *connection, void *context);
void go_server_without_leaks(struct hostile_connection *connection, void *context);
void go_server_with_part_of_dump(struct hostile_connection *connection, void *context);
void go_server_below(struct hostile_connection *connection, void *prefix);

/* How often the index page was asked for. */
extern _Atomic unsigned go_server_index_requests;

#endif
