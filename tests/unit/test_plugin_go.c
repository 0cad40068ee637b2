/*
 * The complete plugin and programs with a pprof server, which is real and misbehaves on command
 * (go_server.h): what is sent, what is no longer sent, and what is said about it. Readings do
 * not wait for answers for long, so each test reads until what it waits for has come.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"
#include "failing_calls.h"
#include "fake_collectd.h"
#include "fake_dispatched.h"
#include "go_server.h"
#include "sidecar/collector.h"
#include "watched.h"

#define EACH_READING                                                                           \
  "PprofBudget 0\nDetailInterval 1\nGoroutineDumpInterval 1\nHeapProfileInterval 1\n"          \
  "GoroutineLeakInterval 1\n"
#define PATIENT "PprofTimeout 60\n" /* though the clock is put ahead */
#define NO_CAPTURE "Capture false\n"

static struct hostile_server *server;
static char variable[64];

static void own_the_server(void) {
  if (inotify_init1(0) < 0)
    _exit(125);
  hostile_server_lend(server);
}

static const char *port_of(const struct hostile_server *of) {
  snprintf(variable, sizeof(variable), "SIDECAR_PPROF=%u", hostile_server_port(of));
  return variable;
}

/* A program whose server behaves like that. */
static pid_t start_with_server(hostile_behaviour behaviour, void *context) {
  server = hostile_server_new(behaviour, context);
  watched_variable = port_of(server);
  watched_hold = own_the_server;
  return watched_start("proj");
}

static int set_up(void **state) {
  server = NULL;
  return watched_set_up(state);
}

static int tear_down(void **state) {
  failing_calls_disarm();
  watched_tear_down(state);
  hostile_server_free(server);
  return 0;
}

/* ---- readings ---- */

static void read_again(void) {
  watched_ahead_seconds += 2; /* all of it is due */
  assert_int_equal(fake_collectd_read(), 0);
}

static bool has(const char *type, const char *type_instance) {
  return fake_collectd_find("proj", type, type_instance) != NULL;
}

static void read_until_it_comes(const char *type, const char *type_instance) {
  for (int i = 0; i < 200 && !has(type, type_instance); i++)
    read_again();
  if (!has(type, type_instance))
    fail_msg("%s-%s does not come", type, type_instance);
}

static void read_until_it_is_absent(const char *type, const char *type_instance) {
  for (int i = 0; i < 200 && has(type, type_instance); i++)
    read_again();
  if (has(type, type_instance))
    fail_msg("%s-%s is still sent", type, type_instance);
}

static enum collector_status status_of(const char *collector) {
  return (enum collector_status)watched_gauge("proj", "collector_status", collector);
}

static void read_until_status(const char *collector, enum collector_status status) {
  for (int i = 0; i < 200; i++) {
    read_again();
    if (status_of(collector) == status)
      return;
  }
  fail_msg("%s: the status is %d, not %d", collector, (int)status_of(collector), (int)status);
}

static void check_logged(const char *text) {
  if (fake_collectd_logged(0, text) == 0)
    fail_msg("\"%s\" was not logged, but: %s", text, fake_collectd_log_line(": "));
}

static void check_no_value_of_the_runtime(void) {
  for (size_t i = 0; i < fake_collectd_values_len(); i++)
    if (strncmp(fake_collectd_value(i)->type, "go_", 3) == 0)
      fail_msg("%s is sent", fake_collectd_value(i)->type);
}

/* ---- what comes ---- */

static int64_t counter(const char *type) {
  const struct fake_value *value = fake_collectd_find("proj", type, "");
  if (value == NULL)
    fail_msg("%s was not dispatched", type);
  assert_int_equal(value->ds_type, DS_TYPE_DERIVE);
  return value->values[0].derive;
}

static bool are_all_pages_here(void) {
  return has("go_goroutines", "") && has("go_memstats_heap_inuse_bytes", "") &&
         has("go_goroutines_state", "select") &&
         has("go_heap_inuse_matching_bytes", "bufio_scanner") &&
         status_of("pprof") == STATUS_OK && status_of("goroutines") == STATUS_OK;
}

