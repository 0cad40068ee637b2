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
#include "common/format.h"
#include "sidecar/capture/directory.h"
#include "sidecar/capture/listing.h"
#include "sidecar/capture/reading.h"
#include "sidecar/capture/readme.h"
#include "sidecar/go/cpu_profile.h"
#include "sidecar/go/gzip.h"
#include "sidecar/go/pprof_query.h"
#include "sidecar/os/listener.h"
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
  struct writer *writer;
  const struct capture_request *request;
  struct writer_failure *failure;
  char instance_name[CAPTURE_FILE_NAME_MAX], name[CAPTURE_BUNDLE_NAME_MAX];
  struct host *host;
  struct capture_reading *reading; /* of the process */
  struct identity identity;
  int folder, instance; /* descriptors; -1: not open */
  struct bundle bundle;
  bool has_heap, has_goroutines, has_goroutine_groups, has_leaks, has_cpu;
};

static void writing_start(struct writing *writing, struct writer *writer,
                          struct writer_failure *failure) {
  *writing =
      (struct writing){.writer = writer, .failure = failure, .folder = -1, .instance = -1};
  writing->bundle.directory = -1;
}

static void writing_end(struct writing *writing) {
  bundle_abort(&writing->bundle);
  if (writing->instance >= 0) {
    close(writing->instance);
    /* fails if there is a bundle in it */
    unlinkat(writing->folder, writing->instance_name, AT_REMOVEDIR);
  }
  if (writing->folder >= 0)
    close(writing->folder);
  capture_reading_free(writing->reading);
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

/* Reads the directory if that was not done yet. */
static int take_inventory(struct writing *writing) {
  struct writer *writer = writing->writer;
  if (inventory_is_of(&writer->inventory, writing->folder))
    return 0;
  inventory_free(&writer->inventory);
  return inventory_scan(writing->folder, writer->stopping, &writer->inventory);
}

static int fail_parent(struct writing *writing, int error, const char *parent) {
  struct writer_failure *failure = writing->failure;
  failure->error = error;
  failure->is_parent = true;
  snprintf(failure->where, sizeof(failure->where), "%s", parent);
  return error;
}

static int open_directory(struct writing *writing) {
  char parent[DIRECTORY_PATH_MAX];
  int status = directory_open_path(writing->writer->folder, &writing->folder, parent);
  if (status != 0 && parent[0] != '\0')
    return fail_parent(writing, status, parent);
  return fail(writing, status, NULL, NULL);
}

static int open_folder(struct writing *writing) {
  const struct writer *writer = writing->writer;
  int status = host_open(writer->options->proc_root, &writing->host);
  if (status != 0)
    return fail_process(writing, status);
  host_boot_id(writing->host, writing->identity.boot); /* "" is fine */
  status = open_directory(writing);
  return status == 0 ? fail(writing, take_inventory(writing), NULL, NULL) : status;
}

int writer_open_folder(struct writer *writer, int *ret_folder, struct writer_failure *failure) {
  struct writing writing;
  if (faccessat(AT_FDCWD, writer->folder, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
    return -ENOENT;
  writing_start(&writing, writer, failure);
  int status = open_directory(&writing);
  if (status == 0)
    *ret_folder = steal_fd(&writing.folder);
  writing_end(&writing);
  return status;
}

static int report_baselines(const struct writing *writing, writer_baseline_fn on_baseline,
                            void *context) {
  const struct inventory *inventory = &writing->writer->inventory;
  int status = 0;
  for (size_t i = 0; status == 0 && i < inventory->bundles.len; i++) {
    const struct inventory_bundle *bundle = inventory_at(inventory, i);
    if (bundle->kind == BUNDLE_BASELINE && bundle->identity.pid != 0 &&
        strcmp(bundle->identity.boot, writing->identity.boot) == 0)
      status = on_baseline(context, bundle->identity.pid, bundle->identity.start_ticks);
  }
  return status;
}

int writer_survey(struct writer *writer, writer_baseline_fn on_baseline, void *context,
                  uint64_t *ret_bundles, uint64_t *ret_bytes, struct writer_failure *failure) {
  struct writing writing;
  writing_start(&writing, writer, failure);
  int status = open_folder(&writing);
  if (status == 0)
    status = fail(&writing, report_baselines(&writing, on_baseline, context), NULL, NULL);
  if (status == 0) {
    *ret_bundles = writer->inventory.bundles.len;
    *ret_bytes = writer->inventory.bytes;
  }
  writing_end(&writing);
  return status;
}

static int read_process(const struct writing *writing, pid_t pid, uint64_t start_ticks,
                        bool wants_listings, struct capture_reading **ret) {
  const struct writer *writer = writing->writer;
  struct capture_reading_options options = {
      .watchdog = writer->watchdog,
      .proc_root = writer->options->proc_root,
      .stopping = writer->stopping,
      .smaps_max_rss_bytes = writer->options->smaps_max_rss_bytes,
      .wants_listings = wants_listings,
  };
  return capture_read(&options, pid, start_ticks, ret);
}

static int hold_process(struct writing *writing) {
  const struct capture_request *request = writing->request;
  struct writer_failure *failure = writing->failure;
  int status =
      read_process(writing, request->pid, request->start_ticks, true, &writing->reading);
  if (status == 0)
    status = writing->reading->status;
  fail_process(writing, status);
  if (status == -ETIMEDOUT) {
    failure->is_of_instance = true;
    snprintf(failure->where, sizeof(failure->where), "%s/%d, a process that blocks its readers",
             writing->writer->options->proc_root, (int)request->pid);
  }
  return status;
}

/* --- data from the operating system --- */

/* Writes the listing, or records why there is none. */
static int keep_listing(struct writing *writing, const char *file, int status,
                        const struct buffer *text) {
  char why[160], error[FORMAT_ERROR_SIZE];
  if (status == 0)
    return bundle_write_file(&writing->bundle, file, buffer_span(text));
  if (status == -ESRCH || status == -ECANCELED)
    return status;
  snprintf(why, sizeof(why), "%s%s", format_error(error, -status),
           status == -EACCES ? "; see PERMISSIONS in collectd-sidecar(5)" : "");
  bundle_note(&writing->bundle, file, why);
  return 0;
}

static int gather_descriptors(struct writing *writing) {
  const struct capture_reading *reading = writing->reading;
  return keep_listing(writing, CAPTURE_DESCRIPTORS_FILE, reading->descriptors_status,
                      &reading->descriptors);
}

static int gather_memory_map(struct writing *writing) {
  const struct capture_reading *reading = writing->reading;
  if (reading->memory_map_status == 0 && !reading->has_sums)
    bundle_note(&writing->bundle, CAPTURE_MEMORY_MAP_FILE,
                "sizes only: RSS is above SmapsMaxRSS");
  return keep_listing(writing, CAPTURE_MEMORY_MAP_FILE, reading->memory_map_status,
                      &reading->memory_map);
}

/* --- profiles of the Go runtime: from its pprof server straight to a file --- */

#define GZIP_MAGIC "\x1f\x8b"

enum { RUN_MS = 60 * 1000, MAGIC_MAX = 32 };

struct profile {
  const char *path;  /* below the prefix of pprof's pages: "heap" */
  const char *file;  /* in the bundle */
  const char *magic; /* the first bytes of any profile; at most MAGIC_MAX */
  uint64_t own_ms;   /* minimum time that the runtime takes for it */
  /* set by take_profile() and below */
  const struct listener_proof *server;
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

static int on_connect(void *context) {
  const struct profile *profile = context;
  return listener_verify(profile->server);
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

/* In all a profile may take so many times the time without progress: others wait for it. */
enum { PROGRESS_TIMEOUTS = 6 };

/* Runs the loop until there is a result. Returns 0; -ECANCELED; -errno without a result. */
static int download(const struct writer *writer, const char *server, struct profile *profile) {
  char url[256];
  int len = snprintf(url, sizeof(url), "%s%s", server, profile->path);
  if (len < 0 || (size_t)len >= sizeof(url))
    return -EINVAL;
  struct http_request request = {
      .url = url,
      .timeout_ms = profile->own_ms + PROGRESS_TIMEOUTS * writer->options->pprof_timeout_ms,
      .stall_ms = profile->own_ms + writer->options->pprof_timeout_ms,
      .max_bytes = profile->max_bytes,
      .on_connect = on_connect,
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
  char error[FORMAT_ERROR_SIZE];
  why[0] = '\0';
  if (status != 0)
    snprintf(why, size, "cannot be requested: %s", format_error(error, -status));
  else if (pprof_error_text(result->error) != NULL)
    snprintf(why, size, "%s", pprof_error_text(result->error));
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
  profile->server = writing->request->pprof_server;
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
  struct profile profile = {.path = "heap", .file = CAPTURE_HEAP_FILE, .magic = GZIP_MAGIC};
  return take_profile(writing, &profile, &writing->has_heap);
}

static int gather_goroutines(struct writing *writing) {
  struct profile dump = {
      .path = "goroutine?debug=2", .file = CAPTURE_GOROUTINES_FILE, .magic = "goroutine "};
  struct profile groups = {.path = "goroutine?debug=1",
                           .file = CAPTURE_GOROUTINES_FILE,
                           .magic = "goroutine profile: total "};
  if (writing->request->want_goroutine_dump)
    return take_profile(writing, &dump, &writing->has_goroutines);
  return take_profile(writing, &groups, &writing->has_goroutine_groups);
}

static int gather_leaks(struct writing *writing) {
  struct profile leaks = {.path = "goroutineleak?debug=1",
                          .file = CAPTURE_LEAKS_FILE,
                          .magic = "goroutineleak profile: total "};
  return writing->request->want_goroutine_leaks
             ? take_profile(writing, &leaks, &writing->has_leaks)
             : 0;
}

enum { CPU_PROFILE_MAX_BYTES = 16 * 1024 * 1024 };

/* What the file says. One that cannot be understood says nothing. */
static int read_cpu_profile(const struct writing *writing, struct cpu_profile *ret) {
  static const struct pattern_list no_patterns;
  struct stack_matcher *matcher;
  autobuffer(message, CPU_PROFILE_MAX_BYTES);
  autoclose(fd, openat(writing->bundle.directory, CAPTURE_CPU_FILE,
                       O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (fd < 0)
    return -errno;
  int status = gzip_read(fd, &message);
  if (status != 0)
    return status;
  status = stack_matcher_new(&no_patterns, &matcher);
  if (status != 0)
    return status;
  status = cpu_profile_parse(buffer_span(&message), matcher, ret);
  stack_matcher_free(matcher);
  return status;
}

static int gather_cpu(struct writing *writing) {
  char path[64];
  uint64_t seconds = writing->writer->options->cpu_profile_seconds;
  if (!writing->request->want_cpu_profile || seconds == 0)
    return 0;
  snprintf(path, sizeof(path), "profile?seconds=%" PRIu64, seconds);
  struct profile profile = {
      .path = path, .file = CAPTURE_CPU_FILE, .magic = GZIP_MAGIC, .own_ms = seconds * 1000};
  int status = take_profile(writing, &profile, &writing->has_cpu);
  if (status == 0 && writing->has_cpu &&
      read_cpu_profile(writing, &writing->writer->cpu) == -ENOMEM)
    bundle_note(&writing->bundle, "the stacks of " CAPTURE_CPU_FILE, "no memory to read them");
  return status;
}

static int gather_profiles(struct writing *writing) {
  if (writing->request->pprof_url == NULL) {
    bundle_note(&writing->bundle, "profiles",
                "the process serves no pprof; restart it with SIDECAR_PPROF=1");
    return 0;
  }
  int status = gather_heap(writing);
  if (status == 0)
    status = gather_leaks(writing); /* before the dump, which then marks them */
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

/* The newest of the process that is there; NULL: none. */
static const struct inventory_bundle *find_bundle(struct writing *writing,
                                                  enum bundle_kind kind) {
  struct inventory *inventory = &writing->writer->inventory;
  const struct inventory_bundle *bundle;
  while ((bundle = inventory_find_newest(inventory, &writing->identity, kind)) != NULL &&
         inventory_is_missing(bundle, writing->folder))
    inventory_forget(inventory, bundle);
  return bundle;
}

static bool has_heap(const struct writing *writing, const struct inventory_bundle *bundle) {
  autoclose(instance, -1);
  autoclose(directory, -1);
  return directory_open(writing->folder, bundle->group->instance, false, &instance) == 0 &&
         directory_open(instance, bundle->name, false, &directory) == 0 &&
         faccessat(directory, CAPTURE_HEAP_FILE, R_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* For the README; path has room for one. */
static struct readme_other other_bundle(struct writing *writing, enum bundle_kind kind,
                                        char path[CAPTURE_PATH_MAX]) {
  const struct inventory_bundle *bundle = find_bundle(writing, kind);
  if (bundle == NULL)
    return (struct readme_other){.path = NULL};
  snprintf(path, CAPTURE_PATH_MAX, "%s/%s/%s", writing->writer->folder, bundle->group->instance,
           bundle->name);
  return (struct readme_other){.path = path, .has_heap = has_heap(writing, bundle)};
}

static int write_readme(struct writing *writing) {
  char path[CAPTURE_PATH_MAX], baseline[CAPTURE_PATH_MAX], previous[CAPTURE_PATH_MAX];
  capture_name_path(writing->writer->folder, writing->request, path);
  struct readme readme = {
      .request = writing->request,
      .path = path,
      .baseline = other_bundle(writing, BUNDLE_BASELINE, baseline),
      .previous = other_bundle(writing, BUNDLE_OF_TIME, previous),
      .has_heap = writing->has_heap,
      .has_goroutines = writing->has_goroutines,
      .has_goroutine_groups = writing->has_goroutine_groups,
      .has_leaks = writing->has_leaks,
      .cpu = writing->has_cpu ? &writing->writer->cpu : NULL,
      .not_taken = buffer_string(&writing->bundle.not_taken),
  };
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
    status = process_is_running(writing->reading->process) ? 0 : -ESRCH;
  if (status == 0 && atomic_load(writing->writer->stopping))
    status = -ECANCELED;
  return status;
}

static bool is_baseline(const struct capture_request *request) {
  return strcmp(request->reason, CAPTURE_BASELINE) == 0;
}

/* One that cannot be read is taken to be alive. Once it was cancelled, none is asked for. */
static bool is_alive(void *context, const struct identity *identity) {
  const struct writing *writing = context;
  struct capture_reading *reading;
  if (atomic_load(writing->writer->stopping))
    return true;
  if (identity->pid == 0 || strcmp(identity->boot, writing->identity.boot) != 0)
    return false;
  int status = read_process(writing, identity->pid, identity->start_ticks, false, &reading);
  if (status != 0)
    return status == -ETIMEDOUT;
  bool is_same = reading->status == 0;
  capture_reading_free(reading);
  return is_same;
}

/* Bundles that were deleted by hand must not make others be deleted. */
static int make_room(struct writing *writing, const struct inventory_newcomer *newcomer) {
  const struct capture_options *options = writing->writer->options;
  const atomic_bool *stopping = writing->writer->stopping;
  struct inventory *inventory = &writing->writer->inventory;
  struct inventory_limits limits = {options->process_max_bytes, options->process_max_bundles,
                                    options->total_max_bytes};
  const struct inventory_bundle *victim;
  bool fits;
  inventory_begin_round(inventory);
  victim = inventory_next_victim(inventory, &limits, newcomer, is_alive, writing, &fits);
  if (victim != NULL && inventory_forget_missing(inventory, writing->folder, stopping) != 0)
    return -ECANCELED;
  while (!atomic_load(stopping) &&
         (victim = inventory_next_victim(inventory, &limits, newcomer, is_alive, writing,
                                         &fits)) != NULL)
    inventory_remove(inventory, writing->folder, victim);
  if (atomic_load(stopping))
    return -ECANCELED;
  writing->failure->is_over_cap = !fits;
  return fits ? 0 : -EDQUOT;
}

/* Adds it to the inventory first: that may fail, and needs no undoing of a rename. */
static int commit(struct writing *writing) {
  struct inventory *inventory = &writing->writer->inventory;
  struct inventory_newcomer newcomer = {
      .instance = writing->instance_name,
      .name = writing->name,
      .kind = capture_bundle_kind(writing->request->reason),
      .identity = writing->identity,
      .bytes = writing->bundle.bytes,
  };
  const struct inventory_bundle *added;
  int status = make_room(writing, &newcomer);
  if (status == 0)
    status = inventory_add(inventory, &newcomer, &added);
  if (status != 0)
    return status;
  status = bundle_commit(&writing->bundle);
  if (status != 0)
    inventory_forget(inventory, added);
  return status;
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
    status = commit(writing);
  if (status != 0)
    return fail(writing, status, instance, writing->name);
  status = directory_replace_file(writing->instance, CAPTURE_SUMMARY_FILE,
                                  span_of(writing->request->summary));
  return fail(writing, status, instance, CAPTURE_SUMMARY_FILE);
}

int writer_write(struct writer *writer, const struct capture_request *request,
                 struct writer_failure *failure) {
  struct writing writing;
  writing_start(&writing, writer, failure);
  writer->cpu = (struct cpu_profile){0};
  writing.request = request;
  capture_name_instance(request->instance, writing.instance_name);
  capture_name_bundle(request->wall_time_ms, request->pid, request->reason, writing.name);
  writing.identity.pid = request->pid;
  writing.identity.start_ticks = request->start_ticks;
  writing.identity.owner = request->owner;
  int status = open_folder(&writing);
  if (status == 0 && is_baseline(request) && find_bundle(&writing, BUNDLE_BASELINE) != NULL)
    status = -EALREADY;
  if (status == 0)
    status = hold_process(&writing);
  if (status == 0)
    status = write_bundle(&writing);
  writing_end(&writing);
  return status;
}

void writer_end(struct writer *writer) {
  inventory_free(&writer->inventory);
}
