/*
 * Heap profiles: captured ones compared with go tool pprof's output for the binary profile of
 * the same moment, the scaling of samples, truncated profiles, and other input.
 */
#include "sidecar/go/heap_profile.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "cases.h"
#include "profile_files.h"

static struct profile_patterns patterns;
static struct heap_profile_parser *parser;
static struct heap_profile profile;

static int set_up(void **state) {
  (void)state;
  profile_patterns_compile(&patterns, stack_patterns_of_heap);
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
  heap_profile_parser_init(parser, patterns.matcher);
  for (size_t at = 0; at < text.len; at += piece) {
    size_t n = text.len - at < piece ? text.len - at : piece;
    struct span copy = exact_copy(span_make(text.at + at, n));
    int status = heap_profile_parser_feed(parser, copy.at, copy.len);
    exact_free(copy);
    if (status != 0)
      break;
  }
  return heap_profile_parser_finish(parser, &profile);
}

static void parse_file(const char *path) {
  struct span text = profile_file_read(path);
  check_int(path, parse(text, 16384), 0);
  exact_free(text);
}

static uint64_t matching(const char *pattern) {
  return profile.matching_bytes[profile_patterns_index(&patterns, pattern)];
}

static void check_within_one_percent(const char *path, const char *name, uint64_t actual,
                                     uint64_t expected) {
  double difference = fabs((double)actual - (double)expected);
  if (difference > 0.01 * (double)expected)
    fail_msg("%s: %s is %llu bytes, %llu in pprof", path, name, (unsigned long long)actual,
             (unsigned long long)expected);
}

static uint64_t bytes_of(const char *name) {
  return strcmp(name, "total") == 0 ? profile.inuse_bytes : matching(name);
}

static void captured_profiles_agree_with_the_output_of_pprof(void **state) {
  (void)state;
  char **paths = profile_files("heap");
  for (size_t i = 0; paths[i] != NULL; i++) {
    parse_file(paths[i]);
    char answers[4096], name[64];
    unsigned long long bytes;
    size_t lines = 0;
    snprintf(answers, sizeof(answers), "%.*s/pprof.txt",
             (int)(strrchr(paths[i], '/') - paths[i]), paths[i]);
    FILE *stream = fopen(answers, "r");
    if (stream == NULL)
      fail_msg("%s cannot be read", answers);
    for (; fscanf(stream, "%63s %llu", name, &bytes) == 2; lines++)
      check_within_one_percent(paths[i], name, bytes_of(name), bytes);
    fclose(stream);
    check_int(answers, lines, 1 + patterns.list.len);
  }
  profile_files_free(paths);
}

/* pprof shows matches in the order of their size; the one line with the sum is enough. */
static uint64_t ask_pprof(const char *profile_path, const char *focus) {
  return profile_command_number(
      "cd / && go tool pprof -top -sample_index=inuse_space -unit=B -nodecount=100000 "
      "-nodefraction=0 -edgefraction=0 %s%s%s '%.*s.pb.gz' 2>/dev/null | "
      "sed -n 's/^Showing nodes accounting for \\([0-9]*\\)B\\{0,1\\},.*/\\1/p' | grep . || "
      "echo 0",
      focus != NULL ? "-focus='" : "", focus != NULL ? focus : "", focus != NULL ? "'" : "",
      (int)(strlen(profile_path) - strlen(".txt")), profile_path);
}

static void skip_without_pprof(void) {
  if (profile_has_program("go") &&
      profile_command_number("cd / && go tool pprof -h >/dev/null 2>&1; "
                             "[ $? -le 2 ] && echo 1 || echo 0") != 0)
    return;
  print_message("skipped: no \"go tool pprof\" here\n");
  skip();
}

