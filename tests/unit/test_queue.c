/* The lists for systems without <sys/queue.h>, on every system. */
#include "fallback/queue/sys/queue.h"

#include "cases.h"

enum { ELEMENTS = 5 };

struct element {
  TAILQ_ENTRY(element) link;
  LIST_ENTRY(element) other_link;
};
TAILQ_HEAD(queue, element);
LIST_HEAD(list, element);

static struct element elements[ELEMENTS];

/* The order is written as digits, the elements' indices. */
static void check_queue(const struct queue *queue, const char *order) {
  char found[ELEMENTS + 1] = "";
  size_t len = 0;
  struct element *element;
  TAILQ_FOREACH(element, queue, link)
  found[len++] = (char)('0' + (element - elements));
  assert_string_equal(found, order);
  assert_int_equal(TAILQ_FIRST(queue) == NULL, order[0] == '\0');
}

static void check_list(const struct list *list, const char *order) {
  char found[ELEMENTS + 1] = "";
  size_t len = 0;
  struct element *element;
  LIST_FOREACH(element, list, other_link)
  found[len++] = (char)('0' + (element - elements));
  assert_string_equal(found, order);
}

static void a_queue_keeps_its_order(void **state) {
  (void)state;
  struct queue queue;
  TAILQ_INIT(&queue);
  check_queue(&queue, "");
  TAILQ_INSERT_TAIL(&queue, &elements[1], link);
  TAILQ_INSERT_TAIL(&queue, &elements[2], link);
  TAILQ_INSERT_HEAD(&queue, &elements[0], link);
  check_queue(&queue, "012");
  TAILQ_REMOVE(&queue, &elements[1], link);
  check_queue(&queue, "02");
  TAILQ_REMOVE(&queue, &elements[2], link);
  TAILQ_INSERT_TAIL(&queue, &elements[3], link);
  check_queue(&queue, "03");
  TAILQ_REMOVE(&queue, &elements[0], link);
  TAILQ_REMOVE(&queue, &elements[3], link);
  check_queue(&queue, "");
  TAILQ_INSERT_HEAD(&queue, &elements[4], link);
  TAILQ_INSERT_TAIL(&queue, &elements[0], link);
  check_queue(&queue, "40");
}

static void a_list_is_in_two_places_at_once(void **state) {
  (void)state;
  struct queue queue;
  struct list list;
  TAILQ_INIT(&queue);
  LIST_INIT(&list);
  for (size_t i = 0; i < ELEMENTS; i++) {
    TAILQ_INSERT_TAIL(&queue, &elements[i], link);
    LIST_INSERT_HEAD(&list, &elements[i], other_link);
  }
  check_list(&list, "43210");
  LIST_REMOVE(&elements[4], other_link);
  LIST_REMOVE(&elements[2], other_link);
  LIST_REMOVE(&elements[0], other_link);
  check_list(&list, "31");
  LIST_INSERT_HEAD(&list, &elements[0], other_link);
  check_list(&list, "031");
  check_queue(&queue, "01234");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_queue_keeps_its_order),
      cmocka_unit_test(a_list_is_in_two_places_at_once),
  };
  return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
