/* Which functions the patterns match, and that each function is searched only once. */
#include "sidecar/go/stack.h"

#include <errno.h>
#include <stdio.h>

#include "cases.h"
#include "profile_files.h"

static struct stack_function judge(struct stack_matcher *matcher, const char *name) {
  struct stack_function function;
  struct span copy = exact_copy(span_of(name));
  check_int(name, stack_matcher_match(matcher, copy, &function), 0);
  exact_free(copy);
  return function;
}

/* The names of the matching patterns, each followed by a space. */
static const char *names_of(const struct profile_patterns *patterns, uint64_t matches) {
  static char names[256];
  names[0] = '\0';
  for (size_t i = 0; i < patterns->list.len; i++) {
    if (matches >> i & 1) {
      strcat(names, patterns->list.items[i].name);
      strcat(names, " ");
    }
  }
  return names;
}

struct expectation {
  const char *function, *patterns;
};

static void check_expectations(const struct pattern_default *defaults,
                               const struct expectation *cases, size_t len) {
  struct profile_patterns patterns;
  profile_patterns_compile(&patterns, defaults);
  for (size_t i = 0; i < len; i++) {
    const char *names = names_of(&patterns, judge(patterns.matcher, cases[i].function).matches);
    if (strcmp(names, cases[i].patterns) != 0)
      fail_msg("%s matches %s, not %s", cases[i].function, names, cases[i].patterns);
  }
  profile_patterns_free(&patterns);
}

static void default_patterns_match_the_goroutines_of_the_guide(void **state) {
  (void)state;
  static const struct expectation cases[] = {
      {"github.com/marcus/td/pkg/monitor.Model.fetchData.func1", "fetch_data monitor "},
      {"github.com/marcus/td/pkg/monitor.FetchData", "fetch_data monitor "},
      {"main.(*Monitor).fetchData", "fetch_data monitor "},
      {"github.com/marcus/sidecar/internal/plugins/tdmonitor.(*Plugin).Update", "monitor "},
      {"main.monitorPoll", "monitor "},
      {"github.com/marcus/sidecar/internal/fdmonitor.Count", ""},
      {"charm.land/bubbletea/v2.(*Program).handleCommands.func1.1", "tea_cmd "},
      {"github.com/charmbracelet/bubbletea.(*Program).handleCommands.func1.1", "tea_cmd "},
      {"charm.land/bubbletea/v2.(*Program).execBatchMsg.func2", "tea_cmd "},
      {"charm.land/bubbletea/v2.(*Program).handleCommands.func1", ""},
      {"charm.land/bubbletea/v2.(*Program).handleCommands", ""},
      {"charm.land/bubbletea/v2.(*Program).eventLoop", ""},
      {"main.main", ""},
  };
  check_expectations(stack_patterns_of_goroutines, cases, ARRAY_LENGTH(cases));
}

static void default_patterns_match_the_heap_signatures_of_the_guide(void **state) {
  (void)state;
  static const struct expectation cases[] = {
      {"bufio.(*Scanner).Scan", "bufio_scanner "},
      {"bufio.NewScanner", "bufio_scanner "},
      {"bufio.(*Reader).ReadString", ""},
      {"github.com/marcus/sidecar/internal/adapter/cache.GetScannerBuffer", "bufio_scanner "},
      {"encoding/json.Unmarshal", "json_unmarshal "},
      {"encoding/json.(*decodeState).object", "json_unmarshal "},
      {"encoding/json.(*Decoder).Decode", "json_unmarshal "},
      {"encoding/json/v2.UnmarshalRead", "json_unmarshal "},
      {"encoding/json.Marshal", ""},
      {"encoding/json.(*encodeState).marshal", ""},
      {"github.com/marcus/sidecar/internal/tty.(*OutputBuffer).applyRelative",
       "output_buffer "},
      {"github.com/marcus/sidecar/internal/tty.NewOutputBuffer", "output_buffer "},
      {"github.com/charmbracelet/x/ansi.Strip", "ansi "},
      {"github.com/charmbracelet/x/ansi/parser.init", "ansi "},
      {"ansi.Strip", "ansi "},
      {"github.com/ansible/x.Run", ""},
      {"strings.genSplit", "strings_split "},
      {"strings.(*Builder).grow", "buffer_growth "},
      {"bytes.growSlice", "buffer_growth "},
      {"slices.Grow[...]", "buffer_growth "},
      {"main.main", ""},
  };
  check_expectations(stack_patterns_of_heap, cases, ARRAY_LENGTH(cases));
}

static void functions_are_classified_by_their_package(void **state) {
  (void)state;
  enum { APPLICATION, STANDARD, RUNTIME };
  static const struct {
    const char *name;
    int origin;
  } cases[] = {
      {"runtime.gopark", RUNTIME},
      {"internal/runtime/maps.(*Map).Put", RUNTIME},
      {"panic", RUNTIME},
      {"runtime/pprof.writeHeap", STANDARD},
      {"bufio.(*Scanner).Scan", STANDARD},
      {"net/http.(*Server).Serve", STANDARD},
      {"vendor/golang.org/x/net/http2/hpack.NewDecoder", STANDARD},
      {"go/ast.Walk", STANDARD},
      {"go.uber.org/zap.New", APPLICATION},
      {"main.main", APPLICATION},
      {"mainframe/internal.Do", APPLICATION},
      {"runtimes.x", APPLICATION},
      {"github.com/marcus/td/pkg/monitor.FetchData", APPLICATION},
      {"pause", APPLICATION},
      {"x", APPLICATION},
  };
  struct profile_patterns patterns;
  profile_patterns_compile(&patterns, stack_patterns_of_heap);
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct stack_function function = judge(patterns.matcher, cases[i].name);
    check_int(cases[i].name, function.is_standard, cases[i].origin != APPLICATION);
    check_int(cases[i].name, function.is_runtime, cases[i].origin == RUNTIME);
  }
  profile_patterns_free(&patterns);
}

