/* Large files, children and their CPU time; see profile_bench.h. */
#include "profile_bench.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS_MAX = 101 };

void bench_fail(const char *what) {
  fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
  exit(1);
}

char *bench_read_capture(const char *name, size_t *ret_len) {
  char path[4096];
  snprintf(path, sizeof(path), "%s/profiles/%s", TEST_SRCDIR, name);
  FILE *stream = fopen(path, "rb");
  if (stream == NULL || fseek(stream, 0, SEEK_END) != 0)
    bench_fail(path);
  size_t len = (size_t)ftell(stream);
  rewind(stream);
  char *text = malloc(len + 1);
  if (text == NULL || fread(text, 1, len, stream) != len)
    bench_fail(path);
  fclose(stream);
  text[len] = '\0';
  *ret_len = len;
  return text;
}

FILE *bench_temporary_file(void) {
  FILE *file = tmpfile();
  if (file == NULL)
    bench_fail("tmpfile");
  return file;
}

struct stack_matcher *bench_matcher(const struct pattern_default *defaults) {
  struct pattern_list *patterns = calloc(1, sizeof(*patterns));
  struct stack_matcher *matcher;
  if (patterns == NULL)
    bench_fail("calloc");
  errno = -pattern_list_add_defaults(patterns, defaults);
  if (errno != 0)
    bench_fail("a pattern");
  if (stack_matcher_new(patterns, &matcher) != 0)
    bench_fail("stack_matcher_new");
  return matcher;
}

static void run_grep(int fd, const char *regex) {
  int ends[2]; /* not /dev/null: there grep would stop at the first line it finds */
  if (lseek(fd, 0, SEEK_SET) != 0 || dup2(fd, STDIN_FILENO) < 0)
    bench_fail("grep's input");
  if (pipe(ends) != 0 || dup2(ends[1], STDOUT_FILENO) < 0 || setenv("LC_ALL", "C", 1) != 0)
    bench_fail("grep's output");
  execlp("grep", "grep", "-c", regex, (char *)NULL);
  bench_fail("grep");
}

/* CPU time of a child in microseconds. */
static uint64_t child_us(const struct bench_comparison *comparison, bool is_grep, int fd) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid < 0)
    bench_fail("fork");
  if (pid == 0) {
    if (is_grep)
      run_grep(fd, comparison->regex);
    comparison->parse(fd, comparison->context);
    _exit(0);
  }
  int status;
  struct rusage usage;
  if (wait4(pid, &status, 0, &usage) != pid || status != 0)
    bench_fail(is_grep ? "grep" : comparison->name);
  return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
         (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static int compare_u64(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static double median(uint64_t *values, size_t len) {
  qsort(values, len, sizeof(*values), compare_u64);
  return (double)values[len / 2];
}

void bench_compare(const struct bench_comparison *comparison, FILE *file, unsigned rounds) {
  uint64_t grep_us[ROUNDS_MAX], parse_us[ROUNDS_MAX];
  int fd = fileno(file);
  if (rounds > ROUNDS_MAX)
    rounds = ROUNDS_MAX;
  for (unsigned i = 0; i < rounds; i++) {
    grep_us[i] = child_us(comparison, true, fd);
    parse_us[i] = child_us(comparison, false, fd);
  }
  double grep = median(grep_us, rounds), parse = median(parse_us, rounds);
  printf("%-58s grep %4.0f ms  parser %5.0f ms = %5.2f x", comparison->name, grep / 1000,
         parse / 1000, parse / grep);
  if (comparison->limit > 0)
    printf("  (to reach: %.0f x)", comparison->limit);
  printf("\n");
}

static long most_memory_kb(void) {
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0)
    bench_fail("getrusage");
  return usage.ru_maxrss;
}

void bench_memory(const char *name, bench_parse *parse, void *context, FILE *file) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid < 0)
    bench_fail("fork");
  if (pid == 0) {
    long before = most_memory_kb();
    parse(fileno(file), context);
    printf("%-58s %ld KB more than before  (to reach: 2048 KB)\n", name,
           most_memory_kb() - before);
    fflush(stdout);
    _exit(0);
  }
  int status;
  if (waitpid(pid, &status, 0) != pid || status != 0)
    bench_fail(name);
}
