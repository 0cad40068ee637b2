/* Captures under test; see capture_fixture.h. */
#include "capture_fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cases.h"
#include "sidecar/capture/reading.h"

enum { WAIT_MS = 30000, STEP_MS = 5 };

static void record(void *context, int severity, const char *line) {
  struct capture_fixture *fixture = context;
  pthread_mutex_lock(&fixture->lock);
  size_t used = strlen(fixture->log);
  snprintf(fixture->log + used, sizeof(fixture->log) - used, "%d %s\n", severity, line);
  pthread_mutex_unlock(&fixture->lock);
}

void fixture_start(struct capture_fixture *fixture) {
  *fixture = (struct capture_fixture){.capture = NULL};
  pthread_mutex_init(&fixture->lock, NULL);
  held_folder_create(&fixture->folder);
  snprintf(fixture->captures, sizeof(fixture->captures), "%s/captures", fixture->folder.path);
  held_process_start(&fixture->held);
  fixture->server = hostile_server_new(answer_as_go, NULL);
  snprintf(fixture->url, sizeof(fixture->url), "http://127.0.0.1:%u/debug/pprof/",
           hostile_server_port(fixture->server));
  fixture->proof = hostile_server_proof(fixture->server);
  fixture->options = (struct capture_options){
      .folder = fixture->captures,
      .proc_root = "/proc",
      .smaps_max_rss_bytes = UINT64_C(1) << 40,
      .process_max_bytes = 64 << 20,
      .process_max_bundles = 20,
      .total_max_bytes = 256 << 20,
      .min_interval_ms = 0,
      .cpu_profile_seconds = 1,
      .pprof_max_bytes = 16 << 20,
      .pprof_timeout_ms = 20000,
      .log = record,
      .context = fixture,
  };
  fixture->request = (struct capture_request){
      .instance = "web",
      .pid = fixture->held.pid,
      .start_ticks = process_start_ticks(fixture->held.process),
      .headline = "1,043 descriptors are open",
      .next_steps = "Look at `go tool pprof -top cpu.pb.gz`.\n",
      .pprof_url = fixture->url,
      .pprof_server = &fixture->proof,
      .want_goroutine_dump = true,
      .metrics = "process_open_fds 1043\n",
      .summary = "open descriptors  50 -> 1043\n",
      .wall_time_ms = INT64_C(1785542399123), /* 2026-07-31 23:59:59.123 */
      .monotonic_ms = 1000000,
  };
}

void fixture_open(struct capture_fixture *fixture) {
  assert_int_equal(capture_new(&fixture->options, &fixture->capture), 0);
}

void fixture_close(struct capture_fixture *fixture) {
  capture_free(fixture->capture);
  fixture->capture = NULL;
}

void fixture_end(struct capture_fixture *fixture) {
  fixture_close(fixture);
  hostile_server_free(fixture->server);
  held_process_end(&fixture->held);
  held_folder_remove(&fixture->folder);
  pthread_mutex_destroy(&fixture->lock);
}

void fixture_prepare_writer(struct capture_fixture *fixture, struct writer *ret) {
  *ret = (struct writer){.options = &fixture->options,
                         .folder = fixture->captures,
                         .stopping = &fixture->stopping};
  assert_int_equal(http_loop_new(&ret->loop), 0);
  assert_int_equal(capture_watchdog_new(&ret->watchdog), 0);
}

void fixture_end_writer(struct writer *writer) {
  writer_end(writer);
  http_loop_free(writer->loop);
  assert_true(watchdog_free(writer->watchdog, NULL, NULL));
}

int fixture_request(struct capture_fixture *fixture, const char *reason,
                    char path[CAPTURE_PATH_MAX]) {
  fixture->request.reason = reason;
  fixture->request.wall_time_ms += 1000;
  fixture->request.monotonic_ms += 1000;
  return capture_request(fixture->capture, &fixture->request, path);
}

void fixture_capture(struct capture_fixture *fixture, const char *reason,
                     char path[CAPTURE_PATH_MAX]) {
  assert_int_equal(fixture_request(fixture, reason, path), 0);
  fixture_wait_for_path(path);
}

/* --- waiting --- */

static void pause_shortly(void) {
  nanosleep(&(struct timespec){.tv_nsec = STEP_MS * 1000 * 1000}, NULL);
}

bool path_exists(const char *path) {
  struct stat st;
  return lstat(path, &st) == 0;
}

void fixture_wait_for_path(const char *path) {
  for (unsigned waited = 0; !path_exists(path); waited += STEP_MS) {
    if (waited > WAIT_MS)
      fail_msg("%s does not come", path);
    pause_shortly();
  }
}

