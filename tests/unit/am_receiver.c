/* The receiver of posts; see am_receiver.h. */
#include "am_receiver.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <yajl/yajl_tree.h>

#include "common/clock.h"
#include "fake_memory.h"
#include "hostile_server.h"

enum { ALERTS_MAX = 20000, NAME_SIZE = 64 };

struct believed {
  char plugin[NAME_SIZE], severity[NAME_SIZE];
  bool fires;
  double end_ahead; /* seconds */
  size_t resolved;
};

struct receiver {
  struct hostile_server *server;
  char url[64];
  pthread_mutex_t lock;
  const char *response;
  const char *refused;
  const char *required;
  bool hangs, gives_date;
  unsigned posts;
  struct believed *alerts;
  size_t alerts_len;
};

static const char *string_at(yajl_val value, const char *first, const char *second) {
  const char *path[] = {first, second, NULL};
  const char *string = YAJL_GET_STRING(yajl_tree_get(value, path, yajl_t_string));
  return string != NULL ? string : "";
}

static struct believed *find(struct receiver *r, const char *plugin, const char *severity) {
  for (size_t i = 0; i < r->alerts_len; i++)
    if (strcmp(r->alerts[i].plugin, plugin) == 0 &&
        strcmp(r->alerts[i].severity, severity) == 0)
      return &r->alerts[i];
  if (r->alerts_len == ALERTS_MAX)
    abort();
  struct believed *added = &r->alerts[r->alerts_len++];
  snprintf(added->plugin, NAME_SIZE, "%s", plugin);
  snprintf(added->severity, NAME_SIZE, "%s", severity);
  return added;
}

/* As the plugin writes it: RFC 3339 in UTC, with nanoseconds. */
static double seconds_ahead(const char *text) {
  struct tm date = {0};
  const char *fraction = strptime(text, "%Y-%m-%dT%H:%M:%S", &date);
  if (fraction == NULL)
    abort();
  return (double)timegm(&date) + strtod(fraction, NULL) - (double)clock_wall_ns() / 1e9;
}

static void believe(struct receiver *r, yajl_val alert) {
  const char *end = string_at(alert, "endsAt", NULL);
  struct believed *b =
      find(r, string_at(alert, "labels", "plugin"), string_at(alert, "labels", "severity"));
  b->end_ahead = end[0] != '\0' ? seconds_ahead(end) : 0;
  b->fires = end[0] == '\0' || b->end_ahead > 0;
  b->resolved += !b->fires;
}

/* Says whether the post is accepted. */
static bool take(struct receiver *r, const char *body) {
  char error[200];
  yajl_val tree = yajl_tree_parse(body, error, sizeof(error));
  if (tree == NULL || !YAJL_IS_ARRAY(tree)) {
    fprintf(stderr, "receiver: not a list: %s\n", body);
    abort();
  }
  bool refused = false;
  for (size_t i = 0; i < YAJL_GET_ARRAY(tree)->len; i++)
    refused |=
        r->refused != NULL &&
        strcmp(string_at(YAJL_GET_ARRAY(tree)->values[i], "labels", "plugin"), r->refused) == 0;
  for (size_t i = 0; i < YAJL_GET_ARRAY(tree)->len && !refused && r->response == NULL; i++)
    believe(r, YAJL_GET_ARRAY(tree)->values[i]);
  yajl_tree_free(tree);
  return !refused;
}

static char *read_body(struct hostile_connection *c) {
  const char *length = strstr(c->request, "Content-Length: ");
  char *head_end = strstr(c->request, "\r\n\r\n");
  if (length == NULL || head_end == NULL || strncmp(c->request, "POST ", 5) != 0 ||
      strstr(c->request, "Content-Type: application/json\r\n") == NULL)
    return NULL;
  size_t len = (size_t)strtoul(length + strlen("Content-Length: "), NULL, 10);
  char *body = fake_memory(len + 1); /* the plugin's allocations may be failing now */
  size_t have = strlen(head_end + 4);
  memcpy(body, head_end + 4, have);
  while (have < len) {
    ssize_t n = recv(c->fd, body + have, len - have, 0);
    if (n <= 0) {
      free(body);
      return NULL;
    }
    have += (size_t)n;
  }
  return body;
}

enum { RESPONSE_SIZE = 128 };

/* Writes a response of 200; dst has RESPONSE_SIZE bytes. */
static const char *accepting(const struct receiver *r, char *dst) {
  char date[64] = "";
  if (r->gives_date)
    clock_format_utc(date, sizeof(date), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n",
                     clock_wall_ns() / 1000000000);
  snprintf(dst, RESPONSE_SIZE, "HTTP/1.1 200 OK\r\n%sContent-Length: 0\r\n\r\n", date);
  return dst;
}

