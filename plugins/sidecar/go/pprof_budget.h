/*
 * What the queries to one Go program may cost it: a share of a core. A page of heap?debug=1 of
 * a busy program takes it hundreds of milliseconds of CPU time, and grows for as long as it
 * runs. So each answer is a debt that is paid off at the rate of the budget, and the next query
 * is sent when there is none. The index page, which is queried in each reading, has half of the
 * budget; the large pages have what it leaves. Pure.
 *
 * What an answer costs is not known, but three upper bounds are: how long it took, which is far
 * more on a busy machine; what so many bytes take at most; and the CPU time of the whole
 * process in that time, which of a busy program is far more. The smallest counts, and at least
 * what reading a page costs the reader: a hostile process may send one for nothing.
 */
#ifndef SIDECAR_GO_PPROF_BUDGET_H
#define SIDECAR_GO_PPROF_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* All zero: nothing was queried. Nanoseconds of CPU time, unless it says otherwise. */
struct pprof_budget {
  uint64_t paid_ns; /* monotonic: until when the debts are paid off */
  double owed, owed_for_index;
  /* Of answers that are not among the debts yet; new_reading: of pages, to the reader. */
  double new_pages, new_index, new_reading;
  bool has_settled;
  uint64_t settled_cpu_ns; /* of the process at the last settlement; VALUE_UNKNOWN */
  uint64_t page_bytes;     /* of the largest page lately */
};

/* Before queries are sent, and only while none is in progress: adds what was answered to the
 * debts. share: of a core, 0 for no limit; cpu_ns: of the process so far, or VALUE_UNKNOWN;
 * cpu_step_ns: how exact that is. */
void pprof_budget_settle(struct pprof_budget *budget, double share, uint64_t now_ns,
                         uint64_t cpu_ns, uint64_t cpu_step_ns);

/* May they be queried? As of the last settlement. */
bool pprof_budget_has_index(const struct pprof_budget *budget);
bool pprof_budget_has_pages(const struct pprof_budget *budget);

/* An answer, also one that failed, that took duration_ns and had so many bytes. goroutines: of
 * so many it took the stacks, though it may not list them (goroutine?debug=1); heap_bytes: so
 * many it looked through for what is in use (goroutineleak?debug=1); both are 0 of other pages,
 * VALUE_UNKNOWN where they are not known. */
void pprof_budget_add_index(struct pprof_budget *budget, uint64_t duration_ns,
                            uint64_t goroutines);
void pprof_budget_add_page(struct pprof_budget *budget, uint64_t duration_ns, uint64_t bytes,
                           uint64_t goroutines, uint64_t heap_bytes);

/* In how many milliseconds the pages may be queried again, counted from the last settlement. */
uint64_t pprof_budget_wait_ms(const struct pprof_budget *budget, double share);

#endif
