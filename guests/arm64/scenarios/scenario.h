/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A scenario: a few steps that bring interrupts about, and what its handler does. The trace has a line for
 * each interrupt acknowledged (with the running priority and the nesting) and what the scenario says of
 * itself; no times and no addresses, so that two machines that do the same print the same.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct scenario {
    const char *name;
    void (*run)(void); /* on CPU 0, interrupts closed at start and end */
    /* Inside the handler, between acknowledge and end; `count`: how often this INTID came, from 1. May be
     * NULL.
     */
    void (*on_irq)(uint32_t intid, unsigned int count);
    void (*on_other_cpu)(void); /* what the second CPU does meanwhile, interrupts closed; NULL: it sleeps */
    bool split_end; /* EOI mode 1: the handler only drops the priority; on_irq or run() deactivates */
};

extern const struct scenario scenarios_basic[];
extern const struct scenario scenarios_active[];
extern const struct scenario scenarios_lines[];
extern const struct scenario scenarios_smp[];
extern const struct scenario scenarios_its[]; /* need an ITS and a second CPU */

/* A line of the trace, indented by CPU 0's nesting. CPU 0 only. */
void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* How often `intid` (also an LPI) has been acknowledged, on either CPU. */
unsigned int count_of(uint32_t intid);

/* Lets interrupts in for a while and waits until `intid` has come `count` times; closes. False after a long
 * time. */
bool wait_for(uint32_t intid, unsigned int count);

/* Lets interrupts in at once and long enough for all that is due. */
void open_a_little(void);

/* Enables INTIDs and gives them priorities: (first, count, priority of the first, step). */
void prepare(uint32_t first, uint32_t count, uint8_t priority, uint8_t step);

/* Sends an SGI to this CPU. */
void send_self(uint32_t sgi);

/* Handshake with the second CPU's on_other_cpu(). */
void other_cpu_done(void);        /* by it: a step is over */
void other_cpu_wait(uint32_t n);  /* by CPU 0: until n steps are over */
void other_cpu_go(uint32_t step); /* by CPU 0 */
void wait_go(uint32_t step);      /* by the other */
