/* The state file: lines are parsed as they were written, damage, and other files in its
 * place. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "am_alerts.h"
#include "notify_alertmanager/state_file.h"
#include "notify_alertmanager/state_record.h"

static char folder[] = "/tmp/am-test-state-XXXXXX";
static char path[sizeof(folder) + 64], damaged_path[sizeof(path) + 16];

static struct span write_line(struct buffer *line, const struct state_record *record) {
  struct json_writer writer;
  assert_int_equal(json_writer_init(&writer, line), 0);
  assert_int_equal(state_record_write(&writer, record), 0);
  json_writer_free(&writer);
  struct span span = buffer_span(line);
  assert_int_equal(span.at[span.len - 1], '\n');
  span.len--;
  return span;
}

static struct alert *odd_alert(void) {
  struct alert_builder b;
  struct alert *alert;
  alert_builder_init(&b);
  assert_int_equal(alert_builder_label(&b, "instance", span_of("h\"\\\n\t\xC3\xBC")), 0);
  assert_int_equal(alert_builder_label(&b, "zeta", span_of("z")), 0);
  assert_int_equal(alert_builder_label(&b, "alpha", SPAN_LITERAL("a\0\xFF")), 0);
  assert_int_equal(alert_builder_url(&b, span_of("http://g/%20?a=b&c")), 0);
  char long_value[20000];
  memset(long_value, '"', sizeof(long_value));
  assert_int_equal(
      alert_builder_annotation(&b, span_of("long"), span_make(long_value, sizeof(long_value))),
      0);
  assert_int_equal(alert_builder_annotation(&b, span_of("x.y"), span_of("1")), 0);
  assert_int_equal(alert_builder_finish(&b, &alert), 0);
  alert_builder_free(&b);
  return alert;
}

static void a_record_is_parsed_as_it_was_written(void **state) {
  (void)state;
  struct state_record there = {odd_alert(), 1700000000123456789, 1700000000123456790, 42}, back;
  struct buffer line;
  buffer_init(&line, STATE_RECORD_BYTES_MAX);
  struct span text = exact_copy(write_line(&line, &there));
  assert_int_equal(state_record_read(text, &back), 0);
  assert_true(alert_same_labels(there.alert, back.alert));
  check_span("annotations", alert_annotations(back.alert), alert_annotations(there.alert));
  assert_string_equal(alert_generator_url(back.alert), "http://g/%20?a=b&c");
  assert_int_equal(back.starts_ns, there.starts_ns);
  assert_int_equal(back.ends_ns, there.ends_ns);
  assert_int_equal(back.changed_ns, there.changed_ns);
  alert_unref(there.alert);
  alert_unref(back.alert);
  exact_free(text);
  buffer_free(&line);
}

static void a_change_of_any_byte_is_detected(void **state) {
  (void)state;
  struct state_record record = {make_alert("df", "warning", "full"), 5, 0, 6}, back;
  struct buffer line;
  buffer_init(&line, STATE_RECORD_BYTES_MAX);
  struct span text = write_line(&line, &record);
  char *bytes = line.data;
  for (size_t i = 0; i < text.len; i++) {
    for (int bit = 0; bit < 8; bit++) {
      char before = bytes[i];
      bytes[i] = (char)(before ^ 1 << bit);
      int status = state_record_read(text, &back);
      /* the case of a hexadecimal digit is no change */
      if (status == 0 && !(i < 16 && bit == 5))
        fail_msg("byte %zu, bit %d: taken for good", i, bit);
      if (status == 0)
        alert_unref(back.alert);
      bytes[i] = before;
    }
  }
  for (size_t len = 0; len < text.len; len++) {
    struct span cut = exact_copy(span_make(text.at, len));
    assert_int_not_equal(state_record_read(cut, &back), 0);
    exact_free(cut);
  }
  alert_unref(record.alert);
  buffer_free(&line);
}

/* As a newer version, or a person with a checksum at hand, may write it. */
static struct span checksummed(char *dst, size_t size, const char *json) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char *p = json; *p != '\0'; p++)
    hash = (hash ^ (unsigned char)*p) * 0x100000001b3u;
  int len = snprintf(dst, size, "%016llx %s", (unsigned long long)hash, json);
  return span_make(dst, (size_t)len);
}

