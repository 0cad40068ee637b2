/*
 * A small reader of collectd's configuration syntax: liboconfig is part of the daemon and
 * cannot be linked. The end-to-end tests check that the daemon parses the same text in the same
 * way.
 */
#include "fake_oconfig.h"

#include <stdlib.h>
#include <string.h>

#include "fake_memory.h"

static const char *skip_blanks(const char *p) {
  while (*p == ' ' || *p == '\t')
    p++;
  return p;
}

static oconfig_item_t *add_child(oconfig_item_t *parent) {
  parent->children =
      fake_memory_grow(parent->children, parent->children_num, sizeof(*parent->children));
  oconfig_item_t *child = &parent->children[parent->children_num++];
  memset(child, 0, sizeof(*child));
  return child;
}

static const char *parse_string(const char *p, oconfig_value_t *ret) {
  char *out = fake_memory(strlen(p) + 1);
  size_t len = 0;
  for (p++; *p != '\0' && *p != '"'; p++) {
    if (*p == '\\' && p[1] != '\0')
      p++;
    out[len++] = *p;
  }
  ret->type = OCONFIG_TYPE_STRING;
  ret->value.string = out;
  return *p == '"' ? p + 1 : NULL;
}

static const char *parse_value(const char *p, oconfig_value_t *ret) {
  if (*p == '"')
    return parse_string(p, ret);
  size_t len = strcspn(p, " \t\n>");
  char *end;
  if (strncmp(p, "true", len) == 0 || strncmp(p, "false", len) == 0) {
    ret->type = OCONFIG_TYPE_BOOLEAN;
    ret->value.boolean = *p == 't';
    return p + len;
  }
  ret->type = OCONFIG_TYPE_NUMBER;
  ret->value.number = strtod(p, &end);
  if (end == p + len)
    return end;
  ret->type = OCONFIG_TYPE_STRING;
  ret->value.string = strndup(p, len);
  return p + len;
}

static const char *parse_item(const char *p, oconfig_item_t *item) {
  size_t len = strcspn(p, " \t\n>");
  item->key = strndup(p, len);
  p = skip_blanks(p + len);
  while (p != NULL && *p != '\0' && *p != '\n' && *p != '>') {
    item->values = fake_memory_grow(item->values, item->values_num, sizeof(*item->values));
    p = parse_value(p, &item->values[item->values_num++]);
    p = p != NULL ? skip_blanks(p) : NULL;
  }
  return p;
}

/* Reads children until the block ends; NULL on bad syntax. */
static const char *parse_children(const char *p, oconfig_item_t *parent, bool nested) {
  while (p != NULL) {
    p = skip_blanks(p);
    if (*p == '\0')
      return nested ? NULL : p;
    if (*p == '\n' || *p == '#') {
      p += *p == '#' ? strcspn(p, "\n") : 1;
    } else if (strncmp(p, "</", 2) == 0) {
      return nested ? p + strcspn(p, "\n") : NULL;
    } else if (*p == '<') {
      oconfig_item_t *block = add_child(parent);
      p = parse_item(p + 1, block);
      if (p == NULL || *p != '>')
        return NULL;
      p = parse_children(p + 1, block, true);
    } else {
      p = parse_item(p, add_child(parent));
    }
  }
  return NULL;
}

static void free_item(oconfig_item_t *item) {
  for (int i = 0; i < item->values_num; i++) {
    if (item->values[i].type == OCONFIG_TYPE_STRING)
      free(item->values[i].value.string);
  }
  for (int i = 0; i < item->children_num; i++)
    free_item(&item->children[i]);
  free(item->values);
  free(item->children);
  free(item->key);
}

oconfig_item_t *fake_oconfig_parse(const char *text) {
  oconfig_item_t *root = fake_memory(sizeof(*root));
  root->key = fake_memory_text("Plugin");
  if (parse_children(text, root, false) != NULL)
    return root;
  fake_oconfig_free(root);
  return NULL;
}

void fake_oconfig_free(oconfig_item_t *root) {
  free_item(root);
  free(root);
}
