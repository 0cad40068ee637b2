/*
 * An Alertmanager for tests that need it in the sender's process: a real server on loopback
 * that records posts and responds as configured.
 */
#ifndef TESTS_UNIT_AM_RECEIVER_H
#define TESTS_UNIT_AM_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>

struct receiver;

struct receiver *receiver_new(void);
void receiver_free(struct receiver *receiver);

/* "http://127.0.0.1:PORT" */
const char *receiver_url(const struct receiver *receiver);

/* The response to every post from now on; NULL: 200. It is kept as a pointer. */
void receiver_answer(struct receiver *receiver, const char *response);

/* Give the date in responses of 200 from now on, as Alertmanager does. */
void receiver_give_date(struct receiver *receiver);

/* Answer 401 from now on, with the whole request as its text, unless a post has this line in
 * its head, which is kept as a pointer. */
void receiver_require(struct receiver *receiver, const char *line);

/* Reject, with 400, each post that contains an alert of this plugin; NULL: none. Such a post is
 * not recorded. */
void receiver_refuse(struct receiver *receiver, const char *plugin);

/* From now on: accept the post and do not respond. */
void receiver_hang(struct receiver *receiver);

/* The number of posts received, whatever the response. */
unsigned receiver_posts(struct receiver *receiver);

/* How many alerts it believes to fire; plugin and severity may be NULL for any. */
size_t receiver_firing(struct receiver *receiver, const char *plugin, const char *severity);

/* How many seconds ahead, when it came, the end was of an alert that fires; 0 without one. */
double receiver_end_ahead(struct receiver *receiver, const char *plugin);

/* How often an alert came as resolved. */
size_t receiver_resolved(struct receiver *receiver, const char *plugin);

/* Waits up to ten seconds for that many to fire; returns whether they do. */
bool receiver_wait_firing(struct receiver *receiver, const char *plugin, const char *severity,
                          size_t count);

#endif
