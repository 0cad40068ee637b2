/*
 * Passes observations to the detectors of their flags and keeps the flags' status; see
 * evaluator.h. Only flags whose signal was observed are judged, and of these only those that
 * are not OK, or were not: the status of the others is made when it is asked for.
 */
#include "sidecar/redflag/evaluator.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdalign.h>
#include <stdlib.h>

#include "sidecar/redflag/detectors.h"

static const double VALUE_MAX = 1e18; /* so that squares are finite */

struct signal {
  bool was_observed, is_known;
  double value;
  uint64_t last_ms;
  uint64_t interval_ms; /* usual interval between observations; 0: not known yet */
  double condition_min; /* of a signal that is a condition */
  uint64_t met_ms;      /* when it was last that high; 0: never */
};

/* What judging a flag needs of its row: rows are large, and this is read at every pulse. */
struct judge {
  const struct detector_kind *kind; /* NULL: BY_OTHERS */
  void *state;                      /* of the detector; NULL if there is none */
  const struct red_flag_rule *rule;
  enum red_flag_signal signal, discount, condition;
};

/* In our own clock, which is the caller's but never goes back. */
struct evaluator {
  const struct red_flag_rules *rules;
  uint64_t now_ms;
  uint64_t offset_ms; /* by which our clock is ahead of the caller's */
  uint64_t warm_ms;   /* when the process has warmed up */
  uint64_t enabled;   /* bit n: flag n is judged */
  uint64_t pending;   /* bit n: flag n is to be judged */
  uint64_t known;     /* bit n: enough was observed to know flag n */
  uint64_t raised;    /* bit n: flag n is not OK */
  uint64_t dependent; /* bit n: flag n is BY_OTHERS */
  uint64_t flags_of[RED_FLAG_SIGNALS];
  struct signal signals[RED_FLAG_SIGNALS];
  struct flag_status statuses[RED_FLAGS]; /* as of when the flag was judged */
  struct judge judges[RED_FLAGS];
  alignas(max_align_t) char memory[]; /* memory of the detectors */
};

static_assert(RED_FLAGS <= 64, "sets of flags are 64 bits");

#define FLAG_BIT(flag) (UINT64_C(1) << (flag))

/* ---- lifetime ---- */

