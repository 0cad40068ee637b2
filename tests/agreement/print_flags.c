/*
 * Prints the table of red flags, one a line, for the tests that hold documents, alert rules
 * and dashboards against it: NAME WARNING FAILURE UNIT HOLD_SECONDS WINDOW_SECONDS, "-" for
 * none. With the argument "help": NAME, how it is judged and why it is a red flag,
 * tab-separated.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sidecar/redflag/red_flag.h"

static const char *const kinds[] = {
    [RED_FLAG_BY_LEVEL] = "level",   [RED_FLAG_BY_RATE] = "rate",
    [RED_FLAG_BY_GROWTH] = "growth", [RED_FLAG_BY_STEP] = "step",
    [RED_FLAG_BY_USUAL] = "usual",   [RED_FLAG_BY_OTHERS] = "others",
};

static void print_threshold(double threshold) {
  if (isnan(threshold))
    printf(" -");
  else
    printf(" %.15g", threshold);
}

int main(int argc, char **argv) {
  bool has_help = argc > 1 && strcmp(argv[1], "help") == 0;
  for (size_t i = 0; i < RED_FLAGS; i++) {
    const struct red_flag_info *info = &red_flags[i];
    if (has_help) {
      printf("%s\t%s\t%s\n", info->name, kinds[info->kind], info->help);
      continue;
    }
    printf("%s", info->name);
    print_threshold(info->warning);
    print_threshold(info->failure);
    printf(" %s %u", info->unit[0] != '\0' ? info->unit : "-", info->hold_s);
    if (info->window_s > 0)
      printf(" %u\n", info->window_s);
    else
      printf(" -\n");
  }
  return 0;
}
