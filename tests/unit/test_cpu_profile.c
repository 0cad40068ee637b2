/*
 * CPU profiles: captured ones compared with go tool pprof's stacks, messages in all forms that
 * profile.proto allows, contradictions, sizes that no program has, and the gzip file around it.
 */
#include "sidecar/go/cpu_profile.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>

#include "cases.h"
#include "common/buffer.h"
#include "profile_files.h"
#include "sidecar/go/gzip.h"

enum { MESSAGE_MAX = 64 * 1024 * 1024 };

static const struct pattern_default no_patterns[] = {{NULL, NULL}};

static struct profile_patterns patterns;
static struct cpu_profile profile;

static int set_up(void **state) {
  (void)state;
  profile_patterns_compile(&patterns, no_patterns);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  profile_patterns_free(&patterns);
  return 0;
}

static int parse(struct span message) {
  struct span copy = exact_copy(message);
  int status = cpu_profile_parse(copy, patterns.matcher, &profile);
  exact_free(copy);
  return status;
}

/* ---- captured profiles ---- */

static int unzip(struct span file, struct buffer *ret) {
  FILE *stream = tmpfile();
  assert_non_null(stream);
  assert_int_equal(fwrite(file.at, 1, file.len, stream), file.len);
  assert_int_equal(fflush(stream), 0);
  int status = gzip_read(fileno(stream), ret);
  fclose(stream);
  return status;
}

/* The profile that belongs to the text; free it with buffer_free(). */
static struct buffer message_of(const char *text_path) {
  struct buffer message = buffer_make(MESSAGE_MAX);
  char path[4096];
  snprintf(path, sizeof(path), "%.*s.pb.gz", (int)(strlen(text_path) - strlen(".txt")),
           text_path);
  struct span file = profile_file_read(path);
  check_int(path, unzip(file, &message), 0);
  exact_free(file);
  return message;
}

/* Does the text begin with this function? */
static bool is_of(const struct cpu_user *user, const char *function) {
  size_t len = strlen(function);
  return strncmp(user->text, function, len) == 0 &&
         (user->text[len] == '\0' || strncmp(user->text + len, " < ", 3) == 0);
}

static void check_user(const char *path, size_t i, const char *name, unsigned long long ns) {
  bool is_there = false;
  check_int(path, profile.users[i].ns, ns);
  for (size_t j = 0; j < profile.len; j++) /* two may have the same time */
    is_there = is_there || (profile.users[j].ns == ns && is_of(&profile.users[j], name));
  if (!is_there)
    fail_msg("%s: there is no %s", path, name);
}

static void captured_profiles_agree_with_the_stacks_of_pprof(void **state) {
  (void)state;
  char **paths = profile_files("cpu");
  for (size_t i = 0; paths[i] != NULL; i++) {
    char name[256];
    unsigned long long ns, total;
    size_t lines = 0;
    struct buffer message = message_of(paths[i]);
    check_int(paths[i], parse(buffer_span(&message)), 0);
    buffer_free(&message);
    check_int(paths[i], profile.len, CPU_USERS_MAX);
    check_int(paths[i], profile.duration_ns / 1000000000, 4);

    FILE *stream = fopen(paths[i], "r");
    assert_non_null(stream);
    for (; fscanf(stream, "%llu %255s", &ns, name) == 2; lines++)
      if (lines < CPU_USERS_MAX)
        check_user(paths[i], lines, name, ns);
    assert_int_equal(fscanf(stream, "total %llu", &total), 1);
    fclose(stream);
    check_int(paths[i], lines >= CPU_USERS_MAX, true);
    check_int(paths[i], profile.cpu_ns, total);
  }
  profile_files_free(paths);
}

static void a_part_of_a_profile_is_refused_or_says_no_more(void **state) {
  (void)state;
  char **paths = profile_files("cpu");
  for (size_t i = 0; paths[i] != NULL; i++) {
    struct buffer message = message_of(paths[i]);
    check_int(paths[i], parse(buffer_span(&message)), 0);
    uint64_t whole_ns = profile.cpu_ns;
    for (size_t len = 0; len < message.len; len++) {
      int status = parse(span_make(message.data, len));
      check_int(paths[i], status == -EBADMSG || (status == 0 && profile.cpu_ns <= whole_ns),
                true);
    }
    buffer_free(&message);
  }
  profile_files_free(paths);
}

/* ---- messages ---- */

