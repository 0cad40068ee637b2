/* What captures write, without a disk: counts, listings, README. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cases.h"
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
                          .baseline = {"/c/web/old", true},
                          .previous = {"/c/web/last", true},
                          .has_heap = true,
                          .not_taken = ""};
  check_text(print(&readme),
             "go tool pprof -base /c/web/old/heap.pb.gz /c/web/new/heap.pb.gz\n",
             "Not captured");
  check_text(print(&readme),
             "go tool pprof -http=localhost:8081 -base /c/web/old/heap.pb.gz "
             "/c/web/new/heap.pb.gz\n",
             "CPU");
  check_text(print(&readme),
             "  what grew since the capture before (then `top20`, `list FUNCTION`), and as a "
             "flame graph:\n"
             "  go tool pprof -base /c/web/last/heap.pb.gz /c/web/new/heap.pb.gz\n"
             "  go tool pprof -http=localhost:8081 -base /c/web/last/heap.pb.gz "
             "/c/web/new/heap.pb.gz\n",
             NULL);
  check_text(print(&readme), "go tool pprof -http=localhost:8081 /c/web/new/heap.pb.gz\n",
             NULL);
  check_text(print(&readme), "  diff /c/web/old/fds.txt /c/web/new/fds.txt\n", "  \n");
  readme.baseline.has_heap = readme.previous.has_heap = false;
  check_text(print(&readme), "go tool pprof -top /c/web/new/heap.pb.gz\n", "-base");
  readme.baseline.has_heap = true;
  readme.has_heap = false;
  check_text(print(&readme), NULL, "go tool pprof");
  readme.not_taken = "  heap.pb.gz: truncated\n";
  check_text(print(&readme), "\nNot captured\n  heap.pb.gz: truncated\n", "goroutines.txt");
}

static void a_cpu_profile_is_shown_as_text_and_in_a_browser(void **state) {
  (void)state;
  struct cpu_profile cpu = {.cpu_ns = 0};
  struct readme readme = {
      .request = &request, .path = "/c/web/new", .cpu = &cpu, .not_taken = ""};
  check_text(print(&readme),
             "go tool pprof -top /c/web/new/cpu.pb.gz\n"
             "  go tool pprof -http=localhost:8081 /c/web/new/cpu.pb.gz\n",
             "heap.pb.gz");
  check_text(print(&readme), "http://localhost:8081; flame graphs", NULL);
  cpu = (struct cpu_profile){
      .cpu_ns = 8000000000,
      .duration_ns = 30000000000,
      .len = 2,
      .users = {{6000000000, "history.load < main.main"}, {80000000, "main.\x1b[2J"}}};
  check_text(print(&readme),
             "\nCPU, and as a flame graph\n"
             "  0.27 cores in 30 s, by the innermost function outside the standard library:\n"
             "     75 %  history.load < main.main\n"
             "      1 %  main.\\x1B[2J\n"
             "  go tool pprof -top",
             NULL);
  cpu.duration_ns = 0;
  check_text(print(&readme), "  8.00 s of CPU time, by", "cores in");
  readme.cpu = NULL;
  check_text(print(&readme), NULL, "localhost");
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

/* Labels, the form of Go 1.27 and that of Go 1.26, contain what else would match. */
#define LABELLED_DUMP                                                                          \
  "goroutine 1 [chan receive, 12 minutes] {a: \"]: [sleep\"}:\nmain.a()\n\t/a.go:1 +0x1\n\n"   \
  "goroutine 5 [select (leaked)]:\nmain.e()\n\t/a.go:1 +0x1\n\n"                               \
  "goroutine 2 [select, 3 minutes labels:{\"a\": \"[sleep\"}]:\nmain.b()\n\t/a.go:1 +0x1\n\n"  \
  "goroutine 3 gp=0xc0 m=nil [IO wait, locked to thread] {a: \"b, 7 minutes]:\"}:\n"           \
  "main.c()\n\t/a.go:1 +0x1\n\n"                                                               \
  "goroutine 4 [select labels:{\"a\": \"b, 7 minutes]:\"}]:\nmain.d()\n\t/a.go:1 +0x1\n"

static char *output_of(const char *command) {
  char *output = calloc(1, 4096);
  FILE *pipe = popen(command, "r");
  assert_non_null(output);
  assert_non_null(pipe);
  assert_true(fread(output, 1, 4095, pipe) < 4095);
  assert_int_equal(pclose(pipe), 0);
  return output;
}

static void commands_for_goroutines_are_not_misled_by_labels(void **state) {
  (void)state;
  char folder[] = "/tmp/test_capture_texts.XXXXXX", path[64], *commands[8];
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof(path), "%s/goroutines.txt", folder);
  FILE *dump = fopen(path, "w");
  assert_non_null(dump);
  fputs(LABELLED_DUMP, dump);
  fclose(dump);
  struct readme readme = {
      .request = &request, .path = folder, .has_goroutines = true, .not_taken = ""};
  char *text = print(&readme), *section = strstr(text, "\nGoroutines:");
  size_t len = 0;
  assert_non_null(section);
  for (char *line = strtok(section, "\n"); line != NULL && len < 8; line = strtok(NULL, "\n"))
    if (strstr(line, path) != NULL)
      commands[len++] = line;
  assert_int_equal(len, 4);
  char *states = output_of(commands[0]);
  assert_int_equal(strlen(states),
                   strlen("      2 select\n      1 select (leaked)\n      1 IO wait\n"
                          "      1 chan receive\n"));
  assert_true(strstr(states, " 1 IO wait\n") && strstr(states, " 1 chan receive\n"));
  check_text(states, " 2 select\n", NULL);
  char *waits = output_of(commands[1]);
  assert_true(strstr(waits, "main.a") && strstr(waits, "main.b") && strstr(waits, "main.e"));
  check_text(waits, "goroutine 2 ", "goroutine 4 ");
  check_text(output_of(commands[2]), "goroutine 1 ", "goroutine 3 ");
  free(text);
  unlink(path);
  rmdir(folder);
}

static void without_a_dump_the_commands_are_for_goroutines_by_stack(void **state) {
  (void)state;
  struct readme readme = {
      .request = &request, .path = "/c/new", .has_goroutine_groups = true, .not_taken = ""};
  check_text(print(&readme), "\n  head -n 40 /c/new/goroutines.txt\n", "sort | uniq");
  check_text(print(&readme), "does not show how long they have been waiting", "minutes");
}

static void leaked_goroutines_have_a_command_where_there_is_their_file(void **state) {
  (void)state;
  struct readme readme = {.request = &request, .path = "/c/new", .not_taken = ""};
  check_text(print(&readme), NULL, "goroutineleak.txt");
  readme.has_leaks = true;
  check_text(print(&readme), "\n  head -n 40 /c/new/goroutineleak.txt\n", NULL);
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
      cmocka_unit_test(heaps_are_compared_only_if_both_exist),
      cmocka_unit_test(a_cpu_profile_is_shown_as_text_and_in_a_browser),
      cmocka_unit_test(paths_are_quoted_for_the_shell),
      cmocka_unit_test(without_a_dump_the_commands_are_for_goroutines_by_stack),
      cmocka_unit_test(commands_for_goroutines_are_not_misled_by_labels),
      cmocka_unit_test(leaked_goroutines_have_a_command_where_there_is_their_file),
      cmocka_unit_test(the_head_is_printable_and_the_steps_are_those_of_the_request),
  };
  return cmocka_run_group_tests_name("capture_texts", tests, NULL, NULL);
}
