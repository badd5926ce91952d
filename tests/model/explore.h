/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exhaustive exploration of one scenario.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct scenario;
struct world;

struct explored {
    uint64_t states, steps;
    uint64_t drained;  /* states from which a willing guest was followed until nothing waited */
    uint64_t too_deep; /* futures not followed: handlers nested deeper than the scenario allows */
};

/* True if no rule is broken on any path; else the shortest path is printed. */
bool explore(const struct scenario *what, struct explored *result);

/* One line for a human who follows a path. */
void world_print(const struct world *w);
