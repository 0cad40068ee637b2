/*
 * The cost of notify_alertmanager: writing posts compared with yajl alone, a round of 10,000
 * alerts, and 1,000 notifications per second with a node that hangs. The complete plugin runs
 * under a recording collectd; the Alertmanager is a separate process that reads and responds
 * with 200.
 *
 *   bench_notify [seconds of the storm, 60]
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <yajl/yajl_gen.h>

#include "common/clock.h"
#include "fake_collectd.h"
#include "fake_notifications.h"
#include "measure.h"
#include "notify_alertmanager/alert_json.h"
#include "notify_alertmanager/notification.h"

enum {
  ALERTS = 10000,
  BODY_MAX = 64 * 1024 * 1024,
  STORM_SOURCES = 4, /* collectd has 5 read threads */
  STORM_RATE = 1000, /* notifications a second, of all */
  ROUNDS = 10,
};

static char folder[] = "/tmp/bench-notify-XXXXXX";

/* ---- notifications: red flags with evidence, of many sidecars ---- */

enum { META = 8 };

static const char *const meta_names[META] = {"value", "threshold", "pid",   "since",
                                             "path",  "count",     "state", "capture"};
static const char *const meta_values[META] = {
    "1043",
    "1000",
    "4711",
    "1700000000",
    "/home/somebody/.claude/projects/-home-somebody-work-project/0c9e6679-7425-40de.jsonl",
    "871",
    "chan receive, 12 minutes: github.com/marcus/sidecar/internal/adapter.(*Watcher).loop",
    "/var/lib/collectd/sidecar/project/2026-11-23T12:00:00-fds",
};

static void make_notification(notification_t *n, notification_meta_t *meta, unsigned number,
                              int severity) {
  *n = (notification_t){.severity = severity, .time = cdtime(), .meta = meta};
  snprintf(n->host, sizeof(n->host), "host-%u.example.org", number / 10);
  snprintf(n->plugin, sizeof(n->plugin), "sidecar");
  snprintf(n->plugin_instance, sizeof(n->plugin_instance), "project-%u", number % 10);
  snprintf(n->type, sizeof(n->type), "red_flag");
  snprintf(n->type_instance, sizeof(n->type_instance), "fds");
  snprintf(n->message, sizeof(n->message),
           "project-%u: 1043 FDs, 871 of them ~/.claude/projects/0c9e6679.jsonl", number % 10);
  for (size_t i = 0; i < META; i++) {
    meta[i] = (notification_meta_t){.type = NM_TYPE_STRING,
                                    .next = i + 1 < META ? &meta[i + 1] : NULL};
    meta[i].nm_value.nm_string = meta_values[i];
    snprintf(meta[i].name, sizeof(meta[i].name), "%s", meta_names[i]);
  }
}

static void notify(unsigned number, int severity) {
  notification_t n;
  notification_meta_t meta[META];
  make_notification(&n, meta, number, severity);
  fake_notify(&n);
}

/* ---- writing a post, compared with yajl alone ---- */

struct formatting {
  struct alert *alerts[256];
  struct alert_json *json;
  yajl_gen gen;
  notification_t notification;
  notification_meta_t meta[META];
};

static void bare_string(yajl_gen gen, const char *string) {
  yajl_gen_string(gen, (const unsigned char *)string, strlen(string));
}

static void bare_pairs(yajl_gen gen, alert_pairs pairs) {
  struct alert_pair pair;
  yajl_gen_map_open(gen);
  while (alert_pair_next(&pairs, &pair)) {
    bare_string(gen, pair.name);
    bare_string(gen, pair.value);
  }
  yajl_gen_map_close(gen);
}

/* The same bytes, times ready-made. */
static void bare_post(void *subject) {
  struct formatting *f = subject;
  yajl_gen_clear(f->gen);
  yajl_gen_reset(f->gen, NULL);
  yajl_gen_array_open(f->gen);
  for (size_t i = 0; i < 256; i++) {
    yajl_gen_map_open(f->gen);
    bare_string(f->gen, "labels");
    bare_pairs(f->gen, alert_labels(f->alerts[i]));
    bare_string(f->gen, "annotations");
    bare_pairs(f->gen, alert_annotations(f->alerts[i]));
    bare_string(f->gen, "startsAt");
    bare_string(f->gen, "2023-11-14T22:13:20.000000000Z");
    yajl_gen_map_close(f->gen);
  }
  yajl_gen_array_close(f->gen);
}