static void read_until_all_pages_come(void) {
  read_again();
  for (int i = 0; i < 200 && !are_all_pages_here(); i++)
    read_again();
  assert_true(are_all_pages_here());
  assert_true(watched_gauge("proj", "go_goroutines", "") == GO_GOROUTINES);
  assert_true(watched_gauge("proj", "go_memstats_heap_inuse_bytes", "") == GO_HEAP_INUSE_BYTES);
  assert_true(watched_gauge("proj", "go_goroutines_state", "select") == 1);
  assert_true(watched_gauge("proj", "go_goroutines_state", "running") == 1);
  assert_true(watched_gauge("proj", "go_goroutines_matching", "fetch_data") ==
              GO_DUMPED_FETCH_DATA);
}

static void the_values_of_all_pages_come_and_its_port(void **state) {
  (void)state;
  watched_configure(EACH_READING PATIENT NO_CAPTURE "Summary true", "");
  start_with_server(go_server_good, NULL);
  read_until_all_pages_come();
  assert_true(watched_gauge("proj", "process_pprof_port", "") == hostile_server_port(server));
  check_logged("goroutines  40");
  assert_int_equal(fake_collectd_logged(LOG_WARNING, ""), 0);
}

static void the_counters_end_with_the_process(void **state) {
  (void)state;
  watched_configure(EACH_READING PATIENT NO_CAPTURE, "");
  pid_t pid = start_with_server(go_server_good, NULL);
  read_until_it_comes("go_gc_cycles", "");
  assert_int_equal(counter("go_gc_cycles"), GO_GC_CYCLES);
  assert_int_equal(fake_collectd_read(), 0); /* too early for another one */
  assert_false(has("go_gc_cycles", ""));
  assert_true(watched_gauge("proj", "go_memstats_heap_inuse_bytes", "") == GO_HEAP_INUSE_BYTES);

  watched_end(pid);
  fake_collectd_read();
  assert_int_equal(counter("go_gc_cycles"), GO_GC_CYCLES);
  assert_false(has("go_goroutines", ""));
  fake_collectd_read();
  check_no_value_of_the_runtime();
}

struct requests {
  atomic_uint heap, dump, leaks;
};

static void good_and_counted(struct hostile_connection *c, void *context) {
  struct requests *requests = context;
  if (strstr(c->request, "heap?debug=1") != NULL)
    atomic_fetch_add(&requests->heap, 1);
  if (strstr(c->request, "goroutine?debug=2") != NULL)
    atomic_fetch_add(&requests->dump, 1);
  if (strstr(c->request, "goroutineleak") != NULL)
    atomic_fetch_add(&requests->leaks, 1);
  go_server_good(c, NULL);
}

static void without_leaks_and_counted(struct hostile_connection *c, void *context) {
  struct requests *requests = context;
  if (strstr(c->request, "goroutineleak") != NULL)
    atomic_fetch_add(&requests->leaks, 1);
  go_server_without_leaks(c, NULL);
}

static void without_profiles_the_memstats_come_with_the_detail(void **state) {
  (void)state;
  struct requests requests = {0, 0, 0};
  watched_configure(
      "PprofBudget 0\nDetailInterval 1\nGoroutineDumpInterval 0\nHeapProfileInterval 0\n"
      "BaselineDelay 1\n" PATIENT NO_CAPTURE,
      "");
  start_with_server(good_and_counted, &requests);
  for (int i = 0; i < 5; i++)
    read_again();
  read_until_it_comes("go_memstats_heap_inuse_bytes", "");
  assert_int_equal(atomic_load(&requests.dump), 0);
  assert_true(atomic_load(&requests.heap) > 1);
  assert_false(has("go_goroutines_state", "select"));
  assert_false(has("go_heap_inuse_matching_bytes", "bufio_scanner"));
}

