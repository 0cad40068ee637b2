/* The table of red flags; see red_flag.h. */
#include "sidecar/redflag/red_flag.h"

#include <math.h>
#include <string.h>

#define MB (double)(1 << 20)
#define NONE NAN

/* Levels are held for a minute: two readings of the detail, so that no single burst counts.
 * Windows are longer than the two minutes after which Go collects garbage in any case. */
const struct red_flag_info red_flags[RED_FLAGS] = {
    [RED_FLAG_RSS] = {"rss", RED_FLAG_BY_LEVEL, SIGNAL_RESIDENT_BYTES, "MB", MB, 500, 2048, 1e8,
                      60, 0,
                      "memory in RAM; the guide calls 500 MB a problem in an idle sidecar"},
    [RED_FLAG_SWAP_GROWING] =
        {"swap_growing", RED_FLAG_BY_GROWTH, SIGNAL_SWAP_BYTES, "MB", MB, 16, NONE, 1e8, 1800,
         300, "memory is swapped out more and more: the system is short of it"},
    [RED_FLAG_MEMORY_REGIONS] =
        {"memory_regions", RED_FLAG_BY_LEVEL, SIGNAL_MEMORY_REGIONS, "regions", 1, 1000, 5000,
         1e9, 60, 0, "regions by the thousand are a leak of mappings or descriptors"},
    [RED_FLAG_FDS] = {"fds", RED_FLAG_BY_LEVEL, SIGNAL_OPEN_FDS, "descriptors", 1, 200, 1000,
                      1e9, 60, 0, "a healthy sidecar has 50 to 150 descriptors open"},
    [RED_FLAG_FDS_GROWING] = {"fds_growing", RED_FLAG_BY_GROWTH, SIGNAL_OPEN_FDS, "descriptors",
                              1, 20, NONE, 1e9, 3600, 300,
                              "descriptors that only become more are an active leak"},
    [RED_FLAG_SAME_FILE] = {"same_file", RED_FLAG_BY_LEVEL, SIGNAL_SAME_FILE_OPENS, "opens", 1,
                            4, 50, 1e9, 60, 0, "a file open four times over was not closed"},
    [RED_FLAG_SESSION_FILES] = {"session_files", RED_FLAG_BY_LEVEL, SIGNAL_SESSION_FILES,
                                "files", 1, 100, 1000, 1e9, 60, 0,
                                "session files that are read and not closed pile up"},
    [RED_FLAG_THREADS] = {"threads", RED_FLAG_BY_LEVEL, SIGNAL_THREADS, "threads", 1, 60, 100,
                          1e9, 60, 0, "a healthy sidecar has 20 to 60 threads"},
    [RED_FLAG_GOROUTINES] = {"goroutines", RED_FLAG_BY_LEVEL, SIGNAL_GOROUTINES, "goroutines",
                             1, 200, 1000, 1e9, 60, 0,
                             "a healthy sidecar has 20 to 50 goroutines"},
    [RED_FLAG_GOROUTINES_GROWING] = {"goroutines_growing", RED_FLAG_BY_GROWTH,
                                     SIGNAL_GOROUTINES, "goroutines", 1, 10, NONE, 1e9, 3600,
                                     300, "goroutines that only become more are a leak"},
    [RED_FLAG_GOROUTINES_STUCK] = {"goroutines_stuck", RED_FLAG_BY_GROWTH,
                                   SIGNAL_GOROUTINES_STUCK, "goroutines", 1, 3, NONE, 1e9, 1800,
                                   300,
                                   "more and more goroutines have been blocked for 10 minutes"},
    [RED_FLAG_FETCH_DATA_PILING] = {"fetch_data_piling", RED_FLAG_BY_LEVEL, SIGNAL_FETCH_DATA,
                                    "goroutines", 1, 3, 10, 1e9, 60, 0,
                                    "fetches of data start before earlier ones have returned"},
    [RED_FLAG_HEAP_GROWING] = {"heap_growing", RED_FLAG_BY_GROWTH, SIGNAL_HEAP_LIVE_BYTES, "MB",
                               MB, 16, NONE, 1e8, 10800, 1800,
                               "what garbage collection leaves becomes more for hours"},
    [RED_FLAG_HEAP_NOT_RECEDING] = {"heap_not_receding", RED_FLAG_BY_STEP,
                                    SIGNAL_HEAP_LIVE_BYTES, "MB", MB, 64, NONE, 1e8, 1800,
                                    21600, "a spike of the Go heap was not freed again"},
    [RED_FLAG_ALLOCATION_RATE] = {"allocation_rate", RED_FLAG_BY_RATE, SIGNAL_ALLOCATED_BYTES,
                                  "MB/s", MB, 20, 100, 1e8, 120, 0,
                                  "allocating fast keeps the garbage collector busy"},
    [RED_FLAG_CPU] = {"cpu", RED_FLAG_BY_USUAL, SIGNAL_CPU_SECONDS, "cores", 1, 0.1, 1, 1e5,
                      600, 1800, "a poll chain that runs twice, or a loop that does not end"},
    [RED_FLAG_SQLITE_CONTENTION] = {"sqlite_contention", RED_FLAG_BY_LEVEL,
                                    SIGNAL_SQLITE_FOREIGN_LOCKS, "locks", 1, 1, NONE, 1e9, 30,
                                    0, "another process's lock makes its queries wait"},
    [RED_FLAG_INOTIFY_WATCHES] = {"inotify_watches", RED_FLAG_BY_LEVEL,
                                  SIGNAL_INOTIFY_WATCHES_RATIO, "percent", 0.01, 50, 90, 100,
                                  60, 0, "at the user's limit no file can be watched any more"},
    [RED_FLAG_PPROF_MISSING] =
        {"pprof_missing", RED_FLAG_BY_OTHERS, SIGNAL_HAS_PPROF, "", 1, NONE, NONE, 0, 0, 0,
         "another flag is up and there is no pprof to look further with"},
};

enum red_flag red_flag_find(const char *name) {
  size_t flag = 0;
  while (flag < RED_FLAGS && strcmp(red_flags[flag].name, name) != 0)
    flag++;
  return (enum red_flag)flag;
}