static void our_post(void *subject) {
  struct formatting *f = subject;
  alert_json_begin(f->json);
  for (size_t i = 0; i < 256; i++)
    alert_json_add(f->json, f->alerts[i], 1700000000000000000, 0);
  alert_json_end(f->json);
}

static const struct alert_rules rules = {.severity_label = true};

static struct alert *alert_of(const notification_t *n) {
  struct notification_view view;
  struct alert *alert;
  notification_view_init(&view, n, "here");
  if (alert_rules_apply(&rules, &view.source, &alert) != 0)
    bench_fail("an alert");
  return alert;
}

/* From notification to post. */
static void our_whole_way(void *subject) {
  struct formatting *f = subject;
  alert_json_begin(f->json);
  for (size_t i = 0; i < 256; i++) {
    struct alert *alert = alert_of(&f->notification);
    alert_json_add(f->json, alert, 1700000000000000000, 0);
    alert_unref(alert);
  }
  alert_json_end(f->json);
}

static void bench_formatting(void) {
  static struct formatting f;
  const unsigned char *bytes;
  size_t len;
  f.gen = yajl_gen_alloc(NULL);
  if (f.gen == NULL || alert_json_new(BODY_MAX, &f.json) != 0)
    bench_fail("yajl");
  make_notification(&f.notification, f.meta, 7, NOTIF_WARNING);
  for (size_t i = 0; i < 256; i++)
    f.alerts[i] = alert_of(&f.notification);

  bare_post(&f);
  our_post(&f);
  yajl_gen_get_buf(f.gen, &bytes, &len);
  struct span ours = alert_json_body(f.json);
  if (ours.len != len || memcmp(ours.at, bytes, len) != 0)
    bench_fail("the bytes are not the same");
  printf("a post of 256 alerts, %zu bytes:\n", len);
  bench_side_by_side("  writing it", 3, bare_post, our_post, &f, 201, 4);
  bench_side_by_side("  from notifications on", 3, bare_post, our_whole_way, &f, 201, 4);

  for (size_t i = 0; i < 256; i++)
    alert_unref(f.alerts[i]);
  alert_json_free(f.json);
  yajl_gen_free(f.gen);
}

/* ---- the far end ---- */

static void swallow(int fd) {
  static char bytes[1 << 20];
  static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  size_t have = 0, want = SIZE_MAX;
  while (have < want) {
    ssize_t n = recv(fd, bytes + (want == SIZE_MAX ? have : 0),
                     sizeof(bytes) - 1 - (want == SIZE_MAX ? have : 0), 0);
    if (n <= 0)
      return;
    have += (size_t)n;
    if (want != SIZE_MAX)
      continue;
    bytes[have] = '\0';
    char *end = strstr(bytes, "\r\n\r\n"), *length = strstr(bytes, "Content-Length: ");
    if (end != NULL && length != NULL)
      want = (size_t)(end + 4 - bytes) + strtoul(length + strlen("Content-Length: "), NULL, 10);
  }
  (void)!send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
}

/* A process that accepts every post, or never answers one. */
static pid_t start_server(uint16_t *ret_port, bool hangs) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof(address);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, len) != 0 ||
      listen(listener, 64) != 0 ||
      getsockname(listener, (struct sockaddr *)&address, &len) != 0)
    bench_fail("a server");
  *ret_port = ntohs(address.sin_port);
  pid_t pid = fork();
  if (pid < 0)
    bench_fail("fork");
  if (pid > 0) {
    close(listener);
    return pid;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd >= 0 && !hangs)
      swallow(fd);
    if (fd >= 0 && !hangs)
      close(fd);
  }
}

static void end_server(pid_t pid) {
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
}

