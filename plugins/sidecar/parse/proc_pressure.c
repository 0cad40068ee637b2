/* "some avg10=0.00 avg60=1.25 avg300=0.40 total=1234"; see proc_pressure.h. */
#include "sidecar/parse/proc_pressure.h"

#include <errno.h>

/* Whole and hundredths, as the kernel writes them. */
static int parse_percent(struct span word, double *ret) {
  uint64_t whole, hundredths;
  if (scan_u64(&word, &whole) != 0 || !scan_literal(&word, ".") || word.len != 2 ||
      scan_whole_u64(word, 0, 99, &hundredths) != 0 || whole > 100)
    return -EBADMSG;
  *ret = (double)whole + (double)hundredths / 100;
  return 0;
}

int proc_pressure_parse(struct span text, double *ret_percent) {
  struct span line, word;
  text = scan_whole_lines(text);
  while (scan_line(&text, &line)) {
    if (!scan_literal(&line, "some "))
      continue;
    while (scan_word(&line, &word))
      if (scan_literal(&word, "avg60="))
        return parse_percent(word, ret_percent);
  }
  return -EBADMSG;
}