static void invalid_records_are_rejected(void **state) {
  (void)state;
#define GOOD "\"labels\":{\"instance\":\"h\",\"plugin\":\"p\"},\"starts_ns\":5,\"changed_ns\":6"
  static const struct {
    const char *name, *json;
    int status;
  } cases[] = {
      {"the least there must be", "{" GOOD "}", 0},
      {"a key of a later version",
       "{" GOOD ",\"new\":{\"labels\":{\"x\":\"y\"},\"b\":[1,[2]]}}", 0},
      {"a number where a later version has one", "{" GOOD ",\"x\":1.5e300,\"y\":null}", 0},
      {"resolved", "{" GOOD ",\"ends_ns\":5}", 0},
      {"it ended before it began", "{" GOOD ",\"ends_ns\":4}", -EINVAL},
      {"no beginning", "{\"labels\":{\"plugin\":\"p\"},\"changed_ns\":6}", -EINVAL},
      {"no labels", "{\"starts_ns\":5,\"changed_ns\":6}", -EINVAL},
      {"no identity among the labels",
       "{\"labels\":{\"team\":\"x\"},\"starts_ns\":5,\"changed_ns\":6}", -EINVAL},
      {"a label that cannot be one",
       "{\"labels\":{\"plugin\":\"p\",\"a-b\":\"x\"},\"starts_ns\":5,\"changed_ns\":6}",
       -EINVAL},
      {"a label twice",
       "{\"labels\":{\"plugin\":\"p\",\"plugin\":\"x\"},\"starts_ns\":5,\"changed_ns\":6}",
       -EINVAL},
      {"a URL that is none", "{" GOOD ",\"generatorURL\":\"a b\"}", -EINVAL},
      {"a negative time", "{\"labels\":{\"plugin\":\"p\"},\"starts_ns\":-5,\"changed_ns\":6}",
       -EINVAL},
      {"a number that does not fit",
       "{\"labels\":{\"plugin\":\"p\"},\"starts_ns\":99999999999999999999,\"changed_ns\":6}",
       -EINVAL},
      {"a list", "[]", -EINVAL},
      {"two documents", "{" GOOD "}{}", -EINVAL},
      {"nothing", "", -EINVAL},
      {"not JSON", "{x}", -EINVAL},
      {"too deep", "{" GOOD ",\"d\":[[[[[[[[[[1]]]]]]]]]]}", -EINVAL},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    char text[1000];
    struct state_record record;
    struct span copy = exact_copy(checksummed(text, sizeof(text), cases[i].json));
    int status = state_record_read(copy, &record);
    check_int(cases[i].name, status, cases[i].status);
    if (status == 0)
      alert_unref(record.alert);
    exact_free(copy);
  }
}

/* ---- the file ---- */

struct seen {
  size_t len;
  char plugins[16][64];
};

static void on_record(void *context, const struct state_record *record) {
  struct seen *seen = context;
  assert_true(seen->len < 16);
  snprintf(seen->plugins[seen->len++], 64, "%s", alert_label(record->alert, "plugin"));
  alert_unref(record->alert);
}

static void save(const char *const *plugins, size_t len) {
  struct state_file file;
  assert_int_equal(state_file_begin(&file, path), 0);
  for (size_t i = 0; i < len; i++) {
    struct state_record record = {make_alert(plugins[i], "warning", "d"), 1, 0, 2};
    assert_int_equal(state_file_add(&file, &record), 0);
    alert_unref(record.alert);
  }
  assert_int_equal(state_file_commit(&file), 0);
}

static void append(const char *text, size_t len) {
  int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, len), len);
  close(fd);
}

static int set_up(void **state) {
  (void)state;
  if (mkdtemp(folder) == NULL)
    return -1;
  snprintf(path, sizeof(path), "%s/state", folder);
  snprintf(damaged_path, sizeof(damaged_path), "%s.damaged", path);
  return 0;
}

static int clean(void **state) {
  (void)state;
  char name[sizeof(path) + 16];
  static const char *const endings[] = {"", ".new", ".damaged", ".other"};
  for (size_t i = 0; i < ARRAY_LENGTH(endings); i++) {
    snprintf(name, sizeof(name), "%s%s", path, endings[i]);
    unlink(name);
  }
  return 0;
}

