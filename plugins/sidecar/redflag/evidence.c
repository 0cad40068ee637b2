/*
 * The line and the facts of a red flag; see evidence.h. Each flag is a row: what it speaks
 * of, in which unit, how it is confirmed by hand, and which facts belong to it.
 */
#include "sidecar/redflag/evidence.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/scan.h"
#include "common/text.h"
#include "sidecar/redflag/evidence_facts.h"
#include "sidecar/redflag/words.h"

enum { TEXT_LINE_MAX = 1024 }; /* before it is cut */

void evidence_free(struct evidence *evidence) {
  buffer_free(&evidence->text);
}

void evidence_add(struct evidence *evidence, const char *name, const char *format, ...) {
  if (evidence->len == EVIDENCE_MAX)
    return;
  char value[2048];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(value, sizeof(value), format, arguments);
  va_end(arguments);
  size_t at = evidence->text.len;
  if (buffer_append(&evidence->text, value, strlen(value) + 1) != 0)
    return;
  evidence->items[evidence->len].name = name;
  evidence->items[evidence->len++].at = at;
}

const char *evidence_value(const struct evidence *evidence, size_t i) {
  return evidence->text.data + evidence->items[i].at;
}

/* ---- what each flag speaks of ---- */

enum unit { UNIT_COUNT, UNIT_BYTES, UNIT_BYTES_A_SECOND, UNIT_CORES, UNIT_PERCENT, UNIT_NONE };

struct topic {
  const char *what; /* "RSS", "FDs": the subject of every line */
  enum unit unit;
  evidence_facts_fn add_facts; /* NULL: none of its own */
  const char *next;            /* the command that confirms it; %P is the pid, %H the port */
};

#define PPROF_DUMP "curl -s http://localhost:%H/debug/pprof/goroutine?debug=2"
#define PPROF_HEAP "go tool pprof -top http://localhost:%H/debug/pprof/heap"
#define LIST_FILES                                                                             \
  "lsof -p %P | grep REG | awk '{print $9}' | sort | uniq -c | sort -rn | head -20"
#define LIST_TYPES "lsof -p %P | awk '{print $5}' | sort | uniq -c | sort -rn"

static const struct topic topics[RED_FLAGS] = {
    [RED_FLAG_RSS] = {"RSS", UNIT_BYTES, facts_of_memory,
                      "grep -E 'Rss|LazyFree|Swap' /proc/%P/smaps_rollup"},
    [RED_FLAG_SWAP_GROWING] = {"swap", UNIT_BYTES, facts_of_swap,
                               "grep VmSwap /proc/%P/status; cat /proc/pressure/memory"},
    [RED_FLAG_MEMORY_REGIONS] = {"memory regions", UNIT_COUNT, NULL,
                                 "awk '{print $6}' /proc/%P/maps | sort | uniq -c | sort -rn"},
    [RED_FLAG_FDS] = {"FDs", UNIT_COUNT, facts_of_fds, LIST_FILES},
    [RED_FLAG_FDS_GROWING] = {"FDs", UNIT_COUNT, facts_of_fds_growth, LIST_TYPES},
    [RED_FLAG_SAME_FILE] = {"opens of one file", UNIT_COUNT, facts_of_same_file, LIST_FILES},
    [RED_FLAG_SESSION_FILES] = {"open session files", UNIT_COUNT, facts_of_session_files,
                                "lsof -p %P | grep -E '[.]claude/projects|[.]codex/sessions'"},
    [RED_FLAG_THREADS] = {"threads", UNIT_COUNT, NULL,
                          "cat /proc/%P/task/*/comm | sort | uniq -c | sort -rn"},
    [RED_FLAG_GOROUTINES] = {"goroutines", UNIT_COUNT, facts_of_goroutines, PPROF_DUMP},
    [RED_FLAG_GOROUTINES_GROWING] = {"goroutines", UNIT_COUNT, facts_of_goroutine_growth,
                                     PPROF_DUMP},
    [RED_FLAG_GOROUTINES_STUCK] = {"goroutines blocked for 10 minutes", UNIT_COUNT,
                                   facts_of_stuck,
                                   PPROF_DUMP " | grep -A5 -E '[0-9]+ minutes'"},
    [RED_FLAG_FETCH_DATA_PILING] = {"goroutines that fetch data", UNIT_COUNT, facts_of_fetching,
                                    PPROF_DUMP " | grep -B2 -A10 -i fetchData"},
    [RED_FLAG_HEAP_GROWING] = {"the Go heap", UNIT_BYTES, facts_of_heap_growth, PPROF_HEAP},
    [RED_FLAG_HEAP_NOT_RECEDING] = {"the Go heap after a spike", UNIT_BYTES,
                                    facts_of_heap_growth, PPROF_HEAP},
    [RED_FLAG_ALLOCATION_RATE] = {"allocations", UNIT_BYTES_A_SECOND, facts_of_heap_growth,
                                  "go tool pprof -sample_index=alloc_space -top "
                                  "http://localhost:%H/debug/pprof/heap"},
    [RED_FLAG_CPU] = {"CPU", UNIT_CORES, NULL,
                      "go tool pprof -top http://localhost:%H/debug/pprof/profile?seconds=30"},
    [RED_FLAG_SQLITE_CONTENTION] = {"others' locks on its databases", UNIT_COUNT,
                                    facts_of_contention, "lsof -p %P | grep -F .db"},
    [RED_FLAG_INOTIFY_WATCHES] = {"inotify watches", UNIT_PERCENT, facts_of_watches,
                                  "sysctl fs.inotify.max_user_watches"},
    [RED_FLAG_PPROF_MISSING] = {"pprof", UNIT_NONE, NULL, NULL},
};

