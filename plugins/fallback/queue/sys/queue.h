/*
 * Lists that keep their links in the elements, for systems without <sys/queue.h> (musl): of
 * queue(3), what the plugins use. `link` is the name of the element's TAILQ_ENTRY or
 * LIST_ENTRY.
 */
#ifndef FALLBACK_QUEUE_H
#define FALLBACK_QUEUE_H

#include <stddef.h>

/* ---- with an end ---- */

#define TAILQ_HEAD(name, type)                                                                 \
  struct name {                                                                                \
    struct type *first;                                                                        \
    struct type **end; /* where the next one is entered */                                     \
  }

#define TAILQ_ENTRY(type)                                                                      \
  struct {                                                                                     \
    struct type *next;                                                                         \
    struct type **from; /* what points to this element */                                      \
  }

#define TAILQ_INIT(head)                                                                       \
  do {                                                                                         \
    (head)->first = NULL;                                                                      \
    (head)->end = &(head)->first;                                                              \
  } while (0)

#define TAILQ_FIRST(head) ((head)->first)

#define TAILQ_FOREACH(element, head, link)                                                     \
  for ((element) = (head)->first; (element) != NULL; (element) = (element)->link.next)

#define TAILQ_INSERT_HEAD(head, element, link)                                                 \
  do {                                                                                         \
    (element)->link.from = &(head)->first;                                                     \
    (element)->link.next = (head)->first;                                                      \
    *((head)->first != NULL ? &(head)->first->link.from : &(head)->end) =                      \
        &(element)->link.next;                                                                 \
    (head)->first = (element);                                                                 \
  } while (0)

#define TAILQ_INSERT_TAIL(head, element, link)                                                 \
  do {                                                                                         \
    (element)->link.from = (head)->end;                                                        \
    (element)->link.next = NULL;                                                               \
    *(head)->end = (element);                                                                  \
    (head)->end = &(element)->link.next;                                                       \
  } while (0)

#define TAILQ_REMOVE(head, element, link)                                                      \
  do {                                                                                         \
    *((element)->link.next != NULL ? &(element)->link.next->link.from : &(head)->end) =        \
        (element)->link.from;                                                                  \
    *(element)->link.from = (element)->link.next;                                              \
  } while (0)

/* ---- without ---- */

#define LIST_HEAD(name, type)                                                                  \
  struct name {                                                                                \
    struct type *first;                                                                        \
  }

#define LIST_ENTRY(type) TAILQ_ENTRY(type)

#define LIST_INIT(head) ((void)((head)->first = NULL))

#define LIST_FOREACH(element, head, link) TAILQ_FOREACH(element, head, link)

#define LIST_INSERT_HEAD(head, element, link)                                                  \
  do {                                                                                         \
    (element)->link.from = &(head)->first;                                                     \
    (element)->link.next = (head)->first;                                                      \
    if ((head)->first != NULL)                                                                 \
      (head)->first->link.from = &(element)->link.next;                                        \
    (head)->first = (element);                                                                 \
  } while (0)

#define LIST_REMOVE(element, link)                                                             \
  do {                                                                                         \
    if ((element)->link.next != NULL)                                                          \
      (element)->link.next->link.from = (element)->link.from;                                  \
    *(element)->link.from = (element)->link.next;                                              \
  } while (0)

#endif
