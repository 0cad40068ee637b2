/*
 * Three passes: the tables, which follow the samples in the message; the time of each function;
 * the stacks of those with most of it. See cpu_profile.h.
 */
#include "sidecar/go/cpu_profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "sidecar/go/protobuf.h"

/* Fields of profile.proto. */
enum {
  PROFILE_SAMPLE_TYPE = 1,
  PROFILE_SAMPLE = 2,
  PROFILE_LOCATION = 4,
  PROFILE_FUNCTION = 5,
  PROFILE_STRING = 6,
  PROFILE_DURATION_NANOS = 10,
  VALUE_TYPE_TYPE = 1,
  SAMPLE_LOCATION_ID = 1,
  SAMPLE_VALUE = 2,
  LOCATION_ID = 1,
  LOCATION_LINE = 4,
  LINE_FUNCTION_ID = 1,
  FUNCTION_ID = 1,
  FUNCTION_NAME = 2,
};

enum { TABLE_MAX = 1 << 17, FRAMES_MAX = 1 << 21, VALUES_MAX = 8, FIRST_CAPACITY = 256 };

/* An address, with a function, or more, of which all but the last were inlined. */
struct location {
  uint64_t id;
  size_t first_line, lines; /* indexes of parsing.lines */
};

/* A function in a location. */
struct line {
  uint64_t function_id;
  struct function *function;
};

struct function {
  uint64_t id;
  uint64_t name_at; /* index in the string table */
  struct span name;
  bool is_standard;
  uint64_t ns;         /* as in struct cpu_user */
  uint64_t largest_ns; /* of a sample */
  struct span largest; /* that sample */
};

struct parsing {
  struct stack_matcher *matcher;
  struct span message;
  struct span *strings;
  struct location *locations;
  struct line *lines;
  struct function *functions;
  size_t strings_len, strings_capacity;
  size_t locations_len, locations_capacity;
  size_t lines_len, lines_capacity;
  size_t functions_len, functions_capacity;
  uint64_t types[VALUES_MAX]; /* of a sample's values: indexes of their names */
  size_t types_len;
  size_t cpu_at; /* which value is the time */
  uint64_t frames;
  struct cpu_profile result;
};

static void parsing_end(struct parsing *parsing) {
  free(parsing->strings);
  free(parsing->locations);
  free(parsing->lines);
  free(parsing->functions);
}

/* ---- the tables ---- */

/* Makes room in one of them. */
#define RESERVE(parsing, table)                                                                \
  ((parsing)->table##_len == TABLE_MAX ? -EMSGSIZE                                             \
   : array_reserve(&(parsing)->table, (parsing)->table##_len, &(parsing)->table##_capacity,    \
                   FIRST_CAPACITY)                                                             \
       ? 0                                                                                     \
       : -ENOMEM)

/* The last number of the message with this field; 0, as in protobuf, if it has none. */
static int number_of(struct span message, uint64_t field_number, uint64_t *ret) {
  struct protobuf_field field;
  int status;
  *ret = 0;
  while ((status = protobuf_next(&message, &field)) > 0)
    if (field.number == field_number && !field.is_bytes)
      *ret = field.value;
  return status;
}

static int add_sample_type(struct parsing *parsing, struct span message) {
  if (parsing->types_len == VALUES_MAX)
    return -EBADMSG;
  return number_of(message, VALUE_TYPE_TYPE, &parsing->types[parsing->types_len++]);
}

static int add_line(struct parsing *parsing, struct span message) {
  struct line line = {.function = NULL};
  int status = RESERVE(parsing, lines);
  if (status == 0)
    status = number_of(message, LINE_FUNCTION_ID, &line.function_id);
  if (status == 0)
    parsing->lines[parsing->lines_len++] = line;
  return status;
}

static int add_location(struct parsing *parsing, struct span message) {
  struct location location = {.first_line = parsing->lines_len};
  struct span rest = message;
  struct protobuf_field field;
  int status = RESERVE(parsing, locations);
  if (status == 0)
    status = number_of(message, LOCATION_ID, &location.id);
  while (status == 0 && (status = protobuf_next(&rest, &field)) > 0)
    status =
        field.number == LOCATION_LINE && field.is_bytes ? add_line(parsing, field.bytes) : 0;
  if (status != 0)
    return status;
  location.lines = parsing->lines_len - location.first_line;
  parsing->locations[parsing->locations_len++] = location;
  return 0;
}

static int add_function(struct parsing *parsing, struct span message) {
  struct function function = {.name = span_make("", 0)};
  int status = RESERVE(parsing, functions);
  if (status == 0)
    status = number_of(message, FUNCTION_ID, &function.id);
  if (status == 0)
    status = number_of(message, FUNCTION_NAME, &function.name_at);
  if (status == 0)
    parsing->functions[parsing->functions_len++] = function;
  return status;
}

