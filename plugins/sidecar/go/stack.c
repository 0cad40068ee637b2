/*
 * Makes matches, a key and a text from frames; see stack.h. Functions are cached in a hash
 * table of fixed size with open addressing. When it is three quarters full it is emptied: a
 * program has a few hundred functions on its stacks, so that happens only with input that is
 * not worth caching.
 */
#include "sidecar/go/stack.h"

#include <errno.h>
#include <stdlib.h>

#include "common/array.h"
#include "common/random_key.h"

/* ---- default patterns ---- */

const struct pattern_default stack_patterns_of_goroutines[] = {
    {"fetch_data", "[fF]etchData"},
    {"monitor", "tdmonitor|[/.*][mM]onitor"},
    {"tea_cmd", "bubbletea(/v[0-9]+)?\\.\\(\\*Program\\)\\."
                "(handleCommands\\.func[0-9]+\\.[0-9]+|execBatchMsg|execSequenceMsg)"},
    {NULL, NULL},
};

/* An append in a loop shows up as the function that appends: Go's text profile hides
 * runtime.growslice. These are the functions of the standard library that grow a buffer. */
const struct pattern_default stack_patterns_of_heap[] = {
    {"bufio_scanner", "^bufio\\.(\\(\\*Scanner\\)\\.|NewScanner)|GetScannerBuffer"},
    {"json_unmarshal", "^encoding/json(/[a-z0-9]+)?\\.(Unmarshal|\\(\\*[dD]eco)"},
    {"output_buffer", "OutputBuffer"},
    {"ansi", "(^|/)ansi[./]"},
    {"strings_split", "^strings\\.(genSplit|Split)"},
    {"buffer_growth", "^bytes\\.(growSlice|\\(\\*Buffer\\)\\.grow)|^slices\\.Grow|"
                      "^strings\\.\\(\\*Builder\\)\\.([gG]row|Write)"},
    {NULL, NULL},
};

/* ---- patterns over functions ---- */

enum { SLOTS = 4096, SLOTS_USED_MAX = SLOTS / 4 * 3 };

enum { RUNTIME = 1 << 0, STANDARD = 1 << 1 };

struct stack_matcher {
  const struct pattern_list *patterns;
  struct siphash_key key;
  uint64_t searched;
  size_t used;
  uint64_t hashes[SLOTS]; /* 0: free */
  uint32_t matches[SLOTS];
  uint8_t flags[SLOTS];
};

int stack_matcher_new(const struct pattern_list *patterns, struct stack_matcher **ret) {
  struct stack_matcher *matcher = calloc(1, sizeof(*matcher));
  if (matcher == NULL)
    return -ENOMEM;
  matcher->patterns = patterns;
  matcher->key = random_key_make();
  *ret = matcher;
  return 0;
}

void stack_matcher_free(struct stack_matcher *matcher) {
  free(matcher);
}

uint64_t stack_matcher_named(const struct stack_matcher *matcher, const char *name) {
  uint64_t named = 0;
  for (size_t i = 0; i < matcher->patterns->len; i++)
    if (strcmp(matcher->patterns->items[i].name, name) == 0)
      named |= UINT64_C(1) << i;
  return named;
}

uint64_t stack_matcher_searched(const struct stack_matcher *matcher) {
  return matcher->searched;
}

/* First elements of the import paths of Go's standard library, up to Go 1.27. */
static const char *const standard_library[] = {
    "archive",  "bufio",   "bytes",   "cmp",      "compress", "container", "context", "crypto",
    "database", "debug",   "embed",   "encoding", "errors",   "expvar",    "flag",    "fmt",
    "go",       "hash",    "html",    "image",    "index",    "internal",  "io",      "iter",
    "log",      "maps",    "math",    "mime",     "net",      "os",        "path",    "plugin",
    "reflect",  "regexp",  "runtime", "slices",   "sort",     "strconv",   "strings", "structs",
    "sync",     "syscall", "testing", "text",     "time",     "unicode",   "unique",  "unsafe",
    "uuid",     "vendor",  "weak",
};

static uint8_t flags_of(struct span name) {
  if (span_starts_with(name, "runtime.") || span_starts_with(name, "internal/runtime/"))
    return RUNTIME | STANDARD;
  /* "go.uber.org/zap.New" is not in "go": a dot ends the path only if there is no slash */
  const char *end = memchr(name.at, '/', name.len);
  if (end == NULL)
    end = memchr(name.at, '.', name.len);
  size_t n = end != NULL ? (size_t)(end - name.at) : name.len;
  for (size_t i = 0; i < ARRAY_LENGTH(standard_library); i++) {
    if (span_equals(span_make(name.at, n), standard_library[i]))
      return STANDARD;
  }
  /* the name of runtime.gopanic in Go's traceback */
  return span_equals(name, "panic") ? RUNTIME | STANDARD : 0;
}

static bool has_control_character(struct span name) {
  for (size_t i = 0; i < name.len; i++) {
    unsigned char c = (unsigned char)name.at[i];
    if (c < 0x20 || c == 0x7F)
      return true;
  }
  return false;
}