static void a_program_with_too_many_goroutines_is_not_stopped_for_a_dump(void **state) {
  (void)state;
  struct requests requests = {0, 0, 0};
  watched_configure(EACH_READING PATIENT NO_CAPTURE "GoroutineDumpMax 39", "");
  start_with_server(good_and_counted, &requests);
  read_until_status("goroutines", STATUS_CEILING);
  check_logged("40 goroutines are more than 39: no dump");
  check_logged("see GoroutineDumpMax in");
  assert_int_equal(atomic_load(&requests.dump), 0);
  assert_int_equal(status_of("pprof"), STATUS_OK);
  assert_true(watched_gauge("proj", "go_goroutines", "") == GO_GOROUTINES);
  assert_true(watched_gauge("proj", "go_goroutines_matching", "fetch_data") == 37);
  assert_true(watched_gauge("proj", "go_goroutines_matching", "monitor") == 0);
  assert_false(has("go_goroutines_state", "sleep"));
  assert_false(has("go_goroutines_blocked", "10m"));
}

static void leaked_goroutines_are_counted_and_how_often_they_are_looked_for(void **state) {
  (void)state;
  watched_configure(EACH_READING PATIENT NO_CAPTURE, "");
  start_with_server(go_server_good, NULL);
  read_until_it_comes("go_goroutines_leaked", "");
  assert_true(watched_gauge("proj", "go_goroutines_leaked", "") == GO_LEAKED);
  assert_true(watched_gauge("proj", "pprof_interval_seconds", "leaks") == 1);
  assert_int_equal(status_of("goroutines"), STATUS_OK);
}

/* A program of an older Go: that is no failure, and no reason to ask it again and again. */
static void a_program_without_that_profile_is_asked_once_and_not_reported(void **state) {
  (void)state;
  struct requests requests = {0, 0, 0};
  watched_configure(EACH_READING PATIENT NO_CAPTURE, "");
  start_with_server(without_leaks_and_counted, &requests);
  read_until_all_pages_come();
  for (int i = 0; i < 20; i++)
    read_again();
  assert_int_equal(atomic_load(&requests.leaks), 1);
  assert_false(has("go_goroutines_leaked", ""));
  assert_false(has("pprof_interval_seconds", "leaks"));
  assert_int_equal(status_of("goroutines"), STATUS_OK);
  assert_int_equal(fake_collectd_logged(LOG_WARNING, ""), 0);
}

/* To find them, such a program collects garbage. */
static void above_its_ceiling_of_heap_no_program_looks_for_leaked_goroutines(void **state) {
  (void)state;
  struct requests requests = {0, 0, 0};
  watched_configure(EACH_READING PATIENT NO_CAPTURE "GoroutineLeakMaxHeap 20", "");
  start_with_server(good_and_counted, &requests);
  for (int i = 0; i < 5; i++)
    read_until_all_pages_come();
  assert_int_equal(atomic_load(&requests.leaks), 0);
  assert_false(has("pprof_interval_seconds", "leaks"));
}

/* The first time, and when the flag goes up; the interval is never over. */
static void a_flag_of_goroutines_that_goes_up_looks_for_leaked_ones_at_once(void **state) {
  (void)state;
  struct requests requests = {0, 0, 0};
  watched_configure(
      "PprofBudget 0\nDetailInterval 1\nGoroutineDumpInterval 1\n"
      "HeapProfileInterval 1\nGoroutineLeakInterval 86400\n" PATIENT NO_CAPTURE
      "<RedFlag \"goroutines\">\n Warning 40\n Failure 1000\n Hold 60\n</RedFlag>\n",
      "");
  start_with_server(good_and_counted, &requests);
  read_until_it_comes("go_goroutines_leaked", "");
  assert_int_equal(atomic_load(&requests.leaks), 1);
  while (fake_dispatched_of("proj", "goroutines") == NULL)
    read_again();
  for (int i = 0; i < 200 && atomic_load(&requests.leaks) == 1; i++)
    read_again();
  for (int i = 0; i < 20; i++)
    read_again();
  assert_int_equal(atomic_load(&requests.leaks), 2);
}

static void without_an_index_page_the_first_line_of_a_profile_has_the_count(void **state) {
  (void)state;
  watched_configure(EACH_READING PATIENT NO_CAPTURE, "");
  start_with_server(go_server_without_index, NULL);
  go_server_index_requests = 0;
  read_until_all_pages_come();
  for (int i = 0; i < 5; i++)
    read_until_all_pages_come();
  assert_int_equal(go_server_index_requests, 1);

  /* the page is asked for again once the other fails */
  hostile_server_behave(server, hostile_answer, "HTTP/1.1 404 Not Found\r\n\r\n");
  read_until_status("pprof", STATUS_REFUSED);
  hostile_server_behave(server, go_server_good, NULL);
  read_until_all_pages_come();
}

