/* The README of a bundle; see readme.h. */
#include "sidecar/capture/readme.h"

#include <string.h>

#include "common/array.h"
#include "common/text.h"
#include "sidecar/capture/name.h"
#include "sidecar/capture/request.h"

/* --- commands for a shell --- */

static bool needs_quotes(const char *path) {
  for (const char *c = path; *c != '\0'; c++)
    if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
          strchr("/._-+@=,%:", *c) != NULL))
      return true;
  return false;
}

/* The path of a file as one word of a command line. */
static int print_path(struct buffer *text, const char *folder, const char *file) {
  bool quoted = needs_quotes(folder);
  int status = quoted ? buffer_append_string(text, "'") : 0;
  for (const char *c = folder; status == 0 && *c != '\0'; c++)
    status = *c == '\'' ? buffer_append_string(text, "'\\''") : buffer_append(text, c, 1);
  if (status == 0)
    status = buffer_printf(text, "/%s%s", file, quoted ? "'" : "");
  return status;
}

/* Opens a browser; see print_browser(). Only this machine may connect. */
#define IN_BROWSER "go tool pprof -http=localhost:8081"

/* A line with the path between these two parts of the command. */
static int print_command(struct buffer *text, const char *command, const char *folder,
                         const char *file, const char *rest) {
  int status = buffer_printf(text, "%s ", command);
  if (status == 0)
    status = print_path(text, folder, file);
  return status == 0 ? buffer_printf(text, "%s\n", rest) : status;
}

/* --- the sections --- */

static int print_head(const struct readme *readme, struct buffer *text) {
  const struct capture_request *request = readme->request;
  char when[CAPTURE_TIME_MAX], instance[512], headline[1200];
  text_printable(instance, sizeof(instance), span_of(request->instance));
  text_printable(headline, sizeof(headline), span_of(request->headline));
  capture_time_readable(request->wall_time_ms, when);
  bool is_baseline = strcmp(request->reason, CAPTURE_BASELINE) == 0;
  return buffer_printf(text, "%s%s%s\n\n  process  %s, pid %d\n  time     %s\n  reason   %s\n",
                       is_baseline ? "The baseline of " : headline, is_baseline ? instance : "",
                       is_baseline ? ", to compare with" : "", instance, (int)request->pid,
                       when, request->reason);
}

/* "COMMAND -base OTHER THIS" */
static int print_comparison(const struct readme *readme, struct buffer *text,
                            const char *command, const char *other) {
  int status = buffer_printf(text, "  %s -base ", command);
  if (status == 0)
    status = print_path(text, other, CAPTURE_HEAP_FILE);
  return status == 0 ? print_command(text, "", readme->path, CAPTURE_HEAP_FILE, "") : status;
}

static int print_growth(const struct readme *readme, struct buffer *text,
                        const struct readme_other *other, const char *since) {
  if (other->path == NULL || !other->has_heap)
    return 0;
  int status = buffer_printf(text,
                             "  what grew since the %s (then `top20`, `list FUNCTION`), and as "
                             "a flame graph:\n",
                             since);
  if (status == 0)
    status = print_comparison(readme, text, "go tool pprof", other->path);
  return status == 0 ? print_comparison(readme, text, IN_BROWSER, other->path) : status;
}

/* What is in a profile: as text, and in a browser. */
static int print_profile(const struct readme *readme, struct buffer *text, const char *file) {
  int status = print_command(text, "  go tool pprof -top", readme->path, file, "");
  return status == 0 ? print_command(text, "  " IN_BROWSER, readme->path, file, "") : status;
}

static int print_heap(const struct readme *readme, struct buffer *text) {
  if (!readme->has_heap)
    return 0;
  int status = buffer_append_string(text, "\nHeap\n");
  if (status == 0)
    status = print_growth(readme, text, &readme->baseline, "baseline");
  if (status == 0)
    status = print_growth(readme, text, &readme->previous, "capture before");
  if (status == 0)
    status = buffer_append_string(text, "  memory in use, and as a flame graph:\n");
  return status == 0 ? print_profile(readme, text, CAPTURE_HEAP_FILE) : status;
}

/* Compares the listings with those of the baseline. */
static int print_listings(const struct readme *readme, struct buffer *text) {
  static const char *const files[] = {CAPTURE_DESCRIPTORS_FILE, CAPTURE_MEMORY_MAP_FILE};
  if (readme->baseline.path == NULL)
    return 0;
  int status = buffer_append_string(text, "\nDescriptors and memory, since the baseline\n");
  for (size_t i = 0; status == 0 && i < ARRAY_LENGTH(files); i++) {
    status = buffer_append_string(text, "  diff ");
    if (status == 0)
      status = print_path(text, readme->baseline.path, files[i]);
    if (status == 0)
      status = print_command(text, "", readme->path, files[i], "");
  }
  return status;
}

