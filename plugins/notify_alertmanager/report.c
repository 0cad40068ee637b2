/* Log lines about a node; see report.h. */
#include "notify_alertmanager/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/format.h"
#include "common/text.h"
#include "notify_alertmanager/alert.h"

/* "answers 503: out of order" or "does not answer: connection refused" */
static const char *what_happened(const struct delivery_event *event, char *dst, size_t size) {
  const char *reason = event->reason;
  char error[FORMAT_ERROR_SIZE];
  if (reason[0] == '\0' && event->error != 0)
    reason = format_error(error, -event->error);
  const char *colon = reason[0] != '\0' ? ": " : "";
  if (event->status != 0)
    snprintf(dst, size, "answers %ld%s%s", event->status, colon, reason);
  else
    snprintf(dst, size, "does not answer%s%s", colon, reason);
  return dst;
}

static const char *hint_for_failure(const struct delivery_event *event) {
  if (event->error == -EACCES)
    return "see CACert and the host name in URL";
  if (event->error == -ENOKEY)
    return "set CACert to a readable file, or, for the public authorities, "
           "apt-get install ca-certificates";
  if (event->error == -EPROTO || event->error == -EMSGSIZE)
    return "is it an Alertmanager, and is the scheme (http or https) correct? See URL";
  return "alerts are kept and sent when it answers";
}

static const char *hint_for_refusal(long status) {
  if (status >= 300 && status < 400)
    return "redirects are not followed; set URL to the target";
  switch (status) {
  case 401:
  case 403:
    return "see User, PasswordFile, BearerTokenFile and Header";
  case 404:
  case 405:
    return "there is no Alertmanager API (v2); see URL";
  default:
    return "it accepts no alert at all; is it an Alertmanager? See URL";
  }
}

static void append_suppressed(char *dst, uint32_t suppressed) {
  size_t len = strlen(dst);
  if (suppressed > 0)
    snprintf(dst + len, REPORT_LINE_SIZE - len, " (%u more like this since the last line)",
             suppressed);
}

static enum report_level node_failed(struct report *report, const struct delivery_event *event,
                                     const char *url, uint64_t now_ns, char *dst) {
  char what[REPORT_LINE_SIZE / 2];
  uint32_t suppressed;
  bool failed = event->kind == DELIVERY_EVENT_FAILED;
  if (!backoff_due(failed ? &report->failed : &report->refused, now_ns, &suppressed))
    return REPORT_NOTHING;
  snprintf(dst, REPORT_LINE_SIZE, "node \"%s\": %s %s; %s", event->node, url,
           what_happened(event, what, sizeof(what)),
           failed ? hint_for_failure(event) : hint_for_refusal(event->status));
  append_suppressed(dst, suppressed);
  return failed ? REPORT_WARNING : REPORT_ERROR;
}

static enum report_level no_token(struct report *report, const struct delivery_event *event,
                                  uint64_t now_ns, char *dst) {
  char path[300], error[FORMAT_ERROR_SIZE];
  uint32_t suppressed;
  bool has_reason = event->reason[0] != '\0';
  if (!backoff_due(&report->token, now_ns, &suppressed))
    return REPORT_NOTHING;
  snprintf(dst, REPORT_LINE_SIZE,
           "node \"%s\": no token in the file %s: %s%s; nothing is sent without it, alerts are "
           "kept; make it a file with the token that collectd may read, see BearerTokenFile",
           event->node, text_printable(path, sizeof(path), span_of(event->token_file)),
           has_reason ? "it " : "",
           has_reason ? event->reason : format_error(error, -event->error));
  append_suppressed(dst, suppressed);
  return REPORT_ERROR;
}

static const char *label_or_nothing(const struct alert *alert, const char *name) {
  const char *value = alert_label(alert, name);
  return value != NULL ? value : "";
}

static enum report_level alert_rejected(struct report *report,
                                        const struct delivery_event *event, uint64_t now_ns,
                                        char *dst) {
  char what[REPORT_LINE_SIZE / 2], name[128], host[192];
  uint32_t suppressed;
  if (!backoff_due(&report->rejected, now_ns, &suppressed))
    return REPORT_NOTHING;
  text_printable(name, sizeof(name), span_of(label_or_nothing(event->alert, "alertname")));
  text_printable(host, sizeof(host), span_of(label_or_nothing(event->alert, "instance")));
  snprintf(dst, REPORT_LINE_SIZE,
           "node \"%s\" rejects the alert %s of %s, which is tried again later: it %s",
           event->node, name, host, what_happened(event, what, sizeof(what)));
  append_suppressed(dst, suppressed);
  return REPORT_ERROR;
}

static enum report_level node_delivers(struct report *report,
                                       const struct delivery_event *event, char *dst) {
  bool failed = backoff_reset(&report->failed);
  bool refused = backoff_reset(&report->refused);
  bool had_no_token = backoff_reset(&report->token);
  if (!failed && !refused && !had_no_token)
    return REPORT_NOTHING;
  snprintf(dst, REPORT_LINE_SIZE, "node \"%s\": alerts are delivered again", event->node);
  return REPORT_NOTICE;
}

/* Never reset: a node may have any date, each time another. */
static enum report_level node_has_time(struct report *report,
                                       const struct delivery_event *event, uint64_t now_ns,
                                       char *dst) {
  uint32_t suppressed;
  if (event->ahead_ns <= 0 || !backoff_due(&report->clock, now_ns, &suppressed))
    return REPORT_NOTHING;
  snprintf(dst, REPORT_LINE_SIZE,
           "node \"%s\": this host's clock is %" PRId64 " seconds ahead of the node's; "
           "times of alerts after the node's present are set to it; set the clocks",
           event->node, event->ahead_ns / 1000000000);
  return REPORT_WARNING;
}

enum report_level report_event(struct report *report, const struct delivery_event *event,
                               const char *url, uint64_t now_ns, char *dst) {
  switch (event->kind) {
  case DELIVERY_EVENT_DELIVERED:
    return node_delivers(report, event, dst);
  case DELIVERY_EVENT_REJECTED:
    return alert_rejected(report, event, now_ns, dst);
  case DELIVERY_EVENT_NO_TOKEN:
    return no_token(report, event, now_ns, dst);
  case DELIVERY_EVENT_CLOCK:
    return node_has_time(report, event, now_ns, dst);
  default:
    return node_failed(report, event, url, now_ns, dst);
  }
}