static void below_another_prefix_the_pages_are_found_when_it_is_configured(void **state) {
  (void)state;
  static char prefix[] = "/api/v1/debug/pprof/";
  watched_configure(EACH_READING PATIENT NO_CAPTURE, "PprofPath \"/api/v1/debug/pprof\"");
  start_with_server(go_server_below, prefix);
  read_until_all_pages_come();
}

static void another_programs_variable_may_hold_an_address(void **state) {
  (void)state;
  static char address[64];
  watched_configure(EACH_READING PATIENT NO_CAPTURE, "PprofVariable \"DEBUG_ADDR\"");
  server = hostile_server_new(go_server_good, NULL);
  snprintf(address, sizeof(address), "DEBUG_ADDR=localhost:%u", hostile_server_port(server));
  watched_variable = address;
  watched_hold = own_the_server;
  watched_start("proj");
  read_until_all_pages_come();
}

/* A millionth of a core: the first answers take minutes to pay off. */
static void what_costs_more_than_the_budget_is_queried_less_often(void **state) {
  (void)state;
  struct requests requests = {0, 0, 0};
  watched_configure("PprofBudget 0.0001\nDetailInterval 1\nHeapProfileInterval 1\n"
                    "GoroutineDumpInterval 1\n" PATIENT NO_CAPTURE,
                    "");
  start_with_server(good_and_counted, &requests);
  read_until_it_comes("go_memstats_heap_inuse_bytes", "");
  read_until_it_comes("go_goroutines", "");
  /* the first dump does not wait until the heap profile is paid off */
  read_until_it_comes("go_goroutines_blocked", "1m");
  for (int i = 0; i < 10; i++) {
    read_again();
    assert_true(watched_gauge("proj", "go_memstats_heap_inuse_bytes", "") ==
                GO_HEAP_INUSE_BYTES);
    assert_true(watched_gauge("proj", "go_goroutines", "") == GO_GOROUTINES);
    assert_true(watched_gauge("proj", "pprof_interval_seconds", "memstats") > 1);
    assert_true(watched_gauge("proj", "pprof_interval_seconds", "heap") > 1);
    assert_true(watched_gauge("proj", "pprof_interval_seconds", "goroutines") > 1);
  }
  assert_int_equal(atomic_load(&requests.heap), 1);
  assert_int_equal(atomic_load(&requests.dump), 1);
  assert_int_equal(status_of("pprof"), STATUS_OK);

  watched_ahead_seconds += 100000;
  for (int i = 0; i < 200 && atomic_load(&requests.heap) == 1; i++)
    read_again();
  assert_int_equal(atomic_load(&requests.heap), 2);
}

/* ---- what goes wrong ---- */

static void two_megabytes(struct hostile_connection *c, void *context) {
  static const char block[65536] = "heap profile: 1: 2 [3: 4] @ heap/1048576\n";
  (void)context;
  hostile_send_text(c, "HTTP/1.1 200 OK\r\n\r\n");
  for (unsigned i = 0; i < 32 && hostile_send(c, block, sizeof(block)); i++)
    ;
}

#define ANSWER(text) hostile_answer, (text)

static const struct fault {
  hostile_behaviour behaviour;
  const char *response;
  enum collector_status status;
  const char *logged;
} faults[] = {
    {ANSWER("HTTP/1.1 404 Not Found\r\n\r\n"), STATUS_REFUSED,
     "HTTP status 404; the program does not serve this page there: set PprofPath"},
    {ANSWER("HTTP/1.1 200 OK\r\n\r\n<html>It works!</html>\n"), STATUS_MALFORMED,
     "not a response of Go's net/http/pprof; is it a Go program"},
    {ANSWER("SSH-2.0-OpenSSH_9.2p1\r\n"), STATUS_MALFORMED, "is it a Go program"},
    {hostile_hang_up, NULL, STATUS_REFUSED, "if the port is in use"},
    {hostile_silent, NULL, STATUS_TIMEOUT, "the process may be stopped or starved"},
    {two_megabytes, NULL, STATUS_CEILING, "no page of a Go program is that long"},
};

