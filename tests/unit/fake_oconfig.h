/* Configuration text to the tree that collectd hands to a plugin's callback. */
#ifndef TESTS_FAKE_OCONFIG_H
#define TESTS_FAKE_OCONFIG_H

#include "common/collectd.h"

/* Returns the root item (key "Plugin") with text's options as children, or NULL when text
 * cannot be parsed. Free it with fake_oconfig_free. */
oconfig_item_t *fake_oconfig_parse(const char *text);
void fake_oconfig_free(oconfig_item_t *root);

#endif