/* ---- the plugin ---- */

static void begin(uint16_t port, const char *options) {
  char text[500];
  snprintf(text, sizeof(text), "%s<Node \"n\">\nURL \"http://127.0.0.1:%u\"\n</Node>\n",
           options, port);
  fake_collectd_reset();
  fake_notifications_reset(folder);
  module_register();
  if (fake_collectd_configure(text) != 0 || fake_collectd_init() != 0)
    bench_fail("the plugin");
}

static void end(void) {
  fake_collectd_shutdown();
  fake_notifications_end();
}

static double value_of(const char *instance, const char *type, const char *type_instance) {
  fake_collectd_read();
  const struct fake_value *value = fake_collectd_find(instance, type, type_instance);
  if (value == NULL)
    return -1;
  return value->ds_type == DS_TYPE_GAUGE ? value->values[0].gauge
                                         : (double)value->values[0].derive;
}

static void wait_until_delivered(void) {
  for (int i = 0; i < 6000; i++) {
    if (value_of("n", "alert_queue_length", "") == 0)
      return;
    usleep(10000);
  }
  bench_fail("alerts were not delivered");
}

/* Resident memory of this process, in megabytes. */
static double resident_mb(void) {
  unsigned long long total = 0, resident = 0;
  FILE *stream = fopen("/proc/self/statm", "r");
  if (stream == NULL || fscanf(stream, "%llu %llu", &total, &resident) != 2)
    bench_fail("/proc/self/statm");
  fclose(stream);
  return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static void bench_rounds(void) {
  uint16_t port;
  pid_t server = start_server(&port, false);
  begin(port, "ResendInterval 1\n");
  notify(ALERTS, NOTIF_WARNING);
  wait_until_delivered();
  double before_mb = resident_mb();
  for (unsigned i = 0; i < ALERTS - 1; i++)
    notify(i, NOTIF_WARNING);
  wait_until_delivered();
  usleep(3000000); /* the state file is written, too */

  /* only whole intervals: a round falls into each */
  uint64_t cpu_ns = bench_cpu_ns(), wall_ns = clock_monotonic_ns();
  double posts = value_of("n", "alert_posts", "ok");
  usleep(ROUNDS * 1000000);
  cpu_ns = bench_cpu_ns() - cpu_ns;
  wall_ns = clock_monotonic_ns() - wall_ns;
  posts = value_of("n", "alert_posts", "ok") - posts;
  printf("%d firing alerts, re-sent every second:\n", ALERTS);
  printf("  a round: %.3f s of CPU (limit 1), %.0f posts, in %.0f s %d rounds\n",
         (double)cpu_ns / 1e9 / ROUNDS, posts / ROUNDS, (double)wall_ns / 1e9, ROUNDS);
  printf("  memory: %.1f MB more than with one alert (limit 20)\n", resident_mb() - before_mb);
  fflush(stdout);
  end();
  end_server(server);
}

/* ---- the storm ---- */

struct source {
  pthread_t thread;
  unsigned first, seconds;
  bool distinct;
  unsigned sent;
  uint64_t longest_ns, total_ns;
  unsigned above_1ms, above_10ms;
  uint64_t control_longest_ns; /* of work that takes no lock */
};

static uint64_t longer(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

/* Only making the alert: long times here mean that the machine was busy. */
static uint64_t time_of_control(void) {
  notification_t n;
  notification_meta_t meta[META];
  uint64_t start_ns = clock_monotonic_ns();
  make_notification(&n, meta, 1, NOTIF_WARNING);
  alert_unref(alert_of(&n));
  return clock_monotonic_ns() - start_ns;
}

static void *storm(void *argument) {
  struct source *s = argument;
  uint64_t begin_ns = clock_monotonic_ns();
  unsigned count = s->seconds * STORM_RATE / STORM_SOURCES;
  for (unsigned i = 0; i < count; i++) {
    uint64_t due_ns = begin_ns + (uint64_t)i * STORM_SOURCES * 1000000000 / STORM_RATE;
    uint64_t now_ns = clock_monotonic_ns();
    if (due_ns > now_ns)
      usleep((useconds_t)((due_ns - now_ns) / 1000));

    unsigned number = s->distinct ? s->first + i * STORM_SOURCES : s->first + i % 100;
    int severity = i % 3 == 0 ? NOTIF_FAILURE : i % 3 == 1 ? NOTIF_WARNING : NOTIF_OKAY;
    uint64_t start_ns = clock_monotonic_ns();
    notify(number, s->distinct ? NOTIF_FAILURE : severity);
    uint64_t took_ns = clock_monotonic_ns() - start_ns;
    s->sent++;
    s->total_ns += took_ns;
    s->longest_ns = longer(s->longest_ns, took_ns);
    s->above_1ms += took_ns > 1000000;
    s->above_10ms += took_ns > 10000000;
    s->control_longest_ns = longer(s->control_longest_ns, time_of_control());
  }
  return NULL;
}

static void bench_storm(const char *what, bool distinct, unsigned seconds) {
  uint16_t port;
  pid_t server = start_server(&port, true);
  begin(port, "ResendInterval 1\n");
  struct source sources[STORM_SOURCES], all = {0};
  double before_mb = resident_mb(), middle_mb = 0;
  uint64_t cpu_ns = bench_cpu_ns();
  for (unsigned i = 0; i < STORM_SOURCES; i++) {
    sources[i] = (struct source){
        .first = distinct ? i : i * 100, .seconds = seconds, .distinct = distinct};
    if (pthread_create(&sources[i].thread, NULL, storm, &sources[i]) != 0)
      bench_fail("pthread_create");
  }
  usleep(seconds * 500000);
  middle_mb = resident_mb();
  for (unsigned i = 0; i < STORM_SOURCES; i++) {
    pthread_join(sources[i].thread, NULL);
    all.sent += sources[i].sent;
    all.total_ns += sources[i].total_ns;
    all.above_1ms += sources[i].above_1ms;
    all.above_10ms += sources[i].above_10ms;
    all.longest_ns = longer(all.longest_ns, sources[i].longest_ns);
    all.control_longest_ns = longer(all.control_longest_ns, sources[i].control_longest_ns);
  }
  cpu_ns = bench_cpu_ns() - cpu_ns;
  printf("%u notifications in %u s, %s, the node hangs:\n", all.sent, seconds, what);
  printf("  a notification holds its caller %.1f us, at most %.2f ms (limit 10); above 1 ms: "
         "%u, above 10 ms: %u; work that takes no lock: at most %.2f ms\n",
         (double)all.total_ns / 1e3 / all.sent, (double)all.longest_ns / 1e6, all.above_1ms,
         all.above_10ms, (double)all.control_longest_ns / 1e6);
  printf("  memory: %.1f MB more at half time, %.1f MB at the end; CPU %.1f %%\n",
         middle_mb - before_mb, resident_mb() - before_mb, (double)cpu_ns / 1e7 / seconds);
  printf("  alerts kept %.0f, dropped %.0f\n",
         value_of("all", "alerts", "firing") + value_of("all", "alerts", "resolved"),
         value_of("all", "alerts_dropped", "firing"));
  fflush(stdout);
  uint64_t end_ns = clock_monotonic_ns();
  end();
  printf("  ends in %.2f s\n", (double)(clock_monotonic_ns() - end_ns) / 1e9);
  end_server(server);
}

static void remove_folder(void) {
  char path[sizeof(folder) + 64];
  snprintf(path, sizeof(path), "%s/notify_alertmanager.state", folder);
  unlink(path);
  rmdir(folder);
}

int main(int argc, char **argv) {
  unsigned seconds = argc > 1 ? bench_argument(argv[1], 3600) : 60;
  if (mkdtemp(folder) == NULL)
    bench_fail("a folder");
  bench_formatting();
  bench_rounds();
  remove_folder();
  mkdir(folder, 0700);
  bench_storm("400 alerts that flap", false, seconds);
  remove_folder();
  mkdir(folder, 0700);
  bench_storm("all of them new alerts", true, seconds);
  remove_folder();
  return 0;
}
