/* Debts of CPU time, and how they are paid; see pprof_budget.h. */
#include "sidecar/go/pprof_budget.h"

#include <math.h>

#include "common/scan.h"

/*
 * At most, in nanoseconds: a connection with its request, a byte of a page, for the index page,
 * whose counts take a walk over all that the heap page lists, a byte of that one, and for
 * goroutine?debug=1 a goroutine. Measured of Go 1.26 on a machine of 2020: 0.2 ms, 30 ns, 0.3
 * ns and 2.7 us.
 */
static const double REQUEST_MAX = 2e6, BYTE_MAX = 100, LISTED_BYTE_MAX = 1, GOROUTINE_MAX = 1e4,
                    HEAP_BYTE_MAX = 1;
/* What reading a byte costs the reader, where each record is a new stack. */
static const double BYTE_READ = 30;

static double pay(double owed, double rate, double passed) {
  return rate > 0 ? fmax(owed - rate * passed, 0) : 0;
}

/* By how much the new costs are too high: the process has spent less. */
static double too_high(const struct pprof_budget *budget, uint64_t cpu_ns,
                       uint64_t cpu_step_ns) {
  double sum = budget->new_pages + budget->new_index;
  if (!budget->has_settled || cpu_ns == VALUE_UNKNOWN ||
      budget->settled_cpu_ns == VALUE_UNKNOWN || cpu_ns < budget->settled_cpu_ns)
    return 1;
  double spent = (double)(cpu_ns - budget->settled_cpu_ns) + (double)cpu_step_ns;
  return sum > spent ? spent / sum : 1;
}

void pprof_budget_settle(struct pprof_budget *budget, double share, uint64_t now_ns,
                         uint64_t cpu_ns, uint64_t cpu_step_ns) {
  double passed = now_ns > budget->paid_ns ? (double)(now_ns - budget->paid_ns) : 0;
  double factor = too_high(budget, cpu_ns, cpu_step_ns);
  double pages = fmax(budget->new_pages * factor, budget->new_reading);
  double index = budget->new_index * factor;
  budget->owed = pay(budget->owed + pages + index, share, passed);
  budget->owed_for_index = pay(budget->owed_for_index + index, share / 2, passed);
  budget->new_pages = budget->new_index = budget->new_reading = 0;
  budget->paid_ns = now_ns;
  budget->settled_cpu_ns = cpu_ns;
  budget->has_settled = true;
}

bool pprof_budget_has_index(const struct pprof_budget *budget) {
  return budget->owed_for_index <= 0;
}

bool pprof_budget_has_pages(const struct pprof_budget *budget) {
  return budget->owed <= 0;
}

void pprof_budget_add_index(struct pprof_budget *budget, uint64_t duration_ns,
                            uint64_t goroutines) {
  double most = REQUEST_MAX + LISTED_BYTE_MAX * (double)budget->page_bytes +
                GOROUTINE_MAX * (double)goroutines;
  budget->new_index += fmin((double)duration_ns, most);
}

void pprof_budget_add_page(struct pprof_budget *budget, uint64_t duration_ns, uint64_t bytes,
                           uint64_t goroutines, uint64_t heap_bytes) {
  double most = REQUEST_MAX + BYTE_MAX * (double)bytes + GOROUTINE_MAX * (double)goroutines +
                HEAP_BYTE_MAX * (double)heap_bytes;
  budget->new_pages += fmin((double)duration_ns, most);
  budget->new_reading += fmin((double)duration_ns, BYTE_READ * (double)bytes);
  /* a page that fails early says nothing about how much there is to list */
  if (bytes > budget->page_bytes / 2)
    budget->page_bytes = bytes;
}

uint64_t pprof_budget_wait_ms(const struct pprof_budget *budget, double share) {
  double owed = budget->owed + budget->new_pages + budget->new_index;
  return share > 0 ? (uint64_t)ceil(fmin(owed / share, 1e15) / 1e6) : 0;
}
