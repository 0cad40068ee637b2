/* The number of elements of an array (not of a pointer). */
#ifndef COMMON_ARRAY_H
#define COMMON_ARRAY_H

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#endif