static void captured_profiles_agree_with_the_installed_pprof(void **state) {
  (void)state;
  skip_without_pprof();
  char **paths = profile_files("heap");
  for (size_t i = 0; paths[i] != NULL; i++) {
    parse_file(paths[i]);
    uint64_t total = ask_pprof(paths[i], NULL);
    check_int(paths[i], total > 0, true);
    check_within_one_percent(paths[i], "total", profile.inuse_bytes, total);
    for (size_t j = 0; j < patterns.list.len; j++)
      check_within_one_percent(paths[i], patterns.list.items[j].name, profile.matching_bytes[j],
                               ask_pprof(paths[i], stack_patterns_of_heap[j].expression));
  }
  profile_files_free(paths);
}

static void a_hundred_blocks_of_a_megabyte_are_a_hundred_megabytes(void **state) {
  (void)state;
  char **paths = profile_files("heap");
  unsigned targets = 0;
  for (size_t i = 0; paths[i] != NULL; i++) {
    if (strstr(paths[i], "/target-") == NULL)
      continue;
    parse_file(paths[i]);
    targets++;
    /* sampling leaves a standard deviation of 4 % */
    const struct site *site = &profile.sites.sites[0];
    assert_non_null(strstr(site->text, "main.leakHeap < "));
    assert_in_range(site->weight, 85 << 20, 115 << 20);
    assert_in_range(site->objects, 85, 115);
    /* 8 MB in large blocks and 1 MB in small ones were allocated in each of these ways */
    static const char *const ways[] = {"bufio_scanner", "json_unmarshal", "output_buffer",
                                       "ansi"};
    for (size_t j = 0; j < ARRAY_LENGTH(ways); j++)
      assert_in_range(matching(ways[j]), 5 << 20, 14 << 20);
  }
  assert_true(targets > 0);
  profile_files_free(paths);
}

#define MEMSTATS "\n# runtime.MemStats\n# Alloc = 1\n# PauseNs = [0 0]\n# NumGC = 1\n"
#define FRAME(function) "#\t0x143c1cc\t" function "+0x26c\t\t/src/x.go:519\n"

static void what_was_freed_is_still_allocated(void **state) {
  (void)state;
  check_int(
      "parsed",
      parse(span_of(
                "heap profile: 1: 1048576 [5: 5242880] @ heap/1048576\n"
                "1: 1048576 [1: 1048576] @ 0x1\n" FRAME(
                    "main.kept") "0: 0 [3: 3145728] @ 0x2\n" FRAME("main.freed") "0: 0 [1: "
                                                                                 "1048576] @ "
                                                                                 "0x3\n" FRAME(
                                                                                     "m"
                                                                                     "a"
                                                                                     "i"
                                                                                     "n"
                                                                                     "."
                                                                                     "f"
                                                                                     "r"
                                                                                     "e"
                                                                                     "e"
                                                                                     "d")
                                                                                     MEMSTATS),
            50),
      0);
  check_int("in use", profile.inuse_bytes, 1212696);
  check_int("allocated", profile.allocated_bytes, 1212696 + 3638089 + 1212696);
  assert_int_equal(profile.sites.len, 1);
  assert_int_equal(profile.allocated.len, 2);
  assert_string_equal(profile.allocated.sites[0].text, "main.freed");
  assert_int_equal(profile.allocated.sites[0].weight, 3638089 + 1212696);
  assert_int_equal(profile.allocated.sites[0].objects, 4);
}