static void put_varint(struct buffer *to, uint64_t value) {
  for (; value > 0x7F; value >>= 7)
    assert_int_equal(buffer_append(to, &(char){(char)(value | 0x80)}, 1), 0);
  assert_int_equal(buffer_append(to, &(char){(char)value}, 1), 0);
}

static void put_number(struct buffer *to, unsigned field, uint64_t value) {
  put_varint(to, field << 3);
  put_varint(to, value);
}

static void put_bytes(struct buffer *to, unsigned field, struct span bytes) {
  put_varint(to, field << 3 | 2);
  put_varint(to, bytes.len);
  assert_int_equal(buffer_append(to, bytes.at, bytes.len), 0);
}

static void put_message(struct buffer *to, unsigned field, struct buffer *message) {
  put_bytes(to, field, buffer_span(message));
  buffer_free(message);
}

enum { CPU = 1 }; /* in every table of strings */

/* What every profile has; names follow from index 2 on. */
static struct buffer begin_profile(const char *type) {
  struct buffer message = buffer_make(MESSAGE_MAX), value_type = buffer_make(64);
  put_number(&value_type, 1, CPU);
  put_message(&message, 1, &value_type);
  put_bytes(&message, 6, span_of(""));
  put_bytes(&message, 6, span_of(type));
  return message;
}

static void put_function(struct buffer *to, uint64_t id, uint64_t name) {
  struct buffer function = buffer_make(64);
  put_number(&function, 1, id);
  put_number(&function, 2, name);
  put_message(to, 5, &function);
}

/* With these functions, the innermost first; ends with 0. */
static void put_location(struct buffer *to, uint64_t id, const uint64_t *functions) {
  struct buffer location = buffer_make(1024);
  put_number(&location, 1, id);
  for (; *functions != 0; functions++) {
    struct buffer line = buffer_make(64);
    put_number(&line, 1, *functions);
    put_number(&line, 2, 77);
    put_message(&location, 4, &line);
  }
  put_message(to, 4, &location);
}

static void put_sample(struct buffer *to, const uint64_t *locations, uint64_t ns, bool packed) {
  struct buffer sample = buffer_make(1024), ids = buffer_make(1024), values = buffer_make(64);
  for (; *locations != 0; locations++) {
    if (packed)
      put_varint(&ids, *locations);
    else
      put_number(&sample, 1, *locations);
  }
  put_varint(&values, ns);
  if (packed) {
    put_bytes(&sample, 1, buffer_span(&ids));
    put_bytes(&sample, 2, buffer_span(&values));
  } else {
    put_number(&sample, 2, ns);
  }
  put_message(to, 2, &sample);
  buffer_free(&ids);
  buffer_free(&values);
}

static int parse_and_free(struct buffer *message) {
  int status = parse(buffer_span(message));
  buffer_free(message);
  return status;
}

/* Two stacks end in main.load, and json.Decode is inlined into it; then there are a collection,
 * with two functions of the runtime, and one of main.main itself. */
static struct buffer make_profile(bool packed) {
  struct buffer message = begin_profile("cpu");
  put_sample(&message, (uint64_t[]){9, 4, 0}, 30, packed);
  put_sample(&message, (uint64_t[]){7, 9, 4, 0}, 50, packed);
  put_sample(&message, (uint64_t[]){7, 8, 0}, 15, packed);
  put_sample(&message, (uint64_t[]){4, 0}, 5, packed);
  put_location(&message, 9, (uint64_t[]){13, 11, 0});
  put_location(&message, 4, (uint64_t[]){10, 0});
  put_location(&message, 7, (uint64_t[]){14, 0});
  put_location(&message, 8, (uint64_t[]){12, 0});
  for (uint64_t i = 0; i < 5; i++)
    put_function(&message, 10 + i, 2 + i);
  put_bytes(&message, 6, span_of("main.main"));
  put_bytes(&message, 6, span_of("example.com/x/history.load"));
  put_bytes(&message, 6, span_of("runtime.gcBgMarkWorker"));
  put_bytes(&message, 6, span_of("encoding/json.Decode"));
  put_bytes(&message, 6, span_of("runtime.memmove"));
  return message;
}

