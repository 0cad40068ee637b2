/* From names of metrics to fields of readings; see columns.h. */
#include "backtest/columns.h"

#include <stdio.h>
#include <string.h>

#include "common/array.h"
#include "sidecar/collector.h"

static void init_goroutine_profile(struct goroutine_profile *profile) {
  memset(profile, 0, sizeof(*profile)); /* no stacks */
  memset(profile->by_state, 0xFF, sizeof(profile->by_state));
  memset(profile->blocked, 0xFF, sizeof(profile->blocked));
  memset(profile->matching, 0xFF, sizeof(profile->matching));
  memset(profile->matching_blocked, 0xFF, sizeof(profile->matching_blocked));
}

void recorded_init(struct recorded *recorded) {
  memset(recorded, 0xFF, sizeof(*recorded)); /* all numbers VALUE_UNKNOWN */
  init_goroutine_profile(&recorded->goroutine_profile);
  recorded->descriptors.same_file_path[0] = '\0';
  recorded->descriptors.same_database_path[0] = '\0';
  recorded->descriptors.same_device_path[0] = '\0';
  recorded->descriptors.deleted_path[0] = '\0';
  recorded->descriptors.directory_paths_are_exact = false;
  recorded->descriptors.directory_class = (enum descriptor_class)0;
  recorded->descriptors.directory_path[0] = '\0';
  recorded->descriptors.foreign_lock_path[0] = '\0';
  recorded->descriptors.foreign_lock_kind = (enum sqlite_lock)0;
  recorded->descriptors.foreign_lock_pid = 0;
  recorded->memstats.has_pauses = false;
}

/* ---- the fields that are no gauges of metric_field() ---- */

#define RECORDED(field) offsetof(struct recorded, field)

static const struct {
  enum metric metric;
  const char *instance; /* or data source */
  enum column_part part;
  size_t offset;
  double scale;
} fields[] = {
    {METRIC_START_TIME_SECONDS, "", PART_PROCESS, RECORDED(start_time_ms), 1e3},
    {METRIC_PID, "", PART_PROCESS, RECORDED(pid), 1},
    {METRIC_PPROF_PORT, "", PART_PROCESS, RECORDED(pprof_port), 1},
    {METRIC_COLLECTOR_STATUS, "pprof", PART_PROCESS, RECORDED(pprof_status), 1},
    {METRIC_CPU_TIME, "user", PART_PULSE, RECORDED(pulse.user_ticks), 1},
    {METRIC_CPU_TIME, "syst", PART_PULSE, RECORDED(pulse.system_ticks), 1},
    {METRIC_CHILDREN_CPU_MICROSECONDS, "", PART_PULSE, RECORDED(pulse.children_ticks), 1},
    {METRIC_OPEN_FDS_RATIO, "", PART_PULSE, RECORDED(open_fds_share), RECORDED_WHOLE},
    {METRIC_INOTIFY_WATCHES_RATIO, "", PART_DESCRIPTORS, RECORDED(inotify_watches_share),
     RECORDED_WHOLE},
    {METRIC_MEMORY_REGIONS, "", PART_MEMORY_MAP, RECORDED(memory_regions), 1},
    {METRIC_GOROUTINES, "", PART_GOROUTINE_COUNT, RECORDED(goroutines), 1},
    {METRIC_GOROUTINES_LEAKED, "", PART_LEAKS, RECORDED(goroutines_leaked), 1},
    {METRIC_GC_CYCLES, "", PART_MEMSTATS, RECORDED(memstats.num_gc), 1},
    {METRIC_LAST_GC_TIME_SECONDS, "", PART_MEMSTATS, RECORDED(memstats.last_gc_ns), 1e9},
    {METRIC_ALLOC_BYTES, "", PART_MEMSTATS, RECORDED(memstats.alloc_bytes_total), 1},
};

/* Fields that are arrays, with the names of their elements. */
static const struct {
  enum metric metric;
  enum column_part part;
  size_t offset, len;
} arrays[] = {
    {METRIC_FDS, PART_DESCRIPTORS, RECORDED(descriptors.by_class), DESCRIPTOR_CLASSES},
    {METRIC_GOROUTINES_STATE, PART_GOROUTINES, RECORDED(goroutine_profile.by_state),
     GOROUTINE_STATES},
    {METRIC_GOROUTINES_BLOCKED, PART_GOROUTINES, RECORDED(goroutine_profile.blocked),
     GOROUTINE_BLOCKED_AGES},
};

static const struct {
  enum column_part part;
  size_t offset;
} structs[] = {
    [METRIC_OF_PULSE] = {PART_PULSE, RECORDED(pulse)},
    [METRIC_OF_DESCRIPTORS] = {PART_DESCRIPTORS, RECORDED(descriptors)},
    [METRIC_OF_ROLLUP] = {PART_MEMORY_MAP, RECORDED(rollup)},
    [METRIC_OF_MEMSTATS] = {PART_MEMSTATS, RECORDED(memstats)},
};

static void place(struct column *column, enum column_part part, size_t offset, double scale) {
  column->part = part;
  column->offset = offset;
  column->scale = scale;
}

static void place_element(struct column *column, size_t array, const char *instance) {
  for (size_t i = 0; i < arrays[array].len; i++)
    if (strcmp(metric_instance(arrays[array].metric, i), instance) == 0)
      place(column, arrays[array].part, arrays[array].offset + i * sizeof(uint64_t), 1);
}

