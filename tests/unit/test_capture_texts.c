/* What captures write and delete, without a disk: counts, listings, README, order of
 * deletion. */
#include <errno.h>
#include <stdio.h>

#include "cases.h"
#include "sidecar/capture/inventory.h"
#include "sidecar/capture/listing.h"
#include "sidecar/capture/readme.h"
#include "sidecar/capture/tally.h"

/* --- tally --- */

static void names_are_counted_and_the_most_frequent_comes_first(void **state) {
  (void)state;
  static const char *const names[] = {"b", "a", "c", "a", "", "a", "c"};
  struct tally tally = {0};
  for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
    assert_int_equal(tally_add(&tally, span_of(names[i]), NULL), 0);
  tally_sort(&tally, TALLY_BY_COUNT);
  static const struct {
    const char *name;
    uint64_t count;
  } expected[] = {{"a", 3}, {"c", 2}, {"", 1}, {"b", 1}};
  assert_int_equal(tally.len, ARRAY_LENGTH(expected));
  for (size_t i = 0; i < tally.len; i++) {
    assert_string_equal(tally.rows[i].name, expected[i].name);
    assert_int_equal(tally.rows[i].count, expected[i].count);
  }
  assert_int_equal(tally.total.count, ARRAY_LENGTH(names));
  tally_free(&tally);
}

static void sums_stay_unknown_once_an_addend_is(void **state) {
  (void)state;
  const uint64_t known[TALLY_SUMS] = {1, 2}, unknown[TALLY_SUMS] = {1, VALUE_UNKNOWN};
  const uint64_t large[TALLY_SUMS] = {VALUE_UNKNOWN - 1, 0};
  struct tally tally = {0};
  assert_int_equal(tally_add(&tally, SPAN_LITERAL("x"), known), 0);
  assert_int_equal(tally_add(&tally, SPAN_LITERAL("x"), unknown), 0);
  assert_int_equal(tally_add(&tally, SPAN_LITERAL("x"), known), 0);
  assert_int_equal(tally.rows[0].sums[0], 3);
  assert_int_equal(tally.rows[0].sums[1], VALUE_UNKNOWN);
  assert_int_equal(tally_add(&tally, SPAN_LITERAL("y"), large), 0);
  assert_int_equal(tally_add(&tally, SPAN_LITERAL("y"), known), 0);
  assert_int_equal(tally.rows[1].sums[0], VALUE_UNKNOWN); /* it would not fit */
  tally_free(&tally);
}

static void names_above_the_limit_are_counted_together(void **state) {
  (void)state;
  struct tally tally = {0};
  char name[32];
  for (unsigned i = 0; i < TALLY_NAMES_MAX + 10; i++) {
    snprintf(name, sizeof(name), "%u", i);
    assert_int_equal(tally_add(&tally, span_of(name), NULL), 0);
  }
  assert_int_equal(tally_add(&tally, SPAN_LITERAL("5"), NULL), 0);
  assert_int_equal(tally.len, TALLY_NAMES_MAX);
  assert_int_equal(tally.others.count, 10);
  assert_int_equal(tally.total.count, TALLY_NAMES_MAX + 11);
  tally_sort(&tally, TALLY_BY_COUNT);
  assert_string_equal(tally.rows[0].name, "5");
  tally_free(&tally);

  char *long_name = malloc(TALLY_BYTES_MAX);
  assert_non_null(long_name);
  memset(long_name, 'x', TALLY_BYTES_MAX);
  assert_int_equal(tally_add(&tally, span_make(long_name, TALLY_BYTES_MAX), NULL), 0);
  assert_int_equal(tally_add(&tally, SPAN_LITERAL("y"), NULL), 0);
  assert_int_equal(tally.len, 1);
  assert_int_equal(tally.others.count, 1);
  tally_free(&tally);
  free(long_name);
}

/* --- listings --- */

static void descriptors_are_counted_by_class_and_by_file(void **state) {
  (void)state;
  struct descriptor_listing *listing;
  autobuffer(text, LISTING_MAX_BYTES);
  assert_int_equal(descriptor_listing_new(&listing), 0);
  descriptor_listing_add(listing, 0, DESCRIPTOR_DEVICE, SPAN_LITERAL("/dev/null"));
  descriptor_listing_add(listing, 3, DESCRIPTOR_REGULAR, SPAN_LITERAL("/a"));
  descriptor_listing_add(listing, 4, DESCRIPTOR_REGULAR, SPAN_LITERAL("/b\n"));
  descriptor_listing_add(listing, 5, DESCRIPTOR_REGULAR, SPAN_LITERAL("/b\n"));
  descriptor_listing_add(listing, 6, DESCRIPTOR_REGULAR, SPAN_LITERAL(""));
  assert_int_equal(descriptor_listing_print(listing, &text), 0);
  check_span("classes", span_make(buffer_string(&text), 36),
             SPAN_LITERAL("5 open descriptors\n      4  regular\n"));
  assert_non_null(strstr(buffer_string(&text), "\n\nFiles by how often they are open\n"
                                               "      2  /b\\x0A\n"
                                               "      1  /a\n"
                                               "\n    fd  class       what it is\n"
                                               "     0  device      /dev/null\n"
                                               "     3  regular     /a\n"));
  assert_non_null(
      strstr(buffer_string(&text), "     6  regular     (a path too long to be named)\n"));
  descriptor_listing_free(listing);
}

