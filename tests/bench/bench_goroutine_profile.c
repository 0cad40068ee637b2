/*
 * The cost of parsing a goroutine dump, compared with `LC_ALL=C grep -c '^goroutine '` on the
 * same file: both are children that read the file and do nothing else.
 *
 *   bench_goroutine_profile [megabytes [rounds]]
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profile_bench.h"
#include "sidecar/go/goroutine_profile.h"

/* The default patterns and more of their kind. */
static const struct pattern_default twenty[] = {
    {"fetch_data", "[fF]etchData"},
    {"monitor", "tdmonitor|[/.*][mM]onitor"},
    {"tea_cmd", "bubbletea(/v[0-9]+)?\\.\\(\\*Program\\)\\.handleCommands\\.func[0-9]+"},
    {"http", "^net/http\\."},
    {"sql", "^database/sql\\.|sqlite"},
    {"fsnotify", "fsnotify\\.\\(\\*[a-zA-Z]+\\)\\.readEvents$"},
    {"timers", "^time\\.(Sleep|After|Tick)|\\.Tick\\.func1$"},
    {"exec", "os/exec\\.\\(\\*Cmd\\)\\.(Wait|Run|Output|Start)"},
    {"locks", "^(internal/)?sync\\.\\(\\*(RW)?Mutex\\)\\."},
    {"workspace", "/plugins/workspace\\."},
    {"git", "/plugins/gitstatus\\."},
    {"files", "/plugins/filebrowser\\."},
    {"render", "[rR]ender"},
    {"watch", "[wW]atch(er)?"},
    {"poll", "\\.[a-zA-Z]*[pP]oll"},
    {"goldmark", "yuin/goldmark"},
    {"chroma", "alecthomas/chroma(/v2)?\\."},
    {"json", "^encoding/json"},
    {"adapters", "/internal/adapter/(claudecode|codex|pi|antigravity)\\."},
    {"signals", "^os/signal\\."},
    {NULL, NULL},
};

/* A capture many times over, each goroutine with its own number and with different arguments,
 * as in a real program. */
static FILE *repeat_capture(const char *capture, size_t size) {
  size_t len;
  char *text = bench_read_capture(capture, &len);
  FILE *file = bench_temporary_file();
  unsigned long number = 1;
  for (size_t written = 0; written < size; written += len) {
    for (char *line = text; *line != '\0';) {
      char *end = strchr(line, '\n');
      size_t n = end != NULL ? (size_t)(end - line) + 1 : strlen(line);
      if (strncmp(line, "goroutine ", 10) == 0)
        fprintf(file, "goroutine %lu%.*s", number++, (int)n - (int)strcspn(line + 10, " ") - 10,
                line + 10 + strcspn(line + 10, " "));
      else
        fwrite(line, 1, n, file);
      char *argument = memmem(line, n, "0x70", 4);
      if (argument != NULL && argument + 6 < line + n)
        argument[5] = "0123456789abcdef"[number % 16];
      line += n;
    }
    fputc('\n', file);
  }
  free(text);
  if (fflush(file) != 0)
    bench_fail("the dump");
  return file;
}

/* The worst there is: no function twice, so that each is put to every pattern. */
static FILE *write_distinct_stacks(size_t size) {
  FILE *file = bench_temporary_file();
  unsigned long function = 0;
  for (unsigned long number = 1; (size_t)ftell(file) < size; number++) {
    fprintf(file, "goroutine %lu [chan receive, %lu minutes]:\n", number, number % 99);
    for (unsigned i = 0; i < 8; i++, function++)
      fprintf(file,
              "github.com/example/project/internal/part.(*Worker).step%lu(0xc000%06lx)\n"
              "\t/home/user/project/internal/part/worker.go:%lu +0x1d\n",
              function, function, function % 999);
    fputc('\n', file);
  }
  if (fflush(file) != 0)
    bench_fail("the dump");
  return file;
}

struct parsing {
  struct stack_matcher *matcher;
  unsigned times; /* the file, end to end */
};

static void parse(int fd, void *context) {
  enum { PIECE = 16384 }; /* the size of libcurl's chunks */
  static char piece[PIECE];
  static struct goroutine_profile profile;
  const struct parsing *parsing = context;
  struct goroutine_profile_parser *parser = malloc(sizeof(*parser));
  if (parser == NULL)
    bench_fail("malloc");
  goroutine_profile_parser_init(parser, parsing->matcher);
  for (unsigned i = 0; i < parsing->times; i++) {
    ssize_t n;
    if (lseek(fd, 0, SEEK_SET) != 0)
      bench_fail("lseek");
    while ((n = read(fd, piece, sizeof(piece))) > 0) {
      if (goroutine_profile_parser_feed(parser, piece, (size_t)n) != 0)
        bench_fail("the parser");
    }
  }
  if (goroutine_profile_parser_finish(parser, &profile) != 0 || profile.goroutines == 0)
    bench_fail("the parser");
  free(parser);
}

static void compare(const char *name, const struct pattern_default *patterns, FILE *file,
                    unsigned rounds, double limit) {
  struct parsing parsing = {.matcher = bench_matcher(patterns), .times = 1};
  const struct bench_comparison comparison = {
      .name = name,
      .regex = "^goroutine ",
      .limit = limit,
      .parse = parse,
      .context = &parsing,
  };
  bench_compare(&comparison, file, rounds);
}

static unsigned parse_argument(const char *text, unsigned max) {
  uint64_t value;
  if (scan_whole_u64(span_of(text), 1, max, &value) != 0) {
    fprintf(stderr, "bench_goroutine_profile: not a number from 1 to %u: %s\n", max, text);
    exit(2);
  }
  return (unsigned)value;
}

int main(int argc, char **argv) {
  size_t size = (argc > 1 ? parse_argument(argv[1], 4096) : 100) * (size_t)1000000;
  unsigned rounds = argc > 2 ? parse_argument(argv[2], 101) : 11;
  printf("goroutine dumps of %zu MB: CPU time, medians of %u rounds\n", size / 1000000, rounds);

  FILE *real = repeat_capture("sidecar-v1.3.0/goroutines.txt", size);
  compare("stacks of the real sidecar, default patterns", stack_patterns_of_goroutines, real,
          rounds, 4);
  compare("stacks of the real sidecar, 20 patterns", twenty, real, rounds, 6);
  struct parsing ten_times = {.matcher = bench_matcher(stack_patterns_of_goroutines),
                              .times = 10};
  bench_memory("ten times that in one response: memory", parse, &ten_times, real);
  fclose(real);

  FILE *deep = repeat_capture("target-go1.26.8/goroutines.txt", size);
  compare("stacks of the example target, default patterns", stack_patterns_of_goroutines, deep,
          rounds, 4);
  compare("stacks of the example target, 20 patterns", twenty, deep, rounds, 6);
  fclose(deep);

  FILE *distinct = write_distinct_stacks(size / 10);
  compare("a tenth of that, no function twice, default patterns", stack_patterns_of_goroutines,
          distinct, 3, 0);
  bench_memory("no function twice: memory", parse, &ten_times, distinct);
  fclose(distinct);
  return 0;
}