static void place_pattern(struct column *column, enum column_part part, size_t offset,
                          const struct pattern_list *patterns, const char *instance) {
  for (size_t i = 0; i < patterns->len; i++)
    if (strcmp(patterns->items[i].name, instance) == 0)
      place(column, part, offset + i * sizeof(uint64_t), 1);
}

/* Where the column belongs; it stays PART_NONE if no red flag uses it. */
static void find_place(struct column *column, enum metric metric, const char *instance,
                       const struct config *config) {
  enum metric_struct in;
  size_t offset;
  if (metric_field(metric, instance, &in, &offset)) {
    place(column, structs[in].part, structs[in].offset + offset, 1);
    return;
  }
  for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
    if (fields[i].metric == metric && strcmp(fields[i].instance, instance) == 0)
      place(column, fields[i].part, fields[i].offset, fields[i].scale);
  for (size_t i = 0; i < ARRAY_LENGTH(arrays); i++)
    if (arrays[i].metric == metric)
      place_element(column, i, instance);
  if (metric == METRIC_FDS_MATCHING)
    place_pattern(column, PART_DESCRIPTORS, RECORDED(descriptors.matching),
                  &config->fd_patterns, instance);
  if (metric == METRIC_GOROUTINES_MATCHING)
    place_pattern(column, PART_GOROUTINES, RECORDED(goroutine_profile.matching),
                  &config->goroutine_patterns, instance);
  if (metric == METRIC_GOROUTINES_MATCHING_BLOCKED)
    place_pattern(column, PART_GOROUTINES, RECORDED(goroutine_profile.matching_blocked),
                  &config->goroutine_patterns, instance);
}

/* ---- names ---- */

/* Does the metric have that type instance, "" none? */
static bool has_instance(enum metric metric, const char *instance) {
  const char *name;
  if (metric_has_configured_instances(metric))
    return pattern_name_is_valid(instance);
  for (size_t i = 0; (name = metric_instance(metric, i)) != NULL; i++)
    if (strcmp(name, instance) == 0)
      return true;
  return false;
}

/* The name without its type: "" for the type alone, "_user" for one of its data sources.
 * Returns false if it is another metric's. */
static bool take_type(struct span name, enum metric metric, struct span *ret_rest) {
  bool is_counter = metrics[metric].kind != METRIC_GAUGE;
  if (!scan_literal(&name, metrics[metric].type))
    return false;
  if (is_counter && span_ends_with(name, "_total"))
    name.len -= strlen("_total");
  *ret_rest = name;
  return name.len == 0 || (is_counter && name.at[0] == '_');
}

static const char *find_source(enum metric metric, struct span rest) {
  const char *source = NULL;
  for (size_t i = 0; (source = metric_source(metric, i)) != NULL; i++)
    if (rest.len > 0 && span_equals(span_make(rest.at + 1, rest.len - 1), source))
      break;
  return source;
}

static enum column_error find_instance(enum metric metric, struct span rest,
                                       struct span instance, char text[COLUMN_NAME_SIZE]) {
  const char *source = find_source(metric, rest);
  snprintf(text, COLUMN_NAME_SIZE, "%.*s", (int)instance.len, instance.at);
  if (rest.len > 0 && source == NULL)
    return COLUMN_UNKNOWN;
  if (source == NULL && metric_source(metric, 0) != NULL)
    return COLUMN_NO_INSTANCE;
  if (!has_instance(metric, text))
    return instance.len == 0 ? COLUMN_NO_INSTANCE : COLUMN_BAD_INSTANCE;
  if (source != NULL)
    snprintf(text, COLUMN_NAME_SIZE, "%s", source);
  return COLUMN_FOUND;
}

enum column_error column_find(struct span name, const struct config *config,
                              struct column *ret) {
  const char *colon = name.len > 0 ? memchr(name.at, ':', name.len) : NULL;
  struct span type = span_make(name.at, colon != NULL ? (size_t)(colon - name.at) : name.len);
  struct span instance =
      span_make(colon != NULL ? colon + 1 : "", colon != NULL ? name.len - type.len - 1 : 0);
  enum column_error error = COLUMN_UNKNOWN;
  if (name.len >= COLUMN_NAME_SIZE || (name.len > 0 && memchr(name.at, '\0', name.len) != NULL))
    return COLUMN_UNKNOWN;
  for (size_t i = 0; i < METRICS; i++) {
    struct column column = {.part = PART_NONE, .is_counter = metrics[i].kind != METRIC_GAUGE};
    char text[COLUMN_NAME_SIZE];
    struct span rest;
    if (!take_type(type, (enum metric)i, &rest))
      continue;
    error = find_instance((enum metric)i, rest, instance, text);
    if (error == COLUMN_UNKNOWN)
      continue;
    if (error != COLUMN_FOUND)
      return error;
    memcpy(column.name, name.at, name.len);
    find_place(&column, (enum metric)i, text, config);
    *ret = column;
    return COLUMN_FOUND;
  }
  return error;
}

bool column_is_same(const struct column *one, const struct column *other) {
  if (one->part != other->part)
    return false;
  return one->part != PART_NONE ? one->offset == other->offset
                                : strcmp(one->name, other->name) == 0;
}
