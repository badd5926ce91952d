/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Barriers against speculation across guests and between a guest and Latch, where the CPU needs and offers
 * them; option mitigations=on|off. docs/mitigations.md says what is covered.
 */
#pragma once

#include <stdint.h>

#include "arch/x86/mitigation_flags.h"

/*
 * MITIGATE_*: what a world switch does beside switching; constant after mitigations_init(). 0 on a CPU that
 * needs nothing, and then nothing may be spent on it: back ends choose their entry by it.
 */
extern uint32_t mitigations_entry_flags;

/* Operand of VERW: a selector of a writable data segment. */
extern const uint16_t mitigations_verw_selector;

/* Reads what the CPU needs and offers, decides, prints one line. Boot CPU, before the others start. */
void mitigations_init(void);

/* What is set once for each CPU, on the calling one. */
void mitigations_cpu_enable(void);

/* This CPU goes from one VM to another: barriers between them. */
void mitigations_vm_switch(void);
