/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every state of a small world that some order of steps leads to, each given out once. The program's loop
 * takes a state, makes each step that is possible there, and hands in what comes of it. A world is plain
 * bytes, all zero before it is filled in.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define INTERLEAVE_STATES (1u << 20) /* slots; half of them may be used */
#define INTERLEAVE_WORLD  32         /* bytes, at most */

struct interleave_state {
    uint8_t bytes[INTERLEAVE_WORLD];
};

static struct {
    struct interleave_state *table; /* open addressing; `used` says which */
    struct interleave_state *stack;
    bool *used;
    size_t size; /* of a world */
    unsigned int depth, count;
} interleave;

/* A state that can come next; nothing happens if it is known. */
static inline void interleave_visit(const void *world)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < interleave.size; i++)
        hash = (hash ^ ((const uint8_t *)world)[i]) * 16777619u;
    for (hash %= INTERLEAVE_STATES; interleave.used[hash]; hash = (hash + 1) % INTERLEAVE_STATES)
        if (memcmp(&interleave.table[hash], world, interleave.size) == 0)
            return;
    interleave.used[hash] = true;
    memcpy(&interleave.table[hash], world, interleave.size);
    memcpy(&interleave.stack[interleave.depth++], world, interleave.size);
    interleave.count++;
    assert_true(interleave.count < INTERLEAVE_STATES / 2);
}

/* Forgets everything; the world begins so. */
static inline void interleave_start(const void *world, size_t size)
{
    assert_true(size <= INTERLEAVE_WORLD);
    memset(interleave.used, 0, INTERLEAVE_STATES);
    interleave.size = size;
    interleave.depth = interleave.count = 0;
    interleave_visit(world);
}

/* The next state whose steps have not been made. False: there is none. */
static inline bool interleave_next(void *world)
{
    if (interleave.depth == 0)
        return false;
    memcpy(world, &interleave.stack[--interleave.depth], interleave.size);
    return true;
}

static inline int interleave_setup(void **state)
{
    (void)state;
    interleave.table = calloc(INTERLEAVE_STATES, sizeof(*interleave.table));
    interleave.stack = calloc(INTERLEAVE_STATES, sizeof(*interleave.stack));
    interleave.used = calloc(INTERLEAVE_STATES, 1);
    return interleave.table == NULL || interleave.stack == NULL || interleave.used == NULL ? -1 : 0;
}

static inline int interleave_teardown(void **state)
{
    (void)state;
    free(interleave.table);
    free(interleave.stack);
    free(interleave.used);
    return 0;
}