unsigned fixture_logged(struct capture_fixture *fixture, const char *text) {
  unsigned count = 0;
  pthread_mutex_lock(&fixture->lock);
  struct span log = span_of(fixture->log), line;
  while (scan_line(&log, &line))
    count += memmem(line.at, line.len, text, strlen(text)) != NULL;
  pthread_mutex_unlock(&fixture->lock);
  return count;
}

void fixture_wait_for_log(struct capture_fixture *fixture, const char *text) {
  for (unsigned waited = 0; fixture_logged(fixture, text) == 0; waited += STEP_MS) {
    if (waited > WAIT_MS)
      fail_msg("no \"%s\" in the log: %s", text, fixture->log);
    pause_shortly();
  }
}

/* --- checks of files --- */

char *bundle_read(const char *bundle, const char *file) {
  char path[CAPTURE_PATH_MAX + 64];
  snprintf(path, sizeof(path), "%s/%s", bundle, file);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return NULL;
  struct stat st;
  assert_int_equal(fstat(fd, &st), 0);
  char *text = malloc((size_t)st.st_size + 1);
  assert_non_null(text);
  assert_int_equal(read(fd, text, (size_t)st.st_size), st.st_size);
  text[st.st_size] = '\0';
  close(fd);
  return text;
}

static unsigned counted;
static const char *counted_part;
static int counted_level;

static int count_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st, (void)type;
  counted += (counted_level == 0 || ftw->level == counted_level) && ftw->level > 0 &&
             strstr(path + ftw->base, counted_part) != NULL;
  return 0;
}

static unsigned count(const char *folder, const char *part, int level) {
  counted = 0;
  counted_part = part;
  counted_level = level;
  nftw(folder, count_one, 16, FTW_PHYS);
  return counted;
}

unsigned count_entries(const char *folder) {
  return count(folder, "", 1);
}

unsigned count_named(const char *folder, const char *part) {
  return count(folder, part, 0);
}

static bool has_summary(const char *folder, const char *text) {
  char *summary = bundle_read(folder, "summary.txt");
  bool has = summary != NULL && strcmp(summary, text) == 0;
  free(summary);
  return has;
}

/* Requests are worked on in their order, and the summary is written last. */
void fixture_settle(struct capture_fixture *fixture) {
  struct capture_request saved = fixture->request;
  char path[CAPTURE_PATH_MAX], summary[64];
  struct process *ours;
  assert_int_equal(process_open(fixture->held.host, getpid(), &ours), 0);
  fixture->request.instance = "settled";
  fixture->request.pid = getpid();
  fixture->request.start_ticks = process_start_ticks(ours);
  fixture->request.pprof_url = NULL;
  fixture->request.summary = summary;
  snprintf(summary, sizeof(summary), "settled at %lld\n", (long long)saved.monotonic_ms);
  process_close(ours);
  fixture_capture(fixture, "settled", path);
  *strrchr(path, '/') = '\0';
  while (!has_summary(path, summary))
    pause_shortly();
  saved.wall_time_ms = fixture->request.wall_time_ms;
  saved.monotonic_ms = fixture->request.monotonic_ms;
  fixture->request = saved;
}

/* --- the server --- */

static void send_file(struct hostile_connection *c, const char *path) {
  char head[128], block[16384];
  struct stat st;
  FILE *file = fopen(path, "re");
  if (file == NULL || fstat(fileno(file), &st) != 0)
    abort();
  snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %lld\r\n\r\n",
           (long long)st.st_size);
  hostile_send_text(c, head);
  size_t len;
  while ((len = fread(block, 1, sizeof(block), file)) > 0 && hostile_send(c, block, len))
    ;
  fclose(file);
}

void answer_as_go(struct hostile_connection *c, void *context) {
  (void)context;
  if (strncmp(c->request, "GET /debug/pprof/heap ", 22) == 0)
    send_file(c, TEST_SRCDIR "/profiles/target-go1.26.8/heap.pb.gz");
  else if (strncmp(c->request, "GET /debug/pprof/profile?seconds=1 ", 35) == 0)
    send_file(c, TEST_SRCDIR "/profiles/target-go1.26.8/cpu.pb.gz");
  else if (strncmp(c->request, "GET /debug/pprof/goroutine?debug=2 ", 35) == 0)
    send_file(c, TEST_SRCDIR "/profiles/target-go1.26.8/goroutines.txt");
  else if (strncmp(c->request, "GET /debug/pprof/goroutine?debug=1 ", 35) == 0)
    send_file(c, TEST_SRCDIR "/profiles/target-go1.27.3/grouped.txt");
  else
    hostile_send_text(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}
