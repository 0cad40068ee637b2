/* What a bundle shows; see gather.h. */
#include "sidecar/capture/gather.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sidecar/capture/profile.h"
#include "sidecar/capture/report.h"

#define GZIP_BEGINS_AS "\x1f\x8b"

/* --- the operating system's side --- */

/* Writes the report, or notes why there is none. */
static int keep_report(const struct gather *gather, const char *file, int status,
                       const struct buffer *text) {
  char why[160], error[128];
  if (status == 0)
    return bundle_write_file(gather->bundle, file, buffer_span(text));
  if (status == -ESRCH || status == -ECANCELED)
    return status;
  snprintf(why, sizeof(why), "%s%s", strerror_r(-status, error, sizeof(error)),
           status == -EACCES ? "; see PERMISSIONS in collectd-sidecar(5)" : "");
  bundle_note(gather->bundle, file, why);
  return 0;
}

static int gather_descriptors(const struct gather *gather) {
  autobuffer(text, REPORT_MAX_BYTES);
  int status = report_descriptors(gather->process, &gather->capture->stopping, &text);
  return keep_report(gather, CAPTURE_DESCRIPTORS_FILE, status, &text);
}

/* smaps makes the kernel walk page tables, which holds the process up. */
static int gather_memory_map(const struct gather *gather) {
  struct process_pulse pulse;
  autobuffer(text, REPORT_MAX_BYTES);
  int status = process_read_pulse(gather->process, &pulse);
  if (status != 0)
    return keep_report(gather, CAPTURE_MEMORY_MAP_FILE, status, NULL);
  bool with_sums = pulse.resident_bytes <= gather->capture->options.smaps_max_rss_bytes;
  status = report_memory_map(gather->process, with_sums, &gather->capture->stopping, &text);
  if (status == 0 && !with_sums)
    bundle_note(gather->bundle, CAPTURE_MEMORY_MAP_FILE,
                "without what is resident, which is above SmapsMaxRSS");
  return keep_report(gather, CAPTURE_MEMORY_MAP_FILE, status, &text);
}

/* --- the Go runtime's side --- */

static int gather_profile(const struct gather *gather, struct profile_request *profile,
                          bool *ret_taken) {
  const struct capture_options *options = &gather->capture->options;
  profile->url = gather->request->pprof_url;
  profile->timeout_ms += options->pprof_timeout_ms;
  profile->max_bytes = options->pprof_max_bytes;
  return profile_capture(gather->capture->loop, gather->bundle, profile,
                         &gather->capture->stopping, ret_taken);
}

static int gather_heap(const struct gather *gather, bool *ret_taken) {
  struct profile_request profile = {
      .path = "/debug/pprof/heap", .file = CAPTURE_HEAP_FILE, .begins_as = GZIP_BEGINS_AS};
  return gather_profile(gather, &profile, ret_taken);
}

static int gather_goroutines(const struct gather *gather, bool *ret_taken) {
  struct profile_request profile = {.path = "/debug/pprof/goroutine?debug=2",
                                    .file = CAPTURE_GOROUTINES_FILE,
                                    .begins_as = "goroutine "};
  if (gather->request->want_goroutine_dump)
    return gather_profile(gather, &profile, ret_taken);
  bundle_note(gather->bundle, profile.file,
              "a dump stops the program, which has more than GoroutineDumpMax or does not say "
              "how many");
  return 0;
}

static int gather_cpu(const struct gather *gather, bool *ret_taken) {
  char path[64];
  uint64_t seconds = gather->capture->options.cpu_profile_seconds;
  if (!gather->request->want_cpu_profile || seconds == 0)
    return 0;
  snprintf(path, sizeof(path), "/debug/pprof/profile?seconds=%" PRIu64, seconds);
  struct profile_request profile = {.path = path,
                                    .file = CAPTURE_CPU_FILE,
                                    .begins_as = GZIP_BEGINS_AS,
                                    .timeout_ms = seconds * 1000};
  return gather_profile(gather, &profile, ret_taken);
}

int gather_evidence(const struct gather *gather, struct gathered *ret) {
  *ret = (struct gathered){0};
  int status = gather_descriptors(gather);
  if (status == 0)
    status = gather_memory_map(gather);
  if (gather->request->pprof_url == NULL && status == 0) {
    bundle_note(gather->bundle, "profiles",
                "the process serves no pprof; restart it with SIDECAR_PPROF=1");
    return 0;
  }
  if (status == 0)
    status = gather_heap(gather, &ret->has_heap);
  if (status == 0)
    status = gather_goroutines(gather, &ret->has_goroutines);
  if (status == 0)
    status = gather_cpu(gather, &ret->has_cpu);
  return status;
}
