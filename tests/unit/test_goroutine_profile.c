/*
 * Goroutine dumps: captured ones against counts by grep and awk, every form a line can
 * have, dumps cut into pieces anywhere, and input that is no dump.
 */
#include "sidecar/go/goroutine_profile.h"

#include <errno.h>
#include <stdio.h>

#include "cases.h"
#include "profile_files.h"

static struct profile_patterns patterns;
static struct goroutine_profile_parser *parser;
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
  goroutine_profile_parser_init(parser, patterns.matcher);
  for (size_t at = 0; at < text.len; at += piece) {
    size_t n = text.len - at < piece ? text.len - at : piece;
    struct span copy = exact_copy(span_make(text.at + at, n));
    int status = goroutine_profile_parser_feed(parser, copy.at, copy.len);
    exact_free(copy);
    if (status != 0)
      break;
  }
  return goroutine_profile_parser_finish(parser, &profile);
}

static uint64_t matching(const char *pattern) {
  return profile.matching[profile_patterns_index(&patterns, pattern)];
}

static uint64_t sum_of_states(void) {
  uint64_t sum = 0;
  for (size_t i = 0; i < GOROUTINE_STATES; i++)
    sum += profile.by_state[i];
  return sum;
}

static uint64_t grep(const char *regex, const char *path) {
  return profile_command_number("LC_ALL=C grep -cE '%s' '%s'", regex, path);
}

static void captured_dumps_agree_with_grep(void **state) {
  (void)state;
  static const struct {
    enum goroutine_state state;
    const char *regex;
  } states[] = {
      {GOROUTINE_CHAN_RECEIVE, "^goroutine [^[]*\\[chan receive[],( ]"},
      {GOROUTINE_CHAN_SEND, "^goroutine [^[]*\\[chan send[],( ]"},
      {GOROUTINE_SELECT, "^goroutine [^[]*\\[select[],( ]"},
      {GOROUTINE_IO_WAIT, "^goroutine [^[]*\\[IO wait[],( ]"},
      {GOROUTINE_SLEEP, "^goroutine [^[]*\\[sleep[],( ]"},
      {GOROUTINE_SYNC, "^goroutine [^[]*\\[(semacquire|sync\\.)"},
      {GOROUTINE_SYSCALL, "^goroutine [^[]*\\[syscall[],( ]"},
      {GOROUTINE_RUNNING, "^goroutine [^[]*\\[running[],( ]"},
      {GOROUTINE_RUNNABLE, "^goroutine [^[]*\\[(runnable|preempted)[],( ]"},
  };
  static const char *const ages[GOROUTINE_BLOCKED_AGES] = {
      [GOROUTINE_BLOCKED_1M] = "^goroutine [^[]*\\[[^]]*(, [0-9]+ minutes[],]|\\(leaked\\))",
      [GOROUTINE_BLOCKED_10M] =
          "^goroutine [^[]*\\[[^]]*(, [0-9]{2,} minutes[],]|\\(leaked\\))",
      [GOROUTINE_BLOCKED_1H] =
          "^goroutine [^[]*\\[[^]]*(, ([6-9][0-9]|[0-9]{3,}) minutes[],]|\\(leaked\\))",
  };
  char **paths = profile_files("goroutines");
  for (size_t i = 0; paths[i] != NULL; i++) {
    struct span text = profile_file_read(paths[i]);
    check_int(paths[i], parse(text, 4096), 0);
    exact_free(text);
    check_int(paths[i], profile.goroutines, grep("^goroutine ", paths[i]));
    check_int(paths[i], sum_of_states(), profile.goroutines);
    check_int(paths[i], profile.is_cut_short, false);
    uint64_t other = profile.goroutines;
    for (size_t j = 0; j < ARRAY_LENGTH(states); j++) {
      uint64_t count = profile.by_state[states[j].state];
      check_int(paths[i], count, grep(states[j].regex, paths[i]));
      other -= count;
    }
    check_int(paths[i], profile.by_state[GOROUTINE_OTHER], other);
    for (size_t j = 0; j < GOROUTINE_BLOCKED_AGES; j++)
      check_int(paths[i], profile.blocked[j], grep(ages[j], paths[i]));
  }
  profile_files_free(paths);
}

/* Goroutines (paragraphs) with a match of an extended regular expression in any line. */
static uint64_t awk(const char *regex, const char *path) {
  return profile_command_number("awk -v RS= '/^goroutine / && /%s/ {n++} END {print n + 0}' "
                                "'%s'",
                                regex, path);
}

static void patterns_agree_with_awk_on_captured_dumps(void **state) {
  (void)state;
  char **paths = profile_files("goroutines");
  for (size_t i = 0; paths[i] != NULL; i++) {
    struct span text = profile_file_read(paths[i]);
    check_int(paths[i], parse(text, 4096), 0);
    exact_free(text);
    check_int(paths[i], matching("fetch_data"), awk("[fF]etchData", paths[i]));
    check_int(paths[i], matching("tea_cmd"),
              awk("bubbletea(\\/v2)?\\.\\(\\*Program\\)\\."
                  "(handleCommands\\.func[0-9]+\\.[0-9]|exec(Batch|Sequence)Msg)",
                  paths[i]));
  }
  profile_files_free(paths);
}

