/* Changes and summaries; see output.h. */
#include "backtest/output.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "backtest/cells.h"

static const char *const severities[] = {
    [RED_FLAG_OK] = "ok",
    [RED_FLAG_WARNING] = "warning",
    [RED_FLAG_FAILURE] = "failure",
};

void output_begin(struct output *output, FILE *out, bool is_summary) {
  *output = (struct output){.out = out, .is_summary = is_summary};
  fputs(is_summary ? "name,flag,times_up,minutes_up,first_after_minutes\n"
                   : "time,flag,severity,value,threshold,since,message\n",
        out);
}

/* ---- changes ---- */

static void write_seconds(FILE *out, uint64_t ms) {
  fprintf(out, "%" PRIu64, ms / 1000);
  if (ms % 1000 != 0)
    fprintf(out, ".%03u", (unsigned)(ms % 1000));
  fputc(',', out);
}

/* Unknown values are empty cells. */
static void write_number(FILE *out, double value) {
  if (isfinite(value))
    fprintf(out, "%.15g", value);
  fputc(',', out);
}

static void write_change(FILE *out, const struct change *change) {
  const struct flag_status *status = change->status;
  write_seconds(out, change->time_ms);
  fprintf(out, "%s,%s,", red_flags[status->flag].name, severities[status->state]);
  write_number(out, status->value);
  write_number(out, status->threshold);
  write_seconds(out, status->since_ms);
  cells_write(out, change->message);
  fputc('\n', out);
}

static void count_up(struct tally *tally, uint64_t now_ms) {
  tally->is_up = true;
  tally->since_ms = now_ms;
  tally->times_up++;
  if (tally->first_ms == 0)
    tally->first_ms = now_ms;
}

static void count_down(struct tally *tally, uint64_t now_ms) {
  if (tally->is_up)
    tally->up_ms += now_ms - tally->since_ms;
  tally->is_up = false;
}

void output_change(void *context, const struct change *change) {
  struct output *output = context;
  struct tally *tally = &output->tallies[change->status->flag];
  bool is_up = change->status->state != RED_FLAG_OK;
  output->has_risen |= is_up;
  if (is_up && !tally->is_up)
    count_up(tally, change->time_ms);
  else if (!is_up)
    count_down(tally, change->time_ms);
  if (!output->is_summary)
    write_change(output->out, change);
}

/* ---- summaries ---- */

static void write_tally(FILE *out, const struct tally *tally, uint64_t begin_ms) {
  fprintf(out, "%" PRIu64 ",%.1f,", tally->times_up, (double)tally->up_ms / 60e3);
  if (tally->times_up > 0)
    fprintf(out, "%.1f", (double)(tally->first_ms - begin_ms) / 60e3);
}

void output_end_recording(struct output *output, const struct replay *replay,
                          const struct config *config, const char *name) {
  for (size_t i = 0; i < RED_FLAGS; i++) {
    struct tally *tally = &output->tallies[i];
    count_down(tally, replay_end_ms(replay));
    if (!output->is_summary || config->red_flags.rules[i].disabled)
      continue;
    cells_write(output->out, name);
    fprintf(output->out, ",%s,", red_flags[i].name);
    if (replay_knows(replay, (enum red_flag)i))
      write_tally(output->out, tally, replay_begin_ms(replay));
    else
      fputs(",,", output->out);
    fputc('\n', output->out);
  }
  memset(output->tallies, 0, sizeof(output->tallies));
}
