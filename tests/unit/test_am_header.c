/* Headers of the configuration, and the file with a bearer token, whatever it is. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "am_alerts.h"
#include "common/clock.h"
#include "notify_alertmanager/token_file.h"

/* ---- headers ---- */

static void check_refusal(const char *name, const char *why, const char *words) {
  if ((why == NULL) != (words == NULL) || (why != NULL && strstr(why, words) == NULL))
    fail_msg("%s: it \"%s\", not \"%s\"", name, why != NULL ? why : "is accepted",
             words != NULL ? words : "is accepted");
}

static void a_header_that_would_break_the_post_is_refused(void **state) {
  (void)state;
  static const struct {
    const char *name;
    struct span header, value;
    const char *why;
  } cases[] = {
      {"a tenant", SPAN_LITERAL("X-Scope-OrgID"), SPAN_LITERAL("team"), NULL},
      {"all characters", SPAN_LITERAL("!#$%&'*+-.^_`|~09azAZ"), SPAN_LITERAL("a: b;\xE4"),
       NULL},
      {"of the user's own", SPAN_LITERAL("authorization"), SPAN_LITERAL("Bearer x"), NULL},
      {"no name", SPAN_LITERAL(""), SPAN_LITERAL("x"), "none in HTTP"},
      {"a name with a blank", SPAN_LITERAL("X Scope"), SPAN_LITERAL("x"), "none in HTTP"},
      {"a blank behind it", SPAN_LITERAL("X-Scope "), SPAN_LITERAL("x"), "none in HTTP"},
      {"a colon", SPAN_LITERAL("X-Scope:"), SPAN_LITERAL("x"), "none in HTTP"},
      {"a line break in the name", SPAN_LITERAL("X\r\nY"), SPAN_LITERAL("x"), "none in HTTP"},
      {"a NUL in the name", SPAN_LITERAL("X\0Y"), SPAN_LITERAL("x"), "none in HTTP"},
      {"letters of elsewhere", SPAN_LITERAL("Stra\xC3\x9F"), SPAN_LITERAL("x"), "none in HTTP"},
      {"a line feed", SPAN_LITERAL("X"), SPAN_LITERAL("a\nHost: b"), "line break"},
      {"a carriage return", SPAN_LITERAL("X"), SPAN_LITERAL("a\rb"), "line break"},
      {"at the end", SPAN_LITERAL("X"), SPAN_LITERAL("a\r\n"), "line break"},
      {"a tab", SPAN_LITERAL("X"), SPAN_LITERAL("a\tb"), "control character"},
      {"a NUL", SPAN_LITERAL("X"), SPAN_LITERAL("a\0b"), "control character"},
      {"a DEL", SPAN_LITERAL("X"), SPAN_LITERAL("a\x7F"), "control character"},
      {"no value", SPAN_LITERAL("X"), SPAN_LITERAL(""), "no value"},
      {"only blanks", SPAN_LITERAL("X"), SPAN_LITERAL("  "), "blank around"},
      {"a blank in front", SPAN_LITERAL("X"), SPAN_LITERAL(" a"), "blank around"},
      {"a blank at the end", SPAN_LITERAL("X"), SPAN_LITERAL("a "), "blank around"},
      {"a blank within", SPAN_LITERAL("X"), SPAN_LITERAL("a b"), NULL},
      {"the length", SPAN_LITERAL("content-length"), SPAN_LITERAL("0"), "transferred"},
      {"the encoding", SPAN_LITERAL("Transfer-Encoding"), SPAN_LITERAL("chunked"),
       "transferred"},
      {"another", SPAN_LITERAL("CONTENT-ENCODING"), SPAN_LITERAL("gzip"), "transferred"},
      {"the connection", SPAN_LITERAL("Connection"), SPAN_LITERAL("upgrade"), "transferred"},
      {"the type", SPAN_LITERAL("Content-Type"), SPAN_LITERAL("text/html"), "by the plugin"},
      {"the host", SPAN_LITERAL("host"), SPAN_LITERAL("elsewhere"), "URL"},
      {"the beginning of one", SPAN_LITERAL("Hos"), SPAN_LITERAL("x"), NULL},
      {"more than one", SPAN_LITERAL("Hosts"), SPAN_LITERAL("x"), NULL},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span header = exact_copy(cases[i].header), value = exact_copy(cases[i].value);
    check_refusal(cases[i].name, header_refusal(header, value), cases[i].why);
    exact_free(header);
    exact_free(value);
  }
}