static void the_captured_target_has_the_goroutines_that_it_was_given(void **state) {
  (void)state;
  char **paths = profile_files("goroutines");
  unsigned targets = 0;
  for (size_t i = 0; paths[i] != NULL; i++) {
    if (strstr(paths[i], "/target-") == NULL || strstr(paths[i], "/goroutines.txt") == NULL)
      continue;
    struct span text = profile_file_read(paths[i]);
    check_int(paths[i], parse(text, 65536), 0);
    exact_free(text);
    targets++;
    check_int(paths[i], matching("fetch_data"), 3 + 4);
    check_int(paths[i], matching("monitor"), 4 + 5);
    check_int(paths[i], matching("tea_cmd"), 6);
    check_int(paths[i], profile.by_state[GOROUTINE_CHAN_RECEIVE], 2 + 2 + 3 + 2);
    check_int(paths[i], profile.by_state[GOROUTINE_CHAN_SEND], 2 + 2 + 4);
    check_int(paths[i], profile.by_state[GOROUTINE_SLEEP], 2 + 6);
    check_int(paths[i], profile.by_state[GOROUTINE_SYNC], 2 + 2 + 2 + 2 + 2 + 3);
    /* those with the most goroutines come first, and show where they wait */
    check_int(paths[i], profile.sites.sites[0].weight, 6);
    check_int(paths[i], profile.sites.sites[0].state, GOROUTINE_SLEEP);
    assert_non_null(strstr(profile.sites.sites[0].text, "time.Sleep < main.waitSleep.func1"));
    assert_non_null(strstr(profile.sites.sites[0].text, "created by bubbletea."));
  }
  assert_true(targets > 0);
  profile_files_free(paths);
}

static void aged_goroutines_of_the_captured_target_are_found(void **state) {
  (void)state;
  char **paths = profile_files("goroutines_aged");
  for (size_t i = 0; paths[i] != NULL; i++) {
    struct span text = profile_file_read(paths[i]);
    check_int(paths[i], parse(text, 65536), 0);
    exact_free(text);
    /* 7 for 11 minutes and 8 for one, in addition to those that have waited for an hour */
    uint64_t hour = profile.blocked[GOROUTINE_BLOCKED_1H];
    assert_true(hour >= 40);
    check_int(paths[i], profile.blocked[GOROUTINE_BLOCKED_10M], hour + 7);
    check_int(paths[i], profile.blocked[GOROUTINE_BLOCKED_1M], hour + 7 + 8);
    uint64_t oldest = 0;
    for (size_t j = 0; j < profile.sites.len; j++) {
      if (profile.sites.sites[j].oldest_minutes > oldest)
        oldest = profile.sites.sites[j].oldest_minutes;
    }
    assert_in_range(oldest, 61, 65);
  }
  profile_files_free(paths);
}

#define STACK "main.f(0x1)\n\t/src/main.go:7 +0x1d\n"

