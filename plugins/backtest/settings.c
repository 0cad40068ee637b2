/* The plugin's configuration, from a file and from options; see settings.h. */
#include "backtest/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backtest/config_text.h"
#include "common/buffer.h"
#include "common/cleanup.h"
#include "common/text.h"
#include "sidecar/config_options.h"

#define PLUGIN_KEY "Plugin"
#define RED_FLAG_KEY "RedFlag"
#define WARM_UP_KEY "WarmUp"

static int no_memory(void) {
  ERROR("out of memory");
  return -1;
}

/* ---- a file ---- */

static int read_all(int fd, struct buffer *text) {
  while (true) {
    char *room = buffer_reserve(text, 4096);
    ssize_t len = room != NULL ? read(fd, room, 4096) : -1;
    if (room == NULL)
      return text->len + 4096 > text->max ? -EFBIG : -ENOMEM;
    if (len < 0)
      return -errno;
    if (len == 0)
      return 0;
    text->len += (size_t)len;
  }
}

static int read_file(const char *path, struct buffer *text) {
  autoclose(fd, open(path, O_RDONLY | O_CLOEXEC));
  int status = fd >= 0 ? read_all(fd, text) : -errno;
  if (status == 0)
    return 0;
  ERROR("%s: %s", path, strerror(-status));
  return -1;
}

static bool is_block_of(const oconfig_item_t *item, const char *key) {
  return strcasecmp(item->key, key) == 0;
}

static bool is_plugin_block(const oconfig_item_t *item) {
  return is_block_of(item, PLUGIN_KEY) && strcasecmp(config_block_name(item), "sidecar") == 0;
}

/* Blocks of other plugins, and global options, are left alone. A <RedFlag> block may stand
 * without its <Plugin> block. */
static int take_file(struct config *config, const oconfig_item_t *file, bool *ret_has_any) {
  for (int i = 0; i < file->children_num; i++) {
    oconfig_item_t *item = &file->children[i];
    oconfig_item_t alone = {.children = item, .children_num = 1};
    bool is_red_flag = is_block_of(item, RED_FLAG_KEY);
    if (!is_red_flag && !is_plugin_block(item))
      continue;
    *ret_has_any = true;
    if (config_parse(config, is_red_flag ? &alone : item) != 0)
      return -1;
  }
  return 0;
}

static int parse_file(const char *path, struct config *config) {
  autobuffer(text, CONFIG_TEXT_MAX);
  struct config_text_error error;
  oconfig_item_t file;
  bool has_any = false;
  if (read_file(path, &text) != 0)
    return -1;
  int status = config_text_parse(buffer_span(&text), &file, &error);
  if (status == -ENOMEM)
    return no_memory();
  if (status != 0) {
    ERROR("%s: line %u: %s", path, error.line, error.why);
    return -1;
  }
  status = take_file(config, &file, &has_any);
  config_tree_clear(&file);
  if (status == 0 && !has_any) {
    ERROR("%s: no <Plugin sidecar> block and no <RedFlag> block; name the file that has it: "
          "Include lines are not followed",
          path);
    return -1;
  }
  return status;
}

/* ---- options ---- */

static int refuse_option(const char *option, const char *why) {
  char text[200];
  ERROR("-o %s: %s", text_printable(text, sizeof(text), span_of(option)), why);
  return -1;
}

/* The block of that flag, which an earlier option may have begun. */
static oconfig_item_t *block_of(oconfig_item_t *plugin, struct span flag) {
  for (int i = 0; i < plugin->children_num; i++) {
    oconfig_item_t *item = &plugin->children[i];
    if (is_block_of(item, RED_FLAG_KEY) && span_equals(flag, config_block_name(item)))
      return item;
  }
  oconfig_item_t *block = config_tree_add_child(plugin);
  if (block == NULL || (block->key = strdup(RED_FLAG_KEY)) == NULL ||
      config_tree_add_string(block, flag) != 0)
    return NULL;
  return block;
}

/* FLAG.OPTION=VALUE becomes a line of a block; without FLAG, of the plugin's. */
static int add_option(oconfig_item_t *plugin, const char *option) {
  const char *point = strchr(option, '.'), *equals = strchr(option, '=');
  bool has_flag = point != NULL && point < equals;
  char line[512];
  struct config_text_error error;
  oconfig_item_t item;
  if (equals == NULL || (!has_flag && (size_t)(equals - option) != strlen(WARM_UP_KEY)) ||
      (!has_flag && strncasecmp(option, WARM_UP_KEY, strlen(WARM_UP_KEY)) != 0))
    return refuse_option(option, "allowed is FLAG.OPTION=VALUE, such as fds.Warning=300, and "
                                 "WarmUp=SECONDS");
  const char *name = has_flag ? point + 1 : option;
  int len = snprintf(line, sizeof(line), "%.*s %s", (int)(equals - name), name, equals + 1);
  if (len >= (int)sizeof(line))
    return refuse_option(option, "it is too long");
  int status = config_text_parse_line(span_of(line), &item, &error);
  if (status != 0)
    return status == -ENOMEM ? no_memory() : refuse_option(option, error.why);
  oconfig_item_t *parent =
      has_flag ? block_of(plugin, span_make(option, (size_t)(point - option))) : plugin;
  oconfig_item_t *child = parent != NULL ? config_tree_add_child(parent) : NULL;
  if (child == NULL) {
    config_tree_clear(&item);
    return no_memory();
  }
  *child = item;
  return 0;
}

/* All of them at once: Warning and Failure of a flag must fit together, in whatever order. They
 * replace those of the file. */
static int parse_options(const struct settings *settings, struct config *config) {
  oconfig_item_t plugin = {.key = NULL};
  int status = 0;
  for (size_t i = 0; i < settings->options_len && status == 0; i++)
    status = add_option(&plugin, settings->options[i]);
  config->options_seen = 0;
  memset(config->red_flag_options_seen, 0, sizeof(config->red_flag_options_seen));
  if (status == 0)
    status = config_parse(config, &plugin);
  config_tree_clear(&plugin);
  return status;
}

/* ---- all of them ---- */

static int complete(struct config *config) {
  char fault[256];
  if (config_complete(config) != 0)
    return no_memory();
  if (config_fault(config, fault, sizeof(fault)) == NULL)
    return 0;
  ERROR("%s", fault);
  return -1;
}

int settings_read(const struct settings *settings, struct config **ret) {
  struct config *config = config_new();
  if (config == NULL)
    return no_memory();
  if ((settings->file != NULL && parse_file(settings->file, config) != 0) ||
      parse_options(settings, config) != 0 || complete(config) != 0) {
    config_free(config);
    return -1;
  }
  *ret = config;
  return 0;
}
