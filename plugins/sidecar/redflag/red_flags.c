/*
 * The table of red flags, with the thresholds of the profiling guide; see red_flag.h. Commands
 * and next steps are those of the guide: notifications, the README of a capture, alerts and the
 * runbook show the same.
 */
#include "sidecar/redflag/red_flag.h"

#include <math.h>
#include <string.h>

#include "sidecar/redflag/evidence.h"

#define MB (double)(1 << 20)
#define NONE NAN

/* ---- commands and steps shared by several flags ---- */

#define PPROF "http://localhost:PORT/debug/pprof/"
#define TOP_OF_HEAP "go tool pprof -top " PPROF "heap"
#define COMMON_STACKS "curl -s '" PPROF "goroutine?debug=1' | head -40"
#define BUSY_THREADS "top -b -n 1 -H -p PID | head -20"
#define CPU_PROFILE "go tool pprof -top '" PPROF "profile?seconds=30'"
#define FILES_BY_NAME                                                                          \
  "lsof -p PID | grep REG | awk '{print $9}' | sort | uniq -c | sort -rn | head -20"
#define FILES_BY_TYPE "lsof -p PID | awk '{print $5}' | sort | uniq -c | sort -rn"

#define DESCRIPTOR_STEPS                                                                       \
  "See the top of fds.txt: which class is the largest, and which file is open most often?\n"   \
  "One file open four times or more is a handle that is never closed.\n"                       \
  "Session files (.claude/projects, .codex/sessions) point to the adapters' watchers.\n"       \
  "Compare with the baseline (below): what is open now that was not then?\n"

#define GOROUTINE_STEPS                                                                        \
  "In goroutines.txt look for many identical stacks, and for long waits.\n"                    \
  "Blocked in chan receive or chan send: has the goroutine on the other side ended?\n"         \
  "Blocked in sleep: a poller that was started twice.\n"

#define HEAP_STEPS                                                                             \
  "Compare the heap with the baseline (below), then `top20` and `list FUNCTION`.\n"            \
  "bufio.Scanner: a buffer not released. json.Unmarshal: large objects kept.\n"                \
  "append in a loop: a slice that only grows. strings.Split: parts keep the whole string "     \
  "alive.\n"

#define CPU_STEPS                                                                              \
  "`go tool pprof -top cpu.pb.gz` shows where the time goes; then `list FUNCTION`.\n"

#define MEMORY_STEPS                                                                           \
  "memory-map.txt: is it anonymous memory (the Go heap, or C) or mapped files?\n"              \
  "metrics.txt: RSS far above the heap in use with much idle or lazily freed is memory that\n" \
  "Go keeps for itself, not a leak; heap in use that grows is one.\n"

/* ---- the table ----
 *
 * Levels are held for a minute: two readings of the detail, so that no single burst counts.
 * Windows are longer than the two minutes after which Go always collects garbage. */