static void each_form_of_a_goroutine_is_read(void **state) {
  (void)state;
  enum { NONE = -1 };
  static const struct {
    const char *name, *text;
    uint64_t goroutines;
    enum goroutine_state state; /* of the first */
    uint64_t minutes;           /* of the first site */
    int pattern;                /* 0: fetch_data matches once */
  } cases[] = {
      {"an age", "goroutine 18 [chan receive, 12 minutes]:\n" STACK, 1, GOROUTINE_CHAN_RECEIVE,
       12, NONE},
      {"an age and a thread of its own",
       "goroutine 18 [syscall, 75 minutes, locked to thread]:\n" STACK, 1, GOROUTINE_SYSCALL,
       75, NONE},
      {"a thread of its own, no age", "goroutine 1 [select, locked to thread]:\n" STACK, 1,
       GOROUTINE_SELECT, 0, NONE},
      {"notes in parentheses",
       "goroutine 1 [chan send (nil chan) (leaked) (scan), 3 minutes]:\n" STACK, 1,
       GOROUTINE_CHAN_SEND, 3, NONE},
      {"a synctest bubble",
       "goroutine 9 [sleep (durable), 2 minutes, synctest bubble 3]:\n" STACK, 1,
       GOROUTINE_SLEEP, 2, NONE},
      {"a note yet to be invented", "goroutine 9 [sleep, on Mars, 2 minutes]:\n" STACK, 1,
       GOROUTINE_SLEEP, 2, NONE},
      {"a reason yet to be invented", "goroutine 9 [pondering, 2 minutes]:\n" STACK, 1,
       GOROUTINE_OTHER, 2, NONE},
      {"addresses, as GOTRACEBACK=system shows them",
       "goroutine 7 gp=0xc000007880 m=3 mp=0xc000080008 [IO wait, 1 minutes]:\n" STACK, 1,
       GOROUTINE_IO_WAIT, 1, NONE},
      {"labels of the program's own choice",
       "goroutine 7 [IO wait, 1 minutes labels:{\"a]:\": \"b, 99 minutes]:\"}]:\n" STACK, 1,
       GOROUTINE_IO_WAIT, 1, NONE},
      {"labels, as Go 1.27 writes them",
       "goroutine 1 [chan receive] {key: value}:\nmain.f()\n\t/a.go:1 +0x1\n", 1,
       GOROUTINE_CHAN_RECEIVE, 0, NONE},
      {"labels that are quoted",
       "goroutine 1 [IO wait, 1 minutes] {\"a]:\": \"b, 99 minutes]:\", c: d}:\n" STACK, 1,
       GOROUTINE_IO_WAIT, 1, NONE},
      {"labels with all that Go escapes",
       "goroutine 1 [IO wait] {a: \"{\\\"}]:\\n[sleep, 7 "
       "minutes]:\\t\\u00fc\\x00\\\\\"}:\n" STACK,
       1, GOROUTINE_IO_WAIT, 0, NONE},
      {"labels with bytes that Go would escape",
       "goroutine 1 [IO wait] {\t: \xc3\xbc\xff labels:{\"a\": \"b\"}]:}:\n" STACK, 1,
       GOROUTINE_IO_WAIT, 0, NONE},
      {"an empty label", "goroutine 1 [IO wait] {: }:\n" STACK, 1, GOROUTINE_IO_WAIT, 0, NONE},
      {"labels that look like those of the other version",
       "goroutine 7 [IO wait labels:{\"] {\": \"}:\"}]:\n" STACK, 1, GOROUTINE_IO_WAIT, 0,
       NONE},
      {"labels and addresses",
       "goroutine 7 gp=0xc000007880 m=nil [IO wait, 1 minutes, locked to thread] "
       "{a: \"b, 9 minutes]:\"}:\n" STACK,
       1, GOROUTINE_IO_WAIT, 1, NONE},
      {"labels and ancestors",
       "goroutine 7 [sleep] {a: \"[originating from goroutine 1]:\"}:\n" STACK
       "[originating from goroutine 1]:\nmain.fetchData(...)\n\t/src/main.go:9 +0x1\n",
       1, GOROUTINE_SLEEP, 0, NONE},
      {"labels of one that has leaked",
       "goroutine 7 [chan send (leaked)] {a: \" (leaked)\"}:\n" STACK, 1, GOROUTINE_CHAN_SEND,
       0, NONE},
      {"a label that says leaked does not make it so",
       "goroutine 7 [sleep] {a: \"(leaked)\"}:\n" STACK, 1, GOROUTINE_SLEEP, 0, NONE},
      {"a thread elsewhere",
       "goroutine 7 [running]:\n\tgoroutine running on other thread; "
       "stack unavailable\ncreated by main.fetchData\n\t/src/main.go:9 +0x1\n",
       1, GOROUTINE_RUNNING, 0, 0},
      {"a match in the last of many frames",
       "goroutine 7 [running]:\n" STACK STACK "main.(*T).fetchData.func1(...)\n\t/x.go:1\n", 1,
       GOROUTINE_RUNNING, 0, 0},
      {"a match in who created it, as Go 1.21 writes it",
       "goroutine 7 [running]:\n" STACK
       "created by main.FetchData in goroutine 1\n\t/src/main.go:9 +0x1\n",
       1, GOROUTINE_RUNNING, 0, 0},
      {"a match in a file's name only is none",
       "goroutine 7 [running]:\nmain.f()\n\t/src/fetchData/main.go:9 +0x1\n", 1,
       GOROUTINE_RUNNING, 0, NONE},
      {"a match in arguments only cannot be, but would be none",
       "goroutine 7 [running]:\nmain.f(fetchData)\n\t/src/main.go:9 +0x1\n", 1,
       GOROUTINE_RUNNING, 0, NONE},
      {"omitted frames, as in Go 1.19",
       "goroutine 7 [sleep]:\n" STACK "...additional frames elided...\n"
       "created by main.fetchData\n\t/src/main.go:9 +0x1\n",
       1, GOROUTINE_SLEEP, 0, 0},
      {"omitted frames in the middle, as in newer Go",
       "goroutine 7 [sleep]:\n" STACK "...57 frames elided...\n"
       "main.fetchData(...)\n\t/src/main.go:9 +0x1\n",
       1, GOROUTINE_SLEEP, 0, 0},
      {"functions of C without symbols",
       "goroutine 7 [syscall]:\nnon-Go function at pc=0x7f00\nnon-Go function at "
       "pc=0x7f01\n" STACK,
       1, GOROUTINE_SYSCALL, 0, NONE},
      {"functions of C with symbols",
       "goroutine 7 [syscall]:\nfetchData\n\t/src/x.c:7 pc=0x7f00\nnon-Go "
       "function\n\tpc=0x7f00\n"
       "x::y(int)\n\t/src/x.cc:7 pc=0x7f00\n" STACK,
       1, GOROUTINE_SYSCALL, 0, 0},
      {"ancestors, who are gone and count for nothing",
       "goroutine 7 [sleep]:\n" STACK "[originating from goroutine 1]:\n"
       "main.fetchData(...)\n\t/src/main.go:9 +0x1\ncreated by main.FetchData\n\t/src/x.go:1\n",
       1, GOROUTINE_SLEEP, 0, NONE},
      {"a panic", "goroutine 7 [sleep]:\npanic({0x1, 0x2})\n\t/src/panic.go:884 +0x1\n" STACK,
       1, GOROUTINE_SLEEP, 0, NONE},
      {"type arguments and arguments in braces",
       "goroutine 7 [sleep]:\nmain.(*T[...]).fetchData[...]({0x1?, {0x2, 0x3}, ...}, "
       "_)\n\t/x.go:1\n",
       1, GOROUTINE_SLEEP, 0, 0},
      {"line ends of another system",
       "goroutine 7 [sleep, 5 minutes]:\r\nmain.fetchData()\r\n\t/x.go:1\r\n\r\n"
       "goroutine 8 [sleep]:\r\n\r\n",
       2, GOROUTINE_SLEEP, 5, 0},
      {"a goroutine without a stack",
       "goroutine 7 [sleep, 4 minutes]:\n\ngoroutine 8 [dead]:\n\n", 2, GOROUTINE_SLEEP, 4,
       NONE},
      {"no blank line between two",
       "goroutine 7 [sleep]:\n" STACK "goroutine 8 [sleep]:\nmain.fetchData()\n\t/x.go:1\n", 2,
       GOROUTINE_SLEEP, 0, 0},
      {"several blank lines",
       "\n\ngoroutine 7 [sleep]:\n" STACK "\n\n\ngoroutine 8 [sleep]:\n" STACK "\n\n", 2,
       GOROUTINE_SLEEP, 0, NONE},
      {"an age as large as there can be",
       "goroutine 18446744073709551614 [sleep, 18446744073709551614 minutes]:\n" STACK, 1,
       GOROUTINE_SLEEP, UINT64_MAX - 1, NONE},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span text = span_of(cases[i].text);
    check_int(cases[i].name, parse(text, text.len), 0);
    check_int(cases[i].name, profile.goroutines, cases[i].goroutines);
    check_int(cases[i].name, sum_of_states(), cases[i].goroutines);
    check_int(cases[i].name, profile.by_state[cases[i].state] > 0, true);
    uint64_t oldest = 0;
    for (size_t j = 0; j < profile.sites.len; j++) {
      uint64_t minutes = profile.sites.sites[j].oldest_minutes;
      oldest = minutes > oldest ? minutes : oldest;
    }
    check_int(cases[i].name, oldest, cases[i].minutes);
    check_int(cases[i].name, matching("fetch_data"), cases[i].pattern == 0);
  }
}

