/* Fields by position; see proc_stat.h. One pass, which stops at the last field wanted. */
#include "sidecar/parse/proc_stat.h"

#include <errno.h>

enum { FLAG_KERNEL_THREAD = 0x00200000 }; /* PF_KTHREAD in Linux's include/linux/sched.h */

/* A whole field: a number cut off by the end of the text would be a wrong number. */
static bool take_number(struct span *s, uint64_t *ret) {
  scan_blanks(s);
  return scan_u64(s, ret) == 0 && s->len > 0 && (*s->at == ' ' || *s->at == '\n');
}

static bool skip_fields(struct span *s, unsigned count) {
  struct span ignored;
  for (; count > 0; count--)
    if (!scan_word(s, &ignored))
      return false;
  return true;
}

static bool take_name(struct span *s, struct span *ret) {
  const char *open = memchr(s->at, '(', s->len);
  const char *close = memrchr(s->at, ')', s->len);
  if (open == NULL || close == NULL || close < open)
    return false;
  *ret = span_make(open + 1, (size_t)(close - open) - 1);
  s->len -= (size_t)(close + 1 - s->at);
  s->at = close + 1;
  return true;
}

int proc_stat_parse(struct span text, struct proc_stat *ret) {
  struct proc_stat stat;
  struct span state;

  if (!take_name(&text, &stat.name) || !scan_word(&text, &state) || state.len != 1)
    return -EBADMSG;
  stat.state = *state.at;

  bool complete = skip_fields(&text, 5) &&                  /* 4 ppid .. 8 tpgid */
                  take_number(&text, &stat.flags) &&        /* 9 */
                  take_number(&text, &stat.minor_faults) && /* 10 */
                  skip_fields(&text, 1) &&                  /* 11 cminflt */
                  take_number(&text, &stat.major_faults) && /* 12 */
                  skip_fields(&text, 1) &&                  /* 13 cmajflt */
                  take_number(&text, &stat.user_ticks) &&   /* 14 */
                  take_number(&text, &stat.system_ticks) && /* 15 */
                  skip_fields(&text, 4) &&                  /* 16 cutime .. 19 nice */
                  take_number(&text, &stat.threads) &&      /* 20 */
                  skip_fields(&text, 1) &&                  /* 21 itrealvalue */
                  take_number(&text, &stat.start_ticks) &&  /* 22 */
                  take_number(&text, &stat.virtual_bytes);  /* 23 */
  if (!complete)
    return -EBADMSG;
  *ret = stat;
  return 0;
}

bool proc_stat_is_dead(const struct proc_stat *stat) {
  bool has_no_memory = stat->virtual_bytes == 0 && !proc_stat_is_kernel_thread(stat);
  return stat->state == 'Z' || stat->state == 'X' || stat->state == 'x' || has_no_memory;
}

bool proc_stat_is_kernel_thread(const struct proc_stat *stat) {
  return (stat->flags & FLAG_KERNEL_THREAD) != 0;
}
