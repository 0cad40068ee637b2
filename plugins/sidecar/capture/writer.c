/*
 * One bundle; see writer.h. The process is held by its open directory and verified before the
 * bundle gets its name, so that a bundle never contains data of another process.
 */
#include "sidecar/capture/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/cleanup.h"
#include "common/file.h"
#include "sidecar/capture/directory.h"
#include "sidecar/capture/inventory.h"
#include "sidecar/capture/listing.h"
#include "sidecar/capture/readme.h"
#include "sidecar/os/descriptors.h"
#include "sidecar/os/memory_map.h"
#include "sidecar/os/process.h"

_Static_assert(sizeof(((struct identity *)0)->boot) == HOST_BOOT_ID_MAX,
               "an identity contains a boot id");

/* --- a bundle under construction: a hidden directory that gets its name at the end --- */

enum { NOT_TAKEN_MAX = 16 * 1024 };

struct bundle {
  int instance;  /* the instance's directory, borrowed */
  int directory; /* the hidden one; -1: none */
  const char *name;
  char hidden[sizeof(DIRECTORY_TEMPORARY) + CAPTURE_BUNDLE_NAME_MAX];
  uint64_t bytes;          /* of its files that are closed */
  struct buffer not_taken; /* lines of the README: what is missing, and why */
};