const struct red_flag_info red_flags[RED_FLAGS] = {
    [RED_FLAG_RSS] =
        {
            .name = "rss",
            .alert = "SidecarRSSHigh",
            .summary = "Sidecar holds much resident memory.",
            .subject = "RSS",
            .kind = RED_FLAG_BY_LEVEL,
            .signal = SIGNAL_RESIDENT_BYTES,
            .discount = SIGNAL_RETAINED_BYTES,
            .amount = AMOUNT_BYTES,
            .unit = "MB",
            .warning = 500,
            .failure = 2048,
            .hold_s = 60,
            .add_evidence = evidence_of_memory,
            .confirm =
                "grep -E 'Rss|LazyFree|Swap' /proc/PID/smaps_rollup; lsof -p PID | wc -l",
            .confirm_pprof = TOP_OF_HEAP,
            .why = "memory in RAM; 500 MB are a problem in an idle sidecar",
            .tuning = "Raise it for large session archives.",
            .next_steps = MEMORY_STEPS
            "Then the number of descriptors (fds.txt), then the heap.\n" HEAP_STEPS,
        },
    [RED_FLAG_RSS_GROWING] =
        {
            .name = "rss_growing",
            .alert = "SidecarRSSGrowing",
            .summary = "Sidecar's anonymous memory keeps growing.",
            .subject = "anonymous memory",
            .kind = RED_FLAG_BY_GROWTH,
            .signal = SIGNAL_ANONYMOUS_BYTES,
            .amount = AMOUNT_BYTES,
            .unit = "MB",
            .warning = 16,
            .failure = NONE,
            .hold_s = 1440,
            .window_s = 180,
            .share = 1.4,
            .smooth_steps = 24,
            .add_evidence = evidence_of_memory,
            .confirm = "grep -E 'RssAnon|VmSwap' /proc/PID/status",
            .confirm_pprof = TOP_OF_HEAP,
            .why = "memory of its own, without what Go retains, only increases",
            .tuning =
                "Raise the minimum rise where sessions are legitimately loaded for hours.",
            .next_steps = MEMORY_STEPS
            "Without pprof it is not known whether the Go heap grows or C does: restart with\n"
            "SIDECAR_PPROF=1 and reproduce it.\n" HEAP_STEPS,
        },
    [RED_FLAG_SWAP_GROWING] =
        {
            .name = "swap_growing",
            .alert = "SidecarSwapGrowing",
            .summary = "Sidecar is being swapped out more and more.",
            .subject = "swap",
            .kind = RED_FLAG_BY_GROWTH,
            .signal = SIGNAL_SWAP_BYTES,
            .condition = SIGNAL_MEMORY_PRESSURE,
            .condition_min = 1,
            .amount = AMOUNT_BYTES,
            .unit = "MB",
            .warning = 16,
            .failure = NONE,
            .hold_s = 1800,
            .window_s = 300,
            .smooth_steps = 24,
            .add_evidence = evidence_of_swap,
            .confirm = "grep -E 'VmRSS|VmSwap' /proc/PID/status; cat /proc/pressure/memory",
            .why = "more and more memory is swapped out: the system is short of memory",
            .tuning = "Raise the minimum rise on a host that swaps by design.",
            .next_steps = MEMORY_STEPS
            "Is the whole machine short of memory (free -m, /proc/pressure/memory)?\n"
            "A program that is swapped out is slow in everything, SQLite included.\n",
        },
    [RED_FLAG_MEMORY_REGIONS] =
        {
            .name = "memory_regions",
            .alert = "SidecarMemoryRegionsHigh",
            .summary = "Sidecar has many memory regions.",
            .subject = "memory regions",
            .kind = RED_FLAG_BY_LEVEL,
            .signal = SIGNAL_MEMORY_REGIONS,
            .amount = AMOUNT_COUNT,
            .unit = "regions",
            .warning = 1000,
            .failure = 5000,
            .hold_s = 60,
            .confirm = "awk '{print $6}' /proc/PID/maps | sort | uniq -c | sort -rn | head",
            .why = "thousands of regions are a leak of mappings or descriptors",
            .tuning = "Raise it for a program that maps many files.",
            .next_steps =
                "memory-map.txt: which name has the most regions? Thousands of anonymous ones: "
                "leaked\nmappings or threads. The same file many times: it is mapped and never "
                "unmapped.\n",
        },
    [RED_FLAG_FDS] =
        {
            .name = "fds",
            .alert = "SidecarFDsHigh",
            .summary = "Sidecar has many open file descriptors.",
            .subject = "FDs",
            .kind = RED_FLAG_BY_LEVEL,
            .signal = SIGNAL_OPEN_FDS,
            .amount = AMOUNT_COUNT,
            .unit = "descriptors",
            .warning = 200,
            .failure = 1000,
            .hold_s = 60,
            .add_evidence = evidence_of_fds,
            .confirm = FILES_BY_TYPE "; " FILES_BY_NAME,
            .why = "on Linux a healthy sidecar has 15 to 50 descriptors open",
            .tuning = "Raise it where many projects are open at once.",
            .next_steps = DESCRIPTOR_STEPS,
        },
    [RED_FLAG_FDS_GROWING] =
        {
            .name = "fds_growing",
            .alert = "SidecarFDsGrowing",
            .summary = "Sidecar's open file descriptors keep growing.",
            .subject = "FDs",
            .kind = RED_FLAG_BY_GROWTH,
            .signal = SIGNAL_OPEN_FDS,
            .amount = AMOUNT_COUNT,
            .unit = "descriptors",
            .warning = 10,
            .failure = NONE,
            .hold_s = 1440,
            .window_s = 180,
            .share = 1.1,
            .smooth_steps = 24,
            .add_evidence = evidence_of_fds_growth,
            .confirm = FILES_BY_TYPE "; " FILES_BY_NAME,
            .why = "a number of descriptors that only increases is an active leak",
            .tuning =
                "Raise the minimum rise where projects are opened one after another for hours.",
            .next_steps = DESCRIPTOR_STEPS,
        },
    [RED_FLAG_FDS_ABOVE_BASELINE] =
        {
            .name = "fds_above_baseline",
            .alert = "SidecarFDsAboveBaseline",
            .summary =
                "Sidecar has several times the open file descriptors that it began with.",
            .subject = "FDs, compared with its baseline",
            .kind = RED_FLAG_BY_BASELINE,
            .signal = SIGNAL_OPEN_FDS,
            .amount = AMOUNT_COUNT,
            .unit = "times the baseline",
            .warning = 4,
            .failure = NONE,
            .hold_s = 600,
            .window_s = 600,
            .add_evidence = evidence_of_fds_growth,
            .confirm = FILES_BY_TYPE "; " FILES_BY_NAME,
            .why =
                "it has four times what it had once it had loaded, far below the limit of fds",
            .tuning = "Raise it where many projects are opened in one sidecar.",
            .next_steps = DESCRIPTOR_STEPS,
        },
    [RED_FLAG_FDS_LIMIT] =
        {
            .name = "fds_limit",
            .alert = "SidecarFDsNearLimit",
            .summary = "Sidecar has nearly as many file descriptors open as it may have.",
            .subject = "FDs",
            .kind = RED_FLAG_BY_LEVEL,
            .signal = SIGNAL_OPEN_FDS_RATIO,
            .amount = AMOUNT_PERCENT,
            .unit = "percent",
            .warning = 80,
            .failure = 95,
            .hold_s = 60,
            .add_evidence = evidence_of_fds,
            .confirm = "ls /proc/PID/fd | wc -l; grep files /proc/PID/limits; " FILES_BY_TYPE,
            .why = "at its limit every further open, connection and child process fails",
            .tuning = "Raise the limit of the process (ulimit -n) rather than this.",
            .next_steps = DESCRIPTOR_STEPS,
        },
    [RED_FLAG_SAME_FILE] =
        {
            .name = "same_file",
            .alert = "SidecarSameFileOpen",
            .summary = "Sidecar has the same file open many times.",
            .subject = "opens of one file",
            .kind = RED_FLAG_BY_LEVEL,
            .signal = SIGNAL_SAME_FILE_OPENS,
            .amount = AMOUNT_COUNT,
            .unit = "opens",
            .warning = 4,
            .failure = 50,
            .hold_s = 60,
            .add_evidence = evidence_of_same_file,
            .confirm = FILES_BY_NAME,
            .why = "a file that is open four times was not closed",
            .tuning = "Raise it where something legitimately opens a file often.",
            .next_steps = DESCRIPTOR_STEPS,
        },
    [RED_FLAG_SESSION_FILES] =
        {
            .name = "session_files",
            .alert = "SidecarSessionFilesOpen",
            .summary = "Sidecar has many session files open.",
            .subject = "open session files",
            .kind = RED_FLAG_BY_LEVEL,
            .signal = SIGNAL_SESSION_FILES,
            .amount = AMOUNT_COUNT,
            .unit = "files",
            .warning = 100,
            .failure = 1000,
            .hold_s = 60,
            .patterns = {"claude_sessions", "codex_sessions"},
            .pattern_kind = FD_PATTERNS,
            .add_evidence = evidence_of_session_files,
            .confirm = "lsof -p PID | grep -E '[.]claude/projects|[.]codex/sessions'",
            .why = "session files are read and never closed",
            .tuning = "Raise it with the number of live sessions.",
            .next_steps = DESCRIPTOR_STEPS,
        },
    [RED_FLAG_THREADS] =
        {
            .name = "threads",
            .alert = "SidecarThreadsHigh",
            .summary = "Sidecar has many threads.",
            .subject = "threads",
            .kind = RED_FLAG_BY_LEVEL,
            .signal = SIGNAL_THREADS,
            .amount = AMOUNT_COUNT,
            .unit = "threads",
            .warning = 60,
            .failure = 100,
            .hold_s = 60,
            .confirm = "ls /proc/PID/task | wc -l",
            .confirm_pprof = COMMON_STACKS,
            .why = "on Linux a healthy sidecar has 8 to 30 threads",
            .tuning =
                "Raise it on machines with more than 32 cores: Go starts a thread for each "
                "busy one.",
            .next_steps =
                "More than 100 threads: goroutines blocked in system calls or C, each with a "
                "thread.\nIn goroutines.txt look for `syscall` and `locked to "
                "thread`.\n" GOROUTINE_STEPS,
        },
    [RED_FLAG_GOROUTINES] =
        {
            .name = "goroutines",
            .alert = "SidecarGoroutinesHigh",
            .summary = "Sidecar has many goroutines.",
            .subject = "goroutines",
            .kind = RED_FLAG_BY_LEVEL,
            .signal = SIGNAL_GOROUTINES,
            .amount = AMOUNT_COUNT,
            .unit = "goroutines",
            .warning = 200,
            .failure = 1000,
            .hold_s = 60,
            .wants_leaks = true,
            .add_evidence = evidence_of_goroutines,
            .confirm_pprof = COMMON_STACKS,
            .why = "on Linux a healthy sidecar has 20 to 80 goroutines",
            .tuning = "Raise it where many projects are open at once.",
            .next_steps = GOROUTINE_STEPS,
        },
    [RED_FLAG_GOROUTINES_GROWING] =
        {
            .name = "goroutines_growing",
            .alert = "SidecarGoroutinesGrowing",
            .summary = "Sidecar's goroutines keep growing.",
            .subject = "goroutines",
            .kind = RED_FLAG_BY_GROWTH,
            .signal = SIGNAL_GOROUTINES,
            .amount = AMOUNT_COUNT,
            .unit = "goroutines",
            .warning = 10,
            .failure = NONE,
            .hold_s = 1800,
            .window_s = 300,
            .share = 1.4,
            .smooth_steps = 24,
            .wants_leaks = true,
            .add_evidence = evidence_of_goroutine_growth,
            .confirm_pprof = COMMON_STACKS,
            .why = "a number of goroutines that only increases is a leak",
            .tuning =
                "Raise the minimum rise where projects are opened one after another for hours.",
            .next_steps = GOROUTINE_STEPS,
        },
    [RED_FLAG_GOROUTINES_STUCK] =
        {
            .name = "goroutines_stuck",
            .alert = "SidecarGoroutinesStuck",
            .summary = "Sidecar has goroutines stuck for long.",
            .subject = "goroutines blocked for 10 minutes",
            .kind = RED_FLAG_BY_GROWTH,
            .signal = SIGNAL_GOROUTINES_STUCK,
            .amount = AMOUNT_COUNT,
            .unit = "goroutines",
            .warning = 3,
            .failure = NONE,
            .hold_s = 1800,
            .window_s = 300,
            .smooth_steps = 24,
            .wants_leaks = true,
            .add_evidence = evidence_of_stuck_goroutines,
            .confirm_pprof = "curl -s '" PPROF "goroutine?debug=2' | grep -A5 -E "
                             "'^goroutine [^{]*(, [0-9]+ minutes|\\(leaked\\))'",
            .why = "more and more goroutines of the same stacks have been blocked for 10 "
                   "minutes, and none of them comes back",
            .tuning = "Raise the minimum rise where waiting workers are started all the time.",
            .next_steps = GOROUTINE_STEPS,
        },
    [RED_FLAG_GOROUTINES_LEAKED] =
        {
            .name = "goroutines_leaked",
            .alert = "SidecarGoroutinesLeaked",
            .summary = "Sidecar has goroutines that nothing can wake.",
            .subject = "leaked goroutines",
            .kind = RED_FLAG_BY_LEVEL,
            .signal = SIGNAL_GOROUTINES_LEAKED,
            .amount = AMOUNT_COUNT,
            .unit = "goroutines",
            .warning = 1,
            .failure = 50,
            .hold_s = 60,
            .add_evidence = evidence_of_leaked_goroutines,
            .confirm_pprof = "curl -s '" PPROF "goroutineleak?debug=1' | head -40",
            .why = "Go's runtime has proved that they wait for what can never happen: no other "
                   "goroutine can reach the channel or lock",
            .tuning = "Raise it for a program with a known leak that does not grow.",
            .next_steps =
                "goroutineleak.txt lists their stacks, the most frequent first: the first line "
                "outside Go's own\npackages is where they wait. In goroutines.txt `(leaked)` "
                "marks them, with `created by`.\nWho should have sent, received, closed or "
                "unlocked, and returned early instead?\nA goroutine that waits for what "
                "a global variable refers to is not found: see goroutines_stuck.\n",
        },
    [RED_FLAG_FETCH_DATA_PILING] =
        {
            .name = "fetch_data_piling",
            .alert = "SidecarFetchDataPiling",
            .summary = "Sidecar's data fetches pile up.",
            .subject = "goroutines that fetch data",
            .kind = RED_FLAG_BY_LEVEL,
            .signal = SIGNAL_FETCH_DATA,
            .amount = AMOUNT_COUNT,
            .unit = "goroutines",
            .warning = 3,
            .failure = 10,
            .hold_s = 60,
            .patterns = {"fetch_data"},
            .pattern_kind = GOROUTINE_PATTERNS,
            .wants_leaks = true,
            .add_evidence = evidence_of_fetching,
            .confirm_pprof =
                "curl -s '" PPROF "goroutine?debug=2' | grep -B2 -A10 -i fetchData",
            .why = "new fetches start before earlier ones have returned",
            .tuning = "Raise it where the database is on a slow disk.",
            .next_steps =
                "A fetchData does not return before the next one starts: look for what it is "
                "waiting for.\nIs the database locked (is td running)? See `grep '\\.db' "
                "fds.txt`.\n",
        },
    [RED_FLAG_FETCH_STUCK] =
        {
            .name = "fetch_stuck",
            .alert = "SidecarFetchStuck",
            .summary = "A fetch of sidecar's does not return.",
            .subject = "fetches that have been waiting for minutes",
            .kind = RED_FLAG_BY_LEVEL,
            .signal = SIGNAL_FETCHES_STUCK,
            .amount = AMOUNT_COUNT,
            .unit = "goroutines",
            .warning = 1,
            .failure = NONE,
            .hold_s = 180,
            .patterns = {"fetch_data", "monitor"},
            .pattern_kind = GOROUTINE_PATTERNS,
            .wants_leaks = true,
            .add_evidence = evidence_of_stuck_fetch,
            .confirm_pprof =
                "curl -s '" PPROF "goroutine?debug=2' | grep -B2 -A10 -E 'etchData|onitor'",
            .why = "a plugin that waits for one fetch for minutes is frozen",
            .tuning = "Lengthen the hold where a fetch legitimately takes minutes.",
            .next_steps =
                "One goroutine is enough: its plugin does not update until it returns. What is "
                "it waiting\nfor? IO wait and syscall: a file, a socket or a child process. "
                "sync: who holds the lock?\nchan send and chan receive: has the other side "
                "ended? select in database/sql: all\nconnections are in use; see `grep "
                "'\\.db' fds.txt`, and whether the database is locked.\n",
        },
    [RED_FLAG_HEAP_GROWING] =
        {
            .name = "heap_growing",
            .alert = "SidecarHeapGrowing",
            .summary = "Sidecar's Go heap keeps growing.",
            .subject = "the Go heap",
            .kind = RED_FLAG_BY_GROWTH,
            .signal = SIGNAL_HEAP_LIVE_BYTES,
            .amount = AMOUNT_BYTES,
            .unit = "MB",
            .warning = 0.5,
            .failure = NONE,
            .hold_s = 9000,
            .window_s = 600,
            .share = 0.03,
            .smooth_steps = 12,
            .add_evidence = evidence_of_heap_growth,
            .confirm_pprof = TOP_OF_HEAP,
            .why = "the heap after garbage collection has been growing for hours",
            .tuning =
                "Raise the minimum rise where sessions are legitimately loaded for hours.",
            .next_steps = HEAP_STEPS,
        },
    [RED_FLAG_HEAP_NOT_RECEDING] =
        {
            .name = "heap_not_receding",
            .alert = "SidecarHeapNotReceding",
            .summary = "Sidecar's Go heap does not recede after a spike.",
            .subject = "the Go heap after a spike",
            .kind = RED_FLAG_BY_STEP,
            .signal = SIGNAL_HEAP_LIVE_BYTES,
            .amount = AMOUNT_BYTES,
            .unit = "MB",
            .warning = 64,
            .failure = NONE,
            .hold_s = 9000,
            .window_s = 21600,
            .add_evidence = evidence_of_heap_growth,
            .confirm_pprof = TOP_OF_HEAP,
            .why = "memory of a spike of the Go heap was not freed",
            .tuning = "Lengthen the hold where sessions are legitimately kept for longer.",
            .next_steps = HEAP_STEPS,
        },
    [RED_FLAG_ALLOCATION_RATE] =
        {
            .name = "allocation_rate",
            .alert = "SidecarAllocationRateHigh",
            .summary = "Sidecar allocates memory at a high rate.",
            .subject = "allocations",
            .kind = RED_FLAG_BY_RATE,
            .signal = SIGNAL_ALLOCATED_BYTES,
            .amount = AMOUNT_BYTES_PER_SECOND,
            .unit = "MB/s",
            .warning = 20,
            .failure = 100,
            .hold_s =
                600, /* a tab that is opened, or scrolling, allocates as fast for a minute */
            .add_evidence = evidence_of_allocations,
            .confirm_pprof = "go tool pprof -sample_index=alloc_space -top " PPROF "heap",
            .why = "allocating fast for minutes on end keeps the garbage collector busy",
            .tuning = "Raise it for a sidecar that follows very verbose agents.",
            .next_steps =
                "`go tool pprof -sample_index=alloc_space -top heap.pb.gz` shows all "
                "allocations,\nfreed or not; with -base and the baseline, those since then.\n",
        },
    [RED_FLAG_CPU] =
        {
            .name = "cpu",
            .alert = "SidecarCPUHigh",
            .summary = "Sidecar uses much CPU.",
            .subject = "CPU",
            .kind = RED_FLAG_BY_USUAL,
            .signal = SIGNAL_CPU_SECONDS,
            .amount = AMOUNT_CORES,
            .unit = "cores",
            .warning = 0.05,
            .failure = 1,
            .hold_s = 600,
            .window_s = 1800,
            .wants_cpu_profile = true,
            .add_evidence = evidence_of_cpu,
            .confirm = BUSY_THREADS,
            .confirm_pprof = CPU_PROFILE,
            .why = "a poll chain that runs twice, or a loop that does not end",
            .tuning = "Raise it where busy hours after quiet ones are normal.",
            .next_steps =
                CPU_STEPS "A poll function called twice as often as it should be: a poll "
                          "chain "
                          "that was\nstarted twice. Much of it in the garbage collector: see "
                          "allocation_rate.\n",
        },
    [RED_FLAG_CPU_BUSY] =
        {
            .name = "cpu_busy",
            .alert = "SidecarCPUBusy",
            .summary = "Sidecar has used CPU for an hour without a pause.",
            .subject = "CPU for an hour",
            .kind = RED_FLAG_BY_RATE,
            .signal = SIGNAL_CPU_SECONDS,
            .amount = AMOUNT_CORES,
            .unit = "cores",
            .warning = 0.2,
            .failure = NONE,
            .hold_s = 3600,
            .wants_cpu_profile = true,
            .add_evidence = evidence_of_cpu,
            .confirm = BUSY_THREADS,
            .confirm_pprof = CPU_PROFILE,
            .why = "one that never rests has had too much to do since it started: cpu, which "
                   "compares it with what is usual for it, cannot tell",
            .tuning = "Raise it for a sidecar that follows many agents day and night.",
            .next_steps =
                CPU_STEPS "A poll that is too short, or of too many files; a watcher that "
                          "wakes itself.\n",
        },
    [RED_FLAG_CHILD_CPU] =
        {
            .name = "child_cpu",
            .alert = "SidecarChildCPUHigh",
            .summary = "Sidecar's child processes use much CPU.",
            .subject = "CPU of child processes",
            .kind = RED_FLAG_BY_RATE,
            .signal = SIGNAL_CHILD_CPU_SECONDS,
            .amount = AMOUNT_CORES,
            .unit = "cores",
            .warning = 0.1,
            .failure = 1,
            .hold_s = 600,
            .confirm = "for i in 1 2 3 4 5 6 7 8 9 10; do ps -o pid=,etime=,args= --ppid PID; "
                       "sleep 1; done",
            .why =
                "it starts programs all the time, such as git, whose CPU time is not its own",
            .tuning = "Raise it where its plugins legitimately run programs all day.",
            .next_steps =
                "Which programs does it start, and how often? Those that live for "
                "milliseconds are seen by\n`strace -f -e execve -p PID`, or by `execsnoop` "
                "(bpfcc-tools).\nA poll that runs git for each project, file or event.\n",
        },
    [RED_FLAG_SQLITE_CONTENTION] =
        {
            .name = "sqlite_contention",
            .alert = "SidecarSQLiteContention",
            .summary = "Another process holds a lock on a database of sidecar's.",
            .subject = "others' locks on its databases",
            .kind = RED_FLAG_BY_LEVEL,
            .signal = SIGNAL_SQLITE_FOREIGN_LOCKS,
            .amount = AMOUNT_COUNT,
            .unit = "locks",
            .warning = 1,
            .failure = NONE,
            .hold_s = 30,
            .patterns = {"sqlite"},
            .pattern_kind = FD_PATTERNS,
            .add_evidence = evidence_of_contention,
            .confirm = "lsof -p PID | grep -F .db; cat /proc/locks",
            .why = "its queries wait for a lock of another process; locks that stop only "
                   "writers do "
                   "not count: those of WAL mode, and of a transaction before its commit",
            .tuning = "Lengthen the hold where other programs legitimately keep it locked.",
            .next_steps =
                "Another process holds a lock on a database that is open here, and reads wait; "
                "the headline\nnames it. A lock that is exclusive or pending: the database has "
                "a rollback journal, and in\nWAL mode (`PRAGMA journal_mode`) reads would not "
                "wait.\n`grep '\\.db' fds.txt` shows which databases, and whether one is "
                "open "
                "several times.\n`grep -A10 'monitor\\|td' goroutines.txt` shows what is "
                "waiting "
                "for it.\n",
        },
    [RED_FLAG_SQLITE_HANDLES] =
        {
            .name = "sqlite_handles",
            .alert = "SidecarSQLiteHandles",
            .summary = "Sidecar has several handles on one database.",
            .subject = "handles on one database",
            .kind = RED_FLAG_BY_LEVEL,
            .signal = SIGNAL_SAME_DATABASE_OPENS,
            .amount = AMOUNT_COUNT,
            .unit = "handles",
            .warning = 3,
            .failure = NONE,
            .hold_s = 60,
            .add_evidence = evidence_of_same_database,
            .confirm = "lsof -p PID | grep -F .db",
            .why = "its own handles on a database wait for each other's locks",
            .tuning = "Lower it to 2 for a program that means to have one connection to each "
                      "database; raise it for one with a larger pool.",
            .next_steps =
                "`grep '\\.db' fds.txt` shows the handles. The -wal and -shm of a database are "
                "opened once\nfor each connection and are not counted. Is the database opened "
                "for each query, or by\nseveral plugins, instead of being shared? In "
                "goroutines.txt look for database/sql.\n",
        },
    [RED_FLAG_INOTIFY_WATCHES] =
        {
            .name = "inotify_watches",
            .alert = "SidecarInotifyWatchesHigh",
            .summary = "Sidecar uses much of the user's inotify watches.",
            .subject = "inotify watches",
            .kind = RED_FLAG_BY_LEVEL,
            .signal = SIGNAL_INOTIFY_WATCHES_RATIO,
            .amount = AMOUNT_PERCENT,
            .unit = "percent",
            .warning = 50,
            .failure = 90,
            .hold_s = 60,
            .add_evidence = evidence_of_watches,
            .confirm =
                "sysctl fs.inotify.max_user_watches; grep -c ^inotify /proc/PID/fdinfo/* | "
                "grep -v :0",
            .why = "at the user's limit no further files can be watched",
            .tuning = "Raise the host's limit rather than this.",
            .next_steps =
                "Watches are limited per user (/proc/sys/fs/inotify/max_user_watches).\n"
                "fds.txt: how many inotify descriptors are there? Each watcher should have "
                "one.\n",
        },
    [RED_FLAG_PPROF_MISSING] =
        {
            .name = "pprof_missing",
            .alert = "SidecarPprofMissing",
            .summary = "Sidecar has a red flag and runs without pprof.",
            .subject = "pprof",
            .kind = RED_FLAG_BY_OTHERS,
            .signal = SIGNAL_HAS_PPROF,
            .amount = AMOUNT_NONE,
            .unit = "",
            .warning = NONE,
            .failure = NONE,
            .is_information = true,
            .add_evidence = evidence_of_missing_pprof,
            .why =
                "another flag is raised, but without pprof it cannot be investigated further",
            .tuning = "",
            .next_steps =
                "Restart the program with SIDECAR_PPROF=1, or a free port, and reproduce the "
                "problem.\n",
        },
};