static int tear_down(void **state) {
  clean(state);
  return rmdir(folder);
}

static void saved_alerts_are_loaded(void **state) {
  (void)state;
  static const char *const plugins[] = {"one", "two", "three"};
  struct seen seen = {0};
  struct state_file_report report;
  struct stat st;
  save(plugins, 3);
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 07777, 0600);
  assert_int_equal(state_file_load(path, on_record, &seen, &report), 0);
  assert_int_equal(report.records, 3);
  assert_int_equal(report.damaged, 0);
  assert_false(report.foreign);
  assert_string_equal(report.kept_aside, "");
  assert_string_equal(seen.plugins[2], "three");
  save(plugins, 1);
  seen.len = 0;
  assert_int_equal(state_file_load(path, on_record, &seen, &report), 0);
  assert_int_equal(seen.len, 1);
}

static void a_missing_file_is_not_damage(void **state) {
  (void)state;
  struct state_file_report report;
  assert_int_equal(state_file_load(path, on_record, NULL, &report), -ENOENT);
}

static void a_dropped_save_leaves_the_old_file(void **state) {
  (void)state;
  static const char *const plugins[] = {"old"};
  struct seen seen = {0};
  struct state_file file;
  struct state_file_report report;
  char new_path[sizeof(path) + 8];
  save(plugins, 1);
  assert_int_equal(state_file_begin(&file, path), 0);
  state_file_abort(&file);
  assert_int_equal(state_file_load(path, on_record, &seen, &report), 0);
  assert_string_equal(seen.plugins[0], "old");
  snprintf(new_path, sizeof(new_path), "%s.new", path);
  assert_int_equal(access(new_path, F_OK), -1);
}

static void damage_affects_only_the_damaged_lines(void **state) {
  (void)state;
  static const char *const plugins[] = {"one", "two"};
  struct {
    const char *name, *garbage;
    size_t len, damaged;
  } cases[] = {
      {"a line of something else", "hello\n", 6, 1},
      {"an empty line", "\n", 1, 1},
      {"bytes of any kind", "\x00\xFF\x1B\n\r\n", 6, 2},
      {"a line cut off at the end", "0123456789abcdef {\"labels\":{", 28, 1},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct seen seen = {0};
    struct state_file_report report;
    save(plugins, 2);
    append(cases[i].garbage, cases[i].len);
    check_int(cases[i].name, state_file_load(path, on_record, &seen, &report), 0);
    check_int(cases[i].name, report.records, 2);
    check_int(cases[i].name, report.damaged, cases[i].damaged);
    check_string(cases[i].name, report.kept_aside, damaged_path);
    check_int(cases[i].name, access(damaged_path, R_OK), 0);
    save(plugins, 1); /* and the copy is not replaced */
    struct stat st;
    check_int(cases[i].name, stat(damaged_path, &st), 0);
    check_int(cases[i].name, state_file_load(damaged_path, on_record, &seen, &report), 0);
    check_int(cases[i].name, report.records, 2);
    char copy_of_copy[sizeof(damaged_path) + 16];
    snprintf(copy_of_copy, sizeof(copy_of_copy), "%s.damaged", damaged_path);
    unlink(copy_of_copy);
    clean(NULL);
  }
}

static void good_lines_behind_an_endless_one_are_found(void **state) {
  (void)state;
  static const char *const plugins[] = {"one"};
  struct seen seen = {0};
  struct state_file_report report;
  size_t len = 2 * STATE_RECORD_BYTES_MAX;
  char *endless = malloc(len);
  memset(endless, 'e', len);
  endless[len - 1] = '\n';
  save(plugins, 1);
  append(endless, len);
  struct state_record record = {make_alert("last", "warning", "d"), 1, 0, 2};
  struct buffer line;
  buffer_init(&line, STATE_RECORD_BYTES_MAX);
  struct span text = write_line(&line, &record);
  append(text.at, text.len + 1);
  assert_int_equal(state_file_load(path, on_record, &seen, &report), 0);
  assert_int_equal(report.records, 2);
  assert_int_equal(report.damaged, 1);
  assert_string_equal(seen.plugins[1], "last");
  alert_unref(record.alert);
  buffer_free(&line);
  free(endless);
}