static void ages_count_from_their_first_minute_on(void **state) {
  (void)state;
  static const struct {
    unsigned minutes;
    unsigned blocked[GOROUTINE_BLOCKED_AGES];
  } cases[] = {{0, {0, 0, 0}},  {1, {1, 0, 0}},  {9, {1, 0, 0}},   {10, {1, 1, 0}},
               {59, {1, 1, 0}}, {60, {1, 1, 1}}, {6000, {1, 1, 1}}};
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    char text[128];
    snprintf(text, sizeof(text), "goroutine 1 [select, %u minutes]:\n" STACK, cases[i].minutes);
    check_int(text, parse(span_of(text), 7), 0);
    for (size_t j = 0; j < GOROUTINE_BLOCKED_AGES; j++)
      check_int(text, profile.blocked[j], cases[i].blocked[j]);
  }
  assert_string_equal(goroutine_blocked_name(GOROUTINE_BLOCKED_1M), "1m");
  assert_string_equal(goroutine_blocked_name(GOROUTINE_BLOCKED_10M), "10m");
  assert_string_equal(goroutine_blocked_name(GOROUTINE_BLOCKED_1H), "1h");
}

/* ---- waits that are too long ---- */

static const struct site *longest(const char *pattern) {
  return &profile.longest_blocked[profile_patterns_index(&patterns, pattern)];
}

static uint64_t blocked(const char *pattern) {
  return profile.matching_blocked[profile_patterns_index(&patterns, pattern)];
}

#define FETCH "db.query()\n\t/x.go:1\nmain.fetchData()\n\t/x.go:1\n"
#define MONITOR "db.query()\n\t/x.go:1\nx/monitor.Model.refresh()\n\t/x.go:1\n"

static void a_matching_goroutine_that_waits_for_minutes_is_blocked(void **state) {
  (void)state;
  static const struct {
    const char *notes, *stack;
    unsigned fetch_data, monitor;
  } cases[] = {
      {"IO wait, 1 minutes", FETCH, 0, 0},
      {"IO wait", FETCH, 0, 0},
      {"IO wait, 2 minutes", FETCH, 1, 0},
      {"IO wait, 2 minutes", STACK, 0, 0},
      {"chan receive, 2 minutes", FETCH, 1, 0},
      {"chan receive (nil chan), 12 minutes, locked to thread", FETCH, 1, 0},
      {"chan send, 2 minutes", FETCH, 1, 0},
      {"select, 2 minutes", FETCH, 1, 0},
      {"syscall, 2 minutes", FETCH, 1, 0},
      {"semacquire, 2 minutes", FETCH, 1, 0},
      {"sync.Mutex.Lock, 2 minutes", FETCH, 1, 0},
      {"sync.WaitGroup.Wait, 2 minutes", FETCH, 1, 0},
      {"sleep, 600 minutes", FETCH, 0, 0},
      {"runnable, 2 minutes", FETCH, 0, 0},
      {"finalizer wait, 2 minutes", FETCH, 0, 0},
      {"a reason yet to be invented, 2 minutes", FETCH, 0, 0},
      /* without an age: none has been counted since it was found */
      {"chan send (leaked)", FETCH, 1, 0},
      {"sleep (leaked)", FETCH, 0, 0},
      /* a monitor's loops wait for events like that */
      {"select, 600 minutes", MONITOR, 0, 0},
      {"chan receive, 600 minutes", MONITOR, 0, 0},
      {"chan receive (leaked)", MONITOR, 0, 1},
      {"chan send, 2 minutes", MONITOR, 0, 1},
      {"IO wait, 2 minutes", MONITOR, 0, 1},
      {"syscall, 2 minutes", MONITOR, 0, 1},
      {"sync.RWMutex.RLock, 2 minutes", MONITOR, 0, 1},
      {"select, 2 minutes", FETCH MONITOR, 1, 0},
      {"sync.Mutex.Lock, 2 minutes", FETCH MONITOR, 1, 1},
      /* only what a fetch started */
      {"IO wait, 2 minutes", STACK "created by main.fetchData\n\t/x.go:1\n", 0, 0},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    char text[512];
    snprintf(text, sizeof(text), "goroutine 1 [%s]:\n%s", cases[i].notes, cases[i].stack);
    check_int(text, parse(span_of(text), 7), 0);
    check_int(text, blocked("fetch_data"), cases[i].fetch_data);
    check_int(text, blocked("monitor"), cases[i].monitor);
    check_int(text, longest("fetch_data")->weight, cases[i].fetch_data);
    check_int(text, longest("monitor")->weight, cases[i].monitor);
  }
}