static void check_fault(const struct fault *fault) {
  watched_configure(fault->status == STATUS_TIMEOUT ? EACH_READING NO_CAPTURE "PprofTimeout 1"
                                                    : EACH_READING PATIENT NO_CAPTURE,
                    "");
  pid_t pid = start_with_server(go_server_good, NULL);
  read_until_it_comes("go_goroutines_state", "select");

  hostile_server_behave(server, fault->behaviour, (void *)(uintptr_t)fault->response);
  read_until_status("pprof", fault->status);
  assert_false(has("go_goroutines", ""));
  read_until_it_is_absent("go_memstats_heap_inuse_bytes", "");
  read_until_it_is_absent("go_goroutines_state", "select");
  read_until_it_is_absent("go_heap_inuse_matching_bytes", "bufio_scanner");
  check_no_value_of_the_runtime();
  assert_true(watched_is_sent("proj"));
  assert_true(watched_gauge("proj", "collector_success", "pprof") == 0);
  check_logged(fault->logged);

  hostile_server_behave(server, go_server_good, NULL);
  read_until_all_pages_come();
  check_logged("pprof: works again");
  watched_end(pid);
}

static void whatever_the_server_does_values_are_absent_and_come_back(void **state) {
  for (size_t i = 0; i < ARRAY_LENGTH(faults); i++) {
    if (i > 0) {
      tear_down(state);
      set_up(state);
    }
    check_fault(&faults[i]);
  }
}

static unsigned lines_about_pprof(void) {
  return fake_collectd_logged(0, "pprof: ");
}

/* The behaviour of the server changes with every reading, for a day. */
static void a_server_that_comes_and_goes_all_day_is_a_few_lines(void **state) {
  (void)state;
  watched_configure(
      "DetailInterval 1\nGoroutineDumpInterval 0\nHeapProfileInterval 0\n" PATIENT NO_CAPTURE,
      "");
  start_with_server(go_server_good, NULL);
  read_until_it_comes("go_goroutines", "");
  for (unsigned minutes = 0; minutes < 24 * 60; minutes += 10) {
    hostile_server_behave(server, hostile_hang_up, NULL);
    read_until_status("pprof", STATUS_REFUSED);
    hostile_server_behave(server, go_server_good, NULL);
    read_until_status("pprof", STATUS_OK);
    watched_ahead_seconds += 600;
  }
  unsigned lines = lines_about_pprof();
  if (lines < 40 || lines > 60) /* a failure and a success for each of about 27 lines */
    fail_msg("%u lines", lines);

  hostile_server_behave(server, hostile_answer, "SSH-2.0-OpenSSH_9.2p1\r\n");
  read_until_status("pprof", STATUS_MALFORMED);
  assert_int_equal(lines_about_pprof(), lines + 1);
  check_logged("is it a Go program");
}

static void a_page_of_the_heap_that_fails_takes_nothing_else_with_it(void **state) {
  (void)state;
  watched_configure(EACH_READING PATIENT NO_CAPTURE, "");
  start_with_server(go_server_good, NULL);
  read_until_it_comes("go_memstats_heap_inuse_bytes", "");
  hostile_server_behave(server, go_server_without_heap, NULL);
  read_until_status("pprof", STATUS_REFUSED);
  read_until_it_is_absent("go_memstats_heap_inuse_bytes", "");
  read_until_it_is_absent("go_heap_inuse_matching_bytes", "bufio_scanner");
  for (int i = 0; i < 3; i++)
    read_again(); /* the pages that can be read do not make it a success */
  assert_int_equal(status_of("pprof"), STATUS_REFUSED);
  read_until_it_comes("go_goroutines", "");
  read_until_it_comes("go_goroutines_state", "select");

  hostile_server_behave(server, go_server_good, NULL);
  read_until_status("pprof", STATUS_OK);
  read_until_it_comes("go_memstats_heap_inuse_bytes", "");
}

