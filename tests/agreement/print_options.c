/*
 * Prints the options of <Plugin sidecar> as the code has them, tab-separated, for the tests
 * that compare the man page and the sample configuration with them: "option", block, name, what
 * is allowed, "repeatable" or "once", its default in the plugin or the sidecar block, and in
 * any other Process block; "" for none. And the default patterns: "pattern", option, name,
 * expression.
 */
#include <inttypes.h>
#include <stdio.h>

#include "sidecar/config_options.h"
#include "sidecar/go/stack.h"

/* A number in the option's unit, a boolean, or text. */
static void print_default(const struct config_option *option, const void *target) {
  const void *value = (const char *)target + option->offset;
  putchar('\t');
  if (target == NULL || option->repeatable)
    return;
  if (option->set == config_set_number)
    printf("%.15g", (double)*(const uint64_t *)value / option->scale);
  else if (option->set == config_set_port)
    printf("%u", *(const uint16_t *)value);
  else if (option->set == config_set_boolean)
    printf("%s", *(const bool *)value ? "true" : "false");
  else if (*(char *const *)value != NULL)
    printf("%s", *(char *const *)value);
}

static void print_block(enum config_block block, const char *name, const void *target,
                        const void *other) {
  size_t len;
  const struct config_option *options = config_options(block, &len);
  for (size_t i = 0; i < len; i++) {
    if (options[i].now != NULL)
      continue;
    printf("option\t%s\t%s\t%s\t%s", name, options[i].key,
           options[i].allowed != NULL ? options[i].allowed : "",
           options[i].repeatable ? "repeatable" : "once");
    print_default(&options[i], target);
    print_default(&options[i], other);
    putchar('\n');
  }
}

static void print_patterns(const char *option, const struct pattern_default *patterns) {
  for (; patterns->name != NULL; patterns++)
    printf("pattern\t%s\t%s\t%s\n", option, patterns->name, patterns->expression);
}

int main(void) {
  struct config *config = config_new();
  if (config == NULL || config_add_block(config, "other") == NULL ||
      config_complete(config) != 0)
    return 1;
  print_block(CONFIG_PLUGIN_BLOCK, "plugin", config, config);
  print_block(CONFIG_PROCESS_BLOCK, "process", &config->blocks[1], &config->blocks[0]);
  print_block(CONFIG_RED_FLAG_BLOCK, "red_flag", NULL, NULL);
  print_patterns("FdMatch", config_fd_patterns);
  print_patterns("GoroutineMatch", stack_patterns_of_goroutines);
  print_patterns("HeapMatch", stack_patterns_of_heap);
  config_free(config);
  return 0;
}
