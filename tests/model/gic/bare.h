/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A GICv3 on bare metal: what a guest on two CPUs may observe, said as simply as possible. No list registers,
 * no queues: each interrupt is a handful of bits, and the CPU interface looks at all of them each time.
 * Interrupts are numbered 0..irq_count-1 of the scenario.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BARE_CPUS 2
#define BARE_IRQS 4

struct bare_irq {
    bool enabled, group1, edge, line, latch, active;
    bool message; /* LPI: never active */
    uint8_t priority;
    uint8_t target; /* SPI: CPU */
};

struct bare_cpu {
    bool enable[2], split;
    uint8_t mask;
    uint32_t levels; /* bit per priority / 8 with an interrupt not yet ended */
};

struct bare {
    struct bare_irq irqs[BARE_CPUS][BARE_IRQS]; /* shared ones: CPU 0's */
    struct bare_cpu cpus[BARE_CPUS];
    bool groups[2]; /* distributor */
};

/* Which of the scenario's interrupts are shared. */
extern bool bare_shared[BARE_IRQS];
extern unsigned bare_irq_count;

struct bare_irq *bare_find(struct bare *b, unsigned cpu, unsigned k);
bool bare_is_pending(const struct bare_irq *irq);
/* Priority of what the CPU is signalled, and whether `k` may be it. */
bool bare_signals(struct bare *b, unsigned cpu);
bool bare_may_acknowledge(struct bare *b, unsigned cpu, unsigned k);
void bare_acknowledge(struct bare *b, unsigned cpu, unsigned k);
/* EOI: false if there is nothing to end. */
void bare_end(struct bare *b, unsigned cpu, unsigned k);
void bare_deactivate(struct bare *b, unsigned cpu, unsigned k);