static bool lacks(struct receiver *r, const char *request) {
  pthread_mutex_lock(&r->lock);
  const char *found = r->required != NULL ? strstr(request, r->required) : request;
  r->posts += found == NULL;
  pthread_mutex_unlock(&r->lock);
  return found == NULL;
}

static void serve(struct hostile_connection *c, void *context) {
  struct receiver *r = context;
  char text[RESPONSE_SIZE];
  char *body = read_body(c);
  if (body == NULL)
    return;
  if (lacks(r, c->request)) {
    free(body);
    hostile_send_text(c, "HTTP/1.1 401 Unauthorized\r\n\r\n{\"message\":\"");
    for (char *at = c->request; (at = strpbrk(at, "\r\n\"")) != NULL;)
      *at = ' ';
    hostile_send_text(c, c->request);
    hostile_send_text(c, "\"}");
    return;
  }
  pthread_mutex_lock(&r->lock);
  r->posts++;
  bool hangs = r->hangs;
  bool accepted = hangs || take(r, body);
  const char *response = r->response != NULL ? r->response
                         : accepted          ? accepting(r, text)
                                             : "HTTP/1.1 400 Bad Request\r\n\r\n\"bad label\"";
  pthread_mutex_unlock(&r->lock);
  free(body);
  if (hangs)
    hostile_wait_for_close(c);
  else
    hostile_send_text(c, response);
}

struct receiver *receiver_new(void) {
  struct receiver *r = calloc(1, sizeof(*r));
  r->alerts = calloc(ALERTS_MAX, sizeof(*r->alerts));
  pthread_mutex_init(&r->lock, NULL);
  r->server = hostile_server_new(serve, r);
  snprintf(r->url, sizeof(r->url), "http://127.0.0.1:%u", hostile_server_port(r->server));
  return r;
}

void receiver_free(struct receiver *r) {
  hostile_server_free(r->server);
  pthread_mutex_destroy(&r->lock);
  free(r->alerts);
  free(r);
}

const char *receiver_url(const struct receiver *r) {
  return r->url;
}

void receiver_answer(struct receiver *r, const char *response) {
  pthread_mutex_lock(&r->lock);
  r->response = response;
  r->hangs = false;
  pthread_mutex_unlock(&r->lock);
}

void receiver_give_date(struct receiver *r) {
  pthread_mutex_lock(&r->lock);
  r->gives_date = true;
  pthread_mutex_unlock(&r->lock);
}

void receiver_require(struct receiver *r, const char *line) {
  pthread_mutex_lock(&r->lock);
  r->required = line;
  pthread_mutex_unlock(&r->lock);
}

void receiver_refuse(struct receiver *r, const char *plugin) {
  pthread_mutex_lock(&r->lock);
  r->refused = plugin;
  pthread_mutex_unlock(&r->lock);
}

void receiver_hang(struct receiver *r) {
  pthread_mutex_lock(&r->lock);
  r->hangs = true;
  pthread_mutex_unlock(&r->lock);
}

unsigned receiver_posts(struct receiver *r) {
  pthread_mutex_lock(&r->lock);
  unsigned posts = r->posts;
  pthread_mutex_unlock(&r->lock);
  return posts;
}

size_t receiver_firing(struct receiver *r, const char *plugin, const char *severity) {
  size_t count = 0;
  pthread_mutex_lock(&r->lock);
  for (size_t i = 0; i < r->alerts_len; i++)
    count += r->alerts[i].fires &&
             (plugin == NULL || strcmp(plugin, r->alerts[i].plugin) == 0) &&
             (severity == NULL || strcmp(severity, r->alerts[i].severity) == 0);
  pthread_mutex_unlock(&r->lock);
  return count;
}

double receiver_end_ahead(struct receiver *r, const char *plugin) {
  double ahead = 0;
  pthread_mutex_lock(&r->lock);
  for (size_t i = 0; i < r->alerts_len; i++)
    if (r->alerts[i].fires && strcmp(plugin, r->alerts[i].plugin) == 0)
      ahead = r->alerts[i].end_ahead;
  pthread_mutex_unlock(&r->lock);
  return ahead;
}

size_t receiver_resolved(struct receiver *r, const char *plugin) {
  size_t count = 0;
  pthread_mutex_lock(&r->lock);
  for (size_t i = 0; i < r->alerts_len; i++)
    if (strcmp(plugin, r->alerts[i].plugin) == 0)
      count += r->alerts[i].resolved;
  pthread_mutex_unlock(&r->lock);
  return count;
}

bool receiver_wait_firing(struct receiver *r, const char *plugin, const char *severity,
                          size_t count) {
  for (int i = 0; i < 1000; i++) {
    if (receiver_firing(r, plugin, severity) == count)
      return true;
    usleep(10000);
  }
  return false;
}
