/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of Latch: what panic() of lib/assert.h is made of, for those who have more to say than one line
 * (host exceptions). Straight to the wire, no locks, any context. The first line begins "latch: PANIC".
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Takes the panic for this CPU; a second CPU, or a second fault inside the panic, stops here for good. */
void panic_begin(void);

/* True once any CPU panics: the others' NMI handlers halt then. */
bool panic_active(void);

/* True once a CPU other than the calling one panics: whoever cannot be stopped from outside stops itself. */
bool panic_elsewhere(void);

/* Where a CPU stood when another one's panic stopped it. */
struct panic_stopped {
    _Atomic bool is_there; /* the rest has been written */
    uintptr_t pc, frame;
};
extern struct panic_stopped panic_stopped[];

/* This CPU stops for another one's panic; `pc` and `frame` for that one's report. */
_Noreturn void panic_stop(uintptr_t pc, uintptr_t frame);

/* The same where the calling function was called. */
#define PANIC_STOP_HERE() \
    panic_stop((uintptr_t)__builtin_return_address(0) - 1, *(const uintptr_t *)__builtin_frame_address(0))

/* One line, prefixed "latch: "; no newline in `format`. */
void panic_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Which CPU and build, and the vCPU this CPU had loaded (core/report_panic.c). */
void panic_context(void);

/* Calls that led to `pc`, by frame pointers from `frame`; stops at the first address off this CPU's stacks
 * (core/report_panic.c). */
void panic_backtrace(uintptr_t pc, uintptr_t frame);

/* The rest of the report, then as panic= says. */
_Noreturn void panic_end(void);
