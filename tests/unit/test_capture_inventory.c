/*
 * Which bundles are deleted first, and how long it takes to choose them: an inventory in
 * memory, without a directory.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "cases.h"
#include "sidecar/capture/inventory.h"

static const struct inventory_limits no_limits = {UINT64_MAX / 2, 1000000, UINT64_MAX / 2};

static bool nothing_lives(void *context, const struct identity *identity) {
  unsigned *asked = context;
  (void)identity;
  if (asked != NULL)
    (*asked)++;
  return false;
}

static bool all_live(void *context, const struct identity *identity) {
  return !nothing_lives(context, identity);
}

/* The name is "NUMBER", which sorts as a time does. */
static struct inventory_newcomer newcomer_of(const char *instance, unsigned number) {
  static char names[2][32];
  static unsigned next;
  char *name = names[next++ % ARRAY_LENGTH(names)];
  snprintf(name, sizeof(names[0]), "%08u", number);
  return (struct inventory_newcomer){.instance = instance, .name = name, .bytes = 100};
}

static void add(struct inventory *inventory, struct inventory_newcomer newcomer) {
  const struct inventory_bundle *added;
  assert_int_equal(inventory_add(inventory, &newcomer, &added), 0);
}

static void names_are_found_in_the_order_of_time(void **state) {
  (void)state;
  static const unsigned order[] = {5, 1, 4, 2, 3};
  struct inventory inventory = {0};
  for (size_t i = 0; i < ARRAY_LENGTH(order); i++)
    add(&inventory, newcomer_of("web", order[i]));
  for (unsigned i = 0; i < ARRAY_LENGTH(order); i++)
    assert_int_equal(atoi(inventory_at(&inventory, i)->name), i + 1);
  assert_int_equal(inventory.bytes, 500);
  inventory_free(&inventory);
}

/* --- order of deletion --- */

/* Bundles oldest first: user and instance, 'b' a baseline, 'f' a flag's or 't' of a time,
 * bytes,
 * '+' of a live process. The newcomer comes last. */
struct keeping {
  const char *name;
  const char *bundles; /* "web b 10 +, 1000/web f 10 +"; without a user: 0's */
  const char *newcomer;
  struct inventory_limits limits;
  const char *deleted; /* positions */
  bool fits;
};

