/* The guide's next steps; see next_steps.h. */
#include "sidecar/redflag/next_steps.h"

#include <string.h>

#include "common/array.h"

#define DESCRIPTOR_STEPS                                                                       \
  "Look at the top of fds.txt: which class has most, and which file is open most often.\n"     \
  "One file open four times or more is a handle that nobody closes.\n"                         \
  "Session files (.claude/projects, .codex/sessions) point to the adapters' watchers.\n"       \
  "Compare with the baseline (below): what is there now and was not then?\n"

#define GOROUTINE_STEPS                                                                        \
  "In goroutines.txt look for many stacks that are the same, and for long waits.\n"            \
  "Blocked in chan receive or chan send: who should send or receive, and has ended?\n"         \
  "Blocked in sleep: a poller that was started twice.\n"

#define HEAP_STEPS                                                                             \
  "Compare the heap with the baseline (below), then `top20` and `list FUNCTION`.\n"            \
  "bufio.Scanner: a buffer not given back. json.Unmarshal: large objects kept.\n"              \
  "append in a loop: a slice that only grows. strings.Split: parts keep the whole alive.\n"

#define MEMORY_STEPS                                                                           \
  "memory-map.txt: is it anonymous memory (the Go heap, or C), or files that are mapped?\n"    \
  "metrics.txt: RSS far above the heap in use with much idle or lazily freed is memory that\n" \
  "Go keeps for itself, not a leak; heap in use that grows is one.\n"

static const struct {
  const char *reason, *steps;
} table[] = {
    {"rss",
     MEMORY_STEPS "Then the number of descriptors (fds.txt), then the heap.\n" HEAP_STEPS},
    {"swap_growing",
     MEMORY_STEPS "Is the whole machine short of memory (free -m, /proc/pressure/memory)?\n"
                  "A program that is swapped out is slow in everything, SQLite included.\n"},
    {"memory_regions",
     "memory-map.txt: which name has most regions? Thousands of anonymous ones: maps or\n"
     "threads that leak; the same file again and again: it is mapped and never unmapped.\n"},
    {"fds", DESCRIPTOR_STEPS},
    {"fds_growing", DESCRIPTOR_STEPS},
    {"same_file", DESCRIPTOR_STEPS},
    {"session_files", DESCRIPTOR_STEPS},
    {"threads",
     "More than 100 threads: goroutines blocked in system calls or C, each with a thread.\n"
     "In goroutines.txt look for `syscall` and `locked to thread`.\n" GOROUTINE_STEPS},
    {"goroutines", GOROUTINE_STEPS},
    {"goroutines_growing", GOROUTINE_STEPS},
    {"goroutines_stuck", GOROUTINE_STEPS},
    {"fetch_data_piling",
     "A fetchData that has not returned before the next one starts: look for what it waits\n"
     "for. Is the database locked (td running beside it)? See `grep '\\.db' fds.txt`.\n"},
    {"heap_growing", HEAP_STEPS},
    {"heap_not_receding", HEAP_STEPS},
    {"allocation_rate",
     "`go tool pprof -sample_index=alloc_space -top heap.pb.gz` shows who allocates, freed\n"
     "or not; with -base of the baseline, who has since.\n"},
    {"cpu",
     "`go tool pprof -top cpu.pb.gz` shows where the time goes; then `list FUNCTION`.\n"
     "The same poll function twice as often as it should: a poll chain that was started\n"
     "twice. Much of it in the garbage collector: look at allocation_rate.\n"},
    {"sqlite_contention",
     "Somebody else holds a lock on a database that is open here: the headline has its name.\n"
     "`grep '\\.db' fds.txt` shows which databases, and whether one is open several times.\n"
     "`grep -A10 'monitor\\|td' goroutines.txt` shows what waits for it.\n"},
    {"inotify_watches",
     "Watches are limited for each user (/proc/sys/fs/inotify/max_user_watches).\n"
     "fds.txt: how many inotify descriptors are there? Each watcher should have one.\n"},
    {"pprof_missing",
     "Restart the program with SIDECAR_PPROF=1, or a free port, and let it happen again.\n"},
};

const char *next_steps(const char *reason) {
  for (size_t i = 0; i < ARRAY_LENGTH(table); i++)
    if (strcmp(table[i].reason, reason) == 0)
      return table[i].steps;
  return "";
}
