/*
 * Goroutines by stack: captured profiles against the dumps of the same programs, every form of
 * a record, profiles cut into pieces anywhere, and input that is no such profile.
 */
#include "sidecar/go/goroutine_groups.h"

#include <errno.h>
#include <stdio.h>

#include "cases.h"
#include "profile_files.h"

static struct profile_patterns patterns;
static struct goroutine_groups_parser *parser;
static struct goroutine_profile profile;

static int set_up(void **state) {
  (void)state;
  profile_patterns_compile(&patterns, stack_patterns_of_goroutines);
  parser = malloc(sizeof(*parser));
  return parser == NULL;
}

static int tear_down(void **state) {
  (void)state;
  free(parser);
  profile_patterns_free(&patterns);
  return 0;
}

/* Parses text in pieces of so many bytes. */
static int parse(struct span text, size_t piece) {
  goroutine_groups_parser_init(parser, patterns.matcher);
  for (size_t at = 0; at < text.len; at += piece) {
    size_t n = text.len - at < piece ? text.len - at : piece;
    struct span copy = exact_copy(span_make(text.at + at, n));
    int status = goroutine_groups_parser_feed(parser, copy.at, copy.len);
    exact_free(copy);
    if (status != 0)
      break;
  }
  return goroutine_groups_parser_finish(parser, &profile);
}

static uint64_t matching(const char *pattern) {
  return profile.matching[profile_patterns_index(&patterns, pattern)];
}

static uint64_t sum_of_sites(void) {
  uint64_t sum = 0;
  for (size_t i = 0; i < profile.sites.len; i++)
    sum += profile.sites.sites[i].weight;
  return sum;
}

static void captured_profiles_have_all_goroutines(void **state) {
  (void)state;
  char **paths = profile_files("grouped");
  for (size_t i = 0; paths[i] != NULL; i++) {
    struct span text = profile_file_read(paths[i]);
    check_int(paths[i], parse(text, 4096), 0);
    exact_free(text);
    uint64_t total = profile_command_number("sed -n '1s/.*profile: total //p' '%s'", paths[i]);
    check_int(paths[i], profile.goroutines, total);
    check_int(paths[i], profile.is_grouped, true);
    if (profile.sites.unlisted_max == 0)
      check_int(paths[i], sum_of_sites(), total);
    bool is_leaks = strstr(paths[i], "leaks") != NULL;
    check_int(paths[i], profile.sites.sites[0].leaked,
              is_leaks ? profile.sites.sites[0].weight : 0);
    check_int(paths[i], is_leaks && total != 5, false);
  }
  profile_files_free(paths);
}

static uint64_t of_state(enum goroutine_state wanted) {
  uint64_t sum = 0;
  for (size_t i = 0; i < profile.sites.len; i++)
    if (profile.sites.sites[i].state == wanted)
      sum += profile.sites.sites[i].weight;
  return sum;
}

static void the_captured_target_has_the_goroutines_that_it_was_given(void **state) {
  (void)state;
  char **paths = profile_files("grouped");
  unsigned targets = 0;
  for (size_t i = 0; paths[i] != NULL; i++) {
    if (strstr(paths[i], "/target-") == NULL)
      continue;
    struct span text = profile_file_read(paths[i]);
    check_int(paths[i], parse(text, 65536), 0);
    exact_free(text);
    targets++;
    check_int(paths[i], matching("fetch_data"), 3 + 4);
    check_int(paths[i], matching("monitor"), 4 + 5);
    check_int(paths[i], matching("tea_cmd"), 6);
    check_int(paths[i], of_state(GOROUTINE_SLEEP), 2 + 6);
    check_int(paths[i], of_state(GOROUTINE_SYNC), 2 + 2 + 2 + 2 + 2 + 3);
    /* no frame shows which of these it is */
    check_int(paths[i], of_state(GOROUTINE_CHAN_RECEIVE), 0);
    check_int(paths[i], profile.sites.sites[0].weight, 6);
    assert_non_null(strstr(profile.sites.sites[0].text, "time.Sleep < main.waitSleep.func1"));
  }
  assert_true(targets > 0);
  profile_files_free(paths);
}

/* The profile that has a dump's place: "/x/grouped.txt" for "/x/goroutines.txt". */
static struct span dump_of(const char *path) {
  char other[4096];
  const char *name = strstr(path, "grouped");
  assert_non_null(name);
  snprintf(other, sizeof(other), "%.*sgoroutines%s", (int)(name - path), path,
           name + strlen("grouped"));
  return profile_file_read(other);
}