/* Returns 0; -EEXIST when a bundle of this name exists; -errno. */
static int bundle_begin(struct bundle *bundle, int instance, const char *name) {
  *bundle = (struct bundle){.instance = instance, .directory = -1, .name = name};
  buffer_init(&bundle->not_taken, NOT_TAKEN_MAX);
  snprintf(bundle->hidden, sizeof(bundle->hidden), DIRECTORY_TEMPORARY "%s", name);
  struct stat st;
  if (fstatat(instance, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
    return -EEXIST;
  return directory_open(instance, bundle->hidden, true, &bundle->directory);
}

/* Syncs the file to disk and closes it. Returns 0 or -errno; it is closed in any case. */
static int bundle_close_file(struct bundle *bundle, int fd) {
  struct stat st;
  int status = directory_sync(fd);
  if (status == 0 && fstat(fd, &st) != 0)
    status = -errno;
  if (status == 0)
    bundle->bytes += directory_file_bytes(&st);
  if (close(fd) != 0 && status == 0 && errno != EINTR)
    status = -errno;
  return status;
}

/* Closes the file and removes it. */
static void bundle_drop_file(struct bundle *bundle, int fd, const char *name) {
  close(fd);
  unlinkat(bundle->directory, name, 0);
}

static int bundle_write_file(struct bundle *bundle, const char *name, struct span text) {
  int fd = directory_create_file(bundle->directory, name);
  if (fd < 0)
    return fd;
  int status = file_write_all(fd, text);
  if (status != 0) {
    bundle_drop_file(bundle, fd, name);
    return status;
  }
  return bundle_close_file(bundle, fd);
}

/* Records for the README that a file is missing. */
static void bundle_note(struct bundle *bundle, const char *name, const char *why) {
  buffer_printf(&bundle->not_taken, "  %s: %s\n", name, why);
}

/* Removes the bundle; does nothing after bundle_commit(). */
static void bundle_abort(struct bundle *bundle) {
  buffer_free(&bundle->not_taken);
  if (bundle->directory < 0)
    return;
  close(bundle->directory);
  bundle->directory = -1;
  directory_remove(bundle->instance, bundle->hidden);
}

/* Gives the bundle its name. Returns 0, or -errno with the bundle removed. */
static int bundle_commit(struct bundle *bundle) {
  int status = directory_sync(bundle->directory);
  if (status == 0 &&
      renameat(bundle->instance, bundle->hidden, bundle->instance, bundle->name) != 0)
    status = -errno;
  if (status != 0) {
    bundle_abort(bundle);
    return status;
  }
  close(bundle->directory);
  bundle->directory = -1;
  buffer_free(&bundle->not_taken);
  /* it exists; at worst a loss of power restores the hidden name */
  directory_sync(bundle->instance);
  return 0;
}

/* --- the state of one request, or of a survey --- */

struct writing {
  const struct writer *writer;
  const struct capture_request *request;
  struct writer_failure *failure;
  char instance_name[CAPTURE_FILE_NAME_MAX], name[CAPTURE_BUNDLE_NAME_MAX];
  struct host *host;
  struct process *process;
  struct identity identity;
  int folder, instance; /* descriptors; -1: not open */
  struct inventory inventory;
  struct bundle bundle;
  bool has_heap, has_goroutines, has_cpu;
};

static void writing_start(struct writing *writing, const struct writer *writer,
                          struct writer_failure *failure) {
  *writing =
      (struct writing){.writer = writer, .failure = failure, .folder = -1, .instance = -1};
  writing->bundle.directory = -1;
}

static void writing_end(struct writing *writing) {
  bundle_abort(&writing->bundle);
  inventory_free(&writing->inventory);
  if (writing->instance >= 0) {
    close(writing->instance);
    /* fails if there is a bundle in it */
    unlinkat(writing->folder, writing->instance_name, AT_REMOVEDIR);
  }
  if (writing->folder >= 0)
    close(writing->folder);
  process_close(writing->process);
  host_close(writing->host);
}

/* Another file has this name, or access is denied; a full disk affects all instances. */
static bool is_about_names(int error) {
  return error == -ENOTDIR || error == -ELOOP || error == -EPERM || error == -EACCES ||
         error == -EEXIST || error == -ENOTEMPTY;
}

/* Records where an error occurred, below the capture directory, and returns it. */
static int fail(struct writing *writing, int error, const char *instance, const char *name) {
  struct writer_failure *failure = writing->failure;
  if (error == 0 || error == -ECANCELED || error == -ESRCH)
    return error;
  failure->error = error;
  failure->is_of_instance = instance != NULL && is_about_names(error);
  snprintf(failure->where, sizeof(failure->where), "%s%s%s%s%s", writing->writer->folder,
           instance != NULL ? "/" : "", instance != NULL ? instance : "",
           name != NULL ? "/" : "", name != NULL ? name : "");
  return error;
}

static int fail_process(struct writing *writing, int error) {
  if (error == 0 || error == -ESRCH)
    return error;
  writing->failure->error = error;
  snprintf(writing->failure->where, sizeof(writing->failure->where), "%s",
           writing->writer->options->proc_root);
  return error;
}

static int open_folder(struct writing *writing) {
  const struct writer *writer = writing->writer;
  int status = host_open(writer->options->proc_root, &writing->host);
  if (status != 0)
    return fail_process(writing, status);
  host_boot_id(writing->host, writing->identity.boot); /* "" is fine */
  status = directory_open_path(writer->folder, &writing->folder);
  if (status == 0)
    status = inventory_scan(writing->folder, writer->stopping, &writing->inventory);
  return fail(writing, status, NULL, NULL);
}

static int report_baselines(const struct writing *writing, writer_baseline_fn on_baseline,
                            void *context) {
  int status = 0;
  for (size_t i = 0; status == 0 && i < writing->inventory.len; i++) {
    const struct inventory_bundle *bundle = &writing->inventory.bundles[i];
    if (bundle->is_baseline && bundle->identity.pid != 0 &&
        strcmp(bundle->identity.boot, writing->identity.boot) == 0)
      status = on_baseline(context, bundle->identity.pid, bundle->identity.start_ticks);
  }
  return status;
}

int writer_survey(const struct writer *writer, writer_baseline_fn on_baseline, void *context,
                  uint64_t *ret_bundles, uint64_t *ret_bytes, struct writer_failure *failure) {
  struct writing writing;
  writing_start(&writing, writer, failure);
  int status = open_folder(&writing);
  if (status == 0)
    status = fail(&writing, report_baselines(&writing, on_baseline, context), NULL, NULL);
  if (status == 0) {
    *ret_bundles = writing.inventory.len;
    *ret_bytes = writing.inventory.bytes;
  }
  writing_end(&writing);
  return status;
}

static int hold_process(struct writing *writing) {
  const struct capture_request *request = writing->request;
  int status = process_open(writing->host, request->pid, &writing->process);
  if (status == 0 && process_start_ticks(writing->process) != request->start_ticks)
    status = -ESRCH;
  writing->identity.pid = request->pid;
  writing->identity.start_ticks = request->start_ticks;
  return fail_process(writing, status);
}

/* --- data from the operating system --- */

/* Writes the listing, or records why there is none. */
static int keep_listing(struct writing *writing, const char *file, int status,
                        const struct buffer *text) {
  char why[160], error[128];
  if (status == 0)
    return bundle_write_file(&writing->bundle, file, buffer_span(text));
  if (status == -ESRCH || status == -ECANCELED)
    return status;
  snprintf(why, sizeof(why), "%s%s", strerror_r(-status, error, sizeof(error)),
           status == -EACCES ? "; see PERMISSIONS in collectd-sidecar(5)" : "");
  bundle_note(&writing->bundle, file, why);
  return 0;
}

/* One of the two listings is made. */
struct walk {
  const atomic_bool *stopping;
  struct descriptor_listing *descriptors;
  struct region_listing *regions;
};

static int add_descriptor(void *context, const struct listed_descriptor *descriptor) {
  const struct walk *walk = context;
  if (atomic_load(walk->stopping))
    return -ECANCELED;
  return descriptor_listing_add(walk->descriptors, descriptor->fd, descriptor->class,
                                descriptor->target);
}

static int gather_descriptors(struct writing *writing) {
  struct walk walk = {.stopping = writing->writer->stopping};
  autobuffer(text, LISTING_MAX_BYTES);
  int status = descriptor_listing_new(&walk.descriptors);
  if (status == 0)
    status = descriptor_list(writing->process, add_descriptor, &walk);
  if (status == 0)
    status = descriptor_listing_print(walk.descriptors, &text);
  descriptor_listing_free(walk.descriptors);
  return keep_listing(writing, CAPTURE_DESCRIPTORS_FILE, status, &text);
}

static int add_region(void *context, const struct memory_map_region *region) {
  const struct walk *walk = context;
  const struct region_sizes sizes = {region->size,          region->rss,      region->pss,
                                     region->private_dirty, region->lazyfree, region->swap};
  if (atomic_load(walk->stopping))
    return -ECANCELED;
  return region_listing_add(walk->regions, region->name, &sizes);
}

static int list_regions(struct writing *writing, bool with_sums, struct buffer *text) {
  struct walk walk = {.stopping = writing->writer->stopping};
  int status = region_listing_new(&walk.regions);
  if (status == 0)
    status = memory_map_list(writing->process, with_sums, add_region, &walk);
  if (status == 0)
    status = region_listing_print(walk.regions, with_sums, text);
  region_listing_free(walk.regions);
  return status;
}

/* smaps makes the kernel walk page tables, which blocks the process. */
static int gather_memory_map(struct writing *writing) {
  struct process_pulse pulse;
  autobuffer(text, LISTING_MAX_BYTES);
  int status = process_read_pulse(writing->process, &pulse);
  if (status != 0)
    return keep_listing(writing, CAPTURE_MEMORY_MAP_FILE, status, NULL);
  bool with_sums = pulse.memory.resident_bytes <= writing->writer->options->smaps_max_rss_bytes;
  status = list_regions(writing, with_sums, &text);
  if (status == 0 && !with_sums)
    bundle_note(&writing->bundle, CAPTURE_MEMORY_MAP_FILE,
                "sizes only: RSS is above SmapsMaxRSS");
  return keep_listing(writing, CAPTURE_MEMORY_MAP_FILE, status, &text);
}

/* --- profiles of the Go runtime: from its pprof server straight to a file --- */

#define GZIP_MAGIC "\x1f\x8b"

enum { RUN_MS = 60 * 1000, MAGIC_MAX = 16 };

struct profile {
  const char *path;  /* "/debug/pprof/heap" */
  const char *file;  /* in the bundle */
  const char *magic; /* the first bytes of any profile; at most MAGIC_MAX */
  uint64_t own_ms;   /* minimum time that the runtime takes for it */
  /* set by take_profile() and below */
  uint64_t max_bytes;
  int fd, disk_error;
  char head[MAGIC_MAX]; /* the first bytes, as many as magic has */
  size_t head_len;
  bool is_done;
  struct http_result result;
};

/* Returns whether the bytes so far may be a profile. */
static bool check_magic(struct profile *profile, struct span body) {
  size_t missing = strlen(profile->magic) - profile->head_len;
  size_t len = missing < body.len ? missing : body.len;
  memcpy(profile->head + profile->head_len, body.at, len);
  profile->head_len += len;
  return memcmp(profile->head, profile->magic, profile->head_len) == 0;
}

static int on_body(void *context, const char *bytes, size_t len) {
  struct profile *profile = context;
  struct span body = span_make(bytes, len);
  if (!check_magic(profile, body))
    return -EBADMSG;
  profile->disk_error = file_write_all(profile->fd, body);
  return profile->disk_error;
}

static void on_done(void *context, const struct http_result *result) {
  struct profile *profile = context;
  profile->result = *result;
  profile->is_done = true;
}

/* Runs the loop until there is a result. Returns 0; -ECANCELED; -errno without a result. */
static int download(const struct writer *writer, const char *server, struct profile *profile) {
  char url[256];
  int len = snprintf(url, sizeof(url), "%s%s", server, profile->path);
  if (len < 0 || (size_t)len >= sizeof(url))
    return -EINVAL;
  struct http_request request = {
      .url = url,
      .timeout_ms = profile->own_ms + writer->options->pprof_timeout_ms,
      .max_bytes = profile->max_bytes,
      .on_body = on_body,
      .on_done = on_done,
      .context = profile,
  };
  int status = http_loop_add(writer->loop, &request);
  if (status != 0)
    return status;
  while (!profile->is_done) {
    status = atomic_load(writer->stopping) ? -ECANCELED : http_loop_run(writer->loop, RUN_MS);
    if (status < 0) {
      http_loop_cancel(writer->loop, profile);
      return status;
    }
  }
  return 0;
}

/* Why there is no profile; "" when there is one. status is that of download(). */
static void explain(const struct profile *profile, int status, char *why, size_t size) {
  const struct http_result *result = &profile->result;
  char error[128];
  why[0] = '\0';
  if (status != 0)
    snprintf(why, size, "cannot be requested: %s", strerror_r(-status, error, sizeof(error)));
  else if (result->error == -EBADMSG)
    snprintf(why, size, "not a response of Go's net/http/pprof");
  else if (result->error == -EMSGSIZE)
    snprintf(why, size, "longer than PprofMaxSize (%" PRIu64 " bytes)", profile->max_bytes);
  else if (result->error != 0)
    snprintf(why, size, "%s", result->reason);
  else if (result->status != 200)
    snprintf(why, size, "HTTP status %ld%s", result->status,
             result->status == 500 ? "; is another client taking the same profile?" : "");
  else if (profile->head_len < strlen(profile->magic))
    snprintf(why, size, "the response is empty or truncated");
}

/* One that is truncated, too large or not a profile is omitted, and the reason recorded.
 * Returns 0; -ECANCELED; -errno when the file cannot be written. */
static int take_profile(struct writing *writing, struct profile *profile, bool *ret_taken) {
  struct bundle *bundle = &writing->bundle;
  char why[512];
  profile->max_bytes = writing->writer->options->pprof_max_bytes;
  profile->fd = directory_create_file(bundle->directory, profile->file);
  if (profile->fd < 0)
    return profile->fd;
  int status = download(writing->writer, writing->request->pprof_url, profile);
  if (status == 0)
    status = profile->disk_error;
  if (status == -ECANCELED || profile->disk_error != 0) {
    bundle_drop_file(bundle, profile->fd, profile->file);
    return status;
  }
  explain(profile, status, why, sizeof(why));
  *ret_taken = why[0] == '\0';
  if (*ret_taken)
    return bundle_close_file(bundle, profile->fd);
  bundle_drop_file(bundle, profile->fd, profile->file);
  bundle_note(bundle, profile->file, why);
  return 0;
}

static int gather_heap(struct writing *writing) {
  struct profile profile = {
      .path = "/debug/pprof/heap", .file = CAPTURE_HEAP_FILE, .magic = GZIP_MAGIC};
  return take_profile(writing, &profile, &writing->has_heap);
}

static int gather_goroutines(struct writing *writing) {
  struct profile profile = {.path = "/debug/pprof/goroutine?debug=2",
                            .file = CAPTURE_GOROUTINES_FILE,
                            .magic = "goroutine "};
  if (writing->request->want_goroutine_dump)
    return take_profile(writing, &profile, &writing->has_goroutines);
  bundle_note(&writing->bundle, profile.file,
              "a dump stops the program, which has more than GoroutineDumpMax or does not say "
              "how many");
  return 0;
}

static int gather_cpu(struct writing *writing) {
  char path[64];
  uint64_t seconds = writing->writer->options->cpu_profile_seconds;
  if (!writing->request->want_cpu_profile || seconds == 0)
    return 0;
  snprintf(path, sizeof(path), "/debug/pprof/profile?seconds=%" PRIu64, seconds);
  struct profile profile = {
      .path = path, .file = CAPTURE_CPU_FILE, .magic = GZIP_MAGIC, .own_ms = seconds * 1000};
  return take_profile(writing, &profile, &writing->has_cpu);
}

static int gather_profiles(struct writing *writing) {
  if (writing->request->pprof_url == NULL) {
    bundle_note(&writing->bundle, "profiles",
                "the process serves no pprof; restart it with SIDECAR_PPROF=1");
    return 0;
  }
  int status = gather_heap(writing);
  if (status == 0)
    status = gather_goroutines(writing);
  return status == 0 ? gather_cpu(writing) : status;
}

/* --- the complete bundle --- */

static int write_identity(struct writing *writing) {
  char text[IDENTITY_TEXT_MAX];
  identity_print(&writing->identity, text);
  return bundle_write_file(&writing->bundle, CAPTURE_IDENTITY_FILE, span_of(text));
}

static bool baseline_has_heap(const struct writing *writing,
                              const struct inventory_bundle *baseline) {
  autoclose(instance, -1);
  autoclose(directory, -1);
  return directory_open(writing->folder, baseline->instance, false, &instance) == 0 &&
         directory_open(instance, baseline->name, false, &directory) == 0 &&
         faccessat(directory, CAPTURE_HEAP_FILE, R_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int write_readme(struct writing *writing) {
  const char *folder = writing->writer->folder;
  const struct inventory_bundle *baseline =
      inventory_find_baseline(&writing->inventory, &writing->identity);
  char path[CAPTURE_PATH_MAX], baseline_path[CAPTURE_PATH_MAX];
  capture_name_path(folder, writing->request, path);
  struct readme readme = {
      .request = writing->request,
      .path = path,
      .has_heap = writing->has_heap,
      .has_goroutines = writing->has_goroutines,
      .has_cpu = writing->has_cpu,
      .not_taken = buffer_string(&writing->bundle.not_taken),
  };
  if (baseline != NULL) {
    snprintf(baseline_path, sizeof(baseline_path), "%s/%s/%s", folder, baseline->instance,
             baseline->name);
    readme.baseline_path = baseline_path;
    readme.baseline_has_heap = baseline_has_heap(writing, baseline);
  }
  autobuffer(text, README_MAX_BYTES);
  int status = readme_print(&readme, &text);
  return status == 0
             ? bundle_write_file(&writing->bundle, CAPTURE_README_FILE, buffer_span(&text))
             : status;
}

/* Everything except its name. */
static int fill_bundle(struct writing *writing) {
  int status = write_identity(writing);
  if (status == 0)
    status = bundle_write_file(&writing->bundle, CAPTURE_METRICS_FILE,
                               span_of(writing->request->metrics));
  if (status == 0)
    status = gather_descriptors(writing);
  if (status == 0)
    status = gather_memory_map(writing);
  if (status == 0)
    status = gather_profiles(writing);
  if (status == 0)
    status = write_readme(writing);
  if (status == 0)
    status = process_verify(writing->process);
  if (status == 0 && atomic_load(writing->writer->stopping))
    status = -ECANCELED;
  return status;
}

static bool is_baseline(const struct capture_request *request) {
  return strcmp(request->reason, CAPTURE_BASELINE) == 0;
}

static bool is_alive(void *context, const struct identity *identity) {
  const struct writing *writing = context;
  struct process *process;
  if (identity->pid == 0 || strcmp(identity->boot, writing->identity.boot) != 0 ||
      process_open(writing->host, identity->pid, &process) != 0)
    return false;
  bool is_same = process_start_ticks(process) == identity->start_ticks;
  process_close(process);
  return is_same;
}

static int make_room(struct writing *writing) {
  const struct capture_options *options = writing->writer->options;
  struct inventory_limits limits = {options->process_max_bytes, options->process_max_bundles,
                                    options->total_max_bytes};
  struct inventory_newcomer newcomer = {
      .instance = writing->instance_name,
      .is_baseline = is_baseline(writing->request),
      .bytes = writing->bundle.bytes,
  };
  const struct inventory_bundle *victim;
  bool fits;
  while ((victim = inventory_next_victim(&writing->inventory, &limits, &newcomer, is_alive,
                                         writing, &fits)) != NULL)
    inventory_remove(&writing->inventory, writing->folder, victim);
  writing->failure->is_over_cap = !fits;
  return fits ? 0 : -EDQUOT;
}

static int write_bundle(struct writing *writing) {
  const char *instance = writing->instance_name;
  int status = directory_open(writing->folder, instance, true, &writing->instance);
  if (status != 0)
    return fail(writing, status, instance, NULL);
  status = bundle_begin(&writing->bundle, writing->instance, writing->name);
  if (status == 0)
    status = fill_bundle(writing);
  if (status == 0)
    status = make_room(writing);
  if (status == 0)
    status = bundle_commit(&writing->bundle);
  if (status != 0)
    return fail(writing, status, instance, writing->name);
  status = directory_replace_file(writing->instance, CAPTURE_SUMMARY_FILE,
                                  span_of(writing->request->summary));
  return fail(writing, status, instance, CAPTURE_SUMMARY_FILE);
}

int writer_write(const struct writer *writer, const struct capture_request *request,
                 struct writer_failure *failure) {
  struct writing writing;
  writing_start(&writing, writer, failure);
  writing.request = request;
  capture_name_instance(request->instance, writing.instance_name);
  capture_name_bundle(request->wall_time_ms, request->pid, request->reason, writing.name);
  int status = open_folder(&writing);
  if (status == 0)
    status = hold_process(&writing);
  if (status == 0 && is_baseline(request) &&
      inventory_find_baseline(&writing.inventory, &writing.identity) != NULL)
    status = -EALREADY;
  if (status == 0)
    status = write_bundle(&writing);
  writing_end(&writing);
  return status;
}
