/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of Latch: what panic() of lib/assert.h is made of, for those who have more to say than one line
 * (host exceptions). Straight to the wire, no locks, any context. The first line begins "latch: PANIC".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Takes the panic for this CPU; a second CPU, or a second fault inside the panic, stops here for good. */
void panic_begin(void);

/* True once any CPU panics: the others' NMI handlers halt then. */
bool panic_active(void);

/* True once a CPU other than the calling one panics: whoever cannot be stopped from outside stops itself. */
bool panic_elsewhere(void);

/* One line, prefixed "latch: "; no newline in `format`. */
void panic_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The vCPU this CPU had loaded, and how many exits it had made. */
void panic_context(void);

/* Calls that led to `pc`, by frame pointers from `frame`; stops at the first address off this CPU's stacks.
 */
void panic_backtrace(uintptr_t pc, uintptr_t frame);

_Noreturn void panic_end(void);
