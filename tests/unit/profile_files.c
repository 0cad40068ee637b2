/* Captured profiles and the tools to compare with; see profile_files.h. */
#include "profile_files.h"

#include <glob.h>
#include <stdio.h>

#include "cases.h"

char **profile_files(const char *prefix) {
  char pattern[4096];
  glob_t found;
  snprintf(pattern, sizeof(pattern), "%s/profiles/*/%s*.txt", TEST_SRCDIR, prefix);
  if (glob(pattern, 0, NULL, &found) != 0)
    fail_msg("nothing at %s: capture.sh there makes it", pattern);

  char **paths = calloc(found.gl_pathc + 1, sizeof(*paths));
  assert_non_null(paths);
  for (size_t i = 0; i < found.gl_pathc; i++) {
    paths[i] = strdup(found.gl_pathv[i]);
    assert_non_null(paths[i]);
  }
  globfree(&found);
  return paths;
}

void profile_files_free(char **paths) {
  for (size_t i = 0; paths[i] != NULL; i++)
    free(paths[i]);
  free(paths);
}

struct span profile_file_read(const char *path) {
  FILE *stream = fopen(path, "rb");
  if (stream == NULL)
    fail_msg("%s cannot be read", path);
  assert_int_equal(fseek(stream, 0, SEEK_END), 0);
  long size = ftell(stream);
  assert_true(size > 0);
  rewind(stream);
  char *bytes = malloc((size_t)size);
  assert_non_null(bytes);
  assert_int_equal(fread(bytes, 1, (size_t)size, stream), size);
  fclose(stream);
  return span_make(bytes, (size_t)size);
}

void profile_patterns_compile(struct profile_patterns *patterns,
                              const struct pattern_default *defaults) {
  memset(&patterns->list, 0, sizeof(patterns->list));
  assert_int_equal(pattern_list_add_defaults(&patterns->list, defaults), 0);
  assert_int_equal(stack_matcher_new(&patterns->list, &patterns->matcher), 0);
}

void profile_patterns_free(struct profile_patterns *patterns) {
  stack_matcher_free(patterns->matcher);
  pattern_list_clear(&patterns->list);
}

size_t profile_patterns_index(const struct profile_patterns *patterns, const char *name) {
  for (size_t i = 0; i < patterns->list.len; i++) {
    if (strcmp(patterns->list.items[i].name, name) == 0)
      return i;
  }
  fail_msg("no pattern %s", name);
  return 0;
}

uint64_t profile_command_number(const char *format, ...) {
  char command[16384], answer[64] = "";
  va_list arguments;
  va_start(arguments, format);
  int len = vsnprintf(command, sizeof(command), format, arguments);
  va_end(arguments);
  assert_in_range(len, 1, sizeof(command) - 1);

  FILE *pipe = popen(command, "r");
  assert_non_null(pipe);
  size_t n = fread(answer, 1, sizeof(answer) - 1, pipe);
  pclose(pipe);
  while (n > 0 && answer[n - 1] == '\n')
    n--;
  uint64_t number;
  if (scan_whole_u64(span_make(answer, n), 0, VALUE_UNKNOWN - 1, &number) != 0)
    fail_msg("%s wrote \"%s\"", command, answer);
  return number;
}

bool profile_has_program(const char *name) {
  return profile_command_number("command -v %s >/dev/null && echo 1 || echo 0", name) == 1;
}
