/*
 * Runs a fuzz harness over files and folders without libFuzzer: `make check` replays every
 * corpus and every input that once crashed a parser, with the compiler and libc at hand. Reports by TAP.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned replayed;

static int replay_file(const char *path) {
  FILE *stream = fopen(path, "rb");
  if (stream == NULL) {
    perror(path);
    return 1;
  }
  struct stat info;
  size_t size = 0;
  uint8_t *data = NULL;
  if (fstat(fileno(stream), &info) == 0) {
    /* an exact allocation, so that a sanitizer sees a read of one byte too many */
    data = malloc(info.st_size > 0 ? (size_t)info.st_size : 1);
    if (data != NULL)
      size = fread(data, 1, (size_t)info.st_size, stream);
  }
  fclose(stream);
  if (data == NULL)
    return 1;
  LLVMFuzzerTestOneInput(data, size);
  free(data);
  replayed++;
  return 0;
}

static int replay(const char *path) {
  DIR *dir = opendir(path);
  if (dir == NULL)
    return replay_file(path);
  int failures = 0;
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    if (entry->d_name[0] == '.')
      continue;
    char name[4096];
    snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
    failures += replay(name);
  }
  closedir(dir);
  return failures;
}

int main(int argc, char **argv) {
  int failures = 0;
  if (argc > 1) {
    for (int i = 1; i < argc; i++)
      failures += replay(argv[i]);
  } else {
    /* fuzz_<parser> without arguments takes the corpus of its name */
    const char *name = strrchr(argv[0], '/');
    name = name != NULL ? name + 1 : argv[0];
    if (strncmp(name, "fuzz_", 5) == 0)
      name += 5;
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", FUZZ_CORPUS_DIR, name);
    failures += replay(path);
  }
  bool is_good = failures == 0 && replayed > 0;
  printf("1..1\n%s 1 - %u inputs replayed, %d unreadable\n", is_good ? "ok" : "not ok", replayed,
         failures);
  return is_good ? 0 : 1;
}
