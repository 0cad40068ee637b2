/*
 * Prints the table of red flags as JSON: for the alert rules, which are made from it
 * (grafana/generated/red_flags.json), and for the tests that compare documents with it. Warning
 * and failure are in the flag's unit, their "..._value" in the signal's; null: none. The
 * commands have PID and PORT for the process's.
 */
#include <math.h>
#include <stdio.h>

#include "sidecar/redflag/red_flag.h"

static const char *const kinds[] = {
    [RED_FLAG_BY_LEVEL] = "level",   [RED_FLAG_BY_RATE] = "rate",
    [RED_FLAG_BY_GROWTH] = "growth", [RED_FLAG_BY_STEP] = "step",
    [RED_FLAG_BY_USUAL] = "usual",   [RED_FLAG_BY_BASELINE] = "baseline",
    [RED_FLAG_BY_OTHERS] = "others",
};

static const char *const amounts[] = {
    [AMOUNT_NONE] = "none",   [AMOUNT_COUNT] = "count",
    [AMOUNT_BYTES] = "bytes", [AMOUNT_BYTES_PER_SECOND] = "bytes/s",
    [AMOUNT_CORES] = "cores", [AMOUNT_PERCENT] = "ratio",
};

static void print_string(const char *text) {
  putchar('"');
  for (; *text != '\0'; text++) {
    if (*text == '\n')
      printf("\\n");
    else if (*text == '"' || *text == '\\')
      printf("\\%c", *text);
    else
      putchar(*text);
  }
  putchar('"');
}

static void print_text(const char *name, const char *text) {
  printf(",\n    \"%s\": ", name);
  if (text == NULL)
    printf("null");
  else
    print_string(text);
}

static void print_number(const char *name, double number) {
  printf(",\n    \"%s\": ", name);
  if (isnan(number))
    printf("null");
  else
    printf("%.15g", number);
}

static void print_flag(const struct red_flag_info *info) {
  const struct red_flag_metric *metric = &red_flag_metrics[info->signal];
  double scale = red_flag_scale(info->amount);
  printf("  {\n    \"name\": ");
  print_string(info->name);
  print_text("alert", info->alert);
  print_text("summary", info->summary);
  print_text("subject", info->subject);
  print_text("kind", kinds[info->kind]);
  print_text("amount", amounts[info->amount]);
  print_text("unit", info->unit);
  print_number("warning", info->warning);
  print_number("failure", info->failure);
  print_number("warning_value", info->warning * scale);
  print_number("failure_value", info->failure * scale);
  print_number("hold_seconds", info->hold_s);
  print_number("window_seconds", info->window_s > 0 ? info->window_s : NAN);
  printf(",\n    \"is_information\": %s", info->is_information ? "true" : "false");
  print_text("metric", metric->type);
  print_text("type_instance", metric->type_instance);
  printf(",\n    \"patterns\": [");
  for (const char *const *pattern = info->patterns; *pattern != NULL; pattern++) {
    printf("%s", pattern > info->patterns ? ", " : "");
    print_string(*pattern);
  }
  printf("]");
  print_text("confirm", info->confirm);
  print_text("confirm_pprof", info->confirm_pprof);
  print_text("why", info->why);
  print_text("tuning", info->tuning);
  print_text("next_steps", info->next_steps);
  printf("\n  }");
}

int main(void) {
  printf("[\n");
  for (size_t i = 0; i < RED_FLAGS; i++) {
    print_flag(&red_flags[i]);
    printf("%s\n", i + 1 < RED_FLAGS ? "," : "");
  }
  printf("]\n");
  return 0;
}