static void time_belongs_to_the_innermost_function_of_the_program(void **state) {
  (void)state;
  for (int packed = 0; packed < 2; packed++) {
    struct buffer message = make_profile(packed);
    put_number(&message, 10, 1000);
    assert_int_equal(parse_and_free(&message), 0);
    assert_int_equal(profile.cpu_ns, 100);
    assert_int_equal(profile.duration_ns, 1000);
    assert_int_equal(profile.len, 3);
    assert_int_equal(profile.users[0].ns, 80);
    assert_string_equal(profile.users[0].text, "history.load < main.main");
    assert_int_equal(profile.users[1].ns, 15);
    assert_string_equal(profile.users[1].text, "runtime.gcBgMarkWorker");
    assert_int_equal(profile.users[2].ns, 5);
    assert_string_equal(profile.users[2].text, "main.main");
  }
}

static void an_unknown_duration_is_not_known(void **state) {
  (void)state;
  struct buffer message = make_profile(true);
  put_number(&message, 10, UINT64_MAX); /* -1 */
  assert_int_equal(parse_and_free(&message), 0);
  assert_int_equal(profile.duration_ns, 0);
}

static void a_profile_without_samples_has_no_users(void **state) {
  (void)state;
  struct buffer message = begin_profile("cpu");
  put_sample(&message, (uint64_t[]){0}, 7, true); /* no stack */
  assert_int_equal(parse_and_free(&message), 0);
  assert_int_equal(profile.cpu_ns, 7);
  assert_int_equal(profile.len, 0);
}

enum fault {
  OTHER_TYPE,
  NO_LOCATION,
  NO_FUNCTION,
  NO_NAME,
  CONTROL_CHARACTER,
  NEGATIVE,
  OVERFLOW,
  GROUP,
  TAG_TOO_LONG,
  LONGER_THAN_THE_MESSAGE,
  FAULTS
};

static void put_fault(struct buffer *message, enum fault fault) {
  switch (fault) {
  case NO_LOCATION:
    put_sample(message, (uint64_t[]){7, 99, 0}, 1, true);
    return;
  case NO_FUNCTION:
    put_location(message, 20, (uint64_t[]){99, 0});
    return;
  case NO_NAME:
    put_function(message, 20, 99);
    return;
  case CONTROL_CHARACTER:
    put_function(message, 20, 7);
    put_bytes(message, 6, span_of("main.\n"));
    return;
  case NEGATIVE:
    put_sample(message, (uint64_t[]){7, 0}, UINT64_MAX, true);
    return;
  case OVERFLOW:
    for (int i = 0; i < 3; i++)
      put_sample(message, (uint64_t[]){7, 0}, INT64_MAX, true);
    return;
  case GROUP:
    put_varint(message, 3 << 3 | 3);
    return;
  case TAG_TOO_LONG:
    for (int i = 0; i < 10; i++)
      buffer_append(message, "\xff", 1);
    return;
  case LONGER_THAN_THE_MESSAGE:
    put_varint(message, 3 << 3 | 2);
    put_varint(message, UINT64_MAX);
    return;
  default:
    return;
  }
}

static void contradictions_are_refused(void **state) {
  (void)state;
  for (int fault = OTHER_TYPE; fault < FAULTS; fault++) {
    char name[32];
    struct buffer message = make_profile(true);
    if (fault == OTHER_TYPE) {
      buffer_free(&message);
      message = begin_profile("inuse_space");
    }
    put_fault(&message, fault);
    snprintf(name, sizeof(name), "fault %d", fault);
    check_int(name, parse_and_free(&message), -EBADMSG);
  }
}

/* ---- sizes ---- */

static void sizes_that_no_program_has_are_refused(void **state) {
  (void)state;
  static const unsigned fields[] = {4, 5, 6};
  for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
    struct buffer message = make_profile(true);
    for (size_t n = 0; n < 200000; n++)
      put_bytes(&message, fields[i], span_of(""));
    check_int("many entries of a table", parse_and_free(&message), -EMSGSIZE);
  }
}

static void a_stack_of_millions_of_frames_is_refused(void **state) {
  (void)state;
  struct buffer message = make_profile(true), sample = buffer_make(MESSAGE_MAX),
                ids = buffer_make(MESSAGE_MAX);
  for (size_t n = 0; n < 8 * 1024 * 1024; n++)
    put_varint(&ids, 7);
  put_bytes(&sample, 1, buffer_span(&ids));
  put_bytes(&sample, 2, span_of("\x01"));
  put_message(&message, 2, &sample);
  buffer_free(&ids);
  assert_int_equal(parse_and_free(&message), -EMSGSIZE);
}