static void anchors_are_the_ends_of_the_name(void **state) {
  (void)state;
  static const struct pattern_default anchored[] = {
      {"whole", "^main\\.load$"}, {"begins", "^main\\."}, {"ends", "load$"}, {NULL, NULL}};
  static const struct expectation cases[] = {
      {"main.load", "whole begins ends "},
      {"main.load.func1", "begins "},
      {"x/main.load", "ends "},
      {"domain.loader", ""},
  };
  check_expectations(anchored, cases, ARRAY_LENGTH(cases));
}

static void a_function_is_matched_once_however_often_it_occurs(void **state) {
  (void)state;
  struct profile_patterns patterns;
  profile_patterns_compile(&patterns, stack_patterns_of_goroutines);
  for (int round = 0; round < 1000; round++) {
    assert_int_equal(judge(patterns.matcher, "main.fetchData").matches, 1);
    assert_int_equal(judge(patterns.matcher, "main.main").matches, 0);
  }
  assert_int_equal(stack_matcher_searched(patterns.matcher), 2);
  profile_patterns_free(&patterns);
}

/* The cache serves the programs of all users. These two names have the same hash where it is
 * computed without a secret key, from the words of the name by multiplications: whoever names
 * a function so would decide what another's function matches. */
static void a_forged_name_does_not_take_another_programs_place(void **state) {
  (void)state;
  static const char honest[] = "github.com/marcus/td/pkg/monitor.FetchData";
  static const char forged[] = "evil.BC0EoglHMCN2O~S!_y#/quite.harmless123";
  struct profile_patterns patterns;
  profile_patterns_compile(&patterns, stack_patterns_of_goroutines);
  assert_string_equal(names_of(&patterns, judge(patterns.matcher, forged).matches), "");
  assert_string_equal(names_of(&patterns, judge(patterns.matcher, honest).matches),
                      "fetch_data monitor ");
  profile_patterns_free(&patterns);
}

static void matchers_have_different_keys(void **state) {
  (void)state;
  struct profile_patterns a, b;
  profile_patterns_compile(&a, stack_patterns_of_goroutines);
  profile_patterns_compile(&b, stack_patterns_of_goroutines);
  assert_true(judge(a.matcher, "main.main").hash == judge(a.matcher, "main.main").hash);
  assert_true(judge(a.matcher, "main.main").hash != judge(b.matcher, "main.main").hash);
  profile_patterns_free(&a);
  profile_patterns_free(&b);
}

static void more_functions_than_the_cache_holds_are_matched_correctly(void **state) {
  (void)state;
  struct profile_patterns patterns;
  profile_patterns_compile(&patterns, stack_patterns_of_goroutines);
  for (unsigned round = 0; round < 3; round++) {
    for (unsigned i = 0; i < 20000; i++) {
      char name[64];
      snprintf(name, sizeof(name), "main.%s%u", i % 3 == 0 ? "fetchData" : "other", i);
      check_int(name, judge(patterns.matcher, name).matches, i % 3 == 0);
    }
  }
  profile_patterns_free(&patterns);
}

static void names_with_control_characters_are_rejected(void **state) {
  (void)state;
  struct profile_patterns patterns;
  profile_patterns_compile(&patterns, stack_patterns_of_goroutines);
  for (unsigned c = 0; c < 256; c++) {
    char name[] = "main.f?";
    name[6] = (char)c;
    struct span s = span_make(name, 7);
    struct stack_function function;
    check_int(name, stack_matcher_match(patterns.matcher, s, &function),
              c < 0x20 || c == 0x7F ? -EBADMSG : 0);
  }
  profile_patterns_free(&patterns);
}

static void the_maximum_number_of_patterns_is_distinguished(void **state) {
  (void)state;
  struct pattern_list list = {.len = 0};
  char name[16], expression[32];
  for (int i = 0; i < PATTERNS_MAX; i++) {
    snprintf(name, sizeof(name), "p%d", i);
    snprintf(expression, sizeof(expression), "f%d$|all", i);
    check_int(name, pattern_list_add(&list, name, expression, NULL, 0), 0);
  }
  struct stack_matcher *matcher;
  assert_int_equal(stack_matcher_new(&list, &matcher), 0);
  assert_int_equal(judge(matcher, "main.all").matches, UINT32_MAX);
  for (int i = 0; i < PATTERNS_MAX; i++) {
    snprintf(name, sizeof(name), "main.f%d", i);
    check_int(name, judge(matcher, name).matches, UINT32_C(1) << i);
  }
  stack_matcher_free(matcher);
  stack_matcher_free(NULL);
  pattern_list_clear(&list);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(default_patterns_match_the_goroutines_of_the_guide),
      cmocka_unit_test(default_patterns_match_the_heap_signatures_of_the_guide),
      cmocka_unit_test(functions_are_classified_by_their_package),
      cmocka_unit_test(anchors_are_the_ends_of_the_name),
      cmocka_unit_test(a_function_is_matched_once_however_often_it_occurs),
      cmocka_unit_test(a_forged_name_does_not_take_another_programs_place),
      cmocka_unit_test(matchers_have_different_keys),
      cmocka_unit_test(more_functions_than_the_cache_holds_are_matched_correctly),
      cmocka_unit_test(names_with_control_characters_are_rejected),
      cmocka_unit_test(the_maximum_number_of_patterns_is_distinguished),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
