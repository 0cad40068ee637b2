/*
 * One capture; see writer.h. The process is held by its directory and looked at again before
 * the bundle gets its name: what is in it is this process's, or there is none.
 */
#include "sidecar/capture/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sidecar/capture/gather.h"
#include "sidecar/capture/inventory.h"
#include "sidecar/capture/readme.h"

_Static_assert(sizeof(((struct identity *)0)->boot) == HOST_BOOT_ID_MAX,
               "an identity holds a boot's id");

/* A capture under way. */
struct writing {
  struct capture *capture;
  const struct job *job;
  struct trouble *trouble;
  struct host *host;
  struct process *process;
  struct identity identity;
  int folder, instance; /* -1: not open */
  struct inventory inventory;
  struct bundle bundle;
};

static void writing_start(struct writing *writing, struct capture *capture,
                          const struct job *job, struct trouble *trouble) {
  *writing = (struct writing){
      .capture = capture, .job = job, .trouble = trouble, .folder = -1, .instance = -1};
  writing->bundle.folder = -1;
}

static void writing_end(struct writing *writing) {
  bundle_abort(&writing->bundle);
  inventory_free(&writing->inventory);
  if (writing->instance >= 0) {
    close(writing->instance);
    /* not if there is a bundle in it: then it is not empty */
    unlinkat(writing->folder, writing->job->instance, AT_REMOVEDIR);
  }
  if (writing->folder >= 0)
    close(writing->folder);
  process_close(writing->process);
  host_close(writing->host);
}

/* Something lies in the way; a full disk is everybody's trouble. */
static bool is_about_names(int error) {
  return error == -ENOTDIR || error == -ELOOP || error == -EPERM || error == -EACCES ||
         error == -EEXIST || error == -ENOTEMPTY;
}

/* Returns error after noting where it came from. */
static int fail(struct writing *writing, int error, const char *instance, const char *name) {
  if (error == 0 || error == -ECANCELED || error == -ESRCH)
    return error;
  writing->trouble->error = error;
  writing->trouble->is_of_instance = instance != NULL && is_about_names(error);
  snprintf(writing->trouble->where, sizeof(writing->trouble->where), "%s%s%s%s%s",
           writing->capture->folder, instance != NULL ? "/" : "",
           instance != NULL ? instance : "", name != NULL ? "/" : "", name != NULL ? name : "");
  return error;
}

static int fail_process(struct writing *writing, int error) {
  if (error == 0 || error == -ESRCH)
    return error;
  writing->trouble->error = error;
  snprintf(writing->trouble->where, sizeof(writing->trouble->where), "%s",
           writing->capture->options.proc_root);
  return error;
}

static bool is_canceled(void *context) {
  const struct capture *capture = context;
  return atomic_load(&capture->stopping);
}

/* --- the folder --- */

static int remember_baselines(struct writing *writing) {
  int status = 0;
  pthread_mutex_lock(&writing->capture->lock);
  for (size_t i = 0; status == 0 && i < writing->inventory.len; i++) {
    const struct inventory_bundle *bundle = &writing->inventory.bundles[i];
    if (bundle->is_baseline && bundle->identity.pid != 0 &&
        strcmp(bundle->identity.boot, writing->identity.boot) == 0)
      status = ledger_record_baseline(&writing->capture->ledger, bundle->identity.pid,
                                      bundle->identity.start_ticks);
  }
  pthread_mutex_unlock(&writing->capture->lock);
  return status;
}

static int look(struct writing *writing) {
  int status = host_open(writing->capture->options.proc_root, &writing->host);
  if (status != 0)
    return fail_process(writing, status);
  host_boot_id(writing->host, writing->identity.boot); /* "" will do */
  status = directory_open_path(writing->capture->folder, &writing->folder);
  if (status == 0)
    status =
        inventory_scan(writing->folder, is_canceled, writing->capture, &writing->inventory);
  return fail(writing, status, NULL, NULL);
}

int writer_look(struct capture *capture, uint64_t *ret_bundles, uint64_t *ret_bytes,
                struct trouble *trouble) {
  struct writing writing;
  writing_start(&writing, capture, NULL, trouble);
  int status = look(&writing);
  if (status == 0)
    status = fail(&writing, remember_baselines(&writing), NULL, NULL);
  if (status == 0) {
    *ret_bundles = writing.inventory.len;
    *ret_bytes = writing.inventory.bytes;
  }
  writing_end(&writing);
  return status;
}

/* --- making room --- */

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
  const struct capture_options *options = &writing->capture->options;
  struct inventory_limits limits = {options->process_max_bytes, options->process_max_bundles,
                                    options->total_max_bytes};
  struct inventory_newcomer newcomer = {
      .instance = writing->job->instance,
      .is_baseline = strcmp(writing->job->request.reason, CAPTURE_BASELINE) == 0,
      .bytes = writing->bundle.bytes,
  };
  const struct inventory_bundle *victim;
  bool fits;
  while ((victim = inventory_next_victim(&writing->inventory, &limits, &newcomer, is_alive,
                                         writing, &fits)) != NULL)
    inventory_remove(&writing->inventory, writing->folder, victim);
  writing->trouble->is_over_cap = !fits;
  return fits ? 0 : -EDQUOT;
}

