/* Checks headers and tokens; see header.h. */
#include "notify_alertmanager/header.h"

#include <strings.h>

#include "common/array.h"

static const char of_transfer[] = "is part of how the post is transferred";

static const struct {
  const char *name, *why;
} reserved[] = {
    {"Connection", of_transfer},
    {"Content-Encoding", of_transfer},
    {"Content-Length", of_transfer},
    {"Content-Type", "is set by the plugin"},
    {"Expect", of_transfer},
    {"Host", "is that of URL"},
    {"Keep-Alive", of_transfer},
    {"Proxy-Connection", of_transfer},
    {"TE", of_transfer},
    {"Trailer", of_transfer},
    {"Transfer-Encoding", of_transfer},
    {"Upgrade", of_transfer},
};

static bool is_token_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         memchr("!#$%&'*+-.^_`|~", c, 15) != NULL;
}

static bool is_control(char c) {
  return (unsigned char)c < 0x20 || c == 0x7F;
}

bool header_is_name(struct span name) {
  for (size_t i = 0; i < name.len; i++)
    if (!is_token_character(name.at[i]))
      return false;
  return name.len > 0 && name.len <= HEADER_NAME_MAX;
}

static const char *value_refusal(struct span value) {
  if (value.len == 0)
    return "has no value";
  if (value.len > HEADER_VALUE_MAX)
    return "has a value of more than 4096 bytes";
  for (size_t i = 0; i < value.len; i++)
    if (is_control(value.at[i]))
      return "has a line break or another control character in its value";
  if (value.at[0] == ' ' || value.at[value.len - 1] == ' ')
    return "has a blank around its value";
  return NULL;
}

const char *header_refusal(struct span name, struct span value) {
  if (!header_is_name(name))
    return "has a name that is none in HTTP: letters, digits and !#$%&'*+-.^_`|~, at most 128";
  for (size_t i = 0; i < ARRAY_LENGTH(reserved); i++)
    if (name.len == strlen(reserved[i].name) &&
        strncasecmp(name.at, reserved[i].name, name.len) == 0)
      return reserved[i].why;
  return value_refusal(value);
}

const char *header_token(struct span text, struct span *ret_token) {
  if (text.len > 0 && text.at[text.len - 1] == '\n') {
    text.len--;
    if (text.len > 0 && text.at[text.len - 1] == '\r')
      text.len--;
  }
  if (text.len == 0)
    return "is empty";
  if (text.len > HEADER_TOKEN_MAX)
    return "has more than 16384 bytes";
  for (size_t i = 0; i < text.len; i++) {
    if (is_control(text.at[i]))
      return "has a second line or a control character";
    if (text.at[i] == ' ' || (unsigned char)text.at[i] > 0x7F)
      return "has a blank or a character that is not ASCII";
  }
  *ret_token = text;
  return NULL;
}
