/* The errands; see errands.h. What runs here may be left behind at any read. */
#include "sidecar/errands.h"

#include <errno.h>
#include <stdlib.h>

#include "common/clock.h"
#include "sidecar/os/locks.h"

void errand_free(struct errand *errand) {
  free(errand); /* it is the first member of all of them */
}

void errand_close_host(struct errand *errand) {
  lock_table_free(errand->locks);
  host_close(errand->host);
}

/* The rest of discarding one, after what its kind owns. */
static void discard(struct errand *errand) {
  errand_close_host(errand);
  errand_free(errand);
}

/* ---- finding processes ---- */

static bool go_on(void *worker) {
  return errand_step(worker);
}

static void run_scan(struct worker_task *task, struct worker *worker) {
  struct scan_errand *scan = (struct scan_errand *)task;
  discovery_examine(scan->examination, go_on, worker);
}

static void discard_scan(struct worker_task *task) {
  struct scan_errand *scan = (struct scan_errand *)task;
  discovery_examination_free(scan->examination);
  discard(&scan->errand);
}

struct scan_errand *scan_errand_new(void) {
  struct scan_errand *scan = calloc(1, sizeof(*scan));
  if (scan == NULL)
    return NULL;
  scan->errand.task = (struct worker_task){.run = run_scan, .discard = discard_scan};
  return scan;
}

/* ---- opening one ---- */

static void run_open(struct worker_task *task, struct worker *worker) {
  struct open_errand *opening = (struct open_errand *)task;
  (void)worker;
  opening->status = process_open(opening->errand.host, opening->errand.pid, &opening->process);
  if (opening->status != 0)
    return;
  opening->status = process_read_owner(opening->process, &opening->owner);
  opening->cwd_status = process_read_cwd(opening->process, opening->cwd, sizeof(opening->cwd));
}

static void discard_open(struct worker_task *task) {
  struct open_errand *opening = (struct open_errand *)task;
  process_close(opening->process);
  discard(&opening->errand);
}

struct open_errand *open_errand_new(pid_t pid) {
  struct open_errand *opening = malloc(sizeof(*opening));
  if (opening == NULL)
    return NULL;
  opening->errand = (struct errand){
      .task = {.run = run_open, .discard = discard_open},
      .pid = pid,
  };
  opening->process = NULL;
  return opening;
}

/* ---- pulses ---- */

static void read_pulse(struct pulse_item *item, uint64_t now_ns) {
  item->started_ns = now_ns;
  item->error = process_read_pulse(item->process, &item->pulse);
  item->ended_ns = clock_monotonic_ns();
}

static void run_pulses(struct worker_task *task, struct worker *worker) {
  struct pulse_errand *pulses = (struct pulse_errand *)task;
  uint64_t now_ns = clock_monotonic_ns();
  for (size_t i = 0; i < pulses->len; i++) {
    struct pulse_item *item = &pulses->items[i];
    host_set_deadline(pulses->errand.host, turn_deadline(&pulses->clock, &item->turn, now_ns));
    read_pulse(item, now_ns);
    now_ns = item->ended_ns;
    if (!errand_step(worker))
      return;
  }
}

static void discard_pulses(struct worker_task *task) {
  struct pulse_errand *pulses = (struct pulse_errand *)task;
  process_close(pulses->items[pulses->errand.done].process);
  discard(&pulses->errand);
}

struct pulse_errand *pulse_errand_new(size_t len) {
  struct pulse_errand *pulses = malloc(sizeof(*pulses) + len * sizeof(pulses->items[0]));
  if (pulses == NULL)
    return NULL;
  pulses->errand = (struct errand){.task = {.run = run_pulses, .discard = discard_pulses}};
  pulses->len = len;
  return pulses;
}

/* ---- the detail ---- */

static void read_descriptors(struct detail_errand *detail) {
  if (detail->wants_search) {
    endpoint_read(&detail->search, detail->process);
    detail->inodes_len = detail->search.listeners_len;
    for (size_t i = 0; i < detail->inodes_len; i++)
      detail->inodes[i] = detail->search.listeners[i].inode;
  }
  detail->descriptors_error =
      descriptors_read(detail->descriptors, detail->process, detail->errand.locks,
                       detail->inodes, detail->inodes_len, detail->owned, &detail->reading);
}

static void read_memory_map(struct detail_errand *detail) {
  detail->regions_error = memory_map_count_regions(detail->process, &detail->regions);
  if (detail->regions_error == 0 && detail->wants_rollup)
    detail->rollup_error = memory_map_read_rollup(detail->process, &detail->rollup);
}

static void run_detail(struct worker_task *task, struct worker *worker) {
  struct detail_errand *detail = (struct detail_errand *)task;
  (void)worker;
  detail->started_ns = clock_monotonic_ns();
  read_descriptors(detail);
  detail->map_ns = clock_monotonic_ns();
  if (detail->descriptors_error == -EINPROGRESS)
    return;
  read_memory_map(detail);
  detail->ended_ns = clock_monotonic_ns();
  detail->switches_error =
      process_read_context_switches(detail->process, &detail->voluntary, &detail->involuntary);
  detail->has_ended = process_verify(detail->process) == -ESRCH;
}

static void discard_detail(struct worker_task *task) {
  struct detail_errand *detail = (struct detail_errand *)task;
  descriptors_free(detail->descriptors);
  process_close(detail->process);
  discard(&detail->errand);
}

struct detail_errand *detail_errand_new(void) {
  struct detail_errand *detail = calloc(1, sizeof(*detail));
  if (detail != NULL)
    detail->errand.task = (struct worker_task){.run = run_detail, .discard = discard_detail};
  return detail;
}
