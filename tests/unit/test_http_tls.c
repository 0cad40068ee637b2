/*
 * Whom http.c trusts: against openssl's own test server, with certificates made on the
 * spot. Skipped where the machine has no openssl(1).
 */
#include "common/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/scan.h"

static char folder[64];

__attribute__((format(printf, 1, 2))) static int shell(const char *format, ...) {
  char command[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(command, sizeof(command), format, arguments);
  va_end(arguments);
  return system(command);
}

static int make_certificate(const char *name, const char *san) {
  return shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
               "-days 2 -subj /CN=%s -addext subjectAltName=%s "
               "-keyout %s/%s.key -out %s/%s.crt 2>%s/log",
               name, san, folder, name, folder, name, folder);
}

static int set_up(void **state) {
  (void)state;
  strcpy(folder, "/tmp/test_http_tls.XXXXXX");
  if (mkdtemp(folder) == NULL)
    return -1;
  bool ready = make_certificate("here", "IP:127.0.0.1") == 0 &&
               make_certificate("elsewhere", "DNS:elsewhere.example") == 0 &&
               make_certificate("client", "DNS:client.example") == 0;
  if (!ready) {
    shell("rm -rf %s", folder);
    folder[0] = '\0';
  }
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  return folder[0] == '\0' ? 0 : shell("rm -rf %s", folder);
}

struct server {
  pid_t pid;
  uint16_t port;
};

/* openssl s_server with the named certificate; it prints "ACCEPT 127.0.0.1:PORT". */
static struct server server_start(const char *name, bool wants_certificate) {
  struct server server;
  char certificate[128], key[128], ca[128], line[128];
  int out[2];
  uint64_t port = 0;

  snprintf(certificate, sizeof(certificate), "%s/%s.crt", folder, name);
  snprintf(key, sizeof(key), "%s/%s.key", folder, name);
  snprintf(ca, sizeof(ca), "%s/client.crt", folder);
  assert_int_equal(pipe(out), 0);
  server.pid = fork();
  assert_true(server.pid >= 0);
  if (server.pid == 0) {
    dup2(out[1], STDOUT_FILENO);
    dup2(out[1], STDERR_FILENO);
    if (wants_certificate)
      execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", certificate,
             "-key", key, "-www", "-CAfile", ca, "-Verify", "1", "-verify_return_error",
             (char *)NULL);
    execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", certificate,
           "-key", key, "-www", (char *)NULL);
    _exit(127);
  }
  close(out[1]);
  FILE *output = fdopen(out[0], "r");
  assert_non_null(output);
  while (port == 0 && fgets(line, sizeof(line), output) != NULL) {
    struct span text = span_of(line);
    if (scan_literal(&text, "ACCEPT 127.0.0.1:"))
      assert_int_equal(scan_u64(&text, &port), 0);
  }
  fclose(output); /* its other output is discarded */
  assert_true(port > 0);
  server.port = (uint16_t)port;
  return server;
}

static void server_end(const struct server *server) {
  kill(server->pid, SIGKILL);
  waitpid(server->pid, NULL, 0);
}

static void keep_result(void *context, const struct http_result *result) {
  *(struct http_result *)context = *result;
}

struct row {
  const char *name;
  const char *server;           /* its certificate */
  const char *ca, *certificate; /* ours; NULL: none */
  bool wants_certificate, insecure;
  int error;
};

/* The system's authorities are in a separate package, which a small system may lack. */
enum { UNTRUSTED = 1 };

static int error_of_untrusted(void) {
  const char *authorities = curl_version_info(CURLVERSION_NOW)->cainfo;
  return authorities != NULL && access(authorities, R_OK) != 0 ? -ENOKEY : -EACCES;
}

static const struct row ROWS[] = {
    {"its own certificate is trusted", "here", "here.crt", NULL, false, false, 0},
    {"without an authority", "here", NULL, NULL, false, false, UNTRUSTED},
    {"another authority", "here", "elsewhere.crt", NULL, false, false, -EACCES},
    {"trusted, but for another name", "elsewhere", "elsewhere.crt", NULL, false, false,
     -EACCES},
    {"the file of those who vouch is missing", "here", "missing.crt", NULL, false, false,
     -ENOKEY},
    {"verification is switched off", "elsewhere", NULL, NULL, false, true, 0},
    {"the certificate the server wants", "here", "here.crt", "client", true, false, 0},
    {"our certificate is missing", "here", "here.crt", "missing", false, false, -EACCES},
};

static const char *path_of(char path[128], const char *name, const char *suffix) {
  if (name == NULL)
    return NULL;
  snprintf(path, 128, "%s/%s%s", folder, name, suffix);
  return path;
}

static void check(const struct row *row) {
  char url[64], ca[128], certificate[128], key[128];
  struct server server = server_start(row->server, row->wants_certificate);
  struct http_result result = {.error = 1};
  struct http_loop *loop = NULL;
  snprintf(url, sizeof(url), "https://127.0.0.1:%u/", server.port);
  struct http_request request = {
      .url = url,
      .timeout_ms = 20000,
      .max_bytes = 1 << 20,
      .on_done = keep_result,
      .context = &result,
      .ca_file = path_of(ca, row->ca, ""),
      .client_certificate = path_of(certificate, row->certificate, ".crt"),
      .client_key = path_of(key, row->certificate, ".key"),
      .insecure = row->insecure,
  };
  assert_int_equal(http_loop_new(&loop), 0);
  assert_int_equal(http_loop_add(loop, &request), 0);
  while (http_loop_run(loop, 1000) > 0)
    ;
  http_loop_free(loop);
  server_end(&server);
  int error = row->error == UNTRUSTED ? error_of_untrusted() : row->error;
  if (result.error != error || (error == 0 && result.status != 200))
    fail_msg("%s: %d, status %ld, %s", row->name, result.error, result.status, result.reason);
  if (error == -ENOKEY && strstr(result.reason, ".crt") == NULL)
    fail_msg("%s: no file in \"%s\"", row->name, result.reason);
}

static void only_configured_authorities_are_trusted(void **state) {
  (void)state;
  if (folder[0] == '\0') {
    print_message("skipped: no openssl(1) that makes certificates\n");
    skip();
  }
  for (size_t i = 0; i < sizeof(ROWS) / sizeof(*ROWS); i++)
    check(&ROWS[i]);
}

int main(void) {
  signal(SIGPIPE, SIG_IGN); /* inherited by the servers: their output is discarded */
  const struct CMUnitTest tests[] = {cmocka_unit_test(only_configured_authorities_are_trusted)};
  return cmocka_run_group_tests_name("http_tls", tests, set_up, tear_down);
}