static void samples_are_scaled_by_their_probability(void **state) {
  (void)state;
  static const struct {
    const char *name, *text;
    uint64_t bytes, objects, sample_bytes;
  } cases[] = {
      /* one of 1 MB at 512 kB: 1 / (1 - e^-2) = 1.15651764 */
      {"large blocks a little",
       "heap profile: 1: 1048576 [1: 1048576] @ heap/1048576\n"
       "1: 1048576 [1: 1048576] @ 0x1\n" FRAME("main.f") MEMSTATS,
       1212696, 1, 524288},
      /* 1 / (1 - e^(-16/524288)) = 32768.5 */
      {"small ones by much",
       "heap profile: 2: 32 [2: 32] @ heap/1048576\n2: 32 [2: 32] @ 0x1\n" MEMSTATS, 1048592,
       65537, 524288},
      {"each record by its own size",
       "heap profile: 3: 1048608 [3: 1048608] @ heap/1048576\n"
       "1: 1048576 [1: 1048576] @ 0x1\n2: 32 [2: 32] @ 0x1\n" MEMSTATS,
       1212696 + 1048592, 1 + 65537, 524288},
      {"what was freed counts for nothing",
       "heap profile: 0: 0 [5: 286720] @ heap/1048576\n0: 0 [5: 286720] @ 0x1\n" MEMSTATS, 0, 0,
       524288},
      {"bytes without objects count for nothing, as in pprof",
       "heap profile: 0: 64 [1: 64] @ heap/1048576\n0: 64 [1: 64] @ 0x1\n" MEMSTATS, 0, 0,
       524288},
      {"objects without bytes count for nothing, as in pprof",
       "heap profile: 1: 0 [1: 0] @ heap/1048576\n1: 0 [1: 0] @ 0x1\n" MEMSTATS, 0, 0, 524288},
      {"a rate of one byte: every allocation is there",
       "heap profile: 2: 32 [2: 32] @ heap/2\n2: 32 [2: 32] @ 0x1\n" MEMSTATS, 32, 2, 1},
      {"half of that, which Go never writes",
       "heap profile: 2: 32 [2: 32] @ heap/1\n2: 32 [2: 32] @ 0x1\n" MEMSTATS, 32, 2, 1},
      {"no records", "heap profile: 0: 0 [0: 0] @ heap/1048576\n" MEMSTATS, 0, 0, 524288},
      {"a rate as large as there can be",
       "heap profile: 1: 4611686018427387904 [1: 1] @ heap/9223372036854775807\n"
       "1: 4611686018427387904 [1: 1] @\n" MEMSTATS,
       0, 0, 4611686018427387903},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    int status = parse(span_of(cases[i].text), 50);
    if (i + 1 == ARRAY_LENGTH(cases)) { /* 2^62 / (1 - 1/e) is more than there can be */
      check_int(cases[i].name, status, -EBADMSG);
      continue;
    }
    check_int(cases[i].name, status, 0);
    check_int(cases[i].name, profile.inuse_bytes, cases[i].bytes);
    check_int(cases[i].name, profile.inuse_objects, cases[i].objects);
    check_int(cases[i].name, profile.sample_bytes, cases[i].sample_bytes);
  }
}

static void without_sampling_everything_is_unknown(void **state) {
  (void)state;
  static const char *const texts[] = {
      "heap profile: 0: 0 [0: 0] @ heap/0\n" MEMSTATS,
      "heap profile: 2: 32 [2: 32] @ heap/0\n2: 32 [2: 32] @ 0x1\n" FRAME(
          "encoding/json.Unmarshal") MEMSTATS,
  };
  for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
    check_int(texts[i], parse(span_of(texts[i]), 50), 0);
    check_int(texts[i], profile.sample_bytes, 0);
    assert_true(profile.inuse_bytes == VALUE_UNKNOWN);
    assert_true(profile.inuse_objects == VALUE_UNKNOWN);
    assert_true(matching("json_unmarshal") == VALUE_UNKNOWN);
    check_int(texts[i], profile.sites.len, 0);
  }
}

/* Go 1.22.3 wrote such records: a free that was counted for another record than its allocation,
 * by which the first line's sums are lower. */
#define NEGATIVE "-1: -216 [2: 2096944] @ 0x2\n" FRAME("main.wrong")

