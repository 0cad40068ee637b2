/*
 * What libcurl has to be told of a request, and what its errors mean here: the half of
 * http.c that is about options and codes rather than about time and threads.
 */
#ifndef COMMON_HTTP_EASY_H
#define COMMON_HTTP_EASY_H

#include <curl/curl.h>
#include <stdbool.h>

#include "common/http.h"

/*
 * Sets all options of the request but the callbacks. *headers is a list to append to; it
 * must live as long as the handle, and is the caller's also after an error.
 * Returns 0, -ENOMEM or -EINVAL.
 */
int http_easy_set_up(CURL *easy, const struct http_request *request,
                     struct curl_slist **headers);

/* The error of struct http_result for what a transfer ended with. headers_complete: the
 * head of the response came to its end. */
int http_easy_error(CURL *easy, CURLcode code, bool headers_complete);

#endif
