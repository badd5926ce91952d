/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Option selftest=nmis: the machine's second CPU sends NMIs to the boot CPU at irregular times, without
 * end. Whatever the boot CPU does then (a guest, the way in or out, Latch itself), nobody must notice
 * more than the policy of hostnmi= says.
 */
#pragma once

#include <stdint.h>

struct cpu;

/* Once, by the CPU that is to send, from its loop. No effect on the boot CPU or without the option. */
void nmi_storm_start(struct cpu *cpu);
