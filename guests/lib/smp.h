/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A second CPU for guest programs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Defined by the program: what the second CPU does, each time it is started. IF=0, own stack, IDT loaded. */
void smp_ap_main(void);

/* INIT and SIPI to the CPU with APIC ID 1; true when it has arrived. Called again, it starts over. */
bool smp_start(void);

/* An interrupt command to that CPU: APIC_ICR_NMI or a vector. */
void smp_send(uint32_t icr_low);
