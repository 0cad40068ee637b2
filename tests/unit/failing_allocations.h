/*
 * Allocations that fail on command, in our own code only: the linker puts these in the places
 * of the allocator's, and of libcurl's (FAILING_LINK in unit.am).
 */
#ifndef TESTS_UNIT_FAILING_ALLOCATIONS_H
#define TESTS_UNIT_FAILING_ALLOCATIONS_H

#include <stdatomic.h>

/* How many allocations succeed before one fails, whichever thread makes them; negative: none
 * fails. If it is still 0 or more afterwards, there were fewer. */
extern atomic_long allocations_left;

#endif
