/*
 * sidecar-backtest: puts recorded values through the red flags of the plugin sidecar, without
 * collectd and without waiting, and prints what would have been notified. Options of the
 * command line; see sidecar-backtest(1).
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backtest/cells.h"
#include "backtest/recording.h"
#include "backtest/settings.h"

/* What it exits with. */
enum { EXIT_QUIET = 0, EXIT_RAISED = 1, EXIT_BAD = 2 };

enum { OPTIONS_MAX = 256 };

static const double SECONDS_MAX = 86400;

struct arguments {
  struct settings settings;
  const char *options[OPTIONS_MAX];
  struct recording_options recording;
  bool is_summary;
};

static const char help[] =
    "Usage: sidecar-backtest [OPTION]... [FILE|FOLDER]...\n"
    "Puts recorded values through the red flags of collectd's plugin sidecar, and prints\n"
    "what would have been notified: a line for each change of a flag.\n"
    "\n"
    "FILE is comma-separated values: a first line of names, time and metrics, then a row\n"
    "for each reading; - and no FILE mean standard input. FOLDER is one that collectd's\n"
    "csv plugin has written: DataDir/HOST/sidecar-INSTANCE.\n"
    "\n"
    "  -c, --config=FILE          thresholds of collectd's configuration\n"
    "  -i, --interval=SECONDS     judge one row in each interval\n"
    "  -n, --name=NAME            name of the process in messages\n"
    "  -o, --option=FLAG.OPTION=VALUE\n"
    "                             a threshold, such as fds.Warning=300; also WarmUp=SECONDS\n"
    "  -s, --summary              print how often and how long each flag was up\n"
    "  -w, --watches-limit=NUMBER fs.inotify.max_user_watches of the host\n"
    "  -h, --help                 print this text\n"
    "  -V, --version              print the version\n"
    "\n"
    "Exit status: 0, 1 if a flag went up, 2 for an error. See sidecar-backtest(1).\n";

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"interval", required_argument, NULL, 'i'},
    {"name", required_argument, NULL, 'n'},
    {"option", required_argument, NULL, 'o'},
    {"summary", no_argument, NULL, 's'},
    {"watches-limit", required_argument, NULL, 'w'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

__attribute__((format(printf, 1, 2))) static int refuse(const char *format, ...) {
  va_list arguments;
  fputs("sidecar-backtest: ", stderr);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  return -1;
}

/* ---- options ---- */

static int take_interval(struct arguments *arguments, const char *text) {
  double seconds;
  if (cells_number(span_of(text), &seconds) != 0 ||
      !(seconds >= 0.001 && seconds <= SECONDS_MAX))
    return refuse("--interval %s: allowed is a number of seconds from 0.001 to 86400", text);
  arguments->recording.interval_ms = (uint64_t)llround(seconds * 1000);
  return 0;
}

static int take_limit(struct arguments *arguments, const char *text) {
  if (scan_whole_u64(span_of(text), 1, INT32_MAX,
                     &arguments->recording.inotify_watches_limit) != 0)
    return refuse("--watches-limit %s: allowed is a number from 1 to %d, what `sysctl "
                  "fs.inotify.max_user_watches` prints on the host",
                  text, INT32_MAX);
  return 0;
}

static int take_name(struct arguments *arguments, const char *text) {
  if (text[0] == '\0')
    return refuse("--name: allowed is a text that is not empty");
  arguments->recording.name = text;
  return 0;
}

static int take_option(struct arguments *arguments, const char *text) {
  if (arguments->settings.options_len == OPTIONS_MAX)
    return refuse("-o %s: too many; allowed are %d, further ones in a file for -c", text,
                  OPTIONS_MAX);
  arguments->options[arguments->settings.options_len++] = text;
  return 0;
}

static int take(struct arguments *arguments, int option, const char *text) {
  switch (option) {
  case 'c':
    arguments->settings.file = text;
    return 0;
  case 'i':
    return take_interval(arguments, text);
  case 'n':
    return take_name(arguments, text);
  case 'o':
    return take_option(arguments, text);
  case 's':
    arguments->is_summary = true;
    return 0;
  case 'w':
    return take_limit(arguments, text);
  case 'h':
    fputs(help, stdout);
    exit(EXIT_QUIET);
  case 'V':
    puts("sidecar-backtest " SUITE_VERSION);
    exit(EXIT_QUIET);
  default:
    fputs("Try 'sidecar-backtest --help'.\n", stderr);
    return -1; /* getopt has printed why */
  }
}

static int read_arguments(int argc, char **argv, struct arguments *arguments) {
  int option;
  arguments->settings.options = arguments->options;
  arguments->recording.inotify_watches_limit = VALUE_UNKNOWN;
  while ((option = getopt_long(argc, argv, "c:i:n:o:sw:hV", long_options, NULL)) != -1)
    if (take(arguments, option, optarg) != 0)
      return -1;
  if (arguments->recording.name != NULL && argc - optind > 1)
    return refuse("--name %s: allowed with one recording; here are %d",
                  arguments->recording.name, argc - optind);
  return 0;
}

/* ---- recordings ---- */

static int replay(const struct arguments *arguments, const char *path) {
  char error[RECORDING_ERROR_SIZE];
  if (recording_replay(path, &arguments->recording, error) == 0)
    return 0;
  fflush(stdout);
  return refuse("%s", error);
}

static int replay_all(const struct arguments *arguments, char **paths, int len) {
  if (len == 0)
    return replay(arguments, "-");
  for (int i = 0; i < len; i++)
    if (replay(arguments, paths[i]) != 0)
      return -1;
  return 0;
}

int main(int argc, char **argv) {
  struct arguments arguments = {.is_summary = false};
  struct config *config;
  struct output output;
  if (read_arguments(argc, argv, &arguments) != 0 ||
      settings_read(&arguments.settings, &config) != 0)
    return EXIT_BAD;
  arguments.recording.config = config;
  arguments.recording.output = &output;
  output_begin(&output, stdout, arguments.is_summary);
  int status = replay_all(&arguments, argv + optind, argc - optind);
  config_free(config);
  if (fflush(stdout) != 0 || ferror(stdout) != 0)
    status = refuse("standard output: %s", strerror(errno));
  if (status != 0)
    return EXIT_BAD;
  return output.has_risen ? EXIT_RAISED : EXIT_QUIET;
}