static void a_dump_that_fails_is_the_status_of_goroutines_alone(void **state) {
  (void)state;
  watched_configure(EACH_READING PATIENT NO_CAPTURE, "");
  start_with_server(go_server_good, NULL);
  read_until_it_comes("go_goroutines_state", "select");
  hostile_server_behave(server, go_server_without_dump, NULL);
  read_until_status("goroutines", STATUS_REFUSED);
  assert_false(has("go_goroutines_state", "select"));
  assert_int_equal(status_of("pprof"), STATUS_OK);
  read_until_it_comes("go_memstats_heap_inuse_bytes", "");
}

static void half_a_dump_is_not_counted(void **state) {
  (void)state;
  watched_configure(EACH_READING PATIENT NO_CAPTURE, "");
  start_with_server(go_server_with_part_of_dump, NULL);
  read_until_status("goroutines", STATUS_MALFORMED);
  check_logged("the goroutine dump is truncated");
  check_logged("goroutines: port ");
  assert_false(has("go_goroutines_state", "select"));
  assert_int_equal(status_of("pprof"), STATUS_OK);
}

/* ---- whose port, and which ---- */

static void a_server_that_is_gone_is_refused_and_its_port_no_longer_sent(void **state) {
  (void)state;
  watched_configure(EACH_READING PATIENT NO_CAPTURE, "");
  start_with_server(go_server_good, NULL);
  read_until_it_comes("go_goroutines_state", "select");
  hostile_server_free(server);
  server = NULL;
  read_until_status("pprof", STATUS_REFUSED);
  check_logged("nothing listens on port");
  check_no_value_of_the_runtime();
  read_again();
  assert_false(has("process_pprof_port", ""));
  assert_int_equal(status_of("goroutines"), STATUS_OFF);
  assert_true(watched_is_sent("proj"));
}

static void another_port_of_a_program_that_executed_itself_again_is_found(void **state) {
  (void)state;
  watched_configure(EACH_READING PATIENT NO_CAPTURE, "");
  struct hostile_server *first = hostile_server_new(go_server_good, NULL);
  pid_t pid = start_with_server(go_server_good, NULL); /* has this second one */
  watched_restart(pid, port_of(first));
  read_again();
  assert_int_equal(status_of("pprof"), STATUS_FOREIGN);
  assert_int_equal(hostile_server_accepted(first), 0);
  watched_restart(pid, port_of(server));
  read_until_it_comes("process_pprof_port", "");
  assert_true(watched_gauge("proj", "process_pprof_port", "") == hostile_server_port(server));
  read_until_it_comes("go_goroutines", "");
  check_logged("pprof: works again");
  hostile_server_free(first);
}

static void the_port_of_another_process_is_foreign_and_gets_no_request(void **state) {
  (void)state;
  watched_configure(EACH_READING PATIENT NO_CAPTURE, "");
  server = hostile_server_new(go_server_good, NULL);
  watched_variable = port_of(server);
  watched_start("proj");
  read_again();
  read_again();
  assert_int_equal(status_of("pprof"), STATUS_FOREIGN);
  check_logged("belongs to another process; restart it with SIDECAR_PPROF=PORT, its own port");
  assert_int_equal(hostile_server_accepted(server), 0);
  check_no_value_of_the_runtime();
}