/* So growth can be told across both forms. */
static void frames_have_the_same_key_as_in_a_dump(void **state) {
  (void)state;
  char **paths = profile_files("grouped");
  struct goroutine_profile_parser *dump_parser = malloc(sizeof(*dump_parser));
  struct goroutine_profile *dump = malloc(sizeof(*dump));
  unsigned compared = 0;
  assert_true(dump_parser != NULL && dump != NULL);
  for (size_t i = 0; paths[i] != NULL; i++) {
    struct span text = profile_file_read(paths[i]), dump_text = dump_of(paths[i]);
    check_int(paths[i], parse(text, 65536), 0);
    goroutine_profile_parser_init(dump_parser, patterns.matcher);
    goroutine_profile_parser_feed(dump_parser, dump_text.at, dump_text.len);
    check_int(paths[i], goroutine_profile_parser_finish(dump_parser, dump), 0);
    exact_free(text);
    exact_free(dump_text);
    for (size_t j = 0; j < profile.sites.len; j++) {
      const struct site *site = &profile.sites.sites[j];
      uint64_t weight = 0;
      for (size_t k = 0; k < dump->sites.len; k++)
        if (dump->sites.sites[k].frames_key == site->key)
          weight += dump->sites.sites[k].weight;
      if (site->weight < 2 || strstr(site->text, "http") != NULL ||
          strstr(site->text, "_cgoexp_") != NULL)
        continue; /* a connection of another request; a function of cgo, which dumps omit */
      compared++;
      /* a dump omits frames in the middle of those with more than a hundred */
      if (strstr(site->text, "main.descend") == NULL)
        check_int(site->text, weight, site->weight);
    }
  }
  assert_true(compared > 0);
  free(dump);
  free(dump_parser);
  profile_files_free(paths);
}

#define FRAME "#\t0x1\tmain.f+0x1\t/x.go:1\n"
#define PROFILE(count, record) "goroutine profile: total " count "\n" count " @" record "\n"

static void each_form_of_a_record_is_read(void **state) {
  (void)state;
  static const struct {
    const char *name, *text;
    uint64_t goroutines;
    enum goroutine_state state; /* of the first site */
    const char *site;
    bool fetches;
  } cases[] = {
      {"a function of the program", PROFILE("7", " 0x1 0x2\n#\t0x1\tmain.f+0x1\t\t/x.go:1\n"),
       7, GOROUTINE_STATE_UNKNOWN, "main.f", false},
      {"labels, which may contain anything",
       PROFILE("7", " 0x1\n# labels: {\"a\":\"]:\\n7 @ main.fetchData \xc3\xbc\\t\"}\n" FRAME),
       7, GOROUTINE_STATE_UNKNOWN, "main.f", false},
      {"a sleep", PROFILE("2", " 0x1\n#\t0x1\ttime.Sleep+0x1\t/x.go:1\n" FRAME), 2,
       GOROUTINE_SLEEP, "time.Sleep < main.f", false},
      {"a poll", PROFILE("2", " 0x1\n#\t0x1\tinternal/poll.runtime_pollWait+0x1\t\t/x.go:1\n"),
       2, GOROUTINE_IO_WAIT, "poll.runtime_pollWait", false},
      {"a mutex, before Go 1.24",
       PROFILE("2", " 0x1\n#\t0x1\tsync.runtime_SemacquireMutex+0x1\t/x.go:1\n" FRAME), 2,
       GOROUTINE_SYNC, "sync.runtime_SemacquireMutex < main.f", false},
      {"a mutex",
       PROFILE("2", " 0x1\n#\t0x1\tinternal/sync.runtime_SemacquireMutex+0x1\t/x.go:1\n"), 2,
       GOROUTINE_SYNC, "sync.runtime_SemacquireMutex", false},
      {"a function that only calls one that waits",
       PROFILE("2", " 0x1\n" FRAME "#\t0x1\ttime.Sleep+0x1\t/x.go:1\n"), 2,
       GOROUTINE_STATE_UNKNOWN, "main.f", false},
      {"frames of the runtime alone",
       PROFILE("2", " 0x1\n#\t0x1\truntime.gopark+0x1\t/x.go:1\n"
                    "#\t0x1\truntime.chanrecv+0x1\t/x.go:1\n"),
       2, GOROUTINE_CHAN_RECEIVE, "runtime.gopark", false},
      {"a channel that is sent to",
       PROFILE("2", " 0x1\n#\t0x1\truntime.chansend+0x1\t/x.go:1\n"), 2, GOROUTINE_CHAN_SEND,
       "runtime.chansend", false},
      {"a select", PROFILE("2", " 0x1\n#\t0x1\truntime.selectgo+0x1\t/x.go:1\n"), 2,
       GOROUTINE_SELECT, "runtime.selectgo", false},
      {"a function without a name", PROFILE("3", " 0x1\n#\t0x1\n" FRAME), 3,
       GOROUTINE_STATE_UNKNOWN, "main.f", false},
      {"no frames", PROFILE("3", " 0x1\n"), 3, GOROUTINE_STATE_UNKNOWN, "", false},
      {"no addresses", PROFILE("3", "\n"), 3, GOROUTINE_STATE_UNKNOWN, "", false},
      {"type arguments",
       PROFILE("3", " 0x1\n#\t0x1\tmain.(*T[...]).fetchData[...]+0x1\t/x.go:1\n"), 3,
       GOROUTINE_STATE_UNKNOWN, "main.(*T[...]).fetchData[...]", true},
      {"several with the same functions",
       "goroutine profile: total 5\n3 @ 0x1\n" FRAME "\n2 @ 0x9\n" FRAME "\n", 5,
       GOROUTINE_STATE_UNKNOWN, "main.f", false},
      {"line ends of another system",
       "goroutine profile: total 5\r\n5 @ 0x1\r\n#\t0x1\tmain.fetchData+0x1\t/x.go:1\r\n\r\n",
       5, GOROUTINE_STATE_UNKNOWN, "main.fetchData", true},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span text = span_of(cases[i].text);
    for (size_t piece = 1; piece <= text.len; piece += 1 + piece / 4) {
      check_int(cases[i].name, parse(text, piece), 0);
      check_int(cases[i].name, profile.goroutines, cases[i].goroutines);
      check_int(cases[i].name, profile.sites.len, 1);
      check_int(cases[i].name, profile.sites.sites[0].weight, cases[i].goroutines);
      check_int(cases[i].name, profile.sites.sites[0].state, cases[i].state);
      check_span(cases[i].name, span_of(profile.sites.sites[0].text), span_of(cases[i].site));
      check_int(cases[i].name, matching("fetch_data"),
                cases[i].fetches ? cases[i].goroutines : 0);
    }
  }
}