static int add_string(struct parsing *parsing, struct span string) {
  int status = RESERVE(parsing, strings);
  if (status == 0)
    parsing->strings[parsing->strings_len++] = string;
  return status;
}

static int add_field(struct parsing *parsing, const struct protobuf_field *field) {
  if (field->number == PROFILE_DURATION_NANOS && !field->is_bytes)
    parsing->result.duration_ns = field->value <= INT64_MAX ? field->value : 0;
  if (!field->is_bytes)
    return 0;
  switch (field->number) {
  case PROFILE_SAMPLE_TYPE:
    return add_sample_type(parsing, field->bytes);
  case PROFILE_LOCATION:
    return add_location(parsing, field->bytes);
  case PROFILE_FUNCTION:
    return add_function(parsing, field->bytes);
  case PROFILE_STRING:
    return add_string(parsing, field->bytes);
  default:
    return 0;
  }
}

/* Locations and functions both begin with their id. */
static int compare_ids(const void *a, const void *b) {
  uint64_t x, y;
  memcpy(&x, a, sizeof(x));
  memcpy(&y, b, sizeof(y));
  return (x > y) - (x < y);
}

static int name_function(struct parsing *parsing, struct function *function) {
  struct stack_function known;
  if (function->name_at >= parsing->strings_len)
    return -EBADMSG;
  function->name = parsing->strings[function->name_at];
  if (function->name.len > STACK_FUNCTION_MAX)
    function->name.len = STACK_FUNCTION_MAX;
  int status = stack_matcher_match(parsing->matcher, function->name, &known);
  if (status == 0)
    function->is_standard = known.is_standard;
  return status;
}

static int find_cpu_type(struct parsing *parsing) {
  for (size_t i = 0; i < parsing->types_len; i++) {
    uint64_t at = parsing->types[i];
    if (at < parsing->strings_len && span_equals(parsing->strings[at], "cpu")) {
      parsing->cpu_at = i;
      return 0;
    }
  }
  return -EBADMSG;
}

/* An empty table has no memory. */
static void sort(void *table, size_t len, size_t size) {
  if (len > 0)
    qsort(table, len, size, compare_ids);
}

static void *find(const void *table, size_t len, size_t size, uint64_t id) {
  return len == 0 ? NULL : bsearch(&id, table, len, size, compare_ids);
}

/* runtime/pprof numbers both from 1, in this order: little is left to be sorted. */
static int link_tables(struct parsing *parsing) {
  sort(parsing->locations, parsing->locations_len, sizeof(*parsing->locations));
  sort(parsing->functions, parsing->functions_len, sizeof(*parsing->functions));
  for (size_t i = 0; i < parsing->functions_len; i++) {
    int status = name_function(parsing, &parsing->functions[i]);
    if (status != 0)
      return status;
  }
  for (size_t i = 0; i < parsing->lines_len; i++) {
    struct line *line = &parsing->lines[i];
    line->function = find(parsing->functions, parsing->functions_len,
                          sizeof(*parsing->functions), line->function_id);
    if (line->function == NULL)
      return -EBADMSG;
  }
  return 0;
}

static int read_tables(struct parsing *parsing) {
  struct span rest = parsing->message;
  struct protobuf_field field;
  int status;
  while ((status = protobuf_next(&rest, &field)) > 0) {
    status = add_field(parsing, &field);
    if (status != 0)
      return status;
  }
  if (status == 0)
    status = find_cpu_type(parsing);
  return status == 0 ? link_tables(parsing) : status;
}

/* ---- samples ---- */

enum { FOUND = 1 };

/* A frame of a sample, innermost first. A return value other than 0 ends the walk. */
typedef int (*frame_fn)(void *context, struct function *function);

/* A function that was inlined comes before the one it was inlined into. */
static int walk_location(struct parsing *parsing, uint64_t id, frame_fn frame, void *context) {
  const struct location *location =
      find(parsing->locations, parsing->locations_len, sizeof(*parsing->locations), id);
  if (location == NULL)
    return -EBADMSG;
  for (size_t i = 0; i < location->lines; i++) {
    if (++parsing->frames > FRAMES_MAX)
      return -EMSGSIZE;
    int status = frame(context, parsing->lines[location->first_line + i].function);
    if (status != 0)
      return status;
  }
  return 0;
}

/* Numbers that are repeated may be packed into one field, or have a field each. */
typedef int (*number_fn)(void *context, uint64_t number);

static int walk_numbers(const struct protobuf_field *field, number_fn number, void *context) {
  if (!field->is_bytes)
    return number(context, field->value);
  struct span rest = field->bytes;
  uint64_t value;
  int status;
  while ((status = protobuf_next_packed(&rest, &value)) > 0) {
    status = number(context, value);
    if (status != 0)
      return status;
  }
  return status;
}