static const struct keeping keepings[] = {
    {"there is room", "web b 10 +, web f 10 +", "web f 10 +", {100, 5, 100}, "", true},
    {"too many: the oldest flag goes",
     "web b 1 +, web f 1 +, web f 1 +",
     "web f 1 +",
     {100, 3, 100},
     "1",
     true},
    {"the newest of a time is kept as a flag flaps",
     "web b 1 +, web t 1 +, web t 1 +, web f 1 +",
     "web f 1 +",
     {100, 3, 100},
     "13",
     true},
    {"the newest of a flag is kept as times pass",
     "web b 1 +, web f 1 +, web t 1 +",
     "web t 1 +",
     {100, 3, 100},
     "2",
     true},
    {"the first baseline goes before newer flags",
     "web b 1 -, web f 1 -, web b 1 +, web f 1 +",
     "web f 1 +",
     {100, 4, 100},
     "0",
     true},
    {"too large: as many as it takes",
     "web b 10 +, web f 40 +, web f 40 +, web f 5 +",
     "web f 40 +",
     {100, 9, 1000},
     "1",
     true},
    {"and one more",
     "web b 10 +, web f 40 +, web f 40 +, web f 5 +",
     "web f 60 +",
     {100, 9, 1000},
     "12",
     true},
    {"the baseline and the newest stay though larger",
     "web b 90 +, web f 90 +",
     "web f 90 +",
     {100, 9, 1000},
     "1",
     true},
    {"a new baseline takes the old one's place",
     "web b 60 -, web f 60 -",
     "web b 60 +",
     {100, 9, 1000},
     "0",
     true},
    {"those of other processes are not counted",
     "api b 90 +, api f 90 +",
     "web f 50 +",
     {100, 2, 1000},
     "",
     true},
    {"over all the oldest goes",
     "api f 40 +, web f 40 +, api f 5 +, web f 5 +",
     "web f 50 +",
     {1000, 9, 90},
     "01",
     true},
    {"then those of processes that ended",
     "old b 40 -, old f 40 -, web b 10 +",
     "web f 50 +",
     {100, 9, 100},
     "0",
     true},
    {"nothing of live ones: it does not fit",
     "api b 40 +, api f 40 +, web b 10 +",
     "web f 50 +",
     {100, 9, 100},
     "",
     false},
    {"larger than everything", "", "web f 101 +", {1000, 9, 100}, "", false},
    {"too large for all: nothing is deleted for it",
     "web f 10 -, web f 10 -",
     "web f 101 +",
     {1000, 9, 100},
     "",
     false},
    {"those of the user who has most go, though they are newer",
     "1/web f 10 -, 2/a f 40 -, 2/b f 40 -, 1/api f 5 -",
     "1/new f 10 +",
     {1000, 9, 100},
     "1",
     true},
    {"his own, once his are the most with it",
     "1/web f 10 -, 2/a f 45 -, 1/api f 20 -",
     "1/new f 30 +",
     {1000, 9, 100},
     "0",
     true},
    {"of two with as much, his own",
     "2/a f 50 -, 1/web f 25 -",
     "1/new f 25 +",
     {1000, 9, 90},
     "1",
     true},
    {"a user with many live processes has no more than his share",
     "2/a b 20 +, 2/b b 20 +, 2/c f 20 +, 1/web b 30 +",
     "1/web f 15 +",
     {1000, 9, 100},
     "0",
     true},
    {"but within it, live ones stay",
     "2/a b 20 +, 2/b b 20 +, 1/web b 50 +",
     "1/api f 15 +",
     {1000, 9, 100},
     "",
     false},
    {"another user's of the same name are not counted",
     "1/web f 10 -, 2/web f 10 -, 2/web f 10 -",
     "2/web f 10 +",
     {1000, 2, 1000},
     "1",
     true},
    {"and do not make it older",
     "1/web f 30 +, 2/web f 10 +, 2/web f 10 +",
     "2/web f 45 +",
     {1000, 9, 70},
     "12",
     false},
};

static struct inventory_newcomer read_bundle(const char *text, unsigned number) {
  static char instance[2][16];
  char kind, live, *name = instance[number % 2];
  unsigned owner = 0;
  unsigned long long bytes;
  if (sscanf(text, " %u/%15s %c %llu %c", &owner, name, &kind, &bytes, &live) != 5)
    assert_int_equal(sscanf(text, " %15s %c %llu %c", name, &kind, &bytes, &live), 4);
  struct inventory_newcomer bundle = newcomer_of(name, number);
  bundle.identity.owner = owner;
  bundle.kind = kind == 'b' ? BUNDLE_BASELINE : kind == 't' ? BUNDLE_OF_TIME : BUNDLE_OF_FLAG;
  bundle.bytes = bytes;
  bundle.identity.pid = live == '+';
  return bundle;
}

static bool has_pid(void *context, const struct identity *identity) {
  (void)context;
  return identity->pid != 0;
}

static void the_oldest_is_deleted_first(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LENGTH(keepings); i++) {
    const struct keeping *keeping = &keepings[i];
    struct inventory inventory = {0};
    unsigned number = 0;
    for (const char *at = keeping->bundles; at != NULL && *at != '\0';) {
      add(&inventory, read_bundle(at, number++));
      at = strchr(at, ',');
      at = at != NULL ? at + 1 : NULL;
    }
    struct inventory_newcomer newcomer = read_bundle(keeping->newcomer, number);
    char deleted[9] = "";
    const struct inventory_bundle *victim;
    bool fits;
    while ((victim = inventory_next_victim(&inventory, &keeping->limits, &newcomer, has_pid,
                                           NULL, &fits)) != NULL) {
      deleted[strlen(deleted)] = victim->name[strlen(victim->name) - 1];
      inventory_forget(&inventory, victim);
    }
    check_span(keeping->name, span_of(deleted), span_of(keeping->deleted));
    check_int(keeping->name, fits, keeping->fits);
    inventory_free(&inventory);
  }
}