const struct red_flag_metric red_flag_metrics[RED_FLAG_SIGNALS] = {
    [SIGNAL_RESIDENT_BYTES] = {"process_resident_memory_bytes", ""},
    [SIGNAL_SWAP_BYTES] = {"process_memory_bytes", "swap"},
    [SIGNAL_MEMORY_REGIONS] = {"process_memory_regions", ""},
    [SIGNAL_OPEN_FDS] = {"process_open_fds", ""},
    [SIGNAL_OPEN_FDS_RATIO] = {"process_open_fds_ratio", ""},
    [SIGNAL_INOTIFY_WATCHES_RATIO] = {"process_inotify_watches_ratio", ""},
    [SIGNAL_SAME_FILE_OPENS] = {"process_fds_same_file_max", ""},
    [SIGNAL_SESSION_FILES] = {"process_fds_matching", "*"},
    [SIGNAL_THREADS] = {"process_threads", ""},
    [SIGNAL_GOROUTINES] = {"go_goroutines", ""},
    [SIGNAL_GOROUTINES_STUCK] = {"go_goroutines_blocked", "10m"},
    [SIGNAL_GOROUTINES_LEAKED] = {"go_goroutines_leaked", ""},
    [SIGNAL_FETCH_DATA] = {"go_goroutines_matching", "*"},
    [SIGNAL_FETCHES_STUCK] = {"go_goroutines_matching_blocked", "*"},
    [SIGNAL_ALLOCATED_BYTES] = {"go_memstats_alloc_bytes", ""},
    [SIGNAL_SAME_DATABASE_OPENS] = {"process_fds_same_database_max", ""},
    [SIGNAL_SQLITE_FOREIGN_LOCKS] = {"process_file_locks", "contended"},
};