static void a_negative_record_loses_nothing_but_itself(void **state) {
  (void)state;
  static const struct {
    const char *name, *text;
    uint64_t inuse, allocated;
  } cases[] = {
      {"between others",
       "heap profile: 1: 1048424 [4: 4194096] @ heap/1048576\n"
       "1: 1048576 [1: 1048576] @ 0x1\n" FRAME("main.kept") NEGATIVE
       "1: 64 [1: 1048576] @ 0x3\n" FRAME("main.small") MEMSTATS,
       1212696 + 524320, 1212696 + 2425228 + 1212696},
      {"first",
       "heap profile: 0: 1048360 [3: 3145520] @ heap/1048576\n" NEGATIVE
       "1: 1048576 [1: 1048576] @ 0x1\n" FRAME("main.kept") MEMSTATS,
       1212696, 1212696 + 2425228},
      {"so negative that the sums are",
       "heap profile: -1: -216 [2: 2096944] @ heap/1048576\n" NEGATIVE MEMSTATS, 0, 2425228},
      {"objects only",
       "heap profile: 0: 1048640 [2: 1048640] @ heap/1048576\n"
       "1: 1048576 [1: 1048576] @ 0x1\n-1: 64 [1: 64] @ 0x2\n" MEMSTATS,
       1212696, 1212696 + 524320},
      {"bytes only",
       "heap profile: 2: 1048512 [2: 1048640] @ heap/1048576\n"
       "1: 1048576 [1: 1048576] @ 0x1\n1: -64 [1: 64] @ 0x2\n" MEMSTATS,
       1212696, 1212696 + 524320},
      {"all that can be",
       "heap profile: 0: 0 [0: 0] @ heap/2\n"
       "9223372036854775807: 9223372036854775807 [0: 0] @ 0x1\n"
       "-9223372036854775807: -9223372036854775807 [0: 0] @ 0x1\n" MEMSTATS,
       UINT64_MAX, 0},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span text = span_of(cases[i].text);
    for (size_t piece = 1; piece <= text.len; piece++) {
      int status = parse(text, piece);
      if (cases[i].inuse == UINT64_MAX) { /* more than there is */
        check_int(cases[i].name, status, -EBADMSG);
        continue;
      }
      check_int(cases[i].name, status, 0);
      check_int(cases[i].name, profile.inuse_bytes, cases[i].inuse);
      check_int(cases[i].name, profile.allocated_bytes, cases[i].allocated);
      for (size_t j = 0; j < profile.sites.len; j++)
        assert_null(strstr(profile.sites.sites[j].text, "wrong"));
    }
  }
}

/* The sum of one kind of the samples in "go tool pprof -raw", without those that are negative:
 * 1 objects and 2 bytes allocated, 3 and 4 in use. */
static uint64_t ask_pprof_raw(const char *path, unsigned kind) {
  return profile_command_number(
      "cd / && go tool pprof -raw '%s' 2>/dev/null | awk -F'[ :]+' "
      "'/^Locations/ { exit } /^ *[0-9-]+ +[0-9-]+ +[0-9-]+ +[0-9-]+:/ { sub(/^ +/, \"\"); "
      "if ($3 >= 0 && $4 >= 0 || %u <= 2) sum += $%u } END { printf \"%%.0f\\n\", sum }'",
      path, kind, kind);
}

static void a_negative_record_is_read_as_by_the_installed_pprof(void **state) {
  (void)state;
  skip_without_pprof();
  char path[] = "/tmp/test_heap_profile.XXXXXX";
  char **paths = profile_files("heap");
  for (size_t i = 0; paths[i] != NULL; i++) {
    struct span text = profile_file_read(paths[i]);
    unsigned long long counts[4];
    char begin[128];
    int taken;
    /* a negative record more, and the sums with it */
    snprintf(begin, sizeof(begin), "%.*s", (int)sizeof(begin) - 1, text.at);
    assert_int_equal(sscanf(begin, "heap profile: %llu: %llu [%llu: %llu] @ heap/%*u\n%n",
                            &counts[0], &counts[1], &counts[2], &counts[3], &taken),
                     4);
    strcpy(strrchr(path, '.'), ".XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd, "heap profile: %llu: %llu [%llu: %llu] @ heap/1048576\n" NEGATIVE "\n",
            counts[0] - 1, counts[1] - 216, counts[2] + 2, counts[3] + 2096944);
    size_t rest = text.len - (size_t)taken;
    assert_int_equal(write(fd, text.at + taken, rest), rest);
    close(fd);
    exact_free(text);
    parse_file(path);
    uint64_t inuse = ask_pprof_raw(path, 4);
    assert_true(inuse > 0);
    check_within_one_percent(paths[i], "in use", profile.inuse_bytes, inuse);
    check_within_one_percent(paths[i], "objects", profile.inuse_objects,
                             ask_pprof_raw(path, 3));
    check_within_one_percent(paths[i], "allocated", profile.allocated_bytes,
                             ask_pprof_raw(path, 2));
    unlink(path);
  }
  profile_files_free(paths);
}