/* Otherwise 100,000 functions would read a terabyte. */
static void a_name_of_megabytes_is_read_as_far_as_names_go(void **state) {
  (void)state;
  struct buffer message = make_profile(true), name = buffer_make(MESSAGE_MAX);
  while (name.len < 8 * 1024 * 1024)
    assert_int_equal(buffer_append_string(&name, "aaaaaaaaaaaaaaaa"), 0);
  for (uint64_t id = 100; id < 2000; id++)
    put_function(&message, id, 7);
  put_message(&message, 6, &name);
  assert_int_equal(parse_and_free(&message), 0);
  assert_int_equal(profile.users[0].ns, 80);
}

/* ---- the file ---- */

static struct span compress_bytes(struct span bytes) {
  z_stream stream = {0};
  assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY),
                   Z_OK);
  size_t max = deflateBound(&stream, bytes.len);
  char *file = malloc(max);
  assert_non_null(file);
  stream.next_in = (Bytef *)(uintptr_t)bytes.at;
  stream.avail_in = (uInt)bytes.len;
  stream.next_out = (Bytef *)file;
  stream.avail_out = (uInt)max;
  assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
  size_t len = max - stream.avail_out;
  deflateEnd(&stream);
  return span_make(file, len);
}

static void check_file(const char *name, struct span file, size_t max, int expected) {
  struct buffer text = buffer_make(max);
  check_int(name, unzip(file, &text), expected);
  buffer_free(&text);
}

static void a_file_is_one_complete_member(void **state) {
  (void)state;
  static char zeros[1024 * 1024];
  struct span file = compress_bytes(span_make(zeros, sizeof(zeros)));
  check_file("complete", file, sizeof(zeros), 0);
  check_file("a byte too many", file, sizeof(zeros) - 1, -EMSGSIZE);
  for (size_t len = 0; len < file.len; len++)
    check_file("truncated", span_make(file.at, len), sizeof(zeros), -EBADMSG);

  char longer[8192];
  assert_true(2 * file.len <= sizeof(longer));
  memcpy(longer, file.at, file.len);
  memcpy(longer + file.len, file.at, file.len);
  check_file("a byte behind it", span_make(longer, file.len + 1), sizeof(zeros), -EBADMSG);
  check_file("two members", span_make(longer, 2 * file.len), 2 * sizeof(zeros), -EBADMSG);
  longer[file.len - 5] ^= 1; /* of its checksum */
  check_file("a wrong checksum", span_make(longer, file.len), sizeof(zeros), -EBADMSG);
  check_file("no gzip", span_of("heap profile: 1"), sizeof(zeros), -EBADMSG);
  exact_free(file);
}

static void a_file_of_many_pieces_is_read_to_its_end(void **state) {
  (void)state;
  static char noise[512 * 1024];
  uint64_t number = 1;
  for (size_t i = 0; i < sizeof(noise); i++) {
    number = number * UINT64_C(6364136223846793005) + 1442695040888963407;
    noise[i] = (char)(number >> 33);
  }
  struct span file = compress_bytes(span_make(noise, sizeof(noise)));
  struct buffer text = buffer_make(sizeof(noise));
  assert_int_equal(unzip(file, &text), 0);
  check_span("noise", buffer_span(&text), span_make(noise, sizeof(noise)));
  buffer_free(&text);
  exact_free(file);
}

static void a_file_that_cannot_be_read_says_why(void **state) {
  (void)state;
  struct buffer text = buffer_make(1024);
  assert_int_equal(gzip_read(-1, &text), -EBADF);
  buffer_free(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(captured_profiles_agree_with_the_stacks_of_pprof),
      cmocka_unit_test(a_part_of_a_profile_is_refused_or_says_no_more),
      cmocka_unit_test(time_belongs_to_the_innermost_function_of_the_program),
      cmocka_unit_test(an_unknown_duration_is_not_known),
      cmocka_unit_test(a_profile_without_samples_has_no_users),
      cmocka_unit_test(contradictions_are_refused),
      cmocka_unit_test(sizes_that_no_program_has_are_refused),
      cmocka_unit_test(a_stack_of_millions_of_frames_is_refused),
      cmocka_unit_test(a_name_of_megabytes_is_read_as_far_as_names_go),
      cmocka_unit_test(a_file_is_one_complete_member),
      cmocka_unit_test(a_file_of_many_pieces_is_read_to_its_end),
      cmocka_unit_test(a_file_that_cannot_be_read_says_why),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
