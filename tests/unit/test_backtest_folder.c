/* Folders of collectd's csv plugin: files of days, values that belong together, what is none.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backtest/folder.h"
#include "backtest_cases.h"

enum { FILES_MAX = 8 };

struct file {
  const char *name, *text; /* text NULL: a folder */
};

/* A folder of these files. */
static char *make_folder(const struct file files[FILES_MAX]) {
  char *path = strdup("/tmp/backtest-folder-XXXXXX");
  assert_non_null(path);
  assert_non_null(mkdtemp(path));
  int folder = open(path, O_RDONLY | O_DIRECTORY);
  assert_true(folder >= 0);
  for (size_t i = 0; i < FILES_MAX && files[i].name != NULL; i++) {
    if (files[i].text == NULL) {
      assert_int_equal(mkdirat(folder, files[i].name, 0700), 0);
      continue;
    }
    int fd = openat(folder, files[i].name, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, files[i].text, strlen(files[i].text)), strlen(files[i].text));
    close(fd);
  }
  close(folder);
  return path;
}

static void remove_folder(char *path, const struct file files[FILES_MAX]) {
  int folder = open(path, O_RDONLY | O_DIRECTORY);
  for (size_t i = 0; i < FILES_MAX && files[i].name != NULL; i++)
    unlinkat(folder, files[i].name, files[i].text == NULL ? AT_REMOVEDIR : 0);
  close(folder);
  rmdir(path);
  free(path);
}

static int read_folder(struct run *run, struct merge *merge, const void *source) {
  int fd = open(source, O_RDONLY | O_DIRECTORY);
  assert_true(fd >= 0);
  int status = folder_read(fd, run->config, merge, run->fault);
  close(fd);
  return status;
}

/* Returns the status; what was printed is in run. */
static int run_folder(struct run *run, const struct file files[FILES_MAX]) {
  char *path = make_folder(files);
  int status = run_from(run, read_folder, path, false);
  remove_folder(path, files);
  return status;
}

static const char *accepted(struct run *run, const struct file files[FILES_MAX]) {
  if (run_folder(run, files) != 0)
    fail_msg("%s", run->fault);
  return strchr(run->printed, '\n') + 1;
}

static void files_of_days_are_one_series(void **state) {
  (void)state;
  /* listed in another order than that of the days; others are left alone */
  static const struct file files[FILES_MAX] = {
      {"process_threads-2026-11-30", "epoch,value\n1060.000,71.000000\n"},
      {"process_threads-2026-11-29", "epoch,value\n1000.000,70.000000\n1030.500,70.000000\n"},
      {"process_threads", "no date\n"},
      {"cpu-idle-2026-11-29", "epoch,value\nx\n"},
      {"README", "text\n"},
      {"folder", NULL},
  };
  struct run run;
  run_init(&run);
  assert_string_equal(accepted(&run, files), "1060,threads,warning,71,60,1000,"
                                             "proj: threads: 71 (warning from 60) for 1 min\n");
  run_free(&run);
}

/* The columns of one reading have slightly different times. */
static void values_that_belong_together_are_one_row(void **state) {
  (void)state;
  static const struct file files[FILES_MAX] = {
      {"process_open_fds-2026-11-29",
       "epoch,value\n1000.001,250\n1030.002,250\n1060.003,250\n"},
      {"process_fds-pipe-2026-11-29", "epoch,value\n1000.100,100\n1060.101,100\n"},
      {"process_fds-regular-2026-11-29", "epoch,value\n1000.102,90\n1060.002,99\n"},
      {"process_pid-2026-11-29", "epoch,value\n1000.000,7\n1030.000,7\n1060.004,7\n"},
      {"ps_cputime-2026-11-29", "epoch,user,syst\n1000.000,10,20\n1030.002,11,21\n"},
  };
  struct run run;
  run_init(&run);
  assert_string_equal(accepted(&run, files),
                      "1060.002,fds,warning,250,200,1000,proj (pid 7): FDs: 250 (warning from "
                      "200) for 1 min; most are pipe: 100\n");
  run_free(&run);
}

/* collectd writes it at this moment. */
static void a_line_without_its_end_is_not_read(void **state) {
  (void)state;
  static const struct file files[FILES_MAX] = {
      {"process_threads-2026-11-29", "epoch,value\n1000,70\n1060,70\n1090,1"},
      {"process_threads-2026-11-30", ""},
      {"process_threads-2026-12-01", "epoch,val"},
      {"process_threads-2026-12-02", "epoch,value\n"},
  };
  struct run run;
  run_init(&run);
  assert_string_equal(accepted(&run, files), "1060,threads,warning,70,60,1000,"
                                             "proj: threads: 70 (warning from 60) for 1 min\n");
  run_free(&run);
}

