/* Frames into a key, verdicts and a text; see stack.h. */
#include "sidecar/parse/stack.h"

static const char below[] = " < ", more[] = " < ...", created_by[] = ", created by ";

enum { FRAMES_TEXT_MAX = SITE_TEXT_MAX * 3 / 4 }; /* the rest is for the creator */

void stack_begin(struct stack *stack) {
  stack->key = stack->matches = stack->last_shown = 0;
  stack->frames = 0;
  stack->is_runtime_only = true;
  stack->is_text_full = false;
  stack->text_len = 0;
  stack->site.text[0] = '\0';
}

static bool is_major_version(struct span element) {
  size_t n = 1;
  while (n < element.len && element.at[n] >= '0' && element.at[n] <= '9')
    n++;
  return n > 1 && element.at[0] == 'v' && n < element.len && element.at[n] == '.';
}

/* "github.com/marcus/td/pkg/monitor.FetchData" is "monitor.FetchData", and
 * "charm.land/bubbletea/v2.Tick" is "bubbletea/v2.Tick". */
static struct span short_name(struct span name) {
  const char *slash = memrchr(name.at, '/', name.len);
  if (slash == NULL)
    return name;
  size_t cut = (size_t)(slash - name.at);
  struct span last = span_make(slash + 1, name.len - cut - 1);
  if (!is_major_version(last))
    return last;
  slash = memrchr(name.at, '/', cut);
  if (slash == NULL)
    return name;
  return span_make(slash + 1, name.len - (size_t)(slash - name.at) - 1);
}

/* Appends separator and name if they fit below max. */
static bool append(struct stack *stack, const char *separator, struct span name, size_t max) {
  size_t separator_len = strlen(separator);
  if (stack->text_len + separator_len + name.len >= max)
    return false;
  char *end = stack->site.text + stack->text_len;
  memcpy(end, separator, separator_len);
  memcpy(end + separator_len, name.at, name.len);
  stack->text_len += separator_len + name.len;
  stack->site.text[stack->text_len] = '\0';
  return true;
}

static void show_first(struct stack *stack, struct span name) {
  stack->text_len = 0;
  /* of a name that is too long, the end says most */
  size_t max = FRAMES_TEXT_MAX - sizeof(more);
  if (name.len > max)
    name = span_make(name.at + name.len - max, max);
  append(stack, "", name, FRAMES_TEXT_MAX);
}

static void show_caller(struct stack *stack, struct span name) {
  if (!append(stack, below, name, FRAMES_TEXT_MAX - strlen(more))) {
    append(stack, more, span_make("", 0), FRAMES_TEXT_MAX);
    stack->is_text_full = true;
  }
}

static void show(struct stack *stack, struct span name, uint64_t hash,
                 const struct stack_function *function) {
  bool is_first = stack->frames == 0 || (stack->is_runtime_only && !function->is_runtime);
  if (is_first)
    show_first(stack, short_name(name));
  else if (!function->is_standard && !stack->is_text_full && hash != stack->last_shown)
    show_caller(stack, short_name(name));
  else
    return;
  stack->last_shown = hash;
}

int stack_add_frame(struct stack *stack, struct stack_matcher *matcher, struct span name) {
  struct stack_function function;
  uint64_t hash = stack_hash(name);
  int status = stack_matcher_judge(matcher, name, hash, &function);
  if (status != 0)
    return status;

  show(stack, name, hash, &function);
  stack->is_runtime_only &= function.is_runtime;
  stack->key = stack_hash_mix(stack->key, hash);
  stack->matches |= function.matches;
  stack->frames++;
  return 0;
}

int stack_set_creator(struct stack *stack, struct stack_matcher *matcher, struct span name) {
  struct stack_function function;
  uint64_t hash = stack_hash(name);
  int status = stack_matcher_judge(matcher, name, hash, &function);
  if (status != 0)
    return status;
  append(stack, created_by, short_name(name), SITE_TEXT_MAX);
  stack->key = stack_hash_mix(stack->key, ~hash); /* not the same as a frame of that name */
  stack->matches |= function.matches;
  return 0;
}

void stack_count_matches(const struct stack *stack, uint64_t amount, uint64_t *counts) {
  for (uint64_t left = stack->matches; left != 0; left &= left - 1)
    counts[__builtin_ctzll(left)] += amount;
}