static char *words_amount(char dst[WORDS_SIZE], enum unit unit, double value) {
  switch (unit) {
  case UNIT_BYTES:
    return words_bytes(dst, value);
  case UNIT_BYTES_A_SECOND:
    words_bytes(dst, value);
    strcat(dst, "/s"); /* the longest word of bytes leaves room */
    return dst;
  case UNIT_CORES:
    snprintf(dst, WORDS_SIZE, "%.2f cores", value);
    return dst;
  case UNIT_PERCENT:
    snprintf(dst, WORDS_SIZE, "%.0f %% of the limit", value * 100);
    return dst;
  default:
    snprintf(dst, WORDS_SIZE, "%.0f", value);
    return dst;
  }
}

/* ---- the line ---- */

static void begin_line(struct buffer *line, const struct evidence_facts *facts) {
  buffer_printf(line, "%s (pid %d): ", facts->instance, (int)facts->pid);
}

static void finish_line(struct evidence *evidence, const struct buffer *line) {
  text_printable(evidence->line, sizeof(evidence->line), buffer_span(line));
}

static void say_growth(struct evidence *evidence, struct buffer *line,
                       const struct topic *topic, const struct verdict *verdict) {
  char rise[WORDS_SIZE], duration[WORDS_SIZE], rate[WORDS_SIZE], value[WORDS_SIZE];
  double hours = (double)(verdict->rise_ms > 0 ? verdict->rise_ms : 1) / 3600e3;
  words_amount(rise, topic->unit, verdict->rise);
  words_amount(rate, topic->unit, verdict->rise / hours);
  evidence_add(evidence, "rise", "%s", rise);
  evidence_add(evidence, "rate", "%s/h", rate);
  buffer_printf(line, "%s grew by %s in %s (%s/h), now %s", topic->what, rise,
                words_duration(duration, verdict->rise_ms), rate,
                words_amount(value, topic->unit, verdict->value));
}

static void say_level(struct buffer *line, const struct topic *topic,
                      const struct verdict *verdict, uint64_t for_ms) {
  char value[WORDS_SIZE], other[WORDS_SIZE], duration[WORDS_SIZE];
  words_amount(value, topic->unit, verdict->value);
  buffer_printf(line, "%s: %s", topic->what, value);
  if (isfinite(verdict->threshold))
    buffer_printf(line, " (%s from %s)",
                  verdict->state == RED_FLAG_FAILURE ? "failure" : "warning",
                  words_amount(other, topic->unit, verdict->threshold));
  if (for_ms >= 60000)
    buffer_printf(line, " for %s", words_duration(duration, for_ms));
}

static void say_okay(struct buffer *line, const struct topic *topic,
                     const struct verdict *verdict) {
  char value[WORDS_SIZE];
  buffer_printf(line, "%s: in order again", topic->what);
  if (isfinite(verdict->value))
    buffer_printf(line, ", now %s", words_amount(value, topic->unit, verdict->value));
}

static void add_next(struct evidence *evidence, const char *next,
                     const struct evidence_facts *facts) {
  if (strstr(next, "%H") != NULL && facts->pprof_port == 0)
    return;
  char command[256];
  size_t len = 0;
  for (; *next != '\0' && len + 12 < sizeof(command); next++) {
    if (next[0] != '%' || (next[1] != 'P' && next[1] != 'H')) {
      command[len++] = *next;
      continue;
    }
    next++;
    len += (size_t)snprintf(command + len, sizeof(command) - len, "%d",
                            *next == 'P' ? (int)facts->pid : (int)facts->pprof_port);
  }
  command[len] = '\0';
  evidence_add(evidence, "next", "%s", command);
}

void evidence_compose(struct evidence *evidence, const struct verdict *verdict,
                      const struct evidence_facts *facts) {
  const struct topic *topic = &topics[verdict->flag];
  autobuffer(line, TEXT_LINE_MAX);
  begin_line(&line, facts);
  if (verdict->flag == RED_FLAG_PPROF_MISSING) {
    buffer_append_string(&line, verdict->state == RED_FLAG_OK
                                    ? "pprof: not missed any more"
                                    : "has a red flag and no pprof to look into it: restart it "
                                      "with SIDECAR_PPROF=1");
  } else if (verdict->state == RED_FLAG_OK) {
    say_okay(&line, topic, verdict);
  } else {
    if (isfinite(verdict->rise))
      say_growth(evidence, &line, topic, verdict);
    else
      say_level(&line, topic, verdict,
                facts->now_ms > verdict->since_ms ? facts->now_ms - verdict->since_ms : 0);
    if (topic->add_facts != NULL)
      topic->add_facts(evidence, &line, verdict, facts);
  }
  finish_line(evidence, &line);
  if (verdict->state != RED_FLAG_OK && topic->next != NULL)
    add_next(evidence, topic->next, facts);
}

void evidence_compose_end(struct evidence *evidence, enum red_flag flag,
                          const struct evidence_facts *facts) {
  autobuffer(line, TEXT_LINE_MAX);
  begin_line(&line, facts);
  buffer_printf(&line, "%s: the process ended", topics[flag].what);
  finish_line(evidence, &line);
}
