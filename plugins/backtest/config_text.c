/* The syntax of collectd's configuration files; see config_text.h. */
#include "backtest/config_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct reader {
  struct span rest;
  unsigned line, depth;
  struct config_text_error *error;
};

static int refuse(const struct reader *reader, const char *why) {
  *reader->error = (struct config_text_error){.line = reader->line, .why = why};
  return -EINVAL;
}

/* ---- the tree ---- */

void config_tree_clear(oconfig_item_t *item) {
  for (int i = 0; i < item->values_num; i++)
    if (item->values[i].type == OCONFIG_TYPE_STRING)
      free(item->values[i].value.string);
  for (int i = 0; i < item->children_num; i++)
    config_tree_clear(&item->children[i]);
  free(item->key);
  free(item->values);
  free(item->children);
  *item = (oconfig_item_t){.key = NULL};
}

oconfig_item_t *config_tree_add_child(oconfig_item_t *parent) {
  size_t len = (size_t)parent->children_num;
  oconfig_item_t *children = reallocarray(parent->children, len + 1, sizeof(*children));
  if (children == NULL)
    return NULL;
  parent->children = children;
  parent->children_num++;
  children[len] = (oconfig_item_t){.key = NULL};
  return &children[len];
}

static oconfig_value_t *add_value(oconfig_item_t *item) {
  size_t len = (size_t)item->values_num;
  oconfig_value_t *values = reallocarray(item->values, len + 1, sizeof(*values));
  if (values == NULL)
    return NULL;
  item->values = values;
  return &values[len];
}

int config_tree_add_string(oconfig_item_t *item, struct span text) {
  oconfig_value_t *value = add_value(item);
  char *copy = strndup(text.at, text.len);
  if (value == NULL || copy == NULL) {
    free(copy);
    return -ENOMEM;
  }
  *value = (oconfig_value_t){.type = OCONFIG_TYPE_STRING, .value.string = copy};
  item->values_num++;
  return 0;
}

/* ---- characters ---- */

static char peek(const struct reader *reader) {
  return reader->rest.len > 0 ? reader->rest.at[0] : '\0';
}

static void skip(struct reader *reader, size_t len) {
  for (size_t i = 0; i < len; i++)
    reader->line += reader->rest.at[i] == '\n';
  reader->rest = span_make(reader->rest.at + len, reader->rest.len - len);
}

/* Blanks, ends of lines that a backslash removes, and a comment. */
static void skip_blanks(struct reader *reader) {
  while (true) {
    struct span *rest = &reader->rest;
    scan_blanks(rest);
    if (span_starts_with(*rest, "\\\n") || span_starts_with(*rest, "\\\r\n"))
      skip(reader, rest->at[1] == '\r' ? 3 : 2);
    else if (peek(reader) == '\r' && (rest->len == 1 || rest->at[1] == '\n'))
      skip(reader, 1);
    else
      break;
  }
  if (peek(reader) != '#')
    return;
  const char *newline = memchr(reader->rest.at, '\n', reader->rest.len);
  skip(reader, newline != NULL ? (size_t)(newline - reader->rest.at) : reader->rest.len);
}

/* Removes what belongs to an unquoted word: letters, digits, and what numbers and addresses
 * have. */
static struct span take_word(struct reader *reader) {
  size_t len = 0;
  while (len < reader->rest.len) {
    char c = reader->rest.at[len];
    if (!isalnum((unsigned char)c) && (c == '\0' || strchr("_.+-:", c) == NULL))
      break;
    len++;
  }
  struct span word = span_make(reader->rest.at, len);
  skip(reader, len);
  return word;
}

/* ---- values ---- */

/* A string in quotes, in which a backslash takes the meaning from the next character, and
 * joins two lines. */
static int take_string(struct reader *reader, oconfig_item_t *item) {
  const char *at = reader->rest.at;
  size_t end = 1, len = 0;
  while (end < reader->rest.len && at[end] != '"') {
    if (at[end] == '\n')
      return refuse(reader, "a string is not closed: a \" is missing");
    end += at[end] == '\\' ? 2 : 1;
  }
  if (end >= reader->rest.len)
    return refuse(reader, "a string is not closed: a \" is missing");
  char *text = malloc(end);
  if (text == NULL)
    return -ENOMEM;
  for (size_t i = 1; i < end; i++) {
    bool is_escape = at[i] == '\\';
    if (is_escape && at[i + 1] == '\n') {
      i++;
      continue;
    }
    i += is_escape;
    text[len++] = at[i];
  }
  int status = memchr(text, '\0', len) != NULL
                   ? refuse(reader, "a NUL byte in a string; allowed is text")
                   : config_tree_add_string(item, span_make(text, len));
  free(text);
  skip(reader, end + 1);
  return status;
}

static bool is_one_of(struct span word, const char *const names[3]) {
  for (size_t i = 0; i < 3; i++)
    if (word.len == strlen(names[i]) && strncasecmp(word.at, names[i], word.len) == 0)
      return true;
  return false;
}

