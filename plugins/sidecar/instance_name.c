/* Names of watched processes; see instance_name.h. */
#include "sidecar/instance_name.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/scan.h"
#include "common/text.h"

enum fact { FACT_CWD, FACT_EXECUTABLE, FACT_PROCESS, FACT_PID, FACT_PERCENT, FACTS };

static const char *const fact_tokens[FACTS] = {
    [FACT_CWD] = "%{cwd}",         [FACT_EXECUTABLE] = "%{executable}",
    [FACT_PROCESS] = "%{process}", [FACT_PID] = "%{pid}",
    [FACT_PERCENT] = "%{%}",
};

/* Takes a token off the front of *s; returns FACTS when it does not start with one. */
static enum fact take_token(struct span *s) {
  for (enum fact fact = 0; fact < FACTS; fact++) {
    if (scan_literal(s, fact_tokens[fact]))
      return fact;
  }
  return FACTS;
}

int instance_template_check(const char *template, size_t *ret_at) {
  struct span rest = span_of(template);
  while (rest.len > 0) {
    if (*rest.at == '%' && take_token(&rest) == FACTS) {
      *ret_at = (size_t)(rest.at - template);
      return -EINVAL;
    }
    if (rest.len > 0 && *rest.at != '%') {
      rest.at++;
      rest.len--;
    }
  }
  *ret_at = 0;
  return *template == '\0' ? -EINVAL : 0;
}

static struct span base_name(const char *path) {
  struct span s = span_of(path);
  while (s.len > 1 && s.at[s.len - 1] == '/')
    s.len--;
  const char *slash = memrchr(s.at, '/', s.len);
  if (slash != NULL && s.len > 1) {
    s.len -= (size_t)(slash + 1 - s.at);
    s.at = slash + 1;
  }
  return span_equals(s, "/") ? span_make(s.at, 0) : s;
}

/* Text under construction; holds raw bytes until it is sanitised. A base name has at most
 * 255 bytes on any Linux file system, so a template of a few facts fits. */
struct draft {
  char bytes[1024];
  size_t len;
};

static void draft_add(struct draft *draft, struct span s) {
  size_t room = sizeof(draft->bytes) - draft->len;
  size_t n = s.len < room ? s.len : room;
  memcpy(draft->bytes + draft->len, s.at, n);
  draft->len += n;
}

static void draft_add_fact(struct draft *draft, enum fact fact,
                           const struct instance_facts *facts) {
  char number[24];
  struct span cwd;
  switch (fact) {
  case FACT_CWD:
    cwd = facts->cwd != NULL ? base_name(facts->cwd) : span_make("", 0);
    draft_add(draft, cwd.len > 0 ? cwd : span_of(facts->executable));
    break;
  case FACT_EXECUTABLE:
    draft_add(draft, span_of(facts->executable));
    break;
  case FACT_PROCESS:
    draft_add(draft, span_of(facts->process));
    break;
  case FACT_PID:
    snprintf(number, sizeof(number), "%d", (int)facts->pid);
    draft_add(draft, span_of(number));
    break;
  default:
    draft_add(draft, SPAN_LITERAL("%"));
  }
}

/* The backslash is not harmless. */
static bool is_awkward(uint32_t code) {
  return !text_is_harmless_in_name(code) || code == '"' || code == '\'' || code == '/' ||
         code == ';';
}

static size_t sanitise(struct span raw, char ret[INSTANCE_NAME_SIZE]) {
  size_t len = 0;
  while (raw.len > 0 && raw.at[0] == ' ')
    raw.at++, raw.len--;
  while (raw.len > 0 && raw.at[raw.len - 1] == ' ')
    raw.len--;

  while (raw.len > 0) {
    uint32_t code = 0;
    size_t taken = text_utf8_character(raw, &code);
    bool keep = taken > 0 && !is_awkward(code);
    size_t adds = keep ? taken : 1;
    if (len + adds > INSTANCE_NAME_SIZE - 1)
      break;
    if (keep)
      memcpy(ret + len, raw.at, taken);
    else
      ret[len] = '_';
    len += adds;
    raw.at += taken > 0 ? taken : 1;
    raw.len -= taken > 0 ? taken : 1;
  }
  ret[len] = '\0';
  return len;
}

