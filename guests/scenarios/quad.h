/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Four CPUs: CPU 0 acts, the others take what comes. Their handlers only count; the trace, written by CPU 0,
 * says for each step how often each CPU took a vector. Nothing is waited for by time: a step is over when
 * every CPU has taken an interrupt of the lowest priority that was sent after everything else.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guests/lib/smp.h"
#include "guests/scenarios/scenario.h"

#define QUAD_NMI    2
#define QUAD_VECTOR 0x51

enum quad_job {
    QUAD_SPIN, /* interrupts on */
    QUAD_HALT, /* interrupts on */
    QUAD_DEAF, /* spins with interrupts off */
    QUAD_CALL, /* quad_on() */
};

/* All three others by one INIT and one start-up message, with these jobs; logical IDs are 1 << CPU, flat. */
void quad_start(enum quad_job one, enum quad_job two, enum quad_job three);
void quad_set_job(unsigned int cpu, enum quad_job job);

/* What a CPU runs in the scenario, from smp_ap_main(). */
_Noreturn void quad_main(void);
extern volatile bool quad_active;

/* Runs `call` on that CPU (not a deaf one) and waits for its end. */
void quad_on(unsigned int cpu, void (*call)(unsigned int cpu));

/* Interrupt command, to APIC ID or logical destination `dest`. */
void quad_send(uint32_t dest, uint32_t low);

/* Waits until all but deaf CPUs have taken what was sent to them. */
void quad_settle(void);

/* Settles, prints the counts of the vector, and sets them to 0. */
void quad_report(const char *what, unsigned int vector);
void quad_wait(unsigned int cpu, unsigned int vector, unsigned int count);
unsigned int quad_count(unsigned int cpu, unsigned int vector);
void quad_forget(void);

/* The handler of all these scenarios; `quad_hook` (may be NULL) is called in it, before EOI. */
void quad_trap(struct trap_frame *frame, unsigned int count);
extern void (*volatile quad_hook)(unsigned int cpu, unsigned int vector);

/* x2APIC mode from here on, on the CPU that calls. */
void quad_x2apic(unsigned int cpu);

/* The scenarios, by file. */
void quad_interrupts(void);
void quad_clusters(void);
void quad_lowest(void);
void quad_ioapic(void);
void quad_level(void);
void quad_x2apic_mode(void);
