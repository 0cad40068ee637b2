/* Every wait reason of Go's runtime has a state, and unknown ones are "other". */
#include "sidecar/go/goroutine_state.h"

#include <glob.h>
#include <stdio.h>

#include "cases.h"

static void each_reason_has_its_state(void **state) {
  (void)state;
  static const struct {
    const char *reason;
    enum goroutine_state state;
    bool is_known;
  } cases[] = {
      {"chan receive", GOROUTINE_CHAN_RECEIVE, true},
      {"chan receive (nil chan)", GOROUTINE_CHAN_RECEIVE, true},
      {"chan receive (durable)", GOROUTINE_CHAN_RECEIVE, true},
      {"chan receive (synctest)", GOROUTINE_CHAN_RECEIVE, true},
      {"chan send", GOROUTINE_CHAN_SEND, true},
      {"chan send (nil chan)", GOROUTINE_CHAN_SEND, true},
      {"chan send (leaked)", GOROUTINE_CHAN_SEND, true},
      {"select", GOROUTINE_SELECT, true},
      {"select (no cases)", GOROUTINE_SELECT, true},
      {"select (no cases) (leaked) (scan)", GOROUTINE_SELECT, true},
      {"IO wait", GOROUTINE_IO_WAIT, true},
      {"sleep", GOROUTINE_SLEEP, true},
      {"sleep (durable)", GOROUTINE_SLEEP, true},
      {"semacquire", GOROUTINE_SYNC, true},
      {"sync.Cond.Wait", GOROUTINE_SYNC, true},
      {"sync.Mutex.Lock", GOROUTINE_SYNC, true},
      {"sync.RWMutex.Lock", GOROUTINE_SYNC, true},
      {"sync.RWMutex.RLock", GOROUTINE_SYNC, true},
      {"sync.WaitGroup.Wait", GOROUTINE_SYNC, true},
      {"sync.WaitGroup.Wait (durable)", GOROUTINE_SYNC, true},
      {"syscall", GOROUTINE_SYSCALL, true},
      {"running", GOROUTINE_RUNNING, true},
      {"running (scan)", GOROUTINE_RUNNING, true},
      {"copystack", GOROUTINE_RUNNING, true},
      {"runnable", GOROUTINE_RUNNABLE, true},
      {"runnable (scan)", GOROUTINE_RUNNABLE, true},
      {"preempted", GOROUTINE_RUNNABLE, true},
      {"GC worker (idle)", GOROUTINE_OTHER, true},
      {"finalizer wait", GOROUTINE_OTHER, true},
      {"coroutine", GOROUTINE_OTHER, true},
      {"waiting", GOROUTINE_OTHER, true},
      {"idle", GOROUTINE_OTHER, true},
      {"dead", GOROUTINE_OTHER, true},
      {"leaked", GOROUTINE_OTHER, true},
      {"synctest.Wait", GOROUTINE_OTHER, true},
      {"", GOROUTINE_OTHER, false},
      {"a reason of Go 2", GOROUTINE_OTHER, false},
      {"chan", GOROUTINE_OTHER, false},
      {"chan receive ", GOROUTINE_OTHER, false},
      {"Chan Receive", GOROUTINE_OTHER, false},
      {"(scan)", GOROUTINE_OTHER, false},
      {")", GOROUTINE_OTHER, false},
      {"select (a) (b) (c) (d) (e)", GOROUTINE_OTHER, false},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span reason = exact_copy(span_of(cases[i].reason));
    bool is_known;
    check_int(cases[i].reason, goroutine_state_parse(reason, &is_known), cases[i].state);
    check_int(cases[i].reason, is_known, cases[i].is_known);
    check_int(cases[i].reason, goroutine_state_parse(reason, NULL), cases[i].state);
    exact_free(reason);
  }
}

static void each_state_has_a_unique_name(void **state) {
  (void)state;
  for (int i = 0; i < GOROUTINE_STATES; i++) {
    const char *name = goroutine_state_name((enum goroutine_state)i);
    assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
    for (int j = 0; j < i; j++)
      assert_string_not_equal(name, goroutine_state_name((enum goroutine_state)j));
  }
}

/* Checks the quoted strings of one table in a source file of Go; returns their number. */
static unsigned check_table(const char *path, const char *table) {
  FILE *stream = fopen(path, "r");
  if (stream == NULL)
    return 0;
  unsigned checked = 0;
  bool is_in_table = false;
  char line[1024];
  while (fgets(line, sizeof(line), stream) != NULL) {
    if (strncmp(line, table, strlen(table)) == 0)
      is_in_table = true;
    else if (line[0] == '}')
      is_in_table = false;
    char *open = strchr(line, '"'), *close = open != NULL ? strchr(open + 1, '"') : NULL;
    if (!is_in_table || close == NULL || close == open + 1)
      continue;
    bool is_known;
    *close = '\0';
    goroutine_state_parse(span_of(open + 1), &is_known);
    if (!is_known)
      fail_msg("%s: \"%s\" is not in the table", path, open + 1);
    checked++;
  }
  fclose(stream);
  return checked;
}

static void all_wait_reasons_in_the_sources_of_go_are_known(void **state) {
  (void)state;
  static const char *const folders[] = {"/usr/lib/go-*/src", "/usr/share/go-*/src",
                                        "/usr/local/go/src", "/usr/lib/go/src", "/opt/go*/src"};
  unsigned reasons = 0, statuses = 0;
  for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
    glob_t found;
    if (glob(folders[i], 0, NULL, &found) == 0) {
      for (size_t j = 0; j < found.gl_pathc; j++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/runtime/runtime2.go", found.gl_pathv[j]);
        reasons += check_table(path, "var waitReasonStrings");
        snprintf(path, sizeof(path), "%s/runtime/traceback.go", found.gl_pathv[j]);
        statuses += check_table(path, "var gStatusStrings");
      }
    }
    globfree(&found);
  }
  if (reasons == 0) {
    print_message("skipped: no source of Go's runtime here\n");
    skip();
  }
  assert_true(reasons > 20);
  assert_true(statuses > 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_reason_has_its_state),
      cmocka_unit_test(each_state_has_a_unique_name),
      cmocka_unit_test(all_wait_reasons_in_the_sources_of_go_are_known),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