/* Digits with a sign and a fraction, or 0x and digits; not 1e3, which is a string. */
static bool parse_number(struct span word, double *ret) {
  char copy[64], *end;
  if (word.len >= sizeof(copy) || word.len == 0 || strchr("+-.0123456789", word.at[0]) == NULL)
    return false;
  memcpy(copy, word.at, word.len);
  copy[word.len] = '\0';
  bool is_hex = copy[0] == '0' && (copy[1] == 'x' || copy[1] == 'X');
  if (!is_hex && strpbrk(copy, "eE") != NULL && strchr(copy, '.') == NULL)
    return false;
  if (!is_hex && copy[strspn(copy, "+-.0123456789eE")] != '\0')
    return false;
  *ret = strtod(copy, &end);
  return *end == '\0';
}

static int add_word(oconfig_item_t *item, struct span word) {
  static const char *const yes[3] = {"true", "yes", "on"}, *const no[3] = {"false", "no",
                                                                           "off"};
  double number = 0;
  bool is_true = is_one_of(word, yes);
  bool is_number = parse_number(word, &number);
  if (!is_true && !is_number && !is_one_of(word, no))
    return config_tree_add_string(item, word);
  oconfig_value_t *value = add_value(item);
  if (value == NULL)
    return -ENOMEM;
  if (is_number)
    *value = (oconfig_value_t){.type = OCONFIG_TYPE_NUMBER, .value.number = number};
  else
    *value = (oconfig_value_t){.type = OCONFIG_TYPE_BOOLEAN, .value.boolean = is_true};
  item->values_num++;
  return 0;
}

static int take_value(struct reader *reader, oconfig_item_t *item) {
  if (peek(reader) == '"')
    return take_string(reader, item);
  struct span word = take_word(reader);
  if (word.len == 0)
    return refuse(reader, "an unexpected character; text with other characters than letters, "
                          "digits and _ stands in quotes");
  return add_word(item, word);
}

/* The values up to the end of the line, or to the > of a block. */
static int take_values(struct reader *reader, oconfig_item_t *item, bool is_block) {
  while (true) {
    skip_blanks(reader);
    char c = peek(reader);
    if (reader->rest.len == 0 || c == '\n')
      return is_block ? refuse(reader, "the > of a block is missing") : 0;
    if (is_block && c == '>') {
      skip(reader, 1);
      return 0;
    }
    int status = take_value(reader, item);
    if (status != 0)
      return status;
  }
}

/* ---- items ---- */

static int take_name(struct reader *reader, oconfig_item_t *item) {
  struct span word = take_word(reader);
  if (word.len == 0)
    return refuse(reader, "the name of an option or a block is missing");
  item->key = strndup(word.at, word.len);
  return item->key != NULL ? 0 : -ENOMEM;
}

static int take_items(struct reader *reader, oconfig_item_t *parent);

/* Behind "</": is it the end of that block? */
static int take_end(struct reader *reader, const oconfig_item_t *block) {
  struct span word = take_word(reader);
  if (block->key == NULL || word.len != strlen(block->key) ||
      strncasecmp(word.at, block->key, word.len) != 0)
    return refuse(reader, "this is not the end of the block that is open");
  skip_blanks(reader);
  if (peek(reader) != '>')
    return refuse(reader, "the > of a block is missing");
  skip(reader, 1);
  return 0;
}

static int take_block(struct reader *reader, oconfig_item_t *block) {
  if (++reader->depth > CONFIG_DEPTH_MAX)
    return refuse(reader, "too many blocks in each other");
  int status = take_name(reader, block);
  if (status == 0)
    status = take_values(reader, block, true);
  if (status == 0)
    status = take_items(reader, block);
  reader->depth--;
  return status;
}

static int take_item(struct reader *reader, oconfig_item_t *parent) {
  bool is_block = peek(reader) == '<';
  oconfig_item_t *item = config_tree_add_child(parent);
  if (item == NULL)
    return -ENOMEM;
  if (is_block) {
    skip(reader, 1);
    return take_block(reader, item);
  }
  int status = take_name(reader, item);
  return status == 0 ? take_values(reader, item, false) : status;
}

/* All up to the end of the parent's block, or of the text. */
static int take_items(struct reader *reader, oconfig_item_t *parent) {
  while (true) {
    skip_blanks(reader);
    if (reader->rest.len == 0)
      return reader->depth == 0 ? 0 : refuse(reader, "a block has no end");
    if (peek(reader) == '\n') {
      skip(reader, 1);
      continue;
    }
    if (span_starts_with(reader->rest, "</")) {
      skip(reader, 2);
      return take_end(reader, parent);
    }
    int status = take_item(reader, parent);
    if (status != 0)
      return status;
  }
}

/* ---- texts ---- */

int config_text_parse(struct span text, oconfig_item_t *ret,
                      struct config_text_error *ret_error) {
  struct reader reader = {.rest = text, .line = 1, .error = ret_error};
  *ret = (oconfig_item_t){.key = NULL};
  int status = take_items(&reader, ret);
  if (status != 0)
    config_tree_clear(ret);
  return status;
}

int config_text_parse_line(struct span line, oconfig_item_t *ret,
                           struct config_text_error *ret_error) {
  struct reader reader = {.rest = line, .line = 1, .error = ret_error};
  *ret = (oconfig_item_t){.key = NULL};
  int status = take_name(&reader, ret);
  if (status == 0)
    status = take_values(&reader, ret, false);
  if (status == 0 && reader.rest.len > 0)
    status = refuse(&reader, "more than one line");
  if (status != 0)
    config_tree_clear(ret);
  return status;
}
