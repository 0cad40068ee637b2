/* Any text as a configuration of collectd's: a tree whose items have names, or an error with
 * its line and reason. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backtest/config_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth) {
  if (!truth)
    abort();
}

static void check_items(const oconfig_item_t *item, unsigned depth) {
  require(depth <= CONFIG_DEPTH_MAX + 1);
  for (int i = 0; i < item->children_num; i++) {
    const oconfig_item_t *child = &item->children[i];
    require(child->key != NULL && child->key[0] != '\0');
    for (int n = 0; n < child->values_num; n++)
      require(child->values[n].type != OCONFIG_TYPE_STRING ||
              child->values[n].value.string != NULL);
    check_items(child, depth + 1);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct config_text_error error = {.why = NULL};
  oconfig_item_t root;
  struct span text = span_make((const char *)data, size);
  if (config_text_parse(text, &root, &error) == 0) {
    check_items(&root, 0);
    config_tree_clear(&root);
  } else {
    require(error.line >= 1 && error.why != NULL);
  }
  if (config_text_parse_line(text, &root, &error) == 0)
    config_tree_clear(&root);
  return 0;
}