/* --- the bundle --- */

static int hold_process(struct writing *writing) {
  const struct capture_request *request = &writing->job->request;
  int status = process_open(writing->host, request->pid, &writing->process);
  if (status == 0 && process_start_ticks(writing->process) != request->start_ticks)
    status = -ESRCH;
  writing->identity.pid = request->pid;
  writing->identity.start_ticks = request->start_ticks;
  return fail_process(writing, status);
}

static bool baseline_has_heap(const struct writing *writing,
                              const struct inventory_bundle *baseline) {
  int instance = -1, folder = -1;
  bool has = directory_open(writing->folder, baseline->instance, false, &instance) == 0 &&
             directory_open(instance, baseline->name, false, &folder) == 0 &&
             faccessat(folder, CAPTURE_HEAP_FILE, R_OK, AT_SYMLINK_NOFOLLOW) == 0;
  if (folder >= 0)
    close(folder);
  if (instance >= 0)
    close(instance);
  return has;
}

static int write_readme(struct writing *writing, const struct gathered *gathered) {
  const struct job *job = writing->job;
  const struct inventory_bundle *baseline =
      inventory_find_baseline(&writing->inventory, &writing->identity);
  char path[CAPTURE_PATH_MAX], baseline_path[CAPTURE_PATH_MAX];
  snprintf(path, sizeof(path), "%s/%s/%s", writing->capture->folder, job->instance, job->name);
  struct readme readme = {
      .request = &job->request,
      .path = path,
      .has_heap = gathered->has_heap,
      .has_goroutines = gathered->has_goroutines,
      .has_cpu = gathered->has_cpu,
      .not_taken = buffer_string(&writing->bundle.not_taken),
  };
  if (baseline != NULL) {
    snprintf(baseline_path, sizeof(baseline_path), "%s/%s/%s", writing->capture->folder,
             baseline->instance, baseline->name);
    readme.baseline_path = baseline_path;
    readme.baseline_has_heap = baseline_has_heap(writing, baseline);
  }
  autobuffer(text, README_MAX_BYTES);
  int status = readme_print(&readme, &text);
  return status == 0
             ? bundle_write_file(&writing->bundle, CAPTURE_README_FILE, buffer_span(&text))
             : status;
}

/* Everything but its name. */
static int fill_bundle(struct writing *writing) {
  const struct job *job = writing->job;
  char identity[IDENTITY_TEXT_MAX];
  struct gathered gathered;
  struct gather gather = {
      .capture = writing->capture,
      .request = &job->request,
      .process = writing->process,
      .bundle = &writing->bundle,
  };
  identity_print(&writing->identity, identity);
  int status = bundle_write_file(&writing->bundle, CAPTURE_IDENTITY_FILE, span_of(identity));
  if (status == 0)
    status = bundle_write_file(&writing->bundle, CAPTURE_METRICS_FILE,
                               span_of(job->request.metrics));
  if (status == 0)
    status = gather_evidence(&gather, &gathered);
  if (status == 0)
    status = write_readme(writing, &gathered);
  if (status == 0)
    status = process_verify(writing->process);
  return status;
}

static int write_bundle(struct writing *writing) {
  const struct job *job = writing->job;
  int status = directory_open(writing->folder, job->instance, true, &writing->instance);
  if (status != 0)
    return fail(writing, status, job->instance, NULL);
  status = bundle_begin(&writing->bundle, writing->instance, job->name);
  if (status == 0)
    status = fill_bundle(writing);
  if (status == 0 && is_canceled(writing->capture))
    status = -ECANCELED;
  if (status == 0)
    status = make_room(writing);
  if (status == 0)
    status = bundle_commit(&writing->bundle);
  if (status != 0)
    return fail(writing, status, job->instance, job->name);
  return fail(writing, bundle_replace_summary(writing->instance, span_of(job->request.summary)),
              job->instance, CAPTURE_SUMMARY_FILE);
}

int writer_write(struct capture *capture, const struct job *job, struct trouble *trouble) {
  struct writing writing;
  writing_start(&writing, capture, job, trouble);
  int status = look(&writing);
  if (status == 0)
    status = hold_process(&writing);
  if (status == 0 && strcmp(job->request.reason, CAPTURE_BASELINE) == 0 &&
      inventory_find_baseline(&writing.inventory, &writing.identity) != NULL)
    status = -EALREADY;
  if (status == 0)
    status = write_bundle(&writing);
  writing_end(&writing);
  return status;
}
