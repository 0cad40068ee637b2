/* The server of a Go program; see go_server.h. */
#include "go_server.h"

#include <stdio.h>

#include "cases.h"
#include "common/buffer.h"
#include "watched.h"

static struct buffer index_page, heap_page; /* only read by the servers */

static const char dump_page[] = "goroutine 1 [chan receive, 12 minutes]:\n"
                                "main.(*Monitor).fetchData(0x1)\n"
                                "\texample.com/target/monitor.go:12 +0x25\n"
                                "main.main()\n"
                                "\texample.com/target/main.go:7 +0x15\n"
                                "\n"
                                "goroutine 7 [select]:\n"
                                "main.(*Monitor).fetchData(0x2)\n"
                                "\texample.com/target/monitor.go:12 +0x25\n"
                                "created by main.main in goroutine 1\n"
                                "\texample.com/target/main.go:6 +0x19\n"
                                "\n"
                                "goroutine 9 [running]:\n"
                                "net/http.(*conn).serve(0x3)\n"
                                "\tnet/http/server.go:2102 +0x60f\n";

static void load(struct buffer *page, const char *name) {
  char path[512], bytes[4096];
  size_t len;
  snprintf(path, sizeof(path), "%s/fuzz/corpus/%s", TEST_SRCDIR, name);
  FILE *stream = fopen(path, "rb");
  assert_non_null(stream);
  buffer_init(page, 1 << 20);
  while ((len = fread(bytes, 1, sizeof(bytes), stream)) > 0)
    assert_int_equal(buffer_append(page, bytes, len), 0);
  fclose(stream);
}

static const char groups_page[] = "goroutine profile: total 40\n"
                                  "37 @ 0x1 0x2\n"
                                  "#\t0x1\tmain.fetchData+0x1\t/src/main.go:7\n\n"
                                  "3 @ 0x1\n"
                                  "#\t0x1\ttime.Sleep+0x1\t/src/sleep.go:7\n\n";

static const char leaks_page[] = "goroutineleak profile: total 7\n"
                                 "5 @ 0x1 0x2\n"
                                 "#\t0x1\tmain.(*Monitor).fetchData+0x1\t/src/monitor.go:12\n"
                                 "#\t0x2\tmain.main+0x15\t/src/main.go:7\n\n"
                                 "2 @ 0x1\n"
                                 "#\t0x1\tmain.wait+0x1\t/src/main.go:7\n\n";

int go_server_set_up_group(void **state) {
  load(&index_page, "pprof_index/go1.26_busy");
  load(&heap_page, "memstats/go1.26_busy");
  return watched_set_up_group(state);
}

int go_server_tear_down_group(void **state) {
  buffer_free(&index_page);
  buffer_free(&heap_page);
  return watched_tear_down_group(state);
}

static void send_page(struct hostile_connection *c, const char *bytes, size_t len) {
  char head[128];
  snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", len);
  hostile_send_text(c, head);
  hostile_send(c, bytes, len);
}

_Atomic unsigned go_server_index_requests;

/* The pages that a server has. */
struct pages {
  const char *prefix;
  bool has_index, has_heap;
  size_t dump_len; /* 0: none */
  bool has_leaks;
};

static bool asks_for(const struct hostile_connection *c, const struct pages *pages,
                     const char *path) {
  char line[192];
  snprintf(line, sizeof(line), "GET %s%s HTTP/1.1\r\n", pages->prefix, path);
  return strncmp(c->request, line, strlen(line)) == 0;
}

/* As many goroutines as on the index page; the rest of it takes forever. */
static void send_total(struct hostile_connection *c) {
  char line[64];
  snprintf(line, sizeof(line), "goroutine profile: total %d\n", GO_GOROUTINES);
  hostile_send_text(c, "HTTP/1.1 200 OK\r\n\r\n");
  hostile_send_text(c, line);
  hostile_wait_for_close(c);
}

static void answer(struct hostile_connection *c, const struct pages *pages) {
  bool is_index = asks_for(c, pages, "");
  if (is_index)
    go_server_index_requests++;
  if (is_index && pages->has_index)
    send_page(c, index_page.data, index_page.len);
  else if (asks_for(c, pages, "goroutine?debug=1") && !pages->has_index)
    send_total(c);
  else if (asks_for(c, pages, "goroutine?debug=1") && pages->dump_len > 0)
    send_page(c, groups_page, strlen(groups_page));
  else if (asks_for(c, pages, "heap?debug=1") && pages->has_heap)
    send_page(c, heap_page.data, heap_page.len);
  else if (asks_for(c, pages, "goroutine?debug=2") && pages->dump_len > 0)
    send_page(c, dump_page, pages->dump_len);
  else if (asks_for(c, pages, "goroutineleak?debug=1") && pages->has_leaks)
    send_page(c, leaks_page, strlen(leaks_page));
  else
    hostile_send_text(c, "HTTP/1.1 404 Not Found\r\n\r\n");
}

#define PREFIX "/debug/pprof/"
#define DUMP_LEN (sizeof(dump_page) - 1)

void go_server_good(struct hostile_connection *c, void *context) {
  (void)context;
  answer(c, &(struct pages){PREFIX, true, true, DUMP_LEN, true});
}

void go_server_without_index(struct hostile_connection *c, void *context) {
  (void)context;
  answer(c, &(struct pages){PREFIX, false, true, DUMP_LEN, true});
}

void go_server_without_heap(struct hostile_connection *c, void *context) {
  (void)context;
  answer(c, &(struct pages){PREFIX, true, false, DUMP_LEN, true});
}

void go_server_without_dump(struct hostile_connection *c, void *context) {
  (void)context;
  answer(c, &(struct pages){PREFIX, true, true, 0, true});
}

void go_server_without_leaks(struct hostile_connection *c, void *context) {
  (void)context;
  answer(c, &(struct pages){PREFIX, true, true, DUMP_LEN, false});
}

void go_server_with_part_of_dump(struct hostile_connection *c, void *context) {
  (void)context;
  answer(c, &(struct pages){PREFIX, true, true, DUMP_LEN / 2, true});
}

void go_server_below(struct hostile_connection *c, void *prefix) {
  answer(c, &(struct pages){prefix, true, true, DUMP_LEN, true});
}
