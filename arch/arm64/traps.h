/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions taken while Latch itself runs: always our own bug, or the machine's, and they end in a panic.
 * Interrupts never come this way: they stay masked at EL2 and are acknowledged where host_irq.h says.
 */
#pragma once

#include <stdint.h>

/* What trap_entry.S leaves on the stack, lowest address first. */
struct trap_frame {
    uint64_t x[31];
    uint64_t sp;
    uint64_t elr;
    uint64_t spsr;
    uint64_t esr;
    uint64_t far;
};

/* The vectors of EL2, 2 KiB aligned. */
extern const uint8_t trap_vectors[];

/* From trap_entry.S: slot (0..15) of the vector that was taken. */
_Noreturn void trap_handle(const struct trap_frame *frame, uint64_t slot);
