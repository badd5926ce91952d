/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arm64: interrupts are the virtual GIC's business (arch/arm64/gic), which keeps its own state and books;
 * what is left per vCPU are counts for reports.
 */
#pragma once

#include <stdint.h>

typedef struct {
    uint64_t
        undefined_count;  /* accesses that got "undefined instruction" because Latch does not offer them */
    uint64_t abort_count; /* external aborts raised for addresses with nothing behind them */
} arch_events_t;
