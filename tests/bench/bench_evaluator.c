/*
 * The cost of judging all red flags of one process: the CPU time of an interval's observations
 * and judgement, compared with that of reading the pulse of a healthy process; with the
 * detail's signals in every sixth interval, as by default, and with all in every one. And the
 * memory of an evaluator, before and after a week of simulated observations every ten seconds.
 *
 *   bench_evaluator [rounds]
 */
#include <malloc.h>
#include <math.h>
#include <signal.h>
#include <sys/wait.h>

#include "healthy_process.h"
#include "measure.h"
#include "sidecar/os/process.h"
#include "sidecar/redflag/evaluator.h"

enum { REPEATS = 320, INTERVAL_MS = 10000 };

struct subject {
  struct process *process;
  struct red_flag_rules rules;
  struct evaluator *evaluator;
  uint64_t now_ms, intervals;
  size_t changes;
};

static void pulse(void *argument) {
  struct subject *subject = argument;
  struct process_pulse pulse;
  if (process_read_pulse(subject->process, &pulse) != 0)
    bench_fail("process_read_pulse");
}

static bool is_of_pulse(enum red_flag_signal signal) {
  return signal == SIGNAL_RESIDENT_BYTES || signal == SIGNAL_SWAP_BYTES ||
         signal == SIGNAL_OPEN_FDS || signal == SIGNAL_THREADS || signal == SIGNAL_GOROUTINES ||
         signal == SIGNAL_CPU_SECONDS || signal == SIGNAL_HAS_PPROF;
}

static void judge(struct subject *subject, bool has_detail) {
  struct flag_status changes[RED_FLAGS];
  subject->intervals++;
  subject->now_ms += INTERVAL_MS;
  double saw_tooth = (double)(subject->intervals * 37 % 101);
  for (size_t i = 0; i < RED_FLAG_SIGNALS; i++) {
    if (!has_detail && !is_of_pulse((enum red_flag_signal)i))
      continue;
    double value = 40 + saw_tooth;
    if (i == SIGNAL_CPU_SECONDS || i == SIGNAL_ALLOCATED_BYTES)
      value = 0.1 * (double)subject->intervals;
    evaluator_observe(subject->evaluator, (enum red_flag_signal)i, value, subject->now_ms);
  }
  subject->changes += evaluator_judge(subject->evaluator, subject->now_ms, changes);
}

static void judge_all(void *subject) {
  judge(subject, true);
}

static void judge_in_turn(void *argument) {
  struct subject *subject = argument;
  judge(subject, subject->intervals % 6 == 0);
}

static void start(struct subject *subject) {
  red_flag_rules_init(&subject->rules);
  if (evaluator_new(&subject->rules, 0, 0, &subject->evaluator) != 0)
    bench_fail("evaluator_new");
}

static void measure_memory(struct subject *subject) {
  size_t before = mallinfo2().uordblks;
  start(subject);
  size_t fresh = mallinfo2().uordblks - before;
  for (int i = 0; i < 7 * 24 * 360; i++)
    judge_all(subject);
  size_t after = mallinfo2().uordblks - before;
  printf("  memory: %zu bytes a process (limit 65536), %zu of the heap when new, %zu after a "
         "week\n",
         evaluator_size(), fresh, after);
}

int main(int argc, char **argv) {
  unsigned rounds = argc > 1 ? bench_argument(argv[1], BENCH_ROUNDS_MAX) : 101;
  struct subject subject = {0};
  struct host *host;
  pid_t pid = healthy_process_start();
  printf(
      "verdicts: CPU time of judging all flags against that of a pulse, medians of %u rounds "
      "of %d\n",
      rounds, REPEATS);
  fflush(stdout);
  if (host_open("/proc", &host) != 0 || process_open(host, pid, &subject.process) != 0)
    bench_fail("opening the process");
  measure_memory(&subject);
  bench_side_by_side("  as read (bare: the pulse)", 0.02, pulse, judge_in_turn, &subject,
                     rounds, REPEATS);
  bench_side_by_side("  all signals each time", 0.02, pulse, judge_all, &subject, rounds,
                     REPEATS);
  process_close(subject.process);
  host_close(host);
  evaluator_free(subject.evaluator);
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  return 0;
}