static void what_the_environment_may_say_instead_of_a_port(void **state) {
  static const struct {
    const char *variable;
    enum collector_status status;
    const char *summary;
  } cases[] = {
      {"SIDECAR_PPROF=", STATUS_OFF, "SIDECAR_PPROF is empty"},
      {"OTHER=6060", STATUS_OFF, "SIDECAR_PPROF is not set"},
      {"SIDECAR_PPROF=0", STATUS_INVALID, "SIDECAR_PPROF=\"0\" is not a port"},
      {"SIDECAR_PPROF=65536", STATUS_INVALID, "SIDECAR_PPROF=\"65536\" is not a port"},
      {"SIDECAR_PPROF=yes\n", STATUS_INVALID, "SIDECAR_PPROF=\"yes"},
      {"SIDECAR_PPROF=0000000000000000000000000000000000000000000000000000000000000000006060",
       STATUS_INVALID, "SIDECAR_PPROF is too long to be a port"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    watched_configure(EACH_READING PATIENT NO_CAPTURE "Summary true", "");
    watched_variable = cases[i].variable;
    watched_start("proj");
    read_again();
    check_int(cases[i].variable, status_of("pprof"), cases[i].status);
    check_logged(cases[i].summary);
    check_no_value_of_the_runtime();
    tear_down(state);
    set_up(state);
  }
}

static void the_configuration_decides_before_the_environment(void **state) {
  char option[64];
  server = hostile_server_new(go_server_good, NULL);
  snprintf(option, sizeof(option), "PprofPort %u", hostile_server_port(server));
  watched_configure(EACH_READING PATIENT NO_CAPTURE, option);
  watched_hold = own_the_server;
  watched_variable = "SIDECAR_PPROF=1";
  watched_start("proj");
  read_until_it_comes("process_pprof_port", "");
  assert_true(watched_gauge("proj", "process_pprof_port", "") == hostile_server_port(server));
  read_until_it_comes("go_goroutines", "");
  tear_down(state);

  set_up(state);
  watched_configure(EACH_READING PATIENT NO_CAPTURE "Summary true", "Pprof false");
  start_with_server(go_server_good, NULL);
  read_again();
  read_again();
  assert_int_equal(status_of("pprof"), STATUS_OFF);
  assert_int_equal(hostile_server_accepted(server), 0);
  check_logged("Pprof false is configured");
}

static void end_the_process(struct hostile_connection *c, void *context) {
  const pid_t *pid = context;
  kill(*pid, SIGKILL);
  waitpid(*pid, NULL, 0);
  go_server_good(c, NULL);
}

static void what_comes_after_the_end_of_the_process_is_not_its(void **state) {
  (void)state;
  pid_t pid;
  watched_configure(EACH_READING PATIENT NO_CAPTURE, "");
  pid = start_with_server(go_server_good, NULL);
  read_until_it_comes("go_goroutines", "");
  hostile_server_behave(server, end_the_process, &pid);
  for (int i = 0; i < 200 && watched_is_sent("proj"); i++)
    read_again();
  watched_forget(pid);
  check_logged(": ended");
  assert_false(watched_is_sent("proj"));
  read_again();
  check_no_value_of_the_runtime();
}

/* ---- files that cannot be read ---- */

static void a_file_that_cannot_be_read_is_told_and_what_it_has_is_absent(void **state) {
  static const struct {
    const char *path;
    int error;
    const char *collector;
    enum collector_status status;
    const char *logged;
    const char *absent; /* type-instance */
  } cases[] = {
      {"io", EPERM, "process", STATUS_DENIED, "/io cannot be read", "ps_disk_octets-"},
      {"io", ENOENT, "process", STATUS_UNSUPPORTED, "/io cannot be read", "ps_disk_octets-"},
      {"limits", EIO, "process", STATUS_ERROR, "/limits cannot be read: Input/output error",
       "process_max_fds-"},
      {"fd", EACCES, "descriptors", STATUS_DENIED, "process: ", "process_fds-regular"},
      {"fdinfo", EACCES, "process", STATUS_OK, NULL, "process_inotify_watches-"},
      {"maps", EACCES, "smaps", STATUS_DENIED,
       "/maps cannot be read: Permission denied; collectd", "process_memory_regions-"},
      {"smaps_rollup", EACCES, "smaps", STATUS_DENIED, "collectd needs CAP_SYS_PTRACE; see",
       "process_smaps_bytes-pss"},
      {"smaps_rollup", ENOENT, "smaps", STATUS_UNSUPPORTED, "/smaps_rollup cannot be read",
       "process_smaps_bytes-pss"},
      {"task", EIO, "process", STATUS_OK, NULL, "contextswitch-"},
      {"environ", EACCES, "pprof", STATUS_DENIED,
       "its environment cannot be read: Permission denied; collectd needs CAP_SYS_PTRACE and "
       "CAP_DAC_READ_SEARCH to find its port",
       "process_pprof_port-"},
      {"ns/net", EACCES, "pprof", STATUS_DENIED, "the listeners on port",
       "process_pprof_port-"},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    char type[64];
    snprintf(type, sizeof(type), "%s", cases[i].absent);
    char *type_instance = strchr(type, '-');
    *type_instance++ = '\0';
    watched_configure(EACH_READING PATIENT NO_CAPTURE, "");
    start_with_server(go_server_good, NULL);
    failing_calls_of(cases[i].path, cases[i].error);
    for (int n = 0; n < 3; n++) {
      read_again();
      check_int(cases[i].path, has(type, type_instance), false);
    }
    check_int(cases[i].path, status_of(cases[i].collector), cases[i].status);
    check_int(cases[i].path, has("process_threads", ""), true);
    if (cases[i].logged != NULL)
      check_logged(cases[i].logged);
    check_int(cases[i].path, fake_collectd_logged(LOG_WARNING, "") <= 1, true);

    assert_non_null(failing_calls_disarm());
    watched_ahead_seconds += 60;
    read_until_it_comes(type, type_instance);
    check_int(cases[i].path, status_of(cases[i].collector), STATUS_OK);
    tear_down(state);
    set_up(state);
  }
}

static void a_process_whose_user_is_unknown_is_not_watched(void **state) {
  (void)state;
  watched_configure(EACH_READING PATIENT NO_CAPTURE, "");
  watched_start("proj");
  failing_calls_of("status", EACCES);
  read_again();
  read_again();
  assert_false(watched_is_sent("proj"));
  assert_true(watched_gauge("sidecar", "process_count", "") == 0);
  assert_int_equal(fake_collectd_logged(LOG_ERR, "cannot be opened: Permission denied"), 1);
  failing_calls_disarm();
  read_again();
  assert_true(watched_is_sent("proj"));
}

static void above_its_ceiling_the_memory_map_is_only_counted(void **state) {
  (void)state;
  watched_configure(EACH_READING PATIENT NO_CAPTURE "SmapsMaxRSS 0.5", "");
  watched_start("proj");
  read_again();
  assert_int_equal(status_of("smaps"), STATUS_CEILING);
  check_logged("RSS is above SmapsMaxRSS");
  check_logged("not read, because it would block the process");
  assert_true(watched_gauge("proj", "process_memory_regions", "") > 5);
  assert_false(has("process_smaps_bytes", "pss"));
}

#define GO_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      GO_TEST(the_values_of_all_pages_come_and_its_port),
      GO_TEST(the_counters_end_with_the_process),
      GO_TEST(without_profiles_the_memstats_come_with_the_detail),
      GO_TEST(a_program_with_too_many_goroutines_is_not_stopped_for_a_dump),
      GO_TEST(leaked_goroutines_are_counted_and_how_often_they_are_looked_for),
      GO_TEST(a_program_without_that_profile_is_asked_once_and_not_reported),
      GO_TEST(above_its_ceiling_of_heap_no_program_looks_for_leaked_goroutines),
      GO_TEST(a_flag_of_goroutines_that_goes_up_looks_for_leaked_ones_at_once),
      GO_TEST(without_an_index_page_the_first_line_of_a_profile_has_the_count),
      GO_TEST(below_another_prefix_the_pages_are_found_when_it_is_configured),
      GO_TEST(another_programs_variable_may_hold_an_address),
      GO_TEST(what_costs_more_than_the_budget_is_queried_less_often),
      GO_TEST(whatever_the_server_does_values_are_absent_and_come_back),
      GO_TEST(a_server_that_comes_and_goes_all_day_is_a_few_lines),
      GO_TEST(a_page_of_the_heap_that_fails_takes_nothing_else_with_it),
      GO_TEST(a_dump_that_fails_is_the_status_of_goroutines_alone),
      GO_TEST(half_a_dump_is_not_counted),
      GO_TEST(a_server_that_is_gone_is_refused_and_its_port_no_longer_sent),
      GO_TEST(another_port_of_a_program_that_executed_itself_again_is_found),
      GO_TEST(the_port_of_another_process_is_foreign_and_gets_no_request),
      GO_TEST(what_the_environment_may_say_instead_of_a_port),
      GO_TEST(the_configuration_decides_before_the_environment),
      GO_TEST(what_comes_after_the_end_of_the_process_is_not_its),
      GO_TEST(a_file_that_cannot_be_read_is_told_and_what_it_has_is_absent),
      GO_TEST(a_process_whose_user_is_unknown_is_not_watched),
      GO_TEST(above_its_ceiling_the_memory_map_is_only_counted),
  };
  return cmocka_run_group_tests_name("plugin_go", tests, go_server_set_up_group,
                                     go_server_tear_down_group);
}
