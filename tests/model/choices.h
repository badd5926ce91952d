/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All vectors of choices of one step, in order: the step runs once for each, asking whenever the model leaves
 * something open.
 */
#pragma once

#include <stdbool.h>

/* Before the first run of a step. */
void choices_clear(void);

/* Before each run. */
void choices_rewind(void);

/* The next choice of this run: 0..n-1. */
unsigned choices_take(unsigned n);

/* Goes to the next vector; false after the last. */
bool choices_next(void);