static void headers_and_tokens_are_limited_in_length(void **state) {
  (void)state;
  static char text[HEADER_TOKEN_MAX + 3];
  struct span token, x = SPAN_LITERAL("x");
  memset(text, 'x', sizeof(text));
  check_refusal("128", header_refusal(span_make(text, HEADER_NAME_MAX), x), NULL);
  check_refusal("129", header_refusal(span_make(text, HEADER_NAME_MAX + 1), x), "at most 128");
  check_refusal("4096", header_refusal(x, span_make(text, HEADER_VALUE_MAX)), NULL);
  check_refusal("4097", header_refusal(x, span_make(text, HEADER_VALUE_MAX + 1)), "4096");
  check_refusal("16384", header_token(span_make(text, HEADER_TOKEN_MAX), &token), NULL);
  check_refusal("16385", header_token(span_make(text, HEADER_TOKEN_MAX + 1), &token), "16384");
  memcpy(text + HEADER_TOKEN_MAX, "\r\n", 2);
  check_refusal("a line break", header_token(span_make(text, HEADER_TOKEN_MAX + 2), &token),
                NULL);
  assert_int_equal(token.len, HEADER_TOKEN_MAX);
}

static void a_token_is_what_is_in_front_of_one_line_break(void **state) {
  (void)state;
  static const struct {
    const char *name;
    struct span text;
    const char *why;
    struct span token;
  } cases[] = {
      {"a token", SPAN_LITERAL("aZ09-._~+/="), NULL, SPAN_LITERAL("aZ09-._~+/=")},
      {"a line", SPAN_LITERAL("abc\n"), NULL, SPAN_LITERAL("abc")},
      {"a line of Windows", SPAN_LITERAL("abc\r\n"), NULL, SPAN_LITERAL("abc")},
      {"nothing", SPAN_LITERAL(""), "empty", {0}},
      {"an empty line", SPAN_LITERAL("\n"), "empty", {0}},
      {"two line breaks", SPAN_LITERAL("abc\n\n"), "second line", {0}},
      {"two lines", SPAN_LITERAL("abc\ndef"), "second line", {0}},
      {"a header in it", SPAN_LITERAL("abc\r\nX: y\n"), "second line", {0}},
      {"a carriage return", SPAN_LITERAL("abc\r"), "control character", {0}},
      {"a NUL", SPAN_LITERAL("a\0c"), "control character", {0}},
      {"a tab", SPAN_LITERAL("abc\t\n"), "control character", {0}},
      {"a DEL", SPAN_LITERAL("\x7F"), "control character", {0}},
      {"a blank", SPAN_LITERAL("Bearer abc\n"), "blank", {0}},
      {"a blank at the end", SPAN_LITERAL("abc \n"), "blank", {0}},
      {"not ASCII",
       SPAN_LITERAL("\xEF\xBB\xBF"
                    "abc\n"),
       "not ASCII",
       {0}},
  };
  for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
    struct span text = exact_copy(cases[i].text), token = {0};
    check_refusal(cases[i].name, header_token(text, &token), cases[i].why);
    if (cases[i].why == NULL)
      check_span(cases[i].name, token, cases[i].token);
    exact_free(text);
  }
}

/* ---- files ---- */

static char folder[] = "/tmp/am-test-header-XXXXXX";
static char dst[TOKEN_FILE_SIZE];
static const char *why;

static int set_up_group(void **state) {
  (void)state;
  return mkdtemp(folder) != NULL ? 0 : -1;
}

static int tear_down_group(void **state) {
  (void)state;
  return rmdir(folder);
}

static const char *path_of(const char *name) {
  static char paths[4][sizeof(folder) + 64];
  static unsigned next;
  char *path = paths[next++ % ARRAY_LENGTH(paths)];
  snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
  return path;
}

static void write_token(const char *name, const char *text) {
  FILE *stream = fopen(path_of(name), "w");
  assert_non_null(stream);
  assert_true(fputs(text, stream) >= 0);
  assert_int_equal(fclose(stream), 0);
}

static int read_token(const char *name) {
  return token_file_read(path_of(name), dst, &why);
}

static void check_token(const char *name, const char *token) {
  assert_int_equal(read_token(name), 0);
  assert_null(why);
  assert_string_equal(dst, token);
}

static void a_file_that_changes_is_read_again(void **state) {
  (void)state;
  write_token("token", "first\n");
  check_token("token", "first");
  write_token("token", "again\n"); /* as long, and in the same moment */
  check_token("token", "again");
  write_token("new", "second\n");
  assert_int_equal(rename(path_of("new"), path_of("token")), 0);
  check_token("token", "second");
  unlink(path_of("token"));
  assert_int_equal(read_token("token"), -ENOENT);
  assert_null(why);
  assert_string_equal(dst, "");
  write_token("token", "third");
  check_token("token", "third");
  unlink(path_of("token"));
}

