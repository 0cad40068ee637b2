/* Reads the <Node> blocks; see config.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/array.h"
#include "common/buffer.h"
#include "common/cleanup.h"
#include "common/text.h"
#include "notify_alertmanager/config_internal.h"
#include "notify_alertmanager/url.h"

enum { URL_MAX_BYTES = 2048, PASSWORD_MAX_BYTES = 1024, NODE_NAME_MAX = 63 };

static int refuse_because(const struct config_context *context, const char *what, int error) {
  char why[300];
  snprintf(why, sizeof(why), "%s: %s", what, strerror(error));
  return config_refuse(context, why);
}

static int set_url(const struct config_context *context) {
  struct node_config *node = context->target;
  const char *why;
  char text[400];
  if (!config_has_values(context->item, "s"))
    return config_refuse_value(context);

  autobuffer(url, URL_MAX_BYTES);
  int status = url_of_alerts(&url, context->item->values[0].value.string, &why);
  if (status == -EINVAL) {
    snprintf(text, sizeof(text), "%s; allowed is %s", why, context->option->allowed);
    return config_refuse(context, text);
  }
  if (status != 0)
    return refuse_because(context, "cannot be used", -status);
  return config_replace(context, &node->url, buffer_string(&url));
}

static int set_readable_file(const struct config_context *context) {
  if (!config_has_values(context->item, "s"))
    return config_refuse_value(context);
  autoclose(fd, open(context->item->values[0].value.string, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (fd < 0)
    return refuse_because(context, "the file cannot be read", errno);
  return config_set_string(context);
}

/* The file's first line. */
static int set_password_file(const struct config_context *context) {
  struct node_config *node = context->target;
  char text[PASSWORD_MAX_BYTES + 2];
  struct span line;

  if (!config_has_values(context->item, "s"))
    return config_refuse_value(context);
  if (node->password != NULL)
    return config_refuse(context, "Password is given too; keep one of them");
  autoclose(fd, open(context->item->values[0].value.string, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
  if (len < 0)
    return refuse_because(context, "the file cannot be read", errno);

  struct span rest = span_make(text, (size_t)len);
  if (!scan_line(&rest, &line) || line.len == 0 || line.len > PASSWORD_MAX_BYTES ||
      memchr(line.at, '\0', line.len) != NULL)
    return config_refuse(context, "its first line has to be a password of 1 to 1024 bytes");
  text[line.len] = '\0';
  int status = config_replace(context, &node->password, text);
  explicit_bzero(text, sizeof(text));
  return status;
}

static int set_password(const struct config_context *context) {
  const struct node_config *node = context->target;
  if (node->password != NULL)
    return config_refuse(context, "PasswordFile is given too; keep one of them");
  return config_set_string(context);
}

#define IN_NODE(field) offsetof(struct node_config, field)
static const struct config_option node_options[] = {
    {"CACert", set_readable_file, IN_NODE(ca_file), 0, 0, 0,
     "the path of a PEM file, in quotes", false},
    {"ClientCert", set_readable_file, IN_NODE(client_certificate), 0, 0, 0,
     "the path of a PEM file, in quotes", false},
    {"ClientKey", set_readable_file, IN_NODE(client_key), 0, 0, 0,
     "the path of a PEM file, in quotes", false},
    {"Password", set_password, IN_NODE(password), 0, 0, 0, "a password in quotes", false},
    {"PasswordFile", set_password_file, 0, 0, 0, 0, "the path of a file, in quotes", false},
    {"Timeout", config_set_number, IN_NODE(timeout_ns), 0.1, 300, 1e9,
     "a number of seconds from 0.1 to 300", false},
    {"URL", set_url, 0, 0, 0, 0, "http://HOST:PORT or https://HOST:PORT, a path may follow",
     false},
    {"User", config_set_string, IN_NODE(user), 0, 0, 0, "a name in quotes", false},
    {"VerifyPeer", config_set_boolean, IN_NODE(verify_peer), 0, 0, 0, "true or false", false},
};

static bool is_node_name(const char *name) {
  size_t len =
      strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
  return len > 0 && len <= NODE_NAME_MAX && name[len] == '\0';
}

/* What only the whole block can show. */
static int check_node(const struct config_context *context, const struct node_config *node) {
  if (node->url == NULL)
    return config_refuse(context, "the block has no URL");
  if (node->password != NULL && node->user == NULL)
    return config_refuse(context, "the block has a password and no User");
  if (node->client_key != NULL && node->client_certificate == NULL)
    return config_refuse(context, "the block has a ClientKey and no ClientCert");
  return 0;
}

int config_add_node(const struct config_context *context) {
  struct config *config = context->config;
  const char *name = config_block_name(context->item);
  if (!is_node_name(name))
    return config_refuse_value(context);
  for (size_t i = 0; i < config->nodes_len; i++)
    if (strcasecmp(config->nodes[i].name, name) == 0)
      return config_refuse(context, "this name was given before; each Node needs its own");
  if (config->nodes_len == CONFIG_NODES_MAX)
    return config_refuse(context, "too many Node blocks; allowed are 32");

  struct node_config *node = config_new_node(config, name);
  if (node == NULL)
    return config_refuse(context, "out of memory");
  char title[NODE_NAME_MAX + sizeof("<Node \"\">")];
  snprintf(title, sizeof(title), "<Node \"%s\">", name);
  struct config_context inner = *context;
  inner.block = title;
  inner.target = node;
  uint32_t seen = 0;
  if (config_parse_block(&inner, context->item, node_options, ARRAY_LENGTH(node_options),
                         &seen) != 0)
    return -1;
  return check_node(context, node);
}