static void descriptors_past_the_limit_are_counted(void **state) {
  (void)state;
  struct descriptor_listing *listing;
  char name[4096];
  autobuffer(text, LISTING_MAX_BYTES);
  memset(name, 'x', sizeof(name));
  assert_int_equal(descriptor_listing_new(&listing), 0);
  for (int fd = 0; fd < 2000; fd++)
    assert_int_equal(
        descriptor_listing_add(listing, fd, DESCRIPTOR_REGULAR, span_make(name, sizeof(name))),
        0);
  assert_int_equal(descriptor_listing_print(listing, &text), 0);
  assert_non_null(strstr(buffer_string(&text), "2000 open descriptors\n"));
  assert_non_null(strstr(buffer_string(&text), " more, counted above\n"));
  assert_null(strstr(buffer_string(&text), "\n  1999  "));
  descriptor_listing_free(listing);
}

static void regions_are_summed_up_by_name(void **state) {
  (void)state;
  const struct region_sizes large = {8192, 4096, 4096, 1024, 0, VALUE_UNKNOWN};
  const struct region_sizes small = {409600, 2048, 1024, 0, 0, 0};
  struct region_listing *listing;
  autobuffer(text, LISTING_MAX_BYTES);
  assert_int_equal(region_listing_new(&listing), 0);
  region_listing_add(listing, SPAN_LITERAL(""), &large);
  region_listing_add(listing, SPAN_LITERAL("/lib/x.so"), &small);
  region_listing_add(listing, SPAN_LITERAL(""), &large);
  assert_int_equal(region_listing_print(listing, true, &text), 0);
  const char *all = strstr(buffer_string(&text), "\n       3           416            10 ");
  const char *anonymous =
      strstr(buffer_string(&text), "\n       2            16             8 "
                                   "            8             2 "
                                   "            0             -  (anonymous)");
  const char *library = strstr(buffer_string(&text), "  /lib/x.so\n");
  assert_true(all != NULL && all < anonymous && anonymous < library);
  region_listing_free(listing);
}

/* --- order of deletion --- */

/* Bundles oldest first: instance, 'b' a baseline or 'f' a flag's, bytes, '+' of a live
 * process. The newcomer comes last. */