/* A volume of Kubernetes: token -> ..data/token, ..data -> ..1, and ..data is replaced. */
static void a_token_behind_symbolic_links_is_followed(void **state) {
  (void)state;
  assert_int_equal(mkdir(path_of("..1"), 0700), 0);
  assert_int_equal(mkdir(path_of("..2"), 0700), 0);
  write_token("..1/token", "first\n");
  write_token("..2/token", "second\n");
  assert_int_equal(symlink("..1", path_of("..data")), 0);
  assert_int_equal(symlink("..data/token", path_of("token")), 0);
  check_token("token", "first");
  assert_int_equal(symlink("..2", path_of("..new")), 0);
  assert_int_equal(rename(path_of("..new"), path_of("..data")), 0);
  check_token("token", "second");
  unlink(path_of("..2/token"));
  assert_int_equal(read_token("token"), -ENOENT);
  unlink(path_of("..1/token"));
  rmdir(path_of("..1"));
  rmdir(path_of("..2"));
  unlink(path_of("..data"));
  unlink(path_of("token"));
}

static void what_is_no_file_is_no_token(void **state) {
  (void)state;
  assert_int_equal(read_token(""), -EINVAL);
  assert_string_equal(why, "is a directory");
  assert_int_equal(token_file_read("/dev/zero", dst, &why), -EINVAL);
  assert_string_equal(why, "is no regular file");
  assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
  uint64_t before_ns = clock_monotonic_ns();
  assert_int_equal(read_token("fifo"), -EINVAL); /* nobody writes to it */
  assert_string_equal(why, "is no regular file");
  assert_true(clock_monotonic_ns() - before_ns < 5000000000);
  unlink(path_of("fifo"));
  assert_int_equal(symlink("loop", path_of("loop")), 0);
  assert_int_equal(read_token("loop"), -ELOOP);
  unlink(path_of("loop"));
  assert_int_equal(read_token("nowhere/token"), -ENOENT);
  assert_string_equal(dst, "");
}

static void a_large_file_is_not_read_to_its_end(void **state) {
  (void)state;
  write_token("large", "");
  int fd = open(path_of("large"), O_WRONLY | O_CLOEXEC);
  char block[4096];
  memset(block, 'x', sizeof(block));
  for (int i = 0; i < 256; i++)
    assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
  assert_int_equal(read_token("large"), -EINVAL);
  assert_string_equal(why, "has more than 16384 bytes");
  assert_int_equal(ftruncate(fd, 1LL << 40), 0);
  assert_int_equal(read_token("large"), -EINVAL);
  assert_int_equal(ftruncate(fd, HEADER_TOKEN_MAX), 0);
  assert_int_equal(read_token("large"), 0);
  assert_int_equal(strlen(dst), HEADER_TOKEN_MAX);
  close(fd);
  unlink(path_of("large"));
}

static atomic_bool rotating;

static void *rotate(void *argument) {
  (void)argument;
  for (unsigned i = 0; atomic_load(&rotating); i++) {
    write_token("rotated.new", i % 2 == 0 ? "even\n" : "odd-and-longer\n");
    assert_int_equal(rename(path_of("rotated.new"), path_of("rotated")), 0);
  }
  return NULL;
}

/* Each time the whole of one of the tokens. */
static void a_file_that_is_replaced_all_the_time_is_read_whole(void **state) {
  (void)state;
  char path[sizeof(folder) + 16];
  snprintf(path, sizeof(path), "%s/rotated", folder);
  write_token("rotated", "odd-and-longer");
  pthread_t thread;
  atomic_store(&rotating, true);
  assert_int_equal(pthread_create(&thread, NULL, rotate, NULL), 0);
  for (int i = 0; i < 2000; i++) {
    assert_int_equal(token_file_read(path, dst, &why), 0);
    if (strcmp(dst, "even") != 0)
      assert_string_equal(dst, "odd-and-longer");
  }
  atomic_store(&rotating, false);
  pthread_join(thread, NULL);
  unlink(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_header_that_would_break_the_post_is_refused),
      cmocka_unit_test(headers_and_tokens_are_limited_in_length),
      cmocka_unit_test(a_token_is_what_is_in_front_of_one_line_break),
      cmocka_unit_test(a_file_that_changes_is_read_again),
      cmocka_unit_test(a_token_behind_symbolic_links_is_followed),
      cmocka_unit_test(what_is_no_file_is_no_token),
      cmocka_unit_test(a_large_file_is_not_read_to_its_end),
      cmocka_unit_test(a_file_that_is_replaced_all_the_time_is_read_whole),
  };
  return cmocka_run_group_tests_name("header", tests, set_up_group, tear_down_group);
}