static void the_one_that_has_been_blocked_the_longest_is_kept(void **state) {
  (void)state;
  static const char text[] =
      "goroutine 1 [IO wait, 3 minutes]:\n" FETCH "\ngoroutine 2 [chan send, 7 minutes]:\n"
      "main.deliver()\n\t/x.go:1\n" FETCH "\ngoroutine 3 [select, 5 minutes]:\n" FETCH;
  check_int("dump", parse(span_of(text), 11), 0);
  assert_int_equal(blocked("fetch_data"), 3);
  assert_int_equal(longest("fetch_data")->oldest_minutes, 7);
  assert_int_equal(longest("fetch_data")->state, GOROUTINE_CHAN_SEND);
  assert_string_equal(longest("fetch_data")->text, "main.deliver < db.query < main.fetchData");
  assert_int_equal(blocked("monitor"), 0);
  assert_int_equal(longest("monitor")->weight, 0);
}

/* As if all of its goroutines had been waiting for hours. */
static struct span aged(struct span text) {
  size_t len = 0;
  char *copy = malloc(text.len * 2);
  assert_non_null(copy);
  for (size_t i = 0; i < text.len; i++) {
    static const char age[] = ", 300 minutes";
    if (i + 1 < text.len && text.at[i] == ']' && text.at[i + 1] == ':') {
      memcpy(copy + len, age, strlen(age));
      len += strlen(age);
    }
    copy[len++] = text.at[i];
  }
  return span_make(copy, len);
}

static void a_healthy_sidecar_that_idles_for_hours_has_no_blocked_fetch(void **state) {
  (void)state;
  char **paths = profile_files("goroutines");
  unsigned sidecars = 0;
  for (size_t i = 0; paths[i] != NULL; i++) {
    if (strstr(paths[i], "/sidecar-") == NULL)
      continue;
    struct span text = profile_file_read(paths[i]), old = aged(text);
    check_int(paths[i], parse(old, 65536), 0);
    exact_free(old);
    exact_free(text);
    sidecars++;
    assert_true(profile.blocked[GOROUTINE_BLOCKED_1H] > 25);
    check_int(paths[i], blocked("fetch_data"), 0);
    check_int(paths[i], blocked("monitor"), 0);
    check_int(paths[i], blocked("tea_cmd") > 0, true); /* Tick, and listening for events */
  }
  assert_true(sidecars > 0);
  profile_files_free(paths);
}

static void blocked_fetches_agree_with_awk_on_captured_dumps(void **state) {
  (void)state;
  char **paths = profile_files("goroutines_aged");
  for (size_t i = 0; paths[i] != NULL; i++) {
    struct span text = profile_file_read(paths[i]);
    check_int(paths[i], parse(text, 4096), 0);
    exact_free(text);
    uint64_t found = profile_command_number(
        "awk -v RS= '/^goroutine / && !/^goroutine [0-9]+ \\[sleep/ && "
        "/^goroutine [^\\n]*, ([2-9]|[0-9][0-9]+) minutes/ && /etchData/ {n++} "
        "END {print n + 0}' '%s'",
        paths[i]);
    assert_true(found > 0);
    check_int(paths[i], blocked("fetch_data"), found);
  }
  profile_files_free(paths);
}

#define GOOD "goroutine 1 [select]:\n" STACK "\n"