static void each_form_of_a_record_is_read(void **state) {
  (void)state;
  static const struct {
    const char *name, *records; /* of 64 bytes in one object each */
    unsigned count, json;       /* records, and those of json_unmarshal */
    const char *site;
  } cases[] = {
      {"without a stack", "1: 64 [1: 64] @\n", 1, 0, ""},
      {"with addresses only", "1: 64 [1: 64] @ 0x48e8d3 0x425bcb\n", 1, 0, ""},
      {"with a function of no name", "1: 64 [1: 64] @ 0x48e8d3\n#\t0x48e8d3\n\n", 1, 0, ""},
      {"with a frame that matches",
       "1: 64 [1: 64] @ 0x1 0x2\n" FRAME("encoding/json.Unmarshal") FRAME("main.f") "\n", 1, 1,
       "json.Unmarshal < main.f"},
      {"with many that match: once",
       "1: 64 [1: 64] @ 0x1\n" FRAME("encoding/json.(*decodeState).object")
           FRAME("encoding/json.(*decodeState).value") FRAME("encoding/json.Unmarshal")
               FRAME("main.f") "\n",
       1, 1, "json.(*decodeState).object < main.f"},
      {"with the runtime only",
       "1: 64 [1: 64] @ 0x1\n" FRAME("runtime.malg") FRAME("runtime.main") "\n", 1, 0,
       "runtime.malg"},
      {"one after the other, without blank lines",
       "1: 64 [1: 64] @ 0x1\n1: 64 [1: 64] @ 0x2\n" FRAME(
           "encoding/json.Unmarshal") "1: 64 [1: 64] @ 0x1\n",
       3, 1, "json.Unmarshal"},
      {"the same stack again",
       "1: 64 [1: 64] @ 0x1\n" FRAME("main.f") "\n1: 64 [1: 64] @ 0x1\n"
                                               "#\t0x2\tmain.f+0x99\t/src/x.go:7\n\n",
       2, 0, "main.f"},
      {"with line ends of another system",
       "1: 64 [1: 64] @ 0x1\r\n#\t0x1\tencoding/json.Unmarshal+0x1\t/x.go:1\r\n\r\n", 1, 1,
       "json.Unmarshal"},
      {"with type arguments and a plus sign",
       "1: 64 [1: 64] @ 0x1\n#\t0x1\tmain.(*T[...]).a+b+0x1\t/x.go:1\n\n", 1, 0,
       "main.(*T[...]).a+b"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    char text[2048];
    unsigned count = cases[i].count;
    snprintf(text, sizeof(text), "heap profile: %u: %u [%u: %u] @ heap/2\n%s" MEMSTATS, count,
             64 * count, count, 64 * count, cases[i].records);
    for (size_t piece = 1; piece < 40; piece++) {
      check_int(cases[i].name, parse(span_of(text), piece), 0);
      check_int(cases[i].name, profile.records, count);
      check_int(cases[i].name, profile.inuse_bytes, 64 * count);
      check_int(cases[i].name, matching("json_unmarshal"), 64 * cases[i].json);
      bool is_found = false;
      for (size_t j = 0; j < profile.sites.len; j++)
        is_found |= strcmp(profile.sites.sites[j].text, cases[i].site) == 0;
      check_int(cases[i].name, is_found, true);
    }
  }
}

#define HEADER "heap profile: 1: 64 [1: 64] @ heap/1048576\n"
#define RECORD "1: 64 [1: 64] @ 0x1\n" FRAME("main.f") "\n"

static void other_bodies_are_not_profiles(void **state) {
  (void)state;
  static const struct {
    const char *name;
    struct span text;
  } cases[] = {
      {"nothing", SPAN_LITERAL("")},
      {"a page", SPAN_LITERAL("<html>\n<body>404</body>\n</html>\n")},
      {"a goroutine dump", SPAN_LITERAL("goroutine 1 [select]:\nmain.f()\n\t/x.go:1\n")},
      {"the binary form", SPAN_LITERAL("\x1f\x8b\x08\0\0\0\0\0\n\0\n")},
      {"MemStats only", SPAN_LITERAL(MEMSTATS)},
      {"a blank line first", SPAN_LITERAL("\n" HEADER RECORD MEMSTATS)},
      {"a header of C++'s profiler",
       SPAN_LITERAL("heap profile: 1: 64 [1: 64] @ heap_v2/524288\n" RECORD MEMSTATS)},
      {"no rate", SPAN_LITERAL("heap profile: 1: 64 [1: 64] @ heap/\n" RECORD MEMSTATS)},
      {"a negative rate",
       SPAN_LITERAL("heap profile: 1: 64 [1: 64] @ heap/-1048576\n" RECORD MEMSTATS)},
      {"a rate past 2^64",
       SPAN_LITERAL(
           "heap profile: 1: 64 [1: 64] @ heap/18446744073709551616\n" RECORD MEMSTATS)},
      {"more after the rate",
       SPAN_LITERAL("heap profile: 1: 64 [1: 64] @ heap/1048576 x\n" RECORD MEMSTATS)},
      {"a negative count in the header",
       SPAN_LITERAL("heap profile: -1: 64 [1: 64] @ heap/1048576\n" RECORD MEMSTATS)},
      {"a negative count", SPAN_LITERAL(HEADER "-1: 64 [1: 64] @ 0x1\n" MEMSTATS)},
      {"negative bytes", SPAN_LITERAL(HEADER "1: -64 [1: 64] @ 0x1\n" MEMSTATS)},
      {"a negative count of what was allocated",
       SPAN_LITERAL(HEADER "1: 64 [-1: 64] @ 0x1\n" MEMSTATS)},
      {"negative bytes that were allocated",
       SPAN_LITERAL(HEADER "1: 64 [1: -64] @ 0x1\n" MEMSTATS)},
      {"two signs", SPAN_LITERAL(HEADER "--1: 64 [1: 64] @ 0x1\n" MEMSTATS)},
      {"a sign alone", SPAN_LITERAL(HEADER "-: 64 [1: 64] @ 0x1\n" MEMSTATS)},
      {"a negative record that the header does not have",
       SPAN_LITERAL(HEADER RECORD "-1: -64 [1: 64] @ 0x1\n" MEMSTATS)},
      {"a count past 2^64",
       SPAN_LITERAL(HEADER "18446744073709551616: 64 [1: 64] @ 0x1\n" MEMSTATS)},
      {"a count past 2^63",
       SPAN_LITERAL("heap profile: 1: 9223372036854775808 [1: 64] @ heap/2\n"
                    "1: 9223372036854775808 [1: 64] @ 0x1\n" MEMSTATS)},
      {"objects of no size to speak of",
       SPAN_LITERAL("heap profile: 9223372036854775807: 1 [1: 64] @ heap/1048576\n"
                    "9223372036854775807: 1 [1: 64] @ 0x1\n" MEMSTATS)},
      {"records that pass the header", SPAN_LITERAL(HEADER RECORD RECORD MEMSTATS)},
      {"fewer records than in the header",
       SPAN_LITERAL("heap profile: 2: 128 [2: 128] @ heap/1048576\n" RECORD MEMSTATS)},
      {"no record where the header has some", SPAN_LITERAL(HEADER MEMSTATS)},
      {"no MemStats", SPAN_LITERAL(HEADER RECORD)},
      {"a frame before any record", SPAN_LITERAL(HEADER FRAME("main.f") RECORD MEMSTATS)},
      {"a frame after a blank line", SPAN_LITERAL(HEADER RECORD FRAME("main.f") MEMSTATS)},
      {"a frame without an address",
       SPAN_LITERAL(HEADER "1: 64 [1: 64] @ 0x1\n#\tmain.f+0x1\t/x.go:1\n" MEMSTATS)},
      {"a frame without an offset",
       SPAN_LITERAL(HEADER "1: 64 [1: 64] @ 0x1\n#\t0x1\tmain.f\t/x.go:1\n" MEMSTATS)},
      {"a frame without a name",
       SPAN_LITERAL(HEADER "1: 64 [1: 64] @ 0x1\n#\t0x1\t+0x1\t/x.go:1\n" MEMSTATS)},
      {"a NUL in a function's name",
       SPAN_LITERAL(HEADER "1: 64 [1: 64] @ 0x1\n#\t0x1\tmain.\0f+0x1\t/x.go:1\n" MEMSTATS)},
      {"a NUL in a record", SPAN_LITERAL(HEADER "1: 64 [1:\0 64] @ 0x1\n" MEMSTATS)},
      {"a record without brackets", SPAN_LITERAL(HEADER "1: 64 @ 0x1\n" MEMSTATS)},
      {"a record that goes on strangely", SPAN_LITERAL(HEADER "1: 64 [1: 64] @x\n" MEMSTATS)},
      {"a goroutine dump half-way",
       SPAN_LITERAL(HEADER RECORD "goroutine 1 [select]:\nmain.f()\n\t/x.go:1\n" MEMSTATS)},
      {"a page half-way", SPAN_LITERAL(HEADER RECORD "<html>\n</html>\n")},
      {"a page in the MemStats", SPAN_LITERAL(HEADER RECORD MEMSTATS "<html>\n</html>\n")},
      {"a second profile after the first", SPAN_LITERAL(HEADER RECORD MEMSTATS HEADER RECORD)},
      {"binary half-way", SPAN_LITERAL(HEADER RECORD "\x1f\x8b\x08\0\0\0\0\0\n\0\n")},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    for (size_t piece = 1; piece <= cases[i].text.len + 1; piece++) {
      memset(&profile, 0xA5, sizeof(profile));
      check_int(cases[i].name, parse(cases[i].text, piece), -EBADMSG);
      check_int(cases[i].name, profile.inuse_bytes, 0xA5A5A5A5A5A5A5A5);
    }
    check_int(cases[i].name, heap_profile_parser_finish(parser, &profile), -EBADMSG);
    check_int(cases[i].name, heap_profile_parser_feed(parser, MEMSTATS, strlen(MEMSTATS)),
              -EBADMSG);
  }
  assert_int_equal(parse(span_of(HEADER RECORD MEMSTATS), 9), 0);
}

/* prefix, so many times c, suffix */
static struct span long_text(const char *prefix, char c, size_t times, const char *suffix) {
  size_t before = strlen(prefix), behind = strlen(suffix);
  char *text = malloc(before + times + behind);
  assert_non_null(text);
  memcpy(text, prefix, before);
  memset(text + before, c, times);
  memcpy(text + before + times, suffix, behind);
  return span_make(text, before + times + behind);
}

static void lines_of_a_megabyte_are_tolerated(void **state) {
  (void)state;
  static const struct {
    const char *name, *prefix, *suffix;
    int status;
  } cases[] = {
      {"addresses", HEADER "1: 64 [1: 64] @ 0x", "\n" MEMSTATS, 0},
      {"a file's name", HEADER "1: 64 [1: 64] @ 0x1\n#\t0x1\tmain.f+0x1\t/", "\n" MEMSTATS, 0},
      {"pauses", HEADER RECORD MEMSTATS "# PauseNs = [", "]\n", 0},
      {"a function's name", HEADER "1: 64 [1: 64] @ 0x1\n#\t0x1\tmain.",
       "+0x1\t/x.go:1\n" MEMSTATS, -EBADMSG},
      {"a rate", "heap profile: 1: 64 [1: 64] @ heap/", "\n" RECORD MEMSTATS, -EBADMSG},
      {"a count", HEADER, ": 64 [1: 64] @ 0x1\n" MEMSTATS, -EBADMSG},
      {"one line and no more", "", "", -EBADMSG},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span text = long_text(cases[i].prefix, '7', 1 << 20, cases[i].suffix);
    size_t pieces[] = {1, 4095, 4096, 4097, 65536, text.len};
    for (size_t j = 0; j < ARRAY_LENGTH(pieces); j++) {
      check_int(cases[i].name, parse(text, pieces[j]), cases[i].status);
      if (cases[i].status == 0)
        check_int(cases[i].name, profile.records, 1);
    }
    exact_free(text);
  }
}

static void chunks_make_no_difference(void **state) {
  (void)state;
  struct heap_profile *whole = malloc(sizeof(*whole));
  assert_non_null(whole);
  char **paths = profile_files("heap");
  for (size_t i = 0; paths[i] != NULL; i++) {
    struct span text = profile_file_read(paths[i]);
    check_int(paths[i], parse(text, text.len), 0);
    *whole = profile;
    for (size_t piece = 1; piece < 300; piece = piece * 2 + 1) {
      check_int(paths[i], parse(text, piece), 0);
      check_int(paths[i], profile.records, whole->records);
      check_int(paths[i], profile.inuse_bytes, whole->inuse_bytes);
      check_int(paths[i], profile.inuse_objects, whole->inuse_objects);
      assert_memory_equal(profile.matching_bytes, whole->matching_bytes,
                          sizeof(whole->matching_bytes));
      check_int(paths[i], profile.sites.len, whole->sites.len);
      for (size_t j = 0; j < whole->sites.len; j++) {
        check_int(paths[i], profile.sites.sites[j].key, whole->sites.sites[j].key);
        assert_string_equal(profile.sites.sites[j].text, whole->sites.sites[j].text);
      }
    }
    exact_free(text);
  }
  profile_files_free(paths);
  free(whole);
}

static void a_profile_truncated_before_its_memstats_gives_no_values(void **state) {
  (void)state;
  char **paths = profile_files("heap");
  for (size_t i = 0; paths[i] != NULL; i++) {
    struct span text = profile_file_read(paths[i]);
    const char *mark = memmem(text.at, text.len, "# runtime.MemStats\n", 19);
    assert_non_null(mark);
    size_t end = (size_t)(mark - text.at) + 19;
    for (size_t len = 0; len < end; len += 1 + len / 40)
      check_int(paths[i], parse(span_make(text.at, len), 4096), -EBADMSG);
    check_int(paths[i], parse(span_make(text.at, end - 1), 4096), -EBADMSG);
    check_int(paths[i], parse(span_make(text.at, end), 4096), 0);
    exact_free(text);
  }
  profile_files_free(paths);
}

static void the_listed_sites_do_not_exceed_the_total(void **state) {
  (void)state;
  char **paths = profile_files("heap");
  for (size_t i = 0; paths[i] != NULL; i++) {
    parse_file(paths[i]);
    uint64_t sum = 0;
    for (size_t j = 0; j < profile.sites.len; j++)
      sum += profile.sites.sites[j].weight;
    assert_true(sum <= profile.inuse_bytes);
    /* the captured programs have few sites in use: none is omitted */
    assert_int_equal(profile.sites.len < SITE_TOP_MAX ? sum : profile.inuse_bytes,
                     profile.inuse_bytes);
  }
  profile_files_free(paths);
}

int main(void) {
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(captured_profiles_agree_with_the_output_of_pprof),
      TEST(captured_profiles_agree_with_the_installed_pprof),
      TEST(a_hundred_blocks_of_a_megabyte_are_a_hundred_megabytes),
      TEST(what_was_freed_is_still_allocated),
      TEST(samples_are_scaled_by_their_probability),
      TEST(without_sampling_everything_is_unknown),
      TEST(a_negative_record_loses_nothing_but_itself),
      TEST(a_negative_record_is_read_as_by_the_installed_pprof),
      TEST(each_form_of_a_record_is_read),
      TEST(other_bodies_are_not_profiles),
      TEST(lines_of_a_megabyte_are_tolerated),
      TEST(chunks_make_no_difference),
      TEST(a_profile_truncated_before_its_memstats_gives_no_values),
      TEST(the_listed_sites_do_not_exceed_the_total),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
