/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A scenario: a short program that brings events about, and what its handlers do. Its trace tells which
 * handler was entered, in which order, at which named place, how deeply nested. No times and no addresses, so
 * that two machines that do the same print the same.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guests/lib/trap.h"

#define VECTOR_LOW  0x40
#define VECTOR_HIGH 0x60
#define VECTOR_END  0x80 /* INT 0x80: a program in another mode is done */

struct scenario {
    const char *name;
    void (*run)(void);
    /* Called inside the handler of any vector but VECTOR_END; `count`: how often this vector came, from 1.
     * May be NULL. Device interrupts are acknowledged afterwards. */
    void (*on_trap)(struct trap_frame *frame, unsigned int count);
    bool quiet; /* many events: handlers leave no lines */
};

extern const struct scenario scenarios_nmi[];
extern const struct scenario scenarios_iret[];
extern const struct scenario scenarios_irq[];
extern const struct scenario scenarios_debug[];
extern const struct scenario scenarios_smp[];  /* need a second CPU */
extern const struct scenario scenarios_quad[]; /* need four */

/* A line of the trace, indented by the present nesting. */
void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The nesting is gone: its CPU starts afresh. */
void trace_restart(void);

/* Events of a vector so far in this scenario. */
unsigned int trace_count(unsigned int vector);

/* Spins with interrupts as they are until `vector` has come `count` times; false after a long time. */
bool wait_for(unsigned int vector, unsigned int count);

/* Long enough for anything that is due to be delivered. */
void wait_a_little(void);

/* Routes the 8254 to an NMI through the IOAPIC and starts it: one NMI after `count` PIT ticks. */
void pit_nmi_start(uint16_t count);
void pit_nmi_stop(void);

/*
 * Runs code in another mode or privilege level until it executes INT 0x80: `entry` is an offset in the
 * segment `cs`. Interrupts are off in there unless it turns them on by `rflags`.
 */
void run_mode(uint64_t cs, uint64_t ss, uint64_t entry, uint64_t rflags);