static void other_bodies_are_not_dumps(void **state) {
  (void)state;
  static const struct {
    const char *name;
    struct span text;
  } cases[] = {
      {"nothing", SPAN_LITERAL("")},
      {"blank lines", SPAN_LITERAL("\n\n\n")},
      {"no line at all", SPAN_LITERAL("goroutine 1 [select]:")},
      {"a page", SPAN_LITERAL("<html>\n<body>404</body>\n</html>\n")},
      {"an error", SPAN_LITERAL("Unknown profile\n")},
      {"JSON", SPAN_LITERAL("{\"goroutines\": 5}\n")},
      {"the form of debug=1",
       SPAN_LITERAL(
           "goroutine profile: total 27\n1 @ 0x43 0x44\n#\t0x43\tmain.f+0x1\t/x.go:1\n")},
      {"a heap profile", SPAN_LITERAL("heap profile: 0: 0 [0: 0] @ heap/1048576\n")},
      {"no number", SPAN_LITERAL("goroutine x [select]:\n" STACK)},
      {"a negative number", SPAN_LITERAL("goroutine -1 [select]:\n" STACK)},
      {"a number past 2^64", SPAN_LITERAL("goroutine 18446744073709551616 [select]:\n" STACK)},
      {"an age past 2^64",
       SPAN_LITERAL("goroutine 1 [select, 99999999999999999999 minutes]:\n" STACK)},
      {"a negative age", SPAN_LITERAL("goroutine 1 [select, -5 minutes]:\n" STACK)},
      {"an age that is no number", SPAN_LITERAL("goroutine 1 [select, five minutes]:\n" STACK)},
      {"no brackets", SPAN_LITERAL("goroutine 1 select:\n" STACK)},
      {"nothing in the brackets", SPAN_LITERAL("goroutine 1 []:\n" STACK)},
      {"a bracket that is not closed", SPAN_LITERAL("goroutine 1 [select\n" STACK)},
      {"brackets the wrong way", SPAN_LITERAL("goroutine 1 ]:[\n" STACK)},
      {"no colon", SPAN_LITERAL("goroutine 1 [select]\n" STACK)},
      {"no colon after labels", SPAN_LITERAL("goroutine 1 [select] {a: b}\n" STACK)},
      {"labels that do not end", SPAN_LITERAL("goroutine 1 [select] {a: b:\n" STACK)},
      {"no state before labels", SPAN_LITERAL("goroutine 1 [] {a: b}:\n" STACK)},
      {"other text after the bracket", SPAN_LITERAL("goroutine 1 [select] a {b}:\n" STACK)},
      {"braces that are no labels", SPAN_LITERAL("goroutine 1 [select {a: b}]:\n" STACK)},
      {"labels of Go 1.26 that do not end",
       SPAN_LITERAL("goroutine 1 [select labels:{\"a\": \"b\"]:\n" STACK)},
      {"a NUL in a function's name",
       SPAN_LITERAL("goroutine 1 [select]:\nmain.f\0g()\n\t/x.go:1\n")},
      {"a NUL in a header", SPAN_LITERAL("goroutine 1\0 [select]:\n" STACK)},
      {"a NUL before all", SPAN_LITERAL("\0" GOOD)},
      {"an escape sequence in a name",
       SPAN_LITERAL("goroutine 1 [select]:\nmain.\x1b[1mf()\n\t/x.go:1\n")},
      {"arguments without a function",
       SPAN_LITERAL("goroutine 1 [select]:\n(0x1)\n\t/x.go:1\n")},
      {"a creator without a name",
       SPAN_LITERAL("goroutine 1 [select]:\ncreated by \n\t/x.go:1\n")},
      {"a page that follows half-way", SPAN_LITERAL(GOOD "<html>\n</html>\n")},
      {"a page that breaks into a stack",
       SPAN_LITERAL("goroutine 1 [select]:\n<html>\n</html>\n")},
      {"a page after a stack, before a blank line",
       SPAN_LITERAL("goroutine 1 [select]:\n" STACK "<html>\n\n")},
      {"a heap profile that follows half-way",
       SPAN_LITERAL(GOOD "heap profile: 0: 0 [0: 0] @ heap/1048576\n")},
      {"heap records that break into a stack",
       SPAN_LITERAL(
           "goroutine 1 [select]:\n1: 64 [1: 64] @ 0x1\n#\t0x1\tmain.f+0x1\t/x.go:1\n")},
      {"the form of debug=1 half-way",
       SPAN_LITERAL(GOOD "1 @ 0x43 0x44\n#\t0x43\tmain.f+0x1\t/x.go:1\n")},
      {"binary", SPAN_LITERAL("\x1f\x8b\x08\0\0\0\0\0\n\0\n")},
      {"binary half-way", SPAN_LITERAL(GOOD "\x1f\x8b\x08\0\0\0\0\0\n\0\n")},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    for (size_t piece = 1; piece <= cases[i].text.len + 1; piece++) {
      memset(&profile, 0xA5, sizeof(profile));
      check_int(cases[i].name, parse(cases[i].text, piece), -EBADMSG);
      check_int(cases[i].name, profile.goroutines, 0xA5A5A5A5A5A5A5A5);
    }
    /* once rejected, always rejected */
    check_int(cases[i].name, goroutine_profile_parser_finish(parser, &profile), -EBADMSG);
    if (cases[i].text.len > 24)
      check_int(cases[i].name, goroutine_profile_parser_feed(parser, GOOD, strlen(GOOD)),
                -EBADMSG);
  }
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
      {"a file's name", "goroutine 1 [select]:\nmain.f()\n\t/", "\n\n" GOOD, 0},
      {"labels", "goroutine 1 [select, 2 minutes labels:{\"", "\": \"\"}]:\n" STACK "\n" GOOD,
       0},
      {"labels of Go 1.27", "goroutine 1 [select, 2 minutes] {\"", "\": a}:\n" STACK "\n" GOOD,
       0},
      {"a function's name", "goroutine 1 [select]:\nmain.", "()\n\t/x.go:1\n\n" GOOD, -EBADMSG},
      {"arguments", "goroutine 1 [select]:\nmain.f(", ")\n\t/x.go:1\n\n" GOOD, -EBADMSG},
      {"a creator", "goroutine 1 [select]:\ncreated by ", "\n\t/x.go:1\n\n" GOOD, -EBADMSG},
      {"one line and no more", "", "", -EBADMSG},
      {"between goroutines", GOOD, "\n" GOOD, -EBADMSG},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span text = long_text(cases[i].prefix, 'x', 1 << 20, cases[i].suffix);
    size_t pieces[] = {1, 4095, 4096, 4097, 65536, text.len};
    for (size_t j = 0; j < ARRAY_LENGTH(pieces); j++) {
      check_int(cases[i].name, parse(text, pieces[j]), cases[i].status);
      if (cases[i].status == 0) {
        check_int(cases[i].name, profile.goroutines, 2);
        check_int(cases[i].name, profile.by_state[GOROUTINE_SELECT], 2);
      }
    }
    exact_free(text);
  }
}