enum red_flag red_flag_find(const char *name) {
  size_t flag = 0;
  while (flag < RED_FLAGS && strcmp(red_flags[flag].name, name) != 0)
    flag++;
  return (enum red_flag)flag;
}

const char *red_flag_name(size_t flag) {
  return flag < RED_FLAGS ? red_flags[flag].name : NULL;
}

bool red_flag_has_pattern(const char *const *patterns, const char *name) {
  for (; *patterns != NULL; patterns++)
    if (strcmp(*patterns, name) == 0)
      return true;
  return false;
}

double red_flag_scale(enum red_flag_amount amount) {
  switch (amount) {
  case AMOUNT_BYTES:
  case AMOUNT_BYTES_PER_SECOND:
    return MB;
  case AMOUNT_PERCENT:
    return 0.01;
  default:
    return 1;
  }
}

double red_flag_max(enum red_flag_amount amount) {
  switch (amount) {
  case AMOUNT_NONE:
    return 0;
  case AMOUNT_COUNT:
    return 1e9;
  case AMOUNT_CORES:
    return 1e5;
  case AMOUNT_PERCENT:
    return 100;
  default:
    return 1e8;
  }
}

bool red_flag_is_worth_a_capture(const struct flag_status *status, bool on_warning,
                                 bool is_first) {
  const struct red_flag_info *info = &red_flags[status->flag];
  if (info->is_information || status->state <= status->before)
    return false;
  if (status->state == RED_FLAG_FAILURE || on_warning)
    return true;
  switch (info->kind) {
  case RED_FLAG_BY_GROWTH:
  case RED_FLAG_BY_STEP:
  case RED_FLAG_BY_BASELINE:
    return true;
  case RED_FLAG_BY_USUAL:
    return is_first;
  case RED_FLAG_BY_RATE:
    return is_first && isnan(info->failure);
  default:
    return false;
  }
}