/* --- how long it takes --- */

/* All 20,000 as bundles of so many instances. */
static void fill(struct inventory *inventory, unsigned instances) {
  char instance[32];
  for (unsigned i = 0; i < INVENTORY_MAX; i++) {
    snprintf(instance, sizeof(instance), "web%u", i % instances);
    add(inventory, newcomer_of(instance, i));
  }
}

static double cpu_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Deletes so many that the newcomer fits; returns how many. */
static unsigned make_room(struct inventory *inventory, const struct inventory_limits *limits,
                          const struct inventory_newcomer *newcomer,
                          inventory_alive_fn is_alive, unsigned *asked, bool *fits) {
  const struct inventory_bundle *victim;
  unsigned deleted = 0;
  inventory_begin_round(inventory);
  while ((victim = inventory_next_victim(inventory, limits, newcomer, is_alive, asked, fits)) !=
         NULL) {
    inventory_forget(inventory, victim);
    deleted++;
  }
  return deleted;
}

/* Not one of them has a newer one of its instance: the slowest case. */
static void a_look_at_20000_bundles_is_short(void **state) {
  (void)state;
  struct inventory inventory = {0};
  struct inventory_limits limits = no_limits;
  struct inventory_newcomer newcomer = newcomer_of("new", INVENTORY_MAX);
  unsigned asked = 0;
  bool fits;
  fill(&inventory, INVENTORY_MAX);
  double begin = cpu_seconds();
  assert_int_equal(make_room(&inventory, &limits, &newcomer, all_live, &asked, &fits), 0);
  assert_false(fits);
  assert_int_equal(asked, INVENTORY_MAX);
  limits.total_max_bytes = 100 * (INVENTORY_MAX - 99);
  assert_int_equal(make_room(&inventory, &limits, &newcomer, nothing_lives, NULL, &fits), 100);
  assert_true(fits);
  if (cpu_seconds() - begin > 1)
    fail_msg("it took %.1f s", cpu_seconds() - begin);
  inventory_free(&inventory);
}

static void all_of_20000_bundles_can_be_deleted_at_once(void **state) {
  (void)state;
  struct inventory inventory = {0};
  struct inventory_limits limits = no_limits;
  struct inventory_newcomer newcomer = newcomer_of("new", INVENTORY_MAX);
  bool fits;
  limits.total_max_bytes = newcomer.bytes;
  fill(&inventory, 2000);
  assert_int_equal(make_room(&inventory, &limits, &newcomer, nothing_lives, NULL, &fits),
                   INVENTORY_MAX);
  assert_true(fits);
  assert_int_equal(inventory.bundles.len + inventory.groups.len + inventory.bytes, 0);
  inventory_free(&inventory);
}

/* One of a user with a bundle, one of whom 20,000 processes run. */
static void bundles_are_shared_like_bytes(void **state) {
  (void)state;
  struct inventory inventory = {0};
  struct inventory_newcomer newcomer = newcomer_of("new", INVENTORY_MAX);
  unsigned asked = 0;
  bool fits;
  fill(&inventory, INVENTORY_MAX);
  newcomer.identity.owner = 1000;
  assert_int_equal(make_room(&inventory, &no_limits, &newcomer, all_live, &asked, &fits), 1);
  assert_true(fits);
  add(&inventory, newcomer);
  newcomer = newcomer_of("new", INVENTORY_MAX + 1); /* one more of the first user */
  assert_int_equal(make_room(&inventory, &no_limits, &newcomer, nothing_lives, NULL, &fits), 1);
  assert_int_equal(inventory.owners.len, 2);
  const struct inventory_owner *owner = inventory.owners.items[1];
  assert_int_equal(owner->len, 1);
  inventory_free(&inventory);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_are_found_in_the_order_of_time),
      cmocka_unit_test(the_oldest_is_deleted_first),
      cmocka_unit_test(a_look_at_20000_bundles_is_short),
      cmocka_unit_test(bundles_are_shared_like_bytes),
      cmocka_unit_test(all_of_20000_bundles_can_be_deleted_at_once),
  };
  return cmocka_run_group_tests_name("capture_inventory", tests, NULL, NULL);
}
