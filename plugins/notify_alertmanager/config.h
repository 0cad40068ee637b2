/*
 * The configuration: the options of <Plugin notify_alertmanager> with their defaults.
 * LoadPlugin notify_alertmanager alone posts to an Alertmanager on this host. Options are read
 * and checked here; what they do is up to the modules that get them.
 */
#ifndef NOTIFY_ALERTMANAGER_CONFIG_H
#define NOTIFY_ALERTMANAGER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "notify_alertmanager/alert_rules.h"

enum {
  CONFIG_NODES_MAX = 32,
  CONFIG_LABELS_MAX = 32, /* Labels and Label together */
  CONFIG_ANNOTATIONS_MAX = 64,
  CONFIG_ALERT_NAMES_MAX = 256,
  CONFIG_PLUGIN_LABELS_MAX = 32,
  CONFIG_HEADERS_MAX = 16, /* of a node */
};

#define CONFIG_DEFAULT_URL "http://127.0.0.1:9093"
#define CONFIG_DEFAULT_PLUGIN_LABEL "sidecar"
#define CONFIG_DEFAULT_STATE_FILE "notify_alertmanager.state"

/* A <Node NAME> block. Strings are owned; NULL where not given. */
struct node_config {
  char *name;
  char *url; /* the one to post to */
  char *user, *password;
  char *token_file;
  char *headers[CONFIG_HEADERS_MAX]; /* lines, "Name: value" */
  size_t headers_len;
  char *ca_file, *client_certificate, *client_key;
  bool verify_peer;
  uint64_t timeout_ns;
};

struct config {
  uint64_t resend_ns;
  uint64_t resolved_retention_ns;
  uint64_t expire_ns;          /* 0: never */
  uint64_t expire_restored_ns; /* 0: never */
  uint64_t queue_limit;
  char *state_file; /* "": none; relative: below BaseDir */
  struct alert_rules rules;
  bool plugin_labels_given; /* otherwise they are the default */
  struct node_config nodes[CONFIG_NODES_MAX];
  size_t nodes_len;
  uint64_t options_seen; /* bit n: option n of the plugin block was given */
};

/* Returns the defaults, or NULL if out of memory. The caller owns it. */
struct config *config_new(void);
void config_free(struct config *config);

struct oconfig_item_s;

/*
 * Reads a <Plugin notify_alertmanager> block; there may be several. Reads PasswordFile and
 * checks that the certificates are readable. Returns 0, or -1 after logging an error with
 * block, option, value and what is allowed.
 */
int config_parse(struct config *config, const struct oconfig_item_s *plugin_block);

/* After all blocks: adds the default node if there is none. Returns 0, or -1 after logging. */
int config_complete(struct config *config);

enum config_block { CONFIG_PLUGIN_BLOCK, CONFIG_NODE_BLOCK, CONFIG_ALERT_NAME_BLOCK };

struct config_option;

/* The options of a kind of block, for documents that list them. Offsets are in struct config,
 * struct config_node and struct alert_name_rule. */
const struct config_option *config_options(enum config_block block, size_t *ret_len);

#endif