static size_t state_size(const struct red_flag_info *info) {
  const struct detector_kind *kind = detector_kind(info->kind);
  size_t size = kind != NULL ? kind->size : 0;
  return (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
}

static size_t size_of(const struct red_flag_info *table) {
  size_t size = sizeof(struct evaluator);
  for (size_t i = 0; i < RED_FLAGS; i++)
    size += state_size(&table[i]);
  return size;
}

int evaluator_new_of(const struct red_flag_info *table, const struct red_flag_rules *rules,
                     uint64_t age_ms, uint64_t now_ms, struct evaluator **ret) {
  struct evaluator *evaluator = calloc(1, size_of(table));
  if (evaluator == NULL)
    return -ENOMEM;
  evaluator->rules = rules;
  evaluator->now_ms = now_ms;
  evaluator->warm_ms = now_ms + (age_ms < rules->warm_up_ms ? rules->warm_up_ms - age_ms : 0);
  char *memory = evaluator->memory;
  for (size_t i = 0; i < RED_FLAGS; i++) {
    const struct red_flag_rule *rule = &rules->rules[i];
    struct judge *judge = &evaluator->judges[i];
    *judge = (struct judge){.kind = detector_kind(table[i].kind),
                            .rule = rule,
                            .signal = table[i].signal,
                            .discount = table[i].discount,
                            .condition = table[i].condition};
    evaluator->signals[table[i].condition].condition_min = table[i].condition_min;
    evaluator->statuses[i] = (struct flag_status){
        .flag = (enum red_flag)i, .value = NAN, .threshold = NAN, .rise = NAN};
    if (rule->disabled)
      continue;
    evaluator->enabled |= FLAG_BIT(i);
    evaluator->flags_of[table[i].signal] |= FLAG_BIT(i);
    if (judge->kind == NULL) {
      evaluator->dependent |= FLAG_BIT(i);
      continue;
    }
    judge->state = memory;
    judge->kind->init(memory, rule);
    memory += state_size(&table[i]);
  }
  *ret = evaluator;
  return 0;
}

int evaluator_new(const struct red_flag_rules *rules, uint64_t age_ms, uint64_t now_ms,
                  struct evaluator **ret) {
  return evaluator_new_of(red_flags, rules, age_ms, now_ms, ret);
}

void evaluator_free(struct evaluator *evaluator) {
  free(evaluator);
}

size_t evaluator_size(void) {
  return size_of(red_flags);
}

/* ---- time ---- */

/* Times that go back are treated as now. */
static void set_time(struct evaluator *evaluator, uint64_t now_ms) {
  uint64_t moved = now_ms + evaluator->offset_ms;
  if (moved < evaluator->now_ms)
    evaluator->offset_ms = evaluator->now_ms - now_ms;
  else
    evaluator->now_ms = moved;
}

static struct flag_status in_callers_time(const struct evaluator *evaluator,
                                          const struct flag_status *status) {
  struct flag_status copy = *status;
  copy.since_ms =
      copy.since_ms > evaluator->offset_ms ? copy.since_ms - evaluator->offset_ms : 0;
  return copy;
}

/* ---- signals ---- */

/* Is a gap of that length longer than the signal's usual interval explains? */
static bool is_pause(const struct signal *signal, uint64_t passed_ms) {
  static const uint64_t pause_min_ms = 5 * 60 * 1000;
  return passed_ms > pause_min_ms && passed_ms > 3 * signal->interval_ms;
}

/* Was it readable at its last observation, and is that recent? */
static bool is_fresh(const struct evaluator *evaluator, enum red_flag_signal signal) {
  const struct signal *it = &evaluator->signals[signal];
  return it->is_known && !is_pause(it, evaluator->now_ms - it->last_ms);
}

/* The usual interval follows slowly, so that one jump of the clock has little effect. */
static void learn_interval(struct signal *signal, uint64_t passed_ms) {
  static const uint64_t first_most_ms = 3600 * 1000;
  uint64_t usual_ms = signal->interval_ms;
  if (usual_ms == 0)
    signal->interval_ms = passed_ms < first_most_ms ? passed_ms : first_most_ms;
  else if (passed_ms > 4 * usual_ms)
    signal->interval_ms += 3 * usual_ms / 4;
  else if (passed_ms > 0)
    signal->interval_ms = (3 * usual_ms + passed_ms) / 4;
}

static bool is_allowed(const struct evaluator *evaluator, const struct judge *judge) {
  const struct signal *condition = &evaluator->signals[judge->condition];
  return !is_fresh(evaluator, judge->condition) ||
         (condition->met_ms != 0 &&
          evaluator->now_ms - condition->met_ms <= judge->rule->hold_ms);
}

/* The current value of a signal, as far as it is the same for all of its flags. */
static inline struct observation observation_of(const struct evaluator *evaluator,
                                                enum red_flag_signal signal) {
  return (struct observation){
      .value = evaluator->signals[signal].value,
      .now_ms = evaluator->now_ms,
      .is_warm = evaluator->now_ms >= evaluator->warm_ms,
      .is_allowed = true,
  };
}

/* Adds what a flag has of its own. */
static inline void complete(struct observation *observation, const struct evaluator *evaluator,
                            const struct judge *judge) {
  observation->discount = 0;
  if (judge->discount != SIGNAL_NONE && is_fresh(evaluator, judge->discount))
    observation->discount = evaluator->signals[judge->discount].value;
  observation->is_allowed = judge->condition == SIGNAL_NONE || is_allowed(evaluator, judge);
}

void evaluator_observe(struct evaluator *evaluator, enum red_flag_signal signal, double value,
                       uint64_t now_ms) {
  struct signal *it = &evaluator->signals[signal];
  set_time(evaluator, now_ms);
  it->is_known = value >= 0 && value <= VALUE_MAX;
  if (!it->is_known)
    return;
  uint64_t passed_ms = evaluator->now_ms - it->last_ms;
  bool was_paused = it->was_observed && is_pause(it, passed_ms);
  if (it->was_observed)
    learn_interval(it, passed_ms);
  it->was_observed = true;
  it->value = value;
  it->last_ms = evaluator->now_ms;
  if (value >= it->condition_min)
    it->met_ms = evaluator->now_ms;
  struct observation observation = observation_of(evaluator, signal);
  uint64_t ok = 0, flags = evaluator->flags_of[signal] & ~evaluator->dependent;
  for (uint64_t left = flags; left != 0; left &= left - 1) {
    const struct judge *judge = &evaluator->judges[__builtin_ctzll(left)];
    if (was_paused)
      judge->kind->interrupt(judge->state);
    complete(&observation, evaluator, judge);
    if (judge->kind->observe(judge->state, judge->rule, &observation))
      ok |= left & -left;
  }
  evaluator->pending |= flags & ~(ok & evaluator->known & ~evaluator->raised);
}

/* ---- judgement ---- */

/* BY_OTHERS: the signal is 0 while another flag is not OK. */
static void judge_by_others(const struct evaluator *evaluator, struct flag_status *status) {
  bool is_any = (evaluator->raised & ~evaluator->dependent) != 0;
  enum red_flag_state state = is_any && status->value == 0 ? RED_FLAG_WARNING : RED_FLAG_OK;
  if (state != status->state || state == RED_FLAG_OK)
    status->since_ms = evaluator->now_ms;
  status->state = state;
}

/* Returns whether enough has been observed to know. */
static bool judge_flag(const struct evaluator *evaluator, struct flag_status *status) {
  const struct judge *judge = &evaluator->judges[status->flag];
  struct observation now = observation_of(evaluator, judge->signal);
  status->value = now.value;
  if (judge->kind != NULL) {
    complete(&now, evaluator, judge);
    return judge->kind->get(judge->state, judge->rule, &now, status);
  }
  judge_by_others(evaluator, status);
  return true;
}

/* Flags BY_OTHERS whose signal is fresh: they may change when any other does. */
static uint64_t dependent_flags(const struct evaluator *evaluator) {
  uint64_t fresh = 0;
  for (uint64_t left = evaluator->dependent; left != 0; left &= left - 1) {
    enum red_flag flag = (enum red_flag)__builtin_ctzll(left);
    if (is_fresh(evaluator, evaluator->judges[flag].signal))
      fresh |= FLAG_BIT(flag);
  }
  return fresh;
}

/* Judges those of the set; returns how many changed and adds them to ret. */
static size_t judge_set(struct evaluator *evaluator, uint64_t set, struct flag_status *ret) {
  size_t changes = 0;
  for (; set != 0; set &= set - 1) {
    struct flag_status *status = &evaluator->statuses[__builtin_ctzll(set)];
    enum red_flag_state state = status->state;
    if (judge_flag(evaluator, status))
      evaluator->known |= FLAG_BIT(status->flag);
    else
      evaluator->known &= ~FLAG_BIT(status->flag);
    if (status->state == state)
      continue;
    if (status->state == RED_FLAG_OK)
      evaluator->raised &= ~FLAG_BIT(status->flag);
    else
      evaluator->raised |= FLAG_BIT(status->flag);
    status->before = state;
    ret[changes++] = in_callers_time(evaluator, status);
  }
  return changes;
}

size_t evaluator_judge(struct evaluator *evaluator, uint64_t now_ms,
                       struct flag_status ret[RED_FLAGS]) {
  set_time(evaluator, now_ms);
  size_t changes = judge_set(evaluator, evaluator->pending, ret);
  evaluator->pending = 0;
  return changes + judge_set(evaluator, dependent_flags(evaluator), ret + changes);
}

bool evaluator_get_state(const struct evaluator *evaluator, enum red_flag flag,
                         enum red_flag_state *ret) {
  if ((evaluator->enabled & evaluator->known & FLAG_BIT(flag)) == 0 ||
      !is_fresh(evaluator, evaluator->judges[flag].signal))
    return false;
  *ret = evaluator->statuses[flag].state;
  return true;
}

bool evaluator_get(const struct evaluator *evaluator, enum red_flag flag,
                   struct flag_status *ret) {
  enum red_flag_state state;
  if (!evaluator_get_state(evaluator, flag, &state))
    return false;
  struct flag_status status = evaluator->statuses[flag];
  if (state == RED_FLAG_OK && (evaluator->pending & FLAG_BIT(flag)) == 0)
    judge_flag(evaluator, &status);
  *ret = in_callers_time(evaluator, &status);
  return true;
}