static void unknown_values_are_unknown(void **state) {
  (void)state;
  static const struct file files[FILES_MAX] = {
      {"process_threads-2026-11-29", "epoch,value\n1000,70\n1030,nan\n1060,70\n"},
  };
  struct run run;
  run_init(&run);
  assert_non_null(strstr(accepted(&run, files), "1060,threads,warning,70,60,1000,"));
  run_free(&run);
}

static void bad_files_are_refused_with_name_line_column_and_remedy(void **state) {
  (void)state;
  static const struct {
    struct file files[FILES_MAX];
    const char *words[3];
  } cases[] = {
      {{{"cpu-2026-11-29", "epoch,value\n"}}, {"DataDir/HOST/sidecar-INSTANCE"}},
      {{{NULL, NULL}}, {"DataDir/HOST/sidecar-INSTANCE"}},
      {{{"process_threads-2026-11-29", "epoch,user\n"}},
       {"process_threads-2026-11-29: line 1: ", "epoch,value"}},
      {{{"process_threads-2026-11-29", "time,value\n"}}, {"line 1: ", "epoch,value"}},
      {{{"ps_cputime-2026-11-29", "epoch,user,syst,more\n"}}, {"line 1: "}},
      {{{"ps_cputime-2026-11-29", "epoch,user,user\n"}}, {"line 1: "}},
      {{{"ps_cputime-2026-11-28", "epoch,user,syst\n1,1,1\n"},
        {"ps_cputime-2026-11-29", "epoch,syst,user\n2,1,1\n"}},
       {"ps_cputime-2026-11-29: line 1: "}},
      {{{"process_threads-2026-11-29", "epoch,value\n1000\n"}}, {"line 2: 1 cells"}},
      {{{"process_threads-2026-11-29", "epoch,value\n1000,1,2\n"}}, {"line 2: "}},
      {{{"process_threads-2026-11-29", "epoch,value\nx,1\n"}},
       {"line 2, column 1: x is no time"}},
      {{{"process_threads-2026-11-29", "epoch,value\n1000,1\n1000,1\n"}},
       {"line 3, column 1: 1000 is not later"}},
      {{{"process_threads-2026-11-28", "epoch,value\n1000,1\n"},
        {"process_threads-2026-11-29", "epoch,value\n999,1\n"}},
       {"process_threads-2026-11-29: line 2, column 1: 999 is not later"}},
      {{{"process_threads-2026-11-29", "epoch,value\n1000,-1\n"}},
       {"line 2, column 2: -1 is no value"}},
      {{{"ps_cputime-2026-11-29", "epoch,user,syst\n1000,nan,nan\n1001,0,0.000000\n"}},
       {"line 3, column 3: 0.000000 is a rate", "StoreRates false"}},
      {{{"process_threads-2026-11-29", NULL}}, {"process_threads-2026-11-29: ", "not a file"}},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct run run;
    run_init(&run);
    check_int(cases[i].words[0], run_folder(&run, cases[i].files), -EBADMSG);
    for (size_t n = 0; n < 3 && cases[i].words[n] != NULL; n++)
      if (strstr(run.fault, cases[i].words[n]) == NULL)
        fail_msg("no \"%s\" in \"%s\"", cases[i].words[n], run.fault);
    run_free(&run);
  }
}

static void a_line_has_a_largest_length(void **state) {
  (void)state;
  char text[6000];
  memset(text, '1', sizeof(text) - 1);
  memcpy(text, "epoch,value\n", 12);
  text[sizeof(text) - 1] = '\0';
  const struct file files[FILES_MAX] = {{"process_threads-2026-11-29", text}};
  struct run run;
  run_init(&run);
  assert_int_equal(run_folder(&run, files), -EBADMSG);
  assert_non_null(strstr(run.fault, "line 2: longer than 4096 bytes"));
  run_free(&run);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(files_of_days_are_one_series),
      cmocka_unit_test(values_that_belong_together_are_one_row),
      cmocka_unit_test(a_line_without_its_end_is_not_read),
      cmocka_unit_test(unknown_values_are_unknown),
      cmocka_unit_test(bad_files_are_refused_with_name_line_column_and_remedy),
      cmocka_unit_test(a_line_has_a_largest_length),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