static void chunks_make_no_difference(void **state) {
  (void)state;
  struct goroutine_profile *whole = malloc(sizeof(*whole));
  assert_non_null(whole);
  char **paths = profile_files("goroutines");
  for (size_t i = 0; paths[i] != NULL; i++) {
    struct span text = profile_file_read(paths[i]);
    memset(&profile, 0, sizeof(profile));
    check_int(paths[i], parse(text, text.len), 0);
    memcpy(whole, &profile, sizeof(profile));
    for (size_t piece = 1; piece < 200; piece += piece < 16 ? 1 : 37) {
      memset(&profile, 0, sizeof(profile));
      check_int(paths[i], parse(text, piece), 0);
      check_int(paths[i], profile.goroutines, whole->goroutines);
      assert_memory_equal(profile.by_state, whole->by_state, sizeof(whole->by_state));
      assert_memory_equal(profile.blocked, whole->blocked, sizeof(whole->blocked));
      assert_memory_equal(profile.matching, whole->matching, sizeof(whole->matching));
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

static void a_dump_truncated_anywhere_is_marked_or_rejected(void **state) {
  (void)state;
  static const char text[] = "goroutine 18 [chan receive, 12 minutes]:\n" STACK
                             "created by main.main in goroutine 1\n\t/src/main.go:9 +0x1\n"
                             "\ngoroutine 19 [running]:\n" STACK;
  size_t first_header = strcspn(text, "\n") + 1;
  for (size_t len = 0; len < strlen(text); len++) {
    int status = parse(span_make(text, len), 16);
    if (len < first_header) {
      assert_int_equal(status, -EBADMSG);
      continue;
    }
    assert_int_equal(status, 0);
    /* between two lines nothing shows that more was to come */
    bool is_between = text[len - 1] == '\n' && text[len] != '\t';
    assert_int_equal(profile.is_cut_short, !is_between);
    assert_int_equal(sum_of_states(), profile.goroutines);
  }
  assert_int_equal(parse(span_make(text, strlen(text)), 16), 0);
  assert_false(profile.is_cut_short);
  assert_int_equal(profile.goroutines, 2);
}

static void a_dump_of_gos_maximum_size_is_truncated(void **state) {
  (void)state;
  static const char goroutine[] = "goroutine 18 [chan receive, 12 minutes]:\n"
                                  "main.f()\n\t/src/mai.go:7 +0x11\n\n";
  _Static_assert((64 << 20) % 64 == 0, "");
  size_t len = sizeof(goroutine) - 1, fed = 0;
  goroutine_profile_parser_init(parser, patterns.matcher);
  for (; fed + len <= 64 << 20; fed += len)
    assert_int_equal(goroutine_profile_parser_feed(parser, goroutine, len), 0);
  assert_int_equal(goroutine_profile_parser_finish(parser, &profile), 0);
  assert_false(profile.is_cut_short);
  assert_int_equal(profile.goroutines, fed / len);
  while (fed++ < 64 << 20)
    assert_int_equal(goroutine_profile_parser_feed(parser, "\n", 1), 0);
  assert_int_equal(goroutine_profile_parser_finish(parser, &profile), 0);
  assert_true(profile.is_cut_short);
}

static void stacks_are_shown_in_short(void **state) {
  (void)state;
  static const struct {
    const char *name, *stack, *text;
  } cases[] = {
      {"frames of the standard library only lead up to the program's",
       "internal/poll.runtime_pollWait()\n\t/x.go:1\ninternal/poll.(*FD).Read()\n\t/x.go:1\n"
       "os.(*File).Read()\n\t/x.go:1\ngithub.com/fsnotify/fsnotify.(*inotify).readEvents()\n"
       "\t/x.go:1\ncreated by github.com/fsnotify/fsnotify.newBackend in goroutine "
       "1\n\t/x.go:1\n",
       "poll.runtime_pollWait < fsnotify.(*inotify).readEvents, created by "
       "fsnotify.newBackend"},
      {"the runtime's own come off the top",
       "runtime.gopark()\n\t/x.go:1\nruntime.selectgo()\n\t/x.go:1\nmain.f()\n\t/x.go:1\n",
       "main.f"},
      {"unless there is nothing else",
       "runtime.gopark()\n\t/x.go:1\nruntime.bgsweep()\n\t/x.go:1\n", "runtime.gopark"},
      {"major versions keep the name before them",
       "charm.land/bubbletea/v2.Tick.func1()\n\t/x.go:1\nv2.f()\n\t/x.go:1\nx/v2x.f()\n\t/"
       "x.go:1\n",
       "bubbletea/v2.Tick.func1 < v2.f < v2x.f"},
      {"recursion shows once",
       "main.f()\n\t/x.go:1\nmain.f()\n\t/x.go:1\nmain.f()\n\t/x.go:1\nmain.g()\n\t/x.go:1\n",
       "main.f < main.g"},
      {"no frames", "", ""},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    char text[1024];
    snprintf(text, sizeof(text), "goroutine 1 [select]:\n%s\n", cases[i].stack);
    check_int(cases[i].name, parse(span_of(text), 64), 0);
    check_int(cases[i].name, profile.sites.len, 1);
    check_span(cases[i].name, span_of(profile.sites.sites[0].text), span_of(cases[i].text));
  }
}

static void long_names_are_truncated_and_deep_stacks_end_in_dots(void **state) {
  (void)state;
  struct span text = long_text("goroutine 1 [select]:\nmain.", 'x', 1000, "End()\n\t/x.go:1\n");
  assert_int_equal(parse(text, 100), 0);
  exact_free(text);
  const char *shown = profile.sites.sites[0].text;
  assert_in_range(strlen(shown), 100, SITE_TEXT_MAX - 1);
  assert_string_equal(shown + strlen(shown) - 6, "xxxEnd");

  char deep[8192] = "goroutine 1 [select]:\n";
  for (unsigned i = 0; i < 100; i++) {
    size_t len = strlen(deep);
    snprintf(deep + len, sizeof(deep) - len, "main.function%u()\n\t/x.go:1\n", i);
  }
  strcat(deep, "created by main.start in goroutine 1\n\t/x.go:1\n");
  assert_int_equal(parse(span_of(deep), 100), 0);
  shown = profile.sites.sites[0].text;
  assert_non_null(strstr(shown, "main.function0 < main.function1 < "));
  assert_non_null(strstr(shown, " < ..., created by main.start"));
}

static void a_site_has_those_that_have_been_blocked_for_ten_minutes(void **state) {
  (void)state;
  static const char text[] = "goroutine 1 [select]:\nmain.f(0x1)\n\t/x.go:1 +0x1\n\n"
                             "goroutine 2 [select, 9 minutes]:\nmain.f()\n\t/x.go:2\n\n"
                             "goroutine 3 [select, 10 minutes]:\nmain.f()\n\t/x.go:2\n\n"
                             "goroutine 4 [select, 700 minutes]:\nmain.f()\n\t/x.go:1\n\n"
                             "goroutine 5 [select, 5 minutes]:\nmain.g()\n\t/x.go:1\n\n"
                             "goroutine 6 [select (leaked)]:\nmain.h()\n\t/x.go:1\n\n";
  assert_int_equal(parse(span_of(text), 10), 0);
  assert_int_equal(profile.sites.sites[0].weight, 4);
  assert_int_equal(profile.sites.sites[0].blocked, 2);
  /* the one that has leaked counts for every age: nothing can wake it */
  assert_int_equal(profile.blocked[GOROUTINE_BLOCKED_1M], 5);
  assert_int_equal(profile.blocked[GOROUTINE_BLOCKED_10M], 3);
  assert_int_equal(profile.blocked[GOROUTINE_BLOCKED_1H], 2);
  assert_int_equal(profile.sites.sites[0].leaked, 0);
  for (size_t i = 1; i < profile.sites.len; i++) {
    const struct site *site = &profile.sites.sites[i];
    check_int(site->text, site->blocked, strcmp(site->text, "main.h") == 0);
    check_int(site->text, site->leaked, site->blocked);
  }
  assert_int_equal(profile.sites.len, 3);
}

static void stacks_differ_by_function_state_and_creator(void **state) {
  (void)state;
  static const char text[] =
      "goroutine 1 [select]:\nmain.f(0x1)\n\t/x.go:1 +0x1\n\n"
      "goroutine 2 [select, 3 minutes]:\nmain.f(0x2)\n\t/x.go:2 +0x2\n\n"
      "goroutine 3 [sleep]:\nmain.f()\n\t/x.go:1\n\n"
      "goroutine 4 [select]:\nmain.g()\n\t/x.go:1\n\n"
      "goroutine 5 [select]:\nmain.f()\n\t/x.go:1\ncreated by main.g\n\t/x\n\n"
      "goroutine 6 [select]:\nmain.f()\n\t/x.go:1\nmain.g()\n\t/x.go:1\n";
  assert_int_equal(parse(span_of(text), 10), 0);
  assert_int_equal(profile.sites.len, 5);
  assert_int_equal(profile.sites.sites[0].weight, 2);
  assert_int_equal(profile.sites.sites[0].oldest_minutes, 3);
  assert_int_equal(profile.sites.unlisted_max, 0);
}

static void equal_stacks_are_matched_once(void **state) {
  (void)state;
  struct span text = profile_file_read(TEST_SRCDIR "/profiles/sidecar-v1.3.0/goroutines.txt");
  assert_int_equal(parse(text, 4096), 0);
  uint64_t searched = stack_matcher_searched(patterns.matcher);
  for (int i = 0; i < 10; i++)
    assert_int_equal(parse(text, 4096), 0);
  assert_int_equal(stack_matcher_searched(patterns.matcher), searched);
  exact_free(text);
}

int main(void) {
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(captured_dumps_agree_with_grep),
      TEST(patterns_agree_with_awk_on_captured_dumps),
      TEST(the_captured_target_has_the_goroutines_that_it_was_given),
      TEST(aged_goroutines_of_the_captured_target_are_found),
      TEST(each_form_of_a_goroutine_is_read),
      TEST(ages_count_from_their_first_minute_on),
      TEST(a_matching_goroutine_that_waits_for_minutes_is_blocked),
      TEST(the_one_that_has_been_blocked_the_longest_is_kept),
      TEST(a_healthy_sidecar_that_idles_for_hours_has_no_blocked_fetch),
      TEST(blocked_fetches_agree_with_awk_on_captured_dumps),
      TEST(other_bodies_are_not_dumps),
      TEST(lines_of_a_megabyte_are_tolerated),
      TEST(chunks_make_no_difference),
      TEST(a_dump_truncated_anywhere_is_marked_or_rejected),
      TEST(a_dump_of_gos_maximum_size_is_truncated),
      TEST(stacks_are_shown_in_short),
      TEST(long_names_are_truncated_and_deep_stacks_end_in_dots),
      TEST(a_site_has_those_that_have_been_blocked_for_ten_minutes),
      TEST(stacks_differ_by_function_state_and_creator),
      TEST(equal_stacks_are_matched_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