static void leaked_goroutines_are_blocked_and_there_may_be_none(void **state) {
  (void)state;
  assert_int_equal(parse(span_of("goroutineleak profile: total 0\n"), 7), 0);
  assert_int_equal(profile.goroutines, 0);
  assert_int_equal(profile.sites.len, 0);
  assert_int_equal(parse(span_of("goroutineleak profile: total 4\n4 @ 0x1\n" FRAME "\n"), 7),
                   0);
  assert_int_equal(profile.sites.sites[0].leaked, 4);
  assert_int_equal(profile.sites.sites[0].blocked, 4);
}

#define GOOD PROFILE("7", " 0x1\n" FRAME)

static void other_bodies_are_no_such_profiles(void **state) {
  (void)state;
  static const struct {
    const char *name;
    struct span text;
  } cases[] = {
      {"nothing", SPAN_LITERAL("")},
      {"a blank line", SPAN_LITERAL("\n" GOOD)},
      {"a page", SPAN_LITERAL("<html>\n<body>404</body>\n</html>\n")},
      {"an error", SPAN_LITERAL("Unknown profile\n")},
      {"a dump", SPAN_LITERAL("goroutine 1 [select]:\nmain.f()\n\t/x.go:1\n\n")},
      {"another profile", SPAN_LITERAL("threadcreate profile: total 1\n1 @ 0x1\n" FRAME "\n")},
      {"a heap profile", SPAN_LITERAL("heap profile: 0: 0 [0: 0] @ heap/1048576\n")},
      {"no total", SPAN_LITERAL("goroutine profile: total \n")},
      {"no goroutine at all", SPAN_LITERAL("goroutine profile: total 0\n")},
      {"a total past 2^63", SPAN_LITERAL("goroutine profile: total 9223372036854775808\n")},
      {"a count of 0", SPAN_LITERAL("goroutine profile: total 1\n0 @ 0x1\n" FRAME "\n")},
      {"a count past 2^64",
       SPAN_LITERAL("goroutine profile: total 1\n18446744073709551617 @ 0x1\n" FRAME "\n")},
      {"more than the total", SPAN_LITERAL("goroutine profile: total 1\n2 @ 0x1\n" FRAME "\n")},
      {"more than the total in all",
       SPAN_LITERAL("goroutine profile: total 3\n2 @ 0x1\n" FRAME "\n2 @ 0x2\n" FRAME "\n")},
      {"less than the total", SPAN_LITERAL("goroutine profile: total 3\n2 @ 0x1\n" FRAME "\n")},
      {"an end in a record", SPAN_LITERAL("goroutine profile: total 2\n2 @ 0x1\n" FRAME)},
      {"an end in a line", SPAN_LITERAL("goroutine profile: total 2\n2 @ 0x1\n" FRAME "\n#")},
      {"a frame without a record",
       SPAN_LITERAL("goroutine profile: total 2\n" FRAME "\n2 @ 0x1\n" FRAME "\n")},
      {"labels without a record",
       SPAN_LITERAL("goroutine profile: total 2\n# labels: {}\n2 @ 0x1\n" FRAME "\n")},
      {"a frame without an offset",
       SPAN_LITERAL("goroutine profile: total 2\n2 @ 0x1\n#\t0x1\tmain.f\t/x.go:1\n\n")},
      {"an escape sequence in a name",
       SPAN_LITERAL("goroutine profile: total 2\n2 @ 0x1\n#\t0x1\tmain.\x1b[1m+0x1\t/x\n\n")},
      {"a page half-way", SPAN_LITERAL(GOOD "<html>\n")},
      {"a page in a record",
       SPAN_LITERAL("goroutine profile: total 2\n2 @ 0x1\n<html>\n" FRAME "\n")},
      {"binary", SPAN_LITERAL("\x1f\x8b\x08\0\0\0\0\0\n\0\n")},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    for (size_t piece = 1; piece <= cases[i].text.len + 1; piece++) {
      memset(&profile, 0xA5, sizeof(profile));
      check_int(cases[i].name, parse(cases[i].text, piece), -EBADMSG);
      check_int(cases[i].name, profile.goroutines, 0xA5A5A5A5A5A5A5A5);
    }
    check_int(cases[i].name, goroutine_groups_parser_finish(parser, &profile), -EBADMSG);
  }
}

