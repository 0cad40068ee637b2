/* What the queries to a Go program cost it, reading by reading: programs with pages of each
 * size, busy ones and idle ones, on fast machines and overloaded ones. */
#include "cases.h"

#include "common/scan.h"
#include "sidecar/go/pprof_budget.h"

enum { MS = 1000000, TICK_NS = 10 * MS };

static const double SHARE = 0.001;

struct program {
  const char *name;
  uint64_t interval_s;                    /* of the readings */
  double page_ms, index_ms, page_mb;      /* what an answer costs it */
  double slowness;                        /* an answer takes so much longer than it costs */
  double busy;                            /* cores that it uses itself */
  double spent_min, spent_max, pages_min; /* expected: of a core, and of a day's pages */
  uint64_t goroutines;                    /* counted by their stacks; 0: by the index page */
};

struct day {
  double spent, index, pages;
};

/* A day of readings that ask for the index and for a page at most once a minute. */
static struct day watch(const struct program *program, double share) {
  struct pprof_budget budget = {0};
  struct day day = {0, 0, 0};
  double cpu_ms = 0;
  uint64_t interval_ns = program->interval_s * 1000 * MS, asked_ns = 0;
  for (uint64_t now_ns = interval_ns; now_ns <= UINT64_C(86400000) * MS;
       now_ns += interval_ns) {
    cpu_ms += program->busy * (double)(interval_ns / MS);
    uint64_t ticks = (uint64_t)(cpu_ms / 10);
    pprof_budget_settle(&budget, share, now_ns, ticks * TICK_NS, TICK_NS);
    if (pprof_budget_has_pages(&budget) &&
        (asked_ns == 0 || now_ns - asked_ns >= UINT64_C(60000) * MS)) {
      pprof_budget_add_page(&budget, (uint64_t)(program->page_ms * program->slowness * MS),
                            (uint64_t)(program->page_mb * 1e6), 0, 0);
      asked_ns = now_ns;
      cpu_ms += program->page_ms;
      day.spent += program->page_ms;
      day.pages++;
    }
    if (pprof_budget_has_index(&budget)) {
      pprof_budget_add_index(&budget, (uint64_t)(program->index_ms * program->slowness * MS),
                             program->goroutines);
      cpu_ms += program->index_ms;
      day.spent += program->index_ms;
      day.index++;
    }
  }
  day.spent /= 86400e3;
  return day;
}

static void each_program_pays_what_it_may(void **state) {
  (void)state;
  static const struct program programs[] = {
      {"a small page is read each minute", 10, 15, 0.3, 0.4, 1, 0, 0.0002, 0.0003, 1440, 0},
      {"a page of 3 MB a little less often", 10, 90, 1, 3, 1, 0, 0.0009, 0.00101, 800, 0},
      {"a page of 14 MB each seven minutes", 10, 420, 4, 14, 1, 0, 0.0009, 0.00101, 120, 0},
      {"a page of 250 MB each two hours", 10, 7500, 5, 250, 1, 0, 0.0008, 0.0011, 5, 0},
      {"an idle program on an overloaded machine", 10, 15, 0.3, 0.4, 1000, 0, 0.0002, 0.0003,
       1440, 0},
      {"a busy program on an overloaded machine, by the size", 10, 15, 0.3, 0.4, 1000, 1,
       0.0001, 0.0003, 700, 0},
      {"readings of a second: the index has half", 1, 420, 4, 14, 1, 0, 0.0009, 0.00102, 90, 0},
      {"an index that costs more than all", 10, 420, 15, 14, 1, 0, 0.0009, 0.00105, 80, 0},
      {"a count by the stacks of 100,000 goroutines", 10, 15, 250, 0.4, 1, 0, 0.0005, 0.00101,
       500, 100000},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(programs); i++) {
    struct day day = watch(&programs[i], SHARE);
    if (day.spent < programs[i].spent_min || day.spent > programs[i].spent_max ||
        day.pages < programs[i].pages_min)
      fail_msg("%s: %.5f of a core, %.0f pages, %.0f times the index", programs[i].name,
               day.spent, day.pages, day.index);
  }
}

static void without_a_limit_all_is_queried_as_configured(void **state) {
  (void)state;
  static const struct program program = {"", 10, 7500, 50, 250, 1, 1, 0, 0, 0, 0};
  struct day day = watch(&program, 0);
  check_int("pages", day.pages, 1440);
  check_int("index", day.index, 8640);
}

static void the_wait_is_known_from_the_answer_on(void **state) {
  (void)state;
  struct pprof_budget budget = {0};
  pprof_budget_settle(&budget, SHARE, UINT64_C(1000) * MS, 0, TICK_NS);
  check_int("nothing", pprof_budget_wait_ms(&budget, SHARE), 0);
  pprof_budget_add_page(&budget, 420 * MS, 14000000, 0, 0);
  check_int("a page", pprof_budget_wait_ms(&budget, SHARE), 420000);
  check_int("no limit", pprof_budget_wait_ms(&budget, 0), 0);
  pprof_budget_settle(&budget, SHARE, UINT64_C(11000) * MS, 42 * TICK_NS, TICK_NS);
  check_int("not yet", pprof_budget_has_pages(&budget), false);
  check_int("ten seconds later", pprof_budget_wait_ms(&budget, SHARE), 410000);
  pprof_budget_settle(&budget, SHARE, UINT64_C(421000) * MS, 42 * TICK_NS, TICK_NS);
  check_int("paid", pprof_budget_has_pages(&budget), true);
}

static void a_page_that_costs_its_process_nothing_is_paid_for_as_well(void **state) {
  (void)state;
  struct pprof_budget budget = {0};
  pprof_budget_settle(&budget, SHARE, UINT64_C(1000) * MS, 0, TICK_NS);
  pprof_budget_add_page(&budget, UINT64_C(9000) * MS, 256000000, 0, 0);
  pprof_budget_settle(&budget, SHARE, UINT64_C(11000) * MS, 0, TICK_NS);
  check_int("256 MB at 30 ns", pprof_budget_wait_ms(&budget, SHARE), 7670000);
}

/* The clock or the CPU time stands still or goes back, or is unknown; durations without end. */
static void impossible_numbers_do_no_harm(void **state) {
  (void)state;
  static const uint64_t numbers[] = {0, 1, UINT64_C(1) << 40, INT64_MAX, UINT64_MAX};
  struct pprof_budget budget = {0};
  for (size_t i = 0; i < ARRAY_LENGTH(numbers) * 100; i++) {
    uint64_t one = numbers[i % 5], other = numbers[i / 5 % 5], third = numbers[i / 25 % 5];
    pprof_budget_settle(&budget, i % 3 == 0 ? 0 : SHARE, one, other, third);
    pprof_budget_add_page(&budget, other, third, 0, 0);
    pprof_budget_add_index(&budget, third, 0);
    assert_true(budget.owed >= 0 && budget.owed_for_index >= 0);
    assert_true(pprof_budget_wait_ms(&budget, SHARE) <= UINT64_C(1000000000));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_program_pays_what_it_may),
      cmocka_unit_test(without_a_limit_all_is_queried_as_configured),
      cmocka_unit_test(the_wait_is_known_from_the_answer_on),
      cmocka_unit_test(a_page_that_costs_its_process_nothing_is_paid_for_as_well),
      cmocka_unit_test(impossible_numbers_do_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