struct keeping {
  const char *name;
  const char *bundles; /* "web b 10 +, web f 10 +" */
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
    {"over all the oldest goes, whosever it is",
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
};

static void read_bundle(const char *text, struct inventory_bundle *ret) {
  char instance[16], kind, live;
  unsigned long long bytes;
  *ret = (struct inventory_bundle){.bytes = 0};
  assert_int_equal(sscanf(text, " %15s %c %llu %c", instance, &kind, &bytes, &live), 4);
  snprintf(ret->instance, sizeof(ret->instance), "%s", instance);
  ret->is_baseline = kind == 'b';
  ret->bytes = bytes;
  ret->identity.pid = live == '+';
}

static bool has_pid(void *context, const struct identity *identity) {
  (void)context;
  return identity->pid != 0;
}

static void the_oldest_is_deleted_first(void **state) {
  (void)state;
  for (size_t i = 0; i < ARRAY_LENGTH(keepings); i++) {
    const struct keeping *keeping = &keepings[i];
    struct inventory_bundle bundles[8], incoming;
    struct inventory inventory = {.bundles = bundles};
    for (const char *at = keeping->bundles; at != NULL && *at != '\0';) {
      read_bundle(at, &bundles[inventory.len]);
      bundles[inventory.len].name[0] = (char)('0' + inventory.len);
      inventory.bytes += bundles[inventory.len++].bytes;
      at = strchr(at, ',');
      at = at != NULL ? at + 1 : NULL;
    }
    read_bundle(keeping->newcomer, &incoming);
    struct inventory_newcomer newcomer = {incoming.instance, incoming.is_baseline,
                                          incoming.bytes};
    char deleted[9] = "";
    const struct inventory_bundle *victim;
    bool fits;
    while ((victim = inventory_next_victim(&inventory, &keeping->limits, &newcomer, has_pid,
                                           NULL, &fits)) != NULL) {
      size_t at = (size_t)(victim - bundles);
      deleted[strlen(deleted)] = victim->name[0];
      inventory.bytes -= victim->bytes;
      memmove(&bundles[at], &bundles[at + 1], (--inventory.len - at) * sizeof(bundles[0]));
    }
    check_span(keeping->name, span_of(deleted), span_of(keeping->deleted));
    check_int(keeping->name, fits, keeping->fits);
  }
}

/* --- README --- */

static const struct capture_request request = {
    .instance = "web",
    .pid = 4711,
    .reason = "heap_growing",
    .headline = "heap +12 MB in an hour",
    .next_steps = "look at bufio\nthen at json\n",
    .wall_time_ms = INT64_C(1785542399123),
};

static char *print(const struct readme *readme) {
  autobuffer(text, README_MAX_BYTES);
  assert_int_equal(readme_print(readme, &text), 0);
  char *copy = strdup(buffer_string(&text));
  assert_non_null(copy);
  return copy;
}

static void check_text(char *text, const char *wanted, const char *unwanted) {
  if (wanted != NULL && strstr(text, wanted) == NULL)
    fail_msg("no \"%s\" in %s", wanted, text);
  if (unwanted != NULL && strstr(text, unwanted) != NULL)
    fail_msg("\"%s\" in %s", unwanted, text);
  free(text);
}

static void heaps_are_compared_only_if_both_exist(void **state) {
  (void)state;
  struct readme readme = {.request = &request,
                          .path = "/c/web/new",
                          .baseline_path = "/c/web/old",
                          .baseline_has_heap = true,
                          .has_heap = true,
                          .not_taken = ""};
  check_text(print(&readme),
             "go tool pprof -base /c/web/old/heap.pb.gz /c/web/new/heap.pb.gz\n",
             "Not captured");
  check_text(print(&readme), "  diff /c/web/old/fds.txt /c/web/new/fds.txt\n", "  \n");
  readme.baseline_has_heap = false;
  check_text(print(&readme), "go tool pprof -top /c/web/new/heap.pb.gz\n", "-base");
  readme.baseline_has_heap = true;
  readme.has_heap = false;
  check_text(print(&readme), NULL, "go tool pprof");
  readme.not_taken = "  heap.pb.gz: truncated\n";
  check_text(print(&readme), "\nNot captured\n  heap.pb.gz: truncated\n", "goroutines.txt");
}

static void paths_are_quoted_for_the_shell(void **state) {
  (void)state;
  struct readme readme = {.request = &request,
                          .path = "/my captures/it's/new",
                          .has_heap = true,
                          .has_goroutines = true,
                          .not_taken = ""};
  check_text(print(&readme), "go tool pprof -top '/my captures/it'\\''s/new/heap.pb.gz'\n",
             NULL);
  check_text(print(&readme), "'/my captures/it'\\''s/new/goroutines.txt' | sort", NULL);
}

static void the_head_is_printable_and_the_steps_are_those_of_the_request(void **state) {
  (void)state;
  struct capture_request hostile = request;
  struct readme readme = {.request = &hostile, .path = "/c", .not_taken = ""};
  hostile.headline = "a\n\033[2Jb";
  hostile.instance = "x\ny";
  check_text(print(&readme), "a\\x0A\\x1B[2Jb\n", "\033");
  check_text(print(&readme), "x\\x0Ay, pid 4711\n", NULL);
  check_text(print(&readme), "2026-07-31 23:59:59 UTC", NULL);
  check_text(print(&readme), "\nNext\n  look at bufio\n  then at json\n", NULL);
  hostile.next_steps = "";
  check_text(print(&readme), NULL, "\nNext\n");
  hostile.reason = "baseline";
  hostile.headline = "";
  hostile.next_steps = NULL;
  check_text(print(&readme), "The baseline of x\\x0Ay, to compare with\n", "\nNext\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_are_counted_and_the_most_frequent_comes_first),
      cmocka_unit_test(sums_stay_unknown_once_an_addend_is),
      cmocka_unit_test(names_above_the_limit_are_counted_together),
      cmocka_unit_test(descriptors_are_counted_by_class_and_by_file),
      cmocka_unit_test(descriptors_past_the_limit_are_counted),
      cmocka_unit_test(regions_are_summed_up_by_name),
      cmocka_unit_test(the_oldest_is_deleted_first),
      cmocka_unit_test(heaps_are_compared_only_if_both_exist),
      cmocka_unit_test(paths_are_quoted_for_the_shell),
      cmocka_unit_test(the_head_is_printable_and_the_steps_are_those_of_the_request),
  };
  return cmocka_run_group_tests_name("capture_texts", tests, NULL, NULL);
}
