/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Further CPUs for guest programs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SMP_CPUS     4       /* APIC IDs 0..3, of programs with a fixed number */
#define SMP_CPUS_MAX 8       /* APIC IDs that have a stack */
#define SMP_PAGE     0x9000u /* where they start */

/* Defined by the program: what a further CPU does, each time it is started. IF=0, own stack, IDT loaded. */
void smp_ap_main(void);

/* INIT and SIPI to the CPU with APIC ID 1; true when it has arrived. Called again, it starts over. */
bool smp_start(void);

/* An interrupt command to that CPU: APIC_ICR_NMI or a vector. */
void smp_send(uint32_t icr_low);

/* Puts the code into place that a start-up IPI with page SMP_PAGE runs. */
void smp_prepare(void);

/* The same number as in APIC_ID, in all modes of the APIC. */
unsigned int smp_cpu(void);

/* How often that CPU has arrived. */
unsigned int smp_arrivals(unsigned int cpu);

/* Time that INIT takes by the manuals, and more. */
void smp_init_delay(void);