static int walk_field(struct span message, uint64_t number, number_fn fn, void *context) {
  struct protobuf_field field;
  int status;
  while ((status = protobuf_next(&message, &field)) > 0) {
    status = field.number == number ? walk_numbers(&field, fn, context) : 0;
    if (status != 0)
      return status;
  }
  return status;
}

struct walk {
  struct parsing *parsing;
  frame_fn frame;
  void *context;
};

static int take_location_id(void *context, uint64_t id) {
  struct walk *walk = context;
  return walk_location(walk->parsing, id, walk->frame, walk->context);
}

static int walk_sample(struct parsing *parsing, struct span sample, frame_fn frame,
                       void *context) {
  struct walk walk = {parsing, frame, context};
  return walk_field(sample, SAMPLE_LOCATION_ID, take_location_id, &walk);
}

struct value_at {
  size_t at, seen;
  uint64_t value;
};

static int take_sample_value(void *context, uint64_t number) {
  struct value_at *wanted = context;
  if (wanted->seen++ == wanted->at)
    wanted->value = number;
  return 0;
}

static int sample_time(const struct parsing *parsing, struct span sample, uint64_t *ret_ns) {
  struct value_at wanted = {.at = parsing->cpu_at};
  int status = walk_field(sample, SAMPLE_VALUE, take_sample_value, &wanted);
  *ret_ns = wanted.value;
  return status == 0 && (wanted.seen <= wanted.at || wanted.value > INT64_MAX) ? -EBADMSG
                                                                               : status;
}

/* ---- the time of each function ---- */

/* Its own code, or else, at the end, the outermost. */
static int find_user(void *context, struct function *function) {
  struct function **user = context;
  *user = function;
  return function->is_standard ? 0 : FOUND;
}

static int add_sample(struct parsing *parsing, struct span sample) {
  struct function *user = NULL;
  uint64_t ns;
  int status = sample_time(parsing, sample, &ns);
  if (status == 0)
    status = walk_sample(parsing, sample, find_user, &user);
  if (status < 0)
    return status;
  if (__builtin_add_overflow(parsing->result.cpu_ns, ns, &parsing->result.cpu_ns))
    return -EBADMSG;
  if (user == NULL) /* no frames */
    return 0;
  user->ns += ns;
  if (ns > user->largest_ns) {
    user->largest_ns = ns;
    user->largest = sample;
  }
  return 0;
}

static int add_samples(struct parsing *parsing) {
  struct span rest = parsing->message;
  struct protobuf_field field;
  int status;
  while ((status = protobuf_next(&rest, &field)) > 0) {
    status =
        field.number == PROFILE_SAMPLE && field.is_bytes ? add_sample(parsing, field.bytes) : 0;
    if (status != 0)
      return status;
  }
  return status;
}

/* ---- the stacks of those with most of it ---- */

enum { FRAMES_SHOWN_MAX = 256 };

struct text {
  struct stack_matcher *matcher;
  const struct function *user;
  struct stack stack;
};

static int add_to_text(void *context, struct function *function) {
  struct text *text = context;
  struct stack *stack = &text->stack;
  if (stack->is_text_full || stack->frames == FRAMES_SHOWN_MAX)
    return FOUND;
  if (stack->frames == 0 && function != text->user)
    return 0;
  return stack_add_frame(stack, text->matcher, function->name);
}

static int describe(struct parsing *parsing, const struct function *function,
                    struct cpu_user *ret) {
  struct text text = {.matcher = parsing->matcher, .user = function};
  stack_begin(&text.stack);
  int status = walk_sample(parsing, function->largest, add_to_text, &text);
  ret->ns = function->ns;
  memcpy(ret->text, text.stack.site.text, sizeof(ret->text));
  return status < 0 ? status : 0;
}

static int list_users(struct parsing *parsing) {
  const struct function *top[CPU_USERS_MAX];
  size_t len = 0;
  for (size_t i = 0; i < parsing->functions_len; i++) {
    const struct function *function = &parsing->functions[i];
    size_t at = len;
    while (at > 0 && function->ns > top[at - 1]->ns)
      at--;
    if (function->ns == 0 || at == CPU_USERS_MAX)
      continue;
    len += len < CPU_USERS_MAX;
    memmove(&top[at + 1], &top[at], (len - 1 - at) * sizeof(top[0]));
    top[at] = function;
  }
  for (size_t i = 0; i < len; i++) {
    int status = describe(parsing, top[i], &parsing->result.users[i]);
    if (status != 0)
      return status;
  }
  parsing->result.len = len;
  return 0;
}

int cpu_profile_parse(struct span profile, struct stack_matcher *matcher,
                      struct cpu_profile *ret) {
  struct parsing parsing = {.matcher = matcher, .message = profile};
  int status = read_tables(&parsing);
  if (status == 0)
    status = add_samples(&parsing);
  if (status == 0)
    status = list_users(&parsing);
  if (status == 0)
    *ret = parsing.result;
  parsing_end(&parsing);
  return status;
}