/* Which functions used it. */
static int print_cpu_users(const struct cpu_profile *cpu, struct buffer *text) {
  int status = 0;
  if (cpu->len == 0)
    return 0;
  if (cpu->duration_ns > 0)
    status = buffer_printf(text, "  %.2f cores in %.0f s",
                           (double)cpu->cpu_ns / (double)cpu->duration_ns,
                           (double)cpu->duration_ns / 1e9);
  else
    status = buffer_printf(text, "  %.2f s of CPU time", (double)cpu->cpu_ns / 1e9);
  if (status == 0)
    status = buffer_append_string(
        text, ", by the innermost function outside the standard library:\n");
  for (size_t i = 0; status == 0 && i < cpu->len; i++) {
    char stack[SITE_TEXT_MAX * 4];
    text_printable(stack, sizeof(stack), span_of(cpu->users[i].text));
    status = buffer_printf(text, "    %3.0f %%  %s\n",
                           100 * (double)cpu->users[i].ns / (double)cpu->cpu_ns, stack);
  }
  return status;
}

static int print_cpu(const struct readme *readme, struct buffer *text) {
  if (readme->cpu == NULL)
    return 0;
  int status = buffer_append_string(text, "\nCPU, and as a flame graph\n");
  if (status == 0)
    status = print_cpu_users(readme->cpu, text);
  return status == 0 ? print_profile(readme, text, CAPTURE_CPU_FILE) : status;
}

static int print_browser(const struct readme *readme, struct buffer *text) {
  if (!readme->has_heap && readme->cpu == NULL)
    return 0;
  return buffer_append_string(
      text,
      "\nCommands with -http open a browser at http://localhost:8081; flame graphs are at "
      "View >\nFlame Graph or /ui/flamegraph, and other graphs need Graphviz (dot). Only "
      "the user that\ncollectd runs as can read the files: use sudo, or copy them.\n");
}

/* Labels of goroutines, text of the program in braces, match nothing here. */
static int print_goroutines(const struct readme *readme, struct buffer *text) {
  static const struct {
    const char *command, *rest;
  } commands[] = {
      {"  sed -n 's/ labels:{.*//; s/^goroutine [^{]*\\[\\([^],]*\\).*/\\1/p'",
       " | sort | uniq -c | sort -rn"},
      {"  grep -A5 -E '^goroutine [^{]*(, [0-9]+ minutes|\\(leaked\\))'", ""},
      {"  grep -A5 -E '^goroutine [^{]*\\[(chan receive|chan send|sleep)'", ""},
      {"  grep -B2 '[fF]etchData'", ""},
  };
  if (!readme->has_goroutines)
    return 0;
  int status = buffer_append_string(
      text,
      "\nGoroutines: what they wait for; long waits; those that wait for a channel or sleep;\n"
      "those that fetch data\n");
  for (size_t i = 0; status == 0 && i < ARRAY_LENGTH(commands); i++)
    status = print_command(text, commands[i].command, readme->path, CAPTURE_GOROUTINES_FILE,
                           commands[i].rest);
  return status;
}

static int print_goroutine_groups(const struct readme *readme, struct buffer *text) {
  if (!readme->has_goroutine_groups)
    return 0;
  int status = buffer_append_string(
      text,
      "\nGoroutines by stack, the most frequent first. There are more than GoroutineDumpMax, "
      "or their\nnumber was not known, so there is no dump, which would stop the program for "
      "long: the file\ndoes not show how long they have been waiting, nor what for where it is "
      "a channel. The first;\nthose that fetch data\n");
  if (status == 0)
    status = print_command(text, "  head -n 40", readme->path, CAPTURE_GOROUTINES_FILE, "");
  return status == 0 ? print_command(text, "  grep -B9 '[fF]etchData'", readme->path,
                                     CAPTURE_GOROUTINES_FILE, "")
                     : status;
}

static int print_leaks(const struct readme *readme, struct buffer *text) {
  if (!readme->has_leaks)
    return 0;
  int status = buffer_append_string(
      text,
      "\nLeaked goroutines by stack, the most frequent first: Go has proved that nothing can "
      "wake them.\nThose that wait for what a global variable refers to are not found\n");
  return status == 0 ? print_command(text, "  head -n 40", readme->path, CAPTURE_LEAKS_FILE, "")
                     : status;
}

static int print_files(const struct readme *readme, struct buffer *text) {
  (void)readme;
  return buffer_append_string(
      text,
      "\nFiles\n"
      "  fds.txt         open descriptors: by class, the files open most often, each one\n"
      "  memory-map.txt  the memory map by use\n"
      "  metrics.txt     the metrics at that time\n"
      "  ../summary.txt  what has grown since the baseline, and the changes of red flags\n");
}

/* Indented, line by line. */
static int print_steps(const struct readme *readme, struct buffer *text) {
  const char *next_steps = readme->request->next_steps;
  if (next_steps == NULL || next_steps[0] == '\0')
    return 0;
  struct span steps = span_of(next_steps), line;
  int status = buffer_append_string(text, "\nNext\n");
  while (status == 0 && scan_line(&steps, &line))
    status = buffer_printf(text, "  %.*s\n", (int)line.len, line.at);
  return status;
}

static int print_gaps(const struct readme *readme, struct buffer *text) {
  if (readme->not_taken[0] == '\0')
    return 0;
  return buffer_printf(text, "\nNot captured\n%s", readme->not_taken);
}

int readme_print(const struct readme *readme, struct buffer *text) {
  int (*const parts[])(const struct readme *, struct buffer *) = {
      print_head,
      print_steps,
      print_heap,
      print_cpu,
      print_browser,
      print_goroutines,
      print_goroutine_groups,
      print_leaks,
      print_listings,
      print_files,
      print_gaps,
  };
  for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
    int status = parts[i](readme, text);
    if (status != 0)
      return status;
  }
  return 0;
}