static void a_file_of_another_version_is_kept_and_not_read(void **state) {
  (void)state;
  static const char *const heads[] = {"collectd notify_alertmanager state, version 2\n", "{}\n",
                                      "", "\177ELF"};
  for (size_t i = 0; i < ARRAY_LENGTH(heads); i++) {
    struct state_file_report report;
    append(heads[i], strlen(heads[i]));
    check_int(heads[i], state_file_load(path, on_record, NULL, &report), 0);
    check_int(heads[i], report.foreign, 1);
    check_int(heads[i], report.records, 0);
    check_string(heads[i], report.kept_aside, damaged_path);
    clean(NULL);
  }
}

static void a_path_that_is_not_a_file_is_rejected(void **state) {
  (void)state;
  struct state_file_report report;
  struct state_file file;
  assert_int_equal(mkfifo(path, 0600), 0);
  assert_int_equal(state_file_load(path, on_record, NULL, &report), -EINVAL);
  clean(NULL);
  assert_int_equal(mkdir(path, 0700), 0);
  assert_int_equal(state_file_load(path, on_record, NULL, &report), -EINVAL);
  assert_int_equal(state_file_begin(&file, path), 0);
  assert_int_equal(state_file_commit(&file), -EISDIR);
  rmdir(path);
}

static void links_are_not_followed(void **state) {
  (void)state;
  static const char *const plugins[] = {"one"};
  struct state_file_report report;
  struct stat st;
  char other[sizeof(path) + 8], new_path[sizeof(path) + 8];
  snprintf(other, sizeof(other), "%s.other", path);
  snprintf(new_path, sizeof(new_path), "%s.new", path);
  int fd = open(other, O_WRONLY | O_CREAT, 0600);
  close(fd);
  assert_int_equal(symlink(other, path), 0);
  assert_int_equal(symlink(other, new_path), 0);
  assert_int_equal(state_file_load(path, on_record, NULL, &report), -ELOOP);
  save(plugins, 1);
  assert_int_equal(stat(other, &st), 0);
  assert_int_equal(st.st_size, 0);
  assert_int_equal(lstat(path, &st), 0);
  assert_true(S_ISREG(st.st_mode));
}

static void a_missing_directory_is_an_error(void **state) {
  (void)state;
  struct state_file file;
  assert_int_equal(state_file_begin(&file, "/nonexistent/folder/state"), -ENOENT);
}

static void a_full_disk_is_an_error_and_the_old_file_is_kept(void **state) {
  (void)state;
  static const char *const plugins[] = {"old"};
  struct seen seen = {0};
  struct state_file file;
  struct state_file_report report;
  save(plugins, 1);
  assert_int_equal(state_file_begin(&file, path), 0);
  int full = open("/dev/full", O_WRONLY);
  assert_true(full >= 0);
  assert_true(dup2(full, file.fd) >= 0);
  close(full);
  assert_int_equal(state_file_commit(&file), -ENOSPC);
  assert_int_equal(state_file_load(path, on_record, &seen, &report), 0);
  assert_string_equal(seen.plugins[0], "old");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_record_is_parsed_as_it_was_written),
      cmocka_unit_test(a_change_of_any_byte_is_detected),
      cmocka_unit_test(invalid_records_are_rejected),
      cmocka_unit_test_teardown(saved_alerts_are_loaded, clean),
      cmocka_unit_test_teardown(a_missing_file_is_not_damage, clean),
      cmocka_unit_test_teardown(a_dropped_save_leaves_the_old_file, clean),
      cmocka_unit_test_teardown(damage_affects_only_the_damaged_lines, clean),
      cmocka_unit_test_teardown(good_lines_behind_an_endless_one_are_found, clean),
      cmocka_unit_test_teardown(a_file_of_another_version_is_kept_and_not_read, clean),
      cmocka_unit_test_teardown(a_path_that_is_not_a_file_is_rejected, clean),
      cmocka_unit_test_teardown(links_are_not_followed, clean),
      cmocka_unit_test_teardown(a_missing_directory_is_an_error, clean),
      cmocka_unit_test_teardown(a_full_disk_is_an_error_and_the_old_file_is_kept, clean),
  };
  return cmocka_run_group_tests_name("record", tests, set_up, tear_down);
}