void instance_name_make(const char *template, const struct instance_facts *facts,
                        char ret[INSTANCE_NAME_SIZE]) {
  struct draft draft = {.len = 0};
  struct span rest = span_of(template);
  while (rest.len > 0) {
    enum fact fact = *rest.at == '%' ? take_token(&rest) : FACTS;
    if (fact < FACTS) {
      draft_add_fact(&draft, fact, facts);
    } else {
      draft_add(&draft, span_make(rest.at, 1));
      rest.at++;
      rest.len--;
    }
  }
  if (sanitise(span_make(draft.bytes, draft.len), ret) == 0 &&
      sanitise(span_of(facts->executable), ret) == 0)
    strcpy(ret, "unnamed");
}

void instance_name_number(const char *base, unsigned number, char ret[INSTANCE_NAME_SIZE]) {
  char suffix[16] = "";
  if (number > 1)
    snprintf(suffix, sizeof(suffix), "-%u", number);
  size_t keep = text_utf8_cut(span_of(base), INSTANCE_NAME_SIZE - 1 - strlen(suffix));
  memmove(ret, base, keep);
  strcpy(ret + keep, suffix);
}

/* ---- names in use ---- */

struct name {
  char text[INSTANCE_NAME_SIZE]; /* first: its address is the key */
  unsigned lowest;               /* of a base */
};

static int as_in_graphite(char c) {
  return strchr(". \"\\:!,/()", c) != NULL || (unsigned char)c < 0x20 ? '_' : (unsigned char)c;
}

static int compare_names(const void *left, const void *right) {
  const char *a = left, *b = right;
  while (*a != '\0' && *b != '\0' && as_in_graphite(*a) == as_in_graphite(*b)) {
    a++;
    b++;
  }
  return (*a == '\0' ? 0 : as_in_graphite(*a)) - (*b == '\0' ? 0 : as_in_graphite(*b));
}

/* The name in a tree, added if need be; NULL: no memory. */
static struct name *get_name(void **tree, const char *text) {
  struct name **node = tfind(text, tree, compare_names);
  if (node != NULL)
    return *node;
  struct name *name = calloc(1, sizeof(*name));
  if (name == NULL)
    return NULL;
  snprintf(name->text, sizeof(name->text), "%s", text);
  node = tsearch(name, tree, compare_names);
  if (node == NULL)
    free(name);
  return node != NULL ? *node : NULL;
}

static void clear(void **tree) {
  while (*tree != NULL) {
    struct name *name = **(struct name ***)tree;
    tdelete(name, tree, compare_names);
    free(name);
  }
}

void instance_names_clear(struct instance_names *names) {
  clear(&names->taken);
  clear(&names->bases);
}

void instance_names_begin(struct instance_names *names) {
  clear(&names->bases);
}

int instance_names_find(struct instance_names *names, const char *base,
                        char ret[INSTANCE_NAME_SIZE]) {
  struct name *found = get_name(&names->bases, base);
  if (found == NULL)
    return -ENOMEM;
  for (;; found->lowest++) {
    instance_name_number(base, found->lowest + 1, ret);
    if (tfind(ret, &names->taken, compare_names) == NULL)
      return 0;
  }
}

int instance_names_take(struct instance_names *names, const char *name) {
  return get_name(&names->taken, name) != NULL ? 0 : -ENOMEM;
}

void instance_names_release(struct instance_names *names, const char *name) {
  struct name **node = tfind(name, &names->taken, compare_names);
  if (node == NULL)
    return;
  struct name *released = *node;
  tdelete(released, &names->taken, compare_names);
  free(released);
  clear(&names->bases); /* a lower number than those may be free now */
}