/* ---- rules ---- */

void red_flag_rules_init(struct red_flag_rules *rules) {
  *rules = (struct red_flag_rules){.warm_up_ms = RED_FLAG_WARM_UP_MS};
  for (size_t i = 0; i < RED_FLAGS; i++) {
    const struct red_flag_info *info = &red_flags[i];
    double scale = red_flag_scale(info->amount);
    rules->rules[i] = (struct red_flag_rule){
        .warning = info->warning * scale,
        .failure = info->failure * scale,
        .hold_ms = info->hold_s * UINT64_C(1000),
        .window_ms = info->window_s * UINT64_C(1000),
        .share = info->share,
        .smooth_steps = info->smooth_steps,
        .grain = info->amount == AMOUNT_COUNT ? 1 : 0,
    };
    memcpy(rules->rules[i].patterns, info->patterns, sizeof(info->patterns));
  }
}

const char *red_flag_rule_fault(enum red_flag flag, const struct red_flag_rule *rule) {
  if (rule->failure < rule->warning)
    return "Failure is below Warning; allowed is Failure at or above Warning";
  switch (red_flags[flag].kind) {
  case RED_FLAG_BY_GROWTH:
    if (rule->window_ms == 0 || rule->hold_ms < GROWTH_WINDOWS_MIN * rule->window_ms ||
        rule->hold_ms > GROWTH_WINDOWS_MAX * rule->window_ms)
      return "Hold and Window do not go together; allowed is a Hold of 4 to 24 Windows";
    if (rule->hold_ms > GROWTH_HOLD_MAX_MS)
      return "Hold is longer than a day, for which growth is remembered; allowed is up to "
             "86400";
    return NULL;
  case RED_FLAG_BY_STEP:
    if (rule->hold_ms > rule->window_ms)
      return "Hold is longer than Window; allowed is a Window of at least Hold";
    return NULL;
  default:
    return NULL;
  }
}