static int search_patterns(struct stack_matcher *matcher, struct span name, uint32_t *ret) {
  char text[STACK_FUNCTION_MAX + 1];
  size_t len = name.len < STACK_FUNCTION_MAX ? name.len : STACK_FUNCTION_MAX;
  memcpy(text, name.at, len);
  text[len] = '\0';

  uint32_t matches = 0;
  for (size_t i = 0; i < matcher->patterns->len; i++) {
    int status = regexec(&matcher->patterns->items[i].regex, text, 0, NULL, 0);
    if (status == REG_ESPACE)
      return -ENOMEM;
    if (status == 0)
      matches |= UINT32_C(1) << i;
  }
  matcher->searched++;
  *ret = matches;
  return 0;
}

static int remember(struct stack_matcher *matcher, struct span name, uint64_t hash,
                    size_t slot) {
  if (has_control_character(name))
    return -EBADMSG;
  uint32_t matches;
  int status = search_patterns(matcher, name, &matches);
  if (status != 0)
    return status;

  matcher->hashes[slot] = hash;
  matcher->matches[slot] = matches;
  matcher->flags[slot] = flags_of(name);
  matcher->used++;
  return 0;
}

/* The slot that holds hash, or the free one where it belongs. */
static size_t slot_of(const struct stack_matcher *matcher, uint64_t hash) {
  size_t slot = hash % SLOTS;
  while (matcher->hashes[slot] != hash && matcher->hashes[slot] != 0)
    slot = (slot + 1) % SLOTS;
  return slot;
}

int stack_matcher_match(struct stack_matcher *matcher, struct span name,
                        struct stack_function *ret) {
  uint64_t hash = siphash(&matcher->key, name);
  hash += hash == 0;
  size_t slot = slot_of(matcher, hash);
  if (matcher->hashes[slot] == 0) {
    if (matcher->used >= SLOTS_USED_MAX) {
      memset(matcher->hashes, 0, sizeof(matcher->hashes));
      matcher->used = 0;
      slot = slot_of(matcher, hash);
    }
    int status = remember(matcher, name, hash, slot);
    if (status != 0)
      return status;
  }
  *ret = (struct stack_function){
      .hash = hash,
      .matches = matcher->matches[slot],
      .is_runtime = matcher->flags[slot] & RUNTIME,
      .is_standard = matcher->flags[slot] & STANDARD,
  };
  return 0;
}

/* ---- one stack ---- */

static const char below[] = " < ", more[] = " < ...", created_by[] = ", created by ";

enum { FRAMES_TEXT_MAX = SITE_TEXT_MAX * 3 / 4 }; /* the rest is for the creator */

void stack_begin(struct stack *stack) {
  stack->key = stack->matches = stack->frame_matches = stack->last_shown = 0;
  stack->frames = 0;
  stack->is_runtime_only = true;
  stack->is_text_full = false;
  stack->text_len = 0;
  stack->site.text[0] = '\0';
  stack->site.leaked = stack->site.frames_key = 0;
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
  /* the most informative part of a name that is too long is its end */
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

static void show(struct stack *stack, struct span name, const struct stack_function *function) {
  bool is_first = stack->frames == 0 || (stack->is_runtime_only && !function->is_runtime);
  if (is_first)
    show_first(stack, short_name(name));
  else if (!function->is_standard && !stack->is_text_full &&
           function->hash != stack->last_shown)
    show_caller(stack, short_name(name));
  else
    return;
  stack->last_shown = function->hash;
}

int stack_frame_name(struct span line, bool is_long, struct span *ret_name) {
  struct span rest = line, ignored;
  if (!scan_literal(&rest, "#\t0x"))
    return -EBADMSG;
  if (!scan_word(&rest, &ignored))
    return -EBADMSG;
  scan_blanks(&rest);
  *ret_name = span_make(rest.at, 0);
  if (rest.len == 0)
    return 0;
  const char *end = memchr(rest.at, '\t', rest.len);
  struct span name = span_make(rest.at, end != NULL ? (size_t)(end - rest.at) : rest.len);
  const char *offset = memrchr(name.at, '+', name.len);
  if (offset == NULL || offset == name.at || (end == NULL && is_long))
    return -EBADMSG;
  ret_name->len = (size_t)(offset - name.at);
  return 0;
}

int stack_add_frame(struct stack *stack, struct stack_matcher *matcher, struct span name) {
  struct stack_function function;
  int status = stack_matcher_match(matcher, name, &function);
  if (status != 0)
    return status;

  show(stack, name, &function);
  stack->is_runtime_only &= function.is_runtime;
  stack->key = stack_key_mix(stack->key, function.hash);
  if (!function.is_runtime)
    stack->site.frames_key = stack_key_mix(stack->site.frames_key, function.hash);
  stack->matches |= function.matches;
  stack->frame_matches |= function.matches;
  stack->frames++;
  return 0;
}

int stack_set_creator(struct stack *stack, struct stack_matcher *matcher, struct span name) {
  struct stack_function function;
  int status = stack_matcher_match(matcher, name, &function);
  if (status != 0)
    return status;
  append(stack, created_by, short_name(name), SITE_TEXT_MAX);
  stack->key =
      stack_key_mix(stack->key, ~function.hash); /* not the same as a frame of that name */
  stack->matches |= function.matches;
  return 0;
}

void stack_count_matches(const struct stack *stack, uint64_t amount, uint64_t *counts) {
  for (uint64_t left = stack->matches; left != 0; left &= left - 1)
    counts[__builtin_ctzll(left)] += amount;
}
