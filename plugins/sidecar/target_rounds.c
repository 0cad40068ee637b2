/* Rounds of captures; see target_rounds.h. */
#include "sidecar/target_rounds.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "common/clock.h"
#include "common/text.h"
#include "sidecar/capture/capture.h"
#include "sidecar/capture/name.h"
#include "sidecar/target_flags.h"

/* At most so many requests of a kind a reading, and only while fewer wait to be written: red
 * flags must not wait behind a round of hundreds, which would also be a load on the machine. */
enum { REQUESTS_MAX = 2 };

/* ---- the beginning ---- */

static bool is_wanted(const struct target *target, enum round_kind kind) {
  return target->rounds[kind].wanted != target->rounds[kind].done;
}

static size_t count_wanted(const struct target_list *targets, enum round_kind kind) {
  size_t count = 0;
  for (size_t i = 0; i < targets->len; i++)
    count += is_wanted(targets->items[i], kind);
  return count;
}

/* A young process is going to have its baseline. */
static bool is_young(const struct target *target, const struct target_services *services,
                     uint64_t now_ms) {
  return now_ms - target->flags->started_ms < services->config->baseline_delay_ms;
}

static void begin_scheduled(struct target_rounds *rounds, const struct target_list *targets,
                            const struct target_services *services, uint64_t now_ms) {
  size_t left_out = count_wanted(targets, ROUND_SCHEDULED);
  if (left_out > 0)
    target_log(
        services, LOG_WARNING,
        "CaptureSchedule: %zu captures of the time before could not be written until the "
        "next, and are left out",
        left_out);
  uint64_t number = ++rounds->numbers[ROUND_SCHEDULED];
  for (size_t i = 0; i < targets->len; i++)
    if (!is_young(targets->items[i], services, now_ms))
      targets->items[i]->rounds[ROUND_SCHEDULED].wanted = number;
  size_t count = count_wanted(targets, ROUND_SCHEDULED);
  if (count > 0)
    target_log(services, LOG_INFO, "CaptureSchedule: captures are due, processes: %zu", count);
}

/* Is it the file of this target? Its name is that of the folder of its captures, or else the
 * instance's, or a pid. */
static bool is_meant(const struct target *target, const char *file) {
  char folder[CAPTURE_FILE_NAME_MAX], pid[16];
  size_t prefix = strlen(CAPTURE_DEMAND_FILE);
  if (file[prefix] == '\0')
    return true;
  const char *name = file + prefix + 1;
  capture_name_instance(target->instance, folder);
  snprintf(pid, sizeof(pid), "%d", (int)process_pid(target->process));
  return strcmp(name, folder) == 0 || strcmp(name, target->instance) == 0 ||
         strcmp(name, pid) == 0;
}

static void begin_requested(struct target_rounds *rounds, const struct target_list *targets,
                            const struct target_services *services, const char *file) {
  char printable[DEMAND_NAME_SIZE * 2];
  size_t count = 0, blocked = 0;
  uint64_t number = ++rounds->numbers[ROUND_REQUESTED];
  for (size_t i = 0; i < targets->len; i++) {
    struct target *target = targets->items[i];
    if (!is_meant(target, file))
      continue;
    target->rounds[ROUND_REQUESTED].wanted = number;
    count++;
    blocked += target_is_blocked(target);
  }
  text_printable(printable, sizeof(printable), span_of(file));
  if (count == 0)
    target_log(services, LOG_WARNING,
               "%s: no process that is watched has this name or pid, nothing is captured",
               printable);
  else
    target_log(services, LOG_NOTICE, "%s: captures are requested, processes: %zu", printable,
               count);
  if (blocked > 0)
    target_log(services, LOG_WARNING,
               "%s: processes that block their readers, and cannot be captured before they no "
               "longer do: %zu",
               printable, blocked);
}

static void begin_all_requested(struct target_rounds *rounds, const struct target_list *targets,
                                const struct target_services *services) {
  struct demands demands = capture_take_demands(services->capture);
  for (size_t i = 0; i < demands.len; i++)
    begin_requested(rounds, targets, services, demands.files[i]);
}

/* ---- going on ---- */

/* Is there something to request for it now? Also notes what has been written since. */
static bool is_due(struct target *target, const struct target_services *services,
                   enum round_kind kind) {
  if (!is_wanted(target, kind) || target_is_blocked(target) || target->detail_ns == 0)
    return false;
  int status = target_flags_check_round(target, services, kind);
  if (status == -EALREADY)
    target->rounds[kind].done = target->rounds[kind].wanted;
  return status == 0;
}

static size_t find_due(const struct target_list *targets,
                       const struct target_services *services, enum round_kind kind) {
  size_t due = 0;
  for (size_t i = 0; i < targets->len; i++) {
    struct target *target = targets->items[i];
    if (is_due(target, services, kind))
      targets->turns[due++] = (struct turn){.user = target->user, .item = i};
  }
  turns_arrange(targets->turns, due);
  return due;
}

static void request(const struct target *target, const struct target_services *services,
                    enum round_kind kind) {
  char path[CAPTURE_PATH_MAX], printable[CAPTURE_PATH_MAX];
  int status = target_flags_capture_round(target, services, kind, path);
  if (status == 0 && kind == ROUND_REQUESTED)
    target_log(services, LOG_NOTICE, "%s (pid %d): the capture that was asked for goes to %s",
               target->instance, (int)process_pid(target->process),
               text_printable(printable, sizeof(printable), span_of(path)));
}

static void go_on(const struct target_list *targets, const struct target_services *services,
                  enum round_kind kind) {
  size_t due = find_due(targets, services, kind);
  for (size_t i = 0; i < due && i < REQUESTS_MAX; i++) {
    if (capture_waiting(services->capture) >= REQUESTS_MAX)
      return;
    request(targets->items[targets->turns[i].item], services, kind);
  }
}

void target_rounds_run(struct target_rounds *rounds, const struct target_list *targets,
                       struct target_services *services) {
  uint64_t now_ms = clock_monotonic_ns() / 1000000;
  if (services->capture == NULL)
    return;
  if (schedule_is_due(&services->config->capture_schedule, &rounds->clock,
                      clock_wall_ns() / 1000000000, now_ms))
    begin_scheduled(rounds, targets, services, now_ms);
  begin_all_requested(rounds, targets, services);
  for (enum round_kind kind = 0; kind < ROUND_KINDS; kind++)
    go_on(targets, services, kind);
}