static void a_profile_truncated_anywhere_is_rejected(void **state) {
  (void)state;
  static const char text[] =
      "goroutine profile: total 5\n3 @ 0x1\n# labels: {\"a\":\"b\"}\n" FRAME
      "\n2 @ 0x9\n#\t0x9\tmain.g+0x1\t/x.go:1\n\n";
  for (size_t len = 0; len < strlen(text); len++)
    assert_int_equal(parse(span_make(text, len), 16), -EBADMSG);
  assert_int_equal(parse(span_of(text), 16), 0);
}

static void lines_of_a_megabyte_are_tolerated(void **state) {
  (void)state;
  static const struct {
    const char *name, *before, *after;
    int status;
  } cases[] = {
      {"addresses", "goroutine profile: total 2\n2 @ 0x1 0x", "\n" FRAME "\n", 0},
      {"labels", "goroutine profile: total 2\n2 @ 0x1\n# labels: {\"", "\n" FRAME "\n", 0},
      {"a file's name", "goroutine profile: total 2\n2 @ 0x1\n#\t0x1\tmain.f+0x1\t/", "\n\n",
       0},
      {"a function's name", "goroutine profile: total 2\n2 @ 0x1\n#\t0x1\tmain.",
       "+0x1\t/x\n\n", -EBADMSG},
      {"the header", "goroutine profile: total 2", "\n", -EBADMSG},
  };
  enum { LONG = 1 << 20 };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    size_t before = strlen(cases[i].before), after = strlen(cases[i].after);
    char *text = malloc(before + LONG + after);
    assert_non_null(text);
    memcpy(text, cases[i].before, before);
    memset(text + before, '7', LONG);
    memcpy(text + before + LONG, cases[i].after, after);
    static const size_t pieces[] = {4095, 4096, 65536};
    for (size_t j = 0; j < ARRAY_LENGTH(pieces); j++)
      check_int(cases[i].name, parse(span_make(text, before + LONG + after), pieces[j]),
                cases[i].status);
    free(text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(captured_profiles_have_all_goroutines),
      cmocka_unit_test(the_captured_target_has_the_goroutines_that_it_was_given),
      cmocka_unit_test(frames_have_the_same_key_as_in_a_dump),
      cmocka_unit_test(each_form_of_a_record_is_read),
      cmocka_unit_test(leaked_goroutines_are_blocked_and_there_may_be_none),
      cmocka_unit_test(other_bodies_are_no_such_profiles),
      cmocka_unit_test(a_profile_truncated_anywhere_is_rejected),
      cmocka_unit_test(lines_of_a_megabyte_are_tolerated),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
